import type { JudgedEdge } from "../../../api/types";
import type { LiveGraph } from "../../../live/graph";
import { plural, rate } from "../../../text/numbers";
import { peerKey, peerShort } from "../../../text/words";
import { EdgeLine, PanelHead } from "./parts";

export function PlacePanel({ place, graph }: { place: string; graph: LiveGraph }) {
  const edges: JudgedEdge[] = [];
  let title = place;
  for (const edge of graph.edges.values()) {
    for (const peer of [edge.client, edge.server]) {
      if (peerKey(peer) !== place) continue;
      title = peerShort(peer);
      if (!edges.includes(edge)) edges.push(edge);
    }
  }
  edges.sort((a, b) => b.rate - a.rate);
  const names = [...new Set(edges.flatMap((edge) => edge.names))].slice(0, 8);
  return (
    <>
      <PanelHead title={title} detail={place.startsWith("external:") ? "external endpoint" : "place outside of the services"} />
      {names.length > 0 && <section className="section"><h3 className="section-title">Names resolved</h3><p className="mono">{names.join(", ")}</p></section>}
      <section className="section">
        <h3 className="section-title">Edges <span>{plural(edges.length, "edge")}, packets</span></h3>
        <ul>{edges.slice(0, 30).map((edge) => <EdgeLine key={edge.id} edge={edge} from={place} value={rate(edge.rate)} />)}</ul>
      </section>
    </>
  );
}
