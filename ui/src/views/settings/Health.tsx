import { Fragment } from "react";
import type { Status } from "../../api/types";
import { useNow } from "../../app/now";
import { bytes, count, plural } from "../../text/numbers";
import { ago, full } from "../../text/times";

const PACKETS: Record<string, string> = {
  denied: "denied", answered: "answered with a refusal", spoof: "false address", unidentified: "of nobody known", malformed: "cannot be parsed", fragment: "fragment alone", "other-ethertype": "neither IP nor ARP",
};

/** What the kernel programs counted of packets that are no everyday traffic, the most first. */
function packetsOf(packets: Readonly<Record<string, number>> | undefined): [string, number][] {
  return Object.entries(packets ?? {}).filter(([key, number]) => key in PACKETS && number > 0).sort(([, a], [, b]) => b - a).map(([key, number]) => [PACKETS[key] ?? key, number]);
}

/** Whether the promises hold: nodes, kernel tables, losses, store. */
export function Health({ status }: { status: Status }) {
  const now = useNow();
  return (
    <>
      {status.degraded.map((each) => <div key={each.what} className="failure"><h2>{each.what}</h2><p className="t2">{each.remedy} Since {full(each.since)}.</p></div>)}
      {status.not_covered.length > 0 && <section className="card"><header><h3>Not covered</h3></header><ul className="body plain">{status.not_covered.map((each) => <li key={each}>{each}</li>)}</ul></section>}
      {status.nodes.map((node) => (
        <section key={node.name} className="card">
          <header><h3>{node.name}</h3><span className="t2 grow">reported {ago(node.last_report, now)}</span><span className="t3">kernel {node.health.kernel}, {node.health.attach_kind}</span></header>
          <div className="body node-health">
            <dl className="facts">
              <dt>endpoints</dt><dd>{plural(node.health.endpoints, "endpoint")} with programs attached</dd>
              <dt>policy</dt><dd>revision {count(node.health.revision)}{node.health.revision !== status.revision && `, ${count(status.revision)} is wanted`}</dd>
              <dt>first packet</dt><dd>{node.health.gate ? "held back until the workload is identified" : "not held back: the gate is not installed"}</dd>
              <dt>lost events</dt><dd>{node.health.lost_events === 0 ? "none since start" : count(node.health.lost_events)}</dd>
              {packetsOf(node.health.packets).map(([word, number]) => <Fragment key={word}><dt>{word}</dt><dd>{plural(number, "packet")}</dd></Fragment>)}
            </dl>
            <div className="table-wrap"><table><thead><tr><th>Kernel table</th><th>Fill</th><th className="right">Entries</th><th className="right">Capacity</th></tr></thead><tbody>
              {node.health.tables.map((table) => <tr key={table.name}><td>{table.name}</td><td><span className="fill" aria-hidden="true"><i style={{ width: `${table.capacity === 0 ? 0 : (table.entries / table.capacity) * 100}%` }} /></span> <span className="small t2">{table.capacity === 0 ? "" : `${((table.entries / table.capacity) * 100).toFixed(1)} %`}</span></td><td className="right">{count(table.entries)}</td><td className="right t2">{count(table.capacity)}</td></tr>)}
            </tbody></table></div>
          </div>
          {node.health.not_covered.length > 0 && <ul className="body plain">{node.health.not_covered.map((each) => <li key={each}>{each}</li>)}</ul>}
        </section>
      ))}
      <section className="card">
        <header><h3>Store</h3></header>
        <dl className="body facts"><dt>size</dt><dd>{bytes(status.store.bytes)}</dd><dt>events</dt><dd>{count(status.store.events)}{status.store.oldest_event !== null && status.store.oldest_event !== undefined && `, the oldest ${full(status.store.oldest_event)}`}</dd><dt>waiting</dt><dd>{plural(status.store.pending, "record")} to be written</dd><dt>lost events</dt><dd>{status.lost_events === 0 ? "none since start" : count(status.lost_events)}</dd></dl>
      </section>
    </>
  );
}
