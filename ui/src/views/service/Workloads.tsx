import type { ServiceDetail } from "../../api/types";
import { useNow } from "../../app/now";
import { count, plural } from "../../text/numbers";
import { ago, full } from "../../text/times";
import { namespaceOf, shortName } from "../../text/words";

/** Who it is: image, workloads, addresses, labels. */
export function Workloads({ service }: { service: ServiceDetail }) {
  const now = useNow();
  const labels = new Map<string, string>();
  for (const each of service.instances) for (const [key, value] of Object.entries(each.labels)) labels.set(key, value);
  return (
    <section className="card">
      <div className="body identity">
        <div><span className="t3 small">Service</span><br /><b>{shortName(service.name)}</b> in {namespaceOf(service.name)}</div>
        <div><span className="t3 small">Workloads</span><br />{service.workloads === 0 ? "none runs" : `${count(service.workloads)} running`}</div>
        <div className="wide"><span className="t3 small">Image</span><br /><span className="mono" title={service.images.join(", ")}>{service.images.join(", ") || "unknown"}</span></div>
        <div><span className="t3 small">First seen</span><br />{full(service.first_seen)}</div>
      </div>
      {service.instances.length > 0 && (
        <details className="more">
          <summary>{plural(service.instances.length, "workload")}, {plural(labels.size, "label")}</summary>
          <div className="table-wrap"><table>
            <thead><tr><th>Workload</th><th>Network and addresses</th><th>Ports</th><th>Named by</th><th>Runtime</th><th className="right">Started</th></tr></thead>
            <tbody>{service.instances.slice(0, 100).map((each) => (
              <tr key={each.id}>
                <td className="mono">{each.name}<br /><span className="t3">{each.id.slice(0, 12)}</span></td>
                <td>{each.interfaces.map((at) => <div key={at.network}>{at.network} <span className="mono">{at.addresses.join(", ")}</span></div>)}{each.attachment.kind !== "own" && <span className="t2">{each.attachment.kind === "host" ? "the host's namespace" : each.attachment.kind === "shared" ? `shares with ${each.attachment.container.slice(0, 12)}` : "no network"}</span>}{each.unconfined && <div className="t2">not confined: {each.unconfined}</div>}</td>
                <td className="mono">{each.exposes.map((port) => `${port.port}/${port.protocol}`).join(", ")}{each.published.map((port) => <div key={port.host_port}>{port.host_port} → {port.container_port}/{port.protocol}</div>)}</td>
                <td>{each.owner}</td><td>{each.runtime}</td>
                <td className="right t2">{each.started === null || each.started === undefined ? "" : ago(each.started, now)}</td>
              </tr>
            ))}</tbody>
          </table></div>
          {labels.size > 0 && <p className="labels">{[...labels].slice(0, 30).map(([key, value]) => <span key={key} className="chip allowed mono">{key}={value}</span>)}</p>}
        </details>
      )}
    </section>
  );
}
