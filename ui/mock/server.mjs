// A server of made-up answers for screenshots and figures; never shipped. `node mock/server.mjs [shop|huge|large|empty] [port] [viewer]`
// Serves dist/ as the real one does, with the same Content-Security-Policy.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { createServer as createVite } from "vite";

const [kind = "shop", port = "7171", role = "admin"] = process.argv.slice(2);
const root = fileURLToPath(new URL("..", import.meta.url));
const vite = await createVite({ root, configFile: false, server: { middlewareMode: true, hmr: false, watch: null, ws: false }, appType: "custom", logLevel: "error" });
const { columnsOf, estate, zonesOf, detailOf, blastOf, rankingOf, peer } = await vite.ssrLoadModule("/src/fixtures/estate.ts");
const world = estate(kind, Date.now());
let signedIn = true;
const streams = new Set();
const ALL = { dry_run: true, revision: 19, changes: [{ action: "created", namespace: "shop", name: "web-to-redis", origin: "user", summary: "1 egress rule" }], diff: "--- /dev/null\n+++ shop/web-to-redis\n@@ -0,0 +1,5 @@\n+kind: Policy\n+spec:\n+  service: shop/web\n+  egress:\n+    - to: data/redis\n", would_break: [], verdict_changes: [], findings: [], sentence: "1 document is created; 1 seen edge becomes allowed, none is denied." };
const edgeKey = ({ client, server, protocol, port: at, application }) => ({ client, server, protocol, port: at, application });

