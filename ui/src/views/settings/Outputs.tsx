import { Button, Select, Switch, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, got } from "../../api/client";
import { outputs as outputsQuery } from "../../api/queries";
import type { Output, OutputTarget, Severity } from "../../api/types";
import { failed, notice } from "../../app/notices";
import { useNow } from "../../app/now";
import { Empty, Failure, Skeleton } from "../../look/States";
import { count } from "../../text/numbers";
import { ago } from "../../text/times";

/** Where events are sent. A test message says at once whether it arrives. */
export function OutputsPart() {
  const { data, error } = useQuery(outputsQuery);
  const [adding, setAdding] = useState(false);
  const client = useQueryClient();
  const now = useNow();
  if (data === undefined) return error === null ? <Skeleton lines={6} /> : <Failure error={error} />;
  const put = (list: Output[], done: string) => got(api.PUT("/api/v1/outputs", { body: { outputs: list.map(({ status: _, ...rest }) => rest) } })).then((answer) => {
    client.setQueryData(outputsQuery.queryKey, answer);
    notice(done);
    setAdding(false);
  }, failed);
  const test = (name: string) => got(api.POST("/api/v1/outputs/{name}/test", { params: { path: { name } } })).then((answer) => notice(answer.delivered ? `${name} took the test message in ${answer.milliseconds} ms.` : `${name} did not take the test message.`, answer.message), failed);
  const all = data.outputs;
  return (
    <>
      {all.length === 0 && !adding && <Empty title="Events are sent nowhere."><p>They stay in the store. A syslog server or a webhook (Slack, Teams, your own) gets them as they happen.</p></Empty>}
      {all.map((output) => (
        <section key={output.name} className="card">
          <header><h3>{output.name}</h3><span className="t2 grow mono">{targetText(output.target)}</span><Switch aria-label={`${output.name} is on`} checked={output.enabled ?? true} onChange={(event) => void put(all.map((each) => (each === output ? { ...each, enabled: event.currentTarget.checked } : each)), "Saved.")} /><Button variant="default" onClick={() => void test(output.name)}>Test</Button><button type="button" className="link" onClick={() => void put(all.filter((each) => each !== output), `${output.name} is removed.`)}>Remove</button></header>
          <p className="body">At least <b>{output.min_severity ?? "warning"}</b>{(output.types ?? []).length > 0 && `, only ${(output.types ?? []).join(", ")}`}. {output.status !== null && output.status !== undefined && <span className="t2">{count(output.status.sent)} sent, {count(output.status.queued)} waiting, {count(output.status.lost)} lost. {typeof output.status.last_success === "number" && `Last arrived ${ago(output.status.last_success, now)}.`} {output.status.last_error}</span>}</p>
        </section>
      ))}
      {adding ? <Add add={(output) => void put([...all, output], `${output.name} gets events from now on.`)} cancel={() => setAdding(false)} /> : <div className="actions save"><Button variant="filled" onClick={() => setAdding(true)}>Add an output</Button></div>}
    </>
  );
}

const targetText = (target: OutputTarget): string => (target.kind === "syslog" ? `${target.transport} ${target.address} ${target.format ?? "rfc5424"}` : `${target.format ?? "json"} ${target.url}`);

function Add({ add, cancel }: { add: (output: Output) => void; cancel: () => void }) {
  const [name, setName] = useState("");
  const [kind, setKind] = useState("webhook/json");
  const [where, setWhere] = useState("");
  const [secret, setSecret] = useState("");
  const [severity, setSeverity] = useState<Severity>("warning");
  const [first = "", second = ""] = kind.split("/");
  const target = (): OutputTarget => (first === "webhook"
    ? { kind: "webhook", url: where.trim(), format: second as "json", ...(secret === "" ? {} : { secret }) }
    : { kind: "syslog", address: where.trim(), transport: first as "udp", format: second as "cef" });
  return (
    <section className="card">
      <header><h3>New output</h3></header>
      <form className="body form" onSubmit={(event) => { event.preventDefault(); add({ name: name.trim(), enabled: true, min_severity: severity, types: [], target: target() }); }}>
        <TextInput label="Name" required pattern="[A-Za-z0-9_-]{1,64}" value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <Select label="Kind" value={kind} allowDeselect={false} onChange={(value) => setKind(value ?? kind)} data={[{ group: "Webhook", items: [{ value: "webhook/json", label: "JSON" }, { value: "webhook/slack", label: "Slack" }, { value: "webhook/teams", label: "Teams" }] }, { group: "Syslog", items: ["udp", "tcp", "tls"].flatMap((each) => [{ value: `${each}/rfc5424`, label: `${each}, RFC 5424` }, { value: `${each}/cef`, label: `${each}, CEF` }]) }]} />
        <TextInput label={first === "webhook" ? "URL" : "Address"} required placeholder={first === "webhook" ? "https://…" : "host:6514"} value={where} onChange={(event) => setWhere(event.currentTarget.value)} />
        {first === "webhook" && <TextInput label="Secret" description="signs each message" type="password" autoComplete="off" value={secret} onChange={(event) => setSecret(event.currentTarget.value)} />}
        <Select label="At least" data={["info", "notice", "warning", "critical"]} value={severity} allowDeselect={false} onChange={(value) => setSeverity(value as Severity)} />
        <div className="form-end actions"><Button type="submit" variant="filled">Add</Button><Button variant="default" onClick={cancel}>Cancel</Button></div>
      </form>
    </section>
  );
}
