import type { LayoutInput } from "./layout";
import { solve } from "./solve";

self.onmessage = (event: MessageEvent<LayoutInput>) => {
  self.postMessage(solve(event.data));
};
