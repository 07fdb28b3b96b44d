import type { GraphNode, Peer, Verdict } from "../../../api/types";
import { edgeId, type LiveGraph, type MapEdge } from "../../../live/graph";
import type { ContainerOf } from "./containers";
import { heldBack } from "./held";
import { count, plural, rate } from "../../../text/numbers";
import { applicationAndPort, namespaceOf, peerKey, peerShort, portText, spoken } from "../../../text/words";

/** Beyond so many services zones fold, and what is unfolded is drawn small. */
export const FULL_UNTIL = 40;
/** Of one zone in a compact picture, the ones that need a look first. */
const SHOWN_OF_ZONE = 10;
/** What a picture holds at most, so that people can read it and browsers can move it. */
const MOST_NODES = 300;
const OUTSIDE_SHOWN = 9;
const UNFOLD_BY_THEMSELVES = 2;

export const zoneKey = (zone: string): string => `zone:${zone}`;
export const restKey = (zone: string): string => `rest:${zone}`;

export interface SceneZone {
  name: string;
  folded: boolean;
  /** Drawn one by one, in the order of their names. */
  services: GraphNode[];
  /** Of an unfolded zone, those that are drawn as one. */
  rest: GraphNode[];
  all: GraphNode[];
  denied: number;
  wouldDeny: number;
  openEnded: boolean;
  /** The worst bound of the zone; undefined where some service has none. */
  worst: number | undefined;
}

/** A place that is no service: no wall, no ring. */
export interface SceneEntry {
  key: string;
  label: string;
  detail: string;
  kind: Peer["kind"] | "rest";
}

/** What a candidate policy does to an edge: cuts off what is in use, closes what is open and idle, or lets pass what was denied. */
export type Effect = "breaks" | "closes" | "opens";

export interface SceneLink {
  id: string;
  effect?: Effect | undefined;
  /** Seen for the first time in the stretch that is looked at. */
  fresh: boolean;
  from: string;
  to: string;
  verdict: Verdict;
  edges: MapEdge[];
  what: string;
  much: string;
  rate: number;
}

export interface Scene {
  density: "full" | "compact";
  zones: SceneZone[];
  outside: SceneEntry[];
  below: SceneEntry[];
  links: SceneLink[];
  /** What each service and place is drawn as: itself, its folded zone, or the rest of it. */
  shown: ReadonlyMap<string, string>;
}

export interface SceneOptions {
  folded: ReadonlySet<string>;
  unfolded: ReadonlySet<string>;
  /** Only edges that were in use in this time. */
  from?: number | undefined;
  to?: number | undefined;
  /** Only edges that were seen for the first time in it. */
  fresh?: boolean | undefined;
  /** Verdicts under another policy, by key of the edge. */
  verdicts?: ReadonlyMap<string, Verdict> | undefined;
  hidden?: ReadonlySet<Verdict> | undefined;
  /** Whether `verdicts` are those of a candidate, whose effects are to be told apart. */
  candidate?: boolean | undefined;
  /** What services are drawn in, where that is not their namespace. */
  containerOf?: ContainerOf | undefined;
  /** Services that are drawn one by one if their zone is unfolded, however many there are. */
  wanted?: ReadonlySet<string> | undefined;
  /** A way over some peers, drawn also where no edge has been seen. */
  path?: readonly string[] | undefined;
}

/** An edge without traffic for so long is idle: closing it breaks nobody at the moment. */
const IDLE = 3_600_000;

const BELOW: Peer["kind"][] = ["host", "remote-host", "multicast", "unknown"];

export function buildScene(graph: LiveGraph, options: SceneOptions): Scene {
  const byZone = new Map<string, GraphNode[]>();
  let services = 0;
  const containerOf = options.containerOf ?? namespaceOf;
  for (const node of heldBack(graph).values()) {
    if (node.peer.kind !== "service") continue;
    services += 1;
    const zone = containerOf(node.peer.name);
    const members = byZone.get(zone);
    if (members === undefined) byZone.set(zone, [node]);
    else members.push(node);
  }
  const density = services <= FULL_UNTIL ? "full" : "compact";
  const edges = [...graph.edges.values()].filter((edge) => inTime(edge, options) && options.hidden?.has(verdictOf(edge, options)) !== true);
  const zones = foldZones(byZone, density, options);

  const shown = new Map<string, string>();
  for (const zone of zones) {
    for (const node of zone.all) shown.set(peerKey(node.peer), zone.folded ? zoneKey(zone.name) : "");
    if (zone.folded) continue;
    for (const node of zone.services) shown.set(peerKey(node.peer), peerKey(node.peer));
    for (const node of zone.rest) shown.set(peerKey(node.peer), restKey(zone.name));
  }
  // Few of ten thousand edges lead out of the services.
  const leading = edges.filter((edge) => edge.client.kind !== "service" || edge.server.kind !== "service");
  const outside = outsideEntries(leading, shown, options);
  const below = belowEntries(leading, shown);
  const links = linksOf(edges, shown, options, density, graph.time);
  return { density, zones, outside, below, shown, links: [...links, ...unseen(links, shown, options.path ?? [])] };
}

