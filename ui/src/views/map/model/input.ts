import { peerKey } from "../../../text/words";
import { zoneOrder, type LayoutInput, type Stored } from "./layout";
import type { Scene } from "./scene";

const PLACE = "bulkhead.map.1";
export const NOTHING: Stored = { zones: {}, cells: {} };

export function loadStored(density: Scene["density"]): Stored {
  try {
    const text = localStorage.getItem(`${PLACE}.${density}`);
    return text === null ? NOTHING : { ...NOTHING, ...(JSON.parse(text) as Stored) };
  } catch {
    return NOTHING;
  }
}

export function saveStored(density: Scene["density"], stored: Stored): void {
  try {
    localStorage.setItem(`${PLACE}.${density}`, JSON.stringify(stored));
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
  return { ...input, zones: input.zones.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name)), links: input.links.filter((link) => link.verdict === "denied" || link.from === selected || link.to === selected) };
}
