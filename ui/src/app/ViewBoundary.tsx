import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { IconAlertTriangle } from "../look/icons";
import { Headline } from "./Headline";
import { whyItFailed } from "./whyItFailed";

interface Props {
  /** What failed, as people call it. */
  name: string;
  /** Where the reader is: elsewhere it is tried again. */
  at: string;
  /** What is shown in its place where that needs no words: the bar above the views without its numbers. */
  instead?: ReactNode;
  children: ReactNode;
}

/** One view that fails says so in its own place: the way to the others stays, and enforcement never depended on it. */
export class ViewBoundary extends Component<Props, { error?: unknown }> {
  override state: { error?: unknown } = {};

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override componentDidUpdate(before: Props): void {
    if (before.at !== this.props.at && this.state.error !== undefined) this.setState({ error: undefined });
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    if (this.props.instead !== undefined) return this.props.instead;
    const { title, remedy, detail, reload } = whyItFailed(error, this.props.name);
    return (
      <>
        <Headline icon={<IconAlertTriangle size={18} stroke={1.8} />}>{title}</Headline>
        <main className="page">
          <div className="failure" role="alert">
            <p>Enforcement goes on in the kernel, and the other views still work. {remedy}</p>
            <pre className="failure-detail small mono">{detail}</pre>
            <div className="row">
              {!reload && <Button variant="filled" onClick={() => this.setState({ error: undefined })}>Try again</Button>}
              <Button variant={reload ? "filled" : "default"} onClick={() => location.reload()}>Load the console again</Button>
              <Button variant="default" component="a" href="#/map">Go to the map</Button>
            </div>
          </div>
        </main>
      </>
    );
  }
}
