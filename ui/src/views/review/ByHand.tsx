import { Button, Textarea } from "@mantine/core";
import { useState } from "react";
import type { ReviewItem } from "../../api/types";
import { changeQuery } from "../../app/router";
import { kindOf } from "./pattern";

/** The rule as text: it may be made to allow less, and the server refuses it where it would allow more. */
export function ByHand({ item, check }: { item: ReviewItem; check: (rule: string) => void }) {
  const [text, setText] = useState(item.decision?.rule ?? item.yaml);
  const same = text.trim() === item.yaml.trim();
  return (
    <section className="card">
      <header><h3 className="grow">Written by hand</h3><Button variant="subtle" onClick={() => changeQuery({ hand: undefined })}>Close</Button></header>
      <div className="body dialog">
        <p className="t2">{kindOf(item) === "proposal" ? "This is a suggestion: say it otherwise where you know better." : "Make it allow less: fewer peers, fewer ports, an application. Where it would allow more, it is refused."}</p>
        <Textarea aria-label="The rule as YAML" className="by-hand" autosize minRows={4} maxRows={16} spellCheck={false} value={text} onChange={(event) => setText(event.currentTarget.value)} />
        <div className="actions"><Button variant="default" disabled={same || text.trim() === ""} onClick={() => check(text)}>See what changes…</Button>{same && <span className="t3 small">It is as it was learned so far.</span>}</div>
      </div>
    </section>
  );
}
