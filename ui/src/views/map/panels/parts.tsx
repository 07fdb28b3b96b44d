import { CloseButton } from "@mantine/core";
import type { ReactNode } from "react";
import type { Verdict } from "../../../api/types";
import { VerdictGlyph } from "../../../look/Glyphs";
import { peerKey, peerShort, spoken, portText } from "../../../text/words";
import { edgeSentence } from "../../../text/sentences";
import type { MapEdge } from "../../../live/graph";
import { select } from "../useMapState";

export function PanelHead({ icon, title, detail, aside }: { icon?: ReactNode; title: ReactNode; detail: string; aside?: ReactNode }) {
  return (
    <div className="panel-head">
      {icon}
      <div className="grow">
        <h2 className="ellipsis">{title}</h2>
        <p className="t3 small ellipsis">{detail}</p>
      </div>
      {aside}
      <CloseButton size="sm" aria-label="Close" onClick={() => select({})} />
    </div>
  );
}

/** One edge as a line: which way, who, what, how much. */
export function EdgeLine({ edge, from, value, verdict }: { edge: MapEdge; from: string; value: ReactNode; verdict?: Verdict }) {
  const out = edge.from === from;
  const other = out ? edge.server : edge.client;
  const judged = verdict ?? edge.verdict;
  return (
    <li>
      <button type="button" className="edge-line" aria-label={edgeSentence(edge, judged)} onClick={() => select({ focus: peerKey(other) })}>
        <span className="t3 edge-way">{out ? "out" : "in"}</span>
        <span className={judged === "denied" ? "denied-text" : judged === "would-deny" ? "would-text" : "t3"}><VerdictGlyph verdict={judged} size={13} /></span>
        <span className="ellipsis edge-peer">{peerShort(other)}</span>
        <span className="t3 ellipsis grow small">{judged === "allowed" && edge.application !== "unknown" ? `${spoken(edge)} ${portText(edge.protocol, edge.port)}` : `${edge.protocol} ${portText(edge.protocol, edge.port)}`}</span>
        <span className="num">{value}</span>
      </button>
    </li>
  );
}
