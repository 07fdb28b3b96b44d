import { Button, Checkbox, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { api, got } from "../../api/client";
import { refresh, review as reviewQuery } from "../../api/queries";
import type { Decision, ReviewItem, ReviewRequest } from "../../api/types";
import { Headline } from "../../app/Headline";
import { useKeys } from "../../app/keys";
import { failed, notice } from "../../app/notices";
import { changeQuery, go, useRoute } from "../../app/router";
import { useMay } from "../../app/session";
import { toHash } from "../../app/url";
import { ButtonWithKey } from "../../look/ButtonWithKey";
import { IconCheck, IconFilter } from "../../look/icons";
import { Empty, Failure, Skeleton } from "../../look/States";
import { count, plural } from "../../text/numbers";
import { ruleTitle } from "../../text/sentences";
import { shortName } from "../../text/words";
import { ByHand } from "./ByHand";
import { ByPattern } from "./ByPattern";
import { Item } from "./Item";
import { setLast, useLast } from "./last";
import { Lately } from "./Lately";
import { kindOf, like, parseKind, patternOf, patternQuery } from "./pattern";
import { Rehearsal, WORDS } from "./Rehearsal";
import "./review.css";

/** What the queue can be narrowed to. */
const KINDS = [["learned", "Learned"], ["declared", "Declared, never seen"], ["proposal", "Stands for many"]] as const;

interface Question { request: ReviewRequest; decision: Decision; title: string }

/** Learned rules as a queue: one decision each, or one for all that fit a pattern. Every decision can be taken back. */
export default function ReviewView() {
  const { path, query } = useRoute();
  const all = query.all === "1";
  const list = useQuery(reviewQuery(all));
  const may = useMay("operator");
  const client = useQueryClient();
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const [narrow, setNarrow] = useState<string>();
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const [question, setQuestion] = useState<Question>();
  const last = useLast();
  const kind = parseKind(query.kind);
  const pattern = patternOf(query);
  const text = (query.q ?? "").toLowerCase();
  const items = useMemo(() => {
    const words = text.split(/\s+/);
    // What is odd first: the rest can be accepted in bulk.
    return (list.data?.items ?? []).filter((item) => { const of = `${item.service} ${item.rule} ${item.flags.join(" ")}`.toLowerCase(); return (kind === undefined || kindOf(item) === kind) && words.every((word) => of.includes(word)); })
      .sort((a, b) => Number(a.decision !== null && a.decision !== undefined) - Number(b.decision !== null && b.decision !== undefined) || Number(b.flags.length > 0) - Number(a.flags.length > 0) || (a.service < b.service ? -1 : 1));
  }, [list.data, text, kind]);
  const phone = window.innerWidth <= 760;
  const chosen = items.find((item) => item.id === path[1]) ?? (phone || path[1] !== undefined ? undefined : items[0]);
  const at = chosen === undefined ? -1 : items.indexOf(chosen);
  const open = (item: ReviewItem | undefined) => { if (item !== undefined) { setNarrow(undefined); go(toHash(["review", item.id], query)); } };
  const send = async (request: ReviewRequest, decision: Decision): Promise<boolean> => {
    try {
      const result = await got(api.POST("/api/v1/review", { body: request }));
      // Exactly these rules, each as it was: not whatever else fits the same pattern by then.
      const back: ReviewRequest | undefined = decision === "undo" ? undefined : { decisions: result.undo ?? [] };
      setLast(back);
      notice(`${plural(result.decided, "rule")} ${WORDS[decision]}; policy revision ${count(result.revision)}.`, "", back === undefined ? undefined : { label: "Take back", act: () => void send(back, "undo") });
      setMarked(new Set());
      setNarrow(undefined);
      await refresh(client);
      return true;
    } catch (error) {
      failed(error);
      return false;
    }
  };
  /** One rule stands on the screen as it would be written: no second question. */
  const decideOne = (decision: Decision) => {
    if (chosen === undefined || busy) return;
    setBusy(true);
    const after = items[at + 1] ?? items[at - 1];
    const here = window.location.hash;
    void send({ decisions: [narrow !== undefined && decision === "accept" ? { id: chosen.id, decision, narrow } : { id: chosen.id, decision }] }, decision).then((done) => {
      // Who has gone elsewhere meanwhile stays there.
      if (done && !all && window.location.hash === here) open(after);
    }).finally(() => setBusy(false));
  };
  const decided = (item: ReviewItem | undefined): boolean => item?.decision !== null && item?.decision !== undefined;
  const act = (decision: Decision) => () => {
    if (marked.size > 0) setQuestion({ request: { decisions: [...marked].map((id) => ({ id, decision })) }, decision, title: `Decide ${plural(marked.size, "marked rule")}?` });
    else if (decision !== "undo" || decided(chosen)) decideOne(decision);
    else takeBack();
  };
  const takeBack = () => { if (last !== undefined) setQuestion({ request: last, decision: "undo", title: "Take the last decision back?" }); };
  const byPattern = () => changeQuery(patternQuery(like(chosen, "accept")));
  useKeys(may ? {
    j: () => open(items[at + 1]), k: () => open(items[Math.max(0, at - 1)]), a: act("accept"), r: act("reject"), t: marked.size > 0 || chosen === undefined || kindOf(chosen) === "learned" ? act("attack") : undefined, u: act("undo"), p: byPattern, "/": () => input.current?.focus(),
    h: () => { if (chosen !== undefined) changeQuery({ hand: query.hand === "1" ? undefined : 1 }); },
    x: () => { if (chosen !== undefined) setMarked(toggled(marked, chosen.id)); },
  } : { j: () => open(items[at + 1]), k: () => open(items[Math.max(0, at - 1)]) });

  const of = (key: string): number => (list.data?.items ?? []).filter((item) => kindOf(item) === key).length;
  const kinds = KINDS.filter(([key]) => of(key) > 0 || kind === key);
  const undecided = list.data?.undecided ?? 0;
  const odd = items.filter((item) => kindOf(item) === "learned" && item.flags.length > 0 && (item.decision === null || item.decision === undefined)).length;
  return (
    <>
      <Headline icon={<IconCheck size={18} />} detail={undecided === 0 ? "Rules appear here as services are learned." : "What is accepted becomes a rule of your own; what is rejected is never learned again."}
        actions={<>{may && last !== undefined && <ButtonWithKey label="Take back" hint="U" onClick={takeBack} />}{may && <ButtonWithKey label="Decide by pattern" hint="P" onClick={byPattern} />}<button type="button" className="link" onClick={() => changeQuery({ all: !all && 1 })}>{all ? "Only undecided" : "Show decided too"}</button></>}>
        {list.data === undefined ? "Learned rules" : undecided === 0 ? "No rule waits for a decision." : `${plural(undecided, "rule")} ${undecided === 1 ? "waits" : "wait"} for a decision${odd > 0 ? `; ${odd === 1 ? "one is" : `${count(odd)} are`} odd` : ""}.`}
      </Headline>
      <Lately />
      <main className={`master review ${path[1] === undefined ? "" : "chosen"}`}>
        <div className="list">
          <div className="list-tools">
            <TextInput ref={input} className="grow" leftSection={<IconFilter size={14} />} rightSection={<kbd aria-hidden="true">/</kbd>} placeholder="service, peer, port" aria-label="Show only rules that contain" value={query.q ?? ""} onChange={(event) => changeQuery({ q: event.currentTarget.value })} />
            {kinds.length > 1 && (
              <div className="segments" role="group" aria-label="Show only">
                {kinds.map(([key, word]) => <button key={key} type="button" aria-pressed={kind === key} onClick={() => changeQuery({ kind: kind === key ? undefined : key })}>{word} {count(of(key))}</button>)}
              </div>
            )}
            {may && items.length > 1 && <Checkbox size="xs" label={marked.size === 0 ? `Mark all ${count(items.length)}` : `${count(marked.size)} marked`} checked={marked.size > 0 && marked.size === items.length} indeterminate={marked.size > 0 && marked.size < items.length} onChange={(event) => setMarked(event.currentTarget.checked ? new Set(items.map((item) => item.id)) : new Set())} />}
          </div>
          {list.data === undefined ? list.isError ? <div className="page"><Failure error={list.error} retry={() => void list.refetch()} /></div> : <Skeleton lines={8} /> : items.length === 0 ? (
            <div className="page"><Empty title={text !== "" || kind !== undefined ? "No rule fits the filter." : "Nothing to decide."}><p>{text !== "" || kind !== undefined ? "Take a word out of it." : "Every learned rule has its decision, or none has been learned yet."}</p></Empty></div>
          ) : (
            <ul className="scroll" tabIndex={0}>
              {items.slice(0, 500).map((item) => (
                <li key={item.id} className={`review-row ${item === chosen ? "on" : ""}`}>
                  {may && <Checkbox size="xs" aria-label={`Mark ${item.service} ${item.rule}`} checked={marked.has(item.id)} onChange={() => setMarked(toggled(marked, item.id))} />}
                  <a href={toHash(["review", item.id], query)} className="grow" onClick={() => setNarrow(undefined)}>
                    <span className="row"><span className="ellipsis grow t1"><b>{shortName(item.service)}</b> {ruleTitle(item)}</span>{item.decision !== null && item.decision !== undefined && <span className="small t2 nowrap">{WORDS[item.decision.decision]}</span>}</span>
                    <span className="small t2 ellipsis block">{itemLine(item)}</span>
                  </a>
                </li>
              ))}
            </ul>
          )}
          <div className="keys"><span><kbd>J</kbd><kbd>K</kbd>move</span>{may && <span><kbd>X</kbd>mark</span>}</div>
        </div>
        <div className="detail" tabIndex={0}>
          <a className="back" href={toHash(["review"], query)}>‹ All rules</a>
          {chosen === undefined ? <Empty title={path[1] === undefined ? "Choose a rule." : "That rule has its decision."} /> : (
            <>
              <Item item={chosen} narrow={narrow} setNarrow={may ? setNarrow : undefined} />
              {may && (query.hand === "1" ? <ByHand key={chosen.id} item={chosen} check={(rule) => setQuestion({ request: { decisions: [{ id: chosen.id, decision: "accept", rule }] }, decision: "accept", title: "Accept the rule as it is written?" })} /> : null)}
              {may && (
                <div className="actions decide">
                  {marked.size > 0 && <b>{plural(marked.size, "marked rule")}:</b>}
                  <ButtonWithKey label={narrow !== undefined && marked.size === 0 ? "Accept narrowed" : "Accept"} hint="A" variant="filled" loading={busy} onClick={act("accept")} />
                  <ButtonWithKey label="Reject" hint="R" onClick={act("reject")} />{(marked.size > 0 || kindOf(chosen) === "learned") && <ButtonWithKey label="It is an attack" hint="T" onClick={act("attack")} />}
                  {marked.size === 0 && query.hand !== "1" && <ButtonWithKey label="Write by hand" hint="H" onClick={() => changeQuery({ hand: 1 })} />}
                  {(marked.size > 0 || decided(chosen)) && <ButtonWithKey label="Undo" hint="U" onClick={act("undo")} />}
                  {marked.size > 0 && <Button variant="subtle" onClick={() => setMarked(new Set())}>Unmark</Button>}
                </div>
              )}
            </>
          )}
        </div>
      </main>
      {may && question !== undefined && <Rehearsal {...question} close={() => setQuestion(undefined)} apply={async (request) => { if (await send(request, question.decision)) setQuestion(undefined); }} />}
      {may && question === undefined && pattern !== undefined && <ByPattern pattern={pattern} apply={async (request) => { if (await send(request, request.pattern?.decision ?? pattern.decision)) changeQuery(patternQuery(undefined)); }} />}
    </>
  );
}

function itemLine(item: ReviewItem): string {
  return item.flags[0] ?? `${plural(item.evidence.reduce((n, edge) => n + edge.connections, 0), "connection")}, nothing odd`;
}

function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}
