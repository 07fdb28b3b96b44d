import type { TimelinePoint } from "../../../api/types";
import type { MapEdge } from "../../../live/graph";

export interface Range { from: number; to: number }
export interface Bucket { edges: number; denied: number; wouldDeny: number }

const BUCKETS = 96;
const SPANS = [3_600_000, 6 * 3_600_000, 24 * 3_600_000, 3 * 86_400_000, 7 * 86_400_000, 30 * 86_400_000, 90 * 86_400_000];

/** The shortest of a few usual spans that holds the first edge. */
export function rangeOf(edges: Iterable<MapEdge>, now: number): Range {
  let first = now;
  for (const edge of edges) first = Math.min(first, edge.first_seen);
  const span = SPANS.find((each) => now - first <= each) ?? now - first;
  return { from: now - span, to: now };
}

export function bucketsOf(edges: Iterable<MapEdge>, points: readonly TimelinePoint[], { from, to }: Range): Bucket[] {
  const buckets = Array.from({ length: BUCKETS }, (): Bucket => ({ edges: 0, denied: 0, wouldDeny: 0 }));
  const at = (time: number): Bucket | undefined => buckets[Math.min(BUCKETS - 1, Math.floor(((time - from) / (to - from)) * BUCKETS))];
  for (const edge of edges) {
    const bucket = at(edge.first_seen);
    if (bucket !== undefined) bucket.edges += 1;
  }
  for (const point of points) {
    if (point.start < from || point.start > to) continue;
    const bucket = at(point.start);
    if (bucket === undefined) continue;
    bucket.denied += point.denied;
    bucket.wouldDeny += point.would_deny;
  }
  return buckets;
}

const STEPS = [600_000, 3_600_000, 3 * 3_600_000, 86_400_000, 7 * 86_400_000, 30 * 86_400_000];

/** Round clock times to write below the bars; none so near to an end that it would be cut. */
export function ticksOf({ from, to }: Range): number[] {
  const step = STEPS.find((each) => (to - from) / each <= 8) ?? 30 * 86_400_000;
  const offset = new Date(to).getTimezoneOffset() * 60_000;
  const ticks: number[] = [];
  for (let t = Math.ceil((from + (to - from) * 0.03 - offset) / step) * step + offset; t < to - (to - from) * 0.03; t += step) ticks.push(t);
  return ticks;
}

/** The stretch moved to the left or right by half of itself; the end of time is now, and one that would begin before it is told stays where it is. */
export function shifted(window: readonly [number, number], range: Range, direction: -1 | 1): [number, number] {
  const [from, to] = window;
  const by = Math.min(Math.max((to - from) / 2, 1), direction < 0 ? Math.max(0, from - range.from) : Math.max(0, range.to - to));
  return [from + direction * by, to + direction * by];
}

/** The stretch that the keyboard begins with: the last twelfth of what is shown. */
export const lastPart = (range: Range): [number, number] => [range.to - (range.to - range.from) / 12, range.to];
