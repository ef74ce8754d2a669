// Tests the package as users get it: packed, installed in an empty folder, type-checked, run, bundled for a page.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { allPrograms, programsOf } from "../scripts/documents.js";
import { icon, openBrowser, serve } from "./browser.js";
import { watch } from "./watching.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const typescript = path.dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
const { version } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
const execute = promisify(execFile);

const steps = 2000;
const tenLines = `import { Ddpg, Pendulum, train } from "ddpg";

const environment = new Pendulum();
const agent = await Ddpg.create(environment, { seed: 1, preset: "small", arithmetic: "portable" });
for await (const { step, episode } of train(agent, environment)) {
  if (episode) console.log(step, episode.return);
  if (step === ${steps}) break;
}
const [torque] = agent.act([1, 0, 0]);
console.log(torque, agent.fingerprint());
`;

/** A custom environment, as most users write one, and a mistake that the types must find. */
const ownEnvironment = `import { type Environment, type Random, type Step, Ddpg, train } from "ddpg";

class Cart implements Environment {
  readonly observationSize = 2;
  readonly actionLow = [-1];
  readonly actionHigh = [3];
  #position = 0;
  reset(random: Random): number[] {
    this.#position = random.uniform(-1, 1);
    return [this.#position, 0];
  }
  async step(action: Float32Array): Promise<Step> {
    this.#position += 0.1 * action[0];
    return { observation: [this.#position, action[0]], reward: -Math.abs(this.#position), terminated: false };
  }
}

export async function firstReturn(): Promise<number> {
  const cart = new Cart();
  const agent: Ddpg = await Ddpg.create(cart, { seed: 1 });
  for await (const { episode } of train(agent, cart)) if (episode) return episode.return;
  // @ts-expect-error
  await Ddpg.create(cart, { sed: 1 });
  return 0;
}
`;

/** A customized MuJoCo task, and a mistake that the types must find. */
const ownMujoco = `import { checkEnvironment } from "ddpg";
import { createMujoco, hopper, type MujocoTask, type Simulation } from "ddpg/mujoco";

const still: MujocoTask = {
  ...hopper({ healthyZRange: [0.8, Infinity], resetNoiseScale: 0.01 }),
  reward: ({ qvel }: Simulation, action) => -Math.abs(qvel[0]) - action[0] ** 2,
};
export const problems = async (): Promise<string[]> => (await checkEnvironment(() => createMujoco(still))).problems;
// @ts-expect-error
hopper({ ctrlCost: 1 });
`;

const whatToInstall =
  "MuJoCo: expected the package @mujoco/mujoco@3.14.0, got none. Install it: npm install @mujoco/mujoco@3.14.0";

/** Runs on a page, in a worker and in Node, and measures how responsive each stays during training. */
const program = `import { Ddpg, environments, Pendulum, Random, train, webThreads } from "ddpg";

/** The result of a hundred steps of a MuJoCo task, or the error message. */
export async function cheetah() {
  try {
    const environment = await environments["HalfCheetah-v5"].create();
    environment.reset(new Random(1));
    let step;
    for (let i = 0; i < 100; i++) step = environment.step(new Float32Array(6).fill(i % 2 ? -1 : 0.7));
    return [step.reward, ...step.observation].join(" ");
  } catch (error) {
    return error.message;
  }
}

export async function fingerprintAfter(steps) {
  const environment = new Pendulum();
  const agent = await Ddpg.create(environment, { seed: 1, preset: "small", arithmetic: "portable" });
  for await (const { step } of train(agent, environment)) if (step === steps) break;
  return agent.fingerprint();
}

/** The number of threads of a large agent, and why it is one. */
export async function threadsOfLarge() {
  const sizes = { actorHiddenSizes: [1024, 1024], criticHiddenSizes: [1024, 1024], batchSize: 1024 };
  const two = webThreads(2);
  return [(await Ddpg.create(new Pendulum(), { ...sizes, threads: two })).threads, two.refusal];
}

export const now = { step: 0, stop: false };

export async function trainUntilStopped() {
  const environment = new Pendulum();
  const agent = await Ddpg.create(environment, { seed: 1, preset: "small" });
  for await (const { step } of train(agent, environment)) {
    now.step = step;
    if (now.stop) break;
  }
}

/** Counts how often a 10 ms timer fires during a second of training. */
export async function ticksInASecond() {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 10);
  now.stop = false;
  setTimeout(() => { now.stop = true; }, 1000);
  await trainUntilStopped();
  clearInterval(timer);
  return ticks;
}
`;

