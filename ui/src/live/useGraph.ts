import { useSyncExternalStore } from "react";
import { api, base, got } from "../api/client";
import type { GraphChange } from "../api/types";
import { applyChanges, fromColumns, type LiveGraph } from "./graph";
import { openStream, perFrame, type Liveness } from "./stream";

export interface GraphState {
  graph: LiveGraph | undefined;
  liveness: Liveness;
  error: unknown;
}

// One graph for all views. It stays open for a while after the last view that shows it, so that going back and forth is free.
let state: GraphState = { graph: undefined, liveness: "connecting", error: undefined };
/** What views see of it: `state` as it was when they were last told. */
let shown = state;
const listeners = new Set<() => void>();
let close: (() => void) | undefined;
let linger: ReturnType<typeof setTimeout> | undefined;
let fetching = false;
/** Whether the graph has been read since the stream is open: what changed between the two would be missed for good. */
let sure = false;
/** What streamed in while the graph was being fetched; applied on top of it. */
let early: GraphChange[] = [];

function set(next: Partial<GraphState>): void {
  state = { ...state, ...next };
  shown = state;
  listeners.forEach((listener) => listener());
}

/** Where the time to the first picture goes: `benches/console/run` prints it. */
export const mark = (name: string): void => {
  if (performance.getEntriesByName(name, "mark").length === 0) performance.mark(name);
};

async function fetchGraph(): Promise<void> {
  if (fetching) return;
  fetching = true;
  early = [];
  try {
    const answer = await got(api.GET("/api/v1/graph/columns"));
    mark("graph");
    const graph = fromColumns(answer, state.graph);
    set({ graph: applyChanges(graph, early).graph, error: undefined });
  } catch (error) {
    set({ error });
    if (close !== undefined) setTimeout(() => void fetchGraph(), 2000);
  } finally {
    fetching = false;
  }
}

/** Numbers alone are shown once a second; whatever changes what is drawn where is shown with the next frame. */
const NUMBERS = 1000;
let quiet: ReturnType<typeof setTimeout> | undefined;

const take = perFrame<GraphChange>((batch) => {
  if (fetching) early.push(...batch);
  if (state.graph === undefined) return;
  const before = state.graph.shape;
  const { graph, resync } = applyChanges(state.graph, batch);
  state = { ...state, graph };
  const show = () => {
    clearTimeout(quiet);
    quiet = undefined;
    set({});
  };
  if (graph.shape !== before) show();
  else quiet ??= setTimeout(show, NUMBERS);
  if (resync) void fetchGraph();
});

function subscribe(listener: () => void): () => void {
  clearTimeout(linger);
  listeners.add(listener);
  if (close === undefined) {
    close = openStream({
      url: () => `${base()}/api/v1/graph/stream`,
      names: ["graph"],
      onMessage: (_, data) => take(JSON.parse(data) as GraphChange),
      onLiveness: (liveness) => {
        set({ liveness });
        if (liveness !== "live" || sure) return;
        sure = true;
        setTimeout(() => { if (close !== undefined) void fetchGraph(); }, 1000);
      },
      onReopened: () => void fetchGraph(),
    });
    void fetchGraph();
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    linger = setTimeout(closeGraph, 30_000);
  };
}

export function closeGraph(): void {
  clearTimeout(linger);
  clearTimeout(quiet);
  quiet = undefined;
  close?.();
  close = undefined;
  sure = false;
  state = { graph: undefined, liveness: "connecting", error: undefined };
  shown = state;
}

export function useGraph(): GraphState {
  return useSyncExternalStore(subscribe, () => shown);
}
