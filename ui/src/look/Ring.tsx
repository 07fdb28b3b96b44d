import type { Mode } from "../api/types";
import { ModeGlyph } from "./Glyphs";
import { ringPath } from "./ring";

/** Completeness around the mode: closed where little is left to learn, dotted where there is no bound. */
export function Ring({ bound, mode, size = 30 }: { bound: number | null | undefined; mode: Mode | undefined; size?: number }) {
  const path = bound === null || bound === undefined || bound >= 1 ? undefined : ringPath(bound, 15, 12);
  return (
    <span className="ring" style={{ width: size, height: size }}>
      <svg width={size} height={size} viewBox="0 0 30 30" fill="none" aria-hidden="true">
        {path === undefined ? (
          <circle cx="15" cy="15" r="12" stroke="var(--hullsoft)" strokeWidth="2.4" strokeDasharray="1.5 3.2" />
        ) : (
          <>
            <circle cx="15" cy="15" r="12" stroke="var(--line1)" strokeWidth="3" />
            <path d={path} stroke="var(--hull)" strokeWidth="3" />
          </>
        )}
      </svg>
      {mode !== undefined && <ModeGlyph mode={mode} size={Math.round(size / 3)} />}
    </span>
  );
}
