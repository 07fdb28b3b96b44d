import type { GraphNode } from "../../../api/types";
import type { LiveGraph } from "../../../live/graph";

/**
 * Each service with what it tried and was kept from, or would be. The server counts a denial at both ends; on a picture
 * that would mark every service that somebody scanned, and hide who did it. What comes from outside stays with its target.
 */
export function heldBack(graph: LiveGraph): ReadonlyMap<string, GraphNode> {
  const tried = new Map<string, { denied: number; would: number }>();
  for (const edge of graph.edges.values()) {
    if (edge.denied === 0 && edge.would_deny === 0) continue;
    const by = edge.client.kind === "service" ? edge.from : edge.to;
    const of = tried.get(by) ?? { denied: 0, would: 0 };
    of.denied += edge.denied;
    of.would += edge.would_deny;
    tried.set(by, of);
  }
  const nodes = new Map<string, GraphNode>();
  for (const [key, node] of graph.nodes) {
    const of = tried.get(key);
    const [denied, would_deny] = [Math.min(node.denied, of?.denied ?? 0), Math.min(node.would_deny, of?.would ?? 0)];
    nodes.set(key, denied === node.denied && would_deny === node.would_deny ? node : { ...node, denied, would_deny });
  }
  return nodes;
}
