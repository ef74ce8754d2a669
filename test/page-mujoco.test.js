// The tasks in MuJoCo in the built page, in a real browser that draws in 3D without a graphics card.
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
const names = Object.keys(environments).filter((name) => environments[name].preset === "standard");

describe("the page, with a task in MuJoCo", { timeout: 300_000 }, () => {
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

  /** Does something with a tab that shows the page for an address, and with the names of the files it asks for. */
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
  /** The picture, once there is one; then, whenever it is another one than before. */
  const picture = async (tab) => (await canvas(tab).screenshot({ animations: "allow" })).toString("base64");
  const moves = async (tab) => {
    const first = await picture(tab);
    await until(async () => (await picture(tab)) !== first);
  };

  const parts = [/^solid-worker-.*\.js$/, /^mujoco-.*\.js$/, /^mujoco-.*\.wasm$/, /^stage-.*\.js$/];

  it("loads nothing of MuJoCo's or of three.js before such a task is chosen; then it learns, and is seen to move", () =>
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
      await caption(tab, /The policy now, return \d/);
      await moves(tab);
      assert.match(tab.url(), /#task=InvertedPendulum-v5&preset=standard&seed=1&warmupSteps=200&speed=full$/);
      assert.ok(await tab.locator("#world").isHidden());
      assert.ok(await tab.locator("#maps").isHidden());

      await tab.locator("#field-task").selectOption("Pendulum-v1");
      await tab.locator("#experiment [type=submit]").click();
      await tab.locator("#world").waitFor();
      await tab.locator("#maps").waitFor();
      assert.equal(await canvas(tab).count(), 0, "the stage was taken down");
      assert.equal(tab.workers().length, 1, "nobody simulates on");
    }));

  it("gives Node's fingerprint", () =>
    visit(`#task=InvertedPendulum-v5&seed=3&${new URLSearchParams(texts)}&steps=263&speed=full`, async (tab) => {
      await tab.locator("#play").click();
      await reached(tab, "ended");
      assert.equal(await tab.locator("html").getAttribute("data-updates"), "200");
      const environment = await environments["InvertedPendulum-v5"].create();
      const agent = await Ddpg.create(environment, { preset: "standard", seed: 3, ...small });
      for await (const { step } of train(agent, environment)) if (step === 263) break;
      environment.close();
      await tab.locator("#fingerprint", { hasText: agent.fingerprint() }).waitFor();
    }));

  it("shows the body in training where it goes step by step, from wherever one wants", () =>
    visit(`#task=Hopper-v5&${new URLSearchParams(texts)}&speed=1`, async (tab) => {
      await reached(tab, "paused");
      await tab.locator("#step").click();
      await caption(tab, /^\s*In training, step 1$/);
      const first = await picture(tab);
      // After a few steps more it is somewhere else.
      for (let step = 2; step <= 5; step++) {
        await tab.locator("#step").click();
        await caption(tab, new RegExp(`^\\s*In training, step ${step}$`));
      }
      await until(async () => (await picture(tab)) !== first);
      assert.ok(await tab.locator("#push").isDisabled());

      // It stands still now: whatever moves is the one who looks.
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

  it("watches a policy's file and pushes the body", () =>
    visit("", async (tab) => {
      const file = {
        name: "idle.safetensors",
        mimeType: "application/octet-stream",
        buffer: await idle("HalfCheetah-v5"),
      };
      await tab.locator("#load-policy").setInputFiles(file);
      await tab.locator("#notice-text", { hasText: "It is a policy for Walker2d-v5 or HalfCheetah-v5." }).waitFor();

      await tab.goto(`${server.url}/#task=HalfCheetah-v5`);
      await tab.reload();
      await canvas(tab).waitFor();
      await tab.locator("#load-policy").setInputFiles(file);
      await caption(tab, /^\s*idle\.safetensors, return /);
      // Who does nothing comes to rest, and its return, the way that it went, no longer changes.
      const shown = async () => /return (\S+) in (\d+) steps/.exec(await tab.locator("#world-caption").textContent());
      await until(async () => Number((await shown())?.[2]) > 150);
      const [, resting] = await shown();
      await tab.locator("#push").click();
      const number = (text) => Number(text.replace("−", "-"));
      await until(async () => number((await shown())[1]) > number(resting) + 0.5);
    }));

  it("shows a run of the command line, watched", async (t) => {
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

  it("says so where a browser gives no WebGL, and trains", async () => {
    const plain = await openBrowser({ flags: ["--disable-3d-apis"] });
    try {
      await visit(
        `#task=InvertedPendulum-v5&${new URLSearchParams(texts)}&speed=full`,
        async (tab) => {
          await tab.locator("#play").click();
          await tab.locator("#stage-message", { hasText: "It cannot be drawn here, but training continues" }).waitFor();
          await learned(tab);
        },
        { browser: plain, tolerates: /WebGL/ },
      );
    } finally {
      await plain.close();
    }
  });
});

/** Settings that learn at once and quickly, and the same as they are typed. */
const small = { warmupSteps: 64, batchSize: 16, actorHiddenSizes: [16, 16], criticHiddenSizes: [16, 16] };
const texts = Object.fromEntries(Object.entries(small).map(([name, value]) => [name, String(value)]));

/** A policy's file for a task in which every parameter is 0: it does nothing. */
async function idle(name) {
  const { policy } = await Ddpg.create({ ...environments[name] }, { preset: "standard", ...small });
  for (const parameter of policy.parameters.names) policy.parameters.value(parameter).data.fill(0);
  return Buffer.from(policy.save());
}

/** Comes back once a question is answered with yes; gives up as late as the browser's own waiting does. */
async function until(question) {
  for (const begun = Date.now(); !(await question()); await setTimeout(20)) {
    assert.ok(Date.now() - begun < 30_000, `still not so: ${question}`);
  }
}
