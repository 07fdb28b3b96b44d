import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { day, shortClock } from "../text/times";
import type { CurvePoint } from "../api/types";

/** Edges known over time, and the bound that follows from them. */
export default function DiscoveryPlot({ points }: { points: readonly CurvePoint[] }) {
  const edges = useRef<HTMLDivElement>(null);
  const bound = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const box = edges.current;
    const below = bound.current;
    if (box === null || below === null) return;
    const plots = [
      draw(box, points, points.map((point) => point.edges), 116, { distr: 1 }, (value) => String(value), true),
      draw(below, points, points.map((point) => Math.max(0.05, point.upper_hour * 100)), 104, { distr: 3 }, (value) => `${value >= 1 ? Math.round(value) : value} %`, false),
    ];
    const watch = new ResizeObserver(() => plots.forEach((plot) => plot.setSize({ width: box.clientWidth, height: plot.height })));
    watch.observe(box);
    return () => {
      watch.disconnect();
      plots.forEach((plot) => plot.destroy());
    };
  }, [points]);
  const last = points.at(-1);
  return (
    <div role="img" aria-label={last === undefined ? "Nothing is known yet" : `${last.edges} edges known, upper bound ${(last.upper_hour * 100).toFixed(1)} percent`}>
      <p className="micro t3">edges known</p>
      <div ref={edges} />
      <p className="micro t3">bound on a new edge in the next hour</p>
      <div ref={bound} />
    </div>
  );
}

function draw(box: HTMLElement, points: readonly CurvePoint[], values: number[], height: number, scale: { distr: 1 | 3 }, text: (value: number) => string, steps: boolean): uPlot {
  const css = getComputedStyle(document.documentElement);
  const colour = (name: string): string => css.getPropertyValue(name).trim();
  const axis = { stroke: colour("--t3"), font: '11px "Inter Variable"', grid: { stroke: colour("--line1"), width: 1 }, ticks: { show: false } };
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  return new uPlot({
    width: box.clientWidth, height, legend: { show: false }, cursor: { show: false }, padding: [6, 6, 0, 0],
    scales: { x: { time: true }, y: { distr: scale.distr, range: (_, low, high) => (scale.distr === 3 ? [Math.min(1, low), 100] : [0, Math.max(1, high * 1.08)]) } },
    axes: [{ ...axis, grid: { show: false }, size: 24, space: 70, values: (_, ticks) => ticks.map((tick) => (points.length > 1 && (points.at(-1)?.time ?? 0) - (points[0]?.time ?? 0) > 3 * 86_400_000 ? day(tick * 1000) : shortClock(tick * 1000))) }, { ...axis, size: 44, ...(scale.distr === 3 ? { splits: (plot: uPlot) => [0.1, 1, 10, 100].filter((split) => split >= (plot.scales.y?.min ?? 1) * 0.99) } : {}), values: (_, ticks) => ticks.map((tick) => (!Number.isInteger(scale.distr === 1 ? tick : 1) ? "" : text(tick))) }],
    series: [{}, { stroke: colour("--t1"), width: 1.6, points: { show: false }, ...(steps && stepped !== undefined ? { paths: stepped } : { stroke: colour("--hull"), fill: colour("--allowed-soft") }) }],
  }, [points.map((point) => point.time / 1000), values], box);
}
