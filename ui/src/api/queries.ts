import { infiniteQueryOptions, keepPreviousData, queryOptions, type QueryClient } from "@tanstack/react-query";
import { api, got } from "./client";
import type { EdgeKey, Mode } from "./types";
import { peerName } from "../text/words";

export function split(service: string): { namespace: string; name: string } {
  const at = service.indexOf("/");
  return { namespace: service.slice(0, at), name: service.slice(at + 1) };
}

const path = (service: string) => ({ params: { path: split(service) } });

export const status = queryOptions({ queryKey: ["status"], queryFn: () => got(api.GET("/api/v1/status")), refetchInterval: 5000 });
export const services = queryOptions({ queryKey: ["services"], queryFn: () => got(api.GET("/api/v1/services")), refetchInterval: 10_000 });
export const service = (name: string) =>
  queryOptions({ queryKey: ["service", name], queryFn: () => got(api.GET("/api/v1/services/{namespace}/{name}", path(name))), refetchInterval: 5000, placeholderData: keepPreviousData });
export const promotion = (name: string, to: Mode) =>
  queryOptions({ queryKey: ["promotion", name, to], queryFn: () => got(api.GET("/api/v1/services/{namespace}/{name}/promotion", { params: { path: split(name), query: { to } } })) });
export const effective = (name: string) =>
  queryOptions({ queryKey: ["effective", name], queryFn: () => got(api.GET("/api/v1/policies/effective/{namespace}/{name}", path(name))) });
export const policies = queryOptions({ queryKey: ["policies"], queryFn: () => got(api.GET("/api/v1/policies")), refetchInterval: 15_000 });
/** Where the next page of a list begins. */
const further = (last: { next?: string | null }): number | undefined => (typeof last.next === "string" ? Number(last.next) : undefined);
const before = (after: number | undefined) => (after === undefined ? {} : { after });
/** Revisions before one, newest first, page by page. */
export const history = (from: number | undefined) =>
  infiniteQueryOptions({
    queryKey: ["history", from], initialPageParam: from, getNextPageParam: further,
    queryFn: ({ pageParam }) => got(api.GET("/api/v1/policies/history", { params: { query: { limit: 100, ...before(pageParam) } } })),
  });
/** What was counted over time; `since` is rounded, so that the clock alone does not make another question of it. */
export const timeline = (since: number) =>
  queryOptions({ queryKey: ["timeline", since], queryFn: () => got(api.GET("/api/v1/history", { params: { query: { since } } })), refetchInterval: 30_000, placeholderData: keepPreviousData });
/** The graph of a stretch of the past, which does not change any more. */
export const past = (since: number, until: number) =>
  queryOptions({ queryKey: ["past", since, until], queryFn: () => got(api.GET("/api/v1/history/graph", { params: { query: { since, until } } })), staleTime: 60_000, placeholderData: keepPreviousData });
export const review = (all: boolean) =>
  queryOptions({ queryKey: ["review", all], queryFn: () => got(api.GET("/api/v1/review", { params: { query: all ? { all, limit: 2000 } : { limit: 2000 } } })), refetchInterval: 15_000 });
export const proposals = queryOptions({ queryKey: ["proposals"], queryFn: () => got(api.GET("/api/v1/policy/proposals")), refetchInterval: 15_000 });
export const proposal = (id: string) =>
  queryOptions({ queryKey: ["proposal", id], queryFn: () => got(api.GET("/api/v1/policy/proposals/{id}", { params: { path: { id } } })) });
export const trials = queryOptions({ queryKey: ["trials"], queryFn: () => got(api.GET("/api/v1/policy/trials")), refetchInterval: 5000 });
export const trial = (id: string) =>
  queryOptions({ queryKey: ["trial", id], queryFn: () => got(api.GET("/api/v1/policy/trials/{id}", { params: { path: { id } } })), refetchInterval: 5000 });
