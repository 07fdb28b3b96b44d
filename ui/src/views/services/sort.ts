import type { Mode, ServiceSummary } from "../../api/types";
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

/** Where it stands on its way, in the words of `bulkhead services`. */
export function progressWord({ progress, learning }: Pick<ServiceSummary, "progress"> & { learning: Pick<ServiceSummary["learning"], "open_ended" | "ready" | "limits"> }, now: number): string {
  switch (progress.stage) {
    case "learning": return learning.open_ended ? "open-ended" : learning.ready ? "ready for monitor" : (learning.limits[0] ?? "learning");
    case "shadow": return progress.clean_until <= now ? "ready for enforce" : progress.would_deny === 0 ? `shadow clean, ${span(progress.clean_until - now)} to go` : `shadow: ${count(progress.would_deny)} would be denied`;
    case "canary": return `canary, ${span(progress.until - now)} to go, ${count(progress.denied)} denied`;
    case "settled": return "settled";
    case "rolled-back": return `rolled back: ${progress.reason}`;
    case "quarantined": return `cut off: ${progress.reason}`;
  }
}