const settings = { automatic: false, profile: "default", automation: [], retention: { event_days: 30, edge_days: 90, max_megabytes: 1024 }, scan: { targets: 20, window_seconds: 60 } };
const trialOf = (id, name, state, started, length, judged) => ({ id, name, state, started, started_by: "admin", ends: started + length, ended: state === "running" ? null : started + length, judge: "changed", changes: [ALL.changes[0]], counts: { connections: judged, edges: judged === 0 ? 0 : 17, not_judged: 0, would_allow: judged === 0 ? 0 : 6, would_deny: judged === 0 ? 0 : 30, would_deny_expected: judged === 0 ? 0 : 18 }, denials_of_expected: judged === 0 ? 0 : 18, sentence: judged === 0 ? "In 1 min, 0 connections on 0 edges were judged." : `In 24 min, ${judged} connections on 17 edges were judged: 30 of them, on 2 edges, would be denied, 18 of which were expected; 6 that were denied would pass.` });
const trials = kind === "empty" ? [] : [trialOf("2", "web to redis", "running", Date.now() - 24 * 6e4, 36e5, 8412), trialOf("1", null, "finished", Date.now() - 3 * 864e5, 36e5, 0)];
const proposals = kind === "empty" ? [] : [{ id: "2", title: "Let web reach Redis", created: Date.now() - 42 * 6e4, created_by: "pipeline", state: "open", summary: "1 document created", decided: null, link: "https://git.example/shop/policies/12", set: "shop" }, { id: "1", title: "Close the metrics port", created: Date.now() - 864e5, created_by: "pipeline", state: "rejected", summary: "1 document updated", decided: { actor: "admin", reason: "it is still scraped", revision: null, time: Date.now() - 8e7 }, link: null, set: null }];
const routes = [
  ["GET", /^\/session$/, () => (signedIn ? { name: "admin", role, csrf: "mock", expires: Date.now() + 36e5 } : undefined)],
  ["POST", /^\/session$/, (_, body) => { signedIn = body.token === "bh_mock" || body.token === "bh_0123456789abcdef"; return signedIn ? { name: "admin", role, csrf: "mock", expires: Date.now() + 36e5 } : undefined; }],
  ["DELETE", /^\/session$/, () => { signedIn = false; return {}; }],
  ["GET", /^\/status$/, () => ({ ...world.status, time: Date.now(), nodes: world.status.nodes.map((node) => ({ ...node, last_report: Date.now() - 700 })) })],
  ["GET", /^\/services$/, () => ({ items: world.services, next: null })],
  ["GET", /^\/services\/([^/]+)\/([^/]+)$/, (m) => detailOf(world, `${m[1]}/${m[2]}`)],
  ["GET", /^\/services\/([^/]+)\/([^/]+)\/promotion$/, (m, _, query) => { const d = detailOf(world, `${m[1]}/${m[2]}`); return { service: d.name, from: d.mode, to: query.get("to") ?? "enforce", ready: false, would_deny: d.egress.filter((e) => e.verdict === "would-deny"), learning: d.learning, policy_yaml: "kind: Policy\n", diff: "--- a\n+++ b\n@@ -1 +1 @@\n-mode: monitor\n+mode: enforce\n", sentence: "Enforce would deny 1 of 7 seen edges; one gate is not met." }; }],
  ["PUT", /^\/services\/([^/]+)\/([^/]+)\/(mode|automation)$/, (m, body) => { const s = world.services.find((e) => e.name === `${m[1]}/${m[2]}`); if (body.mode) s.mode = body.mode; else s.automation = body; return s; }],
  ["POST", /^\/services\/([^/]+)\/([^/]+)\/quarantine$/, (m) => world.services.find((e) => e.name === `${m[1]}/${m[2]}`)],
  ["GET", /^\/graph\/columns$/, () => columnsOf({ ...world.graph, time: Date.now() })],
  ["GET", /^\/history$/, (_, __, query) => { const now = Date.now(); const since = Math.max(Number(query.get("since") ?? now - 864e5), now - 5 * 864e5); const points = []; for (let start = Math.ceil(since / 36e5) * 36e5; start < now; start += 36e5) { const hour = Math.floor(start / 36e5); points.push({ start, edges: 12 + (hour % 7), new_edges: hour % 11 === 0 ? 2 : 0, connections: 900 + (hour % 13) * 40, denied: hour % 29 === 0 ? 3 : 0, would_deny: hour % 17 === 0 ? 2 : 0 }); } return { oldest: now - 5 * 864e5, step: 300_000, points }; }],
  ["GET", /^\/history\/graph$/, (_, __, query) => { const [since, until] = [Number(query.get("since")), Number(query.get("until"))]; const edges = world.graph.edges.filter((e) => e.verdict === "allowed" && e.first_seen <= until).map((e) => ({ id: "", edge: edgeKey(e), verdict: e.verdict, connections: 40, denied: 0, would_deny: 0, packets: e.rate * (until - since) / 1000, bytes: 1e5, first_step: since, last_step: until })); return { since, until, edges, sentence: `${edges.length} edges were used by ${edges.length * 40} connections; 0 were denied.` }; }],
  ["GET", /^\/edges$/, (_, __, query) => ({ items: world.graph.edges.filter((e) => (!query.get("client") || e.client.name === query.get("client") || e.client.kind === query.get("client")) && (!query.get("server") || e.server.name === query.get("server") || e.server.kind === query.get("server"))), next: null })],
  ["GET", /^\/events$/, (_, __, query) => { const types = query.get("type")?.split(","); const service = query.get("service"); return { items: world.events.filter((e) => (!types || types.includes(e.type)) && (!service || JSON.stringify(e).includes(`"${service}"`))), next: null }; }],
  ["GET", /^\/policies$/, () => ({ items: world.policies, revision: 18 })],
  ["GET", /^\/policies\/history$/, () => ({ items: [18, 17, 16].map((revision, i) => ({ revision, time: Date.now() - i * 864e5 - 18e6, actor: i === 0 ? "admin" : "system", summary: i === 0 ? "1 document updated" : "shop/cart learned", diff: ALL.diff })), next: null })],
  ["GET", /^\/policies\/effective\/([^/]+)\/([^/]+)$/, (m) => { const d = detailOf(world, `${m[1]}/${m[2]}`); const rules = (edges, side) => edges.filter((e) => e[side]?.rule).map((e) => ({ ...e[side].rule, hits: e.connections, last_hit: e.last_seen })); return { service: d.name, mode: d.mode, revision: 18, ingress: rules(d.ingress, "ingress"), egress: rules(d.egress, "egress") }; }],
  ["POST", /^\/policies\/(apply|restore)$/, (_, body) => ({ ...ALL, dry_run: body.dry_run ?? false, verdict_changes: world.graph.edges.filter((e) => e.verdict === "denied").slice(0, 1).map((e) => ({ edge: edgeKey(e), before: "denied", after: "allowed", because: "shop/web-to-redis egress[0] allows it." })) })],
  ["POST", /^\/policy\/explain$/, (_, body) => { const edge = { client: peer(body.from), server: peer(body.to), protocol: body.protocol, port: body.port, application: "unknown" }; const seen = world.graph.edges.find((e) => e.client.name === body.from && e.server.name === body.to && e.port === body.port); return { edge, verdict: seen?.verdict ?? "denied", egress: seen?.egress ?? null, ingress: seen?.ingress ?? null, allow_with: seen?.verdict === "allowed" ? null : "kind: Policy\nspec:\n  service: shop/web\n  egress:\n    - to: data/redis\n      ports: [6379/tcp]\n", seen: seen !== undefined, sentence: seen?.verdict === "allowed" ? `Yes: ${body.from} may connect to ${body.to} on ${body.protocol} ${body.port}.` : `No: no rule of ${body.from} allows ${body.to} on ${body.protocol} ${body.port}.` }; }],
  ["POST", /^\/policy\/simulate$/, () => ({ edges: world.graph.edges.length, findings: [], sentence: "1 of 20 seen edges would be denied if every service were in Enforce.", changes: world.graph.edges.filter((e) => e.verdict === "would-deny").map((e) => ({ edge: edgeKey(e), before: "would-deny", after: "denied", because: "no rule allows it" })) })],
  ["GET", /^\/policy\/trials$/, () => ({ items: trials })],
  ["POST", /^\/policy\/trials$/, (_, body) => { const made = trialOf(String(trials.length + 1), body.name ?? null, "running", Date.now(), body.seconds * 1000, 0); trials.unshift(made); return { ...made, diff: ALL.diff, edges: [] }; }],
  ["GET", /^\/policy\/trials\/(.+)$/, (m) => { const found = trials.find((each) => each.id === m[1]); const edges = world.graph.edges.slice(0, 3); return found && { ...found, diff: ALL.diff, edges: found.counts.connections === 0 ? [] : edges.map((e, i) => ({ edge: edgeKey(e), effect: i === 2 ? "would-allow" : "would-deny", connections: 18 - i * 6, expected: i === 0, because: i === 0 ? "shop/web learned it" : i === 1 ? "nobody has seen it before" : "it was denied", first_seen: found.started, last_seen: Date.now() - 6e4, service: "shop/web", rule: null })) }; }],
  ["DELETE", /^\/policy\/trials\/(.+)$/, (m) => { const at = trials.findIndex((each) => each.id === m[1]); if (trials[at]?.state === "running") Object.assign(trials[at], { state: "stopped", ended: Date.now() }); else trials.splice(at, 1); return {}; }],
  ["GET", /^\/policy\/proposals$/, () => ({ items: proposals, open: proposals.filter((each) => each.state === "open").length })],
  ["POST", /^\/policy\/proposals$/, (_, body) => { const made = { id: String(proposals.length + 1), title: body.title, created: Date.now(), created_by: "admin", state: "open", summary: "1 document created", decided: null, link: null, set: null }; proposals.unshift(made); return { ...made, documents: body.documents, preview: ALL, obstacle: null }; }],
  ["GET", /^\/policy\/proposals\/(.+)$/, (m) => { const found = proposals.find((each) => each.id === m[1]); return found && { ...found, documents: "kind: Policy\nspec:\n  service: shop/web\n", preview: found.state === "open" ? ALL : null, obstacle: null }; }],
  ["POST", /^\/policy\/proposals\/(.+)\/decision$/, (m, body) => Object.assign(proposals.find((each) => each.id === m[1]), { state: body.accept ? "accepted" : "rejected", decided: { actor: "admin", reason: body.reason ?? "", revision: body.accept ? 19 : null, time: Date.now() } })],
  ["DELETE", /^\/policy\/proposals\/(.+)$/, (m) => Object.assign(proposals.find((each) => each.id === m[1]), { state: "withdrawn", decided: { actor: "admin", reason: "", revision: null, time: Date.now() } })],
  ["GET", /^\/policy\/reach$/, (_, __, query) => ({ from: peer(query.get("from")), to: peer(query.get("to")), reachable: true, path: [{ from: peer("shop/web"), to: peer("shop/api"), protocol: "tcp", port: 8080, through: "tcp/8080", seen: true }, { from: peer("shop/api"), to: peer("data/postgresql"), protocol: "tcp", port: 5432, through: "tcp/5432", seen: true }], sentence: "Reachable in 2 hops, over api." })],
  ["GET", /^\/policy\/who-can-reach$/, (_, __, query) => ({ service: query.get("service"), direct: world.graph.edges.filter((e) => e.server.name === query.get("service") && e.verdict === "allowed").map((e) => ({ peer: e.client, hops: 1, through: `${e.protocol}/${e.port}`, seen: true, open_because: null })), indirect: [{ peer: peer("edge/nginx"), hops: 2, through: "tcp/5432", seen: false, open_because: null }], sentence: `3 peers may connect to ${query.get("service")}, 1 more gets there over others.` })],
  ["GET", /^\/blast-radius\/plan$/, () => ({ before: { services: 8, risk: 8 }, sentence: "8 services can fall from outside; closing 2 ways leaves 3.", steps: [{ after: { services: 5, risk: 5 }, sentence: "Enforce shop/web: it reaches 5 services that it never uses." }, { after: { services: 3, risk: 3 }, sentence: "Enforce batch/metrics." }] })],
  ["GET", /^\/blast-radius$/, () => rankingOf(world)],
  ["GET", /^\/blast-radius\/([^/]+)\/([^/]+)$/, (m) => blastOf(world, `${m[1]}/${m[2]}`)],
  ["GET", /^\/review$/, (_, __, query) => ({ items: world.review.filter((item) => query.get("all") || !item.decision), undecided: world.review.filter((item) => !item.decision).length })],
  ["POST", /^\/review$/, (_, body) => {
    const glob = (pattern, text) => !pattern || new RegExp(`^${pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`).test(text);
    const p = body.pattern;
    const fits = (item) => (p.decision === "undo" ? Boolean(item.decision) : p.decided || !item.decision) && glob(p.service, item.service) && (!p.kind || (item.kind ?? "learned") === p.kind) && (!p.flag || item.flags.some((flag) => flag.includes(p.flag))) && (!p.port || item.evidence.some((edge) => edge.port === p.port));
    const wanted = p ? world.review.filter(fits).map(({ id }) => ({ id, decision: p.decision })) : body.decisions;
    if (wanted.length === 0) return undefined;
    if (!body.dry_run) for (const d of wanted) { const item = world.review.find((r) => r.id === d.id); if (item) item.decision = d.decision === "undo" ? null : { decision: d.decision, actor: "admin", time: Date.now(), rule: d.rule ?? null }; }
    return { decided: wanted.length, revision: 19, dry_run: body.dry_run ?? false, diff: ALL.diff };
  }],
  ["GET", /^\/zones$/, () => ({ items: zonesOf(world), revision: 18, time: Date.now(), sentence: zonesOf(world).length === 0 ? "No zone has been made." : "1 zone; its border is open in one place." })],
  ["GET", /^\/reports$/, () => ({ items: [{ id: "pci-dss", title: "PCI DSS 4.0.1", about: "Network security controls and the scope of the cardholder data environment.", requirements: 14, needs_zone: true }, { id: "cis-kubernetes", title: "CIS Kubernetes Benchmark 1.11", about: "Network policies.", requirements: 3, needs_zone: false }], key: { algorithm: "ed25519", fingerprint: "sha256:4f1c9be0b8ce2a417d05f1f6f3f24c6f3a8d7b1e90ab42c7f0de5b6a17c3d28e", pem: "-----BEGIN PUBLIC KEY-----" } })],
  ["GET", /^\/tokens$/, () => ({ items: [{ id: "t1", name: "admin", role: "admin", created: Date.now() - 12 * 864e5, created_by: "system", last_used: Date.now(), expires: null }, { id: "t2", name: "grafana", role: "viewer", created: Date.now() - 3 * 864e5, created_by: "admin", last_used: Date.now() - 6e4, expires: Date.now() + 90 * 864e5 }] })],
  ["POST", /^\/tokens$/, (_, body) => ({ id: "t3", name: body.name, role: body.role, created: Date.now(), created_by: "admin", last_used: null, expires: null, secret: "bh_0123456789abcdef" })],
  ["DELETE", /^\/tokens\/(.+)$/, () => ({})],
  ["GET", /^\/audit$/, () => ({ items: [12, 11, 10].map((sequence) => ({ sequence, time: Date.now() - (13 - sequence) * 36e5, actor: "admin", role: "admin", action: sequence === 11 ? "mode.set" : "policy.apply", target: "shop/cart", detail: "monitor to enforce", address: "127.0.0.1", hash: "ab12" })), next: null })],
  ["GET", /^\/audit\/verify$/, () => ({ intact: true, entries: 12, broken_at: null, head: "9f2c41d0b7e1", sentence: "All 12 entries are as they were written." })],
  ["GET", /^\/settings$/, () => settings],
  ["PUT", /^\/settings$/, (_, body) => Object.assign(settings, body)],
  ["GET", /^\/outputs$/, () => ({ outputs: [{ name: "siem", enabled: true, min_severity: "warning", types: [], target: { kind: "syslog", address: "siem.example:6514", transport: "tls", format: "cef", ca_pem: null }, status: { sent: 412, queued: 0, lost: 0, last_success: Date.now() - 6e4, last_error: null } }] })],
  ["PUT", /^\/outputs$/, (_, body) => body],
  ["POST", /^\/outputs\/([^/]+)\/test$/, () => ({ delivered: true, message: "accepted", milliseconds: 12 })],
];

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://mock");
  const path = url.pathname.replace(/^\/api\/v1/, "");
  if (url.pathname.startsWith("/api/v1/")) {
    if (path.endsWith("/stream")) {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write(":\n\n");
      const stream = { response, name: path.includes("graph") ? "graph" : "event" };
      streams.add(stream);
      request.on("close", () => streams.delete(stream));
      return;
    }
    signedIn = process.env.SIGNED_OUT === undefined || /mock=1/.test(request.headers.cookie ?? "") || request.headers.authorization !== undefined;
    let text = "";
    for await (const chunk of request) text += chunk;
    for (const [method, pattern, answer] of routes) {
      const match = pattern.exec(path);
      if (match === null || method !== request.method) continue;
      const data = (path !== "/session" || request.method === "GET") && !signedIn ? undefined : answer(match.map(decodeURIComponent), text === "" ? {} : JSON.parse(text), url.searchParams);
      response.writeHead(data === undefined ? (signedIn ? 404 : 401) : 200, { "content-type": "application/json", ...(request.method === "POST" && path === "/session" && data !== undefined ? { "set-cookie": "mock=1; HttpOnly; SameSite=Strict; Path=/" } : {}) });
      response.end(JSON.stringify(data ?? { error: { code: signedIn ? "not-found" : "unauthenticated", message: signedIn ? "There is no such thing." : "The token is not valid.", remedy: "Look at its name again." } }));
      return;
    }
    response.writeHead(404, { "content-type": "application/json" }).end('{"error":{"code":"not-found","message":"No such endpoint.","remedy":""}}');
    return;
  }
  const file = join(root, "dist", normalize(url.pathname === "/" ? "index.html" : url.pathname));
  if (!existsSync(file) || !statSync(file).isFile()) { response.writeHead(404).end(); return; }
  response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-security-policy": "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'" });
  createReadStream(file).pipe(response);
});

// A little life: rates move; `POST`-free, so that the pictures stay comparable.
setInterval(() => {
  if (process.env.STILL !== undefined) return;
  const edges = world.graph.edges.filter((edge) => edge.rate > 0);
  for (let i = 0; i < Math.min(5, edges.length); i++) {
    const edge = edges[Math.floor(Math.random() * edges.length)];
    const data = `event: graph\ndata: ${JSON.stringify({ type: "edge", ...edge, rate: edge.rate * (0.9 + Math.random() * 0.2), last_seen: Date.now() })}\n\n`;
    for (const stream of streams) if (stream.name === "graph") stream.response.write(data);
  }
}, 1000).unref();
server.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${port}`));
