// The real controller with a made-up estate: the example `estate` of crates/controller, obeying lines.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export async function startEstate(program, services = 1000, edges = 10_000) {
  const child = spawn(program, [String(services), String(edges)], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [];
  const lines = [];
  createInterface({ input: child.stdout }).on("line", (line) => { const next = waiting.shift(); if (next === undefined) lines.push(line); else next(line); });
  let ended;
  const failing = new Set();
  child.once("exit", (code) => { ended = new Error(`the estate ended with ${code}`); for (const reject of failing) reject(ended); });
  const line = () => new Promise((resolve, reject) => {
    const ready = lines.shift();
    if (ready !== undefined) return void resolve(ready);
    if (ended !== undefined) return void reject(ended);
    failing.add(reject);
    waiting.push((text) => { failing.delete(reject); resolve(text); });
  });
  const { url, token } = JSON.parse(await line());
  return {
    url: url.replace(/\/$/, ""), token,
    ask: (text) => { child.stdin.write(`${text}\n`); return line(); },
    stop: () => new Promise((resolve) => { child.once("exit", resolve); child.stdin.end(); }),
  };
}
