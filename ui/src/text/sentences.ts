import type { EdgeKey, GraphNode, PastGraph, ServiceDetail, Status, Verdict } from "../api/types";
import { bound, count, plural } from "./numbers";
import { clock, day, full } from "./times";
import { applicationAndPort, modeWord, peerShort, portText, shortName, spoken } from "./words";

/** What is said of an edge needs no more of it. */
export type Told = EdgeKey & { readonly verdict: Verdict; readonly denied: number; readonly would_deny: number };

/** What a line on the map says to somebody who cannot see it. */
export function edgeSentence(edge: Told, verdict: Verdict = edge.verdict): string {
  const way = `${peerShort(edge.client)} to ${peerShort(edge.server)}, ${edge.protocol} ${portText(edge.protocol, edge.port).replace(":", "")}`.trimEnd();
  if (verdict === "denied") return `${way}, denied${edge.denied > 0 ? ` ${times(edge.denied)}` : ""}`;
  if (verdict === "would-deny") return `${way}, would be denied${edge.would_deny > 0 ? `, ${times(edge.would_deny)} so far` : ""}`;
  return `${way}${edge.application === "unknown" ? "" : `, ${spoken(edge)}`}, allowed`;
}

/** A learned rule as one reads it; the document says it to the letter. */
export function ruleTitle(item: { rule: string; direction: "ingress" | "egress"; evidence: readonly EdgeKey[] }): string {
  const [only, another] = item.evidence;
  if (only === undefined || another !== undefined) return item.rule;
  return item.direction === "egress" ? `to ${peerShort(only.server)}, ${applicationAndPort(only)}` : `from ${peerShort(only.client)}, ${applicationAndPort(only)}`;
}

export const times = (n: number): string => (n === 1 ? "once" : n === 2 ? "twice" : `${count(n)} times`);

export interface Headline {
  text: string;
  detail: string;
  tone: "denied" | "would-deny" | "quiet";
}

/** The answer that the map gives: who was held back, or that nobody was. */
export function mapHeadline(nodes: Iterable<GraphNode>, edges: Iterable<Told>, status: Status | undefined): Headline {
  let denied = 0;
  let would = 0;
  const by = new Map<string, number>();
  const wouldBy = new Map<string, number>();
  for (const edge of edges) {
    const who = edge.client.kind === "service" ? edge.client.name : peerShort(edge.client);
    if (edge.verdict === "denied" && edge.denied > 0) {
      denied += edge.denied;
      by.set(who, (by.get(who) ?? 0) + edge.denied);
    } else if (edge.verdict === "would-deny" && edge.would_deny > 0) {
      would += edge.would_deny;
      wouldBy.set(who, (wouldBy.get(who) ?? 0) + edge.would_deny);
    }
  }
  let services = 0;
  let open = 0;
  for (const node of nodes) {
    if (node.peer.kind !== "service") continue;
    services += 1;
    if (node.open_ended) open += 1;
  }
  const detail = modesSentence(services, open, status);
  if (denied > 0) {
    const [first, second] = [...by].sort((a, b) => b[1] - a[1]);
    const who = shortName(first?.[0] ?? "");
    if (second === undefined) return { tone: "denied", detail, text: `${who} tried ${plural(denied, "connection")} outside of its nano-segment; ${denied === 1 ? "it was" : "all were"} denied.` };
    return { tone: "denied", detail, text: `${plural(denied, "connection")} ${denied === 1 ? "was" : "were"} denied, ${count(first?.[1] ?? 0)} of them from ${who}.` };
  }
  if (would > 0) {
    const [first] = [...wouldBy].sort((a, b) => b[1] - a[1]);
    return { tone: "would-deny", detail, text: `Nothing is denied; Enforce would deny ${plural(would, "connection")}${first === undefined ? "" : `, ${first[1] === would ? "all" : count(first[1])} of them from ${shortName(first[0])}`}.` };
  }
  return { tone: "quiet", detail, text: `All ${plural(services, "service")} ${services === 1 ? "stays" : "stay"} within ${services === 1 ? "its nano-segment" : "their nano-segments"}.` };
}

