import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { Refused, Unreachable } from "../api/client";
import { IconPlugConnectedX } from "./icons";

/** The final layout in grey bars; nothing moves. */
export function Skeleton({ lines = 5 }: { lines?: number }) {
  return <div className="skeleton" role="status" aria-label="Loading">{Array.from({ length: lines }, (_, i) => <i key={i} style={{ width: `${[68, 100, 88, 94, 76][i % 5] ?? 80}%` }} />)}</div>;
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return <div className="empty"><h2>{title}</h2>{children}</div>;
}

/** Neutral and strong, never red. Says first whether enforcement goes on. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const lost = error instanceof Unreachable;
  return (
    <div className="failure" role="alert">
      <h2><IconPlugConnectedX size={16} aria-hidden="true" /> {error instanceof Error ? error.message : "That did not work."}</h2>
      <p className="t2">
        {lost && "Enforcement goes on in the kernel with the policy that is in force; only this picture is old. "}
        {error instanceof Refused ? error.error.remedy : lost ? "The console tries again by itself." : ""}
      </p>
      {error instanceof Refused && error.error.details !== undefined && error.error.details.length > 0 && (
        <ul className="small t2">{error.error.details.map((detail, i) => <li key={i}>{detail.line !== null && detail.line !== undefined && `Line ${detail.line}: `}{detail.message}{detail.expected !== null && detail.expected !== undefined && `; expected ${detail.expected}`}</li>)}</ul>
      )}
      {retry !== undefined && <Button variant="default" onClick={retry}>Try again</Button>}
    </div>
  );
}
