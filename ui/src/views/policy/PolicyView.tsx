import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { policies as policiesQuery, proposals as proposalsQuery } from "../../api/queries";
import { Headline } from "../../app/Headline";
import { useKeys } from "../../app/keys";
import { go, useRoute } from "../../app/router";
import { useMay } from "../../app/session";
import { toHash } from "../../app/url";
import { ButtonWithKey } from "../../look/ButtonWithKey";
import { IconFileCheck } from "../../look/icons";
import { Failure, Skeleton } from "../../look/States";
import { Tabs } from "../../look/Tabs";
import { count, plural } from "../../text/numbers";
import { Ask } from "./Ask";
import { Documents } from "./Documents";
import { History } from "./History";
import { Proposals } from "./Proposals";
import { Trials } from "./Trials";
import "./policy.css";

const Editor = lazy(() => import("./Editor"));
const TABS = [["", "Documents"], ["ask", "Question"], ["edit", "Editor"], ["trials", "Trials"], ["proposals", "Proposals"], ["history", "History"]] as const;

export default function PolicyView() {
  const { path, query } = useRoute();
  const tab = query.tab ?? "";
  const list = useQuery(policiesQuery);
  const may = useMay("operator");
  const writes = useMay("proposer");
  const waiting = useQuery(proposalsQuery).data?.open ?? 0;
  useKeys({ "?": () => go(toHash(["policies"], { tab: "ask" })), y: writes ? () => go(toHash(["policies"], { tab: "edit" })) : undefined });
  const { data } = list;
  const findings = data?.items.reduce((n, each) => n + each.findings.length, 0) ?? 0;
  const learned = data?.items.filter((each) => each.origin === "learned").length ?? 0;
  return (
    <>
      <Headline icon={<IconFileCheck size={18} />} detail={data === undefined ? undefined : `${count(learned)} of them learned, ${count(data.items.length - learned)} written by people or pipelines. ${findings === 0 ? "Nothing in them is suspicious." : `${plural(findings, "finding")} to look at.`}`}
        actions={<>{tab !== "ask" && <ButtonWithKey label="Ask a question" hint="?" href={toHash(["policies"], { tab: "ask" })} />}{writes && tab !== "edit" && <ButtonWithKey label="Write YAML" hint="Y" href={toHash(["policies"], { tab: "edit" })} />}</>}>
        {data === undefined ? "Policies" : data.items.length === 0 ? "No policy document yet: services in Learn have none." : `${plural(data.items.length, "document")} ${data.items.length === 1 ? "makes" : "make"} policy revision ${count(data.revision)}.`}
      </Headline>
      <Tabs label="Parts of policy" view="policies" at={tab}
        parts={TABS.filter(([key]) => key !== "edit" || writes).map(([key, name]) => ({ key, name, more: key === "proposals" && waiting > 0 && <> <span className="pill">{count(waiting)}</span></> }))} />
      {tab === "ask" ? <Ask /> : tab === "history" ? <History /> : tab === "trials" ? <Trials /> : tab === "proposals" ? <Proposals /> : tab === "edit" && writes ? (
        <Suspense fallback={<main className="page"><Skeleton /></main>}><Editor documents={data?.items} open={query.open} /></Suspense>
      ) : data === undefined ? <main className="page">{list.isError ? <Failure error={list.error} retry={() => void list.refetch()} /> : <Skeleton lines={10} />}</main> : (
        <Documents items={data.items} chosen={path[1] === undefined ? undefined : `${path[1]}/${path[2] ?? ""}`} text={query.q ?? ""} may={may} />
      )}
    </>
  );
}
