import type { Geometry, LayoutInput, Rect } from "./layout";

export type Point = [number, number];
export interface Label { x: number; y: number; w: number; two: boolean }

/** Orthogonal ways between boxes: shortest with few bends, never through a box, rarely on top of each other. */
export function route(input: LayoutInput, geometry: Geometry, only?: (link: LayoutInput["links"][number]) => boolean): Record<string, Point[]> {
  const links = input.links.filter((link) => (only === undefined || only(link)) && geometry.nodes[link.from] !== undefined && geometry.nodes[link.to] !== undefined);
  const grid = new Grid(geometry, links);
  const size = (link: LayoutInput["links"][number]): number => {
    const [a, b] = [centre(geometry.nodes[link.from]), centre(geometry.nodes[link.to])];
    return Math.abs(a[0] - b[0]) + 3 * Math.abs(a[1] - b[1]);
  };
  // What is near and straight first, so that it stays straight.
  const ways: Record<string, Point[]> = {};
  for (const link of [...links].sort((a, b) => size(a) - size(b) || (a.id < b.id ? -1 : 1))) {
    const way = grid.find(link.from, link.to);
    if (way !== undefined) ways[link.id] = way;
  }
  return ways;
}

function centre(rect: Rect | undefined): Point {
  return rect === undefined ? [0, 0] : [rect.x + rect.w / 2, rect.y + rect.h / 2];
}

const CLEAR = 9;
const TRACK = 12;
const BEND = 42;
const SHARED = 260;
const CROSSED = 14;

interface Port { x: number; y: number; dx: number; dy: number; id: string; cost: number }

class Grid {
  private readonly xs: number[];
  private readonly ys: number[];
  private readonly xi = new Map<number, number>();
  private readonly yi = new Map<number, number>();
  /** Whether the step to the right of (below) a crossing is barred. */
  private readonly barredX: Uint8Array;
  private readonly barredY: Uint8Array;
  private readonly usedX: Uint8Array;
  private readonly usedY: Uint8Array;
  private readonly ports = new Map<string, Port[]>();
  private readonly usedPorts = new Map<string, number>();

  constructor(geometry: Geometry, links: readonly { from: string; to: string }[]) {
    const xs = new Set<number>();
    const ys = new Set<number>();
    const ends = new Set(links.flatMap((link) => [link.from, link.to]));
    for (const [key, rect] of Object.entries(geometry.nodes)) {
      const place = geometry.places[key] !== undefined;
      const ports = ends.has(key) ? portsOf(rect, place, links, key, geometry) : [];
      this.ports.set(key, ports);
      for (const port of ports) {
        xs.add(port.x);
        ys.add(port.y);
      }
      // Tracks around the box, some deep: gaps between columns and rows get their lanes from both sides.
      for (let i = 1; i <= 3; i++) {
        xs.add(rect.x - CLEAR - TRACK * i);
        xs.add(rect.x + rect.w + CLEAR + TRACK * i);
        if (i === 3) continue;
        ys.add(rect.y - CLEAR - 4 - (TRACK - 3) * i);
        ys.add(rect.y + rect.h + CLEAR + 4 + (TRACK - 3) * i);
      }
    }
    this.xs = thin(xs);
    this.ys = thin(ys);
    this.xs.forEach((x, i) => this.xi.set(x, i));
    this.ys.forEach((y, i) => this.yi.set(y, i));
    const cells = this.xs.length * this.ys.length;
    this.barredX = new Uint8Array(cells);
    this.barredY = new Uint8Array(cells);
    this.usedX = new Uint8Array(cells);
    this.usedY = new Uint8Array(cells);
    for (const rect of Object.values(geometry.nodes)) this.bar(rect, CLEAR);
  }

