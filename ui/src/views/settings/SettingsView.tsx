import { Headline } from "../../app/Headline";
import { useRoute } from "../../app/router";
import { useMay } from "../../app/session";
import { IconSettings } from "../../look/icons";
import { useQuery } from "@tanstack/react-query";
import { status as statusQuery } from "../../api/queries";
import { Failure, Skeleton } from "../../look/States";
import { Tabs } from "../../look/Tabs";
import { plural } from "../../text/numbers";
import { span } from "../../text/times";
import { Audit } from "./Audit";
import { Health } from "./Health";
import { Learning } from "./Learning";
import { OutputsPart } from "./Outputs";
import { Tokens } from "./Tokens";
import "./settings.css";

const TABS = [["", "Health", "viewer"], ["learning", "Learning and retention", "viewer"], ["tokens", "Users and tokens", "admin"], ["outputs", "Outputs", "admin"], ["audit", "Audit log", "admin"]] as const;

export default function SettingsView() {
  const { query } = useRoute();
  const admin = useMay("admin");
  const tabs = TABS.filter(([, , role]) => role === "viewer" || admin);
  const tab = tabs.some(([key]) => key === query.tab) ? (query.tab ?? "") : "";
  const status = useQuery(statusQuery);
  const { data } = status;
  const bad = data === undefined ? 0 : data.degraded.length + data.not_covered.length + data.nodes.reduce((n, node) => n + node.health.not_covered.length, 0);
  return (
    <>
      <Headline icon={<IconSettings size={18} />} detail={data === undefined ? undefined : `Bulkhead ${data.version}, up for ${span(data.uptime_seconds * 1000)}. ${data.sentence}`}>
        {data === undefined ? "Settings and health" : bad === 0 ? `${plural(data.nodes.length, "node")} ${data.nodes.length === 1 ? "keeps" : "keep"} every promise.` : `${plural(bad, "promise")} ${bad === 1 ? "does" : "do"} not hold at the moment.`}
      </Headline>
      <Tabs label="Parts of settings" view="settings" at={tab} parts={tabs.map(([key, name]) => ({ key, name }))} />
      <main className="page settings" tabIndex={0}>
        {tab === "learning" ? <Learning /> : tab === "tokens" ? <Tokens /> : tab === "outputs" ? <OutputsPart /> : tab === "audit" ? <Audit /> : data === undefined ? status.isError ? <Failure error={status.error} /> : <Skeleton lines={8} /> : <Health status={data} />}
      </main>
    </>
  );
}