/** What was seen for the first time since a moment. */
export function newHeadline(edges: Iterable<Told & { readonly first_seen: number }>, since: number): Headline {
  const fresh = [...edges].filter((edge) => edge.first_seen >= since);
  const denied = fresh.filter((edge) => edge.verdict === "denied").length;
  const would = fresh.filter((edge) => edge.verdict === "would-deny").length;
  const held = denied > 0 ? `; ${count(denied)} of them denied` : would > 0 ? `; ${count(would)} of them would be denied` : "";
  return { tone: denied > 0 ? "denied" : would > 0 ? "would-deny" : "quiet", text: `${fresh.length === 0 ? "No edge is" : `${plural(fresh.length, "edge")} ${fresh.length === 1 ? "is" : "are"}`} new since ${full(since)}${held}.`, detail: "Lines that were there before are left out." };
}

/** The same of a stretch of the past, in the server's words. */
export function pastHeadline(past: Pick<PastGraph, "since" | "until" | "edges" | "sentence">): Headline {
  const tone = past.edges.some((edge) => edge.verdict === "denied") ? "denied" : past.edges.some((edge) => edge.verdict === "would-deny") ? "would-deny" : "quiet";
  return { tone, text: `${full(past.since)} to ${day(past.since) === day(past.until) ? clock(past.until) : full(past.until)}: ${past.edges.length === 0 ? "no connection is stored of that time." : past.sentence}`, detail: "Lines are those of that time, in whole steps of the history; services, modes and what is known of them are as of now." };
}

function modesSentence(services: number, open: number, status: Status | undefined): string {
  if (status === undefined) return plural(services, "service");
  const parts: string[] = [];
  const { learn, monitor, enforce, quarantine } = status.services;
  for (const [n, word] of [[enforce, "Enforce"], [monitor, "Monitor"], [learn, "Learn"], [quarantine, "Quarantine"]] as const) {
    if (n > 0) parts.push(`${count(n)} in ${word}`);
  }
  return `${plural(services, "service")}: ${parts.join(", ")}${open > 0 ? `; ${count(open)} open-ended` : ""}. Policy revision ${count(status.enforced_revision)} is enforced.`;
}

export function nodeSentence(node: GraphNode): string {
  const name = peerShort(node.peer);
  const mode = node.mode === null || node.mode === undefined ? "" : `, ${modeWord(node.mode)}`;
  const held = node.denied > 0 ? `, ${count(node.denied)} denied` : node.would_deny > 0 ? `, ${count(node.would_deny)} would be denied` : "";
  return `${name}, ${plural(node.workloads, "workload")}${mode}, ${bound(node.upper_hour, node.open_ended)}${held}`;
}

/** The answer that a service's page gives: where it stands, and what stands in its way. */
export function serviceHeadline(detail: Pick<ServiceDetail, "name" | "mode" | "learning" | "progress" | "denied_24h" | "would_deny_24h">): Headline {
  const name = shortName(detail.name);
  const { learning, progress, mode } = detail;
  const detailLine = learning.sentence;
  const open = learning.gates.filter((gate) => !gate.armed);
  if (mode === "quarantine") return { tone: "quiet", text: `${name} is cut off: nothing passes.`, detail: progress.stage === "quarantined" && progress.reason !== "" ? `Reason: ${progress.reason}.` : detailLine };
  if (detail.denied_24h > 0) return { tone: "denied", text: `${name} met ${plural(detail.denied_24h, "denial")} in 24 hours.`, detail: detailLine };
  if (progress.stage === "rolled-back") return { tone: "would-deny", text: `${name} was taken back from Enforce: ${progress.reason}`, detail: detailLine };
  if (mode === "enforce") return { tone: "quiet", text: `${name} is confined to ${plural(learning.edges, "edge")}; nothing was denied in 24 hours.`, detail: detailLine };
  if (learning.open_ended) return { tone: "quiet", text: `${name} is open-ended: it keeps finding new peers.`, detail: detailLine };
  if (open.length > 0) return { tone: detail.would_deny_24h > 0 ? "would-deny" : "quiet", text: `${name} is ${plural(open.length, "gate")} short of ${mode === "learn" ? "Monitor" : "Enforce"}: ${lower(open[0]?.sentence ?? "")}`, detail: detailLine };
  if (learning.ready) return { tone: "quiet", text: `${name} is ready for Enforce.`, detail: detailLine };
  return { tone: "quiet", text: `${name} is being learned: ${plural(learning.edges, "edge")} so far.`, detail: detailLine };
}

const lower = (text: string): string => (/^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text);
