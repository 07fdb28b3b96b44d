import { useQuery } from "@tanstack/react-query";
import { useMediaQuery } from "@mantine/hooks";
import { useEffect, useMemo, useRef } from "react";
import * as queries from "../../api/queries";
import type { Mode, Verdict } from "../../api/types";
import { Headline } from "../../app/Headline";
import { useKeys } from "../../app/keys";
import { changeQuery } from "../../app/router";
import { useCandidate, useCandidateSimulation } from "../policy/candidate";
import { VerdictGlyph } from "../../look/Glyphs";
import { IconMap } from "../../look/icons";
import { Failure, Skeleton } from "../../look/States";
import { ButtonWithKey } from "../../look/ButtonWithKey";
import { useGraph } from "../../live/useGraph";
import { mapHeadline, newHeadline, pastHeadline } from "../../text/sentences";
import { peerKey } from "../../text/words";
import { Canvas } from "./Canvas";
import { FirstRun } from "./FirstRun";
import { Legend } from "./Legend";
import { byZone } from "./model/containers";
import { heldBack } from "./model/held";
import { pastGraph } from "./model/past";
import { issuesOf } from "./model/issues";
import { edgeId } from "../../live/graph";
import { buildScene, type Scene } from "./model/scene";
import { SidePanel } from "./SidePanel";
import { TimeBar } from "./TimeBar";
import { Toolbar } from "./Toolbar";
import { foldZones, select, useMapState, type MapState } from "./useMapState";
import { usePicture } from "./usePicture";
import "./map.css";

const MODES: Mode[] = ["learn", "monitor", "enforce", "quarantine"];

