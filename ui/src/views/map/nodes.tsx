import type { NodeProps } from "@xyflow/react";
import { memo } from "react";
import type { GraphNode } from "../../api/types";
import { VerdictGlyph } from "../../look/Glyphs";
import { Ring } from "../../look/Ring";
import { bound, count, plural } from "../../text/numbers";
import { middle, modeWord, peerKey, shortName } from "../../text/words";
import type { SceneEntry, SceneZone } from "./model/scene";

export { nodeSentence } from "../../text/sentences";

interface ServiceData extends Record<string, unknown> {
  node: GraphNode;
  compact: boolean;
  selected: boolean;
  dim: boolean;
  isNew: boolean;
  rings: boolean;
  hops: number | undefined;
}

/** A service: its wall is its mode, its ring what may be unseen, its badge what was held back. */
export const ServiceNode = memo(function ServiceNode({ data }: NodeProps) {
  const { node, compact, selected, dim, isNew, rings, hops } = data as ServiceData;
  const mode = node.mode ?? "learn";
  const name = shortName(peerKey(node.peer));
  return (
    <div className={`node wall ${mode} ${compact ? "small-node" : ""} ${selected ? "selected" : ""} ${dim ? "dim" : ""}`} title={name}>
      {compact || !rings ? <i className={`mode-mark ${mode}`} aria-hidden="true" /> : <Ring bound={node.upper_hour} mode={mode} />}
      <span className="node-text">
        <span className="node-name"><b>{middle(name, compact ? 12 : node.workloads > 1 ? 13 : 16)}</b>{node.workloads > 1 && !compact && <span className="t3"> ×{count(node.workloads)}</span>}{node.workloads === 0 && !compact && <span className="t3"> gone</span>}</span>
        {!compact && <span className="node-second micro t2">{modeWord(mode)} {mode !== "quarantine" && <span className="t1">{bound(node.upper_hour, node.open_ended)}</span>}</span>}
      </span>
      <Badge denied={node.denied} wouldDeny={node.would_deny} />
      {isNew && <span className="new-mark micro">new</span>}
      {hops !== undefined && hops > 0 && <span className="hop-mark micro">{hops}</span>}
    </div>
  );
});

export function Badge({ denied, wouldDeny }: { denied: number; wouldDeny: number }) {
  if (denied > 0) return <span className="badge denied-badge"><VerdictGlyph verdict="denied" size={12} />{count(denied)}</span>;
  if (wouldDeny > 0) return <span className="badge would-badge"><VerdictGlyph verdict="would-deny" size={12} />{count(wouldDeny)}</span>;
  return null;
}

interface ZoneData extends Record<string, unknown> { zone: SceneZone; compact: boolean; fold: (name: string, folded: boolean) => void }

export const ZoneNode = memo(function ZoneNode({ data }: NodeProps) {
  const { zone, compact, fold } = data as ZoneData;
  return (
    <div className="zone">
      <button type="button" className="zone-head" onClick={() => fold(zone.name, true)} aria-expanded="true" title="Fold">
        <b>{zone.name}</b><span className="t3 small">{compact ? count(zone.all.length) : plural(zone.all.length, "service")}</span>
      </button>
    </div>
  );
});

interface TileData extends ZoneData { dim: boolean }

/** A folded zone: one block for each service, filled as far as it is closed. */
export const TileNode = memo(function TileNode({ data }: NodeProps) {
  const { zone, dim, fold } = data as TileData;
  const blocks = zone.all.slice(0, 24);
  const worst = zone.openEnded ? "open-ended" : bound(zone.worst);
  return (
    <button type="button" className={`tile ${dim ? "quiet" : ""}`} onClick={() => fold(zone.name, false)}
      aria-label={`${zone.name}, folded, ${plural(zone.all.length, "service")}, worst bound ${worst}${zone.denied > 0 ? `, ${count(zone.denied)} denied` : ""}. Unfold.`}>
      <b>{middle(zone.name, 15)}</b>
      <span className="tile-second micro"><span className="t3">{count(zone.all.length)}</span><span className={zone.openEnded ? "strong t1" : "t2"}>{worst}</span></span>
      <span className="blocks">{blocks.map((node) => <i key={peerKey(node.peer)} className={node.mode ?? "learn"} />)}</span>
      <Badge denied={zone.denied} wouldDeny={zone.wouldDeny} />
    </button>
  );
});

export const RestNode = memo(function RestNode({ data }: NodeProps) {
  const { zone } = data as ZoneData;
  return <a className="rest" href={`#/services?q=${encodeURIComponent(`${zone.name}/`)}`}>{count(zone.rest.length)} more</a>;
});

export const OutsideNode = memo(function OutsideNode({ data }: NodeProps) {
  const { title, detail, selected } = data as { title: string; detail: string; selected?: boolean };
  return <div className={`place ${selected === true ? "selected" : ""}`}><b className="small">{title}</b>{detail !== "" && <span className="t3 micro">{detail}</span>}</div>;
});

export const EntryNode = memo(function EntryNode({ data }: NodeProps) {
  const { entry, selected } = data as { entry: SceneEntry; selected: boolean };
  return (
    <div className={`entry ${selected ? "selected" : ""}`} title={`${entry.label}, ${entry.detail}`}>
      <b className="ellipsis">{middle(entry.label, 19)}</b>
      <span className="t3 micro ellipsis">{entry.detail}</span>
    </div>
  );
});
