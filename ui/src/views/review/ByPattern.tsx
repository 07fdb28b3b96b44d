import { Checkbox, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import type { Decision, ReviewPattern, ReviewRequest } from "../../api/types";
import { changeQuery, useRoute } from "../../app/router";
import { patternQuery, portOf } from "./pattern";
import { Rehearsal } from "./Rehearsal";

/** One decision for all rules that fit what is written. All of it is in the address. */
export function ByPattern({ pattern, apply }: { pattern: ReviewPattern; apply: (request: ReviewRequest) => Promise<void> }) {
  const { query } = useRoute();
  const [settled] = useDebouncedValue(JSON.stringify(pattern), 250);
  const still = JSON.parse(settled) as ReviewPattern;
  const set = (patch: Record<string, string | undefined>) => changeQuery(patch);
  const field = (key: string, label: string, placeholder: string) => <TextInput label={label} placeholder={placeholder} value={query[key] ?? ""} onChange={(event) => set({ [key]: event.currentTarget.value })} />;
  return (
    <Rehearsal request={{ pattern: still }} decision={still.decision} title="Decide by pattern" close={() => changeQuery(patternQuery(undefined))} pending={settled !== JSON.stringify(pattern)} apply={apply}>
      <p className="t2">All that is written must fit; an empty field fits everything, * stands for any text.</p>
      <div className="pattern">
        <Select label="Decision" data={[{ value: "accept", label: "Accept" }, { value: "reject", label: "Reject" }, { value: "attack", label: "It is an attack" }, { value: "undo", label: "Take back" }]} value={pattern.decision} allowDeselect={false} onChange={(value) => set({ by: (value ?? "accept") as Decision })} />
        {field("service", "Service", "shop/*")}
        {field("peer", "Peer", "203.0.113.*, world, data/redis")}
        <TextInput label="Port" inputMode="numeric" placeholder="any" value={query.port ?? ""} error={(query.port ?? "") !== "" && portOf(query.port ?? "") === undefined ? "0 to 65535; it is left out" : undefined} onChange={(event) => set({ port: event.currentTarget.value })} />
        <Select label="Direction" data={[{ value: "", label: "both" }, { value: "egress", label: "egress" }, { value: "ingress", label: "ingress" }]} value={pattern.direction ?? ""} allowDeselect={false} onChange={(value) => set({ way: value ?? undefined })} />
        <Select label="What it is" data={[{ value: "", label: "anything" }, { value: "learned", label: "learned" }, { value: "declared", label: "declared, never seen" }, { value: "proposal", label: "stands for many" }]} value={pattern.kind ?? ""} allowDeselect={false} onChange={(value) => set({ of: value ?? undefined })} />
        {field("flag", "What is odd about it", "scan, seen once")}
        {pattern.decision !== "undo" && <Checkbox label="Decided ones too" checked={pattern.decided === true} onChange={(event) => set({ decided: event.currentTarget.checked ? "1" : undefined })} />}
      </div>
    </Rehearsal>
  );
}