function inTime(edge: MapEdge, { from, to, fresh }: SceneOptions): boolean {
  if (fresh === true) return (from === undefined || edge.first_seen >= from) && (to === undefined || edge.first_seen <= to);
  return (from === undefined || edge.last_seen >= from) && (to === undefined || edge.first_seen <= to);
}

export function verdictOf(edge: MapEdge, { verdicts }: Pick<SceneOptions, "verdicts">): Verdict {
  return verdicts?.get(edgeId(edge)) ?? edge.verdict;
}

function foldZones(byZone: Map<string, GraphNode[]>, density: Scene["density"], options: SceneOptions): SceneZone[] {
  const zones = [...byZone].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, all]): SceneZone => {
    all.sort((a, b) => (peerKey(a.peer) < peerKey(b.peer) ? -1 : 1));
    let worst: number | undefined = 0;
    for (const node of all) worst = worst === undefined || node.upper_hour === null || node.upper_hour === undefined ? undefined : Math.max(worst, node.upper_hour);
    return {
      name, all, folded: true, services: [], rest: [], worst,
      denied: sum(all, (node) => node.denied), wouldDeny: sum(all, (node) => node.would_deny), openEnded: all.some((node) => node.open_ended),
    };
  });
  // A zone with denials unfolds by itself, the worst first; more than two would push the rest aside.
  const loud = new Set([...zones].filter((zone) => zone.denied > 0).sort((a, b) => b.denied - a.denied).slice(0, UNFOLD_BY_THEMSELVES).map((zone) => zone.name));
  const few = zones.length <= 2;
  for (const zone of zones) zone.folded = options.folded.has(zone.name) || (density === "compact" && !few && !options.unfolded.has(zone.name) && !loud.has(zone.name));
  const open = zones.filter((zone) => !zone.folded).length;
  // The more zones are unfolded, the fewer of each are drawn one by one; one more stands for the others.
  const share = few ? FULL_UNTIL : Math.max(2, Math.min(SHOWN_OF_ZONE, Math.floor((MOST_NODES - (zones.length - open)) / Math.max(1, open)) - 1));
  for (const zone of zones) {
    if (zone.folded) continue;
    const most = density === "full" || zone.all.length <= share + 1 ? Infinity : share;
    const wanted = (node: GraphNode): number => Number(options.wanted?.has(peerKey(node.peer)) === true);
    const loudest = [...zone.all].sort((a, b) => wanted(b) - wanted(a) || b.denied - a.denied || b.would_deny - a.would_deny || b.workloads - a.workloads).slice(0, most);
    const chosen = new Set(loudest);
    zone.services = zone.all.filter((node) => chosen.has(node));
    zone.rest = zone.all.filter((node) => !chosen.has(node));
  }
  return zones;
}

function outsideEntries(edges: readonly MapEdge[], shown: Map<string, string>, options: SceneOptions): SceneEntry[] {
  const seen = new Map<string, { peer: Peer; weight: number; ports: Set<string> }>();
  for (const edge of edges) {
    for (const peer of [edge.client, edge.server]) {
      if (peer.kind !== "world" && peer.kind !== "external") continue;
      const key = peerKey(peer);
      const entry = seen.get(key) ?? { peer, weight: 0, ports: new Set<string>() };
      entry.weight += (verdictOf(edge, options) === "allowed" ? 0 : 1000) + 1 + (peer.kind === "world" ? 1e6 : 0);
      if (peer === edge.server) entry.ports.add(applicationAndPort(edge));
      seen.set(key, entry);
    }
  }
  const ranked = [...seen].sort(([a, x], [b, y]) => y.weight - x.weight || (a < b ? -1 : 1));
  const kept = ranked.slice(0, ranked.length > OUTSIDE_SHOWN + 1 ? OUTSIDE_SHOWN : undefined);
  const entries = kept.map(([key, { peer, ports }]): SceneEntry => ({
    key, kind: peer.kind, label: peer.kind === "world" ? "any address" : peerShort(peer).replace(/\/(32|128)$/, ""),
    detail: ports.size === 0 ? "client" : ports.size === 1 ? ([...ports][0] ?? "") : plural(ports.size, "port"),
  }));
  for (const entry of entries) shown.set(entry.key, entry.key);
  const rest = ranked.slice(kept.length);
  if (rest.length > 0) {
    const key = restKey("outside");
    entries.push({ key, kind: "rest", label: `${count(rest.length)} more`, detail: "names and ranges" });
    for (const [each] of rest) shown.set(each, key);
  }
  return entries;
}

function belowEntries(edges: readonly MapEdge[], shown: Map<string, string>): SceneEntry[] {
  const ports = new Map<Peer["kind"], Set<string>>();
  for (const edge of edges) {
    for (const peer of [edge.client, edge.server]) {
      if (!BELOW.includes(peer.kind)) continue;
      const of = ports.get(peer.kind) ?? new Set<string>();
      if (peer === edge.server) of.add(`${applicationAndPort(edge)}${edge.protocol === "tcp" || edge.application === "unknown" ? "" : ` ${edge.protocol}`}`);
      ports.set(peer.kind, of);
    }
  }
  return BELOW.filter((kind) => ports.has(kind)).map((kind) => {
    shown.set(kind, kind);
    const of = [...(ports.get(kind) ?? [])].sort();
    return { key: kind, kind, label: peerShort({ kind } as Peer), detail: of.length === 0 ? "client" : of.length <= 2 ? of.join(", ") : plural(of.length, "port") };
  });
}

