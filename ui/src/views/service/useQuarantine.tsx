import { Button, Modal, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { api, got } from "../../api/client";
import { refresh, split } from "../../api/queries";
import type { Mode } from "../../api/types";
import { failed, notice } from "../../app/notices";
import { shortName } from "../../text/words";

/** Quarantine asks once, and says what it does; release gives back the mode before it. */
export function useQuarantine(service: string, mode: Mode): { label: string; ask: () => void; dialog: ReactNode } {
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const held = mode === "quarantine";
  const path = { params: { path: split(service) } };
  const act = () => {
    setBusy(true);
    const answer = held
      ? got(api.DELETE("/api/v1/services/{namespace}/{name}/quarantine", path))
      : got(api.POST("/api/v1/services/{namespace}/{name}/quarantine", { ...path, body: reason.trim() === "" ? {} : { reason: reason.trim() } }));
    answer.then(async () => {
      setOpen(false);
      notice(held ? `${shortName(service)} is released.` : `${shortName(service)} is quarantined: nothing passes.`);
      await refresh(client);
    }, failed).finally(() => setBusy(false));
  };
  const dialog = (
    <Modal opened={open} onClose={() => setOpen(false)} title={held ? `Release ${shortName(service)}?` : `Quarantine ${shortName(service)}?`}>
      <div className="dialog">
        <p className="t2">{held ? "The mode that it had before holds again, with the policy in force." : "Nothing passes to or from it any more, whatever its policy says; open connections end. The containers go on running."}</p>
        {!held && <TextInput data-autofocus label="Reason, for the audit log" value={reason} onChange={(event) => setReason(event.currentTarget.value)} />}
        <div className="actions">
          <Button variant="filled" loading={busy} onClick={act}>{held ? "Release" : "Quarantine"}</Button>
          <Button variant="default" onClick={() => setOpen(false)}>Cancel</Button>
        </div>
      </div>
    </Modal>
  );
  return { label: held ? "Release" : "Quarantine", ask: () => setOpen(true), dialog };
}
