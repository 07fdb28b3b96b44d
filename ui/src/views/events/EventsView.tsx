import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { event as eventQuery, status as statusQuery } from "../../api/queries";
import type { Event } from "../../api/types";
import { Headline } from "../../app/Headline";
import { useKeys } from "../../app/keys";
import { useNow } from "../../app/now";
import { changeQuery, go, useRoute } from "../../app/router";
import { toHash } from "../../app/url";
import { IconBell, IconFilter } from "../../look/icons";
import { Empty, Failure, Skeleton } from "../../look/States";
import { VerdictGlyph } from "../../look/Glyphs";
import { count, plural } from "../../text/numbers";
import { briefly } from "../../text/times";
import { peerShort, portText, shortName } from "../../text/words";
import { EventActions, EventDetail } from "./EventDetail";
import { EventGlyph } from "./EventGlyph";
import { countOf, GROUPS, lastTime, standing, textOf, type Group } from "./reduce";
import { useEvents } from "./useEvents";
import "./events.css";

export default function EventsView() {
  const { path, query } = useRoute();
  const group = query.group !== undefined && query.group in GROUPS ? (query.group as Group) : undefined;
  const { events, pages, lost, liveness, older, more } = useEvents(group, query.service);
  const status = useQuery(statusQuery);
  const now = useNow();
  const text = (query.q ?? "").toLowerCase();
  const filter = `${group ?? ""} ${query.service ?? ""} ${text}`;
  const [held, setHeld] = useState<{ of: string; events: readonly Event[] }>();
  const stands = held?.of === filter ? held.events : undefined;
  const { events: listed, above } = useMemo(() => (stands === undefined ? { events, above: 0 } : standing(stands, events)), [stands, events]);
  const shown = useMemo(() => {
    const words = text.split(/\s+/).filter((word) => word !== "");
    return words.length === 0 ? listed : listed.filter((event) => { const of = textOf(event); return words.every((word) => of.includes(word)); });
  }, [listed, text]);
  // Nobody chose: the newest of when the list was opened, and not another one with each that comes.
  const [first, setFirst] = useState<{ of: string; event: Event }>();
  if (first?.of !== filter && shown[0] !== undefined) setFirst({ of: filter, event: shown[0] });
  const opened = first?.of === filter ? (shown.find((event) => event.id === first.event.id) ?? first.event) : shown[0];
  const wanted = path[1] === undefined ? undefined : Number(path[1]);
  const index = wanted === undefined ? -1 : shown.findIndex((event) => event.id === wanted);
  const phone = window.innerWidth <= 760;
  // A link may lead to an event that is older than the list, or hidden by its filter.
  const linked = useQuery({ ...eventQuery(wanted ?? 0), enabled: wanted !== undefined && index < 0 && !pages.isPending });
  const chosen: Event | undefined = index >= 0 ? shown[index] : wanted !== undefined ? (linked.data ?? undefined) : phone ? undefined : opened;
  const at = chosen === undefined ? -1 : shown.indexOf(chosen);
  const open = (event: Event | undefined) => { if (event !== undefined) go(toHash(["events", String(event.id)], query)); };
  const input = useRef<HTMLInputElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: shown.length, getScrollElement: () => box.current, estimateSize: () => 54, overscan: 10 });
  useKeys({ j: () => open(shown[at + 1]), k: () => open(shown[Math.max(0, at - 1)]), "/": () => input.current?.focus(), Escape: () => go(toHash(["events"], query)) });
  useEffect(() => {
    if (at >= 0 && wanted !== undefined) rows.scrollToIndex(at, { align: "auto" });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- follows the choice, not what comes in
  }, [wanted]);

  const denied = status.data?.denied_24h ?? 0;
  const would = status.data?.would_deny_24h ?? 0;
  const headline = chosen !== undefined ? chosen.message : denied > 0 ? `${plural(denied, "connection")} denied in 24 hours.` : "Nothing was denied in 24 hours.";
  const tone = chosen?.type === "denied" ? "denied" : chosen?.type === "would-deny" ? "would-deny" : "quiet";
  return (
    <>
      <Headline tone={tone} icon={chosen === undefined ? <IconBell size={18} /> : <EventGlyph event={chosen} size={20} />}
        detail={chosen === undefined ? `${plural(would, "connection")} would have been.` : `Event ${count(chosen.id)}. In 24 hours ${plural(denied, "connection")} ${denied === 1 ? "was" : "were"} denied, ${count(would)} would have been.`}
        actions={chosen === undefined ? undefined : <EventActions event={chosen} />}>
        {headline}
      </Headline>
      <main className={`master events ${wanted !== undefined && chosen !== undefined ? "chosen" : ""}`}>
        <div className="list">
          <div className="list-tools">
            <TextInput ref={input} className="grow" leftSection={<IconFilter size={14} />} rightSection={<kbd aria-hidden="true">/</kbd>} placeholder="service, port, process" aria-label="Show only events that contain" value={query.q ?? ""} onChange={(event) => changeQuery({ q: event.currentTarget.value })} />
            <div className="segments" role="group" aria-label="Show only events of a kind">
              {(Object.keys(GROUPS) as Group[]).map((each) => <button key={each} type="button" aria-pressed={group === each} onClick={() => changeQuery({ group: group === each ? undefined : each })}>{each}</button>)}
            </div>
            {query.service !== undefined && <button type="button" className="chip outline" onClick={() => changeQuery({ service: undefined })} aria-label={`Only ${query.service}; show all`}>only {shortName(query.service)} ×</button>}
          </div>
          {lost > 0 && <p className="small t2 lost">{plural(lost, "event")} came too fast to be shown as they happened; the list was read again.</p>}
          {pages.isPending ? <Skeleton lines={8} /> : pages.isError && events.length === 0 ? <div className="page"><Failure error={pages.error} retry={() => void pages.refetch()} /></div> : shown.length === 0 ? (
            <div className="page"><Empty title={text !== "" || group !== undefined ? "No event fits the filter." : "Nothing has happened yet."}><p>{text !== "" || group !== undefined ? "Take a word or the kind out of it." : "A denial appears here within a second."}</p></Empty></div>
          ) : (
            <div className="scroll" ref={box} tabIndex={0} role="region" aria-label="Events" onScroll={(event) => {
              const down = event.currentTarget.scrollTop > 30;
              if (down !== (stands !== undefined)) setHeld(down ? { of: filter, events } : undefined);
            }}>
              {above > 0 && <button type="button" className="chip outline events-above" onClick={() => box.current?.scrollTo({ top: 0 })}>{plural(above, "newer event")} ↑</button>}
              <div style={{ height: rows.getTotalSize(), position: "relative" }} role="listbox" aria-label="Events, newest first">
                {rows.getVirtualItems().map((row) => {
                  const event = shown[row.index];
                  if (event === undefined) return null;
                  return (
                    <a key={event.id} role="option" aria-selected={event === chosen} href={toHash(["events", String(event.id)], query)} className={`list-row event-row ${event === chosen ? "on" : ""}`} style={{ transform: `translateY(${row.start}px)` }}>
                      <EventGlyph event={event} /><span className="ellipsis strong">{titleOf(event)}</span><b>{countOf(event) === undefined ? "" : count(countOf(event) ?? 0)}</b>
                      <span /><span className="ellipsis t2 small">{subtitleOf(event)}</span><span className="t3 small num">{briefly(lastTime(event), now)}</span>
                    </a>
                  );
                })}
              </div>
              {more && <button type="button" className="link more-events" onClick={older}>{pages.isFetchingNextPage ? "Reading…" : "Older events"}</button>}
            </div>
          )}
          <div className="keys"><span><kbd>J</kbd><kbd>K</kbd>move</span><span className="grow" /><span className="t3">{liveness === "live" ? "live" : liveness === "lost" ? "reconnecting" : "connecting"}</span></div>
        </div>
        <div className="detail" tabIndex={0}><a className="back" href={toHash(["events"], query)}>‹ All events</a>{chosen === undefined ? <Empty title={wanted === undefined ? "Choose an event." : linked.isFetching ? "Reading the event…" : "That event is no longer stored."}><p>{wanted === undefined ? "" : linked.isFetching ? "" : "Older events are removed after the time that the settings say."} <VerdictGlyph verdict="allowed" /></p></Empty> : <EventDetail event={chosen} events={events} />}</div>
      </main>
    </>
  );
}

