import type { Event } from "../../api/types";

/** Kinds that belong together in the filter. */
export const GROUPS = {
  denials: ["denied", "would-deny"],
  threats: ["spoof", "scan"],
  edges: ["new-edge"],
  changes: ["mode-changed", "policy-changed", "trial", "proposal", "learning"],
  workloads: ["workload-started", "workload-stopped"],
  sensors: ["degraded", "recovered", "lost"],
} as const;
export type Group = keyof typeof GROUPS;

/** Whom it is about: who tried, where that is a service. */
export function serviceOf(event: Event): string | undefined {
  if (event.type === "denied" || event.type === "would-deny") return event.edge.client.kind === "service" ? event.edge.client.name : event.service;
  if (event.type === "scan") return event.client.kind === "service" ? event.client.name : undefined;
  return "service" in event && typeof event.service === "string" ? event.service : undefined;
}

/** Events that belong to one story: about the same service, each within a quarter of an hour of the next. Oldest first. */
export function storyOf(event: Event, events: readonly Event[], gap = 15 * 60_000): Event[] {
  const about = serviceOf(event);
  if (about === undefined) return [event];
  const all = [...events.filter((each) => each.id !== event.id && serviceOf(each) === about), event].sort((a, b) => a.time - b.time || a.id - b.id);
  const at = all.indexOf(event);
  const far = (a: Event | undefined, b: Event | undefined): boolean => a === undefined || b === undefined || b.time - lastTime(a) > gap;
  let [from, to] = [at, at];
  while (!far(all[from - 1], all[from])) from -= 1;
  while (!far(all[to], all[to + 1])) to += 1;
  return all.slice(from, to + 1);
}

/** When it last counted: an aggregated event moves up each time it comes again. */
export const lastTime = (event: Event): number => (event.type === "denied" || event.type === "would-deny" ? Math.max(event.last, event.time) : event.time);

/** New and repeated events into the list, newest first; an event that comes again replaces itself. */
export function merged(events: readonly Event[], more: readonly Event[], most = Infinity): Event[] {
  const byId = new Map(events.map((event) => [event.id, event]));
  for (const event of more) byId.set(event.id, event);
  return [...byId.values()].sort((a, b) => lastTime(b) - lastTime(a) || b.id - a.id).slice(0, most);
}

/** The list as it stood when its reader began to read down in it: what comes meanwhile waits above, what is older comes below. */
export function standing(held: readonly Event[], events: readonly Event[]): { events: Event[]; above: number } {
  const now = new Map(events.map((event) => [event.id, event]));
  const known = new Set(held.map((event) => event.id));
  const oldest = held.at(-1);
  const others = events.filter((event) => !known.has(event.id));
  const below = oldest === undefined ? others : others.filter((event) => lastTime(event) <= lastTime(oldest));
  return { events: [...held.map((event) => now.get(event.id) ?? event), ...below], above: others.length - below.length };
}

export function countOf(event: Event): number | undefined {
  switch (event.type) {
    case "denied":
    case "would-deny":
    case "lost": return event.count;
    case "scan": return event.denied;
    default: return undefined;
  }
}

/** The words of an event that a filter looks through. */
export function textOf(event: Event): string {
  const parts = [event.message, event.type];
  if (event.type === "denied" || event.type === "would-deny") parts.push(event.service, event.workload_name ?? "", event.process?.command_line ?? "", String(event.edge.port), event.tuple.server_address);
  if (event.type === "scan") parts.push(event.process?.command_line ?? "");
  return parts.join(" ").toLowerCase();
}