  private bar(rect: Rect, clear: number): void {
    const [x0, x1, y0, y1] = [rect.x - clear, rect.x + rect.w + clear, rect.y - clear, rect.y + rect.h + clear];
    const w = this.xs.length;
    for (let j = 0; j < this.ys.length; j++) {
      const y = this.ys[j] ?? 0;
      for (let i = 0; i < w; i++) {
        const x = this.xs[i] ?? 0;
        const right = this.xs[i + 1] ?? x;
        const down = this.ys[j + 1] ?? y;
        if (y > y0 && y < y1 && right > x0 && x < x1) this.barredX[j * w + i] = 1;
        if (x > x0 && x < x1 && down > y0 && y < y1) this.barredY[j * w + i] = 1;
      }
    }
  }

  find(from: string, to: string): Point[] | undefined {
    const starts = this.ports.get(from) ?? [];
    const goals = this.ports.get(to) ?? [];
    const best = this.search(starts, goals);
    if (best === undefined) return undefined;
    this.use(best.points);
    for (const id of [best.start.id, best.goal.id]) this.usedPorts.set(id, (this.usedPorts.get(id) ?? 0) + 1);
    return simplify([[best.start.x, best.start.y], ...best.points, [best.goal.x, best.goal.y]]);
  }

  /** The first crossing that a stub from the port meets outside of the box's clearance. */
  private landing(port: Port): number | undefined {
    const w = this.xs.length;
    let i = this.xi.get(near(this.xs, port.x));
    let j = this.yi.get(near(this.ys, port.y));
    if (i === undefined || j === undefined) return undefined;
    while ((port.dx !== 0 && Math.abs((this.xs[i] ?? 0) - port.x) < CLEAR + 6) || (port.dy !== 0 && Math.abs((this.ys[j] ?? 0) - port.y) < CLEAR + 6)) {
      i += port.dx;
      j += port.dy;
      if (i < 0 || j < 0 || i >= w || j >= this.ys.length) return undefined;
    }
    return j * w + i;
  }

