import { expect, type Page } from "@playwright/test";
import axe from "axe-core";

export const TOKEN = process.env["BULKHEAD_TOKEN"] ?? "";
// Where nothing may be skipped, what is missing is a failure.
export const MAY_SKIP = process.env["BULKHEAD_TESTS"] !== "require";

export async function signIn(page: Page, token = TOKEN, at = "./"): Promise<void> {
  await page.goto(at);
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("navigation", { name: "Views" }).first()).toBeVisible();
}

export interface Peer { kind: string; name?: string }
export interface Known { services: { name: string; mode: string }[]; edges: { client: Peer; server: Peer; port: number; protocol: string }[] }

/** What the API says; the console has to say the same. */
export async function ask<T>(page: Page, path: string): Promise<T> {
  return (await page.request.get(`./api/v1/${path}`)).json() as Promise<T>;
}

export async function known(page: Page): Promise<Known> {
  const services = (await ask<{ items?: Known["services"] }>(page, "services")).items ?? [];
  const edges = (await ask<{ edges?: Known["edges"] }>(page, "graph")).edges ?? [];
  return { services, edges };
}

export const short = (name: string): string => name.slice(name.indexOf("/") + 1);

/** What keeps people with other eyes or hands out of the page as it is now. */
export async function serious(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const run = (window as unknown as { axe: typeof axe }).axe.run;
    const { violations } = await run(document, {
      resultTypes: ["violations"],
      // Lines, tiles and nodes are named by sentences that say what their marks show; the marks are no words to repeat.
      rules: { "label-content-name-mismatch": { enabled: false } },
    });
    return violations.filter((each) => each.impact === "serious" || each.impact === "critical").map((each) => `${each.id}: ${each.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  });
}
