import { describe, expect, it } from "vitest";
import { columnsOf, estate } from "../../../fixtures/estate";
import { fromColumns } from "../../../live/graph";
import { byZone } from "./containers";
import { inputOf } from "./input";
import { overlaps } from "./labels";
import { cellAt, ranks, type Rect } from "./layout";
import { heldBack } from "./held";
import { issuesOf } from "./issues";
import { nearest } from "./nearest";
import { simplify, type Point } from "./route";
import { buildScene, type Scene } from "./scene";
import { solve } from "./solve";
import { tellable } from "./input";
import { pastGraph } from "./past";
import { bucketsOf, lastPart, rangeOf, shifted, ticksOf } from "./time";

const NOW = 1_700_000_000_000;
const EMPTY = { folded: new Set<string>(), unfolded: new Set<string>() };
const STORED = { zones: {}, cells: {} };
const shop = fromColumns(columnsOf(estate("shop", NOW).graph));
const scene = (): Scene => buildScene(shop, EMPTY);

describe("folding", () => {
  it("unfolds everything in a small estate", () => {
    expect(scene().density).toBe("full");
    expect(scene().zones.every((zone) => !zone.folded)).toBe(true);
  });
  it("folds a large estate but for the zones with denials", () => {
    const huge = buildScene(fromColumns(columnsOf(estate("huge", NOW).graph)), EMPTY);
    expect(huge.density).toBe("compact");
    expect(huge.zones.filter((zone) => !zone.folded).every((zone) => zone.denied > 0)).toBe(true);
    const drawn = huge.zones.reduce((n, zone) => n + (zone.folded ? 1 : zone.services.length + 1), 0);
    expect(drawn).toBeLessThanOrEqual(300);
  });
  it("never draws more than 300 nodes for a thousand services", () => {
    const large = buildScene(fromColumns(columnsOf(estate("large", NOW).graph)), EMPTY);
    expect(large.zones.reduce((n, zone) => n + (zone.folded ? 1 : zone.services.length + 1), 0) + large.outside.length).toBeLessThanOrEqual(300);
  });
  it("never draws more than that when every zone is unfolded", () => {
    const graph = fromColumns(columnsOf(estate("large", NOW).graph));
    const zones = buildScene(graph, EMPTY).zones.map((zone) => zone.name);
    const all = buildScene(graph, { ...EMPTY, unfolded: new Set(zones) });
    expect(all.zones.every((zone) => !zone.folded)).toBe(true);
    expect(all.zones.reduce((n, zone) => n + zone.services.length + (zone.rest.length > 0 ? 1 : 0), 0)).toBeLessThanOrEqual(300);
  });
  it("joins the edges of a folded zone into one link for each verdict", () => {
    const folded = buildScene(shop, { ...EMPTY, folded: new Set(["shop", "data"]) });
    const between = folded.links.filter((link) => link.from === "zone:shop" && link.to === "zone:data");
    expect(between.map((link) => [link.verdict, link.edges.length])).toEqual([["allowed", 3], ["denied", 1]]);
  });
  it("labels what was denied by port and count, for no application was read", () => {
    const denied = scene().links.find((link) => link.id === "shop/web>data/redis>denied");
    expect([denied?.what, denied?.much]).toEqual(["tcp :6379", "3 denied"]);
  });
  it("shows another policy's verdicts when asked to", () => {
    const link = scene().links.find((each) => each.verdict === "would-deny")?.edges[0];
    const verdicts = new Map([["shop/checkout|host|udp|8125|unknown", "denied" as const]]);
    expect(buildScene(shop, { ...EMPTY, verdicts }).links.some((each) => each.verdict === "denied" && each.edges[0] === link)).toBe(true);
  });
  it("draws services in their smallest zone where zones are asked for, the others in their namespaces", () => {
    const member = (service: string) => ({ service, mode: "enforce" as const, through: "", workloads: 1 });
    const containerOf = byZone([
      { name: "all", members: ["data/redis", "data/postgresql", "shop/api"].map(member) }, { name: "edge", members: ["data/redis"].map(member) },
    ]);
    expect(["data/redis", "data/postgresql", "shop/api", "shop/web", "edge/nginx"].map(containerOf)).toEqual(["edge", "all", "all", "shop", "edge, in no zone"]);
    expect(buildScene(shop, { ...EMPTY, containerOf }).zones.map((zone) => zone.name)).toEqual(["all", "batch", "edge", "edge, in no zone", "shop"]);
  });
  it("says which lines are new in the stretch that is looked at", () => {
    const since = NOW - 30 * 60_000;
    const looked = buildScene(shop, { ...EMPTY, from: since });
    expect(looked.links.filter((link) => link.fresh).every((link) => link.edges.every((edge) => edge.first_seen >= since))).toBe(true);
    expect(looked.links.find((link) => link.id === "shop/web>data/redis>denied")).toMatchObject({ fresh: true, what: "new: tcp :6379" });
    expect(looked.links.find((link) => link.id === "shop/api>data/postgresql>allowed")?.fresh).toBe(false);
    expect(buildScene(shop, { ...EMPTY, from: since, fresh: true }).links.some((link) => link.fresh)).toBe(false);
  });
  it("leaves out edges that were not in use in the time asked for", () => {
    expect(buildScene(shop, { ...EMPTY, to: NOW - 13 * 86_400_000 }).links).toEqual([]);
  });
  it("shows what is new since a moment, and not what was merely used", () => {
    const firsts = [...shop.edges.values()].map((edge) => edge.first_seen).sort((a, b) => b - a);
    const newest = firsts[0] ?? 0;
    const shown = buildScene(shop, { ...EMPTY, from: newest, fresh: true }).links.flatMap((link) => link.edges);
    expect(shown.length).toBe(firsts.filter((first) => first === newest).length);
    expect(shown.every((edge) => edge.first_seen === newest)).toBe(true);
  });
});

