import { Button, Modal, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api, got } from "../../api/client";
import { refresh } from "../../api/queries";
import type { Policy } from "../../api/types";
import { useKeys } from "../../app/keys";
import { failed, notice } from "../../app/notices";
import { useNow } from "../../app/now";
import { changeQuery, go, useRoute } from "../../app/router";
import { toHash } from "../../app/url";
import { ModeChip } from "../../look/Chips";
import { IconAlertTriangle, IconFilter } from "../../look/icons";
import { Empty } from "../../look/States";
import { count, plural } from "../../text/numbers";
import { ago } from "../../text/times";
import { EffectiveRules } from "./EffectiveRules";

const ORIGINS = { declared: "Declared by pipelines", user: "Written by people", imported: "Imported", learned: "Learned" } as const;

/** The documents in the order of their tiers: what stands first decides first. */
export function Documents({ items, chosen, text, may }: { items: readonly Policy[]; chosen: string | undefined; text: string; may: boolean }) {
  const { query } = useRoute();
  const input = useRef<HTMLInputElement>(null);
  const words = text.toLowerCase().split(/\s+/);
  const shown = items.filter((each) => words.every((word) => `${each.namespace}/${each.name} ${each.target} ${each.kind}`.toLowerCase().includes(word)));
  const ordered = (Object.keys(ORIGINS) as (keyof typeof ORIGINS)[]).flatMap((origin) => shown.filter((each) => each.origin === origin));
  const id = (each: Policy): string => `${each.namespace}/${each.name}`;
  const phone = window.innerWidth <= 760;
  const policy = ordered.find((each) => id(each) === chosen) ?? (phone ? undefined : ordered[0]);
  const at = policy === undefined ? -1 : ordered.indexOf(policy);
  const open = (each: Policy | undefined) => { if (each !== undefined) go(toHash(["policies", each.namespace, each.name], query)); };
  useKeys({ j: () => open(ordered[at + 1]), k: () => open(ordered[Math.max(0, at - 1)]), "/": () => input.current?.focus() });
  return (
    <main className={`master policies ${chosen === undefined ? "" : "chosen"}`}>
      <div className="list">
        <div className="list-tools"><TextInput ref={input} className="grow" leftSection={<IconFilter size={14} />} rightSection={<kbd aria-hidden="true">/</kbd>} placeholder="service or document" aria-label="Show only documents that contain" value={text} onChange={(event) => changeQuery({ q: event.currentTarget.value })} /></div>
        <div className="scroll" tabIndex={0}>
          {(Object.keys(ORIGINS) as (keyof typeof ORIGINS)[]).map((origin) => {
            const of = shown.filter((each) => each.origin === origin);
            return of.length === 0 ? null : (
              <section key={origin}>
                <h3 className="section-title list-title">{ORIGINS[origin]} <span>{plural(of.length, "document")}</span></h3>
                {of.map((each) => (
                  <a key={id(each)} href={toHash(["policies", each.namespace, each.name], query)} className={`list-row policy-row ${each === policy ? "on" : ""}`} aria-current={each === policy ? "true" : undefined}>
                    <span className="ellipsis"><b>{each.name}</b> <span className="t3">{each.namespace}</span></span>
                    {each.findings.length > 0 ? <span className="small nowrap"><IconAlertTriangle size={13} aria-label="findings" /> {each.findings.length}</span> : <span />}
                    <span className="ellipsis t2 small">{plural(each.ingress_rules, "rule")} in, {count(each.egress_rules)} out</span><span className="t3 small">rev {count(each.revision)}</span>
                  </a>
                ))}
              </section>
            );
          })}
          {ordered.length === 0 && <div className="page"><Empty title={items.length === 0 ? "No document yet." : "No document fits the filter."}><p>{items.length === 0 ? "The first is written when a service leaves Learn, or by hand." : "Take a word out of it."}</p></Empty></div>}
        </div>
        <div className="keys"><span><kbd>J</kbd><kbd>K</kbd>move</span></div>
      </div>
      <div className="detail" tabIndex={0}><a className="back" href={toHash(["policies"], query)}>‹ All documents</a>{policy === undefined ? <Empty title="Choose a document." /> : <Document key={id(policy)} policy={policy} may={may} />}</div>
    </main>
  );
}

function Document({ policy, may }: { policy: Policy; may: boolean }) {
  const [deleting, setDeleting] = useState(false);
  const now = useNow();
  const client = useQueryClient();
  const name = `${policy.namespace}/${policy.name}`;
  const service = /^service (\S+\/\S+)$/.exec(policy.target)?.[1];
  const remove = () => {
    got(api.DELETE("/api/v1/policies/{namespace}/{name}", { params: { path: { namespace: policy.namespace, name: policy.name } } })).then(async (result) => {
      notice(result.sentence);
      setDeleting(false);
      await refresh(client);
    }, failed);
  };
  return (
    <>
      <section className="card">
        <header><h2 className="ellipsis">{name}</h2>{policy.mode !== null && policy.mode !== undefined && <ModeChip mode={policy.mode} />}<span className="grow" />{may && <><a className="link" href={toHash(["policies"], { tab: "edit", open: name })}>Edit</a><button type="button" className="link" onClick={() => setDeleting(true)}>Delete</button></>}</header>
        <div className="body">
          <p className="t2">{policy.kind}, {policy.origin}; {policy.target}. Revision {count(policy.revision)}, {ago(policy.updated, now)} by {policy.updated_by}.</p>
          {policy.findings.length > 0 && <ul className="findings">{policy.findings.map((finding, i) => <li key={i}><IconAlertTriangle size={15} aria-hidden="true" /><span><b>{finding.kind}</b> <span className="mono">{finding.rule}</span><br />{finding.message}</span></li>)}</ul>}
          <pre className="mono-box" tabIndex={0}>{policy.yaml.trimEnd()}</pre>
        </div>
      </section>
      {service !== undefined && <EffectiveRules service={service} />}
      <Modal opened={deleting} onClose={() => setDeleting(false)} title={`Delete ${name}?`}>
        <div className="dialog">
          <p className="t2">Its {plural(policy.ingress_rules + policy.egress_rules, "rule")} no longer count. The revision before can be restored from the history.</p>
          <div className="actions"><Button variant="filled" onClick={remove}>Delete</Button><Button variant="default" onClick={() => setDeleting(false)}>Cancel</Button></div>
        </div>
      </Modal>
    </>
  );
}
