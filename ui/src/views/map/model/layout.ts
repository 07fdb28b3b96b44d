import type { Verdict } from "../../../api/types";

export interface Rect { x: number; y: number; w: number; h: number }

/** What the layout has to know of a scene; plain data, so that it can go to a worker. */
export interface LayoutInput {
  density: "full" | "compact";
  phone: boolean;
  zones: { name: string; folded: boolean; services: string[]; rest: boolean }[];
  outside: string[];
  below: string[];
  links: { id: string; from: string; to: string; verdict: Verdict; label: number; narrow: number }[];
  stored: Stored;
}

/** Where things have been put, by hand or by an earlier layout. What is in it does not move. */
export interface Stored {
  /** Column and place in the column of each zone. */
  zones: Record<string, [number, number]>;
  /** Column and row of each service in its zone. */
  cells: Record<string, [number, number]>;
}

export interface ZoneBox extends Rect {
  /** Corner of the cell (0, firstRow), and the distance to the next cell. */
  x0: number;
  y0: number;
  firstRow: number;
  dx: number;
  dy: number;
}

export interface Geometry {
  nodes: Record<string, Rect>;
  zones: Record<string, ZoneBox>;
  places: Record<string, Rect>;
  bounds: Rect;
}

export interface Layout { geometry: Geometry; stored: Stored }

export const NODE = { w: 152, h: 56 };
export const SMALL = { w: 104, h: 26 };
export const TILE = { w: 112, h: 50 };

/** The cell of its zone over which something was dropped. */
export function cellAt(zone: ZoneBox, at: { x: number; y: number }): [number, number] {
  return [Math.max(0, Math.round((at.x - zone.x0) / zone.dx)), Math.max(0, zone.firstRow + Math.round((at.y - zone.y0) / zone.dy))];
}

export function layout(input: LayoutInput): Layout {
  if (input.phone) return phoneLayout(input);
  return input.density === "full" ? fullLayout(input) : compactLayout(input);
}

// ---- ranks ----

interface Arc { from: string; to: string; weight: number }

/** A column for each key so that most arcs go to the right: arcs that close a cycle are left aside, the lightest first. */
export function ranks(keys: readonly string[], arcs: readonly Arc[]): Map<string, number> {
  const order = greedyOrder(keys, arcs);
  const place = new Map(order.map((key, i) => [key, i]));
  const rank = new Map(keys.map((key) => [key, 0]));
  for (const key of order) {
    for (const arc of arcs) {
      if (arc.to !== key || (place.get(arc.from) ?? 0) >= (place.get(key) ?? 0)) continue;
      rank.set(key, Math.max(rank.get(key) ?? 0, (rank.get(arc.from) ?? 0) + 1));
    }
  }
  return rank;
}

/** Eades, Lin, Smyth: sinks to the end, sources to the front, else whoever gives most more than it takes. */
function greedyOrder(keys: readonly string[], arcs: readonly Arc[]): string[] {
  const left = new Set(keys);
  const front: string[] = [];
  const back: string[] = [];
  const weight = (key: string, side: "from" | "to"): number =>
    arcs.reduce((total, arc) => (arc[side] === key && arc.from !== arc.to && left.has(arc.from) && left.has(arc.to) ? total + arc.weight : total), 0);
  while (left.size > 0) {
    let best: string | undefined;
    let most = -Infinity;
    let sink: string | undefined;
    for (const key of left) {
      const out = weight(key, "from");
      const into = weight(key, "to");
      if (out === 0 && into > 0) sink ??= key;
      const score = into === 0 ? 1e9 + out : out - into;
      if (score > most) {
        most = score;
        best = key;
      }
    }
    const taken = sink ?? best;
    if (taken === undefined) break;
    left.delete(taken);
    if (sink === undefined) front.push(taken);
    else back.unshift(taken);
  }
  return [...front, ...back];
}

function arcsBetween(input: LayoutInput, group: (key: string) => string | undefined): Arc[] {
  const arcs = new Map<string, Arc>();
  for (const link of input.links) {
    const from = group(link.from);
    const to = group(link.to);
    if (from === undefined || to === undefined || from === to || link.verdict === "denied") continue;
    const id = `${from}>${to}`;
    const arc = arcs.get(id);
    if (arc === undefined) arcs.set(id, { from, to, weight: 1 });
    else arc.weight += 1;
  }
  return [...arcs.values()];
}

// ---- full: zones as columns, services on common rows ----

