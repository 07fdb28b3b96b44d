import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import * as queries from "../../api/queries";
import type { BlastRadius, BlastSide, Mode, Peer } from "../../api/types";
import { Headline } from "../../app/Headline";
import { useKeys } from "../../app/keys";
import { go, useRoute } from "../../app/router";
import { toHash } from "../../app/url";
import { ButtonWithKey } from "../../look/ButtonWithKey";
import { ModeGlyph } from "../../look/Glyphs";
import { IconTarget } from "../../look/icons";
import { Empty, Failure, Skeleton } from "../../look/States";
import { count, plural } from "../../text/numbers";
import { peerKey, peerShort, shortName } from "../../text/words";
import { Rings } from "./RingsDrawing";
import { mapWith } from "../map/useMapState";
import { chain, directions } from "./rings";
import "./blast.css";

/** What falls with a service: now, and if every service enforced its policy. */
export default function BlastView() {
  const { path } = useRoute();
  const ranking = useQuery(queries.ranking);
  const services = useQuery(queries.services);
  const plan = useQuery(queries.blastPlan);
  const [hover, setHover] = useState<string>();
  const items = useMemo(() => [...(ranking.data?.items ?? [])].sort((a, b) => b.now.services - a.now.services || b.now.ports - a.now.ports || (a.service < b.service ? -1 : 1)), [ranking.data]);
  const chosen = path[1] === undefined ? items[0]?.service : `${path[1]}/${path[2] ?? ""}`;
  const blast = useQuery({ ...queries.blast(chosen ?? "none/none"), enabled: chosen !== undefined });
  const open = (service: string | undefined) => { if (service !== undefined) go(toHash(["blast", ...service.split("/")])); };
  const at = items.findIndex((each) => each.service === chosen);
  const map = mapWith("blast", { focus: chosen });
  useKeys({ j: () => open(items[at + 1]?.service), k: () => open(items[Math.max(0, at - 1)]?.service), m: () => go(map) });
  const modes = useMemo(() => new Map<string, Mode>(services.data?.items.map((each) => [each.name, each.mode]) ?? []), [services.data]);

  if (ranking.data === undefined) return <><Headline icon={<IconTarget size={18} />}>Blast radius</Headline><main className="page">{ranking.isError ? <Failure error={ranking.error} retry={() => void ranking.refetch()} /> : <Skeleton lines={10} />}</main></>;
  if (items.length === 0 || chosen === undefined) return <><Headline icon={<IconTarget size={18} />}>No service has been seen yet.</Headline><main className="page"><Empty title="Nothing can fall yet."><p>With the first service its radius appears here.</p></Empty></main></>;
  const most = Math.max(1, ...items.map((each) => each.now.services));
  return (
    <>
      <Headline icon={<IconTarget size={18} />} detail={ranking.data.sentence}
        actions={<><Select searchable aria-label="Start at" data={items.map((each) => ({ value: each.service, label: each.service }))} value={chosen} allowDeselect={false} onChange={(value) => open(value ?? undefined)} /><ButtonWithKey label="Show on map" hint="M" href={map} /></>}>
        {blast.data === undefined ? `If ${shortName(chosen)} is taken over…` : blast.data.sentence}
      </Headline>
      <main className="blast">
        <div className="blast-main">
          {blast.isError ? <Failure error={blast.error} /> : blast.data === undefined ? <Skeleton lines={8} /> : <Both blast={blast.data} modes={modes} hover={hover} setHover={setHover} />}
        </div>
        <aside className="blast-side" aria-label="Ranking of the estate">
          {plan.data !== undefined && plan.data.steps.length > 0 && (
            <section className="section">
              <h2>What to close first</h2>
              <p className="t2 small">{plan.data.sentence}</p>
              <ol className="close-first">{plan.data.steps.map((step) => <li key={step.sentence}><span className="grow">{step.sentence}</span><b className="num" title="services that can still fall from outside">{count(step.after.services)}</b></li>)}</ol>
            </section>
          )}
          <section className="section">
            <h2>Who could reach most</h2>
            <p className="t2 small">Services within reach. The hollow mark is now, the solid one with every service in Enforce.</p>
          </section>
          <div className="blast-row head micro t2"><span>If taken over</span><span>0 to {count(most)}</span><span className="num">now</span><span className="num">policy</span></div>
          <ul className="blast-list">
            {items.slice(0, 300).map((each) => (
              <li key={each.service}>
                <a href={toHash(["blast", ...each.service.split("/")])} className={`blast-row ${each.service === chosen ? "on" : ""}`} aria-current={each.service === chosen ? "true" : undefined} aria-label={`${each.service} reaches ${plural(each.now.services, "service")} now, ${count(each.under_policy.services)} under policy`}>
                  <span className="ellipsis"><ModeGlyph mode={modes.get(each.service) ?? "learn"} size={11} /> <b>{shortName(each.service)}</b></span>
                  <span className="dumbbell" aria-hidden="true"><i className="bar" style={{ left: `${(each.under_policy.services / most) * 100}%`, width: `${((each.now.services - each.under_policy.services) / most) * 100}%` }} /><i className="hollow" style={{ left: `${(each.now.services / most) * 100}%` }} /><i className="solid" style={{ left: `${(each.under_policy.services / most) * 100}%` }} /></span>
                  <b className="num">{count(each.now.services)}</b><span className="num t2">{count(each.under_policy.services)}</span>
                </a>
              </li>
            ))}
          </ul>
        </aside>
      </main>
    </>
  );
}

