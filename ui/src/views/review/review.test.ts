import { describe, expect, it } from "vitest";
import type { Progress, ServiceSummary } from "../../api/types";
import { parseHash, toHash } from "../../app/url";
import { estate } from "../../fixtures/estate";
import { lately } from "./lately";
import { like, patternOf, patternQuery, portOf } from "./pattern";

const NOW = Date.UTC(2026, 8, 14, 12);
const HOUR = 3_600_000;
const world = estate("shop", NOW);

describe("a pattern of the review queue", () => {
  it("is in the address, whole", () => {
    const pattern = { decision: "reject", service: "shop/*", peer: "203.0.113.*", port: 0, direction: "egress", kind: "learned", flag: "scan", decided: true } as const;
    expect(patternOf(parseHash(toHash(["review"], patternQuery(pattern))).query)).toEqual(pattern);
    expect(patternOf({})).toBeUndefined();
    expect(patternOf({ by: "destroy" })).toBeUndefined();
  });
  it("leaves out what is empty or no port", () => {
    expect(patternOf({ by: "accept", service: " ", port: "http", way: "both" })).toEqual({ decision: "accept" });
    expect([portOf(""), portOf("0"), portOf("65536"), portOf("8.5"), portOf("443")]).toEqual([undefined, 0, undefined, undefined, 443]);
  });
  it("takes back what is decided without being told so", () => {
    expect(patternOf({ by: "undo", decided: "1" })).toEqual({ decision: "undo" });
  });
  it("begins with what the chosen rule is about", () => {
    const [mail] = world.review;
    expect(like(mail, "accept")).toMatchObject({ kind: "learned", direction: "egress", port: 25 });
    expect(like(mail, "accept").service).toBeUndefined();
    const declared = world.review.find((item) => item.kind === "declared");
    expect(like(declared, "accept")).toEqual({ decision: "accept", kind: "declared", direction: "egress", service: "shop/*" });
  });
});

describe("services promoted lately", () => {
  const some = world.services[0] as ServiceSummary;
  const of = (name: string, progress: Progress): ServiceSummary => ({ ...some, name, mode: "enforce", denied_24h: 0, progress });
  it("come in the order in which they want to be looked at", () => {
    const all = lately([
      of("a/fine", { stage: "canary", since: NOW - HOUR, until: NOW + 3 * HOUR, denied: 0 }),
      of("a/denies", { stage: "canary", since: NOW - 2 * HOUR, until: NOW + HOUR, denied: 4 }),
      of("a/back", { stage: "rolled-back", at: NOW - HOUR, reason: "it denied what was expected" }),
      of("a/settled", { stage: "settled", since: NOW - 5 * HOUR }),
    ], NOW);
    expect(all.map((each) => each.service.name)).toEqual(["a/back", "a/denies", "a/fine", "a/settled"]);
    expect(all[2]).toMatchObject({ state: "watched", share: 0.25, denied: 0 });
  });
  it("are forgotten after a day, and learning is no promotion", () => {
    expect(lately([of("a/old", { stage: "settled", since: NOW - 25 * HOUR }), of("a/new", { stage: "learning" }), of("a/b", { stage: "rolled-back", at: NOW - 30 * HOUR, reason: "" })], NOW)).toEqual([]);
  });
});
