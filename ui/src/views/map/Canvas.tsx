import { ReactFlow, ReactFlowProvider, useReactFlow, useStore, ViewportPortal, type Node, type NodeChange } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { BlastRadius } from "../../api/types";
import { useKeys } from "../../app/keys";
import { peerKey } from "../../text/words";
import { cellAt } from "./model/layout";
import { restKey, stepsOf, zoneKey, type Scene, type SceneLink } from "./model/scene";
import type { Picture } from "./model/solve";
import { matcher } from "./model/matcher";
import { nearest, type Way } from "./model/nearest";
import { EntryNode, nodeSentence, OutsideNode, RestNode, ServiceNode, TileNode, ZoneNode } from "./nodes";
import { select, type MapState } from "./useMapState";
import { Bundles, Wires } from "./Wires";

const nodeTypes = { service: ServiceNode, zone: ZoneNode, tile: TileNode, rest: RestNode, outside: OutsideNode, entry: EntryNode };

interface Props {
  scene: Scene;
  picture: Picture;
  state: MapState;
  blast: BlastRadius | undefined;
  phone: boolean;
  move: (service: string, cell: [number, number], members: readonly string[]) => void;
  onFold: (zone: string, folded: boolean) => void;
}

export function Canvas(props: Props) {
  return (
    <ReactFlowProvider>
      <Inner {...props} />
    </ReactFlowProvider>
  );
}

