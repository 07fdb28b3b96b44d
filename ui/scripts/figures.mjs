// The console's figures, printed as a table: node scripts/figures.mjs --estate PROGRAM [--json FILE] [--short]
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launch } from "./browser.mjs";
import { startEstate } from "./estate.mjs";

const option = (name) => { const at = process.argv.indexOf(`--${name}`); return at < 0 ? undefined : process.argv[at + 1]; };
const short = process.argv.includes("--short");
const program = option("estate");
if (program === undefined) throw new Error("--estate PROGRAM is missing: benches/console/run builds it");

const figures = [];
const figure = (name, value, unit, limit, most = true) => figures.push({ name, value, unit, limit, ok: most ? value <= limit : value >= limit });
const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
const share = (all, at) => all.toSorted((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * at))];

const budget = execFileSync(process.execPath, [fileURLToPath(new URL("budget.mjs", import.meta.url))], { encoding: "utf8" });
figure("first view, gzip", Number(/First view: (\d+) kB/.exec(budget)?.[1]), "kB", 500);

const estate = await startEstate(program);
const browser = await launch();
const TILE = ".react-flow__node-tile, .react-flow__node-service";

async function open() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const answer = await context.request.post(`${estate.url}/api/v1/session`, { data: { token: estate.token } });
  if (!answer.ok()) throw new Error(`no session: ${answer.status()}`);
  return { context, page: await context.newPage() };
}

// What the first map needs of the server: asked for as the browser asks, compressed, and not again where nothing changed.
async function graphAnswer() {
  const ask = (more = {}) => fetch(`${estate.url}/api/v1/graph/columns`, { headers: { authorization: `Bearer ${estate.token}`, ...more } });
  const times = [];
  let bytes = 0;
  for (let i = 0; i < 15; i++) {
    const begun = performance.now();
    const answer = await ask();
    // What travelled, not what it unpacks to.
    const { headers } = answer;
    await answer.arrayBuffer();
    times.push(performance.now() - begun);
    if (headers.get("content-encoding") !== "gzip") throw new Error("the graph is not compressed");
    bytes = Number(headers.get("content-length"));
  }
  // The first finds every cache cold.
  figure("the graph, asked for and read, median", Math.round(median(times.slice(1))), "ms", 100);
  figure("the graph, compressed", Math.round(bytes / 1000), "kB", 500);
  const tag = (await ask()).headers.get("etag") ?? "";
  const kept = await ask({ "if-none-match": tag });
  figure("the graph again, where nothing changed", kept.status, "status", 304, false);
}

// Gaps between frames while `act` runs.
async function frames(page, act) {
  await page.evaluate(() => {
    window.times = [];
    const frame = (now) => { window.times.push(now); window.frame = requestAnimationFrame(frame); };
    window.frame = requestAnimationFrame(frame);
  });
  await act();
  const times = await page.evaluate(() => { cancelAnimationFrame(window.frame); return window.times; });
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  return { rate: (gaps.length * 1000) / (times.at(-1) - times[0]), p95: share(gaps, 0.95), worst: Math.max(...gaps) };
}

