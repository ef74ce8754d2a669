// Uses the built page in a real browser, as a visitor does. The tests wait for what the page shows, never for a time.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { Ddpg, environments, MountainCarContinuous, Pendulum, Policy, train } from "ddpg";
import { nodeBackend } from "ddpg/node";
import { openBrowser, serve } from "./browser.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const built = path.join(fs.realpathSync(path.join(root, "dist")), "page");
const execute = promisify(execFile);

describe("the page", { timeout: 900_000 }, () => {
  let browser;
  let server;
  let temporary;
  /** Console messages, errors and foreign requests of every tab; must stay empty. */
  const complaints = [];

  before(async () => {
    temporary = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-page-"));
    // In a subfolder: the page must not assume that it is at the root of a host.
    fs.cpSync(built, path.join(temporary, "some", "folder"), { recursive: true });
    [browser, server] = await Promise.all([openBrowser(), serve(temporary)]);
  });
  after(async () => {
    await Promise.all([browser?.close(), server?.close()]);
    fs.rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Opens the page at a link, passes the tab to `use`, and checks that there were no complaints. `first` runs before the page. */
  async function visit(link, use, { first = () => {}, ...options } = {}) {
    const tab = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
    await tab.addInitScript(first);
    const home = `${server.url}/some/folder/`;
    tab.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    tab.on("pageerror", (error) => complaints.push(String(error)));
    tab.on("request", (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(home)) complaints.push(request.url());
    });
    try {
      await tab.goto(`${home}${link}`);
      // What is below the first view is loaded after it.
      await tab.locator("html[data-complete]").waitFor({ state: "attached" });
      await use(tab);
      assert.deepEqual(complaints, []);
    } finally {
      complaints.length = 0;
      await tab.close();
    }
  }

  const reached = (tab, phase) => tab.locator(`html[data-phase="${phase}"]`).waitFor({ state: "attached" });
  const text = (tab, selector) => tab.locator(selector).textContent();
  const stepOf = async (tab) => Number(await tab.locator("html").getAttribute("data-step"));
  const updatesOf = async (tab) => Number(await tab.locator("html").getAttribute("data-updates"));
  /** Waits until the fingerprint is shown and returns it. */
  async function fingerprint(tab) {
    await tab
      .locator("#fingerprint")
      .filter({ hasText: /^[0-9a-f]{16}$/ })
      .waitFor();
    return text(tab, "#fingerprint");
  }
  const still = { reducedMotion: "reduce" };

  it("starts by itself and says so, without errors and without requests to other hosts", () =>
    visit("", async (tab) => {
      await reached(tab, "playing");
      await tab.locator("html[data-updates]:not([data-updates='0'])").waitFor({ state: "attached" });
      assert.match(tab.url(), /#task=Pendulum-v1&preset=small&seed=1&arithmetic=fused&speed=20$/);
      assert.equal(await text(tab, "#status"), "Training.");
      assert.match(await text(tab, "#world-caption"), /The current policy, torque −?\d/);
    }));

  it("learns to stand within the default number of steps: an evaluation of at least −200", () =>
    visit("#speed=full", async (tab) => {
      await reached(tab, "ended");
      assert.equal(await stepOf(tab), 5000);
      assert.ok(Number((await text(tab, "#evaluation")).replace("−", "-")) >= -200, await text(tab, "#evaluation"));
      assert.equal(
        await text(tab, "#command"),
        "npx ddpg train Pendulum-v1 --seed 1 --arithmetic portable --preset small",
      );
    }));

  it("gives Node's fingerprint after a thousand updates, including single steps and evaluations", () =>
    visit(
      "#seed=3&warmupSteps=64&steps=1063&speed=full",
      async (tab) => {
        await reached(tab, "paused");
        await tab.locator("#update-once").click();
        await tab.locator("html[data-updates='1'][data-phase='paused']").waitFor({ state: "attached" });
        await tab.locator("#step").click();
        await tab.locator("html[data-step='65'][data-phase='paused']").waitFor({ state: "attached" });
        await tab.locator("#play").click();
        await reached(tab, "ended");
        assert.equal(await updatesOf(tab), 1000);
        const agent = await trained({ seed: 3, warmupSteps: 64 }, 1063);
        assert.equal(await fingerprint(tab), agent.fingerprint());
        const command =
          "npx ddpg train Pendulum-v1 --seed 3 --arithmetic portable --preset small --steps 1063 --warmup-steps 64";
        assert.equal(await text(tab, "#fingerprint-command"), command);
      },
      still,
    ));

  it("computes in fused arithmetic if asked, with Node's fingerprint, and its link and command say so", () =>
    visit("#seed=3&warmupSteps=64&steps=263&speed=full", async (tab) => {
      await tab.locator("#field-arithmetic").selectOption("fused");
      await tab.locator("#experiment [type=submit]").click();
      await tab.waitForFunction(() => location.hash.includes("arithmetic=fused"));
      await reached(tab, "ended");
      const backend = await nodeBackend({ wide: false, arithmetic: "fused" });
      const fused = await trained({ seed: 3, warmupSteps: 64, backend, arithmetic: "fused" }, 263);
      assert.equal(await fingerprint(tab), fused.fingerprint());
      const portable = await trained({ seed: 3, warmupSteps: 64 }, 263);
      assert.notEqual(await fingerprint(tab), portable.fingerprint());
      assert.match(await text(tab, "#command"), /^npx ddpg train Pendulum-v1 --seed 3 --arithmetic fused /);
    }));

  it("steps, makes one update, and shows its inputs and outputs", () =>
    visit(
      "#seed=2&speed=full",
      async (tab) => {
        await reached(tab, "paused");
        assert.equal(await stepOf(tab), 0, "with reduced motion preferred, the user has to start the run");
        await tab.locator("#step").click();
        await tab.locator("#inside-title-of", { hasText: "Step 1: no update yet" }).waitFor();
        assert.equal(await stepOf(tab), 1);
        await tab.locator("#update-once").click();
        await tab.locator("#inside-title-of", { hasText: "Update 1, made in step 1,000." }).waitFor();

        const agent = await trained({ seed: 2 }, 1000);
        await tab.locator("#inside-tab-1").focus();
        const seen = [];
        for (let step = 1; step <= 7; step++) {
          seen.push(await text(tab, "#inside-numbers"));
          if (step < 7) await tab.keyboard.press("ArrowRight");
        }
        assert.match(await text(tab, "#inside-step"), /^7\. /);
        assert.ok(seen[2].includes("R holds1,000 transitions"));
        const [y, loss] = [agent.y[0], agent.diagnostics.criticLoss].map((value) => value.toFixed(3));
        assert.ok(seen[3].includes(`= ${y.replace("-", "−")}.`), `${seen[3]} has y₁ = ${y}`);
        assert.ok(seen[4].startsWith(`L${loss}`), `${seen[4]} has L = ${loss}`);
        assert.match(seen[6], /moved by[\d.]+; distance left [\d.]+/);
        await tab.locator("#inside-tab-5").click();
        assert.match(await text(tab, "#inside-source"), /critic\.descend\(\);/);

        // After the seventh step comes the first step of the next update.
        await tab.locator("#inside-tab-7").click();
        await tab.keyboard.press("ArrowRight");
        assert.match(await text(tab, "#inside-step"), /^1\. /);
        assert.equal(await updatesOf(tab), 1, "the tabs' keys make no update");
        await tab.keyboard.press("ArrowLeft");
        await tab.locator("#inside-next").click();
        await tab.locator("#inside-title-of", { hasText: "Update 2, made in step 1,001." }).waitFor();
        assert.match(await text(tab, "#inside-step"), /^1\. /);
        const next = await trained({ seed: 2 }, 1001);
        assert.equal(await fingerprint(tab), next.fingerprint(), "looking inside changes nothing");
      },
      still,
    ));

  it("pauses and resumes by a key, and shows the step after which it paused", () =>
    visit("#speed=1", async (tab) => {
      await until(async () => (await stepOf(tab)) >= 2);
      await tab.keyboard.press(" ");
      await reached(tab, "paused");
      const step = await stepOf(tab);
      await tab.locator("#inside-title-of", { hasText: `Step ${step}:` }).waitFor();
      assert.match(await text(tab, "#world-caption"), new RegExp(`^In training, step ${step}`));
      await tab.keyboard.press(" ");
      await until(async () => (await stepOf(tab)) > step);
    }));

  it("lets the user hold and throw the body, also during training", () =>
    visit("#speed=1", async (tab) => {
      await until(async () => (await stepOf(tab)) >= 2);
      const { x, y, width, height } = await tab.locator("#world").boundingBox();
      await tab.mouse.move(x + width / 2, y + 0.2 * height);
      await tab.mouse.down();
      await tab.mouse.move(x + 0.9 * width, y + height / 2, { steps: 5 });
      await tab.locator("#world-state", { hasText: "90° from upright, 0.0 rad/s" }).waitFor({ state: "attached" });
      const heldAt = await stepOf(tab);
      await tab.mouse.up();
      await until(async () => (await stepOf(tab)) > heldAt);
      await tab.locator("#play").click();
      await tab.locator("#fingerprint-note", { hasText: "You threw the body" }).waitFor();
    }));

  it("frees the body when training has finished, and marks a run in which the user threw it", () =>
    visit("#warmupSteps=64&steps=70&speed=1", async (tab) => {
      await until(async () => (await stepOf(tab)) >= 2);
      assert.ok(await tab.locator("#noise").isDisabled(), "the training body always explores");
      await reached(tab, "ended");
      await tab.locator("#world-caption", { hasText: /^After 70 steps, torque/ }).waitFor();
      assert.ok(await tab.locator("#noise").isEnabled());
      const state = await text(tab, "#world-state");
      await until(async () => (await text(tab, "#world-state")) !== state);
      await tab.locator("#world canvas").press("ArrowRight");
      await tab.locator("#fingerprint-note", { hasText: "The same experiment" }).waitFor();
      assert.ok(await tab.locator("#command-note").isHidden(), "the run is as the command makes it");
      await tab.locator("#hint", { hasText: "Finished after 70 steps" }).waitFor();

      await tab.locator("#step").click();
      await tab.locator("html[data-step='71'][data-phase='paused']").waitFor({ state: "attached" });
      await tab.locator("#world canvas").press("ArrowRight");
      await tab.locator("#fingerprint-note", { hasText: "You threw the body" }).waitFor();
      assert.equal(await text(tab, "#runs li"), "seed 1, portable, warmupSteps 64, 70 steps, thrown");
      await tab.locator("#command-note", { hasText: "they do not repeat this run" }).waitFor();
      assert.ok(await tab.locator("#fingerprint-command").isHidden());
      const coming = tab.waitForEvent("download");
      await tab.locator("#save-config").click();
      const config = JSON.parse(fs.readFileSync(await (await coming).path(), "utf8"));
      assert.deepEqual([config.steps, config.touched], [71, true]);
    }));

  it("says that training ignores a throw between two episodes", () =>
    visit(
      "#warmupSteps=200&speed=full",
      async (tab) => {
        await reached(tab, "paused");
        await tab.locator("#update-once").click();
        await tab.locator("html[data-step='200'][data-phase='paused']").waitFor({ state: "attached" });
        await tab.locator("#world-caption", { hasText: "In training, step 200" }).waitFor();
        await tab.locator("#world canvas").press("ArrowRight");
        await tab.locator("#notice-text", { hasText: "The episode is over" }).waitFor();
        assert.match(await text(tab, "#fingerprint-note"), /The same experiment/);
      },
      still,
    ));

  it("shows the noise that was drawn, even if the action is clipped", () =>
    visit(
      "#seed=2&warmupSteps=64&noiseScale=9&noiseAnnealSteps=100&speed=full",
      async (tab) => {
        await reached(tab, "paused");
        await tab.locator("#update-once").click();
        await tab.locator("html[data-step='64'][data-phase='paused']").waitFor({ state: "attached" });
        await tab.locator("#step").click();
        await tab.locator("#inside-title-of", { hasText: "made in step 65." }).waitFor();
        const agent = await trained({ seed: 2, warmupSteps: 64, noiseScale: 9, noiseAnnealSteps: 100 }, 64);
        const drawn = 2 * agent.noise(0).sample()[0];
        assert.ok(Math.abs(drawn) > 4, `${drawn}`);
        const shown = /𝒩(−?[\d.]+)/.exec(await text(tab, "#inside-numbers"));
        assert.ok(Math.abs(Number(shown[1].replace("−", "-")) - drawn) < 0.06, `${shown}, not ${drawn}`);
      },
      still,
    ));

  it("waits for a worker script that takes long to load", () =>
    visit("", async (tab) => {
      await tab.clock.install();
      let arrive;
      const arrival = new Promise((resolve) => {
        arrive = resolve;
      });
      let isAsked = false;
      await tab.route(/\/worker-[^/]*\.js$/, async (route) => {
        isAsked = true;
        await arrival;
        await route.continue();
      });
      await tab.reload();
      await until(() => isAsked);
      for (let i = 0; i < 4; i++) {
        await tab.clock.runFor(100);
        await tab.clock.fastForward(6000);
      }
      assert.ok(await tab.locator("#failure").isHidden(), await text(tab, "#failure"));
      arrive();
      await reached(tab, "playing");
    }));

  it("saves a run that the command line can read, and a policy that the page can show again", () =>
    visit("#seed=5&steps=1200&arithmetic=fused&speed=full", async (tab) => {
      await reached(tab, "ended");
      await fingerprint(tab);
      const run = path.join(temporary, "run");
      fs.mkdirSync(run);
      for (const what of ["policy", "config", "metrics"]) {
        const coming = tab.waitForEvent("download");
        await tab.locator(`#save-${what}`).click();
        const download = await coming;
        await download.saveAs(path.join(run, download.suggestedFilename()));
      }
      assert.deepEqual(fs.readdirSync(run).sort(), ["config.json", "metrics.jsonl", "policy.safetensors"]);
      // Without its arithmetic, the file would be that of a portable run.
      assert.equal(JSON.parse(fs.readFileSync(path.join(run, "config.json"), "utf8")).arithmetic, "fused");
      const backend = await nodeBackend({ wide: false, arithmetic: "fused" });
      const policy = await Policy.load(fs.readFileSync(path.join(run, "policy.safetensors")));
      const agent = await trained({ seed: 5, backend, arithmetic: "fused" }, 1200);
      assert.deepEqual(policy.act([0.6, 0.8, -1]), agent.act([0.6, 0.8, -1]));

      const command = [path.join(root, "bin/ddpg.js"), "report", run, "--output", path.join(temporary, "report.html")];
      await execute(process.execPath, command, { cwd: root });
      assert.match(fs.readFileSync(path.join(temporary, "report.html"), "utf8"), /Pendulum-v1, seed 5/);

      const coming = tab.waitForEvent("download");
      await tab.locator("#save-figure").click();
      const picture = fs.readFileSync(await (await coming).path());
      assert.equal(picture.subarray(1, 4).toString(), "PNG");

      await tab.locator("#load-policy").setInputFiles(path.join(run, "policy.safetensors"));
      const banner = "You are watching the policy of policy.safetensors. Training has finished.";
      await tab.locator("#visitor", { hasText: banner }).waitFor();
      await tab.locator("#world-caption", { hasText: /^policy\.safetensors, torque/ }).waitFor();
      await tab.locator("#visitor-leave").click();
      await tab.locator("#world-caption", { hasText: /^After 1,200 steps/ }).waitFor();
    }));

  it("rejects a damaged policy and one of another task with a message, and the run continues", () =>
    visit("#speed=20", async (tab) => {
      await reached(tab, "playing");
      const agent = await Ddpg.create(new Pendulum(), { preset: "small" });
      const other = await Ddpg.create(new MountainCarContinuous(), { preset: "small" });
      const foreign = { observationSize: 5, actionLow: [0, -1], actionHigh: [1, 1] };
      const custom = await Ddpg.create({ ...new Pendulum(), ...foreign }, { preset: "small" });
      const damaged = Buffer.from(agent.policy.save());
      damaged[damaged.length - 5] ^= 1;
      const open = (name, buffer) =>
        tab.locator("#load-policy").setInputFiles({ name, mimeType: "application/octet-stream", buffer });
      for (const [name, buffer, words] of [
        ["damaged.safetensors", damaged, /^damaged\.safetensors could not be opened\. .*crc32c/i],
        ["cut.safetensors", damaged.subarray(0, 100), /expected \d+ bytes or more, .* got 100\. The file is cut off/],
        [
          "picture.png",
          Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0]),
          /^picture\.png could not be opened\. It is not a policy .*: expected a safetensors file, got a file that begins with the bytes 89 50 4e 47 0d 0a 1a 0a\.$/,
        ],
        [
          "custom.safetensors",
          Buffer.from(custom.policy.save()),
          /It is a policy for a task that this page does not have\. It has observations of size 5 and 2 actions from 0 to 1, -1 to 1; Pendulum-v1 has observations of size 3 and 1 action from -2 to 2\.$/,
        ],
        [
          "car.safetensors",
          Buffer.from(other.policy.save()),
          /^car\.safetensors could not be opened\. It is a policy for MountainCarContinuous-v0 or dm_control\/cart, but this run's task is Pendulum-v1\. Start/,
        ],
        ["empty.safetensors", Buffer.alloc(0), /^empty\.safetensors could not be opened\. .*expected/],
      ]) {
        await open(name, buffer);
        await tab.locator("#notice-text", { hasText: words }).waitFor();
        assert.ok(await tab.locator("#visitor").isHidden());
      }
      const before = await stepOf(tab);
      await until(async () => (await stepOf(tab)) > before + 20);
      await tab.locator("#notice-close").click();
      assert.ok(await tab.locator("#notice").isHidden());
    }));

  it("keeps the experiment in its address: the same link gives the same bits", async () => {
    let address;
    let bits;
    await visit("#steps=1100&speed=full", async (tab) => {
      await reached(tab, "ended");
      const colors = () =>
        tab.locator("#runs .mark").evaluateAll((marks) => marks.map(({ style }) => style.background));
      const [first] = await colors();
      await tab.locator("#field-actorLearningRate").fill("fast");
      await tab.locator("#field-seed").fill("7");
      await tab.locator("#experiment [type=submit]").click();
      const words = 'actorLearningRate: expected a number from 0 to 1, got "fast".';
      await tab.locator("#error-actorLearningRate", { hasText: words }).waitFor();
      assert.equal(await tab.locator("#runs li").count(), 1, "no run was started");

      await tab.locator("#field-actorLearningRate").fill("0.002");
      await tab.locator("#experiment [type=submit]").click();
      await tab.locator("#runs li", { hasText: "seed 7, portable, actorLearningRate 0.002" }).waitFor();
      await tab.locator("html[data-phase='ended'][data-step='1100']").waitFor({ state: "attached" });
      const both = await colors();
      assert.equal(both[1], first, "a run keeps its color");
      assert.notEqual(both[0], first);
      // The key must also work while a button has the focus.
      await tab.keyboard.press("Shift+R");
      await tab.locator("html[data-phase='ended'][data-step='1100']").waitFor({ state: "attached" });
      assert.deepEqual(await colors(), both);
      await tab.locator("#curve").press("ArrowLeft");
      await tab.locator("#curve-readout", { hasText: /^Step 1,100 · .*evaluation/ }).waitFor();
      bits = await fingerprint(tab);
      address = new URL(tab.url()).hash;
      await tab.locator("#runs button", { hasText: "×" }).click();
      assert.equal(await tab.locator("#runs li").count(), 1, "the earlier run was removed");
    });
    assert.match(address, /seed=7&steps=1100&arithmetic=portable&actorLearningRate=0\.002&speed=full$/);
    await visit(address, async (tab) => {
      await reached(tab, "ended");
      assert.equal(await fingerprint(tab), bits);
      assert.equal(await tab.locator("#field-actorLearningRate").inputValue(), "0.002");
    });
  });

  it("changes from one experiment to another in one step: the address never names a third one", () =>
    visit("#steps=1100&speed=full", async (tab) => {
      await tab.evaluate(() => {
        const replace = history.replaceState.bind(history);
        window.links = [];
        history.replaceState = (state, title, link) => {
          window.links.push(link);
          replace(state, title, link);
        };
      });
      const links = () => tab.evaluate(() => window.links.splice(0));
      const car = "#task=MountainCarContinuous-v0&preset=small&seed=1";
      await tab.evaluate((link) => (location.hash = link), `${car}&speed=1`);
      await tab.waitForFunction(() => window.links.length > 0);
      assert.deepEqual(await links(), [`${car}&arithmetic=portable&speed=1`]);

      // Another task keeps the arithmetic, as it keeps the seed.
      await tab.locator("#field-task").selectOption("Pendulum-v1");
      await tab.locator("#experiment [type=submit]").click();
      await tab.waitForFunction(() => window.links.length > 0);
      assert.deepEqual(await links(), ["#task=Pendulum-v1&preset=small&seed=1&arithmetic=portable&speed=20"]);
    }));

  it("says what is wrong with an address, and trains the default experiment", async () => {
    for (const [link, words] of [
      ["#task=Pendulum-v2", /task: expected one of Pendulum-v1.*Did you mean "Pendulum-v1"/],
      ["#discount=2", /discount: expected a number from 0 to 1, got 2/],
      ["#softUpdate=1", /^The link has an error\. There is no setting "softUpdate"/],
      ["#seed=-1", /seed: expected a whole number of at least 0/],
    ]) {
      await visit(link, async (tab) => {
        await tab.locator("#notice-text", { hasText: words }).waitFor();
        assert.match(await text(tab, "#notice-text"), / The page shows the default experiment instead\.$/);
        await reached(tab, "playing");
        assert.match(tab.url(), /#task=Pendulum-v1&preset=small&seed=1&arithmetic=fused&speed=20$/);
      });
    }
  });

  it("says that new experiments are portable where there is no fused arithmetic, but not of a link", async () => {
    const notice =
      "New experiments use portable arithmetic, with other bits than fused: the engine has no relaxed SIMD.";
    const first = () => (WebAssembly.validate = () => false);
    const usual = /#task=Pendulum-v1&preset=small&seed=1&arithmetic=portable&speed=20$/;
    for (const [link, shown, address] of [
      ["", notice, usual],
      [
        "#seed=-1",
        `The link has an error. seed: expected a whole number of at least 0, got "-1". The page shows the default experiment instead. ${notice}`,
        usual,
      ],
      ["#task=Pendulum-v1&seed=4&arithmetic=portable", "", /#task=Pendulum-v1&seed=4&arithmetic=portable$/],
    ]) {
      const use = async (tab) => {
        await reached(tab, "playing");
        assert.equal(await text(tab, "#notice-text"), shown);
        assert.match(tab.url(), address);
      };
      await visit(link, use, { first });
    }
  });

  it("reports a worker that dies and a run that fails, and restarts", () =>
    visit("#speed=20", async (tab) => {
      await reached(tab, "playing");
      const kill = () => {
        setTimeout(() => {
          throw new Error("planted");
        });
      };
      await tab.workers()[0].evaluate(kill);
      await reached(tab, "failed");
      assert.match(await text(tab, "#failure"), /The training worker stopped: .*planted/);
      await tab.locator("#failure-restart").click();
      await reached(tab, "playing");
      assert.ok(await tab.locator("#failure").isHidden());

      // These settings make the critic diverge.
      await tab.goto(tab.url().replace(/#.*/, "#criticLearningRate=1&rewardScale=1e12&warmupSteps=64&speed=full"));
      await reached(tab, "failed");
      assert.match(await text(tab, "#failure-text"), /Pendulum-v1 episode \d+ step \d+, update \d+: .*finite/);
      assert.ok((await updatesOf(tab)) > 0, "the page shows how far the run got");
    }));

  it("trains MountainCarContinuous-v0 with the task's own exploration noise", () =>
    visit("#task=MountainCarContinuous-v0&steps=1100&speed=full", async (tab) => {
      await reached(tab, "ended");
      assert.equal(await tab.locator("#field-noise").inputValue(), "ornstein-uhlenbeck");
      const task = environments["MountainCarContinuous-v0"];
      const agent = await trained({ ...task.settings }, 1100, new MountainCarContinuous());
      assert.equal(await fingerprint(tab), agent.fingerprint());
    }));

  it("starts with one click after a field was corrected, although a message goes away, and shows the new run", () =>
    visit(
      "#steps=1100&speed=full",
      async (tab) => {
        await reached(tab, "ended");
        const button = tab.locator("#experiment [type=submit]");
        /** Presses the button's middle. Unlike `click`, it does not wait until the button stands still. */
        const press = async () => {
          await button.scrollIntoViewIfNeeded();
          const { x, y, width, height } = await button.boundingBox();
          await tab.mouse.move(x + width / 2, y + height / 2);
          await tab.mouse.down();
          await tab.mouse.up();
          return y;
        };
        // This field is in view together with the button. With one further up, the browser keeps what is in view where it is.
        await tab.locator("#field-rewardScale").fill("x");
        await press();
        await tab.locator("#error-rewardScale", { hasText: 'got "x"' }).waitFor();
        assert.equal(
          await tab.evaluate(() => document.activeElement.id),
          "field-rewardScale",
          "it shows what to correct",
        );

        await tab.locator("#field-rewardScale").fill("0.2");
        const heightBefore = await tab.locator("html").evaluate(({ scrollHeight }) => scrollHeight);
        await press();
        await tab.locator("#runs li", { hasText: "rewardScale 0.2" }).waitFor();
        const heightAfter = await tab.locator("html").evaluate(({ scrollHeight }) => scrollHeight);
        assert.ok(heightAfter < heightBefore - 18, "the message moved the button by half its height or more");
        await until(() =>
          tab.locator("#world").evaluate((world) => {
            const { top, bottom } = world.getBoundingClientRect();
            return top >= 0 && bottom <= innerHeight;
          }),
        );
        assert.match(await text(tab, "#task-name"), /rewardScale 0\.2/);
        assert.equal(await tab.evaluate(() => document.activeElement.id), "scene");
        await tab.keyboard.press(" ");
      },
      { viewport: { width: 390, height: 844 } },
    ));

  it("draws trails only from a state to the one that followed, and says how many steps Update took", () =>
    visit(
      // Episodes have 200 steps, so the last 200 steps before the first update belong to two of them.
      "#warmupSteps=1100&speed=1",
      async (tab) => {
        await reached(tab, "paused");
        assert.equal(await text(tab, "#hint"), "Press Play to watch it learn.");
        for (const step of [1, 2]) {
          await tab.locator("#step").click();
          await tab.locator(`html[data-step='${step}'][data-phase='paused']`).waitFor({ state: "attached" });
        }
        const hint = "Update takes all up to that update, after 1,100 steps of warm-up.";
        await tab.locator("#hint", { hasText: hint }).waitFor();
        await tab.locator("#update-once").click();
        const words =
          "Update 1, made in step 1,100. It took 1,098 steps to get there: updates begin after 1,100 steps of warm-up.";
        await tab.locator("#inside-title-of", { hasText: words }).waitFor();
        const trail = await joined(tab);
        assert.ok(trail.length > 150, `the trail shows the steps before the update: ${trail.length}`);
        assertFollow(trail);

        // While another speed trains, the steps are not shown, so the trail begins again.
        await tab.locator("#speed input[value=Infinity]").check({ force: true });
        await tab.locator("#play").click();
        await until(async () => (await stepOf(tab)) > 1300);
        await tab.locator("#play").click();
        await reached(tab, "paused");
        for (let i = 0; i < 3; i++) {
          const step = await stepOf(tab);
          await tab.locator("#step").click();
          await tab.locator(`html[data-step='${step + 1}'][data-phase='paused']`).waitFor({ state: "attached" });
        }
        await tab
          .locator("#world-caption", { hasText: `In training, step ${(await stepOf(tab)).toLocaleString("en-US")}` })
          .waitFor();
        assert.doesNotMatch(await text(tab, "#inside-title-of"), /It took/);
        const after = await joined(tab);
        assert.ok(after.length >= 2);
        assertFollow(after);
        // A new run does not continue the trail of the last one.
        await tab.locator("#restart").click();
        await until(async () => (await stepOf(tab)) > 0);
        assertFollow(await joined(tab));
      },
      { ...still, first: recordMap },
    ));

  it("says where values are in scaled rewards, and where in the task's", () =>
    visit(
      "#warmupSteps=64&speed=full",
      async (tab) => {
        await reached(tab, "paused");
        await tab.locator("#update-once").click();
        await tab.locator("#inside-title-of", { hasText: "Update 1" }).waitFor();
        for (const step of [4, 5, 6]) {
          await tab.locator(`#inside-tab-${step}`).click();
          const words = "Here r, y and Q are in rewards × 0.100, as the critic sees them. The map of Q divides by it";
          assert.ok((await text(tab, "#inside-numbers")).includes(words), `step ${step}`);
        }
        await tab.locator("#map-value").press("ArrowUp");
        await tab.locator("#map-readout", { hasText: /Q\(s, μ\(s\)\) −[\d.]+ in the task's rewards/ }).waitFor();

        await tab.goto(tab.url().replace(/#.*/, "#warmupSteps=64&rewardScale=1"));
        await tab.reload();
        await reached(tab, "paused");
        await tab.locator("#update-once").click();
        await tab.locator("#inside-title-of", { hasText: "Update 1" }).waitFor();
        await tab.locator("#inside-tab-4").click();
        assert.doesNotMatch(await text(tab, "#inside-numbers"), /as the critic sees them/);
      },
      still,
    ));

  it("names the preset once in the title, and writes a return near zero without a sign", () =>
    visit(
      "#task=MountainCarContinuous-v0&preset=small&seed=1&warmupSteps=64&speed=full",
      async (tab) => {
        await reached(tab, "paused");
        assert.equal(
          await text(tab, "#task-name"),
          "MountainCarContinuous-v0 · small · seed 1, portable, warmupSteps 64",
        );
        await tab.locator("#update-once").click();
        await until(async () => (await text(tab, "#evaluation")) !== "–");
        assert.equal(await text(tab, "#evaluation"), "0");
      },
      still,
    ));

  it("fits a phone of 360 pixels, and every control has a name", () =>
    visit(
      "",
      async (tab) => {
        await reached(tab, "playing");
        const page = await tab.locator("html").evaluate((html) => {
          const nameless = [...html.querySelectorAll("button, input, select, [tabindex='0']")]
            .filter((element) => !element.closest("[hidden]"))
            .filter((element) => {
              // A select's text is that of its options, so it is no name.
              const own = element.matches("input, select") ? "" : element.textContent.trim();
              return !(element.ariaLabel || element.labels?.length || own);
            })
            .map(({ outerHTML }) => outerHTML);
          return { width: html.scrollWidth, nameless };
        });
        assert.deepEqual(page, { width: 360, nameless: [] });
      },
      { viewport: { width: 360, height: 740 } },
    ));

  for (const [width, height] of [
    [1440, 900],
    [390, 844],
  ]) {
    it(`shows body, curve and both maps in the first view of ${width} × ${height} pixels, with the tour and without`, () =>
      visit(
        "",
        async (tab) => {
          await reached(tab, "playing");
          const parts = ["#world canvas", "#curve canvas", "#map-value", "#map-action"];
          const outside = async () => {
            assert.equal(await tab.evaluate(() => scrollY), 0);
            const found = [];
            for (const part of parts) {
              const box = await tab.locator(part).boundingBox();
              const isLarge = box.width > 150 && box.height > 120;
              const isInView = box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height;
              if (!isLarge || !isInView) found.push([part, box]);
            }
            return found;
          };
          assert.deepEqual(await outside(), []);
          const { y } = await tab.locator("#world").boundingBox();
          const isStill = async () => Math.abs((await tab.locator("#world").boundingBox()).y - y) < 1;
          for (let stop = 2; stop <= 5; stop++) {
            await tab.locator("#tour-next").click();
            await tab.locator("#tour-count", { hasText: `${stop} of 5` }).waitFor();
            assert.deepEqual(await outside(), [], `stop ${stop}`);
            assert.ok(await isStill(), `stop ${stop} moves nothing`);
          }
          await tab.locator("#tour-skip").click();
          assert.deepEqual(await outside(), []);
          assert.ok(await isStill(), "without the tour, nothing moves");
        },
        { viewport: { width, height } },
      ));
  }

  it("leads a visitor in five steps that can be skipped, which it remembers", () =>
    visit("", async (tab) => {
      const seen = [];
      const led = () =>
        tab.locator(".led").evaluateAll((all) => all.map((element) => element.querySelector("canvas, button").id));
      for (let stop = 1; stop <= 5; stop++) {
        await tab.locator("#tour-count", { hasText: `${stop} of 5` }).waitFor();
        seen.push([await text(tab, "#tour-title"), ...(await led())]);
        if (stop < 5) await tab.locator("#tour-next").click();
      }
      assert.deepEqual(seen, [
        ["The actor decides.", "map-action"],
        ["The critic judges.", "map-value"],
        ["Throw it.", ""],
        ["See the ridge bend.", "map-value"],
        ["Look inside one update.", "inside-tab-1"],
      ]);
      await tab.locator("#tour-next").click();
      await tab.locator("#inside-title-of", { hasText: /^(Update|Step) \d/ }).waitFor();
      await until(() =>
        tab.locator("#inside").evaluate((inside) => inside.getBoundingClientRect().top < innerHeight / 2),
      );
      assert.equal(await tab.locator(".led").count(), 0);

      const isShown = () => tab.locator("#tour").isVisible();
      assert.equal(await isShown(), false);
      await tab.reload();
      await tab.locator("html[data-complete]").waitFor({ state: "attached" });
      assert.equal(await isShown(), false, "it was seen");
      await tab.locator("#tour-open").click();
      assert.equal(await isShown(), true);
      assert.equal(await tab.evaluate(() => document.activeElement.id), "tour-next");
      await tab.keyboard.press("Escape");
      assert.equal(await isShown(), false);

      await tab.evaluate(() => localStorage.clear());
      await tab.reload();
      await tab.locator("#tour-skip").click();
      await tab.reload();
      await tab.locator("html[data-complete]").waitFor({ state: "attached" });
      assert.equal(await isShown(), false, "it was skipped");
    }));

  it("explains every symbol of a formula: its name, its number and its line of ddpg.ts, by pointer, tap and keys", () =>
    visit(
      "#seed=2&warmupSteps=64&speed=full",
      async (tab) => {
        await reached(tab, "paused");
        const source = fs.readFileSync(path.join(root, "src/ddpg/ddpg.ts"), "utf8").split("\n");
        const words = /^(.+)\. (Now .+|Its number appears .+)\. src\/ddpg\/ddpg\.ts, line (\d+)$/s;
        await tab.locator("#inside-tab-4").click();
        await tab.locator("#inside-formula [data-symbol=y]").hover();
        assert.match(await text(tab, "#inside-symbol"), /^yᵢ, .*Its number appears once an update is shown\./);
        await tab.locator("#update-once").click();
        await tab.locator("#inside-title-of", { hasText: "Update 1" }).waitFor();

        const agent = await trained({ seed: 2, warmupSteps: 64 }, 64);
        const y = agent.y[0].toFixed(Math.abs(agent.y[0]) < 1 ? 3 : 2).replace("-", "−");
        await tab.locator("#inside-symbol", { hasText: `Now ${y} in the first row.` }).waitFor();
        let count = 0;
        for (let step = 1; step <= 7; step++) {
          await tab.locator(`#inside-tab-${step}`).click();
          assert.equal(await text(tab, "#inside-symbol"), "", "another formula is not explained yet");
          const unmarked = await tab
            .locator("#inside-formula mi")
            .evaluateAll((all) => all.filter((mi) => !mi.closest("[data-symbol]")).map((mi) => mi.textContent));
          assert.deepEqual(unmarked, [], `step ${step}`);
          const symbols = tab.locator("#inside-formula [data-symbol]");
          const names = [];
          for (let i = 0; i < (await symbols.count()); i++) {
            await symbols.nth(i).hover();
            const explained = await text(tab, "#inside-symbol");
            assert.match(explained, words);
            const [, name, number, line] = words.exec(explained);
            assert.ok(number.startsWith("Now ") && number.length > 4, explained);
            assert.doesNotMatch(number, /–|NaN|undefined/);
            assert.ok(source[line - 1].trim().length > 0 && !source[line - 1].trim().startsWith("//"), explained);
            // The line is marked where the page shows it.
            const [marked, shown] = await tab.locator("#inside-source").evaluate((root, at) => {
              const wanted = root.querySelector(`[data-line="src/ddpg/ddpg.ts:${at}"]`);
              return [[...root.querySelectorAll(".marked")].map((each) => each.textContent), wanted?.textContent];
            }, line);
            assert.deepEqual(marked, shown === undefined ? [] : [shown]);
            if (shown !== undefined) assert.equal(shown.trim(), source[line - 1].trim());
            names.push(name);
            count++;
          }
          // The keys explain the same symbols in the same order.
          await symbols.first().focus();
          for (const name of names) {
            assert.ok((await text(tab, "#inside-symbol")).startsWith(`${name}. `));
            await tab.keyboard.press("ArrowRight");
          }
          assert.equal(await tab.locator("#inside-formula [tabindex='0']").count(), 1, "one stop of the Tab key");
        }
        assert.ok(count > 35, `${count} symbols`);
      },
      { ...still, hasTouch: true },
    ));

  it("shows a trained policy at one press, which can be thrown, and lets it learn on as the command would", () =>
    visit("#speed=full&warmupSteps=400", async (tab) => {
      const asked = [];
      tab.on("request", (request) => asked.push(request.url()));
      const files = () => asked.filter((url) => url.includes("/trained/")).map((url) => url.split("/").at(-1));
      await tab.locator("#trained-watch").click();
      const said = /a trained Pendulum-v1: 3,500 steps, return −147 ± 2\.72 over 1,000 starts\./;
      await tab.locator("#visitor", { hasText: said }).waitFor();
      assert.deepEqual(files(), ["Pendulum-v1.safetensors"], "only this one is fetched");
      await tab.locator("#world-caption", { hasText: /^The trained policy, torque/ }).waitFor();
      assert.ok(await tab.locator("#tour").isHidden(), "the words take the tour's place");
      // It catches itself after a throw: within an episode of ten seconds it stands.
      await tab.locator("#world canvas").press("ArrowRight");
      await tab.locator("#world-state", { hasText: /^[0-6]° from upright/ }).waitFor({ state: "attached" });

      await tab.locator("#visitor-continue").click();
      await tab.waitForFunction(() => location.hash.includes("start=trained"));
      assert.ok(await tab.locator("#visitor").isHidden());
      // The arithmetic of the page, not of the record: an engine without fused arithmetic learns on, too.
      const command =
        "npx ddpg export --trained Pendulum-v1 && npx ddpg train Pendulum-v1 --seed 1 --arithmetic portable --preset small --from Pendulum-v1.safetensors";
      assert.equal(await text(tab, "#command"), command);
      await reached(tab, "ended");
      const backend = await nodeBackend({ wide: false, arithmetic: "portable" });
      const agent = await Ddpg.create(new Pendulum(), { preset: "small", backend, arithmetic: "portable" });
      agent.startFrom(await Policy.load(fs.readFileSync(path.join(root, "web/trained/Pendulum-v1.safetensors"))));
      for await (const { step } of train(agent, new Pendulum())) if (step === 5000) break;
      assert.equal(await fingerprint(tab), agent.fingerprint());

      const coming = tab.waitForEvent("download");
      await tab.locator("#save-config").click();
      assert.equal(JSON.parse(fs.readFileSync(await (await coming).path(), "utf8")).from, true);

      // Another task's policy brings its body, and no training.
      await tab.locator("#trained-task").selectOption("MountainCarContinuous-v0");
      await tab.locator("#trained-watch").click();
      await tab.locator("#world-caption", { hasText: /^The trained policy, force/ }).waitFor();
      await reached(tab, "paused");
      assert.equal(await stepOf(tab), 0);
      assert.doesNotMatch(tab.url(), /start=/);
    }));

  it("refuses a link that starts from a policy that is not there", () =>
    visit("#task=dm_control/hopper-hop&start=trained", async (tab) => {
      const words = /start: expected a task of Pendulum-v1, .*, got "dm_control\/hopper-hop"/;
      await tab.locator("#notice-text", { hasText: words }).waitFor();
    }));

  it("zooms the curve to the steps that a mouse drags across, and back", () =>
    visit(
      "#task=Pendulum-v1&seed=1&steps=2000&warmupSteps=64&speed=full",
      async (tab) => {
        await tab.locator("#play").click();
        await reached(tab, "ended");
        const over = tab.locator("#curve .u-over");
        /** Moves the pointer to a part of the curve's width, once the curve stands still. */
        const move = async (part) => {
          const { width, height } = await over.boundingBox();
          await over.hover({ position: { x: part * width, y: height / 2 } });
        };
        /** The step that the pointer reads out at a part of the curve's width. */
        const stepAt = async (part) => {
          await move(part);
          const words = await tab.locator("#curve-readout", { hasText: /^Step / }).textContent();
          return Number(/^Step ([\d,]+)/.exec(words)[1].replace(",", ""));
        };
        assert.ok((await stepAt(0.02)) <= 200);
        assert.ok(await tab.locator("#curve-all").isHidden());
        for (const back of [() => tab.locator("#curve-all").click(), () => over.dblclick()]) {
          await move(0.5);
          await tab.mouse.down();
          await move(0.75);
          await tab.mouse.up();
          await tab.locator("#curve-all").waitFor();
          const [first, last] = [await stepAt(0.02), await stepAt(0.98)];
          assert.ok(first >= 900 && first <= 1200 && last >= 1300 && last <= 1600, `${first} to ${last}`);
          await back();
          await tab.locator("#curve-all").waitFor({ state: "hidden" });
          assert.ok((await stepAt(0.02)) <= 200);
        }
      },
      still,
    ));

  it("looks back: maps, body and curve at an earlier step, while the run continues; and returns to now", () =>
    visit("#seed=3&steps=3000&speed=full", async (tab) => {
      await reached(tab, "ended");
      const slider = tab.locator("#time");
      /** What the maps say of one state, and a sum of the pixels at the curve's right end. */
      const picture = async () => {
        for (const key of ["ArrowUp", "ArrowDown"]) await tab.locator("#map-value").press(key);
        const maps = await text(tab, "#map-readout");
        const curve = await tab.evaluate(async () => {
          for (let frame = 0; frame < 20; frame++) await new Promise(requestAnimationFrame);
          const canvas = document.querySelector("#curve canvas");
          const copy = new OffscreenCanvas(60, 80).getContext("2d");
          copy.drawImage(canvas, 110 - canvas.width, -20);
          const { data } = copy.getImageData(0, 0, 60, 80);
          return data.reduce((sum, value, i) => sum + value * (i % 7), 0);
        });
        return { maps, curve };
      };
      await until(() => slider.isEnabled());
      const newest = await picture();
      const bits = await fingerprint(tab);
      await slider.fill("0");
      await tab.locator("#world-caption", { hasText: /^As it was after \d+ steps/ }).waitFor();
      const [, step] = /after ([\d,]+) steps/.exec(await text(tab, "#world-caption"));
      assert.ok(Number(step.replace(",", "")) < 1000, `the first moment is after ${step} steps`);
      const first = await picture();
      for (const name of ["maps", "curve"]) assert.notEqual(first[name], newest[name], name);
      assert.match(await slider.getAttribute("aria-valuetext"), /^after [\d,]+ steps$/);

      await slider.press("End");
      await tab.locator("#world-caption", { hasText: /^After 3,000 steps/ }).waitFor();
      assert.ok(await tab.locator("#time-now").isHidden());
      assert.deepEqual(await picture(), newest);
      assert.equal(await fingerprint(tab), bits, "looking back changes nothing");

      // The run continues while the page looks back.
      await slider.fill("1500");
      const middle = /^As it was after [12],\d\d\d steps/;
      await tab.locator("#world-caption", { hasText: middle }).waitFor();
      const [shown] = middle.exec(await text(tab, "#world-caption"));
      await tab.locator("#play").click();
      await until(async () => (await stepOf(tab)) > 3200);
      assert.equal(middle.exec(await text(tab, "#world-caption"))?.[0], shown);
      await tab.locator("#time-now").click();
      await tab.locator("#world-caption", { hasText: /^The current policy|^After/ }).waitFor();
      await tab.locator("#restart").click();
      await until(async () => (await stepOf(tab)) < 3000);
    }));

  it("moves fifty bodies from a grid of starts by the displayed policy, and shows a chosen state of the minibatch", () =>
    visit("#speed=full", async (tab) => {
      await tab.locator("#trained-watch").click();
      await tab.locator("#visitor").waitFor();
      await reached(tab, "ended");
      await noteCircles(tab);
      /** The states of the crowd in one drawing of the map. */
      const crowd = async () => {
        const dots = await tab.evaluate(async () => {
          await new Promise(requestAnimationFrame);
          window.dots = [];
          await new Promise(requestAnimationFrame);
          return window.dots;
        });
        return statesAt(tab, dots);
      };
      assert.equal((await crowd()).length, 0);
      await tab.locator("#crowd").check();
      await until(async () => (await crowd()).length === 50);
      // Under the trained policy nearly all of them stand within an episode.
      const standing = (all) => all.filter(([angle, speed]) => Math.abs(angle) < 0.3 && Math.abs(speed) < 1).length;
      await until(async () => standing(await crowd()) >= 45);
      // Then all begin again.
      await until(async () => standing(await crowd()) < 15);
      await tab.locator("#crowd").uncheck();
      await until(async () => (await crowd()).length === 0);

      await tab.locator("#update-once").click();
      await tab.locator("#inside-tab-3").click();
      const row = tab.locator("#inside-numbers tr", { has: tab.locator("[data-row='2']") });
      const [cosine, sine, speed] = (await row.locator("td").nth(1).textContent())
        .replaceAll("−", "-")
        .match(/-?[\d.e-]+/g)
        .map(Number);
      await row.locator("[data-row]").click();
      await tab.waitForFunction(() => window.ring);
      const [[angle, velocity]] = await statesAt(tab, [await tab.evaluate(() => window.ring)]);
      assert.ok(
        Math.abs(angle - Math.atan2(sine, cosine)) < 0.02 && Math.abs(velocity - speed) < 0.06,
        `${angle}, ${velocity}`,
      );
      await row.locator("[data-row]").click();
      await tab.evaluate(async () => {
        for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
        window.ring = null;
        for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
      });
      assert.equal(await tab.evaluate(() => window.ring), null);
    }));

  it("shows the state of a row as it was observed, also where running statistics normalize it", async () => {
    const states = [];
    for (const isNormalized of [false, true]) {
      await visit(`#speed=1&seed=3&observationNormalization=${isNormalized}`, async (tab) => {
        await noteCircles(tab);
        await tab.locator("#update-once").click();
        await tab.locator("#inside-title-of", { hasText: "Update 1, made" }).waitFor();
        await tab.locator("#inside-tab-3").click();
        await tab.locator("#inside-numbers [data-row='2']").click();
        await tab.waitForFunction(() => window.ring);
        states.push(...(await statesAt(tab, [await tab.evaluate(() => window.ring)])));
      });
    }
    const [[angle, speed], [sameAngle, sameSpeed]] = states;
    // The warm-up and the first minibatch are the same. A sum of Float32 numbers rounds.
    assert.ok(Math.abs(angle - sameAngle) < 1e-4 && Math.abs(speed - sameSpeed) < 1e-4, states.join("; "));
    assert.ok(Math.abs(angle) > 0.1 && Math.abs(speed) > 0.1, "0 would hide a factor");
  });

  it("names the seven steps, and every setting in words with its flag", () =>
    visit("", async (tab) => {
      const names = await tab.locator("#inside-tabs span").allTextContents();
      assert.deepEqual(names, ["act", "step", "store", "target", "critic", "actor", "follow"]);
      const labels = await tab
        .locator("#settings-main label, #settings-more label")
        .evaluateAll((all) =>
          all.map((label) => [label.htmlFor, label.firstChild.textContent, label.lastChild.textContent]),
        );
      assert.ok(labels.length > 50);
      assert.equal(new Set(labels.map(([, label]) => label)).size, labels.length, "two settings have the same label");
      for (const [id, label, flag] of labels) {
        const name = id.replace("field-", "");
        assert.equal(flag, `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
        assert.match(label, /^[A-Z]/);
        assert.notEqual(label, name);
      }
    }));

  it("links to the paper, and to README, gradients, source and license, which it carries", () =>
    visit("", async (tab) => {
      const links = await tab.locator("footer a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
      const [paper, ...own] = links;
      assert.equal(paper, "https://arxiv.org/abs/1509.02971");
      const files = ["README.md", "docs/gradients.md", "src/ddpg/ddpg.ts", "LICENSE"];
      assert.equal(own.length, files.length);
      for (const [i, link] of own.entries()) {
        const response = await tab.request.get(new URL(link, tab.url()).href);
        assert.equal(await response.text(), fs.readFileSync(path.join(root, files[i]), "utf8"));
      }
    }));

  it("loads what is below the first view after it was painted", () =>
    visit("", async (tab) => {
      const [painted, loaded] = await tab.evaluate(() => [
        performance.getEntriesByName("first-contentful-paint")[0].startTime,
        performance.getEntriesByType("resource").find(({ name }) => /\/below-/.test(name)).startTime,
      ]);
      assert.ok(loaded > painted, `loaded after ${loaded} ms, painted after ${painted} ms`);
    }));

  it("is less than 150 kB in the first view, compressed, and all addresses of its parts are relative", async () => {
    const asked = new Set();
    let later = [];
    await visit("", async (tab) => {
      tab.on("response", (response) => asked.add(response.url()));
      await tab.reload();
      await reached(tab, "playing");
      await tab.locator("html[data-complete]").waitFor({ state: "attached" });
      later = await tab.evaluate(() => {
        const all = performance.getEntriesByType("resource");
        // What is below the first view comes after it was painted: another test says so.
        const { startTime } = all.find(({ name }) => /\/below-/.test(name));
        // The worker belongs to the first view, whenever the browser got to it.
        return all
          .filter((each) => each.startTime >= startTime && !/\/worker-/.test(each.name))
          .map(({ name }) => name);
      });
    });
    const files = [...asked]
      .filter((url) => !url.startsWith("data:") && !later.includes(url))
      .map((url) => new URL(url).pathname.replace("/some/folder/", "") || "index.html");
    assert.ok(files.some((name) => /worker-/.test(name)) && files.some((name) => /\.css$/.test(name)), files.join());
    const contents = files.map((name) => fs.readFileSync(path.join(built, name)));
    const size = contents.reduce((sum, content) => sum + gzipSync(content).length, 0);
    assert.ok(size < 150_000, `${size} bytes`);
    const html = fs.readFileSync(path.join(built, "index.html"), "utf8");
    for (const [tag, address] of html.matchAll(/<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"/g))
      assert.match(address, /^(\.\/|data:)/, tag);
    assert.match(html, /Content-Security-Policy"\s+content="default-src 'none'/);
  });
});

/** Makes the page keep the lines of the trail that the actor's map drew last: pairs of points, in CSS pixels. */
function recordMap() {
  const { prototype } = CanvasRenderingContext2D;
  const { beginPath, moveTo, lineTo, stroke } = prototype;
  let [last, lines] = [null, []];
  const note = (context, to, isLine) => {
    if (context.canvas.id !== "map-action") return;
    if (isLine) lines.push([last, to]);
    last = to;
  };
  prototype.beginPath = function () {
    if (this.canvas.id === "map-action") [last, lines] = [null, []];
    beginPath.call(this);
  };
  prototype.moveTo = function (...to) {
    note(this, to, false);
    moveTo.apply(this, to);
  };
  prototype.lineTo = function (...to) {
    note(this, to, true);
    lineTo.apply(this, to);
  };
  prototype.stroke = function () {
    // Of all lines only the trail is translucent.
    if (this.canvas.id === "map-action" && this.globalAlpha < 1) window.trail = lines;
    stroke.call(this);
  };
}

/** The joined states of the drawn trail, in a tab with `recordMap`: pairs of [angle, speed]. */
function joined(tab) {
  return tab.evaluate(async () => {
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
    const { clientWidth, clientHeight } = document.querySelector("#map-action");
    const state = ([x, y]) => [
      Math.PI * (2 * ((x - 54) / (clientWidth - 62)) - 1),
      8 * (1 - 2 * ((y - 6) / (clientHeight - 40))),
    ];
    return window.trail.map((line) => line.map(state));
  });
}

/** Notes where the map of actions has circles: `window.dots` of the crowd, and `window.ring` of the chosen state. */
function noteCircles(tab) {
  return tab.evaluate(() => {
    const { arc } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.arc = function (x, y, radius, ...rest) {
      if (this.canvas.id === "map-action" && radius === 2) window.dots.push([x, y]);
      if (this.canvas.id === "map-action" && radius === 7) window.ring = [x, y];
      arc.call(this, x, y, radius, ...rest);
    };
  });
}

/** The states, [angle, speed], at points of the actor's map in CSS pixels. */
function statesAt(tab, points) {
  return tab.evaluate((all) => {
    const { clientWidth, clientHeight } = document.querySelector("#map-action");
    return all.map(([x, y]) => [
      Math.PI * (2 * ((x - 54) / (clientWidth - 62)) - 1),
      8 * (1 - 2 * ((y - 6) / (clientHeight - 40))),
    ]);
  }, points);
}

/** Fails if the pendulum does not go from the first state of a pair to the second in one step of 0.05 s. */
function assertFollow(pairs) {
  for (const [[angle], [next, speed]] of pairs) {
    const turned = next - angle - 0.05 * speed;
    const off = Math.abs(turned - 2 * Math.PI * Math.round(turned / (2 * Math.PI)));
    assert.ok(off < 1e-4, `from ${angle} to ${next} with a speed of ${speed}: off by ${off}`);
  }
}

/** The agent that the library trains for a number of steps with the same experiment. */
async function trained(changes, steps, environment = new Pendulum()) {
  // A link that names no arithmetic is portable.
  const agent = await Ddpg.create(environment, { preset: "small", arithmetic: "portable", ...changes });
  for await (const { step } of train(agent, environment)) if (step === steps) break;
  return agent;
}

/** Resolves once `question` returns true. Fails after the same time as Playwright's waits. */
async function until(question) {
  const last = performance.now() + 30_000;
  while (!(await question())) {
    assert.ok(performance.now() < last, `never: ${question}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
