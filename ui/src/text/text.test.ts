import { describe, expect, it } from "vitest";
import { estate } from "../fixtures/estate";
import cases from "../../../crates/bulkhead/src/output/said.json";
import { bound, bytes, percent, plural, rate } from "./numbers";
import { edgeSentence, mapHeadline, newHeadline, pastHeadline, serviceHeadline } from "./sentences";
import { ago, span } from "./times";
import { middle, portText } from "./words";

const NOW = 1_700_000_000_000;

describe("numbers", () => {
  it("says a bound as the node and the command line say it", () => {
    expect(bound(0.011)).toBe("≤ 1.1 %");
    expect(bound(0.0004)).toBe("≤ 0.04 %");
    expect(bound(0.00001)).toBe("<0.01 %");
    expect(bound(0.19)).toBe("≤ 19 %");
    expect(bound(0.19, true)).toBe("open-ended");
    expect(bound(null)).toBe("no bound");
    expect(bound(1)).toBe("no bound");
  });
  it("counts one thing in the singular, and more in the right plural", () => {
    expect(plural(1, "service")).toBe("1 service");
    expect(plural(1200, "edge")).toBe("1,200 edges");
    expect(plural(2, "policy")).toBe("2 policies");
    expect(plural(0, "day")).toBe("0 days");
  });
  it("shows no rate for a quiet edge", () => {
    expect(rate(0)).toBe("");
    expect(rate(0.02)).toBe("<0.1/s");
    expect(rate(3)).toBe("3/s");
    expect(rate(1400)).toBe("1.4k/s");
  });
  it("keeps sizes and shares short", () => {
    for (const [n, said] of cases.bytes) expect(bytes(Number(n))).toBe(said);
    for (const [chance, said] of cases.percent) expect(percent(Number(chance))).toBe(said);
  });
});

describe("times", () => {
  it("names a span by its largest sensible unit", () => {
    expect(span(40_000)).toBe("40 s");
    expect(span(12 * 60_000)).toBe("12 min");
    expect(span(5 * 3_600_000)).toBe("5 h");
    expect(span(12 * 86_400_000)).toBe("12 d");
    expect(ago(NOW - 500, NOW)).toBe("now");
  });
});

describe("words", () => {
  it("shortens in the middle, so that head and tail remain", () => {
    expect(middle("nightly-report", 20)).toBe("nightly-report");
    expect(middle("payments-reconciliation-worker", 16)).toBe("payments-r…orker");
  });
  it("shows ICMP by its type and a protocol without ports by nothing", () => {
    expect(portText("icmp", 8 << 8)).toBe("type 8");
    expect(portText("gre", 0)).toBe("");
  });
});

describe("sentences", () => {
  const world = estate("shop", NOW);
  it("tells who was denied and how often", () => {
    const headline = mapHeadline(world.graph.nodes, world.graph.edges, world.status);
    expect(headline.tone).toBe("denied");
    expect(headline.text).toBe("web tried 14 connections outside of its nano-segment; all were denied.");
    expect(headline.detail).toContain("7 in Enforce, 2 in Monitor, 1 in Learn");
  });
  it("says that nobody was held back when nobody was", () => {
    const quiet = world.graph.edges.filter((edge) => edge.verdict === "allowed");
    expect(mapHeadline(world.graph.nodes, quiet, world.status).text).toBe("All 10 services stay within their nano-segments.");
  });
  it("reads a denied line aloud as what happened", () => {
    const edge = world.graph.edges.find((each) => each.id.startsWith("shop/web|data/redis"));
    expect(edge).toBeDefined();
    if (edge !== undefined) expect(edgeSentence(edge)).toBe("web to redis, tcp 6379, denied 3 times");
  });
  it("names the gate that is not met", () => {
    const checkout = world.services.find((each) => each.name === "shop/checkout");
    expect(checkout).toBeDefined();
    if (checkout !== undefined) expect(serviceHeadline(checkout).text).toBe("checkout is 1 gate short of Enforce: no weekend has been seen since the last deployment.");
  });
});

describe("the map's headline for another time", () => {
  it("counts what is new, and what of it was held back", () => {
    const edges = estate("shop", NOW).graph.edges;
    expect(newHeadline(edges, NOW + 1).text).toMatch(/^No edge is new since /);
    expect(newHeadline(edges, 0)).toMatchObject({ tone: "denied" });
    expect(newHeadline(edges, 0).text).toMatch(/^20 edges are new since .*; \d+ of them denied\.$/);
  });
  it("says of the past what the server says, and when nothing is stored", () => {
    const past = { since: NOW, until: NOW + 60_000, edges: [], sentence: "0 edges were used by 0 connections; 0 were denied." };
    expect(pastHeadline(past)).toMatchObject({ tone: "quiet" });
    expect(pastHeadline(past).text).toMatch(/: no connection is stored of that time\.$/);
  });
});