  private search(starts: readonly Port[], goals: readonly Port[]): { start: Port; goal: Port; points: Point[] } | undefined {
    const w = this.xs.length;
    const ends = new Map<number, { port: Port; cost: number }[]>();
    let gx0 = Infinity, gx1 = -Infinity, gy0 = Infinity, gy1 = -Infinity;
    for (const port of goals) {
      const cell = this.landing(port);
      if (cell === undefined) continue;
      ends.set(cell, [...(ends.get(cell) ?? []), { port, cost: port.cost + (this.usedPorts.get(port.id) ?? 0) * 90 }]);
      gx0 = Math.min(gx0, this.xs[cell % w] ?? 0);
      gx1 = Math.max(gx1, this.xs[cell % w] ?? 0);
      gy0 = Math.min(gy0, this.ys[Math.floor(cell / w)] ?? 0);
      gy1 = Math.max(gy1, this.ys[Math.floor(cell / w)] ?? 0);
    }
    const rest = (cell: number): number => {
      const x = this.xs[cell % w] ?? 0;
      const y = this.ys[Math.floor(cell / w)] ?? 0;
      return Math.max(0, gx0 - x, x - gx1) + Math.max(0, gy0 - y, y - gy1);
    };
    // States: crossing and direction of travel (0 across, 1 down).
    const cost = new Map<number, number>();
    const came = new Map<number, number>();
    const origin = new Map<number, Port>();
    const heap = new Heap();
    for (const port of starts) {
      const cell = this.landing(port);
      if (cell === undefined) continue;
      const state = cell * 2 + (port.dx !== 0 ? 0 : 1);
      const price = port.cost + (this.usedPorts.get(port.id) ?? 0) * 90;
      if (price >= (cost.get(state) ?? Infinity)) continue;
      cost.set(state, price);
      origin.set(state, port);
      heap.push(state, price + rest(cell));
    }
    let best: { state: number; goal: Port; cost: number } | undefined;
    while (heap.size > 0) {
      const [state, priority] = heap.pop();
      if (best !== undefined && priority >= best.cost) break;
      const cell = state >> 1;
      const down = state & 1;
      const price = cost.get(state) ?? Infinity;
      if (priority > price + rest(cell) + 1e-6) continue;
      for (const end of ends.get(cell) ?? []) {
        const total = price + end.cost + ((end.port.dx !== 0 ? 0 : 1) === down ? 0 : BEND);
        if (best === undefined || total < best.cost) best = { state, goal: end.port, cost: total };
      }
      const i = cell % w;
      const j = Math.floor(cell / w);
      for (let d = 0; d < 4; d++) {
        const dx = d === 0 ? 1 : d === 1 ? -1 : 0;
        const dy = d === 2 ? 1 : d === 3 ? -1 : 0;
        const [ni, nj] = [i + dx, j + dy];
        if (ni < 0 || nj < 0 || ni >= w || nj >= this.ys.length) continue;
        const step = dx !== 0 ? j * w + Math.min(i, ni) : Math.min(j, nj) * w + i;
        if (dx !== 0 ? this.barredX[step] === 1 : this.barredY[step] === 1) continue;
        const next = (nj * w + ni) * 2 + (dx !== 0 ? 0 : 1);
        const length = dx !== 0 ? Math.abs((this.xs[ni] ?? 0) - (this.xs[i] ?? 0)) : Math.abs((this.ys[nj] ?? 0) - (this.ys[j] ?? 0));
        const along = dx !== 0 ? this.usedX[step] : this.usedY[step];
        const across = dx !== 0 ? this.usedY[nj * w + ni] : this.usedX[nj * w + ni];
        const price2 = price + length + ((dx !== 0 ? 0 : 1) === down ? 0 : BEND) + (along ?? 0) * SHARED + ((across ?? 0) > 0 ? CROSSED : 0);
        if (price2 >= (cost.get(next) ?? Infinity)) continue;
        cost.set(next, price2);
        came.set(next, state);
        heap.push(next, price2 + rest(nj * w + ni));
      }
    }
    if (best === undefined) return undefined;
    const points: Point[] = [];
    let at = best.state;
    for (;;) {
      const cell = at >> 1;
      points.unshift([this.xs[cell % w] ?? 0, this.ys[Math.floor(cell / w)] ?? 0]);
      const before = came.get(at);
      if (before === undefined) break;
      at = before;
    }
    const start = origin.get(at);
    return start === undefined ? undefined : { start, goal: best.goal, points };
  }

  private use(points: readonly Point[]): void {
    const w = this.xs.length;
    for (let p = 0; p + 1 < points.length; p++) {
      const [ax, ay] = points[p] as Point;
      const [bx, by] = points[p + 1] as Point;
      const [i0, i1] = [this.xi.get(Math.min(ax, bx)) ?? 0, this.xi.get(Math.max(ax, bx)) ?? 0];
      const [j0, j1] = [this.yi.get(Math.min(ay, by)) ?? 0, this.yi.get(Math.max(ay, by)) ?? 0];
      for (let i = i0; i < i1; i++) bump(this.usedX, j0 * w + i);
      for (let j = j0; j < j1; j++) bump(this.usedY, j * w + i0);
    }
  }
}

function bump(of: Uint8Array, at: number): void {
  of[at] = Math.min(4, (of[at] ?? 0) + 1);
}

/** Lines nearer than 3 px are one line. */
function thin(values: Set<number>): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const out: number[] = [];
  for (const value of sorted) if (out.length === 0 || value - (out.at(-1) ?? 0) >= 3) out.push(value);
  return out;
}

function near(lines: readonly number[], value: number): number {
  let best = lines[0] ?? 0;
  for (const line of lines) if (Math.abs(line - value) < Math.abs(best - value)) best = line;
  return best;
}

