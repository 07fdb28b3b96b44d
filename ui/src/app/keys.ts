import { useEffect, useRef } from "react";

export type Keys = Record<string, (() => void) | undefined>;

/** One key, one action; not while somebody types, and not below an open dialog. */
export function useKeys(keys: Keys): void {
  const held = useRef(keys);
  useEffect(() => {
    held.current = keys;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target instanceof Element ? event.target : undefined;
      if (target?.closest("input, textarea, select, [contenteditable=true], .cm-editor") && event.key !== "Escape") return;
      if (document.querySelector("[role=dialog]") !== null) return;
      const act = held.current[event.key] ?? (event.key.length === 1 ? held.current[event.key.toLowerCase()] : undefined);
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
}
