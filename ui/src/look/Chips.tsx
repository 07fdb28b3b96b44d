import type { Mode, Severity, Verdict } from "../api/types";
import { modeWord, verdictWord } from "../text/words";
import { ModeGlyph, VerdictGlyph } from "./Glyphs";

export function VerdictChip({ verdict }: { verdict: Verdict }) {
  return <span className={`chip ${verdict}`}><VerdictGlyph verdict={verdict} size={12} /> {verdictWord(verdict)}</span>;
}

export function ModeChip({ mode }: { mode: Mode }) {
  return <span className="chip outline"><ModeGlyph mode={mode} size={11} /> {modeWord(mode)}</span>;
}

export function SeverityWord({ severity }: { severity: Severity }) {
  return <span className={severity === "critical" || severity === "warning" ? "strong" : "t3"}>{severity}</span>;
}
