import type { Event, ServiceDetail } from "../../api/types";
import { useNow } from "../../app/now";
import { EventGlyph } from "../events/EventGlyph";
import { plural } from "../../text/numbers";
import { ago, full } from "../../text/times";

/** What changed what the service may do, or what is known of it. */
export function Timeline({ events, service }: { events: readonly Event[]; service: ServiceDetail }) {
  const now = useNow();
  return (
    <section className="card">
      <header><h3>Timeline</h3><span className="t2 grow">{plural(events.length, "event")} since {full(service.first_seen)}</span><a href={`#/events?service=${service.name}`}>All events</a></header>
      {events.length === 0 ? <p className="body t3">Nothing has happened to it since it was first seen.</p> : (
        <ol className="timeline">
          {events.slice(0, 20).map((event) => (
            <li key={event.id}><EventGlyph event={event} /><a className="grow t1" href={`#/events/${event.id}?service=${service.name}`}>{event.message}</a><time className="t3 small nowrap" dateTime={new Date(event.time).toISOString()} title={full(event.time)}>{ago(event.time, now)}</time></li>
          ))}
        </ol>
      )}
    </section>
  );
}
