import { useQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import * as queries from "../../api/queries";
import type { Denial, Event, Peer } from "../../api/types";
import { useKeys } from "../../app/keys";
import { go } from "../../app/router";
import { useMay } from "../../app/session";
import { serviceHash, toHash } from "../../app/url";
import { ButtonWithKey } from "../../look/ButtonWithKey";
import { SeverityWord } from "../../look/Chips";
import { Ring } from "../../look/Ring";
import { plural } from "../../text/numbers";
import { times } from "../../text/sentences";
import { clock, full } from "../../text/times";
import { modeWord, peerKey, peerPlace, peerShort, portText } from "../../text/words";
import { AllowDialog } from "../policy/AllowDialog";
import { useQuarantine } from "../service/useQuarantine";
import { decodePacket, hexLines } from "./hex";
import { pcapOf, save } from "./pcap";
import { serviceOf } from "./reduce";
import { Unfolded } from "./Unfolded";

type DenialEvent = Extract<Event, { type: "denied" | "would-deny" }>;
const isDenial = (event: Event): event is DenialEvent => event.type === "denied" || event.type === "would-deny";

/** What can be done about it; a viewer sees where to look alone. */
export function EventActions({ event }: { event: Event }) {
  const [allow, setAllow] = useState(false);
  const may = useMay("operator");
  const service = serviceOf(event);
  const found = useQuery({ ...queries.services, enabled: service !== undefined });
  const mode = found.data?.items.find((each) => each.name === service)?.mode;
  const quarantine = useQuarantine(service ?? "none/none", mode ?? "learn");
  const denial = isDenial(event);
  const harm = denial || event.type === "scan" || event.type === "spoof";
  const map = service === undefined ? undefined : toHash(["map"], { focus: service });
  useKeys({ a: denial && may ? () => setAllow(true) : undefined, q: harm && may && mode !== undefined ? quarantine.ask : undefined, m: map === undefined ? undefined : () => go(map) });
  return (
    <>
      {map !== undefined && <ButtonWithKey label="Show on map" hint="M" href={map} />}
      {denial && may && <ButtonWithKey label="Allow this…" hint="A" onClick={() => setAllow(true)} />}
      {harm && may && mode !== undefined && <ButtonWithKey label={quarantine.label} hint="Q" variant="filled" onClick={quarantine.ask} />}
      {allow && denial && <AllowDialog edge={event.edge} documents={event.allow_with ?? null} close={() => setAllow(false)} />}
      {quarantine.dialog}
    </>
  );
}

export function EventDetail({ event, events }: { event: Event; events: readonly Event[] }) {
  return (
    <>
      {isDenial(event) ? <DenialDetail event={event} events={events} /> : <><Plain event={event} /><Unfolded event={event} events={events} /></>}
    </>
  );
}

function Plain({ event }: { event: Event }) {
  const service = serviceOf(event);
  const facts: [string, React.ReactNode][] = [["when", full(event.time)], ["severity", <SeverityWord key="s" severity={event.severity} />]];
  if (service !== undefined) facts.push(["service", <a key="a" href={serviceHash(service)}>{service}</a>]);
  switch (event.type) {
    case "mode-changed": facts.push(["from", modeWord(event.from)], ["to", modeWord(event.to)], ["by", event.actor], ["evidence", event.evidence]); break;
    case "policy-changed": facts.push(["revision", <a key="r" href={toHash(["policies"], { tab: "history", revision: event.revision })}>{event.revision}</a>], ["by", event.actor], ["what", event.summary]); break;
    case "trial": facts.push(["by", event.actor], ["would deny", `${plural(event.would_deny, "connection")}, ${event.expected} of them expected`], ["would allow", `${plural(event.would_allow, "connection")} that were denied`]); break;
    case "proposal": facts.push(["by", event.actor], ["what", event.summary]); break;
    case "learning": facts.push(["evidence", event.sentence]); break;
    case "scan": facts.push(["client", peerShort(event.client)], ["tried", `${plural(event.peers, "peer")} on ${plural(event.ports, "port")}, ${event.denied} denied`]); break;
    case "spoof": facts.push(["addresses", <span key="t" className="mono">{event.tuple.client_address} → {event.tuple.server_address}</span>]); break;
    case "new-edge": facts.push(["connection", <Tuple key="t" denial={event} />]); break;
    case "workload-started":
    case "workload-stopped": facts.push(["workload", <span key="w" className="mono">{event.name} {event.workload.slice(0, 12)}</span>]); break;
    case "degraded": facts.push(["what", event.what], ["remedy", event.remedy]); break;
    case "recovered": facts.push(["what", event.what]); break;
    case "lost": facts.push(["what", event.what], ["how many", String(event.count)]); break;
  }
  const process = "process" in event ? event.process : undefined;
  return (
    <>
      <section className="card"><header><h3>What happened</h3></header><dl className="body facts">{facts.map(([name, value]) => <div key={name} className="contents"><dt>{name}</dt><dd>{value}</dd></div>)}</dl></section>
      {process !== null && process !== undefined && <ProcessCard process={process} />}
    </>
  );
}

function Tuple({ denial }: { denial: { tuple: Denial["tuple"] } }) {
  const { tuple } = denial;
  const port = (n: number): string => (n === 0 ? "" : `:${n}`);
  return <span className="mono">{tuple.client_address}{port(tuple.client_port)} → {tuple.server_address}{port(tuple.server_port)}</span>;
}

function DenialDetail({ event, events }: { event: DenialEvent; events: readonly Event[] }) {
  const explain = useQuery({ ...queries.effective(event.service), enabled: event.rule !== 0 });
  const rule = explain.data === undefined ? undefined : [...explain.data.egress, ...explain.data.ingress].find((each) => each.reference === event.rule);
  const packet = event.packet ?? [];
  const verdict = event.type;
  return (
    <>
      <section className={`card flow-card ${verdict}`}>
        <End peer={event.edge.client} lines={[event.direction === "egress" ? event.workload_name : null, `${event.tuple.client_address}${event.tuple.client_port > 0 ? `:${event.tuple.client_port}` : ""}`]} />
        <div className="flow-line">
          <svg width="100%" height="28" viewBox="0 0 360 28" preserveAspectRatio="none" aria-hidden="true" className={`wire ${verdict}`}>
            {verdict === "denied" ? <><path d="M0 14H150" className="stub" /><path d="M154 14H350" className="dots" /><path d="M151 3V25" className="bar" /></> : <><path d="M0 14H352" className="wire-line" /><rect x="148" y="4" width="5" height="20" rx="1.5" className="gate" /></>}
          </svg>
          <b className={`${verdict}-text`}>{verdict === "denied" ? `denied ${times(event.count)}` : `would be denied, ${times(event.count)} so far`}, {clock(event.time)}{event.last > event.time ? ` to ${clock(event.last)}` : ""}</b>
          <span className="small t2">{event.edge.protocol} {portText(event.edge.protocol, event.edge.port)}, {reasonText(event)}</span>
        </div>
        <End peer={event.edge.server} lines={[event.direction === "ingress" ? event.workload_name : null, `${event.tuple.server_address}${event.tuple.server_port > 0 ? `:${event.tuple.server_port}` : ""}`]} />
      </section>
      <Unfolded event={event} events={events} />
      <div className="event-cards">
        {event.process === null || event.process === undefined ? (
          <section className="card"><header><h3>Process</h3></header><p className="body t2">{event.direction === "ingress" ? "The client is not a workload of this host; its process is not known." : "The process had ended before it could be read."}</p></section>
        ) : <ProcessCard process={event.process} workload={event.workload_name} />}
        <section className="card">
          <header><h3 className="grow">{event.rule === 0 ? "Rule that would be needed" : "Rule that decided"}</h3><span className="t3 small">{event.service}, {event.direction}</span></header>
          <div className="body">
            {event.rule !== 0 && <p>{rule === undefined ? (event.rule_name ?? `rule ${event.rule}`) : <><b>{rule.text}</b><br /><a href={`#/policies/${rule.policy}`}>{rule.policy}</a> <span className="t3">{rule.origin}, {rule.direction}[{rule.position}]</span></>}</p>}
            {event.allow_with !== null && event.allow_with !== undefined && <pre className="mono-box" tabIndex={0}>{event.allow_with.trimEnd()}</pre>}
          </div>
        </section>
      </div>
      {packet.length > 0 && (
        <section className="card">
          <header><h3>First packet</h3><span className="t2 grow">{plural(packet.length, "byte")} from its IP header on</span><button type="button" className="link" onClick={() => save(`bulkhead-event-${event.id}.pcap`, pcapOf(packet, event.time))}>Download capture</button></header>
          <div className="packet">
            <pre className="hex" tabIndex={0}>{hexLines(packet).map((line) => <span key={line.offset}><i>{line.offset}</i>  {line.bytes.slice(0, 8).join(" ").padEnd(23)}  {line.bytes.slice(8).join(" ").padEnd(23)}  {line.text}{"\n"}</span>)}</pre>
            <dl className="facts">{decodePacket(packet).map((field) => <div key={field.name} className="contents"><dt>{field.name}</dt><dd>{field.value}</dd></div>)}</dl>
          </div>
        </section>
      )}
    </>
  );
}

const REASONS: Record<Denial["reason"], string> = {
  "no-rule": "no rule allows it", rule: "a deny rule matched", quarantine: "the service is quarantined", spoof: "the address is not the workload's own", malformed: "the packet cannot be parsed",
  fragment: "a fragment without its first part", unidentified: "the workload was not yet identified", "table-full": "a kernel table was full", unrelated: "an ICMP error about nothing that is open",
};
const reasonText = (event: DenialEvent): string => REASONS[event.reason];

function End({ peer, lines }: { peer: Peer; lines: (string | null | undefined)[] }) {
  const services = useQuery({ ...queries.services, enabled: peer.kind === "service" });
  const known = services.data?.items.find((each) => each.name === peerKey(peer));
  return (
    <div className="flow-end">
      {known !== undefined && <Ring bound={known.learning.upper_hour} mode={known.mode} size={36} />}
      <div className="grow">
        {peer.kind === "service" ? <a href={serviceHash(peer.name)}><b className="t1 panel-title">{peerShort(peer)}</b></a> : <b className="panel-title">{peerShort(peer)}</b>} <span className="t3">{peerPlace(peer)}</span>
        {lines.filter((line) => line !== null && line !== undefined && line !== "").map((line) => <div key={line} className="mono t2 ellipsis">{line}</div>)}
      </div>
    </div>
  );
}

function ProcessCard({ process, workload }: { process: NonNullable<Denial["process"]>; workload?: string | null | undefined }) {
  return (
    <section className="card">
      <header><h3 className="grow">Process</h3>{workload !== null && workload !== undefined && <span className="t3 mono">{workload}</span>}</header>
      <div className="body">
        <p className="mono strong breaking">{process.command_line || process.executable}</p>
        <dl className="facts small"><dt>executable</dt><dd className="mono">{process.executable}</dd><dt>pid</dt><dd>{process.pid}</dd><dt>uid</dt><dd>{process.uid}</dd>{process.parents?.map((parent) => <Fragment key={parent.pid}><dt>started by</dt><dd className="mono">{parent.command_line || parent.executable}</dd></Fragment>)}</dl>
      </div>
    </section>
  );
}
