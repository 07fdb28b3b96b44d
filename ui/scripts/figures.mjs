// Prints how long the first usable map takes with 1,000 services and 10,000 edges, and the frame rate of panning and zooming at 300 nodes.
// Both against mock servers (`node mock/server.mjs large 7181`, `node mock/server.mjs huge 7182`), started here.
import { chromium } from "playwright-core";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const server = fileURLToPath(new URL("../mock/server.mjs", import.meta.url));
const start = (kind, port) => new Promise((resolve, reject) => {
  const child = spawn(process.execPath, [server, kind, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  child.on("error", reject);
  child.stdout.on("data", () => resolve(child));
});
const servers = [await start("large", 7181), await start("huge", 7182)];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
let ok = true;
try {
  const loads = [];
  for (let i = 0; i < 5; i++) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    const begun = Date.now();
    await page.goto("http://127.0.0.1:7181/#/map");
    await page.waitForSelector(".react-flow__node-tile, .react-flow__node-service");
    loads.push(Date.now() - begun);
    await context.close();
  }
  loads.sort((a, b) => a - b);
  console.log(`First usable map, 1,000 services and 10,000 edges: ${loads[2]} ms (median of 5; ${loads.join(", ")}); wanted: at most 1000 ms.`);
  ok &&= loads[2] <= 1000;

  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto("http://127.0.0.1:7182/#/map");
  await page.waitForSelector(".react-flow__node-tile");
  for (let i = 0; i < 2; i++) { await page.keyboard.press("z"); await page.waitForTimeout(700); }
  await page.waitForTimeout(1500);
  const nodes = await page.locator(".react-flow__node").count();
  const counting = page.evaluate(() => new Promise((resolve) => {
    const times = [];
    const begun = performance.now();
    const frame = (now) => { times.push(now); if (now - begun < 4000) requestAnimationFrame(frame); else resolve(times); };
    requestAnimationFrame(frame);
  }));
  await page.mouse.move(600, 500);
  for (let i = 0; i < 30; i++) { await page.mouse.wheel(0, i % 10 < 5 ? -60 : 60); await page.waitForTimeout(30); }
  await page.mouse.move(590, 880 - 200);
  await page.mouse.down();
  for (let i = 0; i < 60; i++) await page.mouse.move(590 + Math.sin(i / 6) * 160, 680 + Math.cos(i / 6) * 90);
  await page.mouse.up();
  const times = await counting;
  const gaps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b);
  const rate = ((times.length - 1) * 1000) / (times.at(-1) - times[0]);
  console.log(`Pan and zoom at ${nodes} nodes: ${rate.toFixed(0)} frames/s, 95th percentile of a frame ${gaps[Math.floor(gaps.length * 0.95)].toFixed(0)} ms; wanted: at least 50 frames/s.`);
  ok &&= rate >= 50;
} finally {
  await browser.close();
  for (const each of servers) each.kill();
}
process.exit(ok ? 0 : 1);
