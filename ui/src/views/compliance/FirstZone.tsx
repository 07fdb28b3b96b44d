import { useMay } from "../../app/session";
import { toHash } from "../../app/url";
import { ButtonWithKey } from "../../look/ButtonWithKey";
import { setDraft } from "../policy/candidate";

const EXAMPLE = `apiVersion: bulkhead.dev/v1alpha1
kind: Zone
metadata: {name: cardholder-data}
spec:
  services: [shop/db]             # or namespaces, labels, cidrs, other zones
  owner: payments
  reason: PCI DSS scope
  conduits:                       # the only ways across the border
    - from: [{service: shop/api}]
      ports: [5432]
`;

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
        <header><h3 className="grow">A zone as a document</h3>{may && <span onClick={() => setDraft(EXAMPLE)}><ButtonWithKey label="Begin with this in the editor" href={toHash(["policies"], { tab: "edit" })} /></span>}</header>
        <pre className="mono-box" tabIndex={0}>{EXAMPLE}</pre>
      </section>
    </main>
  );
}
