import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { api, got, Refused } from "../../api/client";
import { refresh, services as servicesQuery } from "../../api/queries";
import type { ApplyResult, Policy } from "../../api/types";
import { notice } from "../../app/notices";
import { useMay } from "../../app/session";
import YamlEditor, { type Fault } from "../../look/YamlEditor";
import { Failure } from "../../look/States";
import { ButtonWithKey } from "../../look/ButtonWithKey";
import { mapWith } from "../map/useMapState";
import schema from "../../../../docs/policy.schema.json";
import { namespaceOf } from "../../text/words";
import { ApplyPreview } from "./ApplyPreview";
import { setCandidate, useCandidate } from "./candidate";
import { offersAt, type Schema } from "./completion";
import { ProposeDialog } from "./ProposeDialog";
import { ruleFor, ZONE } from "./starters";
import { TryDialog } from "./TryDialog";

/** Documents as text. Checked by the server's own dry run; applied only after its result was shown. */
export default function Editor({ documents, open }: { documents: readonly Policy[] | undefined; open: string | undefined }) {
  // Back from the map, what was checked is still there.
  const candidate = useCandidate();
  const [kept] = useState(candidate);
  const start = documents?.find((each) => `${each.namespace}/${each.name}` === open)?.yaml ?? (open === undefined ? kept : undefined) ?? "";
  return <EditorOf key={`${open ?? ""}${start === "" ? "" : "loaded"}`} start={start} documents={documents ?? []} />;
}

function EditorOf({ start, documents }: { start: string; documents: readonly Policy[] }) {
  const [text, setText] = useState(start);
  const [checked, setChecked] = useState<{ text: string; result?: ApplyResult; error?: unknown }>();
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const services = useQuery(servicesQuery);
  const may = useMay("operator");
  const [dialog, setDialog] = useState<"try" | "propose">();
  const file = useRef<HTMLInputElement>(null);
  const offers = useMemo(() => {
    const names = services.data?.items.map((each) => each.name) ?? [];
    const known = {
      service: names, namespace: [...new Set(names.map(namespaceOf))].sort(),
      name: documents.filter((each) => each.kind !== "SegmentationPolicy").map((each) => each.name),
    };
    return (before: string) => offersAt(before, schema as Schema, known);
  }, [services.data, documents]);
  const faults = useMemo((): Fault[] => {
    if (checked?.text !== text || !(checked.error instanceof Refused)) return [];
    return (checked.error.error.details ?? []).filter((detail) => typeof detail.line === "number").map((detail) => ({ line: detail.line ?? 1, column: detail.column ?? undefined, message: `${detail.message}${typeof detail.expected === "string" ? `; expected ${detail.expected}` : ""}` }));
  }, [checked, text]);
  const send = (dry: boolean) => {
    setBusy(true);
    got(api.POST("/api/v1/policies/apply", { body: { documents: text, dry_run: dry } })).then(async (result) => {
      setChecked({ text, result });
      setCandidate(dry ? text : undefined);
      if (dry) return;
      notice(result.sentence);
      await refresh(client);
    }, (error: unknown) => setChecked({ text, error })).finally(() => setBusy(false));
  };
  const current = checked?.text === text ? checked : undefined;
  return (
    <main className="editor">
      <section className="editor-text">
        <div className="toolbar-line">
          <span className="t2 grow">{text === "" ? "Write, paste or open documents; several are separated by ---." : `${text.split("\n").length} lines`}</span>
          <input ref={file} type="file" accept=".yaml,.yml" hidden onChange={(event) => void event.currentTarget.files?.[0]?.text().then(setText)} />
          <Button variant="default" onClick={() => file.current?.click()}>Open file</Button>
          {may ? <Button variant="default" loading={busy} disabled={text.trim() === ""} onClick={() => send(true)}>Check</Button> : <Button variant="filled" disabled={text.trim() === ""} onClick={() => setDialog("propose")}>Propose it…</Button>}
          {may && <Button variant="filled" loading={busy} disabled={current?.result?.dry_run !== true} title={current?.result === undefined ? "Check comes first" : ""} onClick={() => send(false)}>Apply</Button>}
        </div>
        {text === "" && (
          <p className="starters small t2">Begin with
            <button type="button" className="link" onClick={() => setText(ruleFor(services.data?.items.map((each) => each.name) ?? []))}>a rule for a service</button>
            <button type="button" className="link" onClick={() => setText(ZONE)}>a zone</button>
            <span className="t3">Ctrl Space offers what may stand at the cursor.</span>
          </p>
        )}
        <YamlEditor value={text} onChange={setText} faults={faults} offers={offers} />
      </section>
      <section className="editor-result" aria-live="polite">
        {!may ? <p className="t2">What you write is proposed: nothing changes until an operator accepts it, and its effect is shown there first. {documents.length > 0 && "An existing document is replaced by one of its name."}</p> : current === undefined ? <p className="t2">Check says what applying would do: which lines of which document change, which seen edges get another verdict, and which would break. Nothing is changed by it. {documents.length > 0 && "An existing document is replaced by one of its name."}</p>
          : current.error !== undefined ? <Failure error={current.error} /> : current.result !== undefined && (
            <>{current.result.dry_run ? <div className="actions"><ButtonWithKey label="Show on the map" href={mapWith("candidate")} /><Button variant="default" onClick={() => setDialog("try")}>Try it…</Button><Button variant="default" onClick={() => setDialog("propose")}>Propose it…</Button></div> : <p className="strong">Applied.</p>}<ApplyPreview result={current.result} /></>
          )}
      </section>
      {dialog === "try" && <TryDialog documents={text} close={() => setDialog(undefined)} />}
      {dialog === "propose" && <ProposeDialog documents={text} close={() => setDialog(undefined)} />}
    </main>
  );
}
