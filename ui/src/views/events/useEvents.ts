import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { api, base, got } from "../../api/client";
import type { Event } from "../../api/types";
import { openStream, paced, perFrame, type Liveness } from "../../live/stream";
import { GROUPS, merged, type Group } from "./reduce";

/** What streams in is kept up to here; beyond, older pages are read from the store again. */
const LIVE = 2000;
/** A stream that loses more than once is no reason to read the list all the time. */
const AGAIN = 2000;

/** Stored events page by page, and what happens meanwhile on top. */
export function useEvents(group: Group | undefined, service: string | undefined) {
  const type = group === undefined ? undefined : GROUPS[group].join();
  const filter = { ...(type === undefined ? {} : { type }), ...(service === undefined ? {} : { service }) };
  const pages = useInfiniteQuery({
    queryKey: ["events", type, service],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam }) => got(api.GET("/api/v1/events", { params: { query: { ...filter, limit: 200, ...(pageParam === undefined ? {} : { after: pageParam }) } } })),
    getNextPageParam: (last) => (last.next === null || last.next === undefined ? undefined : Number(last.next)),
    refetchOnWindowFocus: false,
  });
  const [live, setLive] = useState<Event[]>([]);
  const [lost, setLost] = useState(0);
  const [liveness, setLiveness] = useState<Liveness>("connecting");
  const { refetch } = pages;
  useEffect(() => {
    setLive([]);
    setLost(0);
    let again: ReturnType<typeof setTimeout> | undefined;
    const take = perFrame<Event>((batch) => setLive((old) => merged(old, batch, LIVE)), paced(250));
    const query = new URLSearchParams();
    if (type !== undefined) query.set("type", type);
    if (service !== undefined) query.set("service", service);
    const close = openStream({
      url: () => `${base()}/api/v1/events/stream?${query.toString()}`,
      names: ["event", "lost"],
      onMessage: (name, data) => {
        const message = JSON.parse(data) as Event | { lost: number };
        if (name === "event" && "id" in message) take(message);
        else if ("lost" in message) {
          setLost((n) => n + (message as { lost: number }).lost);
          again ??= setTimeout(() => {
            again = undefined;
            void refetch();
          }, AGAIN);
        }
      },
      onLiveness: setLiveness,
      onReopened: () => void refetch(),
    });
    return () => {
      clearTimeout(again);
      close();
    };
  }, [type, service, refetch]);
  const stored = pages.data?.pages;
  // More came than is kept: between it and the pages read before there is a gap, so those are not shown below it.
  const full = live.length >= LIVE;
  const events = useMemo(() => (full ? live : merged((stored ?? []).flatMap((page) => page.items), live)), [stored, live, full]);
  const older = () => {
    if (!full) return void pages.fetchNextPage();
    setLive([]);
    void refetch();
  };
  return { events, pages, lost, liveness, older, more: full || pages.hasNextPage };
}
