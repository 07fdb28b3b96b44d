import { expect, test } from "@playwright/test";
import { ask, known, MAY_SKIP, serious, short, signIn, TOKEN } from "./support";

test.beforeAll(() => {
  if (TOKEN === "") throw new Error("BULKHEAD_TOKEN is not set: the token of an admin of the server at BULKHEAD_URL");
});

test("a wrong token is refused in the server's words, the right one lets in", async ({ page }) => {
  await page.goto("./");
  await page.getByLabel("Token").fill("bh_wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByLabel("Token")).toHaveAttribute("aria-invalid", "true");
  await signIn(page);
  expect(await page.evaluate(() => document.cookie)).toBe("");
});

test("the map shows the services that the API knows", async ({ page }) => {
  await signIn(page);
  const { services } = await known(page);
  test.skip(MAY_SKIP && services.length === 0, "the estate is empty");
  const drawn = page.locator(".react-flow__node-service, .react-flow__node-tile");
  await expect(drawn.first()).toBeVisible();
  if (services.length <= 40) await expect(page.locator(".react-flow__node-service")).toHaveCount(services.length);
  await expect(page.getByRole("heading", { level: 1 })).not.toBeEmpty();
});

test("a service's page tells its mode, its edges and its gates", async ({ page }) => {
  await signIn(page);
  const { services, edges } = await known(page);
  const name = edges.map((edge) => edge.client).find((peer) => peer.kind === "service")?.name ?? services[0]?.name;
  test.skip(MAY_SKIP && name === undefined, "the estate is empty");
  await page.goto(`./#/services/${name ?? ""}`);
  await expect(page.getByRole("heading", { level: 1 })).toContainText(short(name ?? ""));
  await expect(page.getByText("Nano-segment", { exact: true })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Completeness" })).toBeVisible();
  await page.getByRole("button", { name: "Go to Enforce" }).or(page.getByRole("button", { name: "Go to Monitor" })).first().click();
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
});

test("events open to their detail and are linked by their address", async ({ page }) => {
  await signIn(page);
  await page.goto("./#/events");
  const first = page.getByRole("option").first();
  const empty = page.getByText("Nothing has happened yet.");
  await expect(first.or(empty)).toBeVisible();
  if (await empty.isVisible()) return;
  await first.click();
  await expect(page).toHaveURL(/#\/events\/\d+/);
  await expect(page.locator(".detail .card").first()).toBeVisible();
});

test("the question box answers as the API does", async ({ page }) => {
  await signIn(page);
  const { edges } = await known(page);
  const edge = edges.find((each) => each.client.kind === "service" && each.server.kind === "service" && each.protocol === "tcp");
  test.skip(MAY_SKIP && edge === undefined, "no edge between two services");
  await page.goto("./#/policies?tab=ask");
  await page.getByLabel("Question about the policy in force").fill(`can ${edge?.client.name ?? ""} reach ${edge?.server.name ?? ""} on ${edge?.port ?? 0}?`);
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await expect(page.locator(".answer h2")).not.toBeEmpty();
  await expect(page.locator(".answer .chip")).toBeVisible();
});

test("the editor's check tells what applying would do, and marks what is wrong", async ({ page }) => {
  await signIn(page);
  await page.goto("./#/policies?tab=edit");
  await page.locator(".cm-content").click();
  await page.keyboard.type("this is: [not a policy");
  await page.getByRole("button", { name: "Check" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await expect(page.getByRole("button", { name: "Apply" })).toBeDisabled();
});

test("what the editor offers to begin with holds as it is", async ({ page }) => {
  await signIn(page);
  const { services } = await known(page);
  test.skip(MAY_SKIP && services.length < 2, "fewer than two services");
  await page.goto("./#/policies?tab=edit");
  await page.getByRole("button", { name: "a rule for a service" }).click();
  await page.getByRole("button", { name: "Check" }).click();
  await expect(page.getByRole("button", { name: "Apply" })).toBeEnabled();
});

test("a viewer is offered no action, and the API refuses it one", async ({ page, playwright }) => {
  await signIn(page);
  const admin = await playwright.request.newContext({ baseURL: process.env.BULKHEAD_URL, extraHTTPHeaders: { authorization: `Bearer ${TOKEN}` } });
  const made = (await (await admin.post("./api/v1/tokens", { data: { name: "end-to-end viewer", role: "viewer", expires_in_seconds: 600 } })).json()) as { id: string; secret: string };
  try {
    const { services } = await known(page);
    await page.context().clearCookies();
    await signIn(page, made.secret);
    const name = services[0]?.name;
    if (name !== undefined) {
      await page.goto(`./#/services/${name}`);
      await expect(page.getByRole("heading", { level: 1 })).toContainText(short(name));
      await expect(page.getByRole("button", { name: /Quarantine|Release/ })).toHaveCount(0);
      const csrf = ((await (await page.request.get("./api/v1/session")).json()) as { csrf: string }).csrf;
      const answer = await page.request.put(`./api/v1/services/${name}/mode`, { data: { mode: "learn" }, headers: { "x-bulkhead-csrf": csrf } });
      expect(answer.status()).toBe(403);
    }
    await page.goto("./#/policies");
    await expect(page.getByRole("link", { name: "Editor" })).toHaveCount(0);
    await page.goto("./#/settings");
    await expect(page.getByRole("link", { name: "Tokens" })).toHaveCount(0);
  } finally {
    await admin.delete(`./api/v1/tokens/${made.id}`);
    await admin.dispose();
  }
});

test("the map is gone through by keys alone", async ({ page }) => {
  await signIn(page);
  const { services } = await known(page);
  test.skip(MAY_SKIP && services.length === 0, "the estate is empty");
  await expect(page.locator(".react-flow__node-service, .react-flow__node-tile").first()).toBeVisible();
  const panel = page.getByRole("complementary", { name: "Details of the selection" });
  await page.keyboard.press("ArrowDown");
  await expect(page).toHaveURL(/focus=/);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("heading", { name: "Whole estate" })).toBeVisible();
  await page.goto(`./#/map?focus=${services[0]?.name ?? ""}`);
  await expect(panel.getByRole("heading", { name: short(services[0]?.name ?? "") }).first()).toBeVisible();
  await page.keyboard.press("s");
  await expect(page).toHaveURL(new RegExp(`#/services/${services[0]?.name ?? ""}`));
});

test("a lost server is said, with enforcement first, and heals", async ({ page, context }) => {
  await signIn(page);
  await expect(page.getByText(/of 1 node|of \d+ nodes/)).toBeVisible();
  await context.setOffline(true);
  await expect(page.getByText(/Enforcement goes on/)).toBeVisible({ timeout: 30_000 });
  await context.setOffline(false);
  await expect(page.getByText(/Enforcement goes on/)).toBeHidden({ timeout: 30_000 });
});

for (const scheme of ["light", "dark"] as const) {
  test(`no view has a serious accessibility finding (${scheme})`, async ({ page }) => {
    test.setTimeout(120_000);
    await page.emulateMedia({ colorScheme: scheme });
    await signIn(page);
    const { services } = await known(page);
    const [event] = (await ask<{ items: { id: string }[] }>(page, "events?limit=1")).items;
    const of = services[0] === undefined ? [] : ["services/", "blast/", "map?layers=quiet,labels,verdicts,rings,modes,blast&focus="].map((view) => `${view}${services[0]?.name ?? ""}`);
    const policy = ["", "?tab=ask", "?tab=edit", "?tab=trials", "?tab=proposals", "?tab=history"].map((tab) => `policies${tab}`);
    const settings = ["", "?tab=learning", "?tab=tokens", "?tab=outputs", "?tab=audit"].map((tab) => `settings${tab}`);
    const views = ["map", "services", "events", ...(event === undefined ? [] : [`events/${event.id}`]), ...policy, "review", "review?by=accept", "blast", "compliance", "compliance?tab=reports", ...settings, ...of];
    for (const view of views) {
      await page.goto(`./#/${view}`);
      await expect(page.locator(".skeleton")).toHaveCount(0);
      expect(await serious(page), view).toEqual([]);
    }
  });
}
