import { describe, expect, it } from "vitest";
import schema from "../../../../docs/policy.schema.json";
import { offersAt, placeOf, type Schema } from "./completion";

const NAMES = { service: ["shop/web", "shop/redis"] };
const labels = (text: string): string[] => offersAt(text, schema as Schema, NAMES).map((each) => each.label);
const HEAD = "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {name: redis, namespace: shop}\nspec:\n";

describe("a place in a document", () => {
  it("is found by indentation, in lists too", () => {
    expect(placeOf(`${HEAD}  target: {service: shop/redis}\n  `)).toEqual({ path: ["spec"], beside: ["target"], value: false });
    expect(placeOf(`${HEAD}  ingress:\n    - from:\n        - service: shop/web\n      `)).toEqual({ path: ["spec", "ingress"], beside: ["from"], value: false });
    expect(placeOf(`${HEAD}  ingress:\n    - from: [any]\n      action: `)).toEqual({ path: ["spec", "ingress", "action"], beside: [], value: true });
  });
  it("is found in flow style", () => {
    expect(placeOf(`${HEAD}  target: {`)).toMatchObject({ path: ["spec", "target"], value: false });
    expect(placeOf(`${HEAD}  target: {service: `)).toMatchObject({ path: ["spec", "target", "service"], value: true });
    expect(placeOf(`${HEAD}  ingress:\n    - from: [{service: shop/web}, {`)).toMatchObject({ path: ["spec", "ingress", "from"], value: false });
  });
  it("begins anew with each document", () => {
    expect(placeOf(`${HEAD}  mode: learn\n---\n`)).toEqual({ path: [], beside: [], value: false });
  });
});

describe("what may stand there", () => {
  it("are the keys of the schema that are not there yet", () => {
    expect(labels("")).toEqual(["apiVersion", "kind", "metadata", "spec", "status"]);
    expect(labels(`${HEAD}  target: {service: shop/redis}\n  mo`)).toEqual(["mode", "tier", "order", "ingress", "egress"]);
    expect(labels(`${HEAD}  egress:\n    - `)).toContain("to");
    expect(labels(`${HEAD}  egress:\n    - to: [any]\n      `)).toEqual(expect.arrayContaining(["ports", "applications", "action", "expires"]));
    expect(labels(`${HEAD}  egress:\n    - to: [any]\n      `)).not.toContain("from");
  });
  it("are values where a value is asked for, names of services among them", () => {
    expect(labels("kind: ")).toEqual(["SegmentationPolicy", "Zone", "ExternalEndpoint"]);
    expect(labels(`${HEAD}  mode: `)).toEqual(["learn", "monitor", "enforce", "quarantine"]);
    expect(labels(`${HEAD}  target: {service: `)).toEqual(NAMES.service);
    expect(labels(`${HEAD}  target:\n    service: shop/`)).toEqual(NAMES.service);
  });
  it("follow the kind that is written", () => {
    const zone = "apiVersion: bulkhead.dev/v1alpha1\nkind: Zone\nmetadata: {name: data}\nspec:\n  ";
    expect(labels(zone)).toContain("services");
    expect(labels(zone)).not.toContain("ingress");
  });
  it("say what they are", () => {
    expect(offersAt(`${HEAD}  `, schema as Schema, NAMES).find((each) => each.label === "tier")?.detail).toBe("Which rules decide first");
  });
  it("are none where nothing is known of the place", () => {
    expect(labels(`${HEAD}  nonsense:\n    `)).toEqual([]);
  });
});
