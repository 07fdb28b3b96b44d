import type { ApplyResult, VerdictChange } from "../../api/types";
import { VerdictGlyph } from "../../look/Glyphs";
import { Diff } from "../../look/Diff";
import { plural } from "../../text/numbers";
import { applicationAndPort, peerShort, verdictWord } from "../../text/words";

/** What applying does: to connections first, to documents second. */
export function ApplyPreview({ result }: { result: ApplyResult }) {
  return (
    <>
      <p className="strong">{result.sentence}</p>
      {result.would_break.length > 0 && <p className="denied-text"><VerdictGlyph verdict="denied" /> {plural(result.would_break.length, "seen edge")} would be denied from now on.</p>}
      <VerdictChanges changes={result.verdict_changes} />
      {result.findings.length > 0 && <ul className="small">{result.findings.map((finding, i) => <li key={i}><b>{finding.kind}</b> {finding.rule}: <span className="t2">{finding.message}</span></li>)}</ul>}
      <Diff text={result.diff} />
    </>
  );
}

export function VerdictChanges({ changes }: { changes: readonly VerdictChange[] }) {
  if (changes.length === 0) return <p className="t2 small">The verdict of no seen edge changes.</p>;
  const order = [...changes].sort((a, b) => Number(b.after === "denied") - Number(a.after === "denied"));
  return (
    <ul className="changes" tabIndex={0} aria-label="Edges whose verdict changes">
      {order.slice(0, 200).map((change, i) => (
        <li key={i} className="row" title={change.because}>
          <span className={`${change.after}-text`}><VerdictGlyph verdict={change.after} /></span>
          <span className="ellipsis grow">{peerShort(change.edge.client)} → {peerShort(change.edge.server)} <span className="t3">{applicationAndPort(change.edge)}</span></span>
          <span className="t3 small nowrap">{verdictWord(change.before)} → <span className={`${change.after}-text`}>{verdictWord(change.after)}</span></span>
        </li>
      ))}
      {order.length > 200 && <li className="t3">{plural(order.length - 200, "more edge")}</li>}
    </ul>
  );
}
