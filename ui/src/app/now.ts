import { useSyncExternalStore } from "react";

// One clock for all ages on the screen, so that they turn together. It keeps to the server's time.
let ahead = 0;
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

export function setServerTime(time: number): void {
  ahead = time - Date.now();
  now = time;
}

export const serverNow = (): number => Date.now() + ahead;

export function useNow(): number {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      timer ??= setInterval(() => {
        now = serverNow();
        listeners.forEach((each) => each());
      }, 1000);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
      };
    },
    () => now,
  );
}
