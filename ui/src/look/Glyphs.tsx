import type { Mode, Verdict } from "../api/types";

/** The glyph fills as the compartment closes. No mode has a colour. */
export function ModeGlyph({ mode, size = 12 }: { mode: Mode; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 12 12" aria-hidden="true" className="mode-glyph">
      {mode === "learn" && <rect x="1.2" y="1.2" width="9.6" height="9.6" rx="1.8" fill="none" stroke="currentColor" strokeWidth="1.4" strokeDasharray="2.2 1.7" />}
      {mode === "monitor" && <><rect x="1.2" y="1.2" width="9.6" height="9.6" rx="1.8" fill="none" stroke="currentColor" strokeWidth="1.4" /><path d="M1.5 6h9v3.4a1.4 1.4 0 0 1-1.4 1.4H2.9a1.4 1.4 0 0 1-1.4-1.4z" fill="currentColor" /></>}
      {mode === "enforce" && <rect x="0.8" y="0.8" width="10.4" height="10.4" rx="2" fill="currentColor" />}
      {mode === "quarantine" && <><rect x="0.9" y="0.9" width="10.2" height="10.2" rx="2" fill="none" stroke="currentColor" strokeWidth="1.4" /><rect x="3.6" y="3.6" width="4.8" height="4.8" rx="1" fill="currentColor" /></>}
    </svg>
  );
}

/** A line that arrives, one that passes an open gate, one that ends at a bar. */
export function VerdictGlyph({ verdict, size = 14 }: { verdict: Verdict; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 14 14" fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" className="verdict-glyph">
      {verdict === "allowed" && <path d="M1.5 7h10.2M8.2 3.6 11.7 7l-3.5 3.4" />}
      {verdict === "would-deny" && <><path d="M.9 7h3M10.1 7h3" /><rect x="4.9" y="1.7" width="4.2" height="10.6" rx="1.4" /></>}
      {verdict === "denied" && <><path d="M1.2 7h7.4" strokeWidth="2" /><path d="M9.8 2v10" strokeWidth="2.6" /></>}
    </svg>
  );
}
