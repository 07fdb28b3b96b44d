import { useMemo } from "react";
import type { BlastSide, Mode, Peer } from "../../api/types";
import { go } from "../../app/router";
import { toHash } from "../../app/url";
import { plural } from "../../text/numbers";
import { middle, peerShort, shortName } from "../../text/words";
import { RADII, spots, type Spot } from "./rings";

const SIZE = 600;
const HIGH = 470;

/** Distance is the number of steps; what is beyond the rings cannot be reached. */
export function Rings({ side, origin, mode, angles, peers, hover, setHover }: {
  side: BlastSide;
  origin: string;
  mode: Mode;
  angles: ReadonlyMap<string, number>;
  peers: ReadonlyMap<string, Peer>;
  hover: string | undefined;
  setHover: (key: string | undefined) => void;
}) {
  const all = useMemo(() => spots(side, angles, peers), [side, angles, peers]);
  const at = new Map(all.map((spot) => [spot.key, spot]));
  const few = all.length <= 26;
  const step = Math.max(1, Math.ceil(all.length / 260));
  return (
    <svg viewBox={`${-SIZE / 2} ${-HIGH / 2} ${SIZE} ${HIGH}`} className="rings" role="img" aria-label={`${shortName(origin)} reaches ${plural(side.count.services, "service")}: ${[1, 2, 3].map((hop) => `${side.reached.filter((each) => (hop === 3 ? each.hops >= 3 : each.hops === hop)).length} in ${plural(hop, "hop")}${hop === 3 ? " or more" : ""}`).join(", ")}`}>
      {[3, 2, 1].map((ring) => <circle key={ring} r={RADII[ring]} className={`ring-${ring}`} />)}
      {all.filter((_, i) => i % step === 0).map((spot) => {
        if (spot.hops === undefined) return null;
        const from = spot.via === undefined || spot.via === origin ? { x: 0, y: 0 } : (at.get(spot.via) ?? { x: 0, y: 0 });
        return <path key={spot.key} d={`M${from.x} ${from.y}L${spot.x} ${spot.y}`} className={`ray ${hover === spot.key ? "near" : few ? "" : "thin"}`} />;
      })}
      {[1, 2, 3].map((ring) => <g key={ring} transform={`translate(0 ${-(RADII[ring] ?? 0)})`} className="ring-label"><rect x="-26" y="-9" width="52" height="18" rx="5" /><text textAnchor="middle" y="4">{ring === 3 ? "3+ hops" : plural(ring, "hop")}</text></g>)}
      {all.map((spot) => <Dot key={spot.key} spot={spot} label={few || hover === spot.key} hover={hover === spot.key} setHover={setHover} />)}
      <g className="origin"><circle r="15" /><rect x="-5" y="-5" width="10" height="10" rx="2" className={mode} /><text y="31" textAnchor="middle">{middle(shortName(origin), 20)}</text></g>
    </svg>
  );
}

function Dot({ spot, label, hover, setHover }: { spot: Spot; label: boolean; hover: boolean; setHover: (key: string | undefined) => void }) {
  const right = Math.cos(spot.angle) >= -0.05;
  const service = spot.peer.kind === "service" ? spot.peer.name : undefined;
  return (
    <g transform={`translate(${spot.x} ${spot.y})`} className={`dot ${spot.hops === undefined ? "out" : ""} ${hover ? "near" : ""}`} onMouseEnter={() => setHover(spot.key)} onClick={service === undefined ? undefined : () => go(toHash(["blast", ...service.split("/")]))}>
      {service === undefined ? <rect x="-5" y="-5" width="10" height="10" /> : <circle r={label ? 5.5 : 3.5} />}
      {label && <text x={right ? 10 : -10} y="4" textAnchor={right ? "start" : "end"}>{middle(peerShort(spot.peer), 18)}</text>}
    </g>
  );
}