describe("who was held back", () => {
  it("is whoever tried, not whoever was tried", () => {
    const world = estate("shop", NOW).graph;
    // The server counts a denial at both ends.
    const nodes = world.nodes.map((node) => (node.peer.kind === "service" && node.peer.name === "data/redis" ? { ...node, denied: 3 } : node));
    const held = heldBack(fromColumns(columnsOf({ ...world, nodes })));
    expect(held.get("data/redis")?.denied).toBe(0);
    expect(held.get("shop/web")?.denied).toBe(14);
  });
});

describe("the layout", () => {
  const picture = solve(inputOf(scene(), false, undefined, STORED));
  const boxes = Object.entries(picture.geometry.nodes);
  it("puts no box on another", () => {
    for (const [i, [a, x]] of boxes.entries()) for (const [b, y] of boxes.slice(i + 1)) expect(overlaps(x, y), `${a} and ${b}`).toBe(false);
  });
  it("finds a way for every link, and none through a box", () => {
    for (const link of scene().links) {
      const way = picture.ways[link.id];
      expect(way, link.id).toBeDefined();
      for (let i = 1; i < (way?.length ?? 0); i++) {
        const a: Point = way?.[i - 1] ?? [0, 0];
        const b: Point = way?.[i] ?? [0, 0];
        const segment: Rect = { x: Math.min(a[0], b[0]), y: Math.min(a[1], b[1]), w: Math.max(0.1, Math.abs(a[0] - b[0])), h: Math.max(0.1, Math.abs(a[1] - b[1])) };
        for (const [key, box] of boxes) {
          const inner = { x: box.x + 1, y: box.y + 1, w: box.w - 2, h: box.h - 2 };
          const own = key === link.from || key === link.to || picture.geometry.places[key] !== undefined;
          if (!own) expect(overlaps(segment, inner), `${link.id} through ${key}`).toBe(false);
        }
      }
    }
  });
  it("lets no label cover another", () => {
    const labels = Object.entries(picture.labels).map(([id, label]) => [id, { x: label.x - label.w / 2, y: label.y - (label.two ? 15 : 8.5), w: label.w, h: label.two ? 30 : 17 }] as const);
    for (const [i, [a, x]] of labels.entries()) for (const [b, y] of labels.slice(i + 1)) expect(overlaps(x, y), `${a} and ${b}`).toBe(false);
  });
  it("moves nobody when a service is added", () => {
    const more = estate("shop", NOW).graph;
    const [node] = more.nodes;
    if (node === undefined) throw new Error("no node");
    more.nodes.push({ ...node, peer: { kind: "service", name: "shop/newcomer" } });
    const after = solve(inputOf(buildScene(fromColumns(columnsOf(more)), EMPTY), false, undefined, picture.stored));
    for (const [key, cell] of Object.entries(picture.stored.cells)) expect(after.stored.cells[key], key).toEqual(cell);
    expect(after.geometry.nodes["shop/newcomer"]).toBeDefined();
  });
  it("gives back the cell of a box that stays where it is", () => {
    const zone = picture.geometry.zones.shop;
    const box = picture.geometry.nodes["shop/api"];
    if (zone === undefined || box === undefined) throw new Error("not laid out");
    expect(cellAt(zone, box)).toEqual(picture.stored.cells["shop/api"]);
  });
  it("orders a chain from left to right, and lets the lighter half of a cycle go back", () => {
    expect([...ranks(["a", "b", "c"], [{ from: "a", to: "b", weight: 1 }, { from: "b", to: "c", weight: 3 }, { from: "c", to: "b", weight: 1 }])]).toEqual([["a", 0], ["b", 1], ["c", 2]]);
  });
  it("lays 300 services out in tiles that do not overlap", () => {
    const huge = buildScene(fromColumns(columnsOf(estate("huge", NOW).graph)), EMPTY);
    const laid = solve(inputOf(huge, false, undefined, STORED));
    const rects = Object.entries(laid.geometry.nodes).filter(([key]) => !key.startsWith("rest"));
    for (const [i, [a, x]] of rects.entries()) for (const [b, y] of rects.slice(i + 1)) expect(overlaps(x, y), `${a} and ${b}`).toBe(false);
  });
  it("keeps a phone's picture within its width", () => {
    const laid = solve(inputOf(scene(), true, "shop/web", STORED));
    for (const [key, rect] of Object.entries(laid.geometry.nodes)) expect(rect.x >= 0 && rect.x + rect.w <= 366, key).toBe(true);
  });
  it("drops points that lie on a straight line", () => {
    expect(simplify([[0, 0], [5, 0], [9, 0], [9, 4], [9, 4]])).toEqual([[0, 0], [9, 0], [9, 4]]);
  });
});

