import type { ZoneStatus, ZoneWay } from "../../api/types";
import { useNow } from "../../app/now";
import { serviceHash, toHash } from "../../app/url";
import { ModeChip } from "../../look/Chips";
import { VerdictGlyph } from "../../look/Glyphs";
import { IconAlertTriangle } from "../../look/icons";
import { count, plural } from "../../text/numbers";
import { ago, day, span } from "../../text/times";

type Status = ZoneStatus["isolation"]["status"];
const WORDS: Record<Status, string> = { proved: "isolated", open: "open", "not-enforced": "not enforced", unproved: "unproved", empty: "no member" };

/** Whether the wall around the zone is closed: by its form first. */
export function zoneMark(status: Status) {
  return <span className={`zone-mark ${status}`}><i aria-hidden="true" />{WORDS[status]}</span>;
}

/** Everything about one zone: the proof, who answers for what crosses, who is inside. */
export function ZoneDetail({ zone }: { zone: ZoneStatus }) {
  const { isolation } = zone;
  const unanswered = isolation.crossings.filter((crossing) => typeof crossing.fault === "string");
  return (
    <>
      <section className="card">
        <header><h2 className="grow">{zone.name}</h2>{zoneMark(isolation.status)}</header>
        <div className="body zone-proof">
          <p className="strong">{isolation.sentence}</p>
          <p className="t2 small">{count(isolation.checked)} pairs of ends asked about, each over all protocols, ports and applications.{typeof zone.owner === "string" && ` Owner: ${zone.owner}.`}{typeof zone.reason === "string" && ` Reason: ${zone.reason}.`}{!zone.border && " It has no border of its own yet: whatever rules allow may cross."}</p>
          {isolation.doubts.length > 0 && <ul className="flags">{isolation.doubts.map((doubt) => <li key={doubt}><IconAlertTriangle size={15} aria-hidden="true" /> {doubt}</li>)}</ul>}
          {isolation.not_enforcing.length > 0 && <p className="small">Not in Enforce, so nothing is held back there: {isolation.not_enforcing.slice(0, 12).map((name, i) => <span key={name}>{i > 0 && ", "}<a href={serviceHash(name)}>{name}</a></span>)}{isolation.not_enforcing.length > 12 && ` and ${count(isolation.not_enforcing.length - 12)} more`}.</p>}
        </div>
        <div className="numbers">
          <div><b className="big-number">{count(zone.scope.in_scope)}</b><br /><span className="t2 small">in scope</span></div>
          <div><b className="big-number">{count(zone.scope.connected_to)}</b><br /><span className="t2 small">connected to it</span></div>
          <div><b className="big-number">{count(zone.scope.security_impacting)}</b><br /><span className="t2 small">security-impacting</span></div>
          <div><b className="big-number">{count(zone.scope.out_of_scope)}</b><br /><span className="t2 small">out of scope</span></div>
        </div>
      </section>
      {isolation.crossings.length > 0 && (
        <section className="card">
          <header><h3>What may cross</h3><span className="t2 grow">{unanswered.length === 0 ? "somebody answers for each" : `nobody answers for ${plural(unanswered.length, "way")}`}</span></header>
          <div className="table-wrap"><table>
            <thead><tr><th>Way</th><th>Traffic</th><th>By</th><th>Answered for</th></tr></thead>
            <tbody>{isolation.crossings.slice(0, 200).map((crossing, i) => {
              const others = `${crossing.peers.slice(0, 3).join(", ")}${crossing.peer_count > 3 ? ` and ${count(crossing.peer_count - Math.min(3, crossing.peers.length))} more` : ""}`;
              return (
                <tr key={i}>
                  <td>{crossing.direction === "ingress" ? <>{others} → <b>{crossing.member}</b></> : <><b>{crossing.member}</b> → {others}</>}</td>
                  <td className="mono t2">{crossing.traffic}</td><td className="t2 small">{crossing.by.join(", ") || (crossing.written ? "" : "its mode")}</td>
                  <td>{typeof crossing.fault === "string" ? <span className="strong row"><IconAlertTriangle size={14} aria-hidden="true" /> {crossing.fault}</span> : <span className="t2">yes</span>}</td>
                </tr>
              );
            })}</tbody>
          </table></div>
        </section>
      )}
      <Ways title="Conduits" none="No conduit: nothing has a standing way across." ways={zone.conduits} />
      <Ways title="Exceptions" none="No exception: nothing crosses for a time only." ways={zone.exceptions} ends />
      {isolation.indirect.length > 0 && (
        <section className="card">
          <header><h3>Who may get in over others</h3><span className="t2">{plural(isolation.indirect_total, "peer")}, within three steps</span></header>
          <ul className="body plain">{isolation.indirect.slice(0, 30).map((detour) => <li key={`${detour.peer}${detour.via}`}><b>{detour.peer}</b> <span className="t2">over {detour.via}, {plural(detour.hops, "step")}</span></li>)}</ul>
        </section>
      )}
      <section className="card">
        <header><h3>Seen across the border</h3><span className="t2">{plural(isolation.observed_total, "connection")}</span></header>
        {isolation.observed.length === 0 ? <p className="body t2">Nothing has crossed it, and nothing has tried to.</p> : (
          <div className="table-wrap"><table>
            <thead><tr><th>Connection</th><th>What</th><th>Verdict</th><th className="right">Connections</th><th>By</th></tr></thead>
            <tbody>{isolation.observed.slice(0, 50).map((seen, i) => (
              <tr key={i}>
                <td>{seen.client} → {seen.server}</td><td className="mono t2">{seen.what}</td>
                <td><span className={`${seen.verdict}-text row`}><VerdictGlyph verdict={seen.verdict} size={13} /> {seen.verdict}</span>{seen.contradicts && <span className="strong small"> passed against the proof</span>}</td>
                <td className="right">{count(seen.connections + seen.denied)}</td><td className="t2 small">{seen.by.join(", ")}</td>
              </tr>
            ))}</tbody>
          </table></div>
        )}
      </section>
      <section className="card">
        <header><h3>Members</h3><span className="t2 grow">{plural(zone.members.length, "service")}{zone.externals.length > 0 && `, ${plural(zone.externals.length, "external endpoint")}`}</span><a className="link" href={toHash(["policies"], { q: zone.name })}>Documents</a></header>
        <ul className="body members">{zone.members.slice(0, 200).map((member) => <li key={member.service}><a className="t1" href={serviceHash(member.service)}><b>{member.service}</b></a> <ModeChip mode={member.mode} /> <span className="t3 small">{member.through === zone.name ? "" : `through ${member.through}`}</span></li>)}{zone.externals.map((name) => <li key={name} className="mono">{name}</li>)}</ul>
      </section>
    </>
  );
}

