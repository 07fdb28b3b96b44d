import type { SideVerdict } from "../api/types";
import { modeWord, shortName } from "../text/words";
import { VerdictGlyph } from "./Glyphs";

/** What each side's policy says of a connection, and by which rule. */
export function Sides({ egress, ingress }: { egress?: SideVerdict | null | undefined; ingress?: SideVerdict | null | undefined }) {
  const sides = [egress, ingress].filter((side) => side !== null && side !== undefined);
  if (sides.length === 0) return <p className="t3 small">Neither end is a service that Bulkhead confines.</p>;
  return (
    <ul className="sides">
      {sides.map((side) => (
        <li key={side.direction}>
          <span className={`${side.verdict}-text`}><VerdictGlyph verdict={side.verdict} /></span>
          <div className="grow">
            <strong>{shortName(side.service)}</strong> <span className="t3">{side.direction}, {modeWord(side.mode)}</span>
            <br />
            <span className="t2 small">{side.rule === null || side.rule === undefined
              ? side.allowed ? "allowed without a rule" : side.mode === "quarantine" ? "quarantine lets nothing pass" : "no rule allows it"
              : side.rule.text}</span>
            {side.rule !== null && side.rule !== undefined && <><br /><a className="small" href={`#/policies/${side.rule.policy}`}>{side.rule.policy}</a> <span className="t3 small">{side.rule.origin}, rule {side.rule.position + 1}</span></>}
          </div>
        </li>
      ))}
    </ul>
  );
}
