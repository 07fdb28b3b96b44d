import type { ReviewItem } from "../../api/types";
import { useNow } from "../../app/now";
import { serviceHash } from "../../app/url";
import { VerdictChip } from "../../look/Chips";
import { IconAlertTriangle } from "../../look/icons";
import { count, plural } from "../../text/numbers";
import { ago, full } from "../../text/times";
import { ruleTitle } from "../../text/sentences";
import { applicationAndPort, peerShort, shortName } from "../../text/words";
import { kindOf } from "./pattern";

/** One learned rule: what is odd, how wide it should be, and what it comes from. */
export function Item({ item, narrow, setNarrow }: { item: ReviewItem; narrow: string | undefined; setNarrow: ((id: string | undefined) => void) | undefined }) {
  const now = useNow();
  const connections = item.evidence.reduce((n, edge) => n + edge.connections, 0);
  const first = Math.min(...item.evidence.map((edge) => edge.first_seen));
  const last = Math.max(...item.evidence.map((edge) => edge.last_seen));
  const kind = kindOf(item);
  const chosen = item.narrower.find((each) => each.id === narrow);
  return (
    <>
      <section className="card">
        <header><h2 className="grow"><a className="t1" href={serviceHash(item.service)}>{shortName(item.service)}</a> {ruleTitle(item)}</h2>{kind !== "learned" && <span className="chip outline">{kind === "declared" ? "declared, never seen" : "stands for many"}</span>}<span className="t2">{item.direction}</span></header>
        {kind !== "learned" && <p className="body what-it-is t2">{kind === "declared" ? "The workload's own configuration speaks of this connection, but nobody has seen it yet. Accepted, it is allowed before it happens for the first time." : "No rule by itself: this service keeps finding peers of this kind, so that a rule for each would never be done. Accepted, it allows all that it matches, seen or not. Narrow it by hand where you know what it should reach."}</p>}
        {item.flags.length > 0 && <ul className="flags">{item.flags.map((flag) => <li key={flag}><IconAlertTriangle size={15} aria-hidden="true" /> {flag}</li>)}</ul>}
        {item.evidence.length > 0 && <div className="numbers">
          <div><b className="big-number">{count(connections)}</b><br /><span className="t2 small">connections seen</span></div>
          <div><b className="big-number">{count(item.evidence.length)}</b><br /><span className="t2 small">{item.evidence.length === 1 ? "edge" : "edges"} behind it</span></div>
          <div><b className="big-number">{item.evidence.length === 0 ? "none" : ago(last, now)}</b><br /><span className="t2 small">{item.evidence.length === 0 ? "last seen" : `last seen; first ${full(first)}`}</span></div>
        </div>}
      </section>
      {item.narrower.length > 0 && (
        <section className="widths" role="radiogroup" aria-label="How wide should it be?">
          <h3 className="section-title">How wide should it be? <span>connections denied in the replay</span></h3>
          <Width title={`As learned: ${item.rule}`} denies={0} on={narrow === undefined} choose={setNarrow === undefined ? undefined : () => setNarrow(undefined)} />
          {item.narrower.map((each) => <Width key={each.id} title={`Narrower: ${each.rule}`} denies={each.denies_connections} on={narrow === each.id} choose={setNarrow === undefined ? undefined : () => setNarrow(each.id)} />)}
        </section>
      )}
      <section className="card">
        <header><h3 className="grow">{item.decision?.rule === null || item.decision?.rule === undefined ? "The rule as it would be written" : "The rule that was accepted in its place"}</h3></header>
        <pre className="diff" tabIndex={0}>{chosen === undefined ? <span>{item.decision?.rule ?? item.yaml}</span> : <>{item.yaml.trimEnd().split("\n").map((line, i) => <span key={i} className="minus">- {line}{"\n"}</span>)}{chosen.yaml.trimEnd().split("\n").map((line, i) => <span key={i} className="plus">+ {line}{"\n"}</span>)}</>}</pre>
      </section>
      {item.evidence.length > 0 && <section className="card">
        <header><h3>Evidence</h3><span className="t2">{plural(item.evidence.length, "edge")}</span></header>
        <div className="table-wrap"><table>
          <thead><tr><th>Edge</th><th>Application, port</th><th>Verdict</th><th className="right">Connections</th><th>Process</th><th className="right">Last seen</th></tr></thead>
          <tbody>{item.evidence.slice(0, 100).map((edge) => (
            <tr key={edge.id}><td className="nowrap">{peerShort(edge.client)} → {peerShort(edge.server)}</td><td className="nowrap">{applicationAndPort(edge)}</td><td><VerdictChip verdict={edge.verdict} /></td><td className="right">{count(edge.connections + edge.denied)}</td><td className="mono t2">{edge.processes[0]?.command_line.slice(0, 60) ?? ""}</td><td className="right t2 nowrap">{ago(edge.last_seen, now)}</td></tr>
          ))}</tbody>
        </table></div>
      </section>}
    </>
  );
}

function Width({ title, denies, on, choose }: { title: string; denies: number; on: boolean; choose: (() => void) | undefined }) {
  return (
    <button type="button" role="radio" aria-checked={on} disabled={choose === undefined} className={`width ${on ? "on" : ""}`} onClick={choose}>
      <i aria-hidden="true" /><span className="grow strong">{title}</span><span className={denies > 0 ? "denied-text strong" : "t2"}>denies {count(denies)}</span>
    </button>
  );
}
