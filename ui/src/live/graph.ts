import type { Graph, GraphChange, GraphNode, JudgedEdge } from "../api/types";
import { peerKey } from "../text/words";

/** The graph by key. Changed in place by a batch; `version` says that it did, `shape` that what is drawn where did. */
export interface LiveGraph {
  time: number;
  revision: number;
  nodes: Map<string, GraphNode>;
  edges: Map<string, JudgedEdge>;
  version: number;
  shape: number;
}

export function fromGraph(graph: Graph, before?: LiveGraph): LiveGraph {
  return {
    time: graph.time,
    revision: graph.revision,
    nodes: new Map(graph.nodes.map((node) => [peerKey(node.peer), node])),
    edges: new Map(graph.edges.map((edge) => [edge.id, edge])),
    version: (before?.version ?? 0) + 1,
    shape: (before?.shape ?? 0) + 1,
  };
}

/** Applies changes; a new object for React, the same maps inside. Returns whether the server asked for a fresh fetch. */
export function applyChanges(graph: LiveGraph, changes: readonly GraphChange[]): { graph: LiveGraph; resync: boolean } {
  let shape = graph.shape;
  let resync = false;
  let time = graph.time;
  for (const change of changes) {
    switch (change.type) {
      case "edge": {
        const { type: _, ...edge } = change;
        const old = graph.edges.get(edge.id);
        if (old === undefined || old.verdict !== edge.verdict) shape += 1;
        graph.edges.set(edge.id, edge);
        time = Math.max(time, edge.last_seen);
        break;
      }
      case "node": {
        const { type: _, ...node } = change;
        const key = peerKey(node.peer);
        const old = graph.nodes.get(key);
        if (old?.mode !== node.mode || (old?.denied === 0) !== (node.denied === 0)) shape += 1;
        graph.nodes.set(key, node);
        break;
      }
      case "node-removed":
        shape += 1;
        graph.nodes.delete(peerKey(change.peer));
        break;
      case "edge-removed":
        shape += 1;
        graph.edges.delete(change.id);
        break;
      case "resync":
        resync = true;
    }
  }
  return { graph: { ...graph, time, version: graph.version + 1, shape }, resync };
}