function Ways({ title, none, ways, ends = false }: { title: string; none: string; ways: readonly ZoneWay[]; ends?: boolean }) {
  const now = useNow();
  return (
    <section className="card">
      <header><h3>{title}</h3><span className="t2">{ways.length === 0 ? none : count(ways.length)}</span></header>
      {ways.length > 0 && (
        <div className="table-wrap"><table>
          <thead><tr><th>Way</th><th>Traffic</th>{ends && <><th>Owner</th><th>Ends</th></>}<th>Reason</th><th className="right">Connections</th><th className="right">Last</th></tr></thead>
          <tbody>{ways.map((way, i) => (
            <tr key={i}>
              <td>{typeof way.name === "string" && <><b>{way.name}</b><br /></>}<span className={typeof way.name === "string" ? "t2 small" : ""}>{way.from.join(", ")} → {way.to.join(", ")}</span></td>
              <td className="mono t2">{way.traffic}</td>
              {ends && <><td>{way.owner ?? ""}</td><td className={way.expired ? "strong" : "t2"}>{typeof way.expires !== "number" ? "" : way.expired ? `ended ${ago(way.expires, now)}` : `${day(way.expires)}, in ${span(way.expires - now)}`}</td></>}
              <td className="t2">{way.reason ?? ""}</td>
              <td className="right">{way.connections === 0 ? <span className="t3">never</span> : count(way.connections)}</td><td className="right t2">{typeof way.last_used === "number" ? ago(way.last_used, now) : ""}</td>
            </tr>
          ))}</tbody>
        </table></div>
      )}
    </section>
  );
}
