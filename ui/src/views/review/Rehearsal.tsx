import { Button, Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { api, got } from "../../api/client";
import type { Decision, ReviewRequest } from "../../api/types";
import { Diff } from "../../look/Diff";
import { Failure, Skeleton } from "../../look/States";
import { plural } from "../../text/numbers";

export const WORDS: Record<Decision, string> = { accept: "accepted", reject: "rejected", attack: "marked as attack", undo: "taken back" };

/** What is to be decided is thought through by the server first; its diff is the question. */
export function Rehearsal({ request, decision, title, children, pending = false, apply, close }: { request: ReviewRequest; decision: Decision; title: string; children?: ReactNode; pending?: boolean; apply: (request: ReviewRequest) => Promise<void>; close: () => void }) {
  const [busy, setBusy] = useState(false);
  const thought = useQuery({
    queryKey: ["rehearsal", request],
    queryFn: () => got(api.POST("/api/v1/review", { body: { ...request, dry_run: true } })),
    retry: false, staleTime: 0, gcTime: 0,
  });
  const { data } = thought;
  return (
    <Modal opened onClose={close} title={title} size={720}>
      <div className="dialog">
        {children}
        <div aria-live="polite" className="dialog">
          {thought.isError ? <Failure error={thought.error} /> : data === undefined ? <Skeleton lines={3} /> : (
            <><p className="strong">{plural(data.decided, "rule")} would be {WORDS[decision]}. Nothing has changed yet.</p><Diff text={data.diff} /></>
          )}
        </div>
        <div className="actions">
          <Button variant="filled" loading={busy} disabled={pending || data === undefined || thought.isError} onClick={() => { setBusy(true); void apply(request).finally(() => setBusy(false)); }}>{data === undefined ? "Decide" : `Decide ${plural(data.decided, "rule")}`}</Button>
          <Button variant="default" onClick={close}>Cancel</Button>
        </div>
      </div>
    </Modal>
  );
}
