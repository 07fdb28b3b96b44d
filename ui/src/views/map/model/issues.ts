import type { GraphNode } from "../../../api/types";

export interface Issue { service: string; kind: "denied" | "would-deny" | "open-ended"; count: number; node: GraphNode }

const ORDER = { denied: 0, "would-deny": 1, "open-ended": 2 };

/** What needs a look, worst first. */
export function issuesOf(nodes: Iterable<GraphNode>): Issue[] {
  const issues: Issue[] = [];
  for (const node of nodes) {
    if (node.peer.kind !== "service") continue;
    const service = node.peer.name;
    if (node.denied > 0) issues.push({ service, kind: "denied", count: node.denied, node });
    else if (node.would_deny > 0) issues.push({ service, kind: "would-deny", count: node.would_deny, node });
    else if (node.open_ended) issues.push({ service, kind: "open-ended", count: 0, node });
  }
  return issues.sort((a, b) => ORDER[a.kind] - ORDER[b.kind] || b.count - a.count || (a.service < b.service ? -1 : 1));
}
