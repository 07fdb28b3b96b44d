import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import * as queries from "../../api/queries";
import { changeQuery } from "../../app/router";
import type { LiveGraph } from "../../live/graph";
import { count, plural } from "../../text/numbers";
import { briefly, day, shortClock, span } from "../../text/times";
import { bucketsOf, lastPart, rangeOf, shifted, ticksOf } from "./model/time";
import type { MapState } from "./useMapState";
import { lastVisit } from "./visit";

const MINUTE = 60_000;

/** Stored history: when edges were first seen, and what was denied. Drag over it, or move with the arrows, to see the map of that time. */
export function TimeBar({ graph, state }: { graph: LiveGraph; state: MapState }) {
  const rangeKey = Math.floor(graph.time / 30_000);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- moves with the clock, not with every edge
  const range = useMemo(() => rangeOf(graph.edges.values(), graph.time), [rangeKey, graph.edges.size]);
  const { data: timeline } = useQuery(queries.timeline(Math.floor(range.from / (5 * MINUTE)) * 5 * MINUTE));
  // eslint-disable-next-line react-hooks/exhaustive-deps -- as above
  const buckets = useMemo(() => bucketsOf(graph.edges.values(), timeline?.points ?? [], range), [range, timeline]);
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
  const show = ([a, b]: readonly [number, number]) => changeQuery({ from: Math.round(a), to: b >= range.to - (range.to - range.from) / 100 ? undefined : Math.round(b) });
  const finish = () => {
    if (drag === undefined) return;
    const [a, b] = [Math.min(...drag), Math.max(...drag)];
    setDrag(undefined);
    if (b - a < (range.to - range.from) / 200) return;
    show([a, b]);
  };
  const live = () => changeQuery({ from: undefined, to: undefined, new: undefined });
  const step = (direction: -1 | 1) => (event: KeyboardEvent) => {
    event.preventDefault();
    if (window === undefined && direction > 0) return;
    show(shifted(window ?? lastPart(range), range, direction));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowLeft") step(-1)(event);
    else if (event.key === "ArrowRight") step(1)(event);
    else if (event.key === "End") live();
  };
  const visited = lastVisit();
  // eslint-disable-next-line react-hooks/exhaustive-deps -- as above
  const unknown = useMemo(() => (visited === undefined ? 0 : [...graph.edges.values()].filter((edge) => edge.first_seen > visited).length), [visited, graph.edges.size]);
  const told = window === undefined ? "live" : `${briefly(Math.min(...window), graph.time)} to ${state.to === undefined && drag === undefined ? "now" : briefly(Math.max(...window), graph.time)}`;
  const untold = timeline === undefined ? 0 : Math.max(0, Math.min(1, ((timeline.oldest ?? range.to) - range.from) / (range.to - range.from)));

  return (
    <section className="time-bar" aria-label="History">
      <div className="time-title">
        <strong className="small">Last {span(range.to - range.from)}</strong>
        <span className="t3 micro">new edges</span>
      </div>
      <div className="time-track" ref={box} role="slider" tabIndex={0} aria-label="Stretch of time on the map" aria-valuemin={range.from} aria-valuemax={range.to} aria-valuenow={window?.[0] ?? range.to} aria-valuetext={told} onKeyDown={onKeyDown}
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
        {untold > 0.01 && <div className="time-untold" style={{ width: `${untold * 100}%` }} title="Of this time no connections are stored." />}
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
            <span className="small strong nowrap">{told}</span>
            <span className="row small"><button type="button" className="link" aria-pressed={state.fresh} onClick={() => changeQuery({ new: state.fresh ? undefined : 1 })}>{state.fresh ? "all in use" : "only new"}</button><button type="button" className="link" onClick={live}>live</button></span>
          </>
        )}
        {window === undefined && (unknown > 0 && visited !== undefined
          ? <button type="button" className="link small nowrap" title="since you looked last" onClick={() => changeQuery({ from: visited, to: undefined, new: 1 })}>{count(unknown)} new since {briefly(visited, graph.time)}</button>
          : <button type="button" className="link small nowrap" onClick={() => changeQuery({ from: Math.round(graph.time - 60 * MINUTE), to: undefined, new: 1 })}>new in 1 h</button>)}
      </div>
      <p className="sr">{plural(graph.edges.size, "edge")} in {span(range.to - range.from)}.</p>
    </section>
  );
}
