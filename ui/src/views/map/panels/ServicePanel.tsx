import { useQuery } from "@tanstack/react-query";
import { service as serviceQuery } from "../../../api/queries";
import type { BlastRadius, GraphNode } from "../../../api/types";
import { useKeys } from "../../../app/keys";
import { useNow } from "../../../app/now";
import { go } from "../../../app/router";
import { useMay } from "../../../app/session";
import { serviceHash, toHash } from "../../../app/url";
import { edgeId, type LiveGraph, type MapEdge } from "../../../live/graph";
import { ButtonWithKey } from "../../../look/ButtonWithKey";
import { ModeChip } from "../../../look/Chips";
import { Ring } from "../../../look/Ring";
import { bound, count, plural, rate } from "../../../text/numbers";
import { briefly } from "../../../text/times";
import { namespaceOf, peerName, shortName } from "../../../text/words";
import { useQuarantine } from "../../service/useQuarantine";
import { EdgeLine, PanelHead } from "./parts";

export function ServicePanel({ node, graph, blast }: { node: GraphNode; graph: LiveGraph; blast: BlastRadius | undefined }) {
  const name = peerName(node.peer);
  const { data } = useQuery(serviceQuery(name));
  const now = useNow();
  const may = useMay("operator");
  const quarantine = useQuarantine(name, node.mode ?? "learn");
  const edges: MapEdge[] = [];
  for (const edge of graph.edges.values()) if (edge.from === name || edge.to === name) edges.push(edge);
  const strong = edges.filter((edge) => edge.verdict !== "allowed").sort((a, b) => b.last_seen - a.last_seen);
  const quiet = edges.filter((edge) => edge.verdict === "allowed").sort((a, b) => Number(a.from === name) - Number(b.from === name) || b.rate - a.rate);
  const hasEvents = node.denied > 0 || node.would_deny > 0;
  const eventsHash = toHash(["events"], { service: name });
  useKeys({ s: () => go(serviceHash(name)), q: may ? quarantine.ask : undefined, e: hasEvents ? () => go(eventsHash) : undefined });

  return (
    <>
      <PanelHead icon={<Ring bound={node.upper_hour ?? null} mode={node.mode ?? "learn"} size={36} />} title={shortName(name)}
        detail={`${namespaceOf(name)}, ${plural(node.workloads, "workload")}`} aside={<ModeChip mode={node.mode ?? "learn"} />} />
      <div className="panel-actions">
        {data !== undefined && <p className="t2">{data.learning.sentence}</p>}
        <div className="row wrap">
          {hasEvents && <ButtonWithKey label="Open events" hint="E" variant="filled" href={eventsHash} />}
          <ButtonWithKey label="Service" hint="S" href={serviceHash(name)} />
          {may && <ButtonWithKey label={quarantine.label} hint="Q" onClick={quarantine.ask} />}
        </div>
      </div>
      {strong.length > 0 && (
        <section className="section">
          <h3 className="section-title">Outside of a nano-segment <span>{plural(strong.length, "edge")}</span></h3>
          <ul>
            {strong.slice(0, 8).map((edge) => (
              <EdgeLine key={edgeId(edge)} edge={edge} from={name} value={<><span className="t3 small">{briefly(edge.last_seen, now)}</span> <b>{count(edge.verdict === "denied" ? edge.denied : edge.would_deny)}</b></>} />
            ))}
          </ul>
        </section>
      )}
      <section className="section">
        <h3 className="section-title">Nano-segment <span>{plural(quiet.length, "edge")}, packets</span></h3>
        <ul>{quiet.slice(0, 12).map((edge) => <EdgeLine key={edgeId(edge)} edge={edge} from={name} value={rate(edge.rate) || <span className="t3">quiet</span>} />)}</ul>
        {quiet.length > 12 && <a href={serviceHash(name)} className="small">{count(quiet.length - 12)} more on its page</a>}
        {quiet.length === 0 && <p className="t3">Nothing has been seen that is allowed.</p>}
      </section>
      <section className="section">
        <h3 className="section-title">Completeness</h3>
        <div className="row">
          <span className="big-number">{bound(node.upper_hour, node.open_ended)}</span>
          <span className="t2 small">upper 95 % bound on a new edge in the next hour{data !== undefined && `; ${plural(data.learning.edges, "edge")} in ${count(Math.floor(data.learning.observed_hours))} h observed`}</span>
        </div>
      </section>
      {blast !== undefined && (
        <section className="section">
          <h3 className="section-title">Blast radius <span>{plural(blast.now.count.services, "service")} now</span></h3>
          <p className="t2 small">{blast.sentence}</p>
        </section>
      )}
      {data !== undefined && data.instances.length > 0 && (
        <section className="section">
          <h3 className="section-title">Workloads <span>{count(data.instances.length)}</span></h3>
          <ul>
            {data.instances.slice(0, 8).map((workload) => (
              <li key={workload.id} className="row workload-line">
                <code className="ellipsis grow">{workload.name}</code>
                <span className="t3 small mono">{workload.interfaces[0]?.addresses[0] ?? ""}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {quarantine.dialog}
    </>
  );
}
