import { useSyncExternalStore } from "react";
import type { ReviewRequest } from "../../api/types";

// What takes the last decision back, in the server's words; it is still there when somebody comes back from another view.
let last: ReviewRequest | undefined;
const listeners = new Set<() => void>();

export function setLast(request: ReviewRequest | undefined): void {
  last = request;
  listeners.forEach((listener) => listener());
}

export function useLast(): ReviewRequest | undefined {
  return useSyncExternalStore((listener) => { listeners.add(listener); return () => listeners.delete(listener); }, () => last);
}
