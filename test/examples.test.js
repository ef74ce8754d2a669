// Runs every example from start to end in its own folder, as a new user does.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Ddpg, Pendulum, train } from "ddpg";
import { nodeBackend } from "ddpg/node";
import { openBrowser, serve } from "./browser.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const examples = path.join(root, "examples");
const scripts = fs.readdirSync(examples).filter((name) => name.endsWith(".js"));

describe("the examples", { timeout: 120_000, concurrency: 2 }, () => {
  const folder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "ddpg-examples-"));
  after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

  /** Runs a Node program in the folder. Returns its output and exit code. */
  function node(file, ...args) {
    return new Promise((resolve) => {
      execFile(process.execPath, [file, ...args], { cwd: folder, encoding: "utf8" }, (error, stdout, stderr) =>
        resolve({ code: error ? error.code : 0, stdout, stderr }),
      );
    });
  }

  /** Runs an example that must succeed with an empty stderr. Returns its output. */
  async function succeed(name, ...args) {
    const { code, stdout, stderr } = await node(path.join(examples, name), ...args);
    assert.equal(stderr, "");
    assert.equal(code, 0);
    return stdout;
  }

  it("are each under 30 lines, with a comment first", () => {
    assert.ok(scripts.length > 0);
    for (const name of scripts) {
      const lines = fs.readFileSync(path.join(examples, name), "utf8").trimEnd().split("\n");
      assert.ok(lines.length < 30, `${name}: ${lines.length} lines`);
      assert.match(lines[0], /^\/\/ [A-Z].*\.$/, name);
    }
  });

  it("match the package's types", async () => {
    const compiler = path.join(
      path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")),
      "lib/tsc.js",
    );
    const { code, stdout } = await node(compiler, "-p", examples);
    assert.equal(stdout, "");
    assert.equal(code, 0);
  });

  it("train.js: solves the pendulum and saves a policy, which use-policy.js uses", async () => {
    const trained = await succeed("train.js");
    const [, mean] = /^mean return (-?\d+) ± \d+$/m.exec(trained) ?? [];
    assert.ok(Number(mean) > -170, trained);
    assert.match(trained, /^step 200: return -\d+\n[\s\S]*^step 5000: return -\d+$/m);
    assert.match(trained, /^saved pendulum\.safetensors$/m);
    assert.ok(fs.existsSync(path.join(folder, "pendulum.safetensors")));

    const used = await succeed("use-policy.js", "pendulum.safetensors");
    // Swinging up from this start takes two swings. A policy that fails to do so has a return below −1,000.
    const [, episodeReturn] = /^return (-\d+)$/m.exec(used) ?? [];
    assert.ok(Number(episodeReturn) > -400, used);
    const torques = Array.from(used.matchAll(/^step \d+: torque (-?[\d.]+) N·m$/gm), ([, torque]) => Number(torque));
    assert.equal(torques.length, 10);
    for (const torque of torques) assert.ok(Math.abs(torque) <= 2, used);
  });

  it("train.js: saves to the file in its argument", async () => {
    assert.match(await succeed("train.js", "another.bin"), /^saved another\.bin$/m);
    assert.ok(fs.existsSync(path.join(folder, "another.bin")));
  });

  describe("use-policy.js without a policy file: prints one line that says what to do, exit code 2", () => {
    const cases = {
      "no argument": [[], /node examples\/train\.js pendulum\.safetensors/],
      "no such file": [["missing.safetensors"], /^missing\.safetensors: .*no such file/],
      "another file": [
        ["damaged.safetensors"],
        /^damaged\.safetensors: Policy\.load: expected a safetensors file, got a file that begins with the bytes 6e 6f 20 70/,
      ],
    };
    for (const [name, [args, message]] of Object.entries(cases)) {
      it(name, async () => {
        fs.writeFileSync(path.join(folder, "damaged.safetensors"), "no policy, though long enough for a header");
        const { code, stdout, stderr } = await node(path.join(examples, "use-policy.js"), ...args);
        assert.equal(code, 2);
        assert.equal(stdout, "");
        assert.match(stderr, message);
        assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
      });
    }
  });

  it("own-environment.js: the boat learns to stay at its buoy", async () => {
    const output = await succeed("own-environment.js");
    assert.match(output, /^observation\[0\]: .*observationScale/);
    const [, before] = /^mean return before: (-?\d+)$/m.exec(output) ?? [];
    const [, afterwards] = /^mean return after: (-?\d+), of at most 150$/m.exec(output) ?? [];
    assert.ok(Number(before) < 80, output);
    assert.ok(Number(afterwards) > 110, output);
  });

  for (const [name, least] of [
    ["boat.js", 110],
    ["crane.js", 110],
    ["reach.js", -12], // without hindsight about -49
    ["odd-units.js", -180_000], // the preset `small` stays at -1,442,000
  ]) {
    it(`${name}: the command in its second line trains it`, async () => {
      const [, command] = fs.readFileSync(path.join(examples, name), "utf8").split("\n");
      const words = command.replace(/^\/\/ npx ddpg /, "").split(" ");
      assert.equal(words.indexOf(`examples/${name}`), 1, command);
      words[1] = path.join(examples, name);
      const { code, stdout, stderr } = await node(path.join(root, "bin/ddpg.js"), ...words, "--episodes", "100");
      // On a slow machine, the command may report that it is checking the environment.
      assert.equal(stderr.replace(/^Checking .*\n/, ""), "");
      assert.equal(code, 0);
      const [, mean] = /^return +(-?[\d.,]+) ±/m.exec(stdout) ?? [];
      assert.ok(Number(mean?.replaceAll(",", "")) > least, stdout);
    });
  }

  it("hindsight.js: a task that is not learned without hindsight", async () => {
    const output = await succeed("hindsight.js");
    const [, none, future] = /^hindsight none: reaches (\d+) .*\nhindsight future: reaches (\d+) /.exec(output) ?? [];
    assert.ok(Number(none) < 30, output); // a place may be next to the start
    assert.ok(Number(future) > 95, output);
  });

  it("own-loop.js: five drones learn to hover in a minute of frames", async () => {
    const output = await succeed("own-loop.js", "--fast");
    const lines = output.trimEnd().split("\n");
    const returns = lines.map((line, i) => {
      const [seconds, list] = line.split(" s: returns ");
      assert.equal(Number(seconds), 5 * (i + 1));
      return list.split(" ").map(Number);
    });
    assert.equal(returns.length, 12);
    for (const five of returns) assert.equal(five.length, 5);
    assert.ok(Math.max(...returns[0]) < 100, output);
    assert.ok(Math.min(...returns[11]) > 120, output);
  });

  it("own-loop.js: without --fast, 60 frames a second", async () => {
    const started = performance.now();
    const child = execFile(process.execPath, [path.join(examples, "own-loop.js")], { cwd: folder });
    try {
      const [first] = await once(child.stdout, "data");
      const seconds = (performance.now() - started) / 1000;
      assert.match(String(first), /^5 s: returns/);
      assert.ok(seconds > 4.5, `${seconds} s`);
    } finally {
      child.kill();
    }
  });

  it("in-a-page.html: the steps count up, the returns appear, Stop stops", async () => {
    const server = await serve(root);
    const browser = await openBrowser();
    try {
      const errors = [];
      const page = await browser.newPage();
      page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
      page.on("pageerror", (error) => errors.push(error.message));
      const step = async () => Number(await page.textContent("output"));

      await page.goto(`${server.url}/examples/in-a-page.html`);
      await page.waitForFunction(() => Number(document.querySelector("output").value) === 5000);
      const returns = (await page.locator("li").allTextContents()).map(Number);
      assert.equal(returns.length, 25);
      assert.ok(Math.min(...returns.slice(0, 5)) < -1000, returns.join(" "));
      assert.ok(Math.min(...returns.slice(-5)) > -500, returns.join(" "));

      await page.reload();
      // Click from inside the page: on a slow machine, training would be over before a click from here.
      await page.waitForFunction(() => {
        const begun = document.querySelectorAll("li").length >= 2;
        if (begun) document.querySelector("button").click();
        return begun;
      });
      const stopped = await step();
      assert.ok(stopped >= 400 && stopped < 5000, `${stopped}`);
      await page.waitForTimeout(200);
      assert.equal(await step(), stopped);
      assert.deepEqual(errors, []);
    } finally {
      await browser.close();
      await server.close();
    }
  });

  it("keep-in-a-page.html: reloaded during training, it resumes with the same bits", async () => {
    const environment = new Pendulum();
    // The page's default. Node 20 has it with a backend of ddpg/node.
    const backend = await nodeBackend({ arithmetic: "fused" });
    const agent = await Ddpg.create(environment, { preset: "small", seed: 1, backend });
    for await (const { step } of train(agent, environment)) if (step === 5000) break;

    const server = await serve(root);
    const browser = await openBrowser();
    try {
      const errors = [];
      const page = await browser.newPage();
      page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
      page.on("pageerror", (error) => errors.push(error.message));
      await page.goto(`${server.url}/examples/keep-in-a-page.html`);
      // From inside the page: on a slow machine, training would be over before a reload from here.
      await page.waitForFunction(() => {
        const begun = Number(document.querySelectorAll("output")[1].value) >= 1000;
        if (begun) location.reload();
        return begun;
      });
      await page.waitForFunction(() => Number(document.querySelector("output").value) > 1000);
      await page.waitForFunction(() => document.querySelectorAll("output")[2].value !== "");
      assert.equal(await page.locator("output").last().textContent(), `Done: ${agent.fingerprint()}`);
      assert.deepEqual(errors, []);
    } finally {
      await browser.close();
      await server.close();
    }
  });
});
