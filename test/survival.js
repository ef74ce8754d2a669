// The slow tests of how runs survive kills and errors, which take minutes: `npm run test:survival`.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "../scripts/build.js";

const execute = promisify(execFile);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
await build();
const dist = fs.realpathSync(path.join(root, "dist"));
const program = path.join(root, "bin/ddpg.js");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-survival-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const posix = { skip: process.platform === "win32" };

/** Observations of six hundred numbers, so that writing a checkpoint takes some time. A step takes time too. */
fs.writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
fs.writeFileSync(
  path.join(folder, "wide.js"),
  `export default class Wide {
  observationSize = 600;
  actionLow = [-1];
  actionHigh = [1];
  #o = new Float64Array(600);
  #steps = 0;
  reset(random) {
    this.#steps = 0;
    return this.#o.map((_, i) => (this.#o[i] = random.uniform(-1, 1)));
  }
  step([action]) {
    for (const from = performance.now(); performance.now() - from < 0.15; );
    this.#o.forEach((x, i) => (this.#o[i] = Math.sin(3 * x + action)));
    return { observation: this.#o, reward: this.#o[0], terminated: false, truncated: ++this.#steps === 70 };
  }
  save() { return Float64Array.of(this.#steps, ...this.#o); }
  restore(state) { this.#steps = state[0]; this.#o.set(state.subarray(1)); }
}
`,
);

const wide = ["train", "wide.js", "--preset", "small", "--actor-hidden-sizes", "8", "--critic-hidden-sizes", "8"]
  .concat([
    "--batch-size",
    "8",
    "--warmup-steps",
    "100",
    "--steps",
    "3000",
    "--evaluate-every",
    "1000",
    "--no-progress",
  ])
  .concat(["--episodes", "2", "--evaluate-episodes", "1", "--noise", "ornstein-uhlenbeck"]);
const often = ["--checkpoint-every", "40"];

function start(...args) {
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  return { child, ended };
}

async function succeed(...args) {
  await execute(process.execPath, [program, ...args], { cwd: folder });
}

/** The records and the result of a run, without times. */
function left(run) {
  const metrics = fs
    .readFileSync(path.join(folder, run, "metrics.jsonl"), "utf8")
    .replaceAll(/,"seconds":[\d.e-]+/g, "");
  const { fingerprint, evaluation, best, steps } = JSON.parse(
    fs.readFileSync(path.join(folder, run, "result.json"), "utf8"),
  );
  return { metrics, fingerprint, evaluation, best, steps };
}

describe("kill -9", posix, () => {
  const [chains, killsOfEach] = [10, 5];
  let inside = 0;

  /** Kills a run after it has written a checkpoint: while it writes another one, or at a random moment. */
  async function killRun(run, child, inWriting, random) {
    const file = path.join(folder, run, "checkpoint.safetensors");
    const before = fs.existsSync(file) ? fs.statSync(file).mtimeMs : 0;
    while (child.exitCode === null && !(fs.existsSync(file) && fs.statSync(file).mtimeMs > before)) await delay(2);
    await delay(250 * random());
    if (inWriting) {
      for (const from = performance.now(); !fs.existsSync(`${file}.unfinished`) && performance.now() - from < 2000; )
        await setImmediate();
      for (const from = performance.now(), wait = 4 * random(); performance.now() - from < wait; );
    }
    assert.equal(child.exitCode, null, "the run finished before it could be killed: it is not slow enough");
    assert.ok(child.kill("SIGKILL"));
  }

  it(`at ${chains * killsOfEach} moments, at least ten while writing a checkpoint: the outcome is the same`, async () => {
    await succeed(...wide, "--out", "whole");
    const whole = left("whole");
    let seed = 1;
    const random = () => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    for (let chain = 0; chain < chains; chain++) {
      const run = `killed-${chain}`;
      for (let kill = 0; kill < killsOfEach; kill++) {
        const { child, ended } = start(
          ...(kill === 0 ? [...wide, "--out", run] : ["resume", run, "--no-progress"]),
          ...often,
        );
        await killRun(run, child, kill % 2 === 1, random);
        const [code, signal] = await ended;
        assert.deepEqual([code, signal], [null, "SIGKILL"]);
        if (fs.existsSync(path.join(folder, run, "checkpoint.safetensors.unfinished"))) inside++;
      }
      await succeed("resume", run, "--no-progress");
      assert.deepEqual(left(run), whole, run);
      fs.rmSync(path.join(folder, run), { recursive: true });
    }
    console.log(`${inside} of ${chains * killsOfEach} while writing a checkpoint`);
    assert.ok(inside >= 10, `${inside} while writing a checkpoint`);
  });
});

