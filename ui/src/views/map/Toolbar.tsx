import { Button, Checkbox, Menu, TextInput } from "@mantine/core";
import { useRef } from "react";
import type { Mode, Status } from "../../api/types";
import { useKeys } from "../../app/keys";
import { changeQuery } from "../../app/router";
import { ModeGlyph } from "../../look/Glyphs";
import { IconArrowsMinimize, IconFilter, IconStack2 } from "../../look/icons";
import { count } from "../../text/numbers";
import { modeWord } from "../../text/words";
import type { Scene } from "./model/scene";
import { LAYERS, setLayer, type Layer, type MapState } from "./useMapState";

const NAMES: Record<Layer, [string, string]> = {
  quiet: ["Traffic", "allowed lines, their width by rate"],
  labels: ["Applications", "application and rate on allowed lines"],
  verdicts: ["Verdicts", "what is denied, or would be"],
  rings: ["Completeness", "the gap in the ring is what may be unseen"],
  modes: ["Modes", "the wall around each service"],
  enforced: ["As if all were in Enforce", "what would be denied then"],
  candidate: ["Under the candidate policy", "what checked documents would break or close"],
  blast: ["Blast radius", "what falls with the selected service"],
};

export function Toolbar({ state, scene, allFolded, foldAll, arrange, modes, all, hasCandidate, hasZones }: {
  state: MapState;
  scene: Scene;
  allFolded: boolean;
  foldAll: () => void;
  arrange: () => void;
  modes: Status["services"] | undefined;
  all: readonly Mode[];
  /** Whether documents have been checked that could be shown. */
  hasCandidate: boolean;
  /** Whether there are zones to draw services in. */
  hasZones: boolean;
}) {
  const input = useRef<HTMLInputElement>(null);
  const layers = useRef<HTMLButtonElement>(null);
  useKeys({ "/": () => input.current?.focus(), l: () => layers.current?.click() });
  return (
    <div className="toolbar">
      <TextInput ref={input} className="filter" leftSection={<IconFilter size={14} />} rightSection={<kbd aria-hidden="true">/</kbd>} placeholder="zone, service" aria-label="Show only services whose name contains"
        value={state.text} onChange={(event) => changeQuery({ q: event.currentTarget.value })} />
      <Menu closeOnItemClick={false} position="bottom-start" width={300}>
        <Menu.Target>
          <Button ref={layers} variant="default" leftSection={<IconStack2 size={15} />}>Layers {LAYERS.filter((each) => state.layers.has(each)).length} of {LAYERS.length - (hasCandidate ? 0 : 1)}<kbd aria-hidden="true">L</kbd></Button>
        </Menu.Target>
        <Menu.Dropdown>
          {LAYERS.filter((layer) => layer !== "candidate" || hasCandidate).map((layer) => (
            <Menu.Item key={layer} component="div" onClick={() => setLayer(state, layer, !state.layers.has(layer))}>
              <Checkbox size="xs" checked={state.layers.has(layer)} readOnly tabIndex={-1} label={<><b>{NAMES[layer][0]}</b><br /><span className="t3 small">{NAMES[layer][1]}</span></>} />
            </Menu.Item>
          ))}
          <Menu.Divider />
          {(hasZones || state.zones) && (
            <Menu.Item component="div" onClick={() => changeQuery({ by: state.zones ? undefined : "zone", fold: undefined, open: undefined })}>
              <Checkbox size="xs" checked={state.zones} readOnly tabIndex={-1} label={<><b>Drawn in zones</b><br /><span className="t3 small">instead of namespaces</span></>} />
            </Menu.Item>
          )}
          <Menu.Item component="div" closeMenuOnClick onClick={arrange}>Lay out anew<br /><span className="t3 small">forget where things were put by hand</span></Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {scene.zones.length > 1 && <Button variant="default" leftSection={<IconArrowsMinimize size={15} />} onClick={foldAll}>{allFolded ? "Unfold" : "Fold zones"}<kbd aria-hidden="true">Z</kbd></Button>}
      <span className="grow" />
      {modes !== undefined && (
        <div className="mode-filter" role="group" aria-label="Show only services in a mode">
          {all.map((mode) => (
            <button key={mode} type="button" aria-pressed={state.mode === mode} className={modes[mode] === 0 ? "t3" : ""} onClick={() => changeQuery({ mode: state.mode === mode ? undefined : mode })}>
              <ModeGlyph mode={mode} size={11} /> {modeWord(mode)} <b>{count(modes[mode])}</b>
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
