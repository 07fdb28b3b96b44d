import type { GraphNode } from "../../../api/types";
import { OPEN_ENDED_FROM } from "../../../text/numbers";

const LIMITS = [0.005, 0.01, 0.02, 0.04, OPEN_ENDED_FROM];

/** How many services have which bound. */
export function boundHistogram(services: readonly GraphNode[]): { label: string; count: number }[] {
  const bars = [...LIMITS.map((limit) => ({ label: `≤ ${limit * 100}`, count: 0 })), { label: "open", count: 0 }, { label: "none", count: 0 }];
  for (const { upper_hour: bound, open_ended: open } of services) {
    const index = open ? LIMITS.length : bound === null || bound === undefined || bound >= 1 ? LIMITS.length + 1 : LIMITS.findIndex((limit) => bound <= limit);
    const bar = bars[index < 0 ? LIMITS.length : index];
    if (bar !== undefined) bar.count += 1;
  }
  return bars;
}
