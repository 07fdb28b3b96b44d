import { useSyncExternalStore } from "react";
import { parseHash, patched, type Query, type Route } from "./url";

let hash = "";
let route: Route = { path: [], query: {} };

export function current(): Route {
  if (location.hash !== hash) {
    hash = location.hash;
    route = parseHash(hash);
  }
  return route;
}

const listeners = new Set<() => void>();
const tell = () => listeners.forEach((listener) => listener());

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) window.addEventListener("hashchange", tell);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.removeEventListener("hashchange", tell);
  };
}

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, current);
}

export function go(to: string): void {
  location.hash = to;
}

/** Changes the state of the view without a step in the browser's history. */
export function changeQuery(patch: Query, step = false): void {
  const to = patched(current(), patch);
  if (to === location.hash) return;
  if (step) location.hash = to;
  else {
    history.replaceState(null, "", to);
    tell();
  }
}