export default function MapView() {
  const state = useMapState();
  const live = useGraph();
  const status = useQuery(queries.status);
  const gone = state.from !== undefined && state.to !== undefined && state.from <= state.to ? { since: state.from, until: state.to } : undefined;
  const past = useQuery({ ...queries.past(gone?.since ?? 0, gone?.until ?? 0), enabled: gone !== undefined });
  const then = gone === undefined ? undefined : past.data;
  const now = live.graph;
  // The past needs of the present only who is there.
  // eslint-disable-next-line react-hooks/exhaustive-deps -- numbers of today do not change yesterday
  const before = useMemo(() => (then === undefined || now === undefined ? undefined : pastGraph(then, now)), [then, now?.shape]);
  const graph = gone === undefined ? now : past.isError ? undefined : before;
  const error = live.error ?? (gone !== undefined ? past.error ?? undefined : undefined);
  const phone = useMediaQuery("(max-width: 760px)", window.innerWidth <= 760, { getInitialValueInEffect: false });
  const enforced = useQuery({ ...queries.enforced, enabled: state.layers.has("enforced") });
  const focusService = state.focus !== undefined && graph?.nodes.get(state.focus)?.peer.kind === "service" ? state.focus : undefined;
  const candidate = useCandidateSimulation(state.layers.has("candidate"));
  const hasCandidate = useCandidate() !== undefined;
  const blast = useQuery({ ...queries.blast(focusService ?? "none/none"), enabled: focusService !== undefined && state.layers.has("blast") });

  const verdicts = useMemo(() => {
    const shown = state.layers.has("candidate") ? candidate.data : state.layers.has("enforced") ? enforced.data : undefined;
    return shown === undefined ? undefined : new Map<string, Verdict>(shown.changes.map((change) => [edgeId(change.edge), change.after]));
  }, [state.layers, enforced.data, candidate.data]);
  const asCandidate = state.layers.has("candidate") && candidate.data !== undefined;
  const documents = useQuery(queries.policies);
  const hasZones = documents.data?.items.some((each) => each.kind === "Zone") ?? false;
  const zones = useQuery({ ...queries.zones, enabled: state.zones });
  const containerOf = useMemo(() => (state.zones && zones.data !== undefined ? byZone(zones.data.items) : undefined), [state.zones, zones.data]);
  const wanted = useMemo(() => new Set([...(state.focus === undefined ? [] : [state.focus]), ...state.path]), [state.focus, state.path]);
  const folds = `${[...state.folded].join()}|${[...state.unfolded].join()}`;
  const hidden = useMemo(() => new Set<Verdict>([...(state.layers.has("quiet") ? [] : ["allowed" as const]), ...(state.layers.has("verdicts") ? [] : ["denied" as const, "would-deny" as const])]), [state.layers]);
  const scene = useMemo(
    () => (graph === undefined ? undefined : buildScene(graph, { folded: state.folded, unfolded: state.unfolded, from: gone === undefined || state.fresh ? state.from : undefined, to: gone === undefined || state.fresh ? state.to : undefined, fresh: state.fresh, verdicts, hidden, candidate: asCandidate, containerOf, wanted, path: state.path })),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the graph is a new object when shape or numbers changed
    [graph, folds, state.from, state.to, state.fresh, verdicts, hidden, asCandidate, containerOf, wanted, state.path],
  );
  const { picture, move, arrange } = usePicture(scene, phone, state.focus, state.from === undefined, containerOf !== undefined);
  useUnfolding(scene, state, wanted);
  const issues = useMemo(() => (graph === undefined ? [] : issuesOf(heldBack(graph).values())), [graph]);
  const next = useRef(-1);
  const nextIssue = () => {
    if (issues.length === 0) return;
    next.current = (next.current + 1) % issues.length;
    const issue = issues[next.current];
    if (issue !== undefined) select({ focus: issue.service });
  };
  const allFolded = scene?.zones.every((zone) => zone.folded) ?? false;
  const foldAll = () => {
    if (scene === undefined) return;
    const names = scene.zones.map((zone) => zone.name).join();
    changeQuery(allFolded ? { fold: undefined, open: scene.density === "full" ? undefined : names } : { fold: names, open: undefined });
  };
  const toNow = () => changeQuery({ from: undefined, to: undefined, new: undefined });
  useKeys({ n: nextIssue, t: state.from === undefined ? undefined : toNow, z: foldAll, Escape: () => select({}) });

  if (graph === undefined || scene === undefined) {
    return (
      <>
        <Headline icon={<IconMap size={18} stroke={1.8} />} actions={gone !== undefined && <ButtonWithKey label="Back to live" hint="T" onClick={toNow} />}>{error === undefined ? "Reading the connection graph…" : "The connection graph could not be read."}</Headline>
        <main className="page">{error === undefined ? <Skeleton lines={8} /> : <Failure error={error} />}</main>
      </>
    );
  }
  if (gone === undefined && graph.edges.size === 0 && scene.zones.length === 0) return <FirstRun status={status.data} />;

  const headline = then !== undefined ? pastHeadline(then) : state.fresh && state.from !== undefined ? newHeadline(graph.edges.values(), state.from) : mapHeadline(graph.nodes.values(), graph.edges.values(), status.data);
  const link = state.link === undefined ? undefined : scene.links.find((each) => each.id === state.link);
  const focusExists = state.focus !== undefined && (graph.nodes.has(state.focus) || scene.outside.some((entry) => entry.key === state.focus) || scene.below.some((entry) => entry.key === state.focus));
  const modes = status.data?.services;
  return (
    <>
      <Headline tone={headline.tone} detail={headline.detail}
        icon={headline.tone === "quiet" ? <IconMap size={18} stroke={1.8} /> : <VerdictGlyph verdict={headline.tone} size={20} />}
        actions={<>{state.from !== undefined && <ButtonWithKey label="Back to live" hint="T" onClick={toNow} />}{issues.length > 0 && <ButtonWithKey label="Next issue" hint="N" onClick={nextIssue} />}</>}>
        {headline.text}
      </Headline>
      <main className="map-view">
        <div className="map-main">
          <Toolbar state={state} scene={scene} allFolded={allFolded} foldAll={foldAll} arrange={arrange} modes={modes} all={MODES} hasCandidate={hasCandidate} hasZones={hasZones} />
          <div className={`map-pane ${state.layers.has("verdicts") ? "" : "no-verdicts"} ${state.layers.has("modes") ? "" : "no-modes"}`}>
            {picture === undefined ? <Skeleton lines={8} /> : (
              <Canvas scene={scene} picture={picture} state={state} blast={state.layers.has("blast") ? blast.data : undefined} phone={phone} move={move}
                onFold={(zone, folded) => foldZones(state, [zone], folded)} />
            )}
            {!phone && scene.density === "full" && <Legend />}
            {!phone && <ul className="sr" aria-label="Services on the map">{[...graph.nodes.values()].filter((node) => node.peer.kind === "service" && (node.denied > 0 || node.would_deny > 0)).slice(0, 50).map((node) => <li key={peerKey(node.peer)}><button type="button" tabIndex={-1} onClick={() => select({ focus: peerKey(node.peer) })}>{peerKey(node.peer)}</button></li>)}</ul>}
          </div>
          {now !== undefined && <TimeBar graph={now} state={state} />}
        </div>
        <SidePanel graph={graph} estate={status.data} state={state} link={link} issues={issues} enforced={enforced.data} candidate={candidate} blast={blast.data} focusExists={focusExists} />
      </main>
    </>
  );
}

/** What is looked for in a folded zone unfolds it, once: who folds it again meant it. */
function useUnfolding(scene: Scene | undefined, state: MapState, wanted: ReadonlySet<string>): void {
  const done = useRef<ReadonlySet<string>>(undefined);
  useEffect(() => {
    if (scene === undefined || done.current === wanted) return;
    done.current = wanted;
    const closed = scene.zones.filter((zone) => zone.folded && zone.all.some((node) => wanted.has(peerKey(node.peer)))).map((zone) => zone.name);
    if (closed.length > 0) foldZones(state, closed, false);
  }, [scene, state, wanted]);
}
