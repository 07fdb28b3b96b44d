import type { GraphNode, PastGraph } from "../../../api/types";
import { edgeId, type LiveGraph, type MapEdge } from "../../../live/graph";
import { peerKey } from "../../../text/words";

/** The graph of a stretch of the past in the form of the live one: its edges, between the services of today and those that are gone. */
export function pastGraph(past: PastGraph, live: LiveGraph): LiveGraph {
  const seconds = Math.max(1, (past.until - past.since) / 1000);
  const edges = new Map<string, MapEdge>();
  const nodes = new Map<string, GraphNode>([...live.nodes].map(([key, node]) => [key, { ...node, denied: 0, would_deny: 0 }]));
  for (const { edge, verdict, connections, denied, would_deny, packets, first_step, last_step } of past.edges) {
    const id = edgeId(edge);
    // When it was first seen at all is known of edges that are still there.
    edges.set(id, { ...edge, from: peerKey(edge.client), to: peerKey(edge.server), verdict, connections, denied, would_deny, rate: packets / seconds, first_seen: live.edges.get(id)?.first_seen ?? first_step, last_seen: last_step });
    for (const peer of [edge.client, edge.server]) {
      const key = peerKey(peer);
      // Places have no node of their own; a service without one is gone since.
      const node = nodes.get(key) ?? (peer.kind !== "service" ? undefined : { peer, mode: null, workloads: 0, open_ended: false, upper_hour: null, first_seen: first_step, denied: 0, would_deny: 0 });
      if (node === undefined) continue;
      nodes.set(key, { ...node, denied: node.denied + denied, would_deny: node.would_deny + would_deny });
    }
  }
  return { time: past.until, revision: live.revision, nodes, edges, version: live.version, shape: live.shape };
}