/** How many learned rules wait, without any of them. */
export const waiting = queryOptions({ queryKey: ["waiting"], queryFn: () => got(api.GET("/api/v1/review", { params: { query: { limit: 0 } } })), refetchInterval: 15_000 });
export const ranking = queryOptions({ queryKey: ["ranking"], queryFn: () => got(api.GET("/api/v1/blast-radius")), staleTime: 10_000 });
/** What to close first, each step with what is left after it. */
export const blastPlan = queryOptions({ queryKey: ["blast-plan"], queryFn: () => got(api.GET("/api/v1/blast-radius/plan", { params: { query: { limit: 8 } } })), staleTime: 15_000 });
export const blast = (name: string) =>
  queryOptions({ queryKey: ["blast", name], queryFn: () => got(api.GET("/api/v1/blast-radius/{namespace}/{name}", path(name))), staleTime: 10_000, placeholderData: keepPreviousData });
export const reach = (from: string, to: string) =>
  queryOptions({ queryKey: ["reach", from, to], queryFn: () => got(api.GET("/api/v1/policy/reach", { params: { query: { from, to } } })) });
export const whoCanReach = (name: string) =>
  queryOptions({ queryKey: ["who-can-reach", name], queryFn: () => got(api.GET("/api/v1/policy/who-can-reach", { params: { query: { service: name } } })) });
/** One edge with everything known of it; `null` where it is gone. */
export const edge = (key: EdgeKey | undefined) => {
  const [client, server] = key === undefined ? ["", ""] : [peerName(key.client), peerName(key.server)];
  return queryOptions({
    queryKey: ["edge", client, server, key?.protocol, key?.port, key?.application],
    queryFn: async () => (await got(api.GET("/api/v1/edges", { params: { query: { client, server, limit: 10_000 } } }))).items.find((each) => each.protocol === key?.protocol && each.port === key.port && each.application === key.application) ?? null,
    refetchInterval: 5000,
  });
};
export const edgesTo = (server: string) =>
  queryOptions({ queryKey: ["edges-to", server], queryFn: () => got(api.GET("/api/v1/edges", { params: { query: { server, limit: 1000 } } })), refetchInterval: 15_000 });
/** Every seen edge judged as if all services were in Enforce. */
export const enforced = queryOptions({ queryKey: ["enforced"], queryFn: () => got(api.POST("/api/v1/policy/simulate", { body: { documents: "", enforce: true } })), staleTime: 15_000 });
export const zones = queryOptions({ queryKey: ["zones"], queryFn: () => got(api.GET("/api/v1/zones")), refetchInterval: 30_000 });
export const frameworks = queryOptions({ queryKey: ["frameworks"], queryFn: () => got(api.GET("/api/v1/reports")), staleTime: Infinity });
/** One event by its number: the newest of those before the next. */
export const event = (id: number) =>
  queryOptions({ queryKey: ["event", id], queryFn: async () => (await got(api.GET("/api/v1/events", { params: { query: { after: id + 1, limit: 1 } } }))).items.find((each) => each.id === id) ?? null });
export const tokens = queryOptions({ queryKey: ["tokens"], queryFn: () => got(api.GET("/api/v1/tokens")) });
export const audit = infiniteQueryOptions({
  queryKey: ["audit"], initialPageParam: undefined as number | undefined, getNextPageParam: further,
  queryFn: ({ pageParam }) => got(api.GET("/api/v1/audit", { params: { query: { limit: 200, ...before(pageParam) } } })),
});
export const settings = queryOptions({ queryKey: ["settings"], queryFn: () => got(api.GET("/api/v1/settings")) });
export const outputs = queryOptions({ queryKey: ["outputs"], queryFn: () => got(api.GET("/api/v1/outputs")) });

/** After an action everything that it may have changed is asked for again. */
export async function refresh(client: QueryClient): Promise<void> {
  await client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" && query.queryKey[0] !== "rehearsal" });
}
