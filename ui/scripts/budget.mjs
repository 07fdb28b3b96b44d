// What the first view costs on the wire: everything that index.html and its modules load without a click. Fails above 500 kB.
import { readFileSync, readdirSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";

const LIMIT = 500_000;
const dist = new URL("../dist/", import.meta.url);
const assets = readdirSync(new URL("assets/", dist));
const text = (name) => readFileSync(new URL(name, dist), "utf8");
const first = new Set(["index.html"]);
const follow = (source) => {
  for (const [, name] of source.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)) add(name);
  for (const [, name] of source.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) add(`assets/${name}`);
};
function add(name) {
  if (first.has(name)) return;
  first.add(name);
  if (name.endsWith(".js")) follow(text(name));
}
follow(text("index.html"));
// The home view, its worker and the faces of the two fonts come at once as well.
for (const name of assets) if (/^(MapView|layout\.worker|inter-latin-wght|jetbrains-mono-latin-wght)/.test(name)) add(`assets/${name}`);
let gzip = 0;
let brotli = 0;
for (const name of first) {
  const bytes = readFileSync(new URL(name, dist));
  const packed = name.endsWith(".woff2") ? bytes.length : gzipSync(bytes, { level: 9 }).length;
  gzip += packed;
  brotli += name.endsWith(".woff2") ? bytes.length : brotliCompressSync(bytes).length;
  console.log(`${(packed / 1000).toFixed(1).padStart(8)} kB  ${name}`);
}
console.log(`First view: ${(gzip / 1000).toFixed(0)} kB gzip, ${(brotli / 1000).toFixed(0)} kB brotli; at most ${LIMIT / 1000} kB.`);
if (gzip > LIMIT) process.exit(1);
