// `ddpg watch` in a real browser: a finished run, a run in progress, and access from foreign pages.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Ddpg, Pendulum } from "ddpg";
import { readMetrics, readResult } from "ddpg/node";
import { RunDirectory } from "../dist/node/run-directory.js";
import { versions } from "../dist/node/versions.js";
import { icon, openBrowser, serve } from "./browser.js";
import { watch } from "./watching.js";

const program = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "bin/ddpg.js");
const cart = `export default class Cart {
  observationSize = 1;
  actionLow = [-1];
  actionHigh = [1];
  steps = 0;
  reset(random) {
    this.steps = 0;
    return [random.uniform(-1, 1)];
  }
  step(action) {
    const truncated = ++this.steps === 20;
    const info = { size: Math.abs(action[0]) };
    return { observation: [action[0]], reward: -Math.abs(action[0]), terminated: false, truncated, info };
  }
}
`;
/** A cart with a scene, which rolls around. */
const drawn = `export default class Rolling {
  observationSize = 1;
  actionLow = [-1];
  actionHigh = [1];
  steps = 0;
  scene = {
    shapes: [{ kind: "box", size: [0.3, 0.2, 0.1], color: [0.8, 0.2, 0.1, 1] }],
    camera: { target: [0, 0, 0], distance: 4, azimuth: 90, elevation: -15 },
    stepSeconds: 0.02,
    writePoses: (out) => out.set([Math.sin(this.steps / 9), 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]),
  };
  reset() {
    this.steps = 0;
    return [0];
  }
  step([action]) {
    this.steps++;
    return { observation: [action], reward: 1 - action, terminated: false, truncated: this.steps === 50 };
  }
}
`;

