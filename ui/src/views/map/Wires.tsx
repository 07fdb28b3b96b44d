import { memo } from "react";
import { VerdictGlyph } from "../../look/Glyphs";
import { count, rate as rateText } from "../../text/numbers";
import type { Rect } from "./model/layout";
import type { Label, Point } from "./model/route";
import type { SceneLink } from "./model/scene";

/** Width in four steps: the eye cannot tell more apart. */
export function widthOf(rate: number): number {
  return rate < 1 ? 1 : rate < 10 ? 1.5 : rate < 100 ? 2.2 : 3;
}

/** An orthogonal way with rounded corners. */
export function pathOf(way: readonly Point[], radius = 8): string {
  const [first, ...rest] = way;
  if (first === undefined) return "";
  let out = `M${first[0]} ${first[1]}`;
  for (const [i, point] of rest.entries()) {
    const next = rest[i + 1];
    const before = way[i] as Point;
    if (next === undefined) {
      out += `L${point[0]} ${point[1]}`;
      break;
    }
    const r = Math.min(radius, length(before, point) / 2, length(point, next) / 2);
    const [a, b] = [towards(point, before, r), towards(point, next, r)];
    out += `L${a[0]} ${a[1]}Q${point[0]} ${point[1]} ${b[0]} ${b[1]}`;
  }
  return out;
}

const length = (a: Point, b: Point): number => Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]);

function towards(from: Point, to: Point, by: number): Point {
  const l = length(from, to) || 1;
  return [from[0] + ((to[0] - from[0]) / l) * by, from[1] + ((to[1] - from[1]) / l) * by];
}

/** The way cut at a distance from its start: what is before the bar, and what is behind it. */
export function cut(way: readonly Point[], at: number): { stub: Point[]; rest: Point[] } {
  const stub: Point[] = [way[0] as Point];
  let left = at;
  for (let i = 1; i < way.length; i++) {
    const [a, b] = [way[i - 1] as Point, way[i] as Point];
    const l = length(a, b);
    if (l >= left) {
      const point = towards(a, b, left);
      return { stub: [...stub, point], rest: [point, ...way.slice(i)] };
    }
    stub.push(b);
    left -= l;
  }
  return { stub, rest: [way.at(-1) as Point] };
}

interface WiresProps {
  links: readonly SceneLink[];
  ways: Readonly<Record<string, Point[]>>;
  labels: Readonly<Record<string, Label>>;
  selected: string | undefined;
  related: ReadonlySet<string> | undefined;
  showLabels: boolean;
  onSelect: (link: SceneLink) => void;
}

export const Wires = memo(function Wires({ links, ways, labels, selected, related, showLabels, onSelect }: WiresProps) {
  const many = links.length > 40;
  return (
    <>
      {links.map((link) => {
        const way = ways[link.id];
        if (way === undefined) return null;
        const faded = link.verdict === "allowed" && selected !== link.id && (related === undefined ? many : !related.has(link.id));
        return <Wire key={link.id} link={link} way={way} faded={faded} selected={selected === link.id} onSelect={onSelect} />;
      })}
      {links.map((link) => {
        const label = labels[link.id];
        if (label === undefined || (link.what === "" && link.much === "")) return null;
        if (!showLabels && link.verdict === "allowed" && selected !== link.id) return null;
        return <WireLabel key={link.id} link={link} label={label} selected={selected === link.id} faded={related !== undefined && !related.has(link.id) && link.verdict === "allowed"} onSelect={onSelect} />;
      })}
    </>
  );
});

const Wire = memo(function Wire({ link, way, faded, selected, onSelect }: { link: SceneLink; way: Point[]; faded: boolean; selected: boolean; onSelect: (link: SceneLink) => void }) {
  const path = pathOf(way);
  const width = widthOf(link.rate);
  const end = way.at(-1) as Point;
  const before = way.at(-2) ?? end;
  const angle = (Math.atan2(end[1] - before[1], end[0] - before[0]) * 180) / Math.PI;
  return (
    <g className={`wire ${link.verdict} ${link.effect ?? ""} ${faded ? "faded" : ""}`} role="button" tabIndex={-1} aria-label={linkSentence(link)}
      onClick={(event) => { event.stopPropagation(); onSelect(link); }}>
      <path d={path} className="wire-hit" />
      {selected && <path d={path} className="halo" />}
      {link.verdict === "allowed" && <path d={pathOf(shorten(way, 5))} className="wire-line" strokeWidth={width} />}
      {link.verdict === "would-deny" && <><path d={pathOf(shorten(way, 5))} className="wire-line" /><Mark way={way} gate /></>}
      {link.verdict === "denied" && <Denied way={way} />}
      {link.verdict !== "denied" && <path d="M0 0 L-8 -4 V4 Z" className="arrow" transform={`translate(${end[0]} ${end[1]}) rotate(${angle})`} />}
    </g>
  );
});