/** Steps of the way that nobody has been seen to take. */
function unseen(links: readonly SceneLink[], shown: ReadonlyMap<string, string>, path: readonly string[]): SceneLink[] {
  return stepsOf(path, shown).filter(([from, to]) => !links.some((link) => link.from === from && link.to === to && link.verdict === "allowed"))
    .map(([from, to]) => ({ id: `${from}>${to}>path`, from, to, verdict: "allowed", fresh: false, edges: [], what: "never seen", much: "", rate: 0 }));
}

/** Pairs of drawn things along a way; what is folded into one is one. */
export function stepsOf(path: readonly string[], shown: ReadonlyMap<string, string>): [string, string][] {
  const drawn = path.flatMap((key) => shown.get(key) ?? []);
  return drawn.slice(1).flatMap((to, i): [string, string][] => { const from = drawn[i]; return from === undefined || from === to ? [] : [[from, to]]; });
}

const ORDER: Verdict[] = ["allowed", "would-deny", "denied"];

function linksOf(edges: readonly MapEdge[], shown: ReadonlyMap<string, string>, options: SceneOptions, density: Scene["density"], now: number): SceneLink[] {
  const links: SceneLink[] = [];
  const byEnds = new Map<string, Map<string, SceneLink[]>>();
  for (const edge of edges) {
    const from = shown.get(edge.from);
    const to = shown.get(edge.to);
    if (from === undefined || to === undefined || from === to) continue;
    const verdict = verdictOf(edge, options);
    const effect = effectOf(edge, options, now);
    let row = byEnds.get(from);
    if (row === undefined) byEnds.set(from, (row = new Map()));
    const between = row.get(to);
    const link = between?.find((each) => each.verdict === verdict && each.effect === effect);
    if (link !== undefined) {
      link.edges.push(edge);
      link.rate += edge.rate;
      continue;
    }
    const made: SceneLink = { id: `${from}>${to}>${verdict}${effect === undefined ? "" : `>${effect}`}`, from, to, verdict, effect, edges: [edge], what: "", much: "", rate: edge.rate, fresh: false };
    links.push(made);
    if (between === undefined) row.set(to, [made]);
    else between.push(made);
  }
  const since = options.fresh === true ? undefined : options.from;
  for (const link of links) {
    link.fresh = since !== undefined && link.edges.every((edge) => edge.first_seen >= since);
    const { what, much } = labelOf(link, density);
    Object.assign(link, { what: link.fresh && what !== "" ? `new: ${what}` : what, much });
  }
  return links.sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict) || (a.id < b.id ? -1 : 1));
}

export function effectOf(edge: MapEdge, options: Pick<SceneOptions, "verdicts" | "candidate">, now: number): Effect | undefined {
  const after = options.candidate === true ? options.verdicts?.get(edgeId(edge)) : undefined;
  if (after === undefined || after === edge.verdict) return undefined;
  if (after === "allowed") return "opens";
  return edge.rate === 0 && now - edge.last_seen > IDLE ? "closes" : "breaks";
}

/** Application and rate; for what was held back, port and count: no application was read. */
export function labelOf(link: Pick<SceneLink, "edges" | "verdict" | "rate" | "effect">, density: Scene["density"] = "full"): { what: string; much: string } {
  const [first] = link.edges;
  if (first === undefined) return { what: "", much: "" };
  if (link.effect !== undefined) return { what: link.edges.length === 1 ? `${first.protocol} ${portText(first.protocol, first.port)}`.trimEnd() : plural(link.edges.length, "edge"), much: link.effect };
  if (link.verdict === "allowed") {
    // Where no application has been read, the port says more than the protocol alone.
    const word = (edge: MapEdge): string => (edge.application === "unknown" ? `${edge.protocol} ${portText(edge.protocol, edge.port)}`.trimEnd() : spoken(edge));
    const all = word(first);
    return { what: link.edges.every((edge) => edge === first || word(edge) === all) ? all : plural(link.edges.length, "edge"), much: rate(link.rate) };
  }
  const n = sum(link.edges, (edge) => (link.verdict === "denied" ? edge.denied : edge.would_deny));
  const ports = new Set(link.edges.map((edge) => `${edge.protocol} ${portText(edge.protocol, edge.port)}`));
  // Between tiles there is room for a number alone; the line says the rest.
  if (density === "compact") return { what: "", much: n > 0 ? count(n) : "" };
  const word = link.verdict === "denied" ? "denied" : "would deny";
  return { what: ports.size === 1 ? ([...ports][0] ?? "") : plural(ports.size, "port"), much: n > 0 ? `${count(n)} ${word}` : word };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
