import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { service as serviceQuery } from "../../api/queries";
import { Headline } from "../../app/Headline";
import { useKeys } from "../../app/keys";
import { go, useRoute } from "../../app/router";
import { useMay } from "../../app/session";
import { toHash } from "../../app/url";
import { ButtonWithKey } from "../../look/ButtonWithKey";
import { Ring } from "../../look/Ring";
import { Failure, Skeleton } from "../../look/States";
import { bound, percent, plural } from "../../text/numbers";
import { serviceHeadline } from "../../text/sentences";
import { ModeCard } from "./ModeCard";
import { NanoSegment } from "./NanoSegment";
import { Timeline } from "./Timeline";
import { useQuarantine } from "./useQuarantine";
import { Workloads } from "./Workloads";
import "./service.css";

const Plot = lazy(() => import("../../look/Plot"));

export default function ServiceView() {
  const { path } = useRoute();
  const name = `${path[1] ?? ""}/${path[2] ?? ""}`;
  const { data, error, refetch } = useQuery(serviceQuery(name));
  const may = useMay("operator");
  const quarantine = useQuarantine(name, data?.mode ?? "learn");
  const map = toHash(["map"], { focus: name });
  const policy = toHash(["policies"], { q: name });
  useKeys({ m: () => go(map), p: () => go(policy), q: may ? quarantine.ask : undefined, b: () => go(toHash(["blast", path[1] ?? "", path[2] ?? ""])) });
  if (data === undefined) return <><Headline icon={null}>{name}</Headline><main className="page">{error === null ? <Skeleton lines={10} /> : <Failure error={error} retry={() => void refetch()} />}</main></>;
  const headline = serviceHeadline(data);
  const { learning } = data;
  const met = learning.gates.filter((gate) => gate.armed).length;
  return (
    <>
      <Headline tone={headline.tone} icon={<Ring bound={learning.upper_hour} mode={data.mode} size={30} />} detail={headline.detail}
        actions={<><ButtonWithKey label="Show on map" hint="M" href={map} /><ButtonWithKey label="Policy" hint="P" href={policy} />{may && <ButtonWithKey label={quarantine.label} hint="Q" onClick={quarantine.ask} />}</>}>
        {headline.text}
      </Headline>
      <main className="page two service-page">
        <div>
          <Workloads service={data} />
          <NanoSegment service={data} />
          <Timeline events={data.timeline} service={data} />
        </div>
        <div>
          <ModeCard service={data} />
          <section className="card">
            <header><h3 className="grow">Gates</h3><span className="t3">{met} of {learning.gates.length} met</span></header>
            <ul className="body gates">
              {learning.gates.map((gate) => (
                <li key={gate.name}><i className={gate.armed ? "met" : "open"} aria-hidden="true" /><span className={`grow ${gate.armed ? "" : "strong"}`}>{gate.sentence}</span><span className={`small nowrap ${gate.armed ? "t3" : "strong"}`}>{gate.armed ? "met" : "not yet"}</span></li>
              ))}
            </ul>
          </section>
          <section className="card">
            <header><h3 className="grow">Completeness</h3><b>{bound(learning.upper_hour, learning.open_ended)}</b></header>
            <div className="body">
              <p>{learning.sentence}</p>
              {learning.limits.length > 0 && <ul className="small t2 limits">{learning.limits.map((limit) => <li key={limit}>{limit}</li>)}</ul>}
              {data.curve.length > 1 ? <Suspense fallback={<div style={{ height: 250 }} />}><Plot points={data.curve} /></Suspense> : <p className="t3 small">The curve begins with the second reading.</p>}
              <p className="t3 small">{plural(learning.edges, "edge")}; {percent(learning.coverage)} of its connections are on a known one; {learning.expected_new_day.toFixed(learning.expected_new_day < 1 ? 2 : 1)} new ones are to be expected in the next day.</p>
            </div>
          </section>
        </div>
      </main>
      {quarantine.dialog}
    </>
  );
}
