import type { LayoutInput } from "./layout";
import { solve } from "./solve";

self.onmessage = (event: MessageEvent<{ id: number; input: LayoutInput }>) => {
  self.postMessage({ id: event.data.id, picture: solve(event.data.input) });
};
