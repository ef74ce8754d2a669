// MuJoCo tasks on the built page, in a real browser that draws 3D without a GPU.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Ddpg, environments, train } from "ddpg";
import { openBrowser, serve } from "./browser.js";
import { watch } from "./watching.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const program = path.join(root, "bin/ddpg.js");
const built = path.join(fs.realpathSync(path.join(root, "dist")), "page");
const names = Object.keys(environments).filter((name) => /-v5$|^dm_control\//.test(name));

describe("the page, with a MuJoCo task", { timeout: 900_000 }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-mujoco-"));
  let server;
  let browser;
  before(async () => {
    const flags = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"];
    [browser, server] = await Promise.all([openBrowser({ flags }), serve(built)]);
  });
  after(async () => {
    await Promise.all([browser?.close(), server?.close()]);
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Opens the page at a link, passes the tab and the names of requested files to `use`, and checks for complaints. */
  async function visit(link, use, { browser: its = browser, url = server.url, tolerates = /ReadPixels/ } = {}) {
    const tab = await its.newPage({ viewport: { width: 360, height: 700 }, reducedMotion: "reduce" });
    const complaints = [];
    const asked = [];
    tab.on("console", (message) => {
      const isGood = !["error", "warning"].includes(message.type()) || tolerates.test(message.text());
      if (!isGood) complaints.push(message.text());
    });
    tab.on("pageerror", (error) => complaints.push(String(error)));
    tab.on("request", (request) => {
      asked.push(request.url().replace(/^.*\//, ""));
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(url)) complaints.push(request.url());
    });
    try {
      await tab.goto(`${url}/${link}`);
      await use(tab, asked);
      assert.deepEqual(complaints, []);
    } finally {
      await tab.close();
    }
  }

  const reached = (tab, phase) => tab.locator(`html[data-phase="${phase}"]`).waitFor({ state: "attached" });
  const learned = (tab) => tab.locator("html[data-updates]:not([data-updates='0'])").waitFor({ state: "attached" });
  const caption = (tab, hasText) => tab.locator("#world-caption", { hasText }).waitFor();
  const canvas = (tab) => tab.locator("#stage canvas");
  /** A screenshot of the scene, for comparing two moments. */
  const picture = async (tab) => (await canvas(tab).screenshot({ animations: "allow" })).toString("base64");
  const moves = async (tab) => {
    const first = await picture(tab);
    await until(async () => (await picture(tab)) !== first);
  };

  const parts = [/^solid-worker-.*\.js$/, /^mujoco-.*\.js$/, /^mujoco-.*\.wasm$/, /^stage-.*\.js$/];

  it("loads MuJoCo and three.js only when such a task is selected; then the task learns and its body moves", () =>
    visit("", async (tab, asked) => {
      await tab.locator("#play").click();
      await learned(tab);
      for (const part of parts) assert.ok(!asked.some((name) => part.test(name)), `${part} at first: ${asked}`);
      assert.deepEqual(await tab.locator("#field-task optgroup[label^=MuJoCo] option").allTextContents(), names);

      await tab.locator("#field-task").selectOption("InvertedPendulum-v5");
      await tab.locator("#field-warmupSteps").fill("200");
      await tab.locator("#experiment [type=submit]").click();
      await learned(tab);
      for (const part of parts)
        assert.ok(
          asked.some((name) => part.test(name)),
          `${part} of ${asked}`,
        );
      await caption(tab, /The current policy, return \d/);
      await moves(tab);
      assert.match(
        tab.url(),
        /#task=InvertedPendulum-v5&preset=small&seed=1&steps=20000&arithmetic=fused&warmupSteps=200&speed=full$/,
      );
      assert.ok(await tab.locator("#world").isHidden());
      assert.ok(await tab.locator("#maps").isHidden());

      await tab.locator("#field-task").selectOption("Pendulum-v1");
      await tab.locator("#experiment [type=submit]").click();
      await tab.locator("#world").waitFor();
      await tab.locator("#maps").waitFor();
      assert.equal(await canvas(tab).count(), 0, "the stage was removed");
      assert.equal(tab.workers().length, 1, "the simulation worker was stopped");
    }));

  it("gives Node's fingerprint", () =>
    visit(`#task=InvertedPendulum-v5&seed=3&${new URLSearchParams(texts)}&steps=263&speed=full`, async (tab) => {
      await tab.locator("#play").click();
      await reached(tab, "ended");
      assert.equal(await tab.locator("html").getAttribute("data-updates"), "200");
      const environment = await environments["InvertedPendulum-v5"].create();
      const portable = { arithmetic: "portable", preset: "robust" };
      const agent = await Ddpg.create(environment, { ...portable, seed: 3, ...small });
      for await (const { step } of train(agent, environment)) if (step === 263) break;
      environment.close();
      await tab.locator("#fingerprint", { hasText: agent.fingerprint() }).waitFor();
    }));

  it("shows the training body while it is stepped, from any point of view", () =>
    visit(`#task=Hopper-v5&${new URLSearchParams(texts)}&speed=1`, async (tab) => {
      await reached(tab, "paused");
      await tab.locator("#step").click();
      await caption(tab, /^\s*In training, step 1$/);
      const first = await picture(tab);
      // After a few more steps the body looks different.
      for (let step = 2; step <= 5; step++) {
        await tab.locator("#step").click();
        await caption(tab, new RegExp(`^\\s*In training, step ${step}$`));
      }
      await until(async () => (await picture(tab)) !== first);
      assert.ok(await tab.locator("#push").isDisabled());

      // The body does not move now, so any change is a change of the view.
      await canvas(tab).focus();
      await tab.keyboard.press("Home");
      let straight;
      for (let last = ""; last !== straight; straight = await picture(tab)) last = straight;
      await tab.keyboard.press("ArrowLeft");
      await tab.keyboard.press("+");
      await until(async () => (await picture(tab)) !== straight);
      await tab.keyboard.press("Home");
      await until(async () => (await picture(tab)) === straight);
      const { x, y, width, height } = await canvas(tab).boundingBox();
      await tab.mouse.move(x + width / 2, y + height / 2);
      await tab.mouse.down();
      await tab.mouse.move(x + width / 2 + 40, y + height / 2 + 10, { steps: 3 });
      await tab.mouse.up();
      await until(async () => (await picture(tab)) !== straight);
    }));

  it("shows the rows of a minibatch within the page, also those of the largest task", () =>
    visit(`#task=Humanoid-v5&${new URLSearchParams(texts)}&speed=full`, async (tab) => {
      await reached(tab, "paused");
      await tab.locator("#update-once").click();
      await tab.locator("#inside-title-of", { hasText: "Update 1" }).waitFor();
      for (const step of [3, 4]) {
        await tab.locator(`#inside-tab-${step}`).click();
        for (const width of [360, 840, 1440]) {
          await tab.setViewportSize({ width, height: 900 });
          const [inside, outside] = await tab
            .locator("#inside-numbers .scroll")
            .evaluate(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth]);
          assert.ok(inside <= outside, `step ${step} at ${width} pixels: ${inside} in ${outside}`);
        }
      }
      await tab.locator("#inside-tab-3").click();
      const words = "s has 348 numbers and a has 17 numbers; the table shows the first 3.";
      await tab.locator("#inside-numbers", { hasText: words }).waitFor();
    }));

  it("shows what the body senses and does, joint by joint, and pauses with it", () =>
    visit(`#task=HalfCheetah-v5&${new URLSearchParams(texts)}&speed=1`, async (tab) => {
      await tab.setViewportSize({ width: 1280, height: 900 });
      await reached(tab, "paused");
      await tab.locator("#step").click();
      await caption(tab, /^\s*In training, step 1$/);
      const names = ["rootx", "rootz", "rooty", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"];
      await tab.locator("#joints tbody tr").last().waitFor();
      assert.deepEqual(await tab.locator("#joints tbody th").allTextContents(), names);
      // The numbers of the action are those that "Inside one update" shows of the same step.
      await tab.locator("#inside-tab-1").click();
      const act = await tab.locator("#inside-numbers .facts div", { hasText: /^a/ }).locator("dd").textContent();
      const action = Array.from(act.matchAll(/−?[\d.]+/g), ([number]) => Number(number.replace("−", "-")));
      assert.equal(action.length, 6, act);
      // Bars outside of the view are not drawn.
      await tab.locator("#joints").scrollIntoViewIfNeeded();
      const actions = async () => {
        const numbers = await tab.locator("#joints tbody td:nth-child(4) .number").allTextContents();
        return numbers.map((number) => Number(number.replace("−", "-")));
      };
      await until(async () => (await actions()).every((number, i) => Math.abs(number - action[i]) <= 0.0051));
      // A bar is as long as its number says: half of the track is the action's bound, 1.
      const bars = await tab
        .locator("#joints tbody td:nth-child(4) i")
        .evaluateAll((all) => all.map((fill) => Number(/scaleX\((.*)\)/.exec(fill.style.transform)[1])));
      for (const [i, bar] of bars.entries()) assert.ok(Math.abs(bar - action[i]) <= 0.0011, `${bars} of ${action}`);
      // The training body stands still, and so do its numbers; drawing them again costs nothing.
      const changes = () =>
        tab.locator("#joints").evaluate(
          (section) =>
            new Promise((resolve) => {
              let count = 0;
              const observer = new MutationObserver((records) => {
                count += records.filter(({ target }) => target.closest?.("tr:nth-child(4) td:nth-child(3) i")).length;
              });
              observer.observe(section, { subtree: true, attributes: true, attributeFilter: ["style"] });
              setTimeout(() => {
                observer.disconnect();
                resolve(count);
              }, 1000);
            }),
        );
      assert.equal(await changes(), 0, "drawn while the body stands still");
      // A body that moves: at most twenty times a second.
      await tab.locator("#play").click();
      const moving = await changes();
      assert.ok(moving > 0 && moving <= 21, `drawn ${moving} times in a second`);
    }));

  it("shows a chosen state of the minibatch as a pale body, and says where the observation hides it", () =>
    visit(`#task=HalfCheetah-v5&${new URLSearchParams(texts)}&speed=full`, async (tab) => {
      await reached(tab, "paused");
      await tab.locator("#update-once").click();
      await tab.locator("#inside-title-of", { hasText: "Update 1" }).waitFor();
      await tab.locator("#inside-tab-3").click();
      await canvas(tab).waitFor();
      let still;
      for (let last = ""; last !== still; still = await picture(tab)) last = still;
      const row = tab.locator("#inside-numbers [data-row='1']");
      await row.click();
      await caption(tab, /Pale: the chosen state$/);
      await until(async () => (await picture(tab)) !== still);
      await row.click();
      await until(async () => (await picture(tab)) === still);
      assert.doesNotMatch(await tab.locator("#world-caption").textContent(), /Pale/);

      await tab.goto(`${server.url}/#task=dm_control/walker-walk&${new URLSearchParams(texts)}&speed=full`);
      await tab.reload();
      await canvas(tab).waitFor();
      await tab.locator("#update-once").click();
      await tab.locator("#inside-title-of", { hasText: "Update 1" }).waitFor();
      await tab.locator("#inside-tab-3").click();
      const hidden = "the observation does not give the position of right_hip, right_knee, right_ankle and 3 more.";
      await tab.locator("#inside-numbers", { hasText: `A row cannot be shown in the body: ${hidden}` }).waitFor();
      assert.equal(await tab.locator("#inside-numbers [data-row]").count(), 0);
    }));

  it("shows a policy from a file and pushes the body", () =>
    visit("", async (tab) => {
      const file = {
        name: "idle.safetensors",
        mimeType: "application/octet-stream",
        buffer: await idle("HalfCheetah-v5"),
      };
      // It may be chosen before the code that reads it is loaded.
      let load;
      const chosen = new Promise((resolve) => {
        load = resolve;
      });
      await tab.route(/\/below-/, async (route) => {
        await chosen;
        await route.continue();
      });
      await tab.reload();
      await tab.locator("#load-policy").setInputFiles(file);
      load();
      const fitting = "Walker2d-v5, HalfCheetah-v5, dm_control/cheetah-run or dm_control/hard_cheetah-run";
      await tab.locator("#notice-text", { hasText: `It is a policy for ${fitting}, but` }).waitFor();

      await tab.goto(`${server.url}/#task=HalfCheetah-v5`);
      await tab.reload();
      await canvas(tab).waitFor();
      await tab.locator("#load-policy").setInputFiles(file);
      await caption(tab, /^\s*idle\.safetensors, return /);
      // A body without actions comes to rest. Its return, which is its progress, then no longer changes.
      const shown = async () => /return (\S+) in (\d+) steps/.exec(await tab.locator("#world-caption").textContent());
      await until(async () => Number((await shown())?.[2]) > 150);
      const [, resting] = await shown();
      await tab.locator("#push").click();
      const number = (text) => Number(text.replace("−", "-"));
      await until(async () => number((await shown())[1]) > number(resting) + 0.5);
    }));

  it("shows a run of the command line in `ddpg watch`", async (t) => {
    const settings = Object.entries(texts).flatMap(([name, text]) => [
      `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      text,
    ]);
    const run = ["InvertedPendulum-v5", "--steps", "200", "--episodes", "2", ...settings, "--out", "run"];
    execFileSync(process.execPath, [program, "train", ...run, "--no-progress"], { cwd: folder, stdio: "pipe" });
    const { url } = await watch(t, program, folder, "run");
    await visit(
      "",
      async (tab) => {
        await caption(tab, /After 200 steps, return \d/);
        await moves(tab);
      },
      { url: new URL(url).origin },
    );
  });

  it("says when the browser has no WebGL, and still trains", async () => {
    const plain = await openBrowser({ flags: ["--disable-3d-apis"] });
    try {
      await visit(
        `#task=InvertedPendulum-v5&${new URLSearchParams(texts)}&speed=full`,
        async (tab) => {
          await tab.locator("#play").click();
          await tab
            .locator("#stage-message", { hasText: "This browser cannot draw the 3D view, but training continues" })
            .waitFor();
          await learned(tab);
        },
        { browser: plain, tolerates: /WebGL/ },
      );
    } finally {
      await plain.close();
    }
  });
});

/** Settings with which updates start early and are fast, as values and as text. */
const small = { warmupSteps: 64, batchSize: 16, actorHiddenSizes: [16, 16], criticHiddenSizes: [16, 16] };
const texts = Object.fromEntries(Object.entries(small).map(([name, value]) => [name, String(value)]));

/** A policy file for a task. Every parameter is 0, so every action is 0. */
async function idle(name) {
  const { policy } = await Ddpg.create({ ...environments[name] }, { preset: "robust", ...small });
  for (const parameter of policy.parameters.names) policy.parameters.value(parameter).data.fill(0);
  return Buffer.from(policy.save());
}

/** Resolves once `question` returns true. Fails after the same time as Playwright's waits. */
async function until(question) {
  for (const begun = Date.now(); !(await question()); await setTimeout(20)) {
    assert.ok(Date.now() - begun < 30_000, `never true: ${question}`);
  }
}
