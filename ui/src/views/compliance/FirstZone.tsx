import { useMay } from "../../app/session";
import { toHash } from "../../app/url";
import { ButtonWithKey } from "../../look/ButtonWithKey";
import { setDraft } from "../policy/candidate";
import { ZONE } from "../policy/starters";

/** What a zone is for, and one to begin with. */
export function FirstZone() {
  const may = useMay("operator");
  return (
    <main className="page first-zone">
      <div className="empty">
        <h2>A zone says who belongs together, and what may cross its border.</h2>
        <p>Bulkhead then proves, over every flow that the policies allow, that nothing else crosses; it names whoever could get in over others, and compares the proof with the traffic that was seen. Reports for PCI DSS, NIST and CIS are made of that.</p>
      </div>
      <section className="card">
        <header><h3 className="grow">A zone as a document</h3>{may && <span onClick={() => setDraft(ZONE)}><ButtonWithKey label="Begin with this in the editor" href={toHash(["policies"], { tab: "edit" })} /></span>}</header>
        <pre className="mono-box" tabIndex={0}>{ZONE}</pre>
      </section>
    </main>
  );
}
