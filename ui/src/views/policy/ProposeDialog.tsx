import { Button, Modal, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, got } from "../../api/client";
import { refresh } from "../../api/queries";
import { notice } from "../../app/notices";
import { go } from "../../app/router";
import { toHash } from "../../app/url";
import { Failure } from "../../look/States";

/** Hands documents to those who decide. */
export function ProposeDialog({ documents, close }: { documents: string; close: () => void }) {
  const [title, setTitle] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const client = useQueryClient();
  const propose = () => {
    setBusy(true);
    setError(undefined);
    got(api.POST("/api/v1/policy/proposals", { body: { documents, title: title.trim() } })).then(async (made) => {
      notice(`${made.title} is proposed.`);
      await refresh(client);
      go(toHash(["policies"], { tab: "proposals", proposal: made.id }));
    }, setError).finally(() => setBusy(false));
  };
  return (
    <Modal opened onClose={close} title="Propose it?">
      <form className="dialog" onSubmit={(event) => { event.preventDefault(); propose(); }}>
        <p className="t2">Nothing changes until an operator accepts it.</p>
        <TextInput label="What it is about" required maxLength={200} value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
        {error !== undefined && <Failure error={error} />}
        <div className="actions"><Button type="submit" variant="filled" loading={busy} disabled={title.trim() === ""}>Propose</Button><Button variant="default" onClick={close}>Cancel</Button></div>
      </form>
    </Modal>
  );
}
