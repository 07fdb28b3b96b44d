import type { Mode, Simulation, Status } from "../../../api/types";
import type { LiveGraph } from "../../../live/graph";
import { ModeGlyph, VerdictGlyph } from "../../../look/Glyphs";
import { Ring } from "../../../look/Ring";
import { count, plural } from "../../../text/numbers";
import { modeWord, namespaceOf, shortName } from "../../../text/words";
import type { Issue } from "../model/issues";
import { boundHistogram } from "../model/histogram";
import { Failure } from "../../../look/States";
import { VerdictChanges } from "../../policy/ApplyPreview";
import { select } from "../useMapState";

const MODES: Mode[] = ["learn", "monitor", "enforce", "quarantine"];
const WORDS = { denied: "connections denied", "would-deny": "connections would be denied", "open-ended": "keeps finding new peers" };

export function EstatePanel({ graph, estate, issues, enforced, candidate }: { graph: LiveGraph; estate: Status | undefined; issues: readonly Issue[]; enforced: Simulation | undefined; candidate: { data: Simulation | undefined; error: unknown } | undefined }) {
  const services = [...graph.nodes.values()].filter((node) => node.peer.kind === "service");
  const zones = new Set(services.map((node) => (node.peer.kind === "service" ? namespaceOf(node.peer.name) : "")));
  const bars = boundHistogram(services);
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  return (
    <>
      <div className="panel-head"><div className="grow"><h2>Whole estate</h2>
        <p className="t2">{plural(services.length, "service")} in {plural(zones.size, "namespace")}, {plural(graph.edges.size, "edge")}.</p></div></div>
      {candidate !== undefined && (
        <section className="section">
          <h3 className="section-title">Under the candidate policy <a href="#/policies?tab=edit">edit</a></h3>
          {candidate.error !== null ? <Failure error={candidate.error} /> : candidate.data === undefined ? <p className="t2">The documents are no longer at hand. Check them again in the editor.</p> : (
            <>
              <p className="t2">{candidate.data.sentence}</p>
              <VerdictChanges changes={candidate.data.changes} />
              <p className="t3 small">Red: in use, and would break. Grey and dashed: idle for an hour or more, and would close.</p>
            </>
          )}
        </section>
      )}
      {enforced !== undefined && (
        <section className="section">
          <h3 className="section-title">If every service were in Enforce</h3>
          <p className="t2">{enforced.sentence}</p>
        </section>
      )}
      <section className="section">
        <h3 className="section-title">Needs a look <span>{count(issues.length)} of {count(services.length)}</span></h3>
        {issues.length === 0 && <p className="t2">Nothing: no connection was denied or would have been, and no service is open-ended.</p>}
        <ul className="issues">
          {issues.slice(0, 8).map((issue) => (
            <li key={issue.service}>
              <button type="button" className="issue" onClick={() => select({ focus: issue.service })}>
                <span className={issue.kind === "denied" ? "denied-text" : issue.kind === "would-deny" ? "would-text" : ""}>
                  {issue.kind === "open-ended" ? <Ring bound={issue.node.upper_hour ?? null} mode={issue.node.mode ?? "learn"} size={20} /> : <VerdictGlyph verdict={issue.kind} size={15} />}
                </span>
                <span className="grow"><strong>{shortName(issue.service)}</strong>, {namespaceOf(issue.service)}<br /><span className="t3 small">{WORDS[issue.kind]}</span></span>
                <strong>{issue.kind === "open-ended" ? "open-ended" : count(issue.count)}</strong>
              </button>
            </li>
          ))}
        </ul>
      </section>
      {services.length > 0 && (
        <section className="section">
          <h3 className="section-title">Services by bound <span>upper 95 %, next hour, %</span></h3>
          <div className="histogram" role="img" aria-label={bars.map((bar) => `${bar.label}: ${bar.count}`).join(", ")}>
            {bars.map((bar) => (
              <div key={bar.label}>
                <span className="micro t3">{bar.count > 0 ? count(bar.count) : ""}</span>
                <i style={{ height: `${Math.max(bar.count > 0 ? 2 : 0, (bar.count / most) * 64)}px` }} />
                <span className="micro t3">{bar.label}</span>
              </div>
            ))}
          </div>
        </section>
      )}
      {estate !== undefined && (
        <section className="section">
          <h3 className="section-title">Modes <span>{plural(services.length, "service")}</span></h3>
          <ul>
            {MODES.map((mode) => (
              <li key={mode} className="mode-line">
                <ModeGlyph mode={mode} size={11} /> <span>{modeWord(mode)}</span>
                <span className="grow"><i style={{ width: `${(estate.services[mode] / Math.max(1, services.length)) * 100}%` }} /></span>
                <strong>{count(estate.services[mode])}</strong>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
