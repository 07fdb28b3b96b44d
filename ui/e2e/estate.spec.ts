// Estates of other sizes: the real controller with its real store, told of by made-up nodes. BULKHEAD_ESTATE is the program.
import { expect, test } from "@playwright/test";
import { startEstate } from "../scripts/estate.mjs";
import { MAY_SKIP, signIn } from "./support";

const program = process.env["BULKHEAD_ESTATE"];
test.beforeEach(() => test.skip(MAY_SKIP && program === undefined, "BULKHEAD_ESTATE does not name the example `estate`"));

test("an empty estate says what comes next, and offers the demo", async ({ page }) => {
  const estate = await startEstate(program, 0, 0);
  try {
    await signIn(page, estate.token, `${estate.url}/`);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("No connection has been seen yet.");
    await expect(page.getByText("./dev demo")).toBeVisible();
    await page.goto(`${estate.url}/#/compliance`);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("No zone has been made yet.");
    await page.goto(`${estate.url}/#/blast`);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("No service has been seen yet.");
  } finally {
    await page.goto("about:blank");
    await estate.stop();
  }
});

test("a thousand services are folded, found, unfolded, and live under a thousand changes a second", async ({ page }) => {
  const estate = await startEstate(program);
  try {
    await signIn(page, estate.token, `${estate.url}/`);
    const drawn = page.locator(".react-flow__node-tile, .react-flow__node-service, .react-flow__node-rest");
    await expect(page.locator(".react-flow__node-tile").first()).toBeVisible();
    expect(await drawn.count()).toBeLessThanOrEqual(300);
    // What is looked for in a folded zone unfolds it, and is there.
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").getByRole("textbox").fill("team-31/queue");
    await page.keyboard.press("Enter");
    await expect(page.locator('.react-flow__node[data-id="team-31/queue"]')).toBeInViewport();
    await page.keyboard.press("Escape");
    await page.goto(`${estate.url}/#/map`);
    await page.keyboard.press("z");
    await expect(page.locator(".react-flow__node-tile")).toHaveCount(40);
    await page.keyboard.press("z");
    await expect(page.locator(".react-flow__node-tile")).toHaveCount(0);
    expect(await drawn.count()).toBeLessThanOrEqual(300);

    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").getByRole("textbox").fill("team-17/queue");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("complementary", { name: "Details of the selection" }).getByRole("heading", { name: /queue/ })).toBeVisible();

    await estate.ask("changes 1000");
    await estate.ask("edge");
    await expect(page.locator(".time-bar .sr")).toContainText("10,007 edges");
    // While all of that arrives, the page still answers.
    await page.keyboard.press("Escape");
    await expect(page.getByRole("heading", { name: "Whole estate" })).toBeVisible();
    await page.goto(`${estate.url}/#/services`);
    await expect(page.getByRole("heading", { level: 1 })).toContainText("1,000");
  } finally {
    await page.goto("about:blank");
    await estate.stop();
  }
});

test("a thousand denials a second neither take away what is read, nor the page", async ({ page }) => {
  const estate = await startEstate(program, 200, 1000);
  try {
    await signIn(page, estate.token, `${estate.url}/`);
    await estate.ask("denials 10");
    await page.goto(`${estate.url}/#/events?group=denials`);
    const headline = page.getByRole("heading", { level: 1 });
    await expect(page.getByRole("option").first()).toBeVisible();
    const opened = await headline.textContent();
    await estate.ask("denials 1000");
    const list = page.getByRole("region", { name: "Events" });
    // More than the first page holds.
    await expect.poll(() => list.evaluate((each) => each.scrollHeight)).toBeGreaterThan(54 * 500);
    // Nobody chose another event: the buttons above would act upon one that was never looked at.
    expect(await headline.textContent()).toBe(opened);
    // Who reads further down keeps their place.
    await list.evaluate((each) => each.scrollTo({ top: 54 * 40 }));
    const above = page.getByRole("button", { name: /newer events?/ });
    await expect(above).toBeVisible();
    const read = () => list.evaluate((each) => {
      const edge = each.getBoundingClientRect();
      return [...each.querySelectorAll("[role=option]")].find((row) => row.getBoundingClientRect().top > edge.top + 60)?.getAttribute("href");
    });
    const place = await read();
    const before = await above.textContent();
    await expect(above).not.toHaveText(before ?? "");
    expect(await read()).toBe(place);
    await page.getByLabel("Show only events that contain").fill("gateway");
    await expect(page.getByRole("option").first()).toContainText("gateway");
  } finally {
    await page.goto("about:blank");
    await estate.stop();
  }
});
