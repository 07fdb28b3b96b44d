import { useEffect, useMemo, useRef, useState } from "react";
import { mark } from "../../live/useGraph";
import { solveApart } from "./model/apart";
import { inputOf, loadStored, NOTHING, saveStored, type PictureKind } from "./model/input";
import type { Scene } from "./model/scene";
import type { Picture } from "./model/solve";

/** The scene laid out by a worker. The old picture stays until the new one is there. */
export function usePicture(scene: Scene | undefined, phone: boolean, selected: string | undefined, whole: boolean, zones: boolean) {
  const [picture, setPicture] = useState<{ picture: Picture; key: string } | undefined>();
  const [moves, setMoves] = useState(0);
  const latest = useRef(0);
  const density = scene?.density ?? "full";
  const kind: PictureKind = zones ? `${density}.zones` : density;

  const input = useMemo(() => (scene === undefined ? undefined : inputOf(scene, phone, phone ? selected : undefined, NOTHING)), [scene, phone, selected]);
  // Rates change all the time; only what is drawn where asks for a new layout.
  const key = input === undefined ? "" : JSON.stringify({ ...input, links: input.links.map((link) => [link.id, Math.ceil(link.label / 12)]) }) + kind + String(moves);

  useEffect(() => {
    if (input === undefined) return;
    const id = ++latest.current;
    mark("scene");
    solveApart({ ...input, stored: loadStored(kind) }, (solved) => {
      if (id !== latest.current) return;
      mark("picture");
      setPicture({ picture: solved, key });
      // Where only some lines are looked at, the places of the whole picture stay as they are.
      if (!phone && whole) saveStored(kind, solved.stored);
    });
    return () => { latest.current += 1; };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key stands for the input
  }, [key]);

  /** Puts a service on another cell of its zone; who was there takes the place it left. */
  const move = (service: string, cell: [number, number], members: readonly string[]) => {
    const now = loadStored(kind);
    const before = now.cells[service];
    const cells = { ...now.cells, [service]: cell };
    const other = members.find((each) => each !== service && now.cells[each]?.[0] === cell[0] && now.cells[each]?.[1] === cell[1]);
    if (other !== undefined && before !== undefined) cells[other] = before;
    saveStored(kind, { ...now, cells });
    setMoves((n) => n + 1);
  };
  const arrange = () => {
    saveStored(kind, NOTHING);
    setMoves((n) => n + 1);
  };
  return { picture: picture?.picture, move, arrange };
}
