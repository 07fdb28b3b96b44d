import { Button } from "@mantine/core";
import { useSyncExternalStore } from "react";
import { Refused } from "../api/client";

/** What can be done about what was just said. */
export interface NoticeAction { label: string; act: () => void }
interface Notice { id: number; text: string; detail: string; action: NoticeAction | undefined }

let notices: Notice[] = [];
let count = 0;
const listeners = new Set<() => void>();
const tell = () => listeners.forEach((listener) => listener());

const forget = (id: number): void => {
  notices = notices.filter((each) => each.id !== id);
  tell();
};

export function notice(text: string, detail = "", action?: NoticeAction): void {
  const id = ++count;
  notices = [...notices.slice(-2), { id, text, detail, action }];
  tell();
  // What can still be taken back stays for as long as it takes to think twice.
  setTimeout(() => forget(id), action === undefined ? 7000 : 12_000);
}

/** In the server's words, with its remedy. */
export function failed(error: unknown): void {
  notice(error instanceof Error ? error.message : "That did not work.", error instanceof Refused ? error.error.remedy : "");
}

export function Notices() {
  const all = useSyncExternalStore((listener) => { listeners.add(listener); return () => listeners.delete(listener); }, () => notices);
  return (
    <div className="notices" role="status" aria-live="polite">
      {all.map(({ id, text, detail, action }) => (
        <div key={id} className="row">
          <div className="grow"><strong>{text}</strong>{detail !== "" && <p className="t2 small">{detail}</p>}</div>
          {action !== undefined && <Button variant="default" onClick={() => { forget(id); action.act(); }}>{action.label}</Button>}
        </div>
      ))}
    </div>
  );
}
