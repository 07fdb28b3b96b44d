import { afterEach, describe, expect, it } from "vitest";
import { early, type EarlyAnswers } from "./early";

const BASE = "http://server/tools/bulkhead";
const held = globalThis as { bulkheadEarly?: EarlyAnswers };
const ask = (path: string, method = "GET") => early(new Request(`${BASE}/api/v1/${path}`, { method }), BASE);

describe("an answer that came before the console", () => {
  afterEach(() => { delete held.bulkheadEarly; });
  it("is taken once, and asked for anew after that", async () => {
    held.bulkheadEarly = { status: Promise.resolve(new Response("7")) };
    expect(await (await ask("status"))?.text()).toBe("7");
    expect(await ask("status")).toBeUndefined();
  });
  it("is not taken where it is a refusal, or nobody answered", async () => {
    held.bulkheadEarly = { session: Promise.resolve(new Response("", { status: 401 })), "graph/columns": Promise.reject(new Error("signed out")) };
    expect(await ask("session")).toBeUndefined();
    expect(await ask("graph/columns")).toBeUndefined();
  });
  it("is no answer to another question", async () => {
    held.bulkheadEarly = { session: Promise.resolve(new Response("7")) };
    expect(await ask("session", "DELETE")).toBeUndefined();
    expect(await ask("status")).toBeUndefined();
    expect(await early(new Request("http://other/api/v1/session"), BASE)).toBeUndefined();
  });
});
