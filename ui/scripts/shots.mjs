// Pictures of views for people to look at: node scripts/shots.mjs URL OUT [name=hash ...]
import { chromium } from "playwright-core";
import { mkdirSync, writeFileSync } from "node:fs";

const [url, out, ...wanted] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const views = wanted.map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]);
const themes = (process.env.THEMES ?? "light,dark").split(",");
const sizes = { desktop: [1440, 900, 1], phone: [390, 844, 2] };
// The browser itself makes the smaller pictures.
async function webp(png) {
  const page = await browser.newPage();
  const url = await page.evaluate(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", 0.86);
  }, png.toString("base64"));
  await page.close();
  return Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
}
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
for (const size of (process.env.SIZES ?? "desktop,phone").split(",")) for (const theme of themes) {
  const [width, height, scale] = sizes[size];
  const context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor: Number(process.env.SCALE ?? scale), colorScheme: theme, reducedMotion: "reduce", timezoneId: "UTC" });
  const page = await context.newPage();
  page.on("console", (message) => { if (message.type() === "error") console.log(`${size} ${theme}:`, message.text()); });
  page.on("pageerror", (error) => console.log(`${size} ${theme}:`, error.message));
  if (process.env.TOKEN !== undefined) {
    await page.goto(url);
    await page.getByLabel("Token").fill(process.env.TOKEN);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForSelector(".top-bar");
  }
  for (const [name, hash] of views) {
    await page.goto(`${url}/${hash}`);
    await page.waitForTimeout(Number(process.env.WAIT ?? 1200));
    const png = await page.screenshot();
    writeFileSync(`${out}/${name}-${size}-${theme}.${process.env.WEBP === undefined ? "png" : "webp"}`, process.env.WEBP === undefined ? png : await webp(png));
  }
  await context.close();
}
await browser.close();