describe("what needs a look", () => {
  it("is ordered by how much was held back", () => {
    expect(issuesOf(shop.nodes.values()).map((issue) => [issue.service, issue.kind])).toEqual([["shop/web", "denied"], ["shop/checkout", "would-deny"], ["edge/mail-relay", "open-ended"]]);
  });
});

describe("the time bar", () => {
  it("spans what is stored and no more than it needs", () => {
    const range = rangeOf(shop.edges.values(), NOW);
    expect(range.to - range.from).toBe(30 * 86_400_000);
    expect(bucketsOf(shop.edges.values(), [], range).reduce((n, bucket) => n + bucket.edges, 0)).toBe(20);
    expect(ticksOf(range).length).toBeGreaterThan(2);
  });
  it("counts what was denied from the stored history, in its time", () => {
    const range = { from: 0, to: 96_000 };
    const point = { start: 1500, edges: 1, new_edges: 1, connections: 4, denied: 3, would_deny: 2 };
    const buckets = bucketsOf([], [point, { ...point, start: -5 }, { ...point, start: 97_000 }], range);
    expect(buckets[1]).toEqual({ edges: 0, denied: 3, wouldDeny: 2 });
    expect(buckets.reduce((n, bucket) => n + bucket.denied, 0)).toBe(3);
  });
  it("moves by half of the stretch, and not beyond what there is", () => {
    const range = { from: 0, to: 1200 };
    expect(lastPart(range)).toEqual([1100, 1200]);
    expect(shifted([1100, 1200], range, -1)).toEqual([1050, 1150]);
    expect(shifted([1150, 1190], range, 1)).toEqual([1160, 1200]);
    expect(shifted([10, 110], range, -1)).toEqual([0, 100]);
  });
});

