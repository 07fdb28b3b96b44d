import { useQuery } from "@tanstack/react-query";
import { zones as zonesQuery } from "../../api/queries";
import { Headline } from "../../app/Headline";
import { useKeys } from "../../app/keys";
import { go, useRoute } from "../../app/router";
import { toHash } from "../../app/url";
import { IconShieldCheck } from "../../look/icons";
import { Failure, Skeleton } from "../../look/States";
import { FirstZone } from "./FirstZone";
import { Reports } from "./Reports";
import { ZoneDetail, zoneMark } from "./ZoneDetail";
import { Tabs } from "../../look/Tabs";
import { plural } from "../../text/numbers";
import "./compliance.css";

const TABS = [{ key: "", name: "Zones" }, { key: "reports", name: "Reports" }];

/** Zones and what is proved of their borders; reports of it that others can check. */
export default function ComplianceView() {
  const { path, query } = useRoute();
  const list = useQuery(zonesQuery);
  const tab = query.tab ?? "";
  const items = list.data?.items ?? [];
  const chosen = items.find((zone) => zone.name === path[1]) ?? items[0];
  const at = chosen === undefined ? -1 : items.indexOf(chosen);
  const open = (name: string | undefined) => { if (name !== undefined) go(toHash(["compliance", name])); };
  useKeys({ j: () => open(items[at + 1]?.name), k: () => open(items[Math.max(0, at - 1)]?.name) });
  return (
    <>
      <Headline icon={<IconShieldCheck size={18} />} detail={list.data === undefined || items.length === 0 ? "A zone is a named set of services with a border; what may cross it is written down, and proved." : `The proof covers all flows that the policies allow, and is compared with what was seen.`}>
        {list.data === undefined ? "Compliance" : items.length === 0 ? "No zone has been made yet." : list.data.sentence}
      </Headline>
      <Tabs label="Parts of compliance" view="compliance" at={tab} parts={TABS} />
      {list.data === undefined ? <main className="page">{list.isError ? <Failure error={list.error} retry={() => void list.refetch()} /> : <Skeleton lines={8} />}</main>
        : tab === "reports" ? <Reports zones={items.map((zone) => zone.name)} />
        : chosen === undefined ? <FirstZone /> : (
          <main className={`master compliance ${path[1] === undefined ? "" : "chosen"}`}>
            <div className="list">
              <ul className="scroll" tabIndex={0}>
                {items.map((zone) => (
                  <li key={zone.name}>
                    <a className={`list-row zone-row ${zone === chosen ? "on" : ""}`} href={toHash(["compliance", zone.name])} aria-current={zone === chosen ? "true" : undefined}>
                      <b className="ellipsis">{zone.name}</b>{zoneMark(zone.isolation.status)}
                      <span className="t2 small ellipsis">{plural(zone.members.length, "service")}{zone.owner !== null && zone.owner !== undefined && `, ${zone.owner}`}</span>
                    </a>
                  </li>
                ))}
              </ul>
              <div className="keys"><span><kbd>J</kbd><kbd>K</kbd>move</span></div>
            </div>
            <div className="detail" tabIndex={0}><a className="back" href={toHash(["compliance"])}>‹ All zones</a><ZoneDetail key={chosen.name} zone={chosen} /></div>
          </main>
        )}
    </>
  );
}
