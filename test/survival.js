// The slow tests of how runs survive kills and errors, which take minutes: `npm run test:survival`.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
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

/**
 * Loaded before the program, it changes what the program meets. From its variables: `SURVIVAL_KILL` is a number: the
 * process is killed before that call of those that change files. `SURVIVAL_COUNT` is a file that receives the calls.
 * `SURVIVAL_FAIL` is a call that fails from the moment the run's result is written. `SURVIVAL_HOST` is the name of the
 * machine. `SURVIVAL_CLOCK` makes the clock stand still.
 */
fs.writeFileSync(
  path.join(folder, "world.mjs"),
  `import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";
const { SURVIVAL_KILL, SURVIVAL_COUNT, SURVIVAL_FAIL, SURVIVAL_HOST, SURVIVAL_CLOCK } = process.env;
const calls = [];
let isEnding = false;
let isInside = false; // some of Node's functions call others of them
for (const name of ["mkdirSync", "openSync", "writeSync", "writeFileSync", "appendFileSync", "fsyncSync", "closeSync",
  "renameSync", "linkSync", "rmSync", "rmdirSync", "ftruncateSync"]) {
  const original = fs[name];
  fs[name] = (...args) => {
    if (isInside || (name === "openSync" && !["w", "ax", "r+"].includes(args[1]))) return original(...args);
    calls.push(name + " " + args[name === "renameSync" ? 1 : 0]);
    if (calls.length === Number(SURVIVAL_KILL)) process.kill(process.pid, "SIGKILL");
    if (isEnding && name === SURVIVAL_FAIL) throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
    isInside = true;
    try {
      return original(...args);
    } finally {
      isInside = false;
      if (name === "renameSync" && args[1].endsWith("result.json")) isEnding = true;
    }
  };
}
if (SURVIVAL_COUNT) {
  process.on("exit", () => {
    isInside = true;
    fs.writeFileSync(SURVIVAL_COUNT, calls.join("\\n"));
  });
}
if (SURVIVAL_HOST) os.hostname = () => SURVIVAL_HOST;
// Records are flushed by time. Without it, every run makes the same calls.
else performance.now = () => 0;
if (SURVIVAL_CLOCK) Date.now = () => 1e12;
syncBuiltinESMExports();
`,
);

/** Runs the program in that world. Returns how it ended and what it printed. */
async function inWorld(world, ...args) {
  const env = { ...process.env, ...world };
  const flags = ["--import", pathToFileURL(path.join(folder, "world.mjs")).href, path.join(dist, "cli/main.js")];
  try {
    const { stdout, stderr } = await execute(process.execPath, [...flags, ...args], { cwd: folder, env });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, signal, stdout, stderr } = error;
    return { code, signal, stdout, stderr };
  }
}

const tiny = ["train", "Pendulum-v1", "--preset", "small", "--actor-hidden-sizes", "8", "--critic-hidden-sizes", "8"]
  .concat(["--batch-size", "8", "--warmup-steps", "20", "--steps", "60", "--evaluate-every", "30", "--no-progress"])
  .concat(["--episodes", "1", "--evaluate-episodes", "1", "--threads", "1"]);

describe("kill -9 at each change of a file", posix, () => {
  it("from the making of the directory to the end: the same command, or resume, leads to the same outcome", async () => {
    const calls = path.join(folder, "calls");
    const { code, stderr } = await inWorld({ SURVIVAL_COUNT: calls }, ...tiny, "--out", "each");
    assert.equal(code, 0, stderr);
    const whole = left("each");
    const names = fs.readFileSync(calls, "utf8").split("\n");
    const last = names.length;
    const firstCheckpoint = names.findIndex((name) => /^renameSync .*checkpoint/.test(name)) + 1;
    assert.ok(firstCheckpoint > 10 && last - firstCheckpoint > 20, names.join());
    const kinds = { train: 0, resume: 0, finished: 0 };
    const lastCheckpoint = names.findLastIndex((name) => /^renameSync .*checkpoint/.test(name)) + 1;
    // Of calls on an open file, one of a kind. Those between two checkpoints are tested above.
    const isChosen = (call) =>
      (call <= firstCheckpoint + 1 || call > lastCheckpoint) &&
      (!/^\w+ \d+$/.test(names[call - 1]) || names.lastIndexOf(names[call - 1]) === call - 1);
    for (let call = 1; call <= last; call++) {
      if (!isChosen(call)) continue;
      const run = `each-${call}`;
      const { signal } = await inWorld({ SURVIVAL_KILL: `${call}` }, ...tiny, "--out", run);
      assert.equal(signal, "SIGKILL", names[call - 1]);
      let resumed = await inWorld({}, "resume", run, "--steps", "60", "--no-progress");
      if (call <= firstCheckpoint) {
        assert.equal(resumed.code, 2, names[call - 1]);
        // The directory may not exist yet, or be empty.
        if (fs.existsSync(path.join(folder, run)) && fs.readdirSync(path.join(folder, run)).length > 0)
          assert.match(resumed.stderr, /ended before its first step, so there is nothing to resume\. (Start|Train) /);
        resumed = await inWorld({}, ...tiny, "--out", run);
        kinds.train++;
      } else if (resumed.stdout.includes("is finished")) kinds.finished++;
      else kinds.resume++;
      assert.equal(resumed.code, 0, `${names[call - 1]}: ${resumed.stderr}`);
      assert.deepEqual(left(run), whole, names[call - 1]);
      fs.rmSync(path.join(folder, run), { recursive: true });
    }
    console.log(
      `${kinds.train} before the first checkpoint, ${kinds.resume} after it, ${kinds.finished} after the result`,
    );
    assert.ok(kinds.train > 5 && kinds.resume > 3 && kinds.finished > 1);
  });
});