const GAP_X = 78;
const INNER_X = 86;
const PAD = 16;
const HEAD = 44;
const BAND = 46;
const OUTSIDE = { w: 122, gap: 84 };
/** Height over width of the usual pane; rows stretch to fill it. */
const ASPECT = 0.62;
const MOST_ROWS = 6;

interface Band { zone: LayoutInput["zones"][number]; columns: string[][]; first: number; rows: number; index: number; column: number }

function fullLayout(input: LayoutInput): Layout {
  const zoneOf = new Map<string, string>();
  for (const zone of input.zones) {
    if (zone.folded) zoneOf.set(`zone:${zone.name}`, zone.name);
    for (const key of members(zone)) zoneOf.set(key, zone.name);
  }
  const stored: Stored = { zones: { ...input.stored.zones }, cells: { ...input.stored.cells } };
  placeZones(input, zoneOf, stored);

  const bands = bandsOf(input, stored);
  const rows = Math.max(3, ...bands.map((band) => band.first + band.rows));
  orderRows(input, bands, rows, stored);

  // Geometry from cells.
  const columns = Math.max(0, ...bands.map((band) => band.column)) + 1;
  const hasOutside = input.outside.length > 0;
  const widths = Array.from({ length: columns }, (_, c) => {
    const inner = Math.max(1, ...bands.filter((band) => band.column === c).map((band) => band.columns.length));
    return inner * NODE.w + (inner - 1) * INNER_X + 2 * PAD;
  });
  const width = (hasOutside ? OUTSIDE.w + OUTSIDE.gap : 0) + widths.reduce((total, each) => total + each + GAP_X, -GAP_X);
  const dy = Math.min(136, Math.max(94, Math.floor((width * ASPECT - HEAD - 84) / rows)));
  const geometry: Geometry = { nodes: {}, zones: {}, places: {}, bounds: { x: 0, y: 0, w: 0, h: 0 } };
  let x = hasOutside ? OUTSIDE.w + OUTSIDE.gap : 0;
  const height = Math.max(...Array.from({ length: columns }, (_, c) => {
    const of = bands.filter((band) => band.column === c);
    return rows * dy + Math.max(0, of.length - 1) * BAND;
  })) + HEAD;
  for (let c = 0; c < columns; c++) {
    const of = bands.filter((band) => band.column === c);
    if (of.length === 0) continue;
    const w = widths[c] ?? 0;
    for (const [i, band] of of.entries()) {
      const y0 = HEAD + band.first * dy + band.index * BAND + (dy - NODE.h) / 2;
      const top = i === 0 ? 0 : y0 - (dy - NODE.h) / 2 - HEAD + 12;
      const bottom = i === of.length - 1 ? height : y0 + (band.rows - 1) * dy + NODE.h + (dy - NODE.h) / 2 - 6;
      const box: ZoneBox = { x, y: top, w, h: bottom - top, x0: x + PAD, y0, firstRow: band.first, dx: NODE.w + INNER_X, dy };
      if (band.zone.folded) {
        geometry.nodes[`zone:${band.zone.name}`] = { x: x + (w - TILE.w) / 2, y: y0, w: TILE.w, h: TILE.h };
        continue;
      }
      geometry.zones[band.zone.name] = box;
      for (const key of members(band.zone)) {
        const [column, row] = stored.cells[key] ?? [0, band.first];
        geometry.nodes[key] = { x: box.x0 + column * box.dx, y: y0 + (row - band.first) * dy, ...NODE };
      }
    }
    x += w + GAP_X;
  }
  const right = x - GAP_X;
  if (hasOutside) {
    geometry.places.outside = { x: 0, y: 0, w: OUTSIDE.w, h: height };
    placeOutside(input, geometry, height);
  }
  placeBelow(input, geometry, hasOutside ? OUTSIDE.w + OUTSIDE.gap : 0, right, height + 34);
  geometry.bounds = { x: 0, y: 0, w: right, h: height + (input.below.length > 0 ? 34 + 50 : 0) };
  return { geometry, stored };
}

const members = (zone: LayoutInput["zones"][number]): string[] => (zone.folded ? [] : zone.rest ? [...zone.services, `rest:${zone.name}`] : zone.services);

