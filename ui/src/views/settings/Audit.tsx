import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, got } from "../../api/client";
import { audit as auditQuery } from "../../api/queries";
import { failed } from "../../app/notices";
import { Failure, Skeleton } from "../../look/States";
import { count } from "../../text/numbers";
import { full } from "../../text/times";

/** Who did what. Each entry holds the hash of the one before. */
export function Audit() {
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(auditQuery);
  const [answer, setAnswer] = useState<{ intact: boolean; sentence: string; head: string }>();
  if (data === undefined) return error === null ? <Skeleton lines={8} /> : <Failure error={error} />;
  const verify = () => got(api.GET("/api/v1/audit/verify")).then(setAnswer, failed);
  return (
    <>
      {answer !== undefined && <div className={answer.intact ? "empty" : "failure"}><h2>{answer.sentence}</h2><p className="t2 small">Newest hash: <span className="mono">{answer.head}</span></p></div>}
      <section className="card">
        <header><h3>Audit log</h3><span className="t2 grow">newest first</span><Button variant="default" onClick={() => void verify()}>Verify</Button></header>
        <div className="table-wrap"><table>
          <thead><tr><th className="right">No.</th><th>When</th><th>Who</th><th>Action</th><th>On</th><th>Detail</th><th>From</th></tr></thead>
          <tbody>{data.pages.flatMap((page) => page.items).map((entry) => <tr key={entry.sequence}><td className="right t3">{count(entry.sequence)}</td><td className="nowrap">{full(entry.time)}</td><td><b>{entry.actor}</b> <span className="t3">{entry.role}</span></td><td className="mono">{entry.action}</td><td>{entry.target}</td><td className="t2">{entry.detail}</td><td className="mono t3">{entry.address}</td></tr>)}</tbody>
        </table></div>
        {hasNextPage && <p className="body"><button type="button" className="link" onClick={() => void fetchNextPage()}>{isFetchingNextPage ? "Reading…" : "Older entries"}</button></p>}
      </section>
    </>
  );
}