describe("a full disk, a moved directory", posix, () => {
  const args = [
    "train",
    "Pendulum-v1",
    "--warmup-steps",
    "200",
    "--steps",
    "12000",
    "--no-progress",
    "--episodes",
    "2",
  ];

  it("stops the run with a clear error; the last good checkpoint is complete and resumes", async () => {
    await succeed(...args, "--out", "unlimited");
    const limited = `ulimit -f 400; exec "$0" "$@" --checkpoint-every 500 --out limited`;
    const attempt = execute("bash", ["-c", limited, process.execPath, program, ...args], { cwd: folder });
    const { code, stderr } = await attempt.catch((error) => error);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^ddpg: limited\/checkpoint\.safetensors: expected a file that can be written, got a file larger than is allowed\. Fix that, then resume the run\.\n$/,
    );
    assert.ok(!fs.existsSync(path.join(folder, "limited/checkpoint.safetensors.unfinished")));
    await succeed("resume", "limited", "--no-progress");
    assert.deepEqual(left("limited"), left("unlimited"));
  });

  it("stops the run when its directory was moved; it resumes from the new place", async () => {
    const { child, ended } = start(...args, "--checkpoint-every", "100", "--out", "here");
    const file = path.join(folder, "here/metrics.jsonl");
    while (!fs.existsSync(file) || fs.statSync(file).size < 3000) await delay(5);
    assert.equal(child.exitCode, null);
    fs.renameSync(path.join(folder, "here"), path.join(folder, "there"));
    let stderr = "";
    child.stderr.on("data", (text) => (stderr += text));
    assert.deepEqual(await ended, [2, null]);
    assert.match(stderr, /^ddpg: here\/.*: expected a file that can be written, got no such file or directory\. /);
    await succeed("resume", "there", "--no-progress");
    assert.deepEqual(left("there"), left("unlimited"));
  });
});

/** Trains for 300,000 steps. At a checkpoint every 30,000, measures resident bytes and those of the replay buffer. */
async function soak({ index, replaceFile, file }) {
  const { Ddpg, Pendulum, train } = await import(index);
  const { replaceFile: write } = await import(replaceFile);
  const sizes = { actorHiddenSizes: [16, 16], criticHiddenSizes: [16, 16], batchSize: 8, warmupSteps: 1000 };
  const environment = new Pendulum();
  const agent = await Ddpg.create(environment, { preset: "small", ...sizes });
  const memory = [];
  for await (const { step } of train(agent, environment)) {
    if (step % 30_000 > 0) continue;
    write(file, agent.saveParts());
    globalThis.gc();
    memory.push({
      resident: process.memoryUsage().rss,
      replay: agent.replayBuffer.size * agent.replayBuffer.rowSize * 4,
    });
    if (step === 300_000) return memory;
  }
}

/** Measures the peak resident bytes that writing a full buffer of a million rows adds, and the size of the file. */
async function writeMillion({ index, replaceFile, file }) {
  const { Ddpg, Pendulum } = await import(index);
  const { replaceFile: write } = await import(replaceFile);
  const agent = await Ddpg.create(new Pendulum(), { preset: "small" });
  const observation = [1, 0, 0];
  for (let i = 0; i < 1_000_000; i++) {
    observation[2] = i % 8;
    agent.observe(observation, [(i % 4) - 2], -1, observation, false);
  }
  write(file, (await Ddpg.create(new Pendulum(), { preset: "small" })).saveParts()); // so that its code is compiled
  const before = process.resourceUsage().maxRSS;
  const started = performance.now();
  write(file, agent.saveParts());
  const seconds = (performance.now() - started) / 1000;
  return { more: 1024 * (process.resourceUsage().maxRSS - before), seconds };
}

async function measure(measurement, name) {
  const url = (file) => pathToFileURL(path.join(dist, file)).href;
  const options = { index: url("index.js"), replaceFile: url("node/replace-file.js"), file: path.join(folder, name) };
  const text = `console.log(JSON.stringify(await (${measurement})(${JSON.stringify(options)})))`;
  // V8 grows its young generation by 4 MB at some point, regardless of live data. This flag fixes its size.
  const flags = ["--expose-gc", "--max-semi-space-size=1", "--input-type=module"];
  const { stdout } = await execute(process.execPath, [...flags, "--eval", text]);
  return JSON.parse(stdout);
}

describe("memory", () => {
  it("after 300,000 steps is within 5 % of that after 30,000, apart from the replay buffer's growth", async () => {
    const memory = await measure(soak, "soak");
    const [first, last] = [memory[0], memory.at(-1)];
    const more = last.resident - first.resident - (last.replay - first.replay);
    console.log(
      `${(first.resident / 1e6).toFixed(1)} MB, then ${(more / 1e6).toFixed(1)} MB more apart from the replay buffer`,
    );
    assert.ok(more < 0.05 * first.resident, `${more} bytes more than ${first.resident}`);
  });

  it("stays flat while a million rows are written", async () => {
    const { more, seconds } = await measure(writeMillion, "million");
    const { size } = fs.statSync(path.join(folder, "million"));
    console.log(`${(size / 1e6).toFixed(1)} MB in ${seconds.toFixed(2)} s, ${(more / 1e6).toFixed(1)} MB more memory`);
    assert.ok(size > 36e6 && more < 6e6, `${more} bytes more for a file of ${size}`);
  });
});