function placeZones(input: LayoutInput, zoneOf: ReadonlyMap<string, string>, stored: Stored): void {
  const fresh = input.zones.filter((zone) => stored.zones[zone.name] === undefined);
  if (fresh.length === 0) return;
  const names = input.zones.map((zone) => zone.name);
  const arcs = arcsBetween(input, (key) => zoneOf.get(key));
  const rank = ranks(names, arcs);
  const old = names.filter((name) => stored.zones[name] !== undefined);
  const taken = new Map<number, number>();
  for (const name of old) {
    const [column, place] = stored.zones[name] ?? [0, 0];
    taken.set(column, Math.max(taken.get(column) ?? 0, place + 1));
  }
  if (old.length === 0) {
    // Zones that nobody calls and that only call others (jobs, monitoring) fill up the shortest column instead of pushing all others to the right.
    const fed = new Set(arcs.map((arc) => arc.to));
    for (const link of input.links) if (input.outside.includes(link.from)) fed.add(zoneOf.get(link.to) ?? "");
    const aside = names.filter((name) => !fed.has(name) && arcs.some((arc) => arc.from === name));
    if (aside.length > 0 && aside.length < names.length) {
      const main = names.filter((name) => !aside.includes(name));
      const ranked = ranks(main, arcs.filter((arc) => !aside.includes(arc.from)));
      for (const name of main) rank.set(name, ranked.get(name) ?? 0);
      const size = (name: string): number => members(input.zones.find((zone) => zone.name === name) ?? { name, folded: true, services: [], rest: false }).length || 1;
      for (const name of aside) {
        const used = [...new Set(main.map((each) => rank.get(each) ?? 0))];
        const load = (column: number): number => names.filter((each) => each !== name && rank.get(each) === column && (main.includes(each) || aside.indexOf(each) < aside.indexOf(name))).reduce((total, each) => total + size(each), 0);
        rank.set(name, used.sort((a, b) => load(a) - load(b) || b - a)[0] ?? 0);
      }
      fresh.sort((a, b) => Number(aside.includes(a.name)) - Number(aside.includes(b.name)));
    }
  }
  for (const { name } of fresh) {
    let column = rank.get(name) ?? 0;
    if (old.length > 0) {
      const clients = arcs.filter((arc) => arc.to === name).map((arc) => stored.zones[arc.from]?.[0] ?? 0);
      column = clients.length === 0 ? 0 : Math.max(...clients) + 1;
    }
    column = Math.min(column, 5);
    const place = taken.get(column) ?? 0;
    taken.set(column, place + 1);
    stored.zones[name] = [column, place];
  }
}

function bandsOf(input: LayoutInput, stored: Stored): Band[] {
  // Columns without a zone, because it went away, close.
  const used = [...new Set(input.zones.map((zone) => stored.zones[zone.name]?.[0] ?? 0))].sort((a, b) => a - b);
  const bands: Band[] = [];
  for (const [column, at] of used.entries()) {
    const of = input.zones.filter((zone) => (stored.zones[zone.name]?.[0] ?? 0) === at).sort((a, b) => (stored.zones[a.name]?.[1] ?? 0) - (stored.zones[b.name]?.[1] ?? 0));
    let first = 0;
    for (const [index, zone] of of.entries()) {
      const columns = innerColumns(input, zone, stored);
      const storedRows = members(zone).map((key) => stored.cells[key]).filter((cell) => cell !== undefined).map(([, row]) => row + 1 - first);
      const rows = Math.max(1, ...columns.map((each) => each.length), ...storedRows);
      bands.push({ zone, columns, first, rows, index, column });
      first += rows;
    }
  }
  const total = Math.max(3, ...bands.map((band) => band.first + band.rows));
  for (const band of bands) {
    const last = bands.filter((each) => each.column === band.column).at(-1) === band;
    if (last) band.rows = total - band.first;
  }
  return bands;
}

function innerColumns(input: LayoutInput, zone: Band["zone"], stored: Stored): string[][] {
  const keys = members(zone);
  const inside = new Set(keys);
  const arcs = arcsBetween(input, (key) => (inside.has(key) ? key : undefined));
  const rank = ranks(keys, arcs);
  const most = keys.length <= 8 ? 2 : 3;
  const columns: string[][] = [];
  const fixed = keys.some((key) => stored.cells[key] !== undefined);
  for (const key of keys) {
    let column = stored.cells[key]?.[0] ?? Math.min(rank.get(key) ?? 0, most - 1);
    if (stored.cells[key] === undefined) {
      if (fixed) column = Math.min(column, Math.max(0, columns.length - 1));
      while ((columns[column]?.length ?? 0) >= MOST_ROWS) column += 1;
    }
    while (columns.length <= column) columns.push([]);
    columns[column]?.push(key);
  }
  return columns.length === 0 ? [[]] : columns;
}

