import type { BlastRadius, Simulation, Status } from "../../api/types";
import type { LiveGraph } from "../../live/graph";
import { EdgePanel } from "./panels/EdgePanel";
import { EstatePanel } from "./panels/EstatePanel";
import { PlacePanel } from "./panels/PlacePanel";
import { ServicePanel } from "./panels/ServicePanel";
import type { Issue } from "./model/issues";
import type { SceneLink } from "./model/scene";
import type { MapState } from "./useMapState";

export function SidePanel({ graph, estate, state, link, issues, enforced, candidate, blast, focusExists }: {
  graph: LiveGraph;
  estate: Status | undefined;
  state: MapState;
  link: SceneLink | undefined;
  issues: readonly Issue[];
  enforced: Simulation | undefined;
  candidate: { data: Simulation | undefined; error: unknown };
  blast: BlastRadius | undefined;
  focusExists: boolean;
}) {
  const node = state.focus === undefined ? undefined : graph.nodes.get(state.focus);
  const body = link !== undefined ? <EdgePanel key={link.id} link={link} />
    : node?.peer.kind === "service" ? <ServicePanel node={node} graph={graph} blast={state.layers.has("blast") ? blast : undefined} />
    : state.focus !== undefined && focusExists ? <PlacePanel place={state.focus} graph={graph} />
    : <EstatePanel graph={graph} estate={estate} issues={issues} enforced={state.layers.has("enforced") ? enforced : undefined} candidate={state.layers.has("candidate") ? candidate : undefined} />;
  const chosen = link !== undefined || state.focus !== undefined;
  return <aside className={`side-panel ${chosen ? "chosen" : ""}`} aria-label="Details of the selection">{body}</aside>;
}
