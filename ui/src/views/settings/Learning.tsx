import { Button, NumberInput, Select, Switch } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, got } from "../../api/client";
import { refresh, settings as settingsQuery } from "../../api/queries";
import type { Profile, Settings } from "../../api/types";
import { failed, notice } from "../../app/notices";
import { useMay } from "../../app/session";
import { Failure, Skeleton } from "../../look/States";
import { AutomationRules } from "./Automation";

export function Learning() {
  const { data, error } = useQuery(settingsQuery);
  const [draft, setDraft] = useState<Settings>();
  const [busy, setBusy] = useState(false);
  const admin = useMay("admin");
  const client = useQueryClient();
  useEffect(() => {
    if (data !== undefined) setDraft(data);
  }, [data]);
  if (draft === undefined) return error === null ? <Skeleton lines={8} /> : <Failure error={error} />;
  const now = draft;
  const set = (patch: Partial<Settings>) => setDraft({ ...draft, ...patch });
  const retention = now.retention;
  const scan = now.scan;
  const gates = now.gates;
  const number = (label: string, description: string, value: number | undefined, change: (n: number) => void, min: number, max: number, suffix: string) => (
    <NumberInput label={label} description={description} value={value ?? min} min={min} max={max} suffix={suffix} disabled={!admin} onChange={(n) => typeof n === "number" && change(n)} />
  );
  const save = () => {
    setBusy(true);
    got(api.PUT("/api/v1/settings", { body: draft })).then(async () => {
      notice("The settings hold from now on.");
      await refresh(client);
    }, failed).finally(() => setBusy(false));
  };
  return (
    <form onSubmit={(event) => { event.preventDefault(); save(); }}>
      <section className="card">
        <header><h3>Promotion</h3></header>
        <div className="body form">
          <Switch label="Promote services without being asked, where nothing else is set for them" checked={now.automatic} disabled={!admin} onChange={(event) => set({ automatic: event.currentTarget.checked })} />
          <Select label="Evidence asked for" description="and how long it is watched before and after Enforce" data={["fast", "default", "strict"]} value={now.profile} allowDeselect={false} disabled={!admin} onChange={(value) => set({ profile: value as Profile })} />
        </div>
      </section>
      <AutomationRules rules={now.automation ?? []} change={(automation) => set({ automation })} locked={!admin} />
      <section className="card">
        <header><h3>Gates of services promoted on evidence</h3></header>
        <div className="body form">
          <Switch label="Only alert right after a start, until two starts were watched" checked={gates.startup} disabled={!admin} onChange={(event) => set({ gates: { ...gates, startup: event.currentTarget.checked } })} />
          <Switch label="Only alert in hours of the week that were never watched" checked={gates.calendar} disabled={!admin} onChange={(event) => set({ gates: { ...gates, calendar: event.currentTarget.checked } })} />
          {number("New image only alerts for", "an attack window; 0 closes it", gates.deployment_hours, (n) => set({ gates: { ...gates, deployment_hours: n } }), 0, 720, " h")}
        </div>
      </section>
      <section className="card">
        <header><h3>Retention</h3></header>
        <div className="body form">
          {number("Events", "older ones are removed", retention.event_days, (n) => set({ retention: { ...retention, event_days: n } }), 1, 3650, " d")}
          {number("History of the map", "older steps of time are removed", retention.history_days, (n) => set({ retention: { ...retention, history_days: n } }), 1, 3650, " d")}
          {number("Edges", "unused for longer are forgotten", retention.edge_days, (n) => set({ retention: { ...retention, edge_days: n } }), 1, 3650, " d")}
          {number("Revisions of the policy", "the newest stay", retention.revisions, (n) => set({ retention: { ...retention, revisions: n } }), 10, 1_000_000, "")}
          {number("Audit log", "what stays is verified from there", retention.audit_days, (n) => set({ retention: { ...retention, audit_days: n } }), 30, 36_500, " d")}
          {number("Database", "oldest events go beyond it", retention.max_megabytes, (n) => set({ retention: { ...retention, max_megabytes: n } }), 16, 1_048_576, " MB")}
        </div>
      </section>
      <section className="card">
        <header><h3>When fan-out counts as a scan</h3></header>
        <div className="body form">
          {number("New peers and ports", "at least", scan.targets, (n) => set({ scan: { ...scan, targets: n } }), 2, 100_000, "")}
          {number("Within", "", scan.window_seconds, (n) => set({ scan: { ...scan, window_seconds: n } }), 1, 3600, " s")}
        </div>
      </section>
      {admin ? <div className="actions save"><Button type="submit" variant="filled" loading={busy} disabled={JSON.stringify(draft) === JSON.stringify(data)}>Save</Button></div> : <p className="t2 save">An admin can change these.</p>}
    </form>
  );
}