describe("the graph of the past", () => {
  const live = shop;
  const known = [...live.edges.values()].find((each) => each.client.kind === "service" && each.server.kind === "service");
  if (known === undefined) throw new Error("no edge");
  const edge = { client: known.client, server: known.server, protocol: known.protocol, port: known.port, application: known.application };
  const counted = { id: "", verdict: "denied", connections: 1, denied: 5, would_deny: 0, packets: 600, bytes: 0, first_step: NOW - 7200_000, last_step: NOW - 3600_000 } as const;
  const since = NOW - 7200_000;
  it("has the lines of that time alone, and their own numbers", () => {
    const past = pastGraph({ since, until: since + 60_000, sentence: "", edges: [{ ...counted, edge }] }, live);
    expect([...past.edges.values()]).toMatchObject([{ from: known.from, to: known.to, verdict: "denied", denied: 5, rate: 10, first_seen: known.first_seen, last_seen: NOW - 3600_000 }]);
    expect(past.nodes.size).toBe(live.nodes.size);
    expect([...past.nodes.values()].filter((node) => node.denied > 0).length).toBe(2);
  });
  it("knows services that are gone", () => {
    const gone = { ...edge, client: { kind: "service", name: "shop/legacy" } } as const;
    const past = pastGraph({ since, until: NOW, sentence: "", edges: [{ ...counted, edge: gone }] }, live);
    expect(past.nodes.get("shop/legacy")).toMatchObject({ workloads: 0, denied: 5, first_seen: counted.first_step });
    expect(live.nodes.has("shop/legacy")).toBe(false);
  });
});

describe("a phone after a scan", () => {
  const scanned = { ...shop, edges: new Map(shop.edges) };
  const names = [...shop.nodes.values()].flatMap((node) => (node.peer.kind === "service" ? [node.peer.name] : []));
  const [some] = [...shop.edges.values()];
  if (some === undefined) throw new Error("no edge");
  for (const [i, from] of names.entries()) {
    for (const to of names) if (from !== to) scanned.edges.set(`${from}|${to}|scan`, { ...some, client: { kind: "service", name: from }, server: { kind: "service", name: to }, from, to, verdict: "denied", denied: i + 1, port: 1000 + i });
  }
  const { links } = buildScene(scanned, EMPTY);
  const held = links.filter((link) => link.verdict === "denied");
  it("draws the strongest denials alone, and few of them with words", () => {
    const told = tellable(links, undefined);
    expect(held.length).toBeGreaterThan(50);
    expect(told.size).toBe(8);
    expect([...told.values()].filter((how) => how === "label").length).toBe(5);
    const strength = (id: string): number => held.find((link) => link.id === id)?.edges.reduce((n, edge) => n + edge.denied, 0) ?? 0;
    const least = Math.min(...[...told.keys()].map(strength));
    expect(held.filter((link) => !told.has(link.id)).every((link) => strength(link.id) <= least)).toBe(true);
  });
  it("shows all lines of what was chosen and no others, and words on the strongest", () => {
    const told = tellable(links, "shop/web");
    const own = links.filter((link) => link.from === "shop/web" || link.to === "shop/web");
    expect(own.every((link) => told.has(link.id))).toBe(true);
    expect(told.size).toBe(own.length);
    expect([...told.values()].filter((how) => how === "label").length).toBe(10);
  });
  it("says all where little was denied", () => {
    expect([...tellable(buildScene(shop, EMPTY).links, undefined).values()].every((how) => how === "label")).toBe(true);
  });
});

describe("moving by the arrow keys", () => {
  const box = (x: number, y: number): Rect => ({ x, y, w: 100, h: 40 });
  const boxes = { a: box(0, 0), b: box(200, 0), c: box(400, 10), d: box(200, 100), e: box(0, 100) };
  it("goes to what is near, and not far to the side", () => {
    expect([nearest(boxes, "a", "ArrowRight"), nearest(boxes, "b", "ArrowRight"), nearest(boxes, "b", "ArrowDown"), nearest(boxes, "d", "ArrowLeft"), nearest(boxes, "e", "ArrowUp")]).toEqual(["b", "c", "d", "e", "a"]);
  });
  it("stays where nothing lies that way", () => {
    expect([nearest(boxes, "a", "ArrowLeft"), nearest(boxes, "gone", "ArrowLeft")]).toEqual([undefined, undefined]);
  });
});
