import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import { services as servicesQuery } from "../../api/queries";
import type { Mode, ServiceSummary } from "../../api/types";
import { Headline } from "../../app/Headline";
import { useKeys } from "../../app/keys";
import { useNow } from "../../app/now";
import { changeQuery, go, useRoute } from "../../app/router";
import { serviceHash } from "../../app/url";
import { ModeGlyph } from "../../look/Glyphs";
import { IconCube, IconFilter } from "../../look/icons";
import { Ring } from "../../look/Ring";
import { Empty, Failure, Skeleton } from "../../look/States";
import { bound, count, plural } from "../../text/numbers";
import { ago } from "../../text/times";
import { modeWord, namespaceOf, shortName } from "../../text/words";
import { progressWord, sortServices, type SortKey } from "./sort";
import "./services.css";

const COLUMNS: [SortKey, string][] = [["name", "Service"], ["mode", "Mode"], ["bound", "Bound, next hour"], ["edges", "Edges"], ["workloads", "Workloads"], ["denied", "Denied, 24 h"], ["seen", "Last seen"]];

export default function ServicesView() {
  const { data, error, refetch } = useQuery(servicesQuery);
  const { query } = useRoute();
  const now = useNow();
  const sort = (query.sort ?? "name") as SortKey;
  const down = query.down === "1";
  const text = query.q ?? "";
  const mode = query.mode as Mode | undefined;
  const box = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => input.current?.focus() });
  const items = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/);
    const kept = (data?.items ?? []).filter((each) => words.every((word) => each.name.toLowerCase().includes(word)) && (mode === undefined || each.mode === mode));
    return sortServices(kept, sort, down);
  }, [data, text, mode, sort, down]);
  const rows = useVirtualizer({ count: items.length, getScrollElement: () => box.current, estimateSize: () => 44, overscan: 12 });

  if (data === undefined) return <><Headline icon={<IconCube size={18} />}>Services</Headline><main className="page">{error === null ? <Skeleton lines={10} /> : <Failure error={error} retry={() => void refetch()} />}</main></>;
  const ready = data.items.filter((each) => each.learning.ready && each.mode !== "enforce").length;
  const enforced = data.items.filter((each) => each.mode === "enforce").length;
  return (
    <>
      <Headline icon={<IconCube size={18} />} detail={ready > 0 ? `${plural(ready, "service")} met every gate and ${ready === 1 ? "waits" : "wait"} for promotion.` : "No service waits for promotion."}>
        {data.items.length === 0 ? "No service has been seen yet." : `${count(enforced)} of ${plural(data.items.length, "service")} ${enforced === 1 ? "is" : "are"} confined to what ${enforced === 1 ? "it does" : "they do"}.`}
      </Headline>
      <main className="services-view">
        <div className="toolbar-line">
          <TextInput ref={input} leftSection={<IconFilter size={14} />} rightSection={<kbd aria-hidden="true">/</kbd>} placeholder="service or namespace" aria-label="Show only services whose name contains" value={text} onChange={(event) => changeQuery({ q: event.currentTarget.value })} />
          <div className="segments" role="group" aria-label="Show only services in a mode">
            {(["learn", "monitor", "enforce", "quarantine"] as const).map((each) => (
              <button key={each} type="button" aria-pressed={mode === each} onClick={() => changeQuery({ mode: mode === each ? undefined : each })}><ModeGlyph mode={each} size={11} /> {modeWord(each)} <b>{count(data.items.filter((item) => item.mode === each).length)}</b></button>
            ))}
          </div>
        </div>
        {items.length === 0 ? <div className="page"><Empty title={data.items.length === 0 ? "No service has been seen yet." : "No service fits the filter."}><p>{data.items.length === 0 ? "A service appears with its first container." : "Take a word out of it."}</p></Empty></div> : (
          <div className="service-table" role="table" aria-label="Services" aria-rowcount={items.length}>
            <div role="row" className="service-row head micro">
              {COLUMNS.map(([key, title]) => (
                <span key={key} role="columnheader" aria-sort={sort === key ? (down ? "descending" : "ascending") : "none"}>
                  <button type="button" onClick={() => changeQuery({ sort: key === "name" ? undefined : key, down: sort === key ? !down && 1 : key !== "name" && 1 })}>{title}{sort === key ? (down ? " ↓" : " ↑") : ""}</button>
                </span>
              ))}
            </div>
            <div className="scroll" ref={box} role="rowgroup" tabIndex={0}>
              <div style={{ height: rows.getTotalSize(), position: "relative" }} role="presentation">
                {rows.getVirtualItems().map((row) => {
                  const each = items[row.index];
                  return each === undefined ? null : <Line key={each.name} service={each} now={now} y={row.start} />;
                })}
              </div>
            </div>
          </div>
        )}
      </main>
    </>
  );
}

function Line({ service, now, y }: { service: ServiceSummary; now: number; y: number }) {
  const { learning } = service;
  return (
    <div role="row" className="service-row" style={{ transform: `translateY(${y}px)` }} onClick={() => go(serviceHash(service.name))}>
      <span role="cell" className="row"><Ring bound={learning.upper_hour} mode={service.mode} size={26} /><a href={serviceHash(service.name)} className="ellipsis"><b className="t1">{shortName(service.name)}</b> <span className="t3">{namespaceOf(service.name)}</span></a></span>
      <span role="cell" className="ellipsis" title={progressWord(service, now)}>{modeWord(service.mode)} <span className="t3 small">{progressWord(service, now)}</span></span>
      <span role="cell">{bound(learning.upper_hour, learning.open_ended)}</span>
      <span role="cell">{count(learning.edges)}</span>
      <span role="cell">{service.workloads === 0 ? <span className="t3">none runs</span> : count(service.workloads)}</span>
      <span role="cell">{service.denied_24h > 0 ? <b className="denied-text">{count(service.denied_24h)}</b> : service.would_deny_24h > 0 ? <span className="would-text">{count(service.would_deny_24h)} would be</span> : <span className="t3">none</span>}</span>
      <span role="cell" className="t3">{ago(service.last_seen, now)}</span>
    </div>
  );
}
