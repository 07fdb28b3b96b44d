import type { Mode, Peer, Verdict } from "../api/types";

/** One key for each peer: a service's own name, `external:name`, or its kind. */
export function peerKey(peer: Peer): string {
  switch (peer.kind) {
    case "service": return peer.name;
    case "external": return `external:${peer.name}`;
    default: return peer.kind;
  }
}

/** As the API takes it in questions. */
export function peerName(peer: Peer): string {
  return peer.kind === "service" || peer.kind === "external" ? peer.name : peer.kind;
}

const PLACES: Record<string, string> = {
  world: "Internet", host: "host", "remote-host": "other hosts", multicast: "multicast", unknown: "unknown",
};

/** As people read it, without the namespace. */
export function peerShort(peer: Peer): string {
  if (peer.kind === "service") return shortName(peer.name);
  if (peer.kind === "external") return peer.name;
  return PLACES[peer.kind] ?? peer.kind;
}

/** Where it is: its namespace, or what kind of place. */
export function peerPlace(peer: Peer): string {
  if (peer.kind === "service") return namespaceOf(peer.name);
  return peer.kind === "external" ? "external" : "";
}

export const namespaceOf = (service: string): string => service.slice(0, Math.max(0, service.indexOf("/")));
export const shortName = (service: string): string => service.slice(service.indexOf("/") + 1);

export function portText(protocol: string, port: number): string {
  if (protocol === "icmp" || protocol === "icmpv6") return `type ${port >> 8}`;
  return port === 0 ? "" : `:${port}`;
}

/** `http :8080`, or the protocol where no application has been read. */
export function applicationAndPort(edge: { application: string; protocol: string; port: number }): string {
  return `${spoken(edge)} ${portText(edge.protocol, edge.port)}`.trimEnd();
}

export function spoken(edge: { application: string; protocol: string }): string {
  return edge.application === "unknown" ? edge.protocol : edge.application;
}

const MODES: Record<Mode, string> = { learn: "Learn", monitor: "Monitor", enforce: "Enforce", quarantine: "Quarantine" };
export const modeWord = (mode: Mode): string => MODES[mode];

const VERDICTS: Record<Verdict, string> = { allowed: "allowed", "would-deny": "would deny", denied: "denied" };
export const verdictWord = (verdict: Verdict): string => VERDICTS[verdict];

/** Shortens in the middle: the head says whose it is, the tail tells replicas and ports apart. */
export function middle(text: string, length: number): string {
  if (text.length <= length) return text;
  const tail = Math.floor((length - 1) / 3);
  return `${text.slice(0, length - 1 - tail)}…${text.slice(text.length - tail)}`;
}
