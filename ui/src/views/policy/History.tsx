import { Button, Modal } from "@mantine/core";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, got } from "../../api/client";
import { history as historyQuery, refresh } from "../../api/queries";
import type { ApplyResult } from "../../api/types";
import { failed, notice } from "../../app/notices";
import { useNow } from "../../app/now";
import { changeQuery, useRoute } from "../../app/router";
import { useMay } from "../../app/session";
import { Diff } from "../../look/Diff";
import { Empty, Failure, Skeleton } from "../../look/States";
import { count } from "../../text/numbers";
import { ago, full } from "../../text/times";
import { ApplyPreview } from "./ApplyPreview";

/** Every state that the documents were in; each can hold again. */
export function History() {
  const { query } = useRoute();
  const wanted = query.revision === undefined ? undefined : Number(query.revision);
  // A link may lead to a revision that is older than the first page: then the list begins with it.
  const [start] = useState(wanted);
  const newest = useInfiniteQuery(historyQuery(undefined));
  const first = useMemo(() => newest.data?.pages.flatMap((page) => page.items) ?? [], [newest.data]);
  const far = start !== undefined && newest.data !== undefined && first.every((each) => each.revision > start);
  const linked = useInfiniteQuery({ ...historyQuery((start ?? 0) + 1), enabled: far });
  const { data, error, refetch, hasNextPage, fetchNextPage } = far ? linked : newest;
  const items = useMemo(() => (far ? (linked.data?.pages.flatMap((page) => page.items) ?? []) : first), [far, linked.data, first]);
  const [restoring, setRestoring] = useState<{ revision: number; preview?: ApplyResult; error?: unknown }>();
  const may = useMay("operator");
  const now = useNow();
  const client = useQueryClient();
  if (data === undefined) return <main className="page">{error === null ? <Skeleton lines={8} /> : <Failure error={error} retry={() => void refetch()} />}</main>;
  const chosen = wanted === undefined ? items[0] : items.find((each) => each.revision === wanted);
  const ask = (revision: number) => {
    setRestoring({ revision });
    got(api.POST("/api/v1/policies/restore", { body: { revision, dry_run: true } })).then((preview) => setRestoring({ revision, preview }), (failure: unknown) => setRestoring({ revision, error: failure }));
  };
  const restore = (revision: number) => {
    got(api.POST("/api/v1/policies/restore", { body: { revision } })).then(async (result) => {
      notice(result.sentence);
      setRestoring(undefined);
      await refresh(client);
    }, failed);
  };
  if (items.length === 0 && wanted === undefined) return <main className="page"><Empty title="No revision yet."><p>The first document makes the first revision.</p></Empty></main>;
  return (
    <main className="master chosen-both">
      <div className="list"><div className="scroll" tabIndex={0}>
        {items.map((each) => (
          <button key={each.revision} type="button" className={`list-row policy-row ${each === chosen ? "on" : ""}`} onClick={() => changeQuery({ revision: each.revision })}>
            <span className="ellipsis"><b>Revision {count(each.revision)}</b></span><span className="t3 small" title={full(each.time)}>{ago(each.time, now)}</span>
            <span className="ellipsis t2 small">{each.summary}</span><span className="t3 small">{each.actor}</span>
          </button>
        ))}
        {hasNextPage && <button type="button" className="link more-events" onClick={() => void fetchNextPage()}>Older revisions</button>}
      </div></div>
      <div className="detail" tabIndex={0}>
        {chosen === undefined ? <Empty title="That revision is no longer stored."><p>Old revisions are removed after the time that the settings say.</p></Empty> : <section className="card">
          <header><h2 className="grow">Revision {count(chosen.revision)}</h2><span className="t3">{full(chosen.time)} by {chosen.actor}</span>{may && chosen !== first[0] && <Button variant="default" onClick={() => ask(chosen.revision)}>Restore…</Button>}</header>
          <p className="body">{chosen.summary}</p>
          <Diff text={chosen.diff} />
        </section>}
      </div>
      <Modal opened={restoring !== undefined} onClose={() => setRestoring(undefined)} size={720} title={`Restore revision ${restoring?.revision ?? ""}?`}>
        <div className="dialog">
          {restoring?.error !== undefined ? <Failure error={restoring.error} /> : restoring?.preview === undefined ? <Skeleton lines={4} /> : <ApplyPreview result={restoring.preview} />}
          <div className="actions"><Button variant="filled" disabled={restoring?.preview === undefined} onClick={() => restoring !== undefined && restore(restoring.revision)}>Restore</Button><Button variant="default" onClick={() => setRestoring(undefined)}>Cancel</Button></div>
        </div>
      </Modal>
    </main>
  );
}
