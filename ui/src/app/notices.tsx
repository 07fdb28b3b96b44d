import { useSyncExternalStore } from "react";
import { Refused } from "../api/client";

interface Notice { id: number; text: string; detail: string }

let notices: Notice[] = [];
let count = 0;
const listeners = new Set<() => void>();
const tell = () => listeners.forEach((listener) => listener());

export function notice(text: string, detail = ""): void {
  const id = ++count;
  notices = [...notices.slice(-2), { id, text, detail }];
  tell();
  setTimeout(() => {
    notices = notices.filter((each) => each.id !== id);
    tell();
  }, 7000);
}

/** In the server's words, with its remedy. */
export function failed(error: unknown): void {
  notice(error instanceof Error ? error.message : "That did not work.", error instanceof Refused ? error.error.remedy : "");
}

export function Notices() {
  const all = useSyncExternalStore((listener) => { listeners.add(listener); return () => listeners.delete(listener); }, () => notices);
  return (
    <div className="notices" role="status" aria-live="polite">
      {all.map((each) => <div key={each.id}><strong>{each.text}</strong>{each.detail !== "" && <p className="t2 small">{each.detail}</p>}</div>)}
    </div>
  );
}
