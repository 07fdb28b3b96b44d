import type { Event } from "../../api/types";
import { useRoute } from "../../app/router";
import { toHash } from "../../app/url";
import { plural } from "../../text/numbers";
import { clock, span } from "../../text/times";
import { EventGlyph } from "./EventGlyph";
import { lastTime, storyOf } from "./reduce";

const MARKS = 60;

/** What else happened to the same service around that time, in order. */
export function Unfolded({ event, events }: { event: Event; events: readonly Event[] }) {
  const { query } = useRoute();
  const all = storyOf(event, events);
  if (all.length < 2) return null;
  const at = all.indexOf(event);
  const first = Math.max(0, Math.min(all.length - MARKS, at - MARKS / 2));
  const story = all.slice(first, first + MARKS);
  const from = story[0]?.time ?? 0;
  const to = Math.max(from + 1000, ...story.map(lastTime));
  // As wide as a mark is, of a line that is narrow on a phone.
  const places = spread(story.map((each) => (each.time - from) / (to - from)), window.innerWidth <= 760 ? 0.09 : 0.035);
  return (
    <section className="card unfolded">
      <div className="unfolded-title"><b>How it unfolded</b><br /><span className="t2 small">{plural(all.length, "event")} in {span(to - from)}</span></div>
      <div className="unfolded-line">
        <i className="unfolded-axis" aria-hidden="true" />
        {story.map((each, i) => (
          <a key={each.id} href={toHash(["events", String(each.id)], query)} className={`unfolded-mark ${each.type} ${each === event ? "on" : ""}`} style={{ left: `${(places[i] ?? 0) * 100}%` }} title={`${clock(each.time)} ${each.message}`} aria-label={`${clock(each.time)}: ${each.message}`} aria-current={each === event ? "true" : undefined}>
            <EventGlyph event={each} size={14} />
          </a>
        ))}
        <span className="unfolded-time micro t3">{clock(from)}</span><span className="unfolded-time end micro t3">{clock(to)}</span>
      </div>
    </section>
  );
}

/** Shares of a line, ascending, moved as little as it takes that marks stand beside each other. */
export function spread(at: readonly number[], wide = 0.035): number[] {
  const gap = Math.min(wide, 1 / Math.max(1, at.length - 1));
  const out = [...at];
  for (let i = 1; i < out.length; i++) out[i] = Math.max(out[i] ?? 0, (out[i - 1] ?? 0) + gap);
  let most = 1;
  for (let i = out.length - 1; i >= 0; i--) {
    out[i] = Math.min(out[i] ?? 0, most);
    most = (out[i] ?? 0) - gap;
  }
  return out;
}