describe("a hostile machine", posix, () => {
  const calls = path.join(folder, "calls");
  before(async () => {
    if (!fs.existsSync(calls)) await inWorld({ SURVIVAL_COUNT: calls }, ...tiny, "--out", "each");
  });

  it("whose close or unlink fails after the result was written: a warning, and the result stands", async () => {
    for (const call of ["closeSync", "rmSync"]) {
      const { code, stderr } = await inWorld({ SURVIVAL_FAIL: call }, ...tiny, "--out", `ends-${call}`);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^ddpg: warning: ends-\w+\/[\w.]+: could not be closed \(an error of the disk\)$/m);
      const { failed, evaluation } = JSON.parse(
        fs.readFileSync(path.join(folder, `ends-${call}`, "result.json"), "utf8"),
      );
      assert.ok(failed === undefined && evaluation);
    }
    const whole = left("each");
    for (const call of ["closeSync", "rmSync"]) assert.deepEqual(left(`ends-${call}`), whole);
  });

  it("whose clock stands still: a run is stopped and resumed all the same", async () => {
    const world = { SURVIVAL_CLOCK: "1" };
    const names = fs.readFileSync(calls, "utf8").split("\n");
    const end = `${names.findIndex((name) => /^renameSync .*result/.test(name)) + 1}`;
    await inWorld({ ...world, SURVIVAL_KILL: end }, ...tiny, "--out", "still");
    const { code, stderr } = await inWorld(world, "resume", "still", "--no-progress");
    assert.equal(code, 0, stderr);
    assert.deepEqual(left("still"), left("each"));
    assert.equal(fs.readdirSync(path.join(folder, "still")).filter((name) => name.startsWith("events")).length, 2);
  });
});

describe("a suspended run", posix, () => {
  it("that another machine has continued ends with an error when it wakes up, and writes nothing", async (t) => {
    if (!fs.existsSync(path.join(folder, "whole"))) await succeed(...wide, "--out", "whole");
    const { child, ended } = start(...wide, "--out", "suspended", ...often);
    t.after(() => child.kill("SIGKILL"));
    let stderr = "";
    child.stderr.on("data", (text) => (stderr += text));
    const file = path.join(folder, "suspended", "checkpoint.safetensors");
    while (!fs.existsSync(file)) await delay(5);
    // While it runs, the other machine sees its lock change, and refuses.
    const refused = await inWorld({ SURVIVAL_HOST: "elsewhere" }, "resume", "suspended", "--no-progress");
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      new RegExp(`got that of process ${child.pid} on .*\\. Wait for it, or stop it\\.$`, "m"),
    );
    assert.equal(child.exitCode, null);
    child.kill("SIGSTOP");
    const resumed = await inWorld({ SURVIVAL_HOST: "elsewhere" }, "resume", "suspended", "--no-progress");
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.match(
      resumed.stderr,
      /^ddpg: suspended: watching for up to 10 s whether it is still that of process \d+ on /m,
    );
    const outcome = left("suspended");
    assert.deepEqual(outcome, left("whole"));
    const before = contentsOf("suspended");
    child.kill("SIGCONT");
    assert.deepEqual(await ended, [2, null]);
    assert.match(
      stderr,
      /^ddpg: run directory suspended: expected the lock of this process, \d+, got none\. This process ends and writes nothing more\./m,
    );
    assert.deepEqual(contentsOf("suspended"), before);
  });

  function contentsOf(run) {
    return fs
      .readdirSync(path.join(folder, run))
      .map((name) => [name, fs.readFileSync(path.join(folder, run, name), "latin1")]);
  }
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
