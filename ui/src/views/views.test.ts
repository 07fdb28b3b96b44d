import { labelsText, parseLabels } from "./settings/Automation";
import { describe, expect, it } from "vitest";
import { blastOf, estate } from "../fixtures/estate";
import { peerKey } from "../text/words";
import { chain, directions, spots } from "./blast/rings";
import { decodePacket, hexLines } from "./events/hex";
import { pcapOf } from "./events/pcap";
import { merged, standing, storyOf, textOf } from "./events/reduce";
import { spread } from "./events/Unfolded";
import { isWeb, progressOf, resultSentence, stateWord } from "./policy/trial";
import { parseQuestion } from "./policy/question";
import cases from "../../../crates/bulkhead/src/output/said.json";
import type { Progress, ServiceSummary } from "../api/types";
import { progressWord, sortServices } from "./services/sort";

const NOW = 1_700_000_000_000;
const world = estate("shop", NOW);
const names = world.services.map((each) => each.name);

describe("the question box", () => {
  it("asks for one connection when a port is named", () => {
    expect(parseQuestion("can web reach redis on 6379?", names)).toEqual({ kind: "may", from: "shop/web", to: "data/redis", port: 6379, protocol: "tcp" });
    expect(parseQuestion("may checkout talk to host on udp/8125", names)).toEqual({ kind: "may", from: "shop/checkout", to: "host", port: 8125, protocol: "udp" });
  });
  it("asks over any number of hops without a port, or with ever", () => {
    expect(parseQuestion("can web ever reach postgres?", names)).toMatchObject({ kind: "reach", to: "data/postgresql" });
    expect(parseQuestion("can web reach 10.0.0.1", names)).toMatchObject({ kind: "reach", to: "10.0.0.1" });
  });
  it("asks who, of services alone", () => {
    expect(parseQuestion("who can reach postgresql?", names)).toMatchObject({ kind: "who", to: "data/postgresql" });
    expect(parseQuestion("who can reach 10.0.0.1?", names)).toHaveProperty("error");
  });
  it("says what is missing", () => {
    expect(parseQuestion("", names)).toHaveProperty("error");
    expect(parseQuestion("can web reach?", names)).toHaveProperty("error");
    expect(parseQuestion("can web reach redis on 99999", names)).toHaveProperty("error");
  });
});

describe("events", () => {
  it("replaces an event that comes again, and moves it up", () => {
    const [event] = world.events.filter((each) => each.type === "denied");
    if (event?.type !== "denied") throw new Error("no denial");
    const after = merged(world.events, [{ ...event, count: 99, last: NOW + 10 }]);
    expect(after.length).toBe(world.events.length);
    expect(after[0]).toMatchObject({ id: event.id, count: 99 });
  });
  it("keeps no more than it can show", () => {
    expect(merged(world.events, [], 3).length).toBe(3);
  });
  it("does not move under its reader: what comes waits above, what is older comes below", () => {
    const all = merged(world.events, []);
    const [newest, second, ...rest] = all;
    if (newest === undefined || second === undefined) throw new Error("no events");
    const held = [second, ...rest.slice(0, 2)];
    const again = { ...second, time: NOW + 50, ...("last" in second ? { last: NOW + 50 } : {}) } as typeof second;
    const { events, above } = standing(held, merged(all, [again]));
    expect(above).toBe(1);
    expect(events.map((event) => event.id)).toEqual([second, ...rest].map((event) => event.id));
    expect(events[0]).toBe(again);
  });
  it("tell one story where they are about one service and close in time", () => {
    const denials = world.events.filter((each) => each.type === "denied");
    const [first] = denials;
    if (first === undefined) throw new Error("no denial");
    const story = storyOf(first, world.events);
    expect(story).toContain(first);
    expect(story.map((each) => each.time)).toEqual(story.map((each) => each.time).toSorted((a, b) => a - b));
    expect(story.some((each) => each.type === "scan")).toBe(true);
    expect(story.some((each) => each.type === "mode-changed")).toBe(false);
    expect(storyOf({ ...first, time: NOW - 9e9, ...(first.type === "denied" ? { last: NOW - 9e9 } : {}) }, [])).toHaveLength(1);
  });
  it("at the same moment stand beside each other, within the line", () => {
    const places = spread([0, 0, 0, 0.99, 1, 1]);
    expect(places.every((place, i) => place >= 0 && place <= 1 && (i === 0 || place - (places[i - 1] ?? 0) > 0.034))).toBe(true);
    expect(spread([0, 0.5, 1])).toEqual([0, 0.5, 1]);
  });
  it("finds a denial by its process and port", () => {
    const event = world.events.find((each) => each.type === "denied" && each.edge.port === 6379);
    expect(event !== undefined && textOf(event)).toContain("/tmp/k redis 6379");
  });
  it("reads the first packet", () => {
    const event = world.events.find((each) => each.type === "denied");
    if (event?.type !== "denied") throw new Error("no denial");
    expect(decodePacket(event.packet ?? []).map((field) => field.value)).toEqual(["version 4, 60 bytes, TTL 64", "51834 → 6379, SYN", "none: it was stopped before the first byte"]);
    expect(hexLines(event.packet ?? [])[0]).toMatchObject({ offset: "0000", bytes: expect.arrayContaining(["45", "00"]) as unknown });
    expect(decodePacket([1, 2, 3])).toEqual([]);
  });
  it("writes the first packet as a capture that other tools read", () => {
    const packet = [0x45, 0, 0, 60, 1, 2];
    const view = new DataView(pcapOf(packet, 1_700_000_000_123).buffer);
    const words = [0, 20, 24, 28, 32, 36].map((at) => view.getUint32(at, true));
    expect(words).toEqual([0xa1b2c3d4, 101, 1_700_000_000, 123_000, 6, 60]);
    expect([view.getUint16(4, true), view.getUint16(6, true), view.getUint8(40), view.byteLength]).toEqual([2, 4, 0x45, 46]);
  });
});

