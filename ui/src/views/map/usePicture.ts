import { useEffect, useMemo, useRef, useState } from "react";
import { peerKey } from "../../text/words";
import { zoneOrder, type LayoutInput, type Stored } from "./model/layout";
import type { Scene } from "./model/scene";
import type { Picture } from "./model/solve";

const PLACE = "bulkhead.map.1";
const NOTHING: Stored = { zones: {}, cells: {} };

export function loadStored(density: Scene["density"]): Stored {
  try {
    const text = localStorage.getItem(`${PLACE}.${density}`);
    return text === null ? NOTHING : { ...NOTHING, ...(JSON.parse(text) as Stored) };
  } catch {
    return NOTHING;
  }
}

function saveStored(density: Scene["density"], stored: Stored): void {
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

/** The scene laid out by a worker. The old picture stays until the new one is there. */
export function usePicture(scene: Scene | undefined, phone: boolean, selected: string | undefined) {
  const [picture, setPicture] = useState<{ picture: Picture; key: string } | undefined>();
  const [moves, setMoves] = useState(0);
  const worker = useRef<Worker | null>(null);
  const latest = useRef(0);
  const density = scene?.density ?? "full";

  useEffect(() => {
    const started = new Worker(new URL("./model/layout.worker.ts", import.meta.url), { type: "module", name: "layout" });
    worker.current = started;
    return () => {
      started.terminate();
      worker.current = null;
    };
  }, []);

  const input = useMemo(() => (scene === undefined ? undefined : inputOf(scene, phone, phone ? selected : undefined, NOTHING)), [scene, phone, selected]);
  // Rates change all the time; only what is drawn where asks for a new layout.
  const key = input === undefined ? "" : JSON.stringify({ ...input, links: input.links.map((link) => [link.id, Math.ceil(link.label / 12)]) }) + String(moves);

  useEffect(() => {
    if (input === undefined || worker.current === null) return;
    const id = ++latest.current;
    const at = worker.current;
    const listen = (event: MessageEvent<{ id: number; picture: Picture }>) => {
      if (event.data.id !== id) return;
      at.removeEventListener("message", listen);
      if (id !== latest.current) return;
      setPicture({ picture: event.data.picture, key });
      if (!phone) saveStored(input.density, event.data.picture.stored);
    };
    at.addEventListener("message", listen);
    at.postMessage({ id, input: { ...input, stored: loadStored(input.density) } });
    return () => at.removeEventListener("message", listen);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key stands for the input
  }, [key]);

  /** Puts a service on another cell of its zone; who was there takes the place it left. */
  const move = (service: string, cell: [number, number], members: readonly string[]) => {
    const now = loadStored(density);
    const before = now.cells[service];
    const cells = { ...now.cells, [service]: cell };
    const other = members.find((each) => each !== service && now.cells[each]?.[0] === cell[0] && now.cells[each]?.[1] === cell[1]);
    if (other !== undefined && before !== undefined) cells[other] = before;
    saveStored(density, { ...now, cells });
    setMoves((n) => n + 1);
  };
  const arrange = () => {
    saveStored(density, NOTHING);
    setMoves((n) => n + 1);
  };
  return { picture: picture?.picture, move, arrange };
}
