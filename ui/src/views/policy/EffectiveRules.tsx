import { useQuery } from "@tanstack/react-query";
import { effective } from "../../api/queries";
import type { EffectiveRule } from "../../api/types";
import { useNow } from "../../app/now";
import { VerdictGlyph } from "../../look/Glyphs";
import { Failure, Skeleton } from "../../look/States";
import { count, plural } from "../../text/numbers";
import { ago } from "../../text/times";
import { modeWord, shortName } from "../../text/words";

/** All rules of a service in deciding order, from whichever document. */
export function EffectiveRules({ service }: { service: string }) {
  const { data, error } = useQuery(effective(service));
  return (
    <section className="card">
      <header><h3>What decides for {shortName(service)}</h3><span className="t2 grow">in this order{data !== undefined && `, in ${modeWord(data.mode)}`}</span></header>
      {data === undefined ? error === null ? <Skeleton lines={3} /> : <div className="body"><Failure error={error} /></div> : (
        <div className="table-wrap"><table>
          <thead><tr><th>Rule</th><th>Document</th><th>Origin</th><th className="right">Connections</th><th className="right">Last</th></tr></thead>
          <tbody><Rules title="In" rules={data.ingress} /><Rules title="Out" rules={data.egress} /></tbody>
        </table></div>
      )}
    </section>
  );
}

function Rules({ title, rules }: { title: string; rules: readonly EffectiveRule[] }) {
  const now = useNow();
  return (
    <>
      <tr className="group"><td colSpan={5}>{title}, {plural(rules.length, "rule")}; what none matches is denied</td></tr>
      {rules.map((rule, i) => (
        <tr key={i}>
          <td><span className={rule.allow ? "allowed-text" : "denied-text"}><VerdictGlyph verdict={rule.allow ? "allowed" : "denied"} size={13} /></span> {rule.text}</td>
          <td><a href={`#/policies/${rule.policy}`}>{rule.policy}</a></td><td className="t2">{rule.origin}</td>
          <td className="right">{rule.hits === 0 ? <span className="t3">never</span> : count(rule.hits)}</td><td className="right t2">{rule.last_hit === null || rule.last_hit === undefined ? "" : ago(rule.last_hit, now)}</td>
        </tr>
      ))}
    </>
  );
}