describe("ddpg watch in a browser", { timeout: 120_000 }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-watch-page-"));
  const inFolder = (...names) => path.join(folder, ...names);
  const train = (...args) =>
    execFileSync(process.execPath, [program, "train", ...args, "--no-progress", "--episodes", "20"], {
      cwd: folder,
      stdio: "pipe",
    });
  let browser;

  before(async () => {
    fs.writeFileSync(inFolder("cart.js"), cart);
    train("Pendulum-v1", "--steps", "1500", "--seed", "3", "--batch-size", "32", "--out", "ended");
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Opens a run in `ddpg watch`, passes the tab to `use`, and checks that there were no complaints. */
  async function visit(t, run, use) {
    const watching = await watch(t, program, folder, run);
    const complaints = [];
    const tab = await browser.newPage();
    tab.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    tab.on("pageerror", (error) => complaints.push(String(error)));
    tab.on("request", (request) => {
      if (!request.url().startsWith(watching.url) && !request.url().startsWith("data:")) complaints.push(request.url());
    });
    try {
      await tab.goto(watching.url);
      await use(tab, { ...watching, complaints });
      assert.deepEqual(complaints, []);
    } finally {
      await tab.close();
    }
  }

  const phase = (tab, name) => tab.locator(`html[data-phase="${name}"]`).waitFor({ state: "attached" });
  const step = (tab, number) => tab.locator(`html[data-step="${number}"]`).waitFor({ state: "attached" });
  const text = (tab, selector) => tab.locator(selector).textContent();

  it("shows a finished run: its curve, its policy in action, its settings and its files", (t) =>
    visit(t, "ended", async (tab) => {
      await phase(tab, "finished");
      await step(tab, 1500);
      assert.equal(await tab.title(), "ended – ddpg watch");
      assert.equal(await text(tab, "#run-what"), "Pendulum-v1, preset small, seed 3, 1,500 steps");
      const { evaluation, fingerprint } = readResult(inFolder("ended"));
      const minus = (value) => String(Math.round(value)).replace("-", "−");
      const mean = `${minus(evaluation.meanReturn).replace(/(\d)(\d{3})$/, "$1,$2")} ± `;
      assert.ok((await text(tab, "#hint")).startsWith(`Finished: ${mean}`), await text(tab, "#hint"));
      assert.equal(await text(tab, "#fingerprint"), fingerprint);
      assert.equal(await text(tab, "#steps"), "1,500");
      assert.equal(await text(tab, "#episodes"), "7");
      const records = readMetrics(inFolder("ended"));
      const { criticLoss, saturation } = records.findLast(({ type }) => type === "diagnostics");
      const { valueBias } = records.findLast(({ type }) => type === "evaluation");
      const shown = async (selector) => Number((await text(tab, selector)).replace("−", "-").replace(/[,% ]/g, ""));
      const near = (a, b) => Math.abs(a - b) <= 0.01 * Math.abs(b) + 0.0006;
      assert.ok(near(await shown("#critic-loss"), criticLoss), `${await text(tab, "#critic-loss")} of ${criticLoss}`);
      assert.ok(near(await shown("#value-bias"), valueBias), `${await text(tab, "#value-bias")} of ${valueBias}`);
      assert.equal(await text(tab, "#saturation"), `${Math.round(100 * saturation[0])} %`);
      assert.equal(await text(tab, "#left"), "–", "nothing is left of a finished run");
      await tab.locator("#curve canvas").waitFor();
      await tab.locator("#world-caption", { hasText: /^After 1,500 steps, torque −?\d/ }).waitFor();
      assert.equal(
        await text(tab, "#settings-what"),
        "Settings that differ from the preset small. The arithmetic is fused.",
      );
      assert.match(await text(tab, "#settings-changed"), /^batchSize32 instead of 64transitions/);
      assert.equal(await tab.locator("#seven-steps details").count(), 7);
      // Both maps have colors, because the checkpoint has both networks.
      for (const map of ["#map-action", "#map-value"]) {
        await tab.waitForFunction((map) => {
          const canvas = document.querySelector(map);
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return new Set(new Uint32Array(data.buffer)).size > 100;
        }, map);
      }
      // On a phone nothing is wider than the screen, with all details open.
      await tab.setViewportSize({ width: 360, height: 740 });
      await tab.evaluate(() => {
        for (const details of document.querySelectorAll("details")) details.open = true;
      });
      await tab.waitForFunction(() => document.documentElement.scrollWidth === 360);
      // A hidden page closes its connection. When it is visible again, it receives everything again.
      const turn = (hidden) =>
        tab.evaluate((hidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }, hidden);
      const events = (request) => request.url().endsWith("/run/events");
      await Promise.all([tab.waitForEvent("requestfailed", events), turn(true)]);
      await Promise.all([tab.waitForEvent("request", events), turn(false)]);
      await step(tab, 1500);
      for (const name of ["config.json", "metrics.jsonl", "result.json", "policy.safetensors", "best.safetensors"]) {
        const [download] = await Promise.all([
          tab.waitForEvent("download"),
          tab.getByText(name, { exact: true }).click(),
        ]);
        assert.equal(download.suggestedFilename(), name);
        assert.deepEqual(fs.readFileSync(await download.path()), fs.readFileSync(inFolder("ended", name)), name);
      }
    }));

  it("follows a run in progress to its end, loses the connection and reconnects", async (t) => {
    const agent = await Ddpg.create(new Pendulum(), { preset: "small" });
    const { settings } = agent;
    const evaluation = { every: 100, episodes: 1, finalEpisodes: 1 };
    const decided = { environment: "Pendulum-v1", preset: "small", seed: 1, steps: 1000, settings, evaluation };
    const records = RunDirectory.create(inFolder("live"), { ...decided, versions: versions() });
    const evaluate = (step) => {
      const [meanReturn, seconds] = [-1000 + step, step / 100];
      const rest = { episodes: 1, standardError: Number.NaN, meanLength: 200, valueBias: 0, seconds };
      records.append({ type: "evaluation", step, meanReturn, ...rest });
      records.flush();
    };
    evaluate(0);
    await visit(t, "live", async (tab, { url, end, complaints }) => {
      await phase(tab, "training");
      assert.equal(await text(tab, "#hint"), "Training in another process. This page follows it.");
      await tab.locator("#world-caption", { hasText: /^There is no policy yet/ }).waitFor();
      records.writePolicy(agent.policy.save(), "best");
      evaluate(100);
      await step(tab, 100);
      await tab.locator("#world-caption", { hasText: /^The best policy, after 100 steps, torque −?\d/ }).waitFor();
      await tab.locator("#no-value").waitFor();
      evaluate(200);
      await step(tab, 200);
      await tab.locator("#evaluation", { hasText: "−800" }).waitFor();
      assert.equal(await text(tab, "#rate"), "100");
      assert.equal(await text(tab, "#left"), "8 s");

      assert.equal(await tab.locator("#lost").isVisible(), false);
      await end();
      await tab.locator("#lost").waitFor();
      evaluate(300);
      await watch(t, program, folder, "live", "--port", new URL(url).port);
      await step(tab, 300);
      await tab.locator("#lost").waitFor({ state: "hidden" });
      // The browser reports the refused connections.
      assert.ok(complaints.every((complaint) => /ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED|EMPTY)/.test(complaint)));
      complaints.length = 0;

      records.writePolicy(agent.policy.save(), "last");
      const out = { steps: 300, trainingSeconds: 3, stepsPerSecond: 100, threads: 1, fingerprint: agent.fingerprint() };
      records.writeResult({ ...decided, ...out, evaluation: null, interrupted: true });
      records.close();
      await phase(tab, "stopped");
      assert.match(
        await text(tab, "#hint"),
        /^Stopped early after 300 of 1,000 steps\. Run ddpg resume to continue it/,
      );
      fs.renameSync(inFolder("live"), inFolder("moved"));
      await phase(tab, "gone");
    });
  });

  it("shows only the records if it cannot simulate the environment", async (t) => {
    train("./cart.js", "--preset", "small", "--steps", "400", "--out", "own");
    await visit(t, "own", async (tab) => {
      await phase(tab, "finished");
      await step(tab, 400);
      await tab.locator("#curve canvas").waitFor();
      assert.match(
        await text(tab, "#no-scene"),
        /^This page cannot simulate a custom environment, .* ddpg watch own --environment <path>\.$/,
      );
      assert.equal(await tab.locator("#body").isVisible(), false);
      assert.equal(await tab.locator("#maps").isVisible(), false);
      assert.match(await text(tab, "#files"), /policy\.safetensors/);

      // The curve shows the environment's info too, which here is the size of the action: minus the mean reward.
      const read = async (quantity) => {
        await tab.locator("#curve-quantity select").selectOption(quantity);
        await tab.locator("#curve").press("ArrowLeft");
        await tab.locator("#curve-readout", { hasText: /^Step 400 / }).waitFor();
        return text(tab, "#curve-readout");
      };
      const { return: last, info } = readMetrics(inFolder("own")).findLast((record) => record.type === "episode");
      assert.match(await read("return"), new RegExp(`episode ${Math.round(last)}`.replace("-", "−")));
      const size = info.size >= 1 ? info.size.toFixed(2) : info.size.toFixed(3);
      assert.match(await read("size"), new RegExp(`evaluation [01]\\.\\d+ · episode ${size}$`));
    });
  });

  it("shows the body of an environment of the user's own that the command names, and its end", async (t) => {
    fs.writeFileSync(inFolder("drawn.js"), drawn);
    train("./drawn.js", "--preset", "small", "--steps", "200", "--out", "drawn");
    const solid = await openBrowser({ flags: ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"] });
    t.after(() => solid.close());
    const { url, end } = await watch(t, program, folder, "drawn", "--environment", "drawn.js");
    const tab = await solid.newPage();
    const complaints = [];
    tab.on("pageerror", (error) => complaints.push(String(error)));
    await tab.goto(url);
    await tab.locator("#world-caption", { hasText: /^After 200 steps, return −?[\d.]+ in \d+ steps$/ }).waitFor();
    const canvas = tab.locator("#stage canvas");
    const picture = async () => (await canvas.screenshot({ animations: "allow" })).toString("base64");
    const before = await picture();
    while ((await picture()) === before);
    for (const hidden of ["#world", "#push", "#acts", "#no-scene", "#maps"])
      assert.ok(await tab.locator(hidden).isHidden(), hidden);
    assert.equal(await text(tab, "#stage-message"), "");
    await end();
    assert.deepEqual(complaints, []);

    fs.writeFileSync(
      inFolder("broken.js"),
      drawn.replace("this.steps++;", 'if (++this.steps === 9) throw new Error("a wheel came off");'),
    );
    const broken = await watch(t, program, folder, "drawn", "--environment", "broken.js");
    await tab.goto(broken.url);
    await tab
      .locator("#stage-message", { hasText: /^broken evaluation episode 1 step 9: a wheel came off$/ })
      .waitFor();
  });

  it("reports damaged files and shows the rest", async (t) => {
    fs.cpSync(inFolder("ended"), inFolder("damaged"), { recursive: true });
    fs.appendFileSync(inFolder("damaged", "metrics.jsonl"), "this is no record\n");
    const policy = fs.readFileSync(inFolder("damaged", "policy.safetensors"));
    policy[policy.length - 9] ^= 1;
    fs.rmSync(inFolder("damaged", "checkpoint.safetensors"));
    await visit(t, "damaged", async (tab) => {
      await step(tab, 1500);
      await tab
        .locator("#problem", { hasText: /^metrics\.jsonl line \d+: expected one JSON object, got "this is no record"/ })
        .waitFor();
    });
    fs.cpSync(inFolder("ended", "metrics.jsonl"), inFolder("damaged", "metrics.jsonl"));
    fs.writeFileSync(inFolder("damaged", "policy.safetensors"), policy);
    await visit(t, "damaged", async (tab) => {
      await step(tab, 1500);
      await tab
        .locator("#problem", { hasText: /policy\.safetensors: .*The file was damaged after it was written/ })
        .waitFor();
    });
  });

  it("names the problem with files that do not fit, and stays whole", async (t) => {
    const inRun = (name) => inFolder("hostile", name);
    fs.cpSync(inFolder("ended"), inFolder("hostile"), { recursive: true });
    const evaluation = fs.readFileSync(inRun("metrics.jsonl"), "utf8").split("\n")[0];
    const large = ["1e308", "-1e308"].map((value) => evaluation.replace(/"meanReturn":[^,]*/, `"meanReturn":${value}`));
    fs.appendFileSync(inRun("metrics.jsonl"), [...large, 'x\rdata: "gone"\r\r', ""].join("\n"));
    const other = await Ddpg.create({ observationSize: 5, actionLow: [-2], actionHigh: [2] }, { preset: "small" });
    fs.writeFileSync(inRun("policy.safetensors"), other.policy.save());
    fs.rmSync(inRun("checkpoint.safetensors"));
    const config = fs.readFileSync(inRun("config.json"), "utf8");
    const problem = (tab, words) => tab.locator("#problem", { hasText: words }).waitFor();
    await visit(t, "hostile", async (tab) => {
      await problem(tab, /policy\.safetensors: Pendulum-v1 observationSize: expected 3, got 5/);
      await phase(tab, "finished");
      fs.writeFileSync(inRun("config.json"), config.replace('"settings": {', '"settings": { "unknown": 1,'));
      await problem(tab, /config\.json settings .*there is no setting "unknown"/);
      await phase(tab, "gone");
      assert.equal(await text(tab, "#hint"), "This page continues when the problem is solved.");
      assert.equal(await tab.locator("#curve canvas").isVisible(), true);
      fs.writeFileSync(inRun("config.json"), config);
      fs.cpSync(inFolder("ended", "policy.safetensors"), inRun("policy.safetensors"));
      await phase(tab, "finished");
      await tab.locator("#world-caption", { hasText: /^After 1,500 steps, torque −?\d/ }).waitFor();
      await problem(tab, /^metrics\.jsonl line \d+: expected one JSON object/);
    });
  });

  it("rejects other pages of the same browser, and other names for this machine", async (t) => {
    const watching = await watch(t, program, folder, "ended");
    fs.mkdirSync(inFolder("site"));
    fs.writeFileSync(inFolder("site", "index.html"), `<!doctype html><title>Another</title>${icon}`);
    const other = await serve(inFolder("site"));
    const tab = await browser.newPage();
    try {
      await tab.goto(`${other.url}/`);
      const got = await tab.evaluate(async (url) => {
        const opens = (element, place) =>
          new Promise((resolve) => {
            element.onload = () => resolve("open");
            element.onerror = () => resolve("closed");
            element.src = place;
            document.body.append(element);
          });
        const events = new EventSource(`${url}run/events`);
        return Promise.all([
          fetch(`${url}run/config.json`).then(
            () => "open",
            () => "closed",
          ),
          fetch(`${url}run/config.json`, { mode: "no-cors" }).then(
            () => "open",
            () => "closed",
          ),
          opens(document.createElement("script"), `${url}run/config.json`),
          opens(document.createElement("img"), `${url}run/config.json`),
          new Promise((resolve) => {
            events.onopen = () => resolve("open");
            events.onerror = () => resolve("closed");
          }),
        ]);
      }, watching.url);
      assert.deepEqual(got, ["closed", "closed", "closed", "closed", "closed"]);
      // Browsers resolve every name below localhost to this machine, so such a name acts like a rebound DNS name.
      const rebound = await tab.goto(watching.url.replace("127.0.0.1", "evil.localhost"));
      assert.equal(rebound.status(), 403);
      assert.match(
        await tab.locator("body").textContent(),
        /^Expected the host 127\.0\.0\.1:\d+, got "evil\.localhost:/,
      );
      const right = await tab.goto(watching.url.replace("127.0.0.1", "localhost"));
      assert.equal(right.status(), 200);
      await phase(tab, "finished");
    } finally {
      await tab.close();
      await other.close();
    }
  });
});
