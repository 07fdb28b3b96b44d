import { useQuery } from "@tanstack/react-query";
import { services as servicesQuery } from "../../api/queries";
import { useNow } from "../../app/now";
import { serviceHash } from "../../app/url";
import { ModeGlyph, VerdictGlyph } from "../../look/Glyphs";
import { count, plural } from "../../text/numbers";
import { ago, full, span } from "../../text/times";
import { shortName } from "../../text/words";
import { lately, type Promoted } from "./lately";

const SHOWN = 12;

/** What became of the services that were promoted lately: how far their watch is, and what it found. */
export function Lately() {
  const { data } = useQuery(servicesQuery);
  const now = useNow();
  const promoted = lately(data?.items ?? [], now);
  if (promoted.length === 0) return null;
  return (
    <section className="lately" aria-label="Promoted lately" tabIndex={0}>
      <h2 className="small t2 nowrap">Promoted lately</h2>
      <ul>
        {promoted.slice(0, SHOWN).map((each) => (
          <li key={each.service.name}>
            <a className="lately-one" href={serviceHash(each.service.name)} title={each.service.progress.stage === "rolled-back" ? each.service.progress.reason : full(each.at)}>
              <ModeGlyph mode={each.service.mode} size={11} /> <b>{shortName(each.service.name)}</b> <span className="t2 nowrap">{words(each, now)}</span>
              {each.denied > 0 && <span className="denied-text strong nowrap"><VerdictGlyph verdict="denied" size={12} /> {count(each.denied)} denied</span>}
              {each.state === "watched" && <i className="watch" aria-hidden="true"><i style={{ width: `${each.share * 100}%` }} /></i>}
            </a>
          </li>
        ))}
        {promoted.length > SHOWN && <li className="t3 small nowrap">{plural(promoted.length - SHOWN, "more service")}</li>}
      </ul>
    </section>
  );
}

function words({ service, state, at }: Promoted, now: number): string {
  const { progress } = service;
  if (state === "watched" && progress.stage === "canary") return progress.until > now ? `watched for ${span(progress.until - now)} more` : "the watch is over";
  return state === "settled" ? `settled ${ago(at, now)}` : `taken back ${ago(at, now)}`;
}
