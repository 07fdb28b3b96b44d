import type { BlastRadius, Simulation, Status } from "../../api/types";
import type { LiveGraph } from "../../live/graph";
import { EdgePanel } from "./panels/EdgePanel";
import { EstatePanel } from "./panels/EstatePanel";
import { PathPanel } from "./panels/PathPanel";
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
    : state.path.length > 1 && state.focus === undefined ? <PathPanel path={state.path} />
    : state.focus !== undefined && focusExists ? <PlacePanel place={state.focus} graph={graph} />
    : <EstatePanel graph={graph} estate={estate} issues={issues} enforced={state.layers.has("enforced") ? enforced : undefined} candidate={state.layers.has("candidate") ? candidate : undefined} />;
  const chosen = link !== undefined || state.focus !== undefined || state.path.length > 1;
  return <aside className={`side-panel ${chosen ? "chosen" : ""}`} aria-label="Details of the selection">{body}{chosen ? <Hints link={link !== undefined} service={node?.peer.kind === "service"} /> : <p className="keys panel-keys"><span><kbd>↑</kbd><kbd>↓</kbd>choose</span><span><kbd>+</kbd><kbd>-</kbd>zoom</span><span><kbd>F</kbd>fit</span></p>}</aside>;
}

/** What the keyboard does here. */
function Hints({ link, service }: { link: boolean; service: boolean }) {
  return (
    <p className="keys panel-keys">
      {link ? <span><kbd>←</kbd><kbd>→</kbd>its ends</span> : <span><kbd>↑</kbd><kbd>↓</kbd><kbd>←</kbd><kbd>→</kbd>next to it</span>}
      {service && <span><kbd>S</kbd>its page</span>}
      <span><kbd>Esc</kbd>close</span>
    </p>
  );
}
