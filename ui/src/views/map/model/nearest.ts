import type { Rect } from "./layout";

export type Way = "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight";

/** The next box in a direction, as the eye would go: near, and not far to the side. */
export function nearest(boxes: Readonly<Record<string, Rect>>, from: string, way: Way): string | undefined {
  const start = boxes[from];
  if (start === undefined) return undefined;
  const centre = ({ x, y, w, h }: Rect): [number, number] => [x + w / 2, y + h / 2];
  const [x, y] = centre(start);
  let best: string | undefined;
  let least = Infinity;
  for (const [key, box] of Object.entries(boxes)) {
    if (key === from) continue;
    const [dx, dy] = [centre(box)[0] - x, centre(box)[1] - y];
    const [ahead, aside] = way === "ArrowUp" ? [-dy, dx] : way === "ArrowDown" ? [dy, dx] : way === "ArrowLeft" ? [-dx, dy] : [dx, dy];
    if (ahead <= 4) continue;
    const far = ahead + 2 * Math.abs(aside);
    if (far < least) {
      least = far;
      best = key;
    }
  }
  return best;
}
