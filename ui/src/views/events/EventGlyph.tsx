import type { Event } from "../../api/types";
import { ModeGlyph, VerdictGlyph } from "../../look/Glyphs";
import { IconAlertTriangle, IconCube, IconGitPullRequest, IconMap, IconRuler } from "../../look/icons";

export function EventGlyph({ event, size = 15 }: { event: Event; size?: number }) {
  switch (event.type) {
    case "denied": return <span className="denied-text"><VerdictGlyph verdict="denied" size={size} /></span>;
    case "would-deny": return <span className="would-text"><VerdictGlyph verdict="would-deny" size={size} /></span>;
    case "new-edge": return <IconMap size={size} aria-hidden="true" />;
    case "mode-changed": return <ModeGlyph mode={event.to} size={size - 2} />;
    case "policy-changed": return <IconGitPullRequest size={size} aria-hidden="true" />;
    case "learning": return <IconRuler size={size} aria-hidden="true" />;
    case "workload-started":
    case "workload-stopped": return <IconCube size={size} aria-hidden="true" />;
    default: return <IconAlertTriangle size={size} aria-hidden="true" />;
  }
}
