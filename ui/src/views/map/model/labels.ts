import type { Geometry, LayoutInput, Rect } from "./layout";
import type { Label, Point } from "./route";

const HEIGHT = 17;
/** Application above, rate below, where the gap is narrow. */
const TWO = 30;

/** A place for each label on its own line where it covers no box and no other label. Allowed edges go without one rather than cover something. */
export function placeLabels(input: LayoutInput, geometry: Geometry, ways: Readonly<Record<string, Point[]>>): Record<string, Label> {
  const taken: Rect[] = Object.entries(geometry.nodes).map(([, rect]) => grow(rect, 2));
  for (const zone of Object.values(geometry.zones)) taken.push({ x: zone.x, y: zone.y, w: Math.min(zone.w, 130), h: 26 });
  const lines = Object.entries(ways).flatMap(([id, way]) => segments(way).map((segment) => ({ id, segment })));
  const out: Record<string, Label> = {};
  const many = input.links.filter((link) => link.verdict !== "allowed").length > 5;
  const search = (link: LayoutInput["links"][number], way: readonly Point[], width: number, height: number): { rect: Rect; score: number } | undefined => {
    let best: { rect: Rect; score: number } | undefined;
    for (const [i, [a, b]] of segments(way).entries()) {
      const across = Math.abs(a[1] - b[1]) < 1;
      const length = Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]);
      if (length < (across ? width + 14 : 30)) continue;
      for (const share of [0.5, 0.38, 0.62, 0.26, 0.74]) {
        // The first part of a held back line carries its bar.
        if (i === 0 && link.verdict !== "allowed" && length * share - (across ? width / 2 : height / 2) < 24) continue;
        const along = a[0] + (b[0] - a[0]) * share;
        const x = input.phone ? Math.min(geometry.bounds.w - width / 2 - 2, Math.max(width / 2 + 2, along)) : along;
        const y = a[1] + (b[1] - a[1]) * share;
        const rect = { x: x - width / 2, y: y - height / 2, w: width, h: height };
        if (across && (rect.x < Math.min(a[0], b[0]) + 4 || rect.x + rect.w > Math.max(a[0], b[0]) - 4)) continue;
        const covered = taken.filter((each) => overlaps(each, rect)).length;
        const crossed = lines.filter((line) => line.id !== link.id && hits(line.segment, rect)).length;
        // Where one service tries many doors, a label that covers something says less than what it covers.
        if (covered > 0 && (link.verdict === "allowed" || many)) continue;
        const score = covered * 1000 + crossed * 40 + Math.abs(share - 0.5) * 30 + (across ? 0 : 26) - Math.min(length, 240) / 10;
        if (crossed > 1 && link.verdict === "allowed") continue;
        if (best === undefined || score < best.score) best = { rect, score };
      }
    }
    return best;
  };
  const order = [...input.links].sort((a, b) => Number(a.verdict === "allowed") - Number(b.verdict === "allowed") || a.label - b.label);
  for (const link of order) {
    const way = ways[link.id];
    if (way === undefined || link.label === 0) continue;
    const best = search(link, way, link.label, HEIGHT) ?? (link.narrow > 0 ? search(link, way, link.narrow, TWO) : undefined);
    if (best === undefined) continue;
    taken.push(grow(best.rect, 2));
    out[link.id] = { x: best.rect.x + best.rect.w / 2, y: best.rect.y + best.rect.h / 2, w: best.rect.w, two: best.rect.h === TWO };
  }
  return out;
}

function segments(way: readonly Point[]): [Point, Point][] {
  return way.slice(1).map((point, i) => [way[i] as Point, point]);
}

const grow = (rect: Rect, by: number): Rect => ({ x: rect.x - by, y: rect.y - by, w: rect.w + 2 * by, h: rect.h + 2 * by });

export function overlaps(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

function hits([a, b]: [Point, Point], rect: Rect): boolean {
  return overlaps({ x: Math.min(a[0], b[0]), y: Math.min(a[1], b[1]), w: Math.max(1, Math.abs(a[0] - b[0])), h: Math.max(1, Math.abs(a[1] - b[1])) }, rect);
}