const Inner = memo(function Inner({ scene, picture, state, blast, phone, move, onFold }: Props) {
  const { geometry } = picture;
  const flow = useReactFlow();
  const [dragged, setDragged] = useState<Record<string, { x: number; y: number }>>({});
  const fold = useRef(onFold);
  useEffect(() => {
    fold.current = onFold;
  });
  const foldZone = useCallback((name: string, folded: boolean) => fold.current(name, folded), []);

  const related = useMemo(() => relatedLinks(scene, state), [scene, state]);
  const nodes = useMemo(() => {
    const compact = scene.density === "compact" && !phone;
    const matches = matcher(state.text);
    const near = related === undefined ? undefined : neighbours(scene.links, related, state.focus);
    const hops = blast === undefined ? undefined : new Map<string, number>([
      [blast.service, 0], ...blast.now.reached.map((reached) => [peerKey(reached.peer), reached.hops] as const),
    ]);
    const out: Node[] = [];
    const box = (id: string, type: string, rect: { x: number; y: number; w: number; h: number } | undefined, data: Record<string, unknown>, more: Partial<Node>) => {
      if (rect === undefined) return;
      const position = dragged[id] ?? { x: rect.x, y: rect.y };
      // Placed by left and top: three hundred transforms would be three hundred pieces for the compositor, in every frame.
      out.push({ id, type, position, data, width: rect.w, height: rect.h, style: { width: rect.w, height: rect.h, left: position.x, top: position.y }, draggable: false, selectable: false, ...more });
    };
    if (geometry.places.outside !== undefined) {
      box("outside", "outside", geometry.places.outside, { title: "Outside", detail: "" }, { zIndex: 0, className: "outside" , focusable: false });
    }
    for (const entry of scene.below) {
      box(entry.key, "outside", geometry.places[entry.key], { title: entry.label, detail: entry.detail }, { zIndex: 0, focusable: true, ariaLabel: entry.label });
    }
    for (const entry of scene.outside) {
      if (!phone) box(entry.key, "entry", geometry.nodes[entry.key], { entry, selected: state.focus === entry.key }, { zIndex: 8, focusable: true, ariaLabel: `${entry.label}, ${entry.detail}` });
    }
    for (const zone of scene.zones) {
      if (zone.folded) {
        const key = zoneKey(zone.name);
        const quiet = zone.denied === 0 && zone.wouldDeny === 0 && !zone.openEnded && !(near?.has(key) === true);
        box(key, "tile", geometry.nodes[key], { zone, compact, fold: foldZone, dim: quiet }, { zIndex: 10, focusable: false });
        continue;
      }
      box(zoneKey(zone.name), "zone", geometry.zones[zone.name], { zone, compact, fold: foldZone }, { zIndex: 1, focusable: false });
      for (const node of zone.services) {
        const key = peerKey(node.peer);
        const hidden = (!matches.empty && !matches.node(node) && !touched(scene.links, key)) || (state.mode !== undefined && node.mode !== state.mode);
        const outOfReach = hops !== undefined && !hops.has(key);
        box(key, "service", geometry.nodes[key], {
          node, compact, selected: state.focus === key, dim: hidden || outOfReach || (near !== undefined && !near.has(key)),
          isNew: state.from !== undefined && node.first_seen >= state.from && (state.to === undefined || node.first_seen <= state.to), rings: state.layers.has("rings"), hops: hops?.get(key),
        }, { zIndex: state.focus === key ? 12 : 10, draggable: !phone && !compact, focusable: true, ariaLabel: nodeSentence(node) });
      }
      if (zone.rest.length > 0) box(restKey(zone.name), "rest", geometry.nodes[restKey(zone.name)], { zone }, { zIndex: 10, focusable: false });
    }
    return out;
  }, [scene, geometry, state, related, blast, phone, dragged, foldZone]);

  // Only drags change nodes; everything else follows from the data.
  const onNodesChange = useCallback((changes: NodeChange[]) => {
    for (const change of changes) {
      if (change.type === "position" && change.position !== undefined) {
        const { id, position } = change;
        setDragged((old) => ({ ...old, [id]: position }));
      }
    }
  }, []);
  const onNodeDragStop = useCallback((_: unknown, node: Node) => {
    setDragged({});
    const members = scene.zones.find((each) => each.services.some((service) => peerKey(service.peer) === node.id));
    const zone = members === undefined ? undefined : geometry.zones[members.name];
    if (zone === undefined || members === undefined) return;
    move(node.id, cellAt(zone, node.position), members.services.map((each) => peerKey(each.peer)));
  }, [geometry, scene, move]);

  useView(picture, state, phone, scene);

  const wires = useMemo(() => scene.links.filter((link) => picture.ways[link.id] !== undefined), [scene, picture]);
  const bundles = useMemo(() => (phone ? [] : scene.links.filter((link) => picture.ways[link.id] === undefined && link.verdict === "allowed")), [scene, picture, phone]);
  const onSelect = useCallback((link: SceneLink) => select({ link: link.id }), []);
  const step = (way: Way) => () => {
    // Folded zones are unfolded by Enter, services are chosen as one passes.
    const boxes = Object.fromEntries(Object.entries(geometry.nodes).filter(([key]) => !key.includes(":") || key.startsWith("external:")));
    const to = state.focus === undefined ? Object.keys(boxes)[0] : nearest(boxes, state.focus, way);
    if (to !== undefined) select({ focus: to });
  };
  useKeys(state.link !== undefined ? {} : { ArrowUp: step("ArrowUp"), ArrowDown: step("ArrowDown"), ArrowLeft: step("ArrowLeft"), ArrowRight: step("ArrowRight") });
  useKeys({ "+": () => void flow.zoomIn(), "=": () => void flow.zoomIn(), "-": () => void flow.zoomOut(), f: () => void flow.fitView({ padding: 0.04 }) });

  return (
    <Zoomed>
      <ReactFlow nodes={nodes} edges={[]} nodeTypes={nodeTypes} onNodesChange={onNodesChange} onNodeDragStop={onNodeDragStop}
        onNodeClick={(_, node) => { if (node.type === "service" || node.type === "entry" || (node.type === "outside" && node.id !== "outside")) select({ focus: node.id }); }}
        onPaneClick={() => select({})} minZoom={0.12} maxZoom={2} nodesConnectable={false} elementsSelectable={false} selectNodesOnDrag={false}
        onMoveStart={moving} onMoveEnd={still} zoomOnDoubleClick={false} panOnScroll={false} deleteKeyCode={null} proOptions={{ hideAttribution: true }} nodeDragThreshold={4} disableKeyboardA11y={false}
        aria-label="Map of services and their connections" onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          const id = (event.target as HTMLElement).closest(".react-flow__node")?.getAttribute("data-id");
          if (id !== null && id !== undefined && !id.startsWith("zone:")) select({ focus: id });
        }}>
        <ViewportPortal>
          <svg className="wires" width="1" height="1">
            <Bundles links={bundles} nodes={geometry.nodes} related={related} />
            <Wires links={wires} ways={picture.ways} labels={picture.labels} selected={state.link} related={related}
              showLabels={state.layers.has("labels")} onSelect={onSelect} />
          </svg>
        </ViewportPortal>
      </ReactFlow>
    </Zoomed>
  );
});

// While it moves, the picture is one layer that is shifted, not drawn anew; some time after the last move it is drawn sharply again.
let rest: ReturnType<typeof setTimeout> | undefined;
const moving = () => {
  clearTimeout(rest);
  document.querySelector(".canvas")?.classList.add("moving");
};
const still = () => {
  clearTimeout(rest);
  rest = setTimeout(() => document.querySelector(".canvas")?.classList.remove("moving"), 400);
};

