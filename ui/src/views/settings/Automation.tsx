import { ActionIcon, Button, Select, TextInput } from "@mantine/core";
import type { Profile, Settings } from "../../api/types";
import { IconTrash } from "../../look/icons";

type Rule = NonNullable<Settings["automation"]>[number];

/** Which services are promoted without being asked: the first rule that fits is taken, else what is set above. */
export function AutomationRules({ rules, change, locked }: { rules: readonly Rule[]; change: (rules: Rule[]) => void; locked: boolean }) {
  const set = (at: number, patch: Partial<Rule>) => change(rules.map((rule, i) => (i === at ? { ...rule, ...patch } : rule)));
  const swap = (at: number) => change(rules.map((rule, i) => (i === at ? rules[at - 1] ?? rule : i === at - 1 ? rules[at] ?? rule : rule)));
  return (
    <section className="card">
      <header><h3>Exceptions to it</h3><span className="t2 grow">the first that fits is taken; an empty field fits everything</span>{!locked && <Button variant="default" onClick={() => change([...rules, { automatic: false, profile: "strict", labels: {} }])}>Add a rule</Button>}</header>
      {rules.length === 0 ? <p className="body t2">None: every service is treated alike, unless its own page says otherwise.</p> : (
        <ol className="automation">
          {rules.map((rule, i) => (
            <li key={i}>
              <TextInput label={i === 0 ? "Namespace" : undefined} aria-label="Namespace" value={rule.namespace ?? ""} disabled={locked} onChange={(event) => set(i, { namespace: event.currentTarget.value.trim() === "" ? null : event.currentTarget.value })} />
              <TextInput label={i === 0 ? "Zone" : undefined} aria-label="Zone" value={rule.zone ?? ""} disabled={locked} onChange={(event) => set(i, { zone: event.currentTarget.value.trim() === "" ? null : event.currentTarget.value })} />
              <TextInput label={i === 0 ? "Labels" : undefined} aria-label="Labels" placeholder="tier=web, team=shop" defaultValue={labelsText(rule.labels ?? {})} disabled={locked} onBlur={(event) => set(i, { labels: parseLabels(event.currentTarget.value) })} />
              <Select label={i === 0 ? "Promotion" : undefined} aria-label="Promotion" data={[{ value: "yes", label: "without being asked" }, { value: "no", label: "only by hand" }]} value={rule.automatic ? "yes" : "no"} allowDeselect={false} disabled={locked} onChange={(value) => set(i, { automatic: value === "yes" })} />
              <Select label={i === 0 ? "Evidence" : undefined} aria-label="Evidence" data={["fast", "default", "strict"]} value={rule.profile} allowDeselect={false} disabled={locked} onChange={(value) => set(i, { profile: value as Profile })} />
              {!locked && <span className="row"><Button variant="default" disabled={i === 0} onClick={() => swap(i)} aria-label={`Rule ${i + 1} before the one above it`}>↑</Button><ActionIcon variant="default" size={30} aria-label={`Remove rule ${i + 1}`} onClick={() => change(rules.filter((_, at) => at !== i))}><IconTrash size={15} /></ActionIcon></span>}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

export const labelsText = (labels: Readonly<Record<string, string>>): string => Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(", ");

/** `tier=web, team=shop`; a word without a value is a label with an empty one. */
export function parseLabels(text: string): Record<string, string> {
  const pairs = text.split(",").map((part) => part.trim()).filter((part) => part !== "").map((part): [string, string] => {
    const at = part.indexOf("=");
    return at < 0 ? [part, ""] : [part.slice(0, at).trim(), part.slice(at + 1).trim()];
  });
  return Object.fromEntries(pairs);
}