/** Rows by the rows of the neighbours, a few times over; then each column is laid on the rows that suit it best. */
function orderRows(input: LayoutInput, bands: readonly Band[], rows: number, stored: Stored): void {
  const row = new Map<string, number>();
  for (const band of bands) for (const column of band.columns) for (const [i, key] of column.entries()) {
    row.set(key, stored.cells[key]?.[1] ?? band.first + ((i + 0.5) * band.rows) / column.length - 0.5);
  }
  for (const band of bands) if (band.zone.folded) row.set(`zone:${band.zone.name}`, band.first);
  const near = new Map<string, { key: string; weight: number }[]>();
  for (const link of input.links) {
    const weight = link.verdict === "denied" ? 0.3 : 1;
    for (const [a, b] of [[link.from, link.to], [link.to, link.from]] as const) near.set(a, [...(near.get(a) ?? []), { key: b, weight }]);
  }
  for (const [i, key] of input.outside.entries()) row.set(key, ((i + 0.5) * rows) / input.outside.length - 0.5);
  for (const key of input.below) row.set(key, rows);
  const desired = (key: string): number => {
    const of = (near.get(key) ?? []).filter(({ key: other }) => row.has(other));
    const weight = of.reduce((total, each) => total + each.weight, 0);
    return weight === 0 ? (row.get(key) ?? 0) : of.reduce((total, each) => total + (row.get(each.key) ?? 0) * each.weight, 0) / weight;
  };
  for (let sweep = 0; sweep < 8; sweep++) {
    const ordered = sweep % 2 === 0 ? bands : [...bands].reverse();
    for (const band of ordered) {
      const columns = sweep % 2 === 0 ? band.columns : [...band.columns].reverse();
      for (const column of columns) {
        const wished = new Map(column.map((key) => [key, desired(key)]));
        column.sort((a, b) => (wished.get(a) ?? 0) - (wished.get(b) ?? 0));
        const free = freeRows(band, column, stored);
        for (const [key, at] of assign(column.filter((each) => stored.cells[each] === undefined), wished, free)) row.set(key, at);
      }
    }
    const wished = new Map(input.outside.map((key) => [key, desired(key)]));
    [...input.outside].sort((a, b) => (wished.get(a) ?? 0) - (wished.get(b) ?? 0)).forEach((key) => row.set(key, wished.get(key) ?? 0));
  }
  for (const band of bands) for (const [column, keys] of band.columns.entries()) for (const key of keys) {
    stored.cells[key] ??= [column, Math.round(row.get(key) ?? band.first)];
  }
}

function freeRows(band: Band, column: readonly string[], stored: Stored): number[] {
  const held = new Set(column.map((key) => stored.cells[key]?.[1]));
  const free: number[] = [];
  const rows = Math.max(band.rows, column.length);
  for (let r = band.first; r < band.first + rows; r++) if (!held.has(r)) free.push(r);
  return free;
}

/** In this order onto free rows, each as near to its wish as can be for all together. */
function assign(keys: readonly string[], wished: ReadonlyMap<string, number>, free: readonly number[]): [string, number][] {
  const n = keys.length;
  const m = free.length;
  const cost: number[][] = Array.from({ length: n + 1 }, () => Array.from({ length: m + 1 }, () => Infinity));
  for (let j = 0; j <= m; j++) (cost[0] as number[])[j] = 0;
  const at = (i: number, j: number): number => cost[i]?.[j] ?? Infinity;
  const price = (i: number, j: number): number => Math.abs((free[j - 1] ?? 0) - (wished.get(keys[i - 1] ?? "") ?? 0)) ** 1.5;
  for (let i = 1; i <= n; i++) for (let j = i; j <= m; j++) (cost[i] as number[])[j] = Math.min(at(i, j - 1), at(i - 1, j - 1) + price(i, j));
  const out: [string, number][] = [];
  for (let i = n, j = m; i > 0 && j > 0; ) {
    if (at(i, j) === at(i, j - 1)) j -= 1;
    else {
      out.push([keys[i - 1] ?? "", free[j - 1] ?? 0]);
      i -= 1;
      j -= 1;
    }
  }
  return out;
}

