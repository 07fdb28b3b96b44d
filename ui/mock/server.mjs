// A server of made-up answers for screenshots and stories; never shipped. `node mock/server.mjs [KIND] [PORT]`
// Serves dist/ as the real one does, with the same Content-Security-Policy. `/` is the estate KIND; `/stories` lists every
// view in every state, and each state is below a path of its own: `/shop/`, `/empty/`, `/loading/`, `/error/`, `/huge/`, ...
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { createServer as createVite } from "vite";
import { answersFor } from "./answers.mjs";
import { page, STATES } from "./stories.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const POLICY = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
const json = { "content-type": "application/json" };
const refusal = (code, message, remedy) => JSON.stringify({ error: { code, message, remedy } });

/** Starts it; answers with its address and what ends it. */
export async function startMock(kind = "shop", port = 0) {
  const vite = await createVite({ root, configFile: false, server: { middlewareMode: true, hmr: false, watch: null, ws: false }, appType: "custom", logLevel: "error" });
  const fixtures = await vite.ssrLoadModule("/src/fixtures/estate.ts");
  const made = new Map();
  // An estate is made when somebody looks at it: the large one takes a moment.
  const of = (state) => {
    const { kind: which, role } = STATES[state] ?? { kind };
    if (!made.has(state)) made.set(state, { ...answersFor(fixtures, which, role), streams: new Set() });
    return made.get(state);
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://mock");
    const [, first = ""] = url.pathname.split("/");
    const state = first in STATES ? first : "";
    const path = state === "" ? url.pathname : url.pathname.slice(state.length + 1) || "/";
    if (path === "/stories") return void response.writeHead(200, { "content-type": TYPES[".html"] }).end(page());
    if (path.startsWith("/api/v1/")) return void (await answer(state, path.slice(7), url, request, response));
    const file = join(root, "dist", normalize(path === "/" ? "index.html" : path));
    if (!existsSync(file) || !statSync(file).isFile()) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-security-policy": POLICY });
    createReadStream(file).pipe(response);
  });

  async function answer(state, path, url, request, response) {
    const { routes, streams } = of(state);
    const { fate } = STATES[state] ?? {};
    if (fate === "signed-out" && !(request.method === "POST" && path === "/session")) return void response.writeHead(401, json).end(refusal("unauthenticated", "a credential is needed", "log in"));
    // Who is signed in is known in every state: without it there would be no view to look at.
    const usual = path === "/session" || path === "/status";
    if (fate === "never" && !usual) return;
    if (fate === "fails" && !usual) return void response.writeHead(500, json).end(refusal("internal", "The store does not answer.", "Look at the log of the controller; enforcement goes on."));
    if (fate === "nonsense" && !usual && request.method === "GET" && !path.endsWith("/stream")) return void response.writeHead(200, json).end("[7]");
    if (path.endsWith("/stream")) {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write(":\n\n");
      const stream = { response, name: path.includes("graph") ? "graph" : "event" };
      streams.add(stream);
      request.on("close", () => streams.delete(stream));
      return;
    }
    let text = "";
    for await (const chunk of request) text += chunk;
    for (const [method, pattern, make] of routes) {
      const match = pattern.exec(path);
      if (match === null || method !== request.method) continue;
      const data = make(match.map(decodeURIComponent), text === "" ? {} : JSON.parse(text), url.searchParams);
      response.writeHead(data === undefined ? (path === "/session" ? 401 : 404) : 200, json);
      response.end(data === undefined ? refusal("not-found", "There is no such thing.", "Look at its name again.") : JSON.stringify(data));
      return;
    }
    response.writeHead(404, json).end(refusal("not-found", "No such endpoint.", ""));
  }

  // A little life: rates move, so that the pictures stay comparable.
  const life = setInterval(() => {
    for (const { world, streams } of made.values()) {
      if (streams.size === 0) continue;
      const edges = world.graph.edges.filter((edge) => edge.rate > 0);
      for (let i = 0; i < Math.min(5, edges.length); i++) {
        const edge = edges[Math.floor(Math.random() * edges.length)];
        const data = `event: graph\ndata: ${JSON.stringify({ type: "edge", ...edge, rate: edge.rate * (0.9 + Math.random() * 0.2), last_seen: Date.now() })}\n\n`;
        for (const stream of streams) if (stream.name === "graph") stream.response.write(data);
      }
    }
  }, 1000).unref();
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: async () => {
      clearInterval(life);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await vite.close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log((await startMock(process.argv[2], Number(process.argv[3] ?? 7171))).url);
