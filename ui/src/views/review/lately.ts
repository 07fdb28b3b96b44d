import type { ServiceSummary } from "../../api/types";

const DAY = 86_400_000;

export interface Promoted {
  service: ServiceSummary;
  state: "watched" | "settled" | "rolled-back";
  /** When it got there. */
  at: number;
  /** How much of the watch is over, 0 to 1. */
  share: number;
  denied: number;
}

/** Services that went to Enforce in the last day, or are watched since: what was taken back first, then those that met denials, then the newest. */
export function lately(services: readonly ServiceSummary[], now: number): Promoted[] {
  const all = services.flatMap((service): Promoted[] => {
    const { progress } = service;
    if (progress.stage === "canary") return [{ service, state: "watched", at: progress.since, share: Math.min(1, Math.max(0, (now - progress.since) / Math.max(1, progress.until - progress.since))), denied: progress.denied }];
    if (progress.stage === "rolled-back" && now - progress.at < DAY) return [{ service, state: "rolled-back", at: progress.at, share: 0, denied: service.denied_24h }];
    if (progress.stage === "settled" && service.mode === "enforce" && now - progress.since < DAY) return [{ service, state: "settled", at: progress.since, share: 1, denied: service.denied_24h }];
    return [];
  });
  const rank = (each: Promoted): number => (each.state === "rolled-back" ? 0 : each.denied > 0 ? 1 : 2);
  return all.sort((a, b) => rank(a) - rank(b) || b.at - a.at || (a.service.name < b.service.name ? -1 : 1));
}