function placeOutside(input: LayoutInput, geometry: Geometry, height: number): void {
  const h = 34;
  const centre = (key: string): number => {
    const of = input.links.filter((link) => link.from === key || link.to === key).map((link) => geometry.nodes[link.from === key ? link.to : link.from]).filter((rect) => rect !== undefined);
    return of.length === 0 ? height / 2 : of.reduce((total, rect) => total + rect.y + rect.h / 2, 0) / of.length;
  };
  const wished = input.outside.map((key) => ({ key, y: centre(key) })).sort((a, b) => a.y - b.y);
  const pitch = Math.min(52, (height - 60) / Math.max(1, wished.length));
  let low = 52;
  for (const each of wished) {
    each.y = Math.max(low, each.y - h / 2);
    low = each.y + pitch;
  }
  let high = height - 12 - h;
  for (const each of [...wished].reverse()) {
    each.y = Math.min(high, each.y);
    high = each.y - pitch;
  }
  for (const each of wished) geometry.nodes[each.key] = { x: 6, y: each.y, w: OUTSIDE.w - 12, h };
}

function placeBelow(input: LayoutInput, geometry: Geometry, left: number, right: number, y: number): void {
  const centre = (key: string): number => {
    const of = input.links.filter((link) => link.from === key || link.to === key).map((link) => geometry.nodes[link.from === key ? link.to : link.from]).filter((rect) => rect !== undefined);
    return of.length === 0 ? right : of.reduce((total, rect) => total + rect.x + rect.w / 2, 0) / of.length;
  };
  const ordered = input.below.map((key) => ({ key, x: centre(key) })).sort((a, b) => a.x - b.x);
  const gap = 20;
  const w = (right - left - gap * (ordered.length - 1)) / Math.max(1, ordered.length);
  for (const [i, { key }] of ordered.entries()) {
    const rect = { x: left + i * (w + gap), y, w, h: 50 };
    geometry.places[key] = rect;
    geometry.nodes[key] = rect;
  }
}

// ---- compact: tiles in columns ----

function compactLayout(input: LayoutInput): Layout {
  const stored: Stored = { zones: { ...input.stored.zones }, cells: { ...input.stored.cells } };
  const zoneOf = new Map<string, string>();
  for (const zone of input.zones) for (const key of [`zone:${zone.name}`, ...members(zone)]) zoneOf.set(key, zone.name);
  const names = input.zones.map((zone) => zone.name);
  const fresh = names.filter((name) => stored.zones[name] === undefined);
  if (fresh.length > 0) {
    const heights = (name: string): number => zoneHeight(input, name);
    const total = names.reduce((sum, name) => sum + heights(name) + 14, 0);
    const columns = Math.max(1, Math.min(9, Math.round(Math.sqrt(total / 100) + 0.5)));
    if (fresh.length === names.length) {
      // Depth orders the zones from left to right; each column takes its share of the height.
      const rank = ranks(names, arcsBetween(input, (key) => zoneOf.get(key)));
      const ordered = [...names].sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0) || (a < b ? -1 : 1));
      const share = total / columns;
      let column = 0;
      let filled = 0;
      let place = 0;
      for (const name of ordered) {
        if (filled >= share * (column + 1) - 20 && column < columns - 1) {
          column += 1;
          place = 0;
        }
        stored.zones[name] = [column, place++];
        filled += heights(name) + 14;
      }
    } else {
      // Newcomers go to the end of the shortest column; nobody else moves.
      for (const name of fresh) {
        const lengths = new Map<number, number>();
        for (const each of names) if (stored.zones[each] !== undefined) lengths.set(stored.zones[each][0], (lengths.get(stored.zones[each][0]) ?? 0) + 1);
        const [column, length] = [...lengths].sort((a, b) => a[1] - b[1])[0] ?? [0, 0];
        stored.zones[name] = [column, length];
      }
    }
  }
  const geometry: Geometry = { nodes: {}, zones: {}, places: {}, bounds: { x: 0, y: 0, w: 0, h: 0 } };
  const hasOutside = input.outside.length > 0;
  let x = hasOutside ? 110 + 40 : 0;
  let height = 0;
  const used = [...new Set(names.map((name) => stored.zones[name]?.[0] ?? 0))].sort((a, b) => a - b);
  for (const column of used) {
    const of = input.zones.filter((zone) => (stored.zones[zone.name]?.[0] ?? 0) === column).sort((a, b) => (stored.zones[a.name]?.[1] ?? 0) - (stored.zones[b.name]?.[1] ?? 0));
    let y = 0;
    let wide = TILE.w;
    for (const zone of of) if (!zone.folded) wide = Math.max(wide, zoneWidth(zone));
    for (const zone of of) {
      const h = zoneHeight(input, zone.name);
      if (zone.folded) geometry.nodes[`zone:${zone.name}`] = { x: x + (wide - TILE.w) / 2, y, ...TILE };
      else {
        const inner = innerCount(zone);
        const dx = SMALL.w + 20;
        geometry.zones[zone.name] = { x, y, w: wide, h, x0: x + 12, y0: y + 32, firstRow: 0, dx, dy: SMALL.h + 12 };
        const left = x + (wide - (inner * dx - 20)) / 2;
        for (const [i, key] of members(zone).entries()) geometry.nodes[key] = { x: left + (i % inner) * dx, y: y + 32 + Math.floor(i / inner) * (SMALL.h + 12), ...SMALL };
      }
      y += h + 14;
    }
    height = Math.max(height, y - 14);
    x += wide + 46;
  }
  const right = x - 46;
  if (hasOutside) {
    geometry.places.outside = { x: 0, y: 0, w: 110, h: height };
    for (const [i, key] of input.outside.entries()) geometry.nodes[key] = { x: 4, y: 44 + i * Math.min(54, (height - 60) / input.outside.length), w: 102, h: 32 };
  }
  placeBelow(input, geometry, hasOutside ? 150 : 0, right, height + 22);
  geometry.bounds = { x: 0, y: 0, w: right, h: height + (input.below.length > 0 ? 72 : 0) };
  return { geometry, stored };
}

