import { Button, Modal, Select, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, got } from "../../api/client";
import { refresh } from "../../api/queries";
import type { Trial } from "../../api/types";
import { notice } from "../../app/notices";
import { go } from "../../app/router";
import { toHash } from "../../app/url";
import { Failure } from "../../look/States";
import { LENGTHS, titleOf } from "./trial";

/** Lets documents run beside the policy in force for a while. Nothing is enforced by them. */
export function TryDialog({ documents, close }: { documents: string; close: () => void }) {
  const [name, setName] = useState("");
  const [seconds, setSeconds] = useState("3600");
  const [judge, setJudge] = useState<Trial["judge"]>("changed");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const client = useQueryClient();
  const start = () => {
    setBusy(true);
    setError(undefined);
    got(api.POST("/api/v1/policy/trials", { body: { documents, seconds: Number(seconds), judge, ...(name.trim() === "" ? {} : { name: name.trim() }) } })).then(async (trial) => {
      notice(`${titleOf(trial)} runs.`);
      await refresh(client);
      go(toHash(["policies"], { tab: "trials", trial: trial.id }));
    }, setError).finally(() => setBusy(false));
  };
  return (
    <Modal opened onClose={close} title="Try it beside the policy in force?">
      <form className="dialog" onSubmit={(event) => { event.preventDefault(); start(); }}>
        <p className="t2">Every connection is judged by both, and nothing is denied by the candidate. It says which connections would fare otherwise.</p>
        <TextInput label="Name" placeholder="for people" maxLength={100} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <Select label="How long" data={LENGTHS.map(([value, label]) => ({ value: String(value), label }))} value={seconds} allowDeselect={false} onChange={(value) => setSeconds(value ?? "3600")} />
        <Select label="Services are judged" data={[{ value: "changed", label: "as enforced, where the candidate changes them" }, { value: "modes", label: "in the modes that they are in" }, { value: "enforce", label: "as if all were enforced" }]} value={judge} allowDeselect={false} onChange={(value) => setJudge((value ?? "changed") as Trial["judge"])} />
        {error !== undefined && <Failure error={error} />}
        <div className="actions"><Button type="submit" variant="filled" loading={busy}>Start</Button><Button variant="default" onClick={close}>Cancel</Button></div>
      </form>
    </Modal>
  );
}
