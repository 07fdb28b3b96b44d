import type { Decision, ReviewItem, ReviewKind, ReviewPattern } from "../../api/types";
import type { Query } from "../../app/url";
import { peerName } from "../../text/words";

type State = Readonly<Record<string, string>>;

const DECISIONS: readonly Decision[] = ["accept", "reject", "attack", "undo"];
const KINDS: readonly ReviewKind[] = ["learned", "declared", "proposal"];

export const kindOf = (item: ReviewItem): ReviewKind => item.kind ?? "learned";

export const parseKind = (text: string | undefined): ReviewKind | undefined => KINDS.find((each) => each === text);

/** The pattern that the address speaks of; nothing where it speaks of none. */
export function patternOf(query: State): ReviewPattern | undefined {
  const decision = DECISIONS.find((each) => each === query.by);
  if (decision === undefined) return undefined;
  const pattern: ReviewPattern = { decision };
  const text = (key: string): string | undefined => (query[key] === undefined || query[key].trim() === "" ? undefined : query[key].trim());
  const [service, peer, flag, port] = [text("service"), text("peer"), text("flag"), portOf(query.port ?? "")];
  if (service !== undefined) pattern.service = service;
  if (peer !== undefined) pattern.peer = peer;
  if (flag !== undefined) pattern.flag = flag;
  if (port !== undefined) pattern.port = port;
  if (query.way === "ingress" || query.way === "egress") pattern.direction = query.way;
  const kind = parseKind(query.of);
  if (kind !== undefined) pattern.kind = kind;
  if (query.decided === "1" && decision !== "undo") pattern.decided = true;
  return pattern;
}

export function portOf(text: string): number | undefined {
  const port = Number(text);
  return text.trim() !== "" && Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : undefined;
}

/** What the address says of it. */
export function patternQuery(pattern: ReviewPattern | undefined): Query {
  return {
    by: pattern?.decision, service: pattern?.service ?? undefined, peer: pattern?.peer ?? undefined, port: pattern?.port ?? undefined, way: pattern?.direction ?? undefined,
    of: pattern?.kind ?? undefined, flag: pattern?.flag ?? undefined, decided: pattern?.decided === true ? 1 : undefined,
  };
}

/** All of any service that are about the same peer and port; of what stands for many, all of its kind. */
export function like(item: ReviewItem | undefined, decision: Decision): ReviewPattern {
  const kind = item === undefined ? "learned" : kindOf(item);
  const [first] = item?.evidence ?? [];
  if (item === undefined) return { decision, kind };
  if (first === undefined || kind !== "learned") return { decision, kind, direction: item.direction, service: `${item.service.split("/")[0] ?? ""}/*` };
  return { decision, kind, direction: item.direction, peer: peerName(item.direction === "egress" ? first.server : first.client), port: first.port };
}