/** Less text the further away: the class says which of the three levels it is. */
function Zoomed({ children }: { children: React.ReactNode }) {
  const level = useStore((store) => (store.transform[2] >= 0.72 ? "near" : store.transform[2] >= 0.4 ? "mid" : "far"));
  return <div className={`canvas ${level}`}>{children}</div>;
}

/** Fits the picture once, then moves only when something is looked for that is not in view. */
function useView(picture: Picture, state: MapState, phone: boolean, scene: Scene) {
  const flow = useReactFlow();
  const ready = useStore((store) => store.width > 0 && store.height > 0);
  const fitted = useRef(false);
  const bounds = picture.geometry.bounds;
  const shape = `${scene.zones.filter((zone) => !zone.folded).map((zone) => zone.name).join()}|${scene.density}`;
  const lastShape = useRef(shape);
  const target = state.focus ?? (state.zone === undefined ? undefined : zoneKey(state.zone));
  const lastTarget = useRef<string | undefined>(undefined);

  useEffect(() => {
    if (!ready) return;
    const firstTime = !fitted.current;
    if (firstTime || lastShape.current !== shape) {
      lastShape.current = shape;
      fitted.current = true;
      if (phone) void flow.setViewport({ x: 12, y: 12, zoom: Math.min(1, (window.innerWidth - 24) / Math.max(1, bounds.w)) });
      else void flow.fitBounds({ x: bounds.x, y: bounds.y, width: bounds.w, height: bounds.h }, { padding: 0.02, duration: firstTime ? 0 : 240 }).then(() => {
        if (flow.getZoom() > 1.1) void flow.setViewport({ ...flow.getViewport(), zoom: 1.1 }).then(() => flow.setCenter(bounds.x + bounds.w / 2, bounds.y + bounds.h / 2, { zoom: 1.1 }));
      });
    }
  }, [ready, shape, phone, bounds, flow]);

  useEffect(() => {
    if (!ready || target === undefined || lastTarget.current === target) {
      lastTarget.current = target;
      return;
    }
    const rect = picture.geometry.nodes[target] ?? picture.geometry.zones[target.replace("zone:", "")];
    if (rect === undefined) return;
    lastTarget.current = target;
    const { x, y, zoom } = flow.getViewport();
    const pane = document.querySelector(".map-pane")?.getBoundingClientRect();
    const left = rect.x * zoom + x;
    const top = rect.y * zoom + y;
    const visible = pane !== undefined && left > 0 && top > 0 && left + rect.w * zoom < pane.width && top + rect.h * zoom < pane.height;
    if (phone) {
      // Across it always fits; only up and down there is more. The panel covers the lower half.
      if (pane !== undefined && (top < 20 || top + rect.h * zoom > pane.height * 0.42)) void flow.setViewport({ x, y: Math.min(12, pane.height * 0.2 - rect.y * zoom), zoom }, { duration: 240 });
      return;
    }
    if (!visible || zoom < 0.45) void flow.setCenter(rect.x + rect.w / 2, rect.y + rect.h / 2, { zoom: Math.max(zoom, 0.8), duration: 240 });
  }, [ready, target, picture, flow, phone]);
}

function relatedLinks(scene: Scene, state: MapState): ReadonlySet<string> | undefined {
  if (state.link !== undefined) return undefined;
  if (state.path.length > 1) {
    const way = new Set(stepsOf(state.path, scene.shown).map(([from, to]) => `${from}>${to}`));
    return new Set(scene.links.filter((link) => link.verdict === "allowed" && way.has(`${link.from}>${link.to}`)).map((link) => link.id));
  }
  if (state.focus === undefined) return undefined;
  // Beyond a few links the selection's own stand out; in a small picture nothing needs to step back.
  if (scene.links.length <= 40) return undefined;
  const related = new Set<string>();
  for (const link of scene.links) if (link.from === state.focus || link.to === state.focus) related.add(link.id);
  return related;
}

function neighbours(links: readonly SceneLink[], related: ReadonlySet<string>, focus: string | undefined): ReadonlySet<string> {
  const near = new Set<string>(focus === undefined ? [] : [focus]);
  for (const link of links) {
    if (!related.has(link.id)) continue;
    near.add(link.from);
    near.add(link.to);
  }
  return near;
}

function touched(links: readonly SceneLink[], key: string): boolean {
  return links.some((link) => link.from === key || link.to === key);
}
