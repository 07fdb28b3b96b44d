import { Button, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { api, got } from "../../api/client";
import * as queries from "../../api/queries";
import type { Explanation, Peer } from "../../api/types";
import { changeQuery, useRoute } from "../../app/router";
import { useMay } from "../../app/session";
import { serviceHash, toHash } from "../../app/url";
import { VerdictChip } from "../../look/Chips";
import { VerdictGlyph } from "../../look/Glyphs";
import { IconQuestionMark } from "../../look/icons";
import { Sides } from "../../look/Sides";
import { Failure, Skeleton } from "../../look/States";
import { plural } from "../../text/numbers";
import { peerKey, peerPlace, peerShort } from "../../text/words";
import { AllowDialog } from "./AllowDialog";
import { parseQuestion, type Question } from "./question";

/** One box: may it, can it ever, who can. The question is in the address, so an answer can be linked. */
export function Ask() {
  const { query } = useRoute();
  const services = useQuery(queries.services);
  const [text, setText] = useState(query.ask ?? "");
  const names = services.data?.items.map((each) => each.name) ?? [];
  const asked = query.ask === undefined || services.data === undefined ? undefined : parseQuestion(query.ask, names);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    changeQuery({ ask: text.trim() }, true);
  };
  const [a, b] = [names[0]?.split("/")[1] ?? "web", names[1]?.split("/")[1] ?? "redis"];
  const examples = [`can ${a} reach ${b} on 443?`, `can ${a} ever reach ${b}?`, `who can reach ${b}?`];
  return (
    <main className="page ask">
      <form onSubmit={submit} className="ask-box">
        <TextInput size="md" className="grow" autoFocus leftSection={<IconQuestionMark size={16} />} placeholder="can web reach redis on 6379?" aria-label="Question about the policy in force" value={text} onChange={(event) => setText(event.currentTarget.value)} />
        <Button type="submit" variant="filled" disabled={text.trim() === ""}>Ask</Button>
      </form>
      <p className="small t2 examples">For example: {examples.map((each) => <button key={each} type="button" className="link" onClick={() => { setText(each); changeQuery({ ask: each }, true); }}>{each}</button>)}</p>
      {asked === undefined ? query.ask !== undefined && <Skeleton lines={3} /> : "error" in asked ? <p className="strong">{asked.error}</p> : asked.kind === "may" ? <May question={asked} /> : asked.kind === "reach" ? <Reaches question={asked} /> : <Who question={asked} />}
    </main>
  );
}

function May({ question }: { question: Question }) {
  const { from, to, port, protocol } = question;
  const answer = useQuery({ queryKey: ["explain", from, to, port, protocol], queryFn: () => got(api.POST("/api/v1/policy/explain", { body: { from, to, port, protocol } })) });
  if (answer.isError) return <Failure error={answer.error} />;
  if (answer.data === undefined) return <Skeleton lines={3} />;
  return <Explained answer={answer.data} />;
}

function Explained({ answer }: { answer: Explanation }) {
  const [allow, setAllow] = useState(false);
  const may = useMay("operator");
  return (
    <section className="card answer">
      <header><h2 className="grow">{answer.sentence}</h2><VerdictChip verdict={answer.verdict} /></header>
      <div className="body">
        <Sides egress={answer.egress} ingress={answer.ingress} />
        <p className="t2">{answer.seen ? "Such a connection has been seen." : "No such connection has ever been seen."}</p>
        {answer.allow_with !== null && answer.allow_with !== undefined && (
          <>
            <h3>What would allow it</h3>
            <pre className="mono-box" tabIndex={0}>{answer.allow_with.trimEnd()}</pre>
            {may && <div><Button variant="default" onClick={() => setAllow(true)}>Allow this…</Button></div>}
          </>
        )}
      </div>
      {allow && <AllowDialog edge={answer.edge} documents={answer.allow_with ?? null} close={() => setAllow(false)} />}
    </section>
  );
}

function Name({ peer }: { peer: Peer }) {
  return peer.kind === "service" ? <a href={serviceHash(peer.name)}><b className="t1">{peerShort(peer)}</b> <span className="t3">{peerPlace(peer)}</span></a> : <b>{peerShort(peer)}</b>;
}

function Reaches({ question }: { question: Question }) {
  const answer = useQuery(queries.reach(question.from, question.to));
  if (answer.isError) return <Failure error={answer.error} />;
  if (answer.data === undefined) return <Skeleton lines={3} />;
  const { data } = answer;
  return (
    <section className="card answer">
      <header><h2 className="grow">{data.sentence}</h2>{data.path.length > 0 ? <a href={toHash(["map"], { path: [...data.path.map((hop) => peerKey(hop.from)), peerKey(data.to)].join() })}>Show the way on the map</a> : data.from.kind === "service" && <a href={toHash(["map"], { focus: peerKey(data.from) })}>Show on map</a>}</header>
      <div className="body">
        {data.path.length === 0 ? <p className="t2">No way leads there, over any number of services.</p> : (
          <ol className="hops">{data.path.map((hop, i) => <li key={i}><Name peer={hop.from} /> <span className="allowed-text"><VerdictGlyph verdict="allowed" /></span> <Name peer={hop.to} /> <span className="t2 grow">{hop.through}</span><span className="t3 small">{hop.seen ? "seen" : "never seen"}</span></li>)}</ol>
        )}
        {question.port === 0 && <p className="t3 small">Asked over any number of hops and all ports. Name a port to ask for one connection: … on 6379.</p>}
      </div>
    </section>
  );
}

function Who({ question }: { question: Question }) {
  const answer = useQuery(queries.whoCanReach(question.to));
  if (answer.isError) return <Failure error={answer.error} />;
  if (answer.data === undefined) return <Skeleton lines={3} />;
  const { direct, indirect, sentence } = answer.data;
  return (
    <section className="card answer">
      <header><h2 className="grow">{sentence}</h2></header>
      <div className="table-wrap"><table>
        <thead><tr><th>Peer</th><th>Through</th><th className="right">Hops</th><th>Seen</th><th>Open because</th></tr></thead>
        <tbody>
          {[["May connect", direct], ["Gets there over others", indirect]].map(([title, list]) => {
            const rows = list as typeof direct;
            return [
              <tr key={title as string} className="group"><td colSpan={5}>{title as string}, {plural(rows.length, "peer")}</td></tr>,
              ...rows.map((each, i) => <tr key={`${title as string}${i}`}><td><Name peer={each.peer} /></td><td className="mono">{each.through}</td><td className="right">{each.hops}</td><td className="t2">{each.seen ? "yes" : "never"}</td><td className="t2">{each.open_because ?? "a rule allows it"}</td></tr>),
            ];
          })}
        </tbody>
      </table></div>
    </section>
  );
}
