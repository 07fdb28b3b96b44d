import { useQuery } from "@tanstack/react-query";
import { reach } from "../../../api/queries";
import { Failure, Skeleton } from "../../../look/States";
import { plural } from "../../../text/numbers";
import { peerKey, peerShort, portText } from "../../../text/words";
import { select } from "../useMapState";
import { PanelHead } from "./parts";

/** The way that answered a question, step by step. */
export function PathPanel({ path }: { path: readonly string[] }) {
  const api = (key: string | undefined): string => (key ?? "").replace(/^external:/, "");
  const { data, error } = useQuery(reach(api(path[0]), api(path.at(-1))));
  return (
    <>
      <PanelHead title={`${peerName(path[0])} → ${peerName(path.at(-1))}`} detail={`a way of ${plural(path.length - 1, "hop")}`} />
      <section className="section">
        {error !== null ? <Failure error={error} /> : data === undefined ? <Skeleton lines={3} /> : (
          <>
            <p>{data.sentence}</p>
            <ol className="path-steps">
              {data.path.map((hop) => (
                <li key={`${peerKey(hop.from)}>${peerKey(hop.to)}`}>
                  <button type="button" className="edge-line" onClick={() => select({ focus: peerKey(hop.to) })}>
                    <span className="grow ellipsis"><b>{peerShort(hop.from)} → {peerShort(hop.to)}</b> <span className="t3 small">{hop.protocol} {portText(hop.protocol, hop.port)}</span></span>
                    <span className="t3 small nowrap">{hop.seen ? "seen" : "never seen"}</span>
                  </button>
                  <p className="t2 small">{hop.through}</p>
                </li>
              ))}
            </ol>
          </>
        )}
      </section>
    </>
  );
}

const peerName = (key: string | undefined): string => (key ?? "").replace(/^external:/, "").replace(/^.*\//, "");
