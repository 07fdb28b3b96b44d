import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { edge as edgeQuery, reach } from "../../../api/queries";
import { edgeId, type MapEdge } from "../../../live/graph";
import type { JudgedEdge } from "../../../api/types";
import { useKeys } from "../../../app/keys";
import { useNow } from "../../../app/now";
import { go } from "../../../app/router";
import { useMay } from "../../../app/session";
import { toHash } from "../../../app/url";
import { ButtonWithKey } from "../../../look/ButtonWithKey";
import { VerdictChip } from "../../../look/Chips";
import { bytes, count, plural, rate } from "../../../text/numbers";
import { ago, full } from "../../../text/times";
import { applicationAndPort, peerName, peerShort, portText } from "../../../text/words";
import { edgeSentence } from "../../../text/sentences";
import { AllowDialog } from "../../policy/AllowDialog";
import type { SceneLink } from "../model/scene";
import { select } from "../useMapState";
import { PanelHead } from "./parts";
import { Sides } from "../../../look/Sides";
import { Skeleton } from "../../../look/States";

export function EdgePanel({ link }: { link: SceneLink }) {
  const [index, setIndex] = useState(0);
  const edge = link.edges[Math.min(index, link.edges.length - 1)];
  const now = useNow();
  const may = useMay("operator");
  const [allowing, setAllowing] = useState(false);
  const strong = link.verdict !== "allowed";
  const eventsHash = edge?.client.kind === "service" ? toHash(["events"], { service: edge.client.name }) : toHash(["events"]);
  const way = useQuery({ ...reach(edge === undefined ? "" : peerName(edge.client), edge === undefined ? "" : peerName(edge.server)), enabled: edge !== undefined && link.verdict === "denied" });
  // The map's own edges carry numbers alone; rules, processes and names are asked for when somebody looks.
  const detail = useQuery({ ...edgeQuery(edge), enabled: edge !== undefined }).data;
  useKeys({
    a: strong && may ? () => setAllowing(true) : undefined,
    e: strong ? () => go(eventsHash) : undefined,
    ArrowLeft: edge === undefined ? undefined : () => select({ focus: link.from }),
    ArrowRight: edge === undefined ? undefined : () => select({ focus: link.to }),
  });
  if (edge === undefined) return null;
  return (
    <>
      <PanelHead title={`${shortEnd(link.from, edge, "client")} → ${shortEnd(link.to, edge, "server")}`} detail={link.edges.length === 1 ? applicationAndPort(edge) : plural(link.edges.length, "edge")}
        aside={<VerdictChip verdict={link.verdict} />} />
      {link.edges.length > 1 && (
        <ul className="edge-choice" role="listbox" aria-label="Edges of this line">
          {link.edges.slice(0, 40).map((each, i) => (
            <li key={edgeId(each)} role="option" aria-selected={each === edge}>
              <button type="button" onClick={() => setIndex(i)} aria-label={edgeSentence(each, link.verdict)}>
                <span className="ellipsis grow">{peerShort(each.client)} → {peerShort(each.server)} <span className="t3">{applicationAndPort(each)}</span></span>
                <span className="num">{strong ? count(link.verdict === "denied" ? each.denied : each.would_deny) : rate(each.rate)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <div className="panel-actions">
        <p className="t2">{sentence(edge, link.verdict === edge.verdict, now)}</p>
        {strong && (
          <div className="row wrap">
            <ButtonWithKey label="Open events" hint="E" variant="filled" href={eventsHash} />
            {may && <ButtonWithKey label="Allow this…" hint="A" onClick={() => setAllowing(true)} />}
          </div>
        )}
      </div>
      <section className="section">
        <h3 className="section-title">Decision</h3>
        {detail === undefined ? <Skeleton lines={2} /> : detail === null ? <p className="t3 small">It is no longer in the store.</p> : <Sides egress={detail.egress} ingress={detail.ingress} />}
        {typeof detail?.flagged === "string" && <p className="small t2">{detail.flagged}</p>}
      </section>
      <section className="section">
        <h3 className="section-title">Evidence</h3>
        <dl className="facts">
          <dt>first seen</dt><dd>{full(edge.first_seen)}</dd>
          <dt>last seen</dt><dd>{ago(edge.last_seen, now)}</dd>
          <dt>connections</dt><dd>{count(edge.connections)}{edge.denied > 0 && <>, <span className="denied-text">{count(edge.denied)} denied</span></>}{edge.would_deny > 0 && <>, <span className="would-text">{count(edge.would_deny)} would be denied</span></>}</dd>
          {detail !== undefined && detail !== null && <Counters edge={detail} />}
        </dl>
      </section>
      {way.data !== undefined && way.data.reachable && way.data.path.length > 0 && (
        <section className="section">
          <h3 className="section-title">The way that is allowed <span>{plural(way.data.path.length, "hop")}</span></h3>
          <ul>
            {way.data.path.map((hop) => (
              <li key={peerName(hop.to)} className="row edge-line-static"><span>{peerShort(hop.from)} → {peerShort(hop.to)}</span> <span className="t3 small grow">{hop.protocol} {portText(hop.protocol, hop.port)}</span><span className="t3 small">{hop.seen ? "seen" : "never seen"}</span></li>
            ))}
          </ul>
          <p className="t2 small">{way.data.sentence}</p>
        </section>
      )}
      {allowing && <AllowDialog edge={edge} close={() => setAllowing(false)} />}
    </>
  );
}

function Counters({ edge }: { edge: JudgedEdge }) {
  return (
    <>
      <dt>to the server</dt><dd>{bytes(edge.bytes_to_server)} in {plural(edge.packets_to_server, "packet")}</dd>
      <dt>to the client</dt><dd>{bytes(edge.bytes_to_client)} in {plural(edge.packets_to_client, "packet")}</dd>
      {edge.rtt_min_us > 0 && <><dt>round trip</dt><dd>{edge.rtt_min_us >= 1000 ? `${(edge.rtt_min_us / 1000).toFixed(1)} ms` : `${edge.rtt_min_us} µs`} at least</dd></>}
      {edge.names.length > 0 && <><dt>names</dt><dd className="mono">{edge.names.slice(0, 6).join(", ")}</dd></>}
      {edge.processes.length > 0 && <><dt>process</dt><dd className="mono">{edge.processes.slice(0, 3).map((process) => process.command_line || process.executable).join(", ")}</dd></>}
    </>
  );
}

function shortEnd(key: string, edge: MapEdge, end: "client" | "server"): string {
  return key.startsWith("zone:") || key.startsWith("rest:") ? key.slice(5) : peerShort(edge[end]);
}

function sentence(edge: MapEdge, asJudged: boolean, now: number): string {
  const who = `${peerShort(edge.client)} → ${peerShort(edge.server)}`;
  if (!asJudged) return `${who} passes now, and would no longer.`;
  if (edge.verdict === "denied") return `${edge.denied > 0 ? `Denied ${plural(edge.denied, "time")}` : "Denied"}, last ${ago(edge.last_seen, now)}. ${edge.connections > 0 ? `${plural(edge.connections, "connection")} passed before.` : "It never passed."}`;
  if (edge.verdict === "would-deny") return `It passes, because the side that would deny it is in Monitor: ${plural(edge.would_deny, "connection")} so far, last ${ago(edge.last_seen, now)}.`;
  return `${plural(edge.connections, "connection")} since ${full(edge.first_seen)}${edge.rate > 0 ? `, ${rate(edge.rate)} packets now` : ""}.`;
}