/** Where lines may leave a box: in the middle of a side first. Places below have their ports at the top, under who speaks to them. */
function portsOf(rect: Rect, place: boolean, links: readonly { from: string; to: string }[], key: string, geometry: Geometry): Port[] {
  const ports: Port[] = [];
  const put = (x: number, y: number, dx: number, dy: number, cost: number) => ports.push({ x: Math.round(x), y: Math.round(y), dx, dy, cost, id: `${key}@${Math.round(x)},${Math.round(y)}` });
  if (place) {
    for (const link of links) {
      if (link.from !== key && link.to !== key) continue;
      const other = geometry.nodes[link.from === key ? link.to : link.from];
      if (other === undefined) continue;
      for (const share of [0.28, 0.5, 0.72]) {
        const x = other.x + other.w * share;
        if (x > rect.x + 8 && x < rect.x + rect.w - 8) put(x, rect.y, 0, -1, 0);
      }
    }
    for (const share of [0.15, 0.3, 0.5, 0.7, 0.85]) put(rect.x + rect.w * share, rect.y, 0, -1, 10);
    return ports;
  }
  const outside = geometry.places.outside;
  if (outside !== undefined && rect.x >= outside.x && rect.y >= outside.y && rect.x + rect.w <= outside.x + outside.w && rect.y + rect.h <= outside.y + outside.h) {
    if (outside.h < 60) {
      put(rect.x + rect.w / 2, outside.y + outside.h, 0, 1, 0);
      return ports;
    }
    // Places of the outside have one open side: towards the zones.
    for (const [share, cost] of [[0.5, 0], [0.2, 4], [0.8, 4]] as const) put(outside.x + outside.w, rect.y + rect.h * share, 1, 0, cost);
    return ports;
  }
  const shares = rect.h < 40 ? [[0.5, 0]] as const : [[0.5, 0], [0.26, 6], [0.74, 6]] as const;
  for (const [share, cost] of shares) {
    put(rect.x, rect.y + rect.h * share, -1, 0, cost);
    put(rect.x + rect.w, rect.y + rect.h * share, 1, 0, cost);
  }
  for (const [share, cost] of [[0.5, 14], [0.28, 18], [0.72, 18]] as const) {
    put(rect.x + rect.w * share, rect.y, 0, -1, cost);
    put(rect.x + rect.w * share, rect.y + rect.h, 0, 1, cost);
  }
  return ports;
}

export function simplify(points: readonly Point[]): Point[] {
  const out: Point[] = [];
  for (const point of points) {
    const last = out.at(-1);
    const before = out.at(-2);
    if (last !== undefined && Math.abs(last[0] - point[0]) < 0.5 && Math.abs(last[1] - point[1]) < 0.5) continue;
    if (last !== undefined && before !== undefined
      && ((Math.abs(before[0] - last[0]) < 0.5 && Math.abs(last[0] - point[0]) < 0.5) || (Math.abs(before[1] - last[1]) < 0.5 && Math.abs(last[1] - point[1]) < 0.5))) out[out.length - 1] = point;
    else out.push(point);
  }
  return out;
}

class Heap {
  private readonly items: number[] = [];
  private readonly keys: number[] = [];
  get size(): number {
    return this.items.length;
  }
  push(item: number, key: number): void {
    let at = this.items.length;
    this.items.push(item);
    this.keys.push(key);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if ((this.keys[up] ?? 0) <= key) break;
      this.set(at, this.items[up] ?? 0, this.keys[up] ?? 0);
      at = up;
    }
    this.set(at, item, key);
  }
  pop(): [number, number] {
    const top: [number, number] = [this.items[0] ?? 0, this.keys[0] ?? 0];
    const item = this.items.pop() ?? 0;
    const key = this.keys.pop() ?? 0;
    const n = this.items.length;
    if (n === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= n) break;
      if (child + 1 < n && (this.keys[child + 1] ?? 0) < (this.keys[child] ?? 0)) child += 1;
      if ((this.keys[child] ?? 0) >= key) break;
      this.set(at, this.items[child] ?? 0, this.keys[child] ?? 0);
      at = child;
    }
    this.set(at, item, key);
    return top;
  }
  private set(at: number, item: number, key: number): void {
    this.items[at] = item;
    this.keys[at] = key;
  }
}
