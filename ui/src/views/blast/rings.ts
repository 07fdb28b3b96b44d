import type { BlastSide, Peer } from "../../api/types";
import { peerKey } from "../../text/words";

export interface Spot { key: string; peer: Peer; x: number; y: number; angle: number; hops: number | undefined; via: string | undefined }

/** Rings drawn: further hops share the last. */
export const RINGS = 3;
export const RADII = [0, 82, 134, 184] as const;
const OUT = 214;

/** The same direction for a peer in both drawings, so that only the distance changes. Children stay near to whom they fall with. */
export function directions(sides: readonly BlastSide[], origin: string): Map<string, number> {
  const via = new Map<string, string>();
  const depth = new Map<string, number>();
  for (const side of sides) for (const each of side.reached) {
    const key = peerKey(each.peer);
    if ((depth.get(key) ?? -1) >= each.hops) continue;
    depth.set(key, each.hops);
    via.set(key, peerKey(each.via));
  }
  const children = new Map<string, string[]>();
  for (const [key, parent] of via) {
    const at = via.has(parent) || parent === origin ? parent : origin;
    children.set(at, [...(children.get(at) ?? []), key]);
  }
  const order: string[] = [];
  const seen = new Set<string>();
  const walk = (key: string): void => {
    for (const child of (children.get(key) ?? []).sort()) {
      if (seen.has(child)) continue;
      seen.add(child);
      order.push(child);
      walk(child);
    }
  };
  walk(origin);
  for (const key of [...via.keys()].sort()) if (!seen.has(key)) order.push(key);
  return new Map(order.map((key, i) => [key, (i / order.length) * 2 * Math.PI - Math.PI / 2 + Math.PI / order.length]));
}

export function spots(side: BlastSide, angles: ReadonlyMap<string, number>, peers: ReadonlyMap<string, Peer>): Spot[] {
  const reached = new Map(side.reached.map((each) => [peerKey(each.peer), each]));
  return [...angles].flatMap(([key, angle]) => {
    const found = reached.get(key);
    const peer = found?.peer ?? peers.get(key);
    if (peer === undefined) return [];
    const r = found === undefined ? OUT : (RADII[Math.min(RINGS, found.hops)] ?? OUT);
    return [{ key, peer, angle, x: r * Math.cos(angle), y: r * Math.sin(angle), hops: found?.hops, via: found === undefined ? undefined : peerKey(found.via) }];
  });
}

/** The chain by which a peer falls, from the origin on. */
export function chain(side: BlastSide, origin: string, key: string): string[] {
  const via = new Map(side.reached.map((each) => [peerKey(each.peer), peerKey(each.via)]));
  const out = [key];
  for (let at = via.get(key); at !== undefined && out.length < 64; at = via.get(at)) {
    out.unshift(at);
    if (at === origin) break;
  }
  return out;
}
