import { useMemo } from "react";
import type { Mode } from "../../api/types";
import { changeQuery, useRoute } from "../../app/router";
import { toHash, type Query } from "../../app/url";

export const LAYERS = ["quiet", "labels", "verdicts", "rings", "modes", "enforced", "candidate", "blast"] as const;
export type Layer = (typeof LAYERS)[number];
const USUAL: Layer[] = ["quiet", "labels", "verdicts", "rings", "modes"];

/** All of it is in the address. */
export interface MapState {
  focus: string | undefined;
  link: string | undefined;
  zone: string | undefined;
  text: string;
  mode: Mode | undefined;
  layers: ReadonlySet<Layer>;
  folded: ReadonlySet<string>;
  unfolded: ReadonlySet<string>;
  from: number | undefined;
  to: number | undefined;
  /** Only edges that were seen for the first time in that stretch. */
  fresh: boolean;
  /** Whether services are drawn in their zones instead of their namespaces. */
  zones: boolean;
  /** Peers of a way that is shown, one after the other. */
  path: readonly string[];
}

const list = (text: string | undefined): string[] => (text === undefined || text === "" ? [] : text.split(","));

export function parseMapState(query: Readonly<Record<string, string>>): MapState {
  const number = (text: string | undefined): number | undefined => (text === undefined || !Number.isFinite(Number(text)) ? undefined : Number(text));
  return {
    focus: query.focus,
    link: query.link,
    zone: query.zone,
    text: query.q ?? "",
    mode: query.mode as Mode | undefined,
    layers: new Set(query.layers === undefined ? USUAL : (list(query.layers) as Layer[])),
    folded: new Set(list(query.fold)),
    unfolded: new Set(list(query.open)),
    from: number(query.from),
    to: number(query.to),
    fresh: query.new === "1",
    zones: query.by === "zone",
    path: list(query.path),
  };
}

export function useMapState(): MapState {
  const { query } = useRoute();
  return useMemo(() => parseMapState(query), [query]);
}

export function select(what: { focus?: string; link?: string }): void {
  changeQuery({ focus: what.focus, link: what.link, path: undefined });
}

/** Of two policies one can be shown. */
const INSTEAD: Partial<Record<Layer, Layer>> = { enforced: "candidate", candidate: "enforced" };

const written = (layers: readonly Layer[]): string | undefined => (layers.join() === USUAL.join() ? undefined : layers.length === 0 ? "none" : layers.join());

export function setLayer(state: MapState, layer: Layer, on: boolean): void {
  changeQuery({ layers: written(LAYERS.filter((each) => (each === layer ? on : state.layers.has(each) && !(on && INSTEAD[layer] === each)))) });
}

/** The address of the map with a layer more than usual. */
export function mapWith(layer: Layer, more: Query = {}): string {
  return toHash(["map"], { layers: written(LAYERS.filter((each) => each === layer || USUAL.includes(each))), ...more });
}

export function foldZones(state: MapState, zones: readonly string[], folded: boolean): void {
  const fold = new Set(state.folded);
  const open = new Set(state.unfolded);
  for (const zone of zones) {
    (folded ? fold : open).add(zone);
    (folded ? open : fold).delete(zone);
  }
  changeQuery({ fold: [...fold].sort().join(), open: [...open].sort().join() });
}
