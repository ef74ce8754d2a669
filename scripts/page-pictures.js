// Takes the pictures of the page in docs/page.md: `npm run figures:page`. It needs a browser, as the tests do.
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { openBrowser, serve } from "../test/browser.js";
import { build } from "./build.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const figures = path.join(root, "docs/figures");
await build();
const server = await serve(path.join(root, "dist/page"));
const browser = await openBrowser();
try {
  // A pendulum that has learned to stand, while it still trains.
  await picture("page-learning.png", { width: 1160, height: 900 }, async () => {});
  await picture("page-phone.png", { width: 390, height: 760, scale: 1.5 }, async () => {});
  await picture("page-update.png", { width: 1000, height: 900, of: "#inside" }, async (tab) => {
    await tab.locator("#play").click();
    await tab.locator("#inside-look").click();
    await tab.locator("#inside-tab-5").click();
  });
} finally {
  await browser.close();
  await server.close();
}

/** Takes one picture of the page or of an element, after 3,000 steps of training and what `prepare` does. */
async function picture(name, { width, height, scale = 1, of }, prepare) {
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: scale,
    colorScheme: "light",
  });
  const tab = await context.newPage();
  tab.setDefaultTimeout(100_000);
  await tab.goto(server.url);
  await tab.locator("#speed input[value='Infinity']").check({ force: true });
  await tab.locator("#tour-skip").click();
  await tab.waitForFunction(() => ["paused", "playing"].includes(document.documentElement.dataset.phase));
  if ((await tab.locator("#play").textContent()) === "Play") await tab.locator("#play").click();
  await tab.waitForFunction(() => Number(document.documentElement.dataset.step) >= 3000);
  await tab.locator("#speed input[value='1']").check({ force: true });
  await prepare(tab);
  await tab.evaluate(() => scrollTo(0, 0));
  await tab.waitForTimeout(1500);
  const target = of ? tab.locator(of) : tab;
  await target.screenshot({ path: path.join(figures, name) });
  await context.close();
}