function Both({ blast, modes, hover, setHover }: { blast: BlastRadius; modes: ReadonlyMap<string, Mode>; hover: string | undefined; setHover: (key: string | undefined) => void }) {
  const origin = blast.service;
  const { angles, peers } = useMemo(() => ({
    angles: directions([blast.under_policy, blast.now], origin),
    peers: new Map<string, Peer>([...blast.now.reached, ...blast.under_policy.reached].map((each) => [peerKey(each.peer), each.peer])),
  }), [blast, origin]);
  const parts: [string, string, BlastSide][] = [["Now", "under the modes in force", blast.now], ["Under policy", "every service in Enforce", blast.under_policy]];
  return (
    <>
      <div className="blast-pair">
        {parts.map(([title, detail, side]) => (
          <section key={title} className="card">
            <header><h3>{title}</h3><span className="t2 grow">{detail}</span><b>{plural(side.count.services, "service")}, {plural(side.count.ports, "port")}{side.count.world && ", Internet"}</b></header>
            {side.reached.length === 0 ? <p className="body t2">Nothing falls with it.</p> : <Rings side={side} origin={origin} mode={modes.get(origin) ?? "learn"} angles={angles} peers={peers} hover={hover} setHover={setHover} />}
          </section>
        ))}
      </div>
      <p className="blast-legend small t2"><span>● service</span><span>□ place</span><span>○ out of reach</span><span className="grow" /><span className="t3">the same direction in both, only the distance changes</span></p>
      {hover !== undefined && peers.has(hover) ? <Way blast={blast} origin={origin} target={hover} /> : <Reached side={blast.now} under={blast.under_policy} setHover={setHover} />}
    </>
  );
}

function Way({ blast, origin, target }: { blast: BlastRadius; origin: string; target: string }) {
  return (
    <section className="card ways">
      {([["Now", blast.now], ["Under policy", blast.under_policy]] as const).map(([title, side]) => {
        const found = side.reached.find((each) => peerKey(each.peer) === target);
        return (
          <div key={title} className="body row wrap">
            <b className="way-title">{title}</b>
            {found === undefined ? <span className="t2">out of reach</span> : chain(side, origin, target).map((key, i) => <span key={key} className="row">{i > 0 && <span className="t3">→</span>}<span className="chip outline">{key.replace(/^external:/, "").replace(/^.*\//, "")}</span></span>)}
            {found !== undefined && found.ports.length > 0 && <span className="t3 small">{found.ports.slice(0, 6).map((port) => `${port.protocol} :${port.port}`).join(", ")}</span>}
          </div>
        );
      })}
    </section>
  );
}

/** The same as text: nearest first. */
function Reached({ side, under, setHover }: { side: BlastSide; under: BlastSide; setHover: (key: string) => void }) {
  const policy = new Map(under.reached.map((each) => [peerKey(each.peer), each.hops]));
  const rows = [...side.reached].sort((a, b) => a.hops - b.hops || (peerKey(a.peer) < peerKey(b.peer) ? -1 : 1));
  return (
    <section className="card">
      <header><h3>What falls</h3><span className="t2">{plural(rows.length, "peer")}, nearest first</span></header>
      <div className="table-wrap reached" tabIndex={0}><table>
        <thead><tr><th>Peer</th><th>Over</th><th>Ports</th><th className="right">Hops now</th><th className="right">Under policy</th></tr></thead>
        <tbody>{rows.slice(0, 200).map((each) => (
          <tr key={peerKey(each.peer)} onMouseEnter={() => setHover(peerKey(each.peer))}>
            <td>{each.peer.kind === "service" ? <a className="t1" href={toHash(["blast", ...each.peer.name.split("/")])}><b>{peerShort(each.peer)}</b></a> : <b>{peerShort(each.peer)}</b>}</td><td className="t2">{each.hops > 1 ? peerShort(each.via) : "directly"}</td>
            <td className="mono t2">{each.ports.slice(0, 4).map((port) => `${port.port}/${port.protocol}`).join(", ")}{each.ports.length > 4 && ` +${each.ports.length - 4}`}</td><td className="right">{each.hops}</td><td className="right">{policy.get(peerKey(each.peer)) ?? <span className="t3">out of reach</span>}</td>
          </tr>
        ))}</tbody>
      </table></div>
    </section>
  );
}
