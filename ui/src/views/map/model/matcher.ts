import type { GraphNode } from "../../../api/types";
import { peerKey } from "../../../text/words";

export interface Matcher { empty: boolean; node: (node: GraphNode) => boolean }

/** Every word must be found in the name. */
export function matcher(text: string): Matcher {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return { empty: words.length === 0, node: (node) => words.every((word) => peerKey(node.peer).toLowerCase().includes(word)) };
}