const page = {
  "index.html": `<!doctype html>
<title>ddpg</title>
${icon}
<button>Answer</button>
<script type="module" src="./main.js"></script>
`,
  "main.js": `import * as program from "./program.js";

const clicks = [];
document.querySelector("button").addEventListener("click", (event) => {
  clicks.push({ step: program.now.step, delayMs: performance.now() - event.timeStamp });
});

function inWorker(name, steps) {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage({ name, steps });
  }).finally(() => worker.terminate());
}

window.test = { ...program, clicks, inWorker };
`,
  "worker.js": `import * as program from "./program.js";

self.onmessage = async ({ data: { name, steps } }) => self.postMessage(await program[name](steps));
`,
  "program.js": program,
};

describe("the packed package", { timeout: 900_000 }, () => {
  const temporary = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "ddpg-package-"));
  const user = path.join(temporary, "user");
  const installed = path.join(user, "node_modules/ddpg");
  let tarball = "";
  let checkout = "";
  let fingerprint = "";

  before(async () => {
    ({ tarball, checkout } = await pack(temporary));
    fs.mkdirSync(user);
    writeFiles(user, { "package.json": '{ "private": true, "type": "module" }' });
    // With an empty cache and no network, anything that the package needs besides itself would be missing.
    const flags = ["--offline", "--cache", path.join(temporary, "cache"), "--no-audit", "--no-fund"];
    await npm(["install", ...flags, tarball], user);
  });
  after(() => fs.rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }));

  it("has no dependencies", () => {
    const manifest = JSON.parse(fs.readFileSync(path.join(installed, "package.json"), "utf8"));
    assert.deepEqual(manifest.dependencies ?? {}, {});
    assert.deepEqual(manifest.optionalDependencies ?? {}, {});
    for (const name of Object.keys(manifest.peerDependencies ?? {}))
      assert.equal(manifest.peerDependenciesMeta?.[name]?.optional, true, `${name} is an optional peer`);
    const packages = fs.readdirSync(path.join(user, "node_modules")).filter((name) => !name.startsWith("."));
    assert.deepEqual(packages, ["ddpg"]);
  });

  it("has no scripts, which would name files that are not packed; packing restores those of the checkout", () => {
    const read = (folder) => fs.readFileSync(path.join(folder, "package.json"), "utf8");
    const { scripts, ...rest } = JSON.parse(read(root));
    assert.deepEqual(JSON.parse(read(installed)), rest);
    assert.ok(scripts.prepare, "an installation from git needs it");
    assert.equal(read(checkout), read(root));
    assert.deepEqual(fs.readdirSync(path.join(checkout, ".builds")).length, 1, "no backup is left");
  });

  it("is installed without a warning", async () => {
    const other = path.join(temporary, "other");
    fs.mkdirSync(other);
    await npm(["init", "-y"], other);
    const said = await npmSays(["install", "--offline", "--no-audit", "--no-fund", tarball], other);
    assert.doesNotMatch(said, /warn/i);
  });

  it("restores the manifest of a checkout where npm was killed while it packed", async () => {
    const original = fs.readFileSync(path.join(checkout, "package.json"), "utf8");
    const kept = path.join(checkout, ".builds/package.json");
    await execute(process.execPath, ["scripts/build.js", "prepack"], { cwd: checkout });
    assert.equal(JSON.parse(fs.readFileSync(path.join(checkout, "package.json"), "utf8")).scripts, undefined);
    assert.equal(fs.readFileSync(kept, "utf8"), original);
    const old = new Date(Date.now() - 120_000);
    fs.utimesSync(kept, old, old);
    assert.equal(
      (await execute(process.execPath, ["bin/ddpg.js", "--version"], { cwd: checkout })).stdout.trim(),
      version,
    );
    assert.equal(fs.readFileSync(path.join(checkout, "package.json"), "utf8"), original);
    assert.ok(!fs.existsSync(kept));
    assert.ok(fs.lstatSync(path.join(checkout, "dist")).isSymbolicLink());
  });

  it("is whole where it comes from a git address: npm packs a clone after prepare", async () => {
    const clone = path.join(temporary, "clone");
    fs.cpSync(checkout, clone, { recursive: true, filter: (source) => path.basename(source) !== "dist" });
    // What npm does with a clone: its installation there runs `prepare`, then it packs without `prepack`.
    await npm(["run", "prepare"], clone, "npm", { _PACOTE_NO_PREPARE_: "git+file:clone" });
    assert.ok(!fs.lstatSync(path.join(clone, "dist")).isSymbolicLink());
    await npm(["pack", "--ignore-scripts", "--pack-destination", clone], clone);
    const other = path.join(temporary, "from-git");
    fs.mkdirSync(other);
    await npm(["init", "-y"], other);
    await npm(["install", "--offline", "--no-audit", "--no-fund", path.join(clone, `ddpg-${version}.tgz`)], other);
    const files = list(path.join(other, "node_modules/ddpg"));
    assert.deepEqual(files, list(installed));
    assert.equal(
      JSON.parse(fs.readFileSync(path.join(other, "node_modules/ddpg/package.json"), "utf8")).scripts,
      undefined,
    );
    assert.equal((await npx(["ddpg", "--version"], other)).trim(), version);
  });

  it("contains what its users need and nothing else, in less than 2.6 MB", () => {
    const files = list(installed);
    for (const name of [
      "LICENSE",
      "README.md",
      "bin/ddpg.js",
      "dist/draw-helper.js",
      "dist/index.js",
      "dist/index.d.ts",
      "dist/node.js",
    ])
      assert.ok(files.includes(name), `${name} is in the package`);
    const odd = /\.(test|case)\.|(^|\/)(test|fixtures|src|scripts|bench|\.[^/]*)(\/|$)|check-gradients|\.tsx?$/;
    assert.deepEqual(
      files.filter((name) => odd.test(name) && !name.endsWith(".d.ts")),
      [],
    );
    assert.deepEqual(
      files.filter((name) => /\.(test|case)\.d\.ts$|check-gradients/.test(name)),
      [],
    );
    // What errors and help name is there.
    const program = files
      .filter((name) => /^dist\/.*\.js$/.test(name))
      .map((name) => fs.readFileSync(path.join(installed, name), "utf8"));
    const named = new Set(program.join("\n").match(/\bdocs\/[\w-]+\.md\b/g));
    assert.ok(named.size >= 3, [...named].join(" "));
    for (const name of named) assert.ok(files.includes(name), `${name} is in the package`);
    const unpacked = files.reduce((sum, name) => sum + fs.statSync(path.join(installed, name)).size, 0);
    const packed = fs.statSync(tarball).size;
    // Half a megabyte of it is the trained policies of two bodies.
    assert.ok(packed < 2.6e6, `${packed} bytes packed`);
    assert.ok(unpacked < 7.8e6, `${unpacked} bytes unpacked`); // a tenth of it is docstrings
  });

  it("says for each library of the page which license it has, with its text; of MuJoCo's engine too", () => {
    for (const folder of [path.join(installed, "dist/page"), path.join(root, "dist/page")]) {
      const text = fs.readFileSync(path.join(folder, "THIRD-PARTY-LICENSES.txt"), "utf8");
      const entries = new Map(text.split(/^-{80}$/m).map((entry) => [entry.trim().split(" ")[0], entry]));
      assert.deepEqual([...entries.keys()].sort(), [
        "@mujoco/mujoco",
        "@nats-io/nats-core",
        "@nats-io/nuid",
        "three",
        "uplot",
      ]);
      assert.match(
        entries.get("@mujoco/mujoco"),
        /Apache License\s+Version 2\.0[\s\S]*9\. Accepting Warranty or Additional Liability/,
      );
      for (const entry of entries.values()) assert.ok(entry.length > 800, entry);
    }
  });

  it("contains the license of every library that it bundles, and no path of the machine that built it", () => {
    const licenses = fs.readFileSync(path.join(installed, "dist/THIRD-PARTY-LICENSES.txt"), "utf8");
    const bundle = fs.readFileSync(path.join(installed, "dist/cli.js"), "utf8");
    const libraries = bundle.matchAll(/^\/\/.*\bnode_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//gm);
    const names = new Set(Array.from(libraries, (match) => match[1]));
    assert.ok(names.has("commander"), `the bundle lists its libraries, got ${[...names].join(", ")}`);
    const entries = new Map(licenses.split(/^-{80}$/m).map((entry) => [entry.trim().split(" ")[0], entry]));
    for (const name of names)
      assert.match(entries.get(name) ?? "", /permission|redistribution|licensed under/i, `license of ${name}`);
    for (const name of list(installed)) {
      const text = fs.readFileSync(path.join(installed, name), "utf8");
      const at = Math.max(text.indexOf(root), text.indexOf(temporary));
      assert.ok(at < 0, `${name} names a folder of this machine: …${text.slice(Math.max(0, at - 60), at + 60)}…`);
    }
  });

  it("runs the ten lines in Node", async () => {
    writeFiles(user, { "ten-lines.js": tenLines });
    const { stdout } = await execute(process.execPath, ["ten-lines.js"], { cwd: user });
    const lines = stdout.trim().split("\n");
    assert.ok(lines.length > 1, "at least one episode ended");
    fingerprint = /^-?[\d.]+ ([0-9a-f]{16})$/.exec(lines.at(-1))?.[1] ?? "";
    assert.ok(fingerprint, `a torque and a fingerprint, got ${lines.at(-1)}`);
  });

  describe("the programs of README and the documents, in a folder of npm init -y", { concurrency: 2 }, () => {
    const folder = path.join(temporary, "readme");
    const documented = ["README.md", "docs/start/environment.md"]
      .map((name) => fs.readFileSync(path.join(root, name), "utf8"))
      .join("\n");
    const programs = new Map([...allPrograms(root)].filter(([name]) => name.endsWith(".mjs")));
    const found = documented.matchAll(/`npx (ddpg train \.\/[^`]+)`/g);
    const commands = [...new Set(Array.from(found, ([, command]) => command))].map((command) => command.split(" "));
    before(async () => {
      fs.mkdirSync(folder);
      await npm(["init", "-y"], folder);
      await npm(["install", "--offline", "--no-audit", "--no-fund", tarball], folder);
      const engine = "node_modules/@mujoco/mujoco";
      for (const name of ["package.json", "mujoco.js", "mujoco.wasm"])
        fs.cpSync(path.join(root, engine, name), path.join(folder, engine, name));
      for (const [name, code] of programs) fs.writeFileSync(path.join(folder, name), code);
    });

    for (const name of programs.keys())
      it(`runs ${name}`, async () => {
        const { stderr } = await execute(process.execPath, [name], { cwd: folder });
        // The programs print the agent's warnings. Without a backend of ddpg/node, Node 20 has portable arithmetic alone.
        assert.match(stderr, /^(arithmetic: using portable, .* the engine has no relaxed SIMD\. .*\n)?$/);
      });

    for (const name of [...allPrograms(root).keys()].filter((each) => each.endsWith(".mts")))
      it(`runs ${name}`, { skip: !process.features.typescript }, async () => {
        fs.writeFileSync(path.join(folder, name), allPrograms(root).get(name));
        const { stdout } = await execute(process.execPath, [name], { cwd: folder });
        assert.match(stdout, /^3000 -\d/m);
      });

    it("trains what it says that the command trains", async () => {
      assert.equal(commands.length, 1);
      for (const command of commands) {
        assert.ok(programs.has(path.basename(command[2])), command.join(" "));
        const short = ["--steps", "600", "--episodes", "3", "--out", `run-${command[2].replace(/\W/g, "")}`];
        assert.match(await npx([...command, ...short], folder), /^return +-/m);
      }
    });
  });

  it("has an entry for Node", async () => {
    const script = 'console.log(Object.keys(await import("ddpg/node")).length)';
    const { stdout } = await execute(process.execPath, ["--input-type=module", "--eval", script], { cwd: user });
    assert.ok(Number(stdout) > 0, stdout);
  });

  for (const [module, moduleResolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])
    it(`type-checks under ${moduleResolution} resolution without the DOM's types or Node's`, async () => {
      const name = `tsconfig.${moduleResolution}.json`;
      const compilerOptions = { module, moduleResolution, target: "ES2022", lib: ["ES2022"], types: [] };
      Object.assign(compilerOptions, {
        strict: true,
        skipLibCheck: false,
        noEmit: true,
        exactOptionalPropertyTypes: true,
      });
      const console = "declare const console: { log(...data: unknown[]): void };\n";
      writeFiles(user, {
        "ten-lines.ts": tenLines + console,
        "own-environment.ts": ownEnvironment,
        "own-mujoco.ts": ownMujoco,
        [name]: JSON.stringify({ compilerOptions, files: ["ten-lines.ts", "own-environment.ts", "own-mujoco.ts"] }),
      });
      await execute(process.execPath, [path.join(typescript, "bin/tsc"), "-p", name], { cwd: user }).catch((error) =>
        assert.fail(error.stdout),
      );
    });

  it("lets a timer fire during a second of training in Node", { timeout: 20_000 }, async () => {
    writeFiles(user, { "program.js": program });
    const script = 'console.log(await (await import("./program.js")).ticksInASecond())';
    const node = ["--input-type=module", "--eval", script];
    const { stdout } = await execute(process.execPath, node, { cwd: user, timeout: 10_000 });
    assert.ok(Number(stdout) >= 10, `a timer of 10 ms fired ${stdout.trim()} times`);
  });

  it("installs the command", async () => {
    const said = await npx(["ddpg", "--version"], user);
    assert.equal(said.trim(), version);
    const help = await npx(["ddpg", "--help"], user);
    for (const word of ["train", "evaluate", "report", "environments"]) assert.match(help, new RegExp(`\\b${word}\\b`));
  });

  it("lists the MuJoCo tasks without the engine, says what to install to train them, and writes nothing", async () => {
    assert.match(await npx(["ddpg", "environments"], user), /^HalfCheetah-v5 +17 +6 × \[-1, 1\] /m);
    const { code, stderr } = await npx(["ddpg", "train", "HalfCheetah-v5", "--out", "run-mujoco"], user).catch(
      (e) => e,
    );
    assert.equal(code, 2);
    // npm may print messages of its own first.
    assert.ok(stderr.endsWith(`ddpg: ${whatToInstall}\n`), stderr);
    assert.ok(!fs.existsSync(path.join(user, "run-mujoco")));
  });

  it("trains with the command to the same bits as the ten lines, and draws the run", async () => {
    const run = ["--seed", "1", "--steps", `${steps}`, "--arithmetic", "portable", "--out", "run"];
    await npx(["ddpg", "train", "Pendulum-v1", ...run], user);
    const result = JSON.parse(fs.readFileSync(path.join(user, "run/result.json"), "utf8"));
    assert.equal(result.fingerprint, fingerprint);
    const before = list(user);
    await npx(["ddpg", "report", "run"], user);
    const html = list(user).filter((name) => name.endsWith(".html") && !before.includes(name));
    assert.equal(html.length, 1);
    assert.match(fs.readFileSync(path.join(user, html[0]), "utf8"), /<svg/);
    await npx(["ddpg", "render", "run", "--seconds", "0.2", "--size", "32x24", "--output", "run.gif"], user);
    assert.equal(fs.readFileSync(path.join(user, "run.gif"), "latin1").slice(0, 6), "GIF89a");
  });

  it("serves the watch page for that run from the installed package", async (t) => {
    const { url } = await watch(t, path.join(installed, "bin/ddpg.js"), user, "run");
    const html = await (await fetch(url)).text();
    const script = await fetch(url + /src="\.\/([^"]+)"/.exec(html)[1]);
    assert.deepEqual([script.status, script.headers.get("content-type")], [200, "text/javascript; charset=utf-8"]);
    assert.equal((await fetch(`${url}assets/mujoco-3.14.0.js`)).status, 404);
  });

  describe("on a page built with Vite under a subpath", () => {
    let browser;
    let server;
    let tab;
    const problems = [];
    const base = "/some/sub/path/";
    const site = path.join(temporary, "site");

    before(async () => {
      writeFiles(user, page);
      problems.push(...(await bundle(user, base, path.join(site, base))));
      [browser, server] = await Promise.all([openBrowser(), serve(site)]);
      tab = await browser.newPage();
      tab.on("pageerror", (error) => problems.push(error.message));
      tab.on("console", (message) => message.type() === "error" && problems.push(message.text()));
      await tab.goto(`${server.url}${base}`);
      await tab.waitForFunction(() => window.test);
    });
    after(() => Promise.all([browser?.close(), server?.close()]));

    it("trains to the same bits on the main thread", async () => {
      assert.equal(await tab.evaluate((steps) => window.test.fingerprintAfter(steps), steps), fingerprint);
    });

    it("trains to the same bits in a module worker", async () => {
      assert.equal(await tab.evaluate((steps) => window.test.inWorker("fingerprintAfter", steps), steps), fingerprint);
    });

    it("answers a click within 100 ms during training, as the median of nine clicks", { timeout: 20_000 }, async () => {
      const button = await tab.locator("button").boundingBox();
      const training = tab.evaluate(() => window.test.trainUntilStopped());
      await tab.waitForFunction(() => window.test.now.step > 0);
      for (let i = 0; i < 9; i++) {
        await tab.mouse.click(button.x + button.width / 2, button.y + button.height / 2);
        // Wait until training has advanced since the click.
        await tab.waitForFunction((i) => window.test.now.step > window.test.clicks[i]?.step, i);
      }
      const clicks = await tab.evaluate(() => {
        window.test.now.stop = true;
        return window.test.clicks;
      });
      await training;
      assert.equal(clicks.length, 9);
      const delays = clicks.map(({ delayMs }) => delayMs).sort((a, b) => a - b);
      assert.ok(delays[4] < 100, `delays in ms: ${delays.join(", ")}`);
    });

    it("lets a timer fire during a second of training", { timeout: 20_000 }, async () => {
      const ticks = await tab.evaluate(() => window.test.ticksInASecond());
      assert.ok(ticks >= 10, `a timer of 10 ms fired ${ticks} times`);
    });

    it("uses two threads in a worker of an isolated page, and one on a main thread or on a page that is not isolated", async () => {
      assert.deepEqual(await tab.evaluate(() => window.test.threadsOfLarge()), [1, ""]);
      assert.deepEqual(await tab.evaluate(() => window.test.inWorker("threadsOfLarge")), [1, ""]);
      const isolated = await serve(site, { isolated: true });
      const other = await browser.newPage();
      try {
        await other.goto(`${isolated.url}${base}`);
        await other.waitForFunction(() => window.test);
        assert.deepEqual(await other.evaluate(() => window.test.threadsOfLarge()), [1, ""]);
        const [threads, refusal] = await other.evaluate(() => window.test.inWorker("threadsOfLarge"));
        // The second thread was started, and it answered and computed. Whether it is worth it depends on what else runs.
        if (threads !== 2) assert.match(refusal, /^(another thread takes \d+ µs|a large product takes \d+ %)/);
      } finally {
        await Promise.all([other.close(), isolated.close()]);
      }
    });

    it("says what to install for a MuJoCo task", async () => {
      assert.equal(await tab.evaluate(() => window.test.cheetah()), whatToInstall);
    });

    it("caused no warning and no error", () => assert.deepEqual(problems, []));
  });

  it("learns in the worker of the page that docs/start/page.md shows, as Vite builds it", {
    timeout: 60_000,
  }, async () => {
    const source = path.join(temporary, "page-with-worker");
    fs.cpSync(path.join(user, "node_modules"), path.join(source, "node_modules"), { recursive: true });
    const text = fs.readFileSync(path.join(root, "docs/start/page.md"), "utf8");
    writeFiles(source, { "package.json": '{ "private": true, "type": "module" }' });
    writeFiles(source, Object.fromEntries(programsOf(text, "docs/start/page.md")));
    const built = path.join(temporary, "page-with-worker-built");
    assert.deepEqual(await bundle(source, "/", built), []);
    const index = path.join(built, "index.html");
    fs.writeFileSync(index, fs.readFileSync(index, "utf8").replace("</title>", `</title>${icon}`));
    const [browser, server] = await Promise.all([openBrowser(), serve(built)]);
    try {
      const tab = await browser.newPage();
      const problems = [];
      tab.on("pageerror", (error) => problems.push(error.message));
      await tab.goto(`${server.url}/`);
      assert.equal(await tab.evaluate(() => document.compatMode), "CSS1Compat");
      const output = tab.locator("output");
      await output.filter({ hasText: /^step \d+: return -\d+$/ }).waitFor();
      await output.filter({ hasText: /^learned: -?[\d.]+ N·m$/ }).waitFor();
      assert.deepEqual(problems, []);
    } finally {
      await Promise.all([browser.close(), server.close()]);
    }
  });

  it("simulates MuJoCo on a page to the same bits as in Node, with the engine installed", {
    timeout: 60_000,
  }, async (t) => {
    const beside = path.join(temporary, "beside-mujoco");
    fs.cpSync(user, beside, { recursive: true });
    const engine = "node_modules/@mujoco/mujoco";
    const files = ["package.json", "mujoco.js", "mujoco.wasm"];
    for (const name of files) fs.cpSync(path.join(root, engine, name), path.join(beside, engine, name));
    const script = 'console.log(await (await import("./program.js")).cheetah())';
    const { stdout } = await execute(process.execPath, ["--input-type=module", "--eval", script], { cwd: beside });
    assert.match(stdout, /^(-?[\d.e-]+ ){17}-?[\d.e-]+\n$/);

    // The package contains the page without the engine. The engine's own package provides those files.
    const { url } = await watch(t, path.join(beside, "node_modules/ddpg/bin/ddpg.js"), beside, "run");
    for (const [asked, name] of Object.entries({ "mujoco-3.14.0.js": "mujoco.js", "mujoco.wasm": "mujoco.wasm" })) {
      const bytes = new Uint8Array(await (await fetch(`${url}assets/${asked}`)).arrayBuffer());
      assert.ok(fs.readFileSync(path.join(beside, engine, name)).equals(bytes), name);
    }

    writeFiles(beside, page);
    const site = path.join(temporary, "site-mujoco");
    const warnings = await bundle(beside, "/sub/", path.join(site, "sub"));
    // The engine's loader imports a Node module if it runs in Node.
    assert.ok(
      warnings.every((warning) => warning.includes("externalized")),
      warnings.join("\n"),
    );
    const [browser, server] = await Promise.all([openBrowser(), serve(site)]);
    try {
      const tab = await browser.newPage();
      await tab.goto(`${server.url}/sub/`);
      await tab.waitForFunction(() => window.test);
      assert.equal(await tab.evaluate(() => window.test.cheetah()), stdout.trim());
    } finally {
      await Promise.all([browser.close(), server.close()]);
    }
  });
});

/**
 * Runs `npm pack` with its scripts, as a maintainer does, but in a copy of the checkout: packing temporarily replaces
 * `dist`, from which other tests import.
 */
async function pack(temporary) {
  const copy = path.join(temporary, "checkout");
  const names = [
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "README.md",
    "LICENSE",
    "docs",
    "bin",
    "native",
    "scripts",
    "src",
    "web",
  ];
  names.push(path.join(".builds", path.basename(fs.realpathSync(path.join(root, "dist")))));
  for (const name of names)
    if (fs.existsSync(path.join(root, name)))
      fs.cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
  const linkType = process.platform === "win32" ? "junction" : "dir";
  fs.symlinkSync(fs.realpathSync(path.join(root, "node_modules")), path.join(copy, "node_modules"), linkType);
  await npm(["pack", "--pack-destination", temporary], copy);
  assert.ok(fs.lstatSync(path.join(copy, "dist")).isSymbolicLink(), "after packing, dist is a link again");
  return { tarball: path.join(temporary, `ddpg-${version}.tgz`), checkout: copy };
}

/** Builds with Vite, configured only with the paths. Returns the warnings. */
async function bundle(source, base, outDir) {
  const { build, createLogger } = await import("vite");
  const warnings = [];
  const customLogger = createLogger("silent");
  customLogger.warn = customLogger.warnOnce = customLogger.error = (message) => warnings.push(message);
  await build({
    root: source,
    base,
    configFile: false,
    logLevel: "silent",
    customLogger,
    // Slow plugins are not worth a warning here.
    build: { outDir, emptyOutDir: false, rolldownOptions: { checks: { pluginTimings: false } } },
  });
  return warnings;
}

/** Runs npm without the environment variables that an npm running the tests sets for its scripts. */
async function npm(args, cwd, command = "npm", variables = {}) {
  return (await runNpm(args, cwd, command, variables)).stdout;
}

/** Everything that npm prints, warnings included. */
async function npmSays(args, cwd) {
  const { stdout, stderr } = await runNpm(args, cwd, "npm", {});
  return stdout + stderr;
}

function runNpm(args, cwd, command, variables) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  return execute(command, args, { cwd, env: { ...env, ...variables }, shell: process.platform === "win32" });
}

function npx(args, cwd) {
  return npm(["--no-install", ...args], cwd, "npx");
}

function writeFiles(directory, files) {
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(directory, name), text);
}

/** The paths of all files below a folder, with forward slashes. */
function list(directory) {
  return fs
    .readdirSync(directory, { recursive: true })
    .filter((name) => fs.statSync(path.join(directory, name)).isFile())
    .map((name) => name.replaceAll(path.sep, "/"));
}
