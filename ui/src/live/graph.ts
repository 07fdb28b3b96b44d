import type { EdgeKey, GraphChange, GraphColumns, GraphNode, JudgedEdge, Verdict } from "../api/types";
import { peerKey, peerName } from "../text/words";

/** An edge as the map keeps it: ten thousand of them are held and gone through, so no more than a picture needs. */
export interface MapEdge extends EdgeKey {
  /** Keys of its ends, made once. */
  readonly from: string;
  readonly to: string;
  readonly verdict: Verdict;
  readonly connections: number;
  readonly denied: number;
  readonly would_deny: number;
  readonly rate: number;
  readonly first_seen: number;
  readonly last_seen: number;
}

/** The identifier that the server gives an edge. */
export function edgeId(edge: EdgeKey): string {
  return `${peerName(edge.client)}|${peerName(edge.server)}|${edge.protocol}|${edge.port}|${edge.application}`;
}

/** The graph by key. Changed in place by a batch; `version` says that it did, `shape` that what is drawn where did. */
export interface LiveGraph {
  time: number;
  revision: number;
  nodes: Map<string, GraphNode>;
  edges: Map<string, MapEdge>;
  version: number;
  shape: number;
}

export function fromColumns({ time, revision, nodes, peers, applications, edges }: GraphColumns, before?: LiveGraph): LiveGraph {
  const keys = peers.map(peerKey);
  const names = peers.map(peerName);
  const all = new Map<string, MapEdge>();
  for (let i = 0; i < edges.client.length; i++) {
    const [client, server] = [edges.client[i] ?? 0, edges.server[i] ?? 0];
    const edge = {
      client: peers[client], server: peers[server], protocol: edges.protocol[i], port: edges.port[i], application: applications[edges.application[i] ?? 0],
      from: keys[client], to: keys[server], verdict: edges.verdict[i], connections: edges.connections[i], denied: edges.denied[i], would_deny: edges.would_deny[i],
      rate: edges.rate[i], first_seen: edges.first_seen[i], last_seen: edges.last_seen[i],
    } as MapEdge;
    // As `edgeId` writes it, without looking at both peers ten thousand times.
    all.set(`${names[client] ?? ""}|${names[server] ?? ""}|${edge.protocol}|${edge.port}|${edge.application}`, edge);
  }
  return { time, revision, nodes: new Map(nodes.map((node) => [peerKey(node.peer), node])), edges: all, version: (before?.version ?? 0) + 1, shape: (before?.shape ?? 0) + 1 };
}

export function mapEdge(edge: JudgedEdge): MapEdge {
  const { client, server, protocol, port, application, verdict, connections, denied, would_deny, rate, first_seen, last_seen } = edge;
  return { client, server, protocol, port, application, from: peerKey(client), to: peerKey(server), verdict, connections, denied, would_deny, rate, first_seen, last_seen };
}

/** Applies changes; a new object for React, the same maps inside. Returns whether the server asked for a fresh fetch. */
export function applyChanges(graph: LiveGraph, changes: readonly GraphChange[]): { graph: LiveGraph; resync: boolean } {
  let shape = graph.shape;
  let resync = false;
  let time = graph.time;
  for (const change of changes) {
    switch (change.type) {
      case "edge": {
        const edge = mapEdge(change);
        const old = graph.edges.get(change.id);
        if (old === undefined || old.verdict !== edge.verdict) shape += 1;
        graph.edges.set(change.id, edge);
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