try {
  await graphAnswer();
  const loads = [];
  const parts = [];
  for (let i = 0; i < (short ? 5 : 9); i++) {
    const { context, page } = await open();
    // By the page's clock, which begins with the navigation: until the frame with the map is given to the screen.
    await page.addInitScript((tile) => {
      const look = () => requestAnimationFrame(document.querySelector(tile) === null ? look : () => setTimeout(() => { window.mapAt = performance.now(); }));
      look();
    }, TILE);
    const begun = performance.now();
    await page.goto(`${estate.url}/#/map`, { waitUntil: "commit" });
    await page.waitForFunction(() => window.mapAt !== undefined);
    const tab = performance.now() - begun;
    loads.push(await page.evaluate(() => window.mapAt));
    parts.push(await page.evaluate((tab) => {
      const at = (name) => performance.getEntriesByName(name, "mark")[0]?.startTime ?? 0;
      const answered = performance.getEntriesByType("resource").find((each) => each.name.endsWith("/graph/columns"))?.responseEnd ?? 0;
      return { "until its script runs": at("script"), "until the graph has come": answered, "until it is read": at("graph"), "until what is drawn is known": at("scene"), "until it is laid out": at("picture"), "with a new process of the browser for the tab": tab };
    }, tab));
    await context.close();
  }
  // The first finds every cache of server and machine cold.
  figure("first usable map, 1,000 services, 10,000 edges", Math.round(median(loads.slice(1))), "ms", 1000);
  figures.push({ name: "  the fastest of them", value: Math.round(Math.min(...loads)), unit: "ms", ok: true });
  for (const name of Object.keys(parts[0])) figures.push({ name: `  ${name}`, value: Math.round(median(parts.slice(1).map((each) => each[name]))), unit: "ms", ok: true });

  const { page } = await open();
  await page.goto(`${estate.url}/#/map`);
  await page.waitForSelector(TILE);
  const fits = await page.locator(".react-flow__node").count();
  // Folds all, then unfolds all.
  for (const tiles of [40, 0]) {
    await page.keyboard.press("z");
    await page.waitForFunction((wanted) => document.querySelectorAll(".react-flow__node-tile").length === wanted, tiles);
  }
  await page.waitForTimeout(1500);
  const nodes = await page.locator(".react-flow__node-tile, .react-flow__node-service, .react-flow__node-rest").count();
  const wheel = async () => { await page.mouse.move(600, 500); for (let i = 0; i < (short ? 60 : 200); i++) { await page.mouse.wheel(0, i % 20 < 10 ? -60 : 60); await page.waitForTimeout(16); } };
  const drag = async () => {
    await page.mouse.move(590, 705);
    await page.mouse.down();
    for (let i = 0; i < (short ? 120 : 400); i++) { await page.mouse.move(590 + Math.sin(i / 9) * 160, 620 + Math.cos(i / 9) * 85); await page.waitForTimeout(8); }
    await page.mouse.up();
  };
  const zoom = await frames(page, wheel);
  await page.keyboard.press("f");
  await page.waitForTimeout(800);
  const pan = await frames(page, drag);
  figure(`pan at ${nodes} nodes`, Math.round(pan.rate), "frames/s", 50, false);
  figure(`zoom at ${nodes} nodes`, Math.round(zoom.rate), "frames/s", 50, false);
  figure("nodes on the map, at most", Math.max(nodes, fits), "", 320);
  await page.close();

  const live = (await open()).page;
  await live.goto(`${estate.url}/#/map`);
  await live.waitForSelector(TILE);
  await live.waitForTimeout(1500);
  const known = () => live.locator(".time-bar .sr").textContent();
  const waits = [];
  for (let i = 0; i < (short ? 5 : 15); i++) {
    const before = await known();
    const begun = performance.now();
    await estate.ask("edge");
    await live.waitForFunction((text) => document.querySelector(".time-bar .sr")?.textContent !== text, before, { polling: "raf" });
    waits.push(performance.now() - begun);
  }
  figure("a new edge on the map after its report, median", Math.round(median(waits)), "ms", 1000);
  figure("a new edge on the map after its report, slowest", Math.round(Math.max(...waits)), "ms", 1000);

  // A steady stream: frames go on, and memory comes back.
  const protocol = await live.context().newCDPSession(live);
  await protocol.send("HeapProfiler.enable");
  const heap = async () => {
    await protocol.send("HeapProfiler.collectGarbage");
    return (await protocol.send("Runtime.getHeapUsage")).usedSize / 1e6;
  };
  await estate.ask("changes 1000");
  await live.waitForTimeout(short ? 4000 : 20_000);
  const stream = await frames(live, () => live.waitForTimeout(short ? 5000 : 20_000));
  figure("frames while 1,000 changes a second arrive", Math.round(stream.rate), "frames/s", 30, false);
  figure("longest pause while they arrive", Math.round(stream.worst), "ms", 500);
  const samples = [];
  const begun = performance.now();
  const span = short ? 20_000 : 150_000;
  while (performance.now() - begun < span) {
    samples.push([(performance.now() - begun) / 3_600_000, await heap()]);
    await live.waitForTimeout(span / 20);
  }
  await estate.ask("changes 0");
  const mean = (of) => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [mx, my] = [mean(([x]) => x), mean(([, y]) => y)];
  const slope = mean(([x, y]) => (x - mx) * (y - my)) / mean(([x]) => (x - mx) ** 2);
  figure("memory of the page under the stream", Math.round(my), "MB", 200);
  // Noise of single samples is a large part of a short run's slope: it is said, and judged only over minutes.
  figures.push({ name: `growth, extrapolated from ${Math.round(span / 1000)} s`, value: Math.round(slope), unit: "MB/h", limit: short ? undefined : 60, ok: short || slope <= 60 });
  await live.close();

  // Where each of them is drawn: the list of events.
  const told = (await open()).page;
  await estate.ask("denials 1000");
  await told.goto(`${estate.url}/#/events?group=denials`);
  await told.waitForSelector("[role=option]");
  await told.waitForTimeout(short ? 4000 : 10_000);
  const listed = await frames(told, () => told.waitForTimeout(short ? 5000 : 20_000));
  await estate.ask("denials 0");
  figure("frames while 1,000 denials a second arrive in the list", Math.round(listed.rate), "frames/s", 30, false);
  figure("longest pause while they arrive", Math.round(listed.worst), "ms", 500);
} finally {
  await browser.close();
  await estate.stop();
}
for (const { name, value, unit, limit, ok } of figures) console.log(`${name.padEnd(52)} ${String(value).padStart(7)} ${unit.padEnd(9)} ${limit === undefined ? "" : `wanted ${limit}`.padEnd(13)} ${ok ? "" : "MISSED"}`.trimEnd());
const file = option("json");
if (file !== undefined) writeFileSync(file, `${JSON.stringify({ short, figures }, null, 2)}\n`);
