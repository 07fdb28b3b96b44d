import { useMemo, useRef, useState, type PointerEvent } from "react";
import type { Event } from "../../api/types";
import { changeQuery } from "../../app/router";
import type { LiveGraph } from "../../live/graph";
import { plural } from "../../text/numbers";
import { briefly, day, shortClock, span } from "../../text/times";
import { bucketsOf, rangeOf, ticksOf } from "./model/time";
import type { MapState } from "./useMapState";

/** Stored history: when edges were first seen, and what was denied. Drag over it to see the map of that time. */
export function TimeBar({ graph, denials, state }: { graph: LiveGraph; denials: readonly Event[] | undefined; state: MapState }) {
  const rangeKey = Math.floor(graph.time / 30_000);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- moves with the clock, not with every edge
  const range = useMemo(() => rangeOf(graph.edges.values(), graph.time), [rangeKey, graph.edges.size]);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- as above
  const buckets = useMemo(() => bucketsOf(graph.edges.values(), denials ?? [], range), [range, denials]);
  const box = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<[number, number] | undefined>();

  const timeAt = (event: PointerEvent) => {
    const rect = box.current?.getBoundingClientRect();
    if (rect === undefined) return range.from;
    const share = Math.min(1, Math.max(0, (event.clientX - rect.left) / rect.width));
    return range.from + share * (range.to - range.from);
  };
  const share = (time: number) => `${Math.min(100, Math.max(0, ((time - range.from) / (range.to - range.from)) * 100))}%`;
  const most = Math.max(1, ...buckets.map((bucket) => bucket.edges));
  const window = drag ?? (state.from === undefined ? undefined : [state.from, state.to ?? range.to] as const);
  const finish = () => {
    if (drag === undefined) return;
    const [a, b] = [Math.min(...drag), Math.max(...drag)];
    setDrag(undefined);
    if (b - a < (range.to - range.from) / 200) return;
    changeQuery({ from: Math.round(a), to: b >= range.to - (range.to - range.from) / 100 ? undefined : Math.round(b) });
  };
  const choose = (milliseconds: number | undefined) => changeQuery({ from: milliseconds === undefined ? undefined : Math.round(graph.time - milliseconds), to: undefined });

  return (
    <section className="time-bar" aria-label="History">
      <div className="time-title">
        <strong className="small">Last {span(range.to - range.from)}</strong>
        <span className="t3 micro">new edges</span>
      </div>
      <div className="time-track" ref={box}
        onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); const t = timeAt(event); setDrag([t, t]); }}
        onPointerMove={(event) => { if (drag !== undefined) setDrag([drag[0], timeAt(event)]); }}
        onPointerUp={finish} onPointerCancel={() => setDrag(undefined)}>
        <svg className="time-bars" viewBox={`0 0 ${buckets.length} 30`} preserveAspectRatio="none" aria-hidden="true">
          {buckets.map((bucket, i) => bucket.edges > 0 && (
            <rect key={i} x={i + 0.1} width={0.8} y={22 - Math.max(1.5, (bucket.edges / most) * 20)} height={Math.max(1.5, (bucket.edges / most) * 20)} className="bar-edges" />
          ))}
          <rect x={0} width={buckets.length} y={22} height={0.6} className="axis" />
          {buckets.map((bucket, i) => (bucket.denied > 0 || bucket.wouldDeny > 0) && (
            <rect key={i} x={i + 0.05} width={0.9} y={24} height={5} className={bucket.denied > 0 ? "bar-denied" : "bar-would"} />
          ))}
        </svg>
        {window !== undefined && (
          <div className="time-window" style={{ left: share(Math.min(...window)), width: `calc(${share(Math.max(...window))} - ${share(Math.min(...window))})` }} />
        )}
        <div className="time-ticks micro t3" aria-hidden="true">
          {ticksOf(range).map((tick) => <span key={tick} style={{ left: share(tick) }}>{range.to - range.from > 3 * 86_400_000 ? day(tick) : shortClock(tick)}</span>)}
        </div>
      </div>
      <div className="time-choice">
        {window === undefined ? (
          <span className="row small"><i className="live-dot" /> <strong>live</strong></span>
        ) : (
          <>
            <span className="small strong nowrap">{briefly(Math.min(...window), graph.time)} to {state.to === undefined && drag === undefined ? "now" : briefly(Math.max(...window), graph.time)}</span>
            <button type="button" className="link small" onClick={() => choose(undefined)}>back to live</button>
          </>
        )}
        {window === undefined && <button type="button" className="link small" onClick={() => choose(3_600_000)}>new in 1 h</button>}
      </div>
      <p className="sr">{plural(graph.edges.size, "edge")} in {span(range.to - range.from)}.</p>
    </section>
  );
}
