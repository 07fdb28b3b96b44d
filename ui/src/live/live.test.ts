import { describe, expect, it, vi } from "vitest";
import { columnsOf, estate } from "../fixtures/estate";
import { applyChanges, fromColumns } from "./graph";
import { openStream, paced, perFrame, type Liveness } from "./stream";

const NOW = 1_700_000_000_000;

describe("the live graph", () => {
  it("takes a new edge and says that the shape changed", () => {
    const world = estate("shop", NOW).graph;
    const graph = fromColumns(columnsOf(world));
    const [edge] = world.edges;
    if (edge === undefined) throw new Error("no edge");
    const { graph: after } = applyChanges(graph, [{ type: "edge", ...edge, id: "new", last_seen: NOW + 5 }]);
    expect(after.edges.has("new")).toBe(true);
    expect(after.shape).toBe(graph.shape + 1);
    expect(after.time).toBe(NOW + 5);
  });
  it("does not ask for a new layout when only a rate moved", () => {
    const world = estate("shop", NOW).graph;
    const graph = fromColumns(columnsOf(world));
    const [edge] = world.edges;
    if (edge === undefined) throw new Error("no edge");
    const { graph: after } = applyChanges(graph, [{ type: "edge", ...edge, rate: 1 }]);
    expect(after.shape).toBe(graph.shape);
    expect(after.version).toBe(graph.version + 1);
  });
  it("asks for a fresh fetch when the server dropped changes", () => {
    expect(applyChanges(fromColumns(columnsOf(estate("shop", NOW).graph)), [{ type: "resync", lost: 4 }]).resync).toBe(true);
  });
  it("forgets what is removed", () => {
    const graph = fromColumns(columnsOf(estate("shop", NOW).graph));
    const { graph: after } = applyChanges(graph, [{ type: "node-removed", peer: { kind: "service", name: "shop/web" } }, { type: "edge-removed", id: [...graph.edges.keys()][0] ?? "" }]);
    expect(after.nodes.has("shop/web")).toBe(false);
    expect(after.edges.size).toBe(19);
  });
});

class FakeSource {
  static all: FakeSource[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;
  constructor() {
    FakeSource.all.push(this);
  }
  addEventListener(): void {
    // Messages are not part of this test.
  }
  close(): void {
    this.closed = true;
  }
}

describe("the stream", () => {
  it("opens anew when the browser has given up, and asks for what was missed", () => {
    vi.useFakeTimers();
    FakeSource.all = [];
    const states: Liveness[] = [];
    const reopened = vi.fn();
    const close = openStream({ url: () => "x", names: ["graph"], onMessage: () => undefined, onLiveness: (state) => states.push(state), onReopened: reopened, open: () => new FakeSource() as unknown as EventSource });
    const [first] = FakeSource.all;
    first?.onopen?.();
    if (first !== undefined) first.readyState = 2;
    first?.onerror?.();
    vi.advanceTimersByTime(500);
    expect(FakeSource.all.length).toBe(2);
    expect(reopened).not.toHaveBeenCalled();
    FakeSource.all[1]?.onopen?.();
    expect(reopened).toHaveBeenCalledOnce();
    expect(states).toEqual(["connecting", "live", "lost", "live"]);
    close();
    expect(FakeSource.all[1]?.closed).toBe(true);
    vi.useRealTimers();
  });
  it("hands a thousand messages over in one frame", () => {
    const frames: (() => void)[] = [];
    const batches: number[][] = [];
    const take = perFrame<number>((batch) => batches.push(batch), (act) => frames.push(act));
    for (let i = 0; i < 1000; i++) take(i);
    expect(frames.length).toBe(1);
    frames[0]?.();
    expect(batches.map((batch) => batch.length)).toEqual([1000]);
  });
  it("hands over to a list a few times a second, the first at once", () => {
    vi.useFakeTimers();
    const batches: number[][] = [];
    const take = perFrame<number>((batch) => batches.push(batch), paced(250, () => Date.now()));
    take(0);
    vi.advanceTimersByTime(0);
    for (let i = 1; i <= 1000; i++) {
      take(i);
      vi.advanceTimersByTime(1);
    }
    expect(batches[0]).toEqual([0]);
    expect(batches.length).toBeLessThanOrEqual(5);
    vi.advanceTimersByTime(250);
    expect(batches.flat().length).toBe(1001);
    vi.useRealTimers();
  });
});
