// Every view and every part of it in every state: what `/stories` lists, and what e2e/stories.spec.ts looks at.

/** Below which path which estate is, who looks at it, and what becomes of requests. */
export const STATES = {
  shop: { kind: "shop", says: "as it is on most days" },
  viewer: { kind: "shop", role: "viewer", says: "for somebody who may only look" },
  empty: { kind: "empty", says: "before anything has happened" },
  loading: { kind: "shop", fate: "never", says: "while nothing has been answered yet" },
  error: { kind: "shop", fate: "fails", says: "where the store does not answer" },
  broken: { kind: "shop", fate: "nonsense", says: "where an answer is not what was promised" },
  huge: { kind: "large", says: "1,000 services, 10,000 edges, 10,000 events, long names" },
  out: { kind: "shop", fate: "signed-out", says: "signed out" },
};

/** Addresses of views and of their parts; `of` names the states in which there is such a thing. A form waits for nothing, nor does what is known in every state. */
const ALL = ["shop", "viewer", "empty", "loading", "error", "broken"];
const HUGE = [...ALL, "huge"];
/** Of an answer that is nonsense nothing remains to be shown there: it reads as an empty one. */
const TOLERANT = HUGE.filter((each) => each !== "broken");
const FULL = ["shop", "viewer"];
export const STORIES = [
  { name: "Sign in", hash: "#/map", of: ["out"] },
  { name: "Map", hash: "#/map", of: HUGE },
  { name: "Map, a service", hash: "#/map?focus=shop/web", of: FULL },
  { name: "Map, a denied line", hash: "#/map?link=shop/web>data/redis>denied", of: FULL },
  { name: "Map, outside", hash: "#/map?focus=world", of: FULL },
  { name: "Map, blast radius", hash: "#/map?focus=shop/web&layers=quiet,labels,verdicts,rings,modes,blast", of: FULL },
  { name: "Map, as if all were in Enforce", hash: "#/map?layers=quiet,labels,verdicts,rings,modes,enforced", of: FULL },
  { name: "Services", hash: "#/services", of: HUGE },
  { name: "Service", hash: "#/services/shop/checkout", of: [...FULL, "empty", "loading", "error", "broken"] },
  { name: "Service with a long name", hash: "#/services/payments/recommendation-personalization-orchestrator-cache-canary-green-3", of: ["huge"] },
  { name: "Service, open-ended", hash: "#/services/edge/mail-relay", of: FULL },
  { name: "Events", hash: "#/events", of: HUGE },
  { name: "Event, denied", hash: "#/events/9001", of: FULL },
  { name: "Event of many", hash: "#/events/29990", of: ["huge"] },
  { name: "Event, gone", hash: "#/events/1", of: ["empty", "loading", "error"] },
  { name: "Policies", hash: "#/policies", of: HUGE },
  { name: "Policies, editor", hash: "#/policies?tab=edit", of: ["shop"], form: true },
  { name: "Policies, question", hash: "#/policies?tab=ask", of: ALL, form: true },
  { name: "Policies, trials", hash: "#/policies?tab=trials", of: ALL },
  { name: "Policies, proposals", hash: "#/policies?tab=proposals", of: ALL },
  { name: "Policies, history", hash: "#/policies?tab=history", of: HUGE },
  { name: "Review", hash: "#/review", of: TOLERANT },
  { name: "Review, by pattern", hash: "#/review?by=accept&service=shop/*", of: ["shop"] },
  { name: "Blast radius", hash: "#/blast", of: HUGE },
  { name: "Blast radius of one", hash: "#/blast/shop/web", of: [...FULL, "loading", "error", "broken"] },
  { name: "Blast radius of one among many", hash: "#/blast/payments/recommendation-personalization-orchestrator-cache-canary-green-3", of: ["huge"] },
  { name: "Compliance", hash: "#/compliance", of: TOLERANT },
  { name: "Compliance, reports", hash: "#/compliance?tab=reports", of: ALL },
  { name: "Health", hash: "#/settings", of: HUGE, form: true },
  { name: "Learning and retention", hash: "#/settings?tab=learning", of: ALL },
  { name: "Tokens", hash: "#/settings?tab=tokens", of: ["shop", "empty", "loading", "error", "broken"] },
  { name: "Outputs", hash: "#/settings?tab=outputs", of: ["shop", "loading", "error", "broken"] },
  { name: "Audit log", hash: "#/settings?tab=audit", of: ["shop", "loading", "error", "broken"] },
];

/** The list as a page: one row for each view, one link for each state. */
export function page() {
  const rows = STORIES.map(({ name, hash, of }) => `<tr><th>${name}</th>${Object.keys(STATES).map((state) => `<td>${of.includes(state) ? `<a href="/${state}/${hash}">${state}</a>` : ""}</td>`).join("")}</tr>`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Stories of the console</title><style>body{font:14px/1.6 system-ui;margin:24px;color-scheme:light dark}th{text-align:left;font-weight:500;padding-right:24px}td{padding-right:16px}</style>
<h1>Stories</h1><p>${Object.entries(STATES).map(([state, { says }]) => `<b>${state}</b>: ${says}`).join("; ")}.</p><table>${rows.join("")}</table></html>`;
}
