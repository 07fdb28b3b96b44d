import type { LayoutInput } from "./layout";
import type { Picture } from "./solve";

// One worker for the life of the page, started while the graph is still being asked for.
const worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module", name: "layout" });
let busy: ((picture: Picture) => void) | undefined;
let waiting: { input: LayoutInput; done: (picture: Picture) => void } | undefined;
worker.onmessage = (event: MessageEvent<Picture>) => {
  busy?.(event.data);
  busy = undefined;
  const next = waiting;
  waiting = undefined;
  if (next !== undefined) solveApart(next.input, next.done);
};

/** One at a time: of those that come meanwhile only the last is still wanted. */
export function solveApart(input: LayoutInput, done: (picture: Picture) => void): void {
  if (busy !== undefined) {
    waiting = { input, done };
    return;
  }
  busy = done;
  worker.postMessage(input);
}
