import { Button, CopyButton, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { base } from "../../api/client";
import { frameworks as frameworksQuery } from "../../api/queries";
import { changeQuery, useRoute } from "../../app/router";
import { Failure, Skeleton } from "../../look/States";
import { plural } from "../../text/numbers";

/** Signed reports: opened to print, or taken along; whoever knows the key can check them without the server. */
export function Reports({ zones }: { zones: readonly string[] }) {
  const { query } = useRoute();
  const { data, error, refetch } = useQuery(frameworksQuery);
  const zone = zones.find((each) => each === query.zone);
  if (data === undefined) return <main className="page">{error === null ? <Skeleton lines={6} /> : <Failure error={error} retry={() => void refetch()} />}</main>;
  const address = (framework: string, format: string): string => `${base()}/api/v1/reports/${encodeURIComponent(framework)}?format=${format}${zone === undefined ? "" : `&zone=${encodeURIComponent(zone)}`}`;
  return (
    <main className="page reports" tabIndex={0}>
      <div className="row wrap">
        <Select label="About" data={[{ value: "", label: "the whole estate" }, ...zones.map((name) => ({ value: name, label: `zone ${name}` }))]} value={zone ?? ""} allowDeselect={false} onChange={(value) => changeQuery({ zone: value ?? undefined })} />
      </div>
      {data.items.map((framework) => {
        const lacks = framework.needs_zone && zone === undefined;
        return (
          <section key={framework.id} className="card">
            <header><h3 className="grow">{framework.title}</h3><span className="t2">{plural(framework.requirements, "requirement")}</span></header>
            <div className="body row wrap">
              <p className="t2 grow">{framework.about}{lacks && (zones.length === 0 ? " Most of it is about a zone: make one first." : " Most of it is about a zone: choose one above.")}</p>
              {!lacks && <span className="actions">
                <Button component="a" variant="filled" href={address(framework.id, "html")} target="_blank" rel="noopener">Open to print</Button>
                <Button component="a" variant="default" href={address(framework.id, "md")} download={`${framework.id}.md`}>Markdown</Button>
                <Button component="a" variant="default" href={address(framework.id, "json")} download={`${framework.id}.json`}>Signed JSON</Button>
              </span>}
            </div>
          </section>
        );
      })}
      <section className="card">
        <header><h3 className="grow">The key that signs them</h3><CopyButton value={data.key.pem}>{({ copied, copy }) => <Button variant="default" onClick={copy}>{copied ? "Copied" : "Copy the public key"}</Button>}</CopyButton></header>
        <div className="body"><p className="mono fingerprint">{data.key.fingerprint}</p><p className="t2 small">Note it somewhere else: <code>bulkhead report verify FILE --key {data.key.fingerprint.slice(0, 14)}…</code> then tells whether a report was changed, without this server.</p></div>
      </section>
    </main>
  );
}
