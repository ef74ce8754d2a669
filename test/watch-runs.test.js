// `ddpg watch` of several runs in a real browser: one that trains while the page is open, one that failed, one that finished.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Ddpg, Pendulum } from "ddpg";
import { RunDirectory } from "../dist/node/run-directory.js";
import { versions } from "../dist/node/versions.js";
import { openBrowser } from "./browser.js";
import { watch } from "./watching.js";

const program = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "bin/ddpg.js");
// Windows does not allow these characters in names.
const hostile = process.platform === "win32" ? "failed" : "<img src=x onerror=alert(1)>";
const reason = "a sensor <b onclick=alert(2)>broke</b>";

/** In the page: whether each color of a group is in the chart at its full strength, as `wanted` has it. */
function areDrawn(wanted) {
  const canvas = document.querySelector("#curves");
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  const found = new Set();
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] === 255) found.add(`rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`);
  const marks = [...document.querySelectorAll("#groups .mark")];
  const drawn = marks.map((mark) => found.has(getComputedStyle(mark).backgroundColor));
  return String(drawn) === String(wanted);
}

describe("ddpg watch of several runs in a browser", { timeout: 120_000 }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-watch-runs-"));
  const inFolder = (...names) => path.join(folder, ...names);
  let browser;
  let agent;
  let live;

  const begin = (name, seed, batchSize, environment = "Pendulum-v1") => {
    const decided = { environment, preset: "small", seed, steps: 1000 };
    const settings = { ...agent.settings, batchSize };
    const evaluation = { every: 100, episodes: 1, finalEpisodes: 1 };
    return RunDirectory.create(inFolder("runs", name), { ...decided, settings, evaluation, versions: versions() });
  };
  const evaluate = (records, step, meanReturn) => {
    const rest = { episodes: 1, standardError: Number.NaN, meanLength: 200, valueBias: 0, seconds: step / 10 };
    records.append({ type: "evaluation", step, meanReturn, ...rest });
    records.flush();
  };
  const end = (records, seed, changes) => {
    records.writePolicy(agent.policy.save(), "last");
    const out = { steps: 1000, trainingSeconds: 90, stepsPerSecond: 11, threads: 1, fingerprint: agent.fingerprint() };
    records.writeResult({ environment: "Pendulum-v1", preset: "small", seed, ...out, ...changes });
    records.close();
  };

  before(async () => {
    agent = await Ddpg.create(new Pendulum(), { preset: "small" });
    const finished = begin("finished", 1, 64);
    for (let step = 0; step <= 1000; step += 100) evaluate(finished, step, -1000 + step / 2);
    end(finished, 1, { evaluation: { meanReturn: -480, standardError: 10, episodes: 20 } });
    const failed = begin(hostile, 2, 64);
    evaluate(failed, 0, -1200);
    end(failed, 2, { steps: 350, evaluation: null, failed: reason });
    live = begin("live", 1, 32);
    evaluate(live, 0, -900);
    browser = await openBrowser();
  });
  after(async () => {
    live?.close();
    await browser?.close();
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it("shows their rows and curves, moves the row of the one that trains, opens one and leads back", async (t) => {
    const { url } = await watch(t, program, folder, "runs");
    const complaints = [];
    const tab = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    tab.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    tab.on("pageerror", (error) => complaints.push(String(error)));
    tab.on("dialog", (dialog) => complaints.push(dialog.message()));
    tab.on("request", (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith("data:")) complaints.push(request.url());
    });
    try {
      await tab.goto(url);
      await tab.locator('html[data-runs="3"]').waitFor({ state: "attached" });
      assert.equal(await tab.title(), "runs – ddpg watch");
      assert.equal(await tab.locator("#counts").textContent(), "3 runs: 1 complete, 1 running, 1 failed");
      const names = () => tab.locator("#table tbody th").allTextContents();
      assert.deepEqual(await names(), ["live", "finished", hostile]);
      const cell = (state, column) => tab.locator(`#table tr[data-state="${state}"] .${column}`);
      const cells = async (state) =>
        Promise.all(
          ["group", "seed", "steps", "last", "best", "final"].map((column) => cell(state, column).textContent()),
        );
      assert.deepEqual(await cells("complete"), ["batchSize 64", "1", "1,000 of 1,000", "−500", "−500", "−480"]);
      assert.deepEqual(await cells("running"), ["batchSize 32", "1", "0 of 1,000", "−900", "−900", "–"]);
      assert.deepEqual(await cells("failed"), ["batchSize 64", "2", "350 of 1,000", "−1,200", "−1,200", "–"]);
      // What a file says is text, and neither an element nor a program.
      assert.equal(await cell("failed", "reason").textContent(), reason);
      assert.equal(await tab.locator("#table img, #table tbody [onclick]").count(), 0);

      // Both groups have their color in the chart.
      await tab.waitForFunction(areDrawn, [true, true]);
      assert.deepEqual(await tab.locator("#groups li").allTextContents(), ["batchSize 32", "batchSize 64"]);

      // The run that trains moves on, and the page follows.
      evaluate(live, 100, -700);
      await cell("running", "last").filter({ hasText: "−700" }).waitFor();
      assert.equal(await cell("running", "steps").textContent(), "100 of 1,000");
      assert.match(await cell("running", "time").textContent(), /^10 s, 2 min left$/);
      // The pointer on the curve's newest point names the run.
      const box = await tab.locator("#curves").boundingBox();
      const [left, right] = [box.x + 64, box.x + box.width - 24];
      await tab.mouse.move(right, box.y + 20);
      await tab.locator("#readout", { hasText: "finished · batchSize 64 · seed 1 · step 1,000: −500" }).waitFor();
      await tab.mouse.move(left + 1, box.y - 5);

      const later = begin("later", 3, 64);
      evaluate(later, 0, -800);
      await tab.locator('html[data-runs="4"]').waitFor({ state: "attached" });
      assert.deepEqual(await names(), ["live", "finished", hostile, "later"]);
      // The pointer on a row brings its curve out. The run goes, and the others have their color back.
      await tab.getByText("later", { exact: true }).hover();
      await tab.waitForFunction(areDrawn, [false, true]);
      later.close();
      fs.rmSync(inFolder("runs", "later"), { recursive: true });
      await tab.locator('html[data-runs="3"]').waitFor({ state: "attached" });
      await tab.waitForFunction(areDrawn, [true, true]);

      // A reader sorts, opens a run, and finds the same order when coming back.
      await tab.getByRole("button", { name: "last" }).click();
      assert.deepEqual(await names(), ["finished", "live", hostile]);
      await tab.setViewportSize({ width: 390, height: 844 });
      await tab.waitForFunction(() => document.documentElement.scrollWidth === 390);
      // "10 s, 2 min left" is longer than a third of a phone.
      assert.equal(await cell("running", "time").isVisible(), true);
      const cut = await tab.evaluate(() =>
        [...document.querySelectorAll("#table tbody :is(th, td)")]
          .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
          .map(({ className, textContent }) => `${className} ${textContent}`),
      );
      assert.deepEqual(cut, []);
      await tab.setViewportSize({ width: 1440, height: 900 });
      // The link of the row covers all of it.
      await cell("complete", "state").click({ force: true });
      await tab.locator('html[data-phase="finished"]').waitFor({ state: "attached" });
      await tab.locator('html[data-step="1000"]').waitFor({ state: "attached" });
      await tab.locator("#world-caption", { hasText: /^After 1,000 steps, torque −?\d/ }).waitFor();
      assert.equal(await tab.locator("#run").textContent(), "finished");
      const config = await tab.evaluate(async () => (await fetch("./run/config.json")).json());
      assert.equal(config.seed, 1);
      await tab.goBack();
      await tab.locator('html[data-runs="3"]').waitFor({ state: "attached" });
      assert.deepEqual(await names(), ["finished", "live", hostile]);
      await tab.getByText(hostile, { exact: true }).click();
      await tab.locator('html[data-phase="stopped"]').waitFor({ state: "attached" });
      assert.equal(await tab.locator("#run").textContent(), hostile);
      await tab.getByRole("link", { name: "all runs" }).click();
      await tab.locator('html[data-runs="3"]').waitFor({ state: "attached" });
      assert.deepEqual(complaints, []);
    } finally {
      await tab.close();
    }
  });

  it("keeps the chosen environment while others come and go, and says that the connection is lost", async (t) => {
    const place = inFolder("mixed");
    const add = (name, environment, meanReturn) => {
      const records = begin(path.join("..", "mixed", name), 1, 64, environment);
      evaluate(records, 0, meanReturn);
      records.close();
    };
    add("b", "B-v1", -1);
    add("c", "C-v1", -2);
    const { url, end } = await watch(t, program, folder, "mixed");
    const tab = await browser.newPage();
    try {
      await tab.goto(url);
      const select = tab.locator("#environment");
      const chosen = () => select.evaluate(({ selectedOptions }) => selectedOptions[0].text);
      await select.selectOption({ label: "C-v1" });
      add("a", "A-v1", -3);
      await tab.locator('html[data-runs="3"]').waitFor({ state: "attached" });
      assert.deepEqual(await select.locator("option").allTextContents(), ["A-v1", "B-v1", "C-v1", "all environments"]);
      assert.equal(await chosen(), "C-v1");
      fs.rmSync(path.join(place, "a"), { recursive: true });
      await tab.locator('html[data-runs="2"]').waitFor({ state: "attached" });
      assert.equal(await chosen(), "C-v1");
      await select.selectOption({ label: "all environments" });
      fs.rmSync(path.join(place, "b"), { recursive: true });
      await tab.locator('html[data-runs="1"]').waitFor({ state: "attached" });
      assert.equal(await select.isVisible(), false);

      assert.equal(await tab.locator("#lost").isVisible(), false);
      await end();
      await tab.locator("#lost").waitFor();
      const port = new URL(url).port;
      await watch(t, program, folder, "mixed", "--port", port);
      await tab.locator("#lost").waitFor({ state: "hidden" });
      assert.equal(await tab.locator('html[data-runs="1"]').count(), 1);
    } finally {
      await tab.close();
    }
  });

  it("shows one run that is given directly without a way to others", async (t) => {
    const { url } = await watch(t, program, folder, path.join("runs", "finished"));
    const tab = await browser.newPage();
    try {
      await tab.goto(url);
      await tab.locator('html[data-phase="finished"]').waitFor({ state: "attached" });
      assert.equal(await tab.locator("#all-runs").isVisible(), false);
    } finally {
      await tab.close();
    }
  });
});
