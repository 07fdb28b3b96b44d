import { describe, expect, it } from "vitest";
import { parseMapState } from "../views/map/useMapState";
import { parseHash, patched, serviceHash, toHash } from "./url";

describe("the address", () => {
  it("survives a round trip with any name in it", () => {
    const hash = toHash(["events", "7"], { q: "a b&c", service: "shop/web", from: 12, none: undefined });
    expect(parseHash(hash)).toEqual({ path: ["events", "7"], query: { q: "a b&c", service: "shop/web", from: "12" } });
  });
  it("keeps what a change does not touch", () => {
    expect(patched(parseHash("#/map?focus=shop/web&mode=learn"), { mode: undefined, q: "x" })).toBe("#/map?focus=shop/web&q=x");
  });
  it("leads to a service by its two names", () => {
    expect(serviceHash("shop/web")).toBe("#/services/shop/web");
  });
  it("holds the state of the map", () => {
    const state = parseMapState(parseHash("#/map?fold=a,b&layers=labels&from=5&to=x").query);
    expect([...state.folded]).toEqual(["a", "b"]);
    expect([...state.layers]).toEqual(["labels"]);
    expect(state.from).toBe(5);
    expect(state.to).toBeUndefined();
  });
  it("does not fall over a broken escape", () => {
    expect(parseHash("#/services/%E0%A4%A/x").path).toEqual(["services", "%E0%A4%A", "x"]);
  });
});