const innerCount = (zone: LayoutInput["zones"][number]): number => (members(zone).length > 24 ? 4 : members(zone).length > 12 ? 2 : 1);
const zoneWidth = (zone: LayoutInput["zones"][number]): number => innerCount(zone) * (SMALL.w + 20) + 4;

function zoneHeight(input: LayoutInput, name: string): number {
  const zone = input.zones.find((each) => each.name === name);
  if (zone === undefined || zone.folded) return TILE.h;
  return 32 + Math.ceil(members(zone).length / innerCount(zone)) * (SMALL.h + 12) + 2;
}

/** The order of zones where they stand in one column: from the outside inwards, those that nobody calls last. */
export function zoneOrder(input: LayoutInput): string[] {
  const zoneOf = new Map(input.zones.flatMap((zone) => [`zone:${zone.name}`, ...members(zone)].map((key) => [key, zone.name] as const)));
  const arcs = arcsBetween(input, (key) => zoneOf.get(key));
  const names = input.zones.map((zone) => zone.name);
  const rank = ranks(names, arcs);
  const fed = new Set([...arcs.map((arc) => arc.to), ...input.links.filter((link) => input.outside.includes(link.from)).map((link) => zoneOf.get(link.to))]);
  return names.sort((a, b) => Number(!fed.has(a)) - Number(!fed.has(b)) || (rank.get(a) ?? 0) - (rank.get(b) ?? 0) || (a < b ? -1 : 1));
}

// ---- phone: one column of zones, two of services ----

function phoneLayout(input: LayoutInput): Layout {
  const geometry: Geometry = { nodes: {}, zones: {}, places: {}, bounds: { x: 0, y: 0, w: 366, h: 0 } };
  // Lanes at both sides for lines that pass a zone.
  const [x, w] = [16, 334];
  let y = 0;
  if (input.outside.length > 0) {
    geometry.places.outside = { x, y, w, h: 34 };
    for (const [i, key] of input.outside.entries()) geometry.nodes[key] = { x: x + 90 + (i * (w - 110)) / input.outside.length, y, w: 14, h: 34 };
    y += 34 + 30;
  }
  for (const zone of input.zones) {
    if (zone.folded) {
      geometry.nodes[`zone:${zone.name}`] = { x, y, w, h: TILE.h };
      y += TILE.h + 12;
      continue;
    }
    const keys = members(zone);
    const rows = Math.ceil(keys.length / 2);
    const h = 34 + rows * (NODE.h + 34) - 34 + 14;
    geometry.zones[zone.name] = { x, y, w, h, x0: x + 10, y0: y + 34, firstRow: 0, dx: 166, dy: NODE.h + 34 };
    for (const [i, key] of keys.entries()) geometry.nodes[key] = { x: x + 10 + (i % 2) * 166, y: y + 34 + Math.floor(i / 2) * (NODE.h + 34), w: 148, h: NODE.h };
    y += h + 30;
  }
  for (const key of input.below) {
    const rect = { x, y, w, h: 44 };
    geometry.places[key] = rect;
    geometry.nodes[key] = rect;
    y += 54;
  }
  geometry.bounds.h = y;
  return { geometry, stored: input.stored };
}
