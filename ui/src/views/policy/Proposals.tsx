import { Button, Checkbox, Modal, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, got } from "../../api/client";
import { proposal as proposalQuery, proposals as proposalsQuery, refresh } from "../../api/queries";
import type { Proposal, ProposalDetail } from "../../api/types";
import { useKeys } from "../../app/keys";
import { notice } from "../../app/notices";
import { useNow } from "../../app/now";
import { changeQuery, useRoute } from "../../app/router";
import { useMay, useSession } from "../../app/session";
import { ButtonWithKey } from "../../look/ButtonWithKey";
import { Empty, Failure, Skeleton } from "../../look/States";
import { count } from "../../text/numbers";
import { ago, full } from "../../text/times";
import { ApplyPreview } from "./ApplyPreview";
import { isWeb } from "./trial";

type Act = "accept" | "reject" | "withdraw";

/** Changes of documents that wait for somebody else's decision, and those that have it. */
export function Proposals() {
  const { query } = useRoute();
  const { data, error, refetch } = useQuery(proposalsQuery);
  const now = useNow();
  const items = data?.items ?? [];
  const chosen = items.find((each) => each.id === query.proposal) ?? (query.proposal === undefined ? items[0] : undefined);
  const at = chosen === undefined ? -1 : items.indexOf(chosen);
  const open = (each: Proposal | undefined) => { if (each !== undefined) changeQuery({ proposal: each.id }); };
  useKeys({ j: () => open(items[at + 1]), k: () => open(items[Math.max(0, at - 1)]) });
  if (data === undefined) return <main className="page">{error === null ? <Skeleton lines={8} /> : <Failure error={error} retry={() => void refetch()} />}</main>;
  if (items.length === 0) return <main className="page"><Empty title="Nothing was proposed yet."><p>Pipelines and people with the role proposer propose documents; an operator decides on them here.</p></Empty></main>;
  return (
    <main className="master chosen-both policies">
      <div className="list"><div className="scroll" tabIndex={0}>
        {items.map((each) => (
          <button key={each.id} type="button" className={`list-row policy-row ${each === chosen ? "on" : ""}`} onClick={() => open(each)}>
            <span className="ellipsis"><b>{each.title}</b></span><span className={`small nowrap ${each.state === "open" ? "strong" : "t3"}`}>{each.state}</span>
            <span className="ellipsis t2 small">{each.summary}</span><span className="t3 small nowrap" title={full(each.created)}>{ago(each.created, now)}</span>
          </button>
        ))}
      </div></div>
      <div className="detail" tabIndex={0}>{chosen === undefined ? <Empty title="There is no such proposal." /> : <Detail key={chosen.id} id={chosen.id} />}</div>
    </main>
  );
}

function Detail({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(proposalQuery(id));
  const decides = useMay("operator");
  const session = useSession();
  const [asked, setAsked] = useState<Act>();
  const isOpen = data?.state === "open";
  const mine = useMay("proposer") && session?.name === data?.created_by;
  useKeys({ a: isOpen && decides ? () => setAsked("accept") : undefined, r: isOpen && decides ? () => setAsked("reject") : undefined });
  if (data === undefined) return error === null ? <Skeleton lines={6} /> : <Failure error={error} retry={() => void refetch()} />;
  const { decided } = data;
  return (
    <>
      <section className="card">
        <header><h2 className="grow">{data.title}</h2><span className="t3 small">{full(data.created)} by {data.created_by}</span></header>
        <div className="body dialog">
          <p>{data.summary}</p>
          {data.link !== null && data.link !== undefined && <p className="t2">Proposed from {isWeb(data.link) ? <a href={data.link} target="_blank" rel="noreferrer noopener">{data.link}</a> : data.link}</p>}
          {decided !== null && decided !== undefined && <p className="t2">{data.state} {full(decided.time)} by {decided.actor}{decided.reason === "" ? "" : `: ${decided.reason}`}{decided.revision === null || decided.revision === undefined ? "" : `; policy revision ${count(decided.revision)}`}.</p>}
          {isOpen && (decides || mine) && (
            <div className="actions">
              {decides && <><ButtonWithKey label="Accept…" hint="A" variant="filled" onClick={() => setAsked("accept")} /><ButtonWithKey label="Reject…" hint="R" onClick={() => setAsked("reject")} /></>}
              {mine && <Button variant="default" onClick={() => setAsked("withdraw")}>Take it back…</Button>}
            </div>
          )}
        </div>
      </section>
      {data.obstacle !== null && data.obstacle !== undefined && <section className="card"><header><h3>It cannot be accepted as it is</h3></header><p className="body">{data.obstacle}</p></section>}
      {data.preview !== null && data.preview !== undefined && <section className="card"><header><h3>What accepting it would do now</h3></header><div className="body dialog"><ApplyPreview result={data.preview} /></div></section>}
      <section className="card"><header><h3>Its documents</h3></header><pre className="diff" tabIndex={0}><span>{data.documents}</span></pre></section>
      {asked !== undefined && <Decide proposal={data} act={asked} close={() => setAsked(undefined)} />}
    </>
  );
}

const TITLES: Record<Act, string> = { accept: "Accept it, which applies it?", reject: "Reject it?", withdraw: "Take it back?" };
const BUTTONS: Record<Act, string> = { accept: "Accept and apply", reject: "Reject", withdraw: "Take back" };
const DONE: Record<Act, string> = { accept: "accepted and applied", reject: "rejected", withdraw: "taken back" };

function Decide({ proposal, act, close }: { proposal: ProposalDetail; act: Act; close: () => void }) {
  const [reason, setReason] = useState("");
  const [force, setForce] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const client = useQueryClient();
  const params = { path: { id: proposal.id } };
  const send = () => {
    setBusy(true);
    setError(undefined);
    const answer = act === "withdraw" ? api.DELETE("/api/v1/policy/proposals/{id}", { params })
      : api.POST("/api/v1/policy/proposals/{id}/decision", { params, body: { accept: act === "accept", ...(reason.trim() === "" ? {} : { reason: reason.trim() }), ...(force && act === "accept" ? { force_conflicts: true } : {}) } });
    got<ProposalDetail>(answer).then(async () => {
      notice(`${proposal.title}: ${DONE[act]}.`);
      close();
      await refresh(client);
    }, setError).finally(() => setBusy(false));
  };
  return (
    <Modal opened onClose={close} title={TITLES[act]} size={720}>
      <form className="dialog" onSubmit={(event) => { event.preventDefault(); send(); }}>
        {act === "accept" && (proposal.preview === null || proposal.preview === undefined ? <p>{proposal.obstacle}</p> : <ApplyPreview result={proposal.preview} />)}
        {act !== "withdraw" && <TextInput label="Reason, for the audit log" value={reason} onChange={(event) => setReason(event.currentTarget.value)} />}
        {act === "accept" && proposal.obstacle !== null && proposal.obstacle !== undefined && <Checkbox label="Take documents over from others who manage them" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} />}
        {error !== undefined && <Failure error={error} />}
        <div className="actions"><Button type="submit" variant="filled" loading={busy} disabled={act === "accept" && (proposal.preview === null || proposal.preview === undefined) && !force}>{BUTTONS[act]}</Button><Button variant="default" onClick={close}>Cancel</Button></div>
      </form>
    </Modal>
  );
}
