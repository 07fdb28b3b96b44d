// Every view in every state it can be in, with made-up answers: mock/stories.mjs lists them, `npm run mock` shows them.
import { expect, test, type Page } from "@playwright/test";
import { startMock, type Mock } from "../mock/server.mjs";
import { STATES, STORIES } from "../mock/stories.mjs";
import { serious } from "./support";

let mock: Mock;
test.beforeAll(async () => { mock = await startMock(); });
test.afterAll(async () => { await mock.stop(); });

/** Whether something is wider than the screen, and what. */
const tooWide = (page: Page): Promise<string[]> => page.evaluate(() => {
  if (document.documentElement.scrollWidth <= window.innerWidth) return [];
  return [...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > window.innerWidth + 1).slice(0, 3).map((each) => each.outerHTML.slice(0, 120));
});

for (const [state, { fate, says }] of Object.entries(STATES)) {
  test(`${state}: every view ${says}`, async ({ page }) => {
    test.setTimeout(240_000);
    const wrong: string[] = [];
    page.on("pageerror", (error) => wrong.push(error.message));
    page.on("console", (message) => { if (message.type() === "error" && fate !== "nonsense" && !message.text().startsWith("Failed to load resource")) wrong.push(message.text()); });
    for (const { name, hash, of, form } of STORIES) {
      if (!of.includes(state)) continue;
      await test.step(name, async () => {
        // Away first: what a view still waits for would hold the connections of the next.
        await page.goto("about:blank");
        await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
        await page.goto(`${mock.url}/${state}/${hash}`);
        await expect(page.locator("h1"), name).not.toBeEmpty({ timeout: 20_000 });
        if (fate === "never" && form !== true) await expect(page.locator(".skeleton").first(), name).toBeVisible({ timeout: 20_000 });
        else if (fate === "nonsense" && form !== true) {
          // What failed, how to go on, and the way to the other views.
          await expect(page.getByRole("alert").first(), name).toBeVisible({ timeout: 20_000 });
          await expect(page.getByRole("alert").getByRole("button").or(page.getByRole("alert").getByRole("link")).first(), name).toBeVisible();
          await expect(page.getByRole("navigation", { name: "Views" }).first(), name).toBeVisible();
        } else if (fate === "fails" && form !== true) await expect(page.locator(".failure").first(), name).toBeVisible({ timeout: 20_000 });
        else await expect(page.locator(".skeleton"), name).toHaveCount(0, { timeout: 20_000 });
        expect(await serious(page), `${name}, light`).toEqual([]);
        await page.emulateMedia({ colorScheme: "dark" });
        expect(await serious(page), `${name}, dark`).toEqual([]);
        for (const [width, height] of [[1440, 900], [1024, 700], [390, 844]] as const) {
          await page.setViewportSize({ width, height });
          expect(await tooWide(page), `${name} at ${width}`).toEqual([]);
        }
        await page.setViewportSize({ width: 1440, height: 900 });
        expect(wrong, name).toEqual([]);
      });
    }
  });
}
