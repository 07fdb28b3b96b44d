import { expect, type Page } from "@playwright/test";

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
