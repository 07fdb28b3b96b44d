import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, got } from "../../api/client";
import { refresh, trial as trialQuery, trials as trialsQuery } from "../../api/queries";
import type { Trial } from "../../api/types";
import { useKeys } from "../../app/keys";
import { failed, notice } from "../../app/notices";
import { useNow } from "../../app/now";
import { changeQuery, useRoute } from "../../app/router";
import { useMay } from "../../app/session";
import { serviceHash } from "../../app/url";
import { Diff } from "../../look/Diff";
import { VerdictGlyph } from "../../look/Glyphs";
import { Empty, Failure, Skeleton } from "../../look/States";
import { count, plural } from "../../text/numbers";
import { ago, full } from "../../text/times";
import { applicationAndPort, peerShort, shortName } from "../../text/words";
import { progressOf, resultSentence, stateWord, titleOf } from "./trial";

/** Candidates that run, or ran, beside the policy in force. */
export function Trials() {
  const { query } = useRoute();
  const { data, error, refetch } = useQuery(trialsQuery);
  const now = useNow();
  const items = data?.items ?? [];
  const chosen = items.find((each) => each.id === query.trial) ?? (query.trial === undefined ? items[0] : undefined);
  const at = chosen === undefined ? -1 : items.indexOf(chosen);
  const open = (each: Trial | undefined) => { if (each !== undefined) changeQuery({ trial: each.id }); };
  useKeys({ j: () => open(items[at + 1]), k: () => open(items[Math.max(0, at - 1)]) });
  if (data === undefined) return <main className="page">{error === null ? <Skeleton lines={8} /> : <Failure error={error} retry={() => void refetch()} />}</main>;
  if (items.length === 0) return <main className="page"><Empty title="Nothing was tried yet."><p>Write documents in the editor, check them, and try them: they run beside the policy in force, and nothing is denied by them.</p></Empty></main>;
  return (
    <main className="master chosen-both policies">
      <div className="list"><div className="scroll" tabIndex={0}>
        {items.map((each) => (
          <button key={each.id} type="button" className={`list-row policy-row ${each === chosen ? "on" : ""}`} onClick={() => open(each)}>
            <span className="ellipsis"><b>{titleOf(each)}</b></span><span className="t3 small nowrap">{stateWord(each, now)}</span>
            <span className="ellipsis t2 small whole-row">{resultSentence(each)}</span>
          </button>
        ))}
      </div></div>
      <div className="detail" tabIndex={0}>{chosen === undefined ? <Empty title="There is no such trial." /> : <Detail key={chosen.id} trial={chosen} />}</div>
    </main>
  );
}

function Detail({ trial }: { trial: Trial }) {
  const now = useNow();
  const may = useMay("operator");
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const { data, error, refetch } = useQuery(trialQuery(trial.id));
  const running = trial.state === "running";
  const end = () => {
    setBusy(true);
    got(api.DELETE("/api/v1/policy/trials/{id}", { params: { path: { id: trial.id } } })).then(async () => {
      notice(running ? `${titleOf(trial)} is stopped; what it found stays.` : `${titleOf(trial)} is removed.`);
      if (!running) changeQuery({ trial: undefined });
      await refresh(client);
    }, failed).finally(() => setBusy(false));
  };
  const { counts } = trial;
  return (
    <>
      <section className="card">
        <header><h2 className="grow">{titleOf(trial)}</h2><span className="t3 small">{stateWord(trial, now)}</span>{may && <Button variant="default" loading={busy} onClick={end}>{running ? "Stop" : "Remove"}</Button>}</header>
        <div className="trial-result">
          <b className={`trial-number ${trial.denials_of_expected > 0 ? "denied-text" : ""}`}>{counts.connections === 0 ? "–" : count(trial.denials_of_expected)}</b>
          <div className="grow"><p className="strong">{resultSentence(trial)}</p><p className="t2 small">{trial.sentence}</p></div>
        </div>
        {running && <div className="trial-watch" role="progressbar" aria-label="Time of the trial" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(progressOf(trial, now) * 100)}><i style={{ width: `${progressOf(trial, now) * 100}%` }} /></div>}
        <div className="body t2 small">Started {full(trial.started)} by {trial.started_by}. {trial.changes.map((change) => `${change.namespace}/${change.name} ${change.action}`).join(", ")}.{counts.not_judged > 0 && ` ${plural(counts.not_judged, "connection")} could not be judged.`}</div>
      </section>
      {data === undefined ? error === null ? <Skeleton lines={4} /> : <Failure error={error} retry={() => void refetch()} /> : (
        <>
          <section className="card">
            <header><h3 className="grow">What would fare otherwise</h3><span className="t2">{plural(data.edges.length, "edge")}</span></header>
            {data.edges.length === 0 ? <p className="body t2">No connection so far.</p> : (
              <div className="table-wrap"><table>
                <thead><tr><th>Edge</th><th>Application, port</th><th>Would be</th><th className="right">Connections</th><th>Why</th><th className="right">Last</th></tr></thead>
                <tbody>{data.edges.slice(0, 200).map((each, i) => (
                  <tr key={i}>
                    <td className="nowrap"><a className="t1" href={serviceHash(each.service)} title={`decided on the side of ${shortName(each.service)}`}>{peerShort(each.edge.client)} → {peerShort(each.edge.server)}</a></td>
                    <td className="nowrap">{applicationAndPort(each.edge)}</td>
                    <td className="nowrap">{each.effect === "would-deny" ? <span className={each.expected ? "denied-text strong" : "denied-text"}><VerdictGlyph verdict="denied" size={13} /> denied{each.expected ? ", though expected" : ""}</span> : <span className="allowed-text"><VerdictGlyph verdict="allowed" size={13} /> allowed</span>}</td>
                    <td className="right">{count(each.connections)}</td><td className="t2">{each.because}</td><td className="right t2 nowrap">{ago(each.last_seen, now)}</td>
                  </tr>
                ))}</tbody>
              </table></div>
            )}
            {data.edges.length > 200 && <p className="body t3">{plural(data.edges.length - 200, "more edge")}</p>}
          </section>
          <section className="card"><header><h3>What the candidate changes</h3></header><Diff text={data.diff} /></section>
        </>
      )}
    </>
  );
}
