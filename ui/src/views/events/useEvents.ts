import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { api, base, got } from "../../api/client";
import type { Event } from "../../api/types";
import { openStream, perFrame, type Liveness } from "../../live/stream";
import { GROUPS, merged, type Group } from "./reduce";

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
    const take = perFrame<Event>((batch) => setLive((old) => merged(old, batch)));
    const query = new URLSearchParams();
    if (type !== undefined) query.set("type", type);
    if (service !== undefined) query.set("service", service);
    return openStream({
      url: () => `${base()}/api/v1/events/stream?${query.toString()}`,
      names: ["event", "lost"],
      onMessage: (name, data) => {
        const message = JSON.parse(data) as Event | { lost: number };
        if (name === "event" && "id" in message) take(message);
        else if ("lost" in message) {
          setLost((n) => n + (message as { lost: number }).lost);
          void refetch();
        }
      },
      onLiveness: setLiveness,
      onReopened: () => void refetch(),
    });
  }, [type, service, refetch]);
  const stored = pages.data?.pages;
  const events = useMemo(() => merged((stored ?? []).flatMap((page) => page.items), live), [stored, live]);
  return { events, pages, lost, liveness };
}
