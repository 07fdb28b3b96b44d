import { useQuery } from "@tanstack/react-query";
import { edgesTo } from "../../../api/queries";
import { edgeId, type LiveGraph, type MapEdge } from "../../../live/graph";
import { plural, rate } from "../../../text/numbers";
import { peerKey, peerName, peerShort } from "../../../text/words";
import { EdgeLine, PanelHead } from "./parts";

export function PlacePanel({ place, graph }: { place: string; graph: LiveGraph }) {
  const edges: MapEdge[] = [];
  let title = place;
  let called: string | undefined;
  for (const edge of graph.edges.values()) {
    if (edge.from !== place && edge.to !== place) continue;
    const peer = edge.from === place ? edge.client : edge.server;
    title = peerShort(peer);
    if (edge.to === place) called = peerName(peer);
    edges.push(edge);
  }
  const detail = useQuery({ ...edgesTo(called ?? ""), enabled: called !== undefined });
  edges.sort((a, b) => b.rate - a.rate);
  const names = [...new Set((detail.data?.items ?? []).filter((edge) => peerKey(edge.server) === place).flatMap((edge) => edge.names))].slice(0, 8);
  return (
    <>
      <PanelHead title={title} detail={place.startsWith("external:") ? "external endpoint" : "place outside of the services"} />
      {names.length > 0 && <section className="section"><h3 className="section-title">Names resolved</h3><p className="mono">{names.join(", ")}</p></section>}
      <section className="section">
        <h3 className="section-title">Edges <span>{plural(edges.length, "edge")}, packets</span></h3>
        <ul>{edges.slice(0, 30).map((edge) => <EdgeLine key={edgeId(edge)} edge={edge} from={place} value={rate(edge.rate)} />)}</ul>
      </section>
    </>
  );
}
