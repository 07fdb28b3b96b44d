import { placeLabels } from "./labels";
import { layout, type Geometry, type LayoutInput, type Stored } from "./layout";
import { route, type Label, type Point } from "./route";

/** Everything that is needed to draw, and what is to be stored of it. */
export interface Picture {
  geometry: Geometry;
  ways: Record<string, Point[]>;
  labels: Record<string, Label>;
  stored: Stored;
}

/** Beyond so many lines only what was held back gets a way of its own; the rest are bundles. */
const ROUTED = 110;
const ROUTED_HELD = 24;

export function solve(input: LayoutInput): Picture {
  const { geometry, stored } = layout(input);
  const held = new Set(input.links.filter((link) => link.verdict !== "allowed").sort((a, b) => Number(b.verdict === "denied") - Number(a.verdict === "denied")).slice(0, ROUTED_HELD).map((link) => link.id));
  const all = input.density === "full" && input.links.length <= ROUTED;
  const ways = route(input, geometry, (link) => (all ? true : held.has(link.id)));
  return { geometry, stored, ways, labels: placeLabels(input, geometry, ways) };
}
