import type { Mode, Progress, ServiceSummary } from "../../api/types";
import { count } from "../../text/numbers";
import { span } from "../../text/times";

export type SortKey = "name" | "mode" | "bound" | "edges" | "workloads" | "denied" | "seen";

const MODES: Mode[] = ["learn", "monitor", "enforce", "quarantine"];
const VALUES: Record<Exclude<SortKey, "name">, (service: ServiceSummary) => number> = {
  mode: (service) => MODES.indexOf(service.mode),
  bound: (service) => (service.learning.open_ended ? 2 : service.learning.upper_hour),
  edges: (service) => service.learning.edges,
  workloads: (service) => service.workloads,
  denied: (service) => service.denied_24h * 1e6 + service.would_deny_24h,
  seen: (service) => service.last_seen,
};

export function sortServices(services: readonly ServiceSummary[], key: SortKey, down: boolean): ServiceSummary[] {
  const sign = down ? -1 : 1;
  const byName = (a: ServiceSummary, b: ServiceSummary) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  if (key === "name") return [...services].sort((a, b) => sign * byName(a, b));
  const value = VALUES[key];
  return [...services].sort((a, b) => sign * (value(a) - value(b)) || byName(a, b));
}

/** Where it stands on its way, in a few words. */
export function progressWord(progress: Progress, now: number): string {
  switch (progress.stage) {
    case "learning": return "";
    case "shadow": return progress.would_deny > 0 ? `${count(progress.would_deny)} would be denied` : progress.clean_until > now ? `clean for ${span(now - progress.since)}` : "clean";
    case "canary": return `watched for ${span(progress.until - now)} more`;
    case "settled": return `since ${span(now - progress.since)}`;
    case "rolled-back": return "rolled back";
    case "quarantined": return `since ${span(now - progress.since)}`;
  }
}
