import type { UseQueryResult } from "@tanstack/react-query";
import type { Status } from "../api/types";
import { useGraph } from "../live/useGraph";
import { IconPlugConnectedX } from "../look/icons";
import { count, plural } from "../text/numbers";
import { shortClock, span } from "../text/times";
import { useNow } from "./now";

/** Each with a capital and a full stop, however the server wrote it. */
const sentences = (...all: string[]): string => all.filter((each) => each !== "").map((each) => `${each.charAt(0).toUpperCase()}${each.slice(1).replace(/\.$/, "")}.`).join(" ");

/** What is old or wrong, and first whether enforcement goes on. */
export function StaleBar({ status }: { status: UseQueryResult<Status> }) {
  const { liveness } = useGraph();
  const now = useNow();
  const { data } = status;
  const lines: string[] = [];
  if (status.isError || (liveness === "lost" && data !== undefined && now - data.time > 7000)) {
    lines.push(`The controller does not answer since ${shortClock(data?.time ?? now)}. Enforcement goes on in the kernel${data === undefined ? "" : ` with policy revision ${count(data.enforced_revision)}`}; what you see is as old.`);
  } else if (data !== undefined) {
    for (const node of data.nodes) {
      if (now - node.last_report > 30_000) lines.push(`${node.name} is silent for ${span(now - node.last_report)}. Enforcement goes on in its kernel with policy revision ${count(node.health.revision)}; what you see of it is as old.`);
    }
    for (const each of data.degraded) lines.push(sentences(each.what, each.remedy));
    if (data.learn_scale !== 1) lines.push(`Learning runs ${count(data.learn_scale)} times as fast as the clock: a demonstration, its figures of learning do not hold.`);
    if (data.lost_events > 0) lines.push(`${plural(data.lost_events, "event")} lost since start; confidence of learning is lowered for that time.`);
  }
  if (lines.length === 0) return null;
  return (
    <div className="stale" role="status">
      <IconPlugConnectedX size={15} aria-hidden="true" />
      <span className="grow">{lines[0]}{lines.length > 1 && <span className="t3"> and {plural(lines.length - 1, "more notice")}: <a href="#/settings">health</a></span>}</span>
    </div>
  );
}