describe("services", () => {
  it("sort by what was denied, the rest by name", () => {
    expect(sortServices(world.services, "denied", true).slice(0, 3).map((each) => each.name)).toEqual(["shop/web", "shop/checkout", "batch/metrics"]);
    expect(sortServices(world.services, "name", true)[0]?.name).toBe("shop/web");
  });
  it("say where they stand", () => {
  });
  it("says where a service stands in the words of the command line", () => {
    for (const [progress, learning, said] of cases.progress as [unknown, Partial<ServiceSummary["learning"]>, string][]) {
      const words = progressWord({ progress: progress as Progress, learning: { open_ended: false, ready: false, limits: [], ...learning } }, 1_767_225_600_000);
      // Lengths of time have a space before their unit here.
      expect(words.replace(/(\d) (s|min|h|d)\b/g, "$1$2")).toBe(said);
    }
  });
});

describe("the blast radius", () => {
  const blast = blastOf(world, "shop/web");
  const angles = directions([blast.under_policy, blast.now], blast.service);
  it("keeps each peer's direction in both drawings", () => {
    const peers = new Map(blast.now.reached.map((each) => [peerKey(each.peer), each.peer]));
    const [now, policy] = [spots(blast.now, angles, peers), spots(blast.under_policy, angles, peers)];
    for (const spot of now) expect(policy.find((each) => each.key === spot.key)?.angle).toBe(spot.angle);
  });
  it("names the chain by which a service falls", () => {
    expect(chain(blast.now, "shop/web", "data/redis")).toEqual(["shop/web", "shop/api", "shop/cart", "data/redis"]);
  });
});

describe("labels of an automation rule", () => {
  it("are read as they are written", () => {
    expect(parseLabels(" tier=web, team = shop ,canary")).toEqual({ tier: "web", team: "shop", canary: "" });
    expect(parseLabels(labelsText({ a: "1", b: "2" }))).toEqual({ a: "1", b: "2" });
    expect(parseLabels("")).toEqual({});
  });
});

describe("trials", () => {
  const counts = { connections: 40, edges: 3, not_judged: 0, would_allow: 0, would_deny: 2, would_deny_expected: 1 };
  it("have one number, and none where nothing was judged", () => {
    expect(resultSentence({ state: "running", counts, denials_of_expected: 1 })).toBe("1 connection that passed and was expected would be denied.");
    expect(resultSentence({ state: "finished", counts, denials_of_expected: 0 })).toBe("Of 40 connections, none that was expected would be denied.");
    expect(resultSentence({ state: "running", counts: { ...counts, connections: 0 }, denials_of_expected: 0 })).toBe("Nothing has been judged yet.");
  });
  it("say how far they are", () => {
    const trial = { state: "running", started: NOW, ends: NOW + 7_200_000, ended: null } as const;
    expect(progressOf(trial, NOW + 1_800_000)).toBe(0.25);
    expect(stateWord(trial, NOW)).toBe("2 h more");
    expect(stateWord({ ...trial, state: "stopped", ended: NOW + 600_000 }, NOW + 900_000)).toBe("stopped after 10 min");
    expect(progressOf({ ...trial, ended: NOW + 3_600_000 }, NOW + 9e9)).toBe(0.5);
  });
});

describe("links of proposals", () => {
  it("are followed to the web alone", () => {
    expect([isWeb("https://git.example/1"), isWeb("javascript:alert(1)"), isWeb("pipeline 12")]).toEqual([true, false, false]);
  });
});