function titleOf(event: Event): string {
  switch (event.type) {
    case "denied":
    case "would-deny":
    case "new-edge": return `${peerShort(event.edge.client)} → ${peerShort(event.edge.server)}`;
    case "scan": return `${peerShort(event.client)} scanned`;
    case "spoof": return `${event.service === null || event.service === undefined ? "a workload" : shortName(event.service)} spoofed`;
    case "mode-changed": return `${shortName(event.service)} to ${event.to}`;
    case "policy-changed": return `Policy revision ${count(event.revision)}`;
    case "trial": return event.running ? `Trial ${event.trial} began` : `Trial ${event.trial} ended`;
    case "proposal": return `Proposal ${event.proposal} ${event.state}`;
    case "learning": return shortName(event.service);
    case "workload-started": return `${event.name} started`;
    case "workload-stopped": return `${event.name} stopped`;
    case "degraded":
    case "recovered":
    case "lost": return event.what;
  }
}

function subtitleOf(event: Event): string {
  switch (event.type) {
    case "denied":
    case "would-deny": return `${event.edge.protocol} ${portText(event.edge.protocol, event.edge.port)}, ${event.process?.executable.split("/").pop() ?? event.workload_name ?? event.reason}`;
    case "new-edge": return `new edge, ${event.edge.protocol} ${portText(event.edge.protocol, event.edge.port)}`;
    case "scan": return `${plural(event.peers, "peer")}, ${plural(event.ports, "port")}`;
    case "mode-changed": return `by ${event.actor}`;
    case "policy-changed":
    case "proposal": return event.summary;
    case "trial": return event.running ? `by ${event.actor}` : `${plural(event.would_deny, "connection")} would be denied, ${event.expected} expected`;
    case "learning": return event.sentence;
    default: return event.type;
  }
}