function shorten(way: Point[], by: number): Point[] {
  const end = way.at(-1) as Point;
  const before = way.at(-2);
  return before === undefined ? way : [...way.slice(0, -1), towards(end, before, Math.min(by, length(end, before) / 2))];
}

function Denied({ way }: { way: Point[] }) {
  const { stub, rest } = cut(way, 14);
  const end = way.at(-1) as Point;
  return (
    <>
      <path d={pathOf(stub)} className="stub" />
      <path d={pathOf(rest)} className="dots" />
      <circle cx={end[0]} cy={end[1]} r="3.5" className="hollow" />
      <Mark way={way} />
    </>
  );
}

/** The bar or the gate, across the first part of the line. */
function Mark({ way, gate = false }: { way: Point[]; gate?: boolean }) {
  const { stub } = cut(way, 14);
  const [a, b] = [stub.at(-2) as Point, stub.at(-1) as Point];
  const across = Math.abs(a[1] - b[1]) < 1;
  const rotate = across ? 0 : 90;
  return gate
    ? <rect x="-2.5" y="-8" width="5" height="16" rx="1.5" className="gate" transform={`translate(${b[0]} ${b[1]}) rotate(${rotate})`} />
    : <path d="M0 -10 V10" className="bar" transform={`translate(${b[0]} ${b[1]}) rotate(${rotate})`} />;
}

const WireLabel = memo(function WireLabel({ link, label, selected, faded, onSelect }: { link: SceneLink; label: Label; selected: boolean; faded: boolean; onSelect: (link: SceneLink) => void }) {
  const held = link.verdict !== "allowed" && link.effect !== "closes";
  return (
    <g className={`wire-label ${link.verdict} ${link.effect ?? ""} ${selected ? "selected" : ""} ${faded ? "faded" : ""}`} transform={`translate(${label.x - label.w / 2} ${label.y - (label.two ? 15 : 8.5)})`} onClick={(event) => { event.stopPropagation(); onSelect(link); }}>
      <rect width={label.w} height={label.two ? 30 : 17} rx="4" />
      {held && <g transform="translate(4 2.5)"><VerdictGlyph verdict={link.verdict} size={12} /></g>}
      {label.two ? <text textAnchor="middle"><tspan className="what" x={label.w / 2} y="11.5">{link.what}</tspan><tspan className="much" x={label.w / 2} y="25">{link.much}</tspan></text> : <text x={held ? 21 : 6} y="12.4"><tspan className="what">{link.what}</tspan>{link.much !== "" && <tspan className="much" dx="4">{link.much}</tspan>}</text>}
    </g>
  );
});

export function linkSentence(link: SceneLink): string {
  const name = (key: string): string => key.replace(/^(zone|rest|external):/, "").replace(/^.*\//, "");
  const much = link.effect !== undefined ? `, ${link.effect} under the candidate` : link.verdict === "allowed" ? (link.rate > 0 ? `, ${rateText(link.rate)} packets` : "") : `, ${link.much}`;
  return `${name(link.from)} to ${name(link.to)}, ${link.edges.length === 1 ? link.what : `${count(link.edges.length)} edges`}${much}`;
}

const MOST_BUNDLES = 240;

/** Many allowed lines as quiet curves without labels. */
export const Bundles = memo(function Bundles({ links, nodes, related }: { links: readonly SceneLink[]; nodes: Readonly<Record<string, Rect>>; related: ReadonlySet<string> | undefined }) {
  // Where everything talks to everything, the strongest are drawn and the others only hinted at: a hairball says nothing.
  const strong = links.length <= MOST_BUNDLES ? undefined : new Set([...links].sort((a, b) => b.rate - a.rate || b.edges.length - a.edges.length).slice(0, MOST_BUNDLES / 2));
  return (
    <g className="bundles">
      {links.map((link) => {
        const [a, b] = [nodes[link.from], nodes[link.to]];
        if (a === undefined || b === undefined) return null;
        const near = related?.has(link.id) === true;
        return <path key={link.id} d={curve(a, b)} strokeWidth={near || link.fresh ? Math.max(1.5, widthOf(link.rate)) : strong?.has(link) === false ? 1 : widthOf(link.rate)} className={near || link.fresh ? "near" : strong?.has(link) === false ? "hint" : related === undefined ? "" : "far"} />;
      })}
    </g>
  );
});

function curve(a: Rect, b: Rect): string {
  const right = b.x >= a.x + a.w;
  const left = a.x >= b.x + b.w;
  const [ax, bx] = right ? [a.x + a.w, b.x] : left ? [a.x, b.x + b.w] : [a.x + a.w, b.x + b.w];
  const [ay, by] = [a.y + a.h / 2, b.y + b.h / 2];
  const pull = right || left ? Math.max(18, Math.abs(bx - ax) / 2) : 26;
  const [c1, c2] = right ? [ax + pull, bx - pull] : left ? [ax - pull, bx + pull] : [ax + pull, bx + pull];
  return `M${ax} ${ay}C${c1} ${ay} ${c2} ${by} ${bx} ${by}`;
}
