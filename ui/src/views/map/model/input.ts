import { peerKey } from "../../../text/words";
import { zoneOrder, type LayoutInput, type Stored } from "./layout";
import type { Scene, SceneLink } from "./scene";

const PLACE = "bulkhead.map.1";
export const NOTHING: Stored = { zones: {}, cells: {} };

/** Each picture has places of its own: dense or not, by namespace or by zone. */
export type PictureKind = Scene["density"] | `${Scene["density"]}.zones`;

export function loadStored(kind: PictureKind): Stored {
  try {
    const text = localStorage.getItem(`${PLACE}.${kind}`);
    return text === null ? NOTHING : { ...NOTHING, ...(JSON.parse(text) as Stored) };
  } catch {
    return NOTHING;
  }
}

export function saveStored(kind: PictureKind, stored: Stored): void {
  try {
    localStorage.setItem(`${PLACE}.${kind}`, JSON.stringify(stored));
  } catch {
    // A full or forbidden storage only means that the picture is laid out anew next time.
  }
}

const WIDTH = 5.75;
const labelWidth = (what: string, much: string, held: boolean): number => Math.round((what.length + (much === "" ? 0 : much.length + 1)) * WIDTH + 12 + (held ? 18 : 0));

export function inputOf(scene: Scene, phone: boolean, selected: string | undefined, stored: Stored): LayoutInput {
  const input: LayoutInput = {
    density: scene.density,
    phone,
    zones: scene.zones.map((zone) => ({ name: zone.name, folded: zone.folded, services: zone.services.map((node) => peerKey(node.peer)), rest: zone.rest.length > 0 })),
    outside: scene.outside.map((entry) => entry.key),
    below: scene.below.map((entry) => entry.key),
    links: scene.links.map((link) => ({ id: link.id, from: link.from, to: link.to, verdict: link.verdict, label: labelWidth(link.what, link.much, link.verdict !== "allowed"), narrow: link.verdict === "allowed" && link.much !== "" ? Math.round(Math.max(link.what.length, link.much.length) * WIDTH + 8) : 0 })),
    stored,
  };
  if (!phone) return input;
  // A narrow picture has no room for every line: what is denied, and the selection's own.
  const order = zoneOrder(input);
  const told = tellable(scene.links, selected);
  const links = input.links.flatMap((link) => { const how = told.get(link.id); return how === undefined ? [] : how === "label" ? [link] : [{ ...link, label: 0, narrow: 0 }]; });
  return { ...input, zones: input.zones.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name)), links };
}

/** What a phone can hold beside the selection's own lines, before it says less of each. */
const LABELS = 5;
const LINES = 8;

/** Which lines a phone draws, and which of them with words: after a scan only the strongest; the badges count the rest, and a tap on a service shows its own. */
export function tellable(links: readonly SceneLink[], selected: string | undefined): Map<string, "label" | "line"> {
  const own = links.filter((link) => link.from === selected || link.to === selected);
  const strength = (link: SceneLink): number => link.edges.reduce((n, edge) => n + edge.denied, 0);
  const denied = links.filter((link) => link.verdict === "denied" && !own.includes(link)).sort((a, b) => strength(b) - strength(a) || (a.id < b.id ? -1 : 1));
  const out = new Map<string, "label" | "line">();
  const many = (of: readonly SceneLink[]): boolean => of.length > LABELS;
  // What is chosen is what is asked about: many others would only be in its way.
  const others = many(denied) && own.length > 0 ? [] : denied.slice(0, LINES);
  for (const [i, link] of others.entries()) out.set(link.id, many(denied) && i >= LABELS ? "line" : "label");
  const ranked = [...own].sort((a, b) => Number(b.verdict === "denied") - Number(a.verdict === "denied") || strength(b) - strength(a) || b.rate - a.rate || (a.id < b.id ? -1 : 1));
  for (const [i, link] of ranked.entries()) out.set(link.id, i < 2 * LABELS ? "label" : "line");
  return out;
}
