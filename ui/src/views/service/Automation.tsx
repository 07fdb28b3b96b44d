import { Select, Switch } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { api, got } from "../../api/client";
import { refresh, split } from "../../api/queries";
import type { AutomationBy, Profile, ServiceDetail } from "../../api/types";
import { failed, notice } from "../../app/notices";
import { toHash } from "../../app/url";
import { shortName } from "../../text/words";

/** Whether evidence alone promotes it, who says so, and what it waits for: where people look when nothing happens. */
export function Automation({ service, may }: { service: ServiceDetail; may: boolean }) {
  const client = useQueryClient();
  const set = (body: { automatic: boolean; profile: Profile }) =>
    got(api.PUT("/api/v1/services/{namespace}/{name}/automation", { params: { path: split(service.name) }, body })).then(() => refresh(client), failed);
  const likeTheOthers = async () => {
    try {
      const rules = await got(api.GET("/api/v1/automation"));
      await got(api.PUT("/api/v1/automation", { body: { ...rules, by_hand: (rules.by_hand ?? []).filter((each) => each.service !== service.name) } }));
      notice(`${shortName(service.name)} is treated like the others again.`);
      await refresh(client);
    } catch (error) {
      failed(error);
    }
  };
  const { automatic, profile = "default" } = service.automation;
  const by = service.automation_by ?? { by: "default" };
  return (
    <div className="promotion">
      {service.outlook !== undefined && service.outlook !== "" && <p><span className="t3 small">What it waits for</span><br />{service.outlook}</p>}
      <Switch checked={automatic} disabled={!may} label="Promote without being asked" description={<>{whose(by)} {by.by === "hand" ? may && <button type="button" className="link" onClick={() => void likeTheOthers()}>Treat it like the others</button> : <a href={toHash(["settings"], { tab: "learning" })}>Change it for all services</a>}</>}
        onChange={(event) => void set({ automatic: event.currentTarget.checked, profile })} />
      <Select label="Evidence asked for" disabled={!may} data={[{ value: "fast", label: "fast: for what may be wrong for a while" }, { value: "default", label: "default" }, { value: "strict", label: "strict: for what must not break" }]} value={profile} allowDeselect={false} onChange={(value) => void set({ automatic, profile: value as Profile })} />
    </div>
  );
}

/** Whose word it is. */
export function whose(by: AutomationBy): string {
  switch (by.by) {
    case "hand": return "Set for this service alone.";
    case "rule": return `By rule ${by.rule} of the settings.`;
    default: return "By default.";
  }
}
