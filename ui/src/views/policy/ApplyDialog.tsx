import { Button, Modal } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, got } from "../../api/client";
import { refresh } from "../../api/queries";
import type { ApplyResult } from "../../api/types";
import { failed, notice } from "../../app/notices";
import { Failure, Skeleton } from "../../look/States";
import { ApplyPreview } from "./ApplyPreview";

/** Nothing is applied unseen: the dry run comes first, its result is the question. */
export function ApplyDialog({ documents, title, note, close }: { documents: string; title: string; note?: string; close: (applied: boolean) => void }) {
  const [preview, setPreview] = useState<ApplyResult>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  useEffect(() => {
    got(api.POST("/api/v1/policies/apply", { body: { documents, dry_run: true } })).then(setPreview, setError);
  }, [documents]);
  const apply = () => {
    setBusy(true);
    got(api.POST("/api/v1/policies/apply", { body: { documents } })).then(async (result) => {
      notice(result.sentence);
      await refresh(client);
      close(true);
    }, failed).finally(() => setBusy(false));
  };
  return (
    <Modal opened onClose={() => close(false)} title={title} size={720}>
      <div className="dialog">
        {note !== undefined && <p className="t2">{note}</p>}
        {error !== undefined ? <Failure error={error} /> : preview === undefined ? <Skeleton lines={4} /> : <ApplyPreview result={preview} />}
        <div className="actions">
          <Button variant="filled" loading={busy} disabled={preview === undefined} onClick={apply}>Apply</Button>
          <Button variant="default" onClick={() => close(false)}>Cancel</Button>
        </div>
      </div>
    </Modal>
  );
}
