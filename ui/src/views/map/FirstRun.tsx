import type { Status } from "../../api/types";
import { Headline } from "../../app/Headline";
import { useNow } from "../../app/now";
import { IconMap } from "../../look/icons";
import { plural } from "../../text/numbers";
import { span } from "../../text/times";

/** An empty estate: what comes next and when, and one thing to do. */
export function FirstRun({ status }: { status: Status | undefined }) {
  const now = useNow();
  const node = status?.nodes[0];
  return (
    <>
      <Headline icon={<IconMap size={18} stroke={1.8} />} detail={status?.sentence}>No connection has been seen yet.</Headline>
      <main className="page first-run">
        <div className="empty">
          <h2>{node === undefined ? "No node reports yet." : `Bulkhead watches ${node.name} since ${span(Math.max(0, now - (status?.started ?? now)))}.`}</h2>
          <p>
            {node === undefined
              ? "The agent attaches to the containers of this host as soon as it runs. Check it with bulkhead status."
              : `${plural(node.health.endpoints, "endpoint")} attached. A service appears with its first container, an edge with its first packet, usually within a second.`}
          </p>
        </div>
        <ol className="steps">
          <li><strong>Learn.</strong> Everything passes. Bulkhead notes who talks to whom, and says for every service how likely something unseen still is.</li>
          <li><strong>Monitor.</strong> Once enough has been seen, usually after days, the policy is written. Everything passes still; what it would deny is shown here.</li>
          <li><strong>Enforce.</strong> When nothing right would have been denied, the wall closes: what is outside of a nano-segment is dropped at its first packet.</li>
        </ol>
        <p className="t2">To see all of it in minutes, start the demo beside it: <code>./dev demo --keep</code>, a small shop with a load and an attacker.</p>
        {(status?.not_covered ?? []).map((text) => <p key={text} className="t2">{text}</p>)}
      </main>
    </>
  );
}
