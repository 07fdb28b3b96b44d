import { Button, Modal, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, got } from "../../api/client";
import { promotion, refresh, split } from "../../api/queries";
import type { Mode, ServiceDetail } from "../../api/types";
import { failed, notice } from "../../app/notices";
import { useNow } from "../../app/now";
import { useMay } from "../../app/session";
import { Diff } from "../../look/Diff";
import { ModeGlyph, VerdictGlyph } from "../../look/Glyphs";
import { Failure, Skeleton } from "../../look/States";
import { plural } from "../../text/numbers";
import { edgeSentence } from "../../text/sentences";
import { modeWord, shortName } from "../../text/words";
import { progressWord } from "../services/sort";
import { Automation } from "./Automation";

const STEPS: Mode[] = ["learn", "monitor", "enforce"];

/** The way from Learn to Enforce. Every step can be looked at before it is taken. */
export function ModeCard({ service }: { service: ServiceDetail }) {
  const [to, setTo] = useState<Mode>();
  const may = useMay("operator");
  const now = useNow();
  return (
    <section className="card">
      <header><h3 className="grow">Mode</h3><span className="t3">{progressWord(service, now)}</span></header>
      <div className="body">
        <ol className="mode-steps">
          {STEPS.map((mode) => (
            <li key={mode}>
              <button type="button" className={`mode-step ${mode} ${service.mode === mode ? "now" : ""}`} disabled={service.mode === mode || !may} onClick={() => setTo(mode)} aria-label={service.mode === mode ? `${modeWord(mode)}, now` : `Go to ${modeWord(mode)}`}>
                <ModeGlyph mode={mode} /> <b>{modeWord(mode)}</b><br /><span className="small t2">{service.mode === mode ? "now" : STEPS.indexOf(mode) > STEPS.indexOf(service.mode) ? "look ahead" : "go back"}</span>
              </button>
            </li>
          ))}
        </ol>
        {service.mode === "quarantine" && <p className="strong">Quarantine holds: nothing passes until it is released.</p>}
        <Automation service={service} may={may} />
      </div>
      {to !== undefined && <ModeDialog service={service} to={to} close={() => setTo(undefined)} />}
    </section>
  );
}

function ModeDialog({ service, to, close }: { service: ServiceDetail; to: Mode; close: () => void }) {
  const preview = useQuery(promotion(service.name, to));
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const open = preview.data?.learning.gates.filter((gate) => !gate.armed) ?? [];
  const ahead = STEPS.indexOf(to) > STEPS.indexOf(service.mode);
  const override = to === "enforce" && ahead && preview.data?.ready === false;
  const act = () => {
    setBusy(true);
    got(api.PUT("/api/v1/services/{namespace}/{name}/mode", { params: { path: split(service.name) }, body: reason.trim() === "" ? { mode: to } : { mode: to, reason: reason.trim() } })).then(async () => {
      notice(`${shortName(service.name)} is in ${modeWord(to)}.`);
      close();
      await refresh(client);
    }, failed).finally(() => setBusy(false));
  };
  return (
    <Modal opened onClose={close} size={680} title={`${shortName(service.name)}: ${modeWord(service.mode)} to ${modeWord(to)}?`}>
      <div className="dialog">
        {preview.isError ? <Failure error={preview.error} /> : preview.data === undefined ? <Skeleton lines={4} /> : (
          <>
            <p className="strong">{preview.data.sentence}</p>
            {preview.data.would_deny.length > 0 && (
              <ul className="changes">{preview.data.would_deny.slice(0, 30).map((edge) => <li key={edge.id} className="row denied-text"><VerdictGlyph verdict="denied" /> <span className="t1">{edgeSentence(edge, "allowed").replace(/, allowed$/, "")}</span></li>)}</ul>
            )}
            {ahead && open.length > 0 && <div><p className="t2">{plural(open.length, "gate")} not met:</p><ul className="small">{open.map((gate) => <li key={gate.name}>{gate.sentence}</li>)}</ul></div>}
            {preview.data.diff.trim() !== "" && <Diff text={preview.data.diff} />}
            <TextInput label={override ? "Reason: it goes before its evidence does" : "Reason, for the audit log"} required={override} value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
          </>
        )}
        <div className="actions">
          <Button variant="filled" loading={busy} disabled={preview.data === undefined || (override && reason.trim() === "")} onClick={act}>{override ? `Override, ${modeWord(to)}` : `Go to ${modeWord(to)}`}</Button>
          <Button variant="default" onClick={close}>Cancel</Button>
        </div>
      </div>
    </Modal>
  );
}
