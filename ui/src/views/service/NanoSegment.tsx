import { Fragment, useState } from "react";
import type { JudgedEdge, ServiceDetail } from "../../api/types";
import { useNow } from "../../app/now";
import { useMay } from "../../app/session";
import { serviceHash } from "../../app/url";
import { ButtonWithKey } from "../../look/ButtonWithKey";
import { VerdictChip } from "../../look/Chips";
import { VerdictGlyph } from "../../look/Glyphs";
import { Sides } from "../../look/Sides";
import { bytes, count, plural, rate } from "../../text/numbers";
import { edgeSentence, times } from "../../text/sentences";
import { ago, full } from "../../text/times";
import { applicationAndPort, peerPlace, peerShort, portText, spoken } from "../../text/words";
import { AllowDialog } from "../policy/AllowDialog";

const ORDER = { denied: 0, "would-deny": 1, allowed: 2 };
const SHOWN = 50;

/** What comes in and what goes out, with what is known of it. */
export function NanoSegment({ service }: { service: ServiceDetail }) {
  const [allow, setAllow] = useState<JudgedEdge>();
  const may = useMay("operator");
  const all = [...service.ingress, ...service.egress];
  const outside = all.filter((edge) => edge.verdict !== "allowed");
  const peers = new Set(all.map((edge) => JSON.stringify(service.ingress.includes(edge) ? edge.client : edge.server)));
  return (
    <section className="card">
      <header><h3>Nano-segment</h3><span className="t2 grow">{plural(all.length, "edge")} with {plural(peers.size, "peer")}{outside.length > 0 && `; ${plural(outside.length, "edge")} outside of it`}</span></header>
      <div className="table-wrap">
        <table className="nano">
          <thead><tr><th>Peer</th><th>Application, port</th><th>Verdict</th><th className="right">Connections</th><th className="right">Packets/s</th><th className="right">Bytes</th><th>Process</th><th className="right">Last seen</th></tr></thead>
          <tbody>
            <Group title="In" edges={service.ingress} way="in" />
            <Group title="Out" edges={service.egress} way="out" />
          </tbody>
        </table>
      </div>
      {outside.filter((edge) => edge.verdict === "would-deny" || edge.denied > 0).slice(0, 3).map((edge) => (
        <div key={edge.id} className={`callout ${edge.verdict}`}>
          <span className={`${edge.verdict}-text`}><VerdictGlyph verdict={edge.verdict} size={18} /></span>
          <p className="grow"><b>Without a rule: {peerShort(edge.client)} → {peerShort(edge.server)} {edge.protocol} {portText(edge.protocol, edge.port)}.</b><br />
            <span className="t2">{edge.verdict === "denied" ? `Denied ${times(edge.denied)}` : `Would be denied, ${times(edge.would_deny)} so far`}, first {full(edge.first_seen)}.{edge.processes[0] !== undefined && <> By <span className="mono">{edge.processes[0].command_line || edge.processes[0].executable}</span>.</>} {edge.flagged}</span></p>
          {may && <ButtonWithKey label="Allow this…" onClick={() => setAllow(edge)} />}
        </div>
      ))}
      {allow !== undefined && <AllowDialog edge={allow} close={() => setAllow(undefined)} />}
    </section>
  );
}

function Group({ title, edges, way }: { title: string; edges: readonly JudgedEdge[]; way: "in" | "out" }) {
  const [all, setAll] = useState(false);
  const sorted = [...edges].sort((a, b) => ORDER[a.verdict] - ORDER[b.verdict] || b.rate - a.rate || b.connections - a.connections);
  return (
    <>
      <tr className="group"><td colSpan={8}>{title}, {plural(edges.length, "edge")}{edges.length === 0 && (way === "in" ? ": nobody connects to it" : ": it connects to nobody")}</td></tr>
      {(all ? sorted : sorted.slice(0, SHOWN)).map((edge) => <Line key={edge.id} edge={edge} way={way} />)}
      {!all && edges.length > SHOWN && <tr><td colSpan={8}><button type="button" className="link" onClick={() => setAll(true)}>Show {plural(edges.length - SHOWN, "more edge")}</button></td></tr>}
    </>
  );
}

function Line({ edge, way }: { edge: JudgedEdge; way: "in" | "out" }) {
  const [open, setOpen] = useState(false);
  const now = useNow();
  const peer = way === "in" ? edge.client : edge.server;
  const held = edge.verdict === "denied" ? edge.denied : edge.verdict === "would-deny" ? edge.would_deny : edge.connections;
  const process = edge.processes[0];
  return (
    <Fragment>
      <tr className="edge-row" onClick={() => setOpen(!open)}>
        <td><button type="button" aria-expanded={open} aria-label={edgeSentence(edge)} className="disclose">{open ? "▾" : "▸"}</button> {peer.kind === "service" ? <a href={serviceHash(peer.name)} onClick={(event) => event.stopPropagation()}><b className="t1">{peerShort(peer)}</b></a> : <b>{peerShort(peer)}</b>} <span className="t3">{peerPlace(peer)}</span></td>
        <td>{edge.verdict === "allowed" ? spoken(edge) : edge.protocol} <span className="mono t2">{portText(edge.protocol, edge.port)}{edge.protocol === "udp" && edge.application !== "unknown" ? " udp" : ""}</span></td>
        <td><VerdictChip verdict={edge.verdict} /></td>
        <td className="right">{count(held)}</td>
        <td className="right t2">{rate(edge.rate).replace("/s", "") || <span className="t3">quiet</span>}</td>
        <td className="right t2">{edge.connections > 0 ? bytes(edge.bytes_to_client + edge.bytes_to_server) : ""}</td>
        <td className="mono t2 process" title={process?.command_line}>{process?.executable.split("/").pop() ?? ""}</td>
        <td className="right t2">{ago(edge.last_seen, now)}</td>
      </tr>
      {open && (
        <tr className="edge-more"><td colSpan={8}>
          <div className="edge-detail">
            <Sides egress={edge.egress} ingress={edge.ingress} />
            <dl className="facts small">
              <dt>edge</dt><dd>{applicationAndPort(edge)}, {edge.protocol}</dd>
              <dt>first seen</dt><dd>{full(edge.first_seen)}</dd>
              <dt>out</dt><dd>{bytes(edge.bytes_to_server)} in {plural(edge.packets_to_server, "packet")}</dd>
              <dt>back</dt><dd>{bytes(edge.bytes_to_client)} in {plural(edge.packets_to_client, "packet")}</dd>
              {edge.rtt_min_us > 0 && <><dt>round trip</dt><dd>{edge.rtt_min_us >= 1000 ? `${(edge.rtt_min_us / 1000).toFixed(1)} ms` : `${edge.rtt_min_us} µs`} at least</dd></>}
              {edge.names.length > 0 && <><dt>names</dt><dd className="mono">{edge.names.join(", ")}</dd></>}
              {edge.processes.map((each) => <Fragment key={`${each.pid}${each.command_line}`}><dt>process</dt><dd className="mono">{each.command_line || each.executable} <span className="t3">pid {each.pid}, uid {each.uid}</span></dd></Fragment>)}
            </dl>
          </div>
        </td></tr>
      )}
    </Fragment>
  );
}
