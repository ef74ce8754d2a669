// `ddpg sweep`: the real program in an empty folder.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { readConfig, readResult } from "../../node.ts";
import { programInFolder } from "../terminal/program.case.ts";
import { readSweep, runsOf, type SweepRecord } from "./record.ts";

const program = programInFolder("sweep");
const { inFolder } = program;
const start = (...args: string[]) => program.start(["sweep", ...args]);
const sweep = (...args: string[]) => start(...args).outcome;

/** The fingerprints and final returns of all runs of a sweep, by their ids. */
function outcomes(name: string) {
  const record = readSweep(inFolder(name)) as SweepRecord;
  return Object.fromEntries(
    runsOf(inFolder(name), record).map(({ id, directory }) => {
      const { fingerprint, evaluation } = readResult(directory);
      return [id, [fingerprint, evaluation?.meanReturn]];
    }),
  );
}

describe("ddpg sweep", () => {
  const short = ["--steps", "300", "--warmup-steps", "60", "--episodes", "2", "--evaluate-episodes", "1"];
  const grid = ["Pendulum-v1", "--grid", "actorLearningRate=1e-4,1e-3", ...short, "--jobs", "2"];

  it("makes every run as ddpg train does, and does not repeat them; more seeds are added", async () => {
    const first = await sweep(...grid, "--seeds", "1", "--out", "whole");
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /^Complete in whole: 0 of 2 runs\.\n/);
    assert.match(first.stdout, /^runs {11}2 complete$/m);
    const [low, high] = runsOf("whole", readSweep(inFolder("whole")) as SweepRecord);
    assert.deepEqual(
      [low, high].map(({ cell }) => cell.settings.actorLearningRate),
      [1e-4, 1e-3],
    );
    const own = await program.ddpg("train", "Pendulum-v1", ...short, "--actor-learning-rate", "1e-4", "--out", "own");
    assert.equal(own.code, 0, own.stderr);
    const { versions: _, commit: __, ...config } = readConfig(inFolder(low.directory));
    const { versions: ___, commit: ____, ...wanted } = readConfig(inFolder("own"));
    assert.deepEqual(config, wanted);
    assert.equal(readResult(inFolder(low.directory)).fingerprint, readResult(inFolder("own")).fingerprint);
    // The largest file of a run is removed when it is no longer needed.
    assert.equal(fs.existsSync(path.join(inFolder(low.directory), "checkpoint.safetensors")), false);

    const again = await sweep(...grid, "--seeds", "1", "--out", "whole");
    assert.match(again.stdout, /^Complete in whole: 2 of 2 runs\.\n/);
    assert.doesNotMatch(again.stdout, /started|resumed/);
    const before = outcomes("whole");
    // A server that set a run aside has left why. It is no longer so when the run is made here.
    const left = inFolder("whole", "runs", `${low.cell.id}-seed2.failed.txt`);
    fs.writeFileSync(left, "no such part\n");
    const more = await sweep(...grid, "--seeds", "2", "--out", "whole", "--keep-checkpoints");
    assert.equal(more.code, 0, more.stderr);
    assert.equal(more.stdout.match(/ {2}started$/gm)?.length, 2);
    assert.equal(fs.existsSync(left), false);
    const after = outcomes("whole");
    assert.equal(Object.keys(after).length, 4);
    for (const [id, outcome] of Object.entries(before)) assert.deepEqual(after[id], outcome);

    const status = await sweep("status", "whole");
    assert.equal(status.code, 0, status.stderr);
    assert.match(status.stdout, /^Pendulum-v1: 4 runs in whole\n\nrun +actorLearningRate +seed +state +steps +return/);
    assert.match(status.stdout, /^[0-9a-f]{12}-seed2 +0\.001 +2 +complete +300 of 300 +−?-?[\d,.]+/m);
    assert.match(status.stdout, /\n4 complete\n$/);
  });

  it("compares the settings when it ends", async () => {
    const names = ["report.html", "sweep.svg", "sweep.csv"];
    for (const name of names) fs.rmSync(inFolder("whole", name));
    const { code, stdout, stderr } = await sweep("report", "whole");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^actorLearningRate +seeds +return +95 % interval\n0\.0+1 +2 of 2 /);
    assert.match(stdout, /^spread {9}actorLearningRate [\d.,]+$/m);
    for (const name of names) assert.ok(fs.statSync(inFolder("whole", name)).size > 300, name);
    const none = await sweep("report", "single-none");
    assert.equal(none.code, 2);
  });

  it("makes one run of the same order with --job", async () => {
    const one = await sweep(...grid, "--seeds", "1,2", "--out", "single", "--job", "3");
    assert.equal(one.code, 0, one.stderr);
    const status = await sweep("status", "single");
    assert.match(status.stdout, /^[0-9a-f]{12}-seed2 +0\.001 +2 +complete/m);
    assert.match(status.stdout, /\n1 complete, 3 waiting\n$/);
    const none = await sweep(...grid, "--seeds", "1,2", "--out", "single", "--job", "4");
    assert.deepEqual([none.code, none.stderr], [2, "ddpg: --job: expected a number from 0 to 3, got 4.\n"]);
  });

  it("killed at any time, it continues to the same results", { skip: process.platform === "win32" }, async () => {
    const args = ["Pendulum-v1", "--grid", "batchSize=32,48", ...short, "--steps", "3000", "--seeds", "1,2"];
    const every = ["--jobs", "2", "--checkpoint-every", "150"];
    const isBegun = (name: string) => {
      const record = readSweep(inFolder(name));
      if (!record) return false;
      const [{ directory }] = runsOf(inFolder(name), record);
      const file = path.join(directory, "metrics.jsonl");
      return fs.existsSync(file) && fs.readFileSync(file, "utf8").includes('"step":300');
    };
    for (const [name, signal] of [
      ["stopped", "SIGINT"],
      ["killed", "SIGKILL"],
    ] as const) {
      const cut = start(...args, ...every, "--out", name);
      while (cut.child.exitCode === null && !isBegun(name)) await delay(5);
      cut.child.kill(signal);
      const stopped = await cut.outcome;
      assert.equal(stopped.code, signal === "SIGINT" ? 130 : null, stopped.stderr);
      if (signal === "SIGINT") assert.match(stopped.stdout, /The same command continues the runs/);
      // The children of a killed parent end by themselves.
      await delay(1500);
      const rest = await sweep(...args, ...every, "--out", name);
      assert.equal(rest.code, 0, rest.stderr);
      assert.match(rest.stdout, / {2}resumed$/m);
    }
    const uncut = await sweep(...args, ...every, "--out", "uncut");
    assert.equal(uncut.code, 0, uncut.stderr);
    assert.deepEqual(outcomes("stopped"), outcomes("uncut"));
    assert.deepEqual(outcomes("killed"), outcomes("uncut"));
  });

  it("prints an array job whose tasks make the same runs", { skip: process.platform === "win32" }, async () => {
    const printed = await sweep(...grid, "--seeds", "1", "--out", "with a space", "--print", "slurm");
    assert.equal(printed.code, 0, printed.stderr);
    assert.match(printed.stdout, /^#!\/bin\/bash\n/);
    assert.match(printed.stdout, /^#SBATCH --array=0-1$/m);
    assert.equal(fs.existsSync(inFolder("with a space")), false);
    fs.mkdirSync(inFolder("bin"));
    const npx = `#!/bin/bash\nshift\nexec '${process.execPath}' '${program.file}' "$@"\n`;
    fs.writeFileSync(inFolder("bin/npx"), npx, { mode: 0o755 });
    fs.writeFileSync(inFolder("sweep.sh"), printed.stdout);
    for (const task of ["0", "1", "1"]) {
      const env = { ...process.env, PATH: `${inFolder("bin")}:${process.env.PATH}`, SLURM_ARRAY_TASK_ID: task };
      const { status, stderr } = spawnSync("bash", ["sweep.sh"], { cwd: inFolder(), env, encoding: "utf8" });
      assert.equal(status, 0, stderr);
    }
    const whole = outcomes("whole");
    const made = Object.entries(outcomes("with a space"));
    assert.equal(made.length, 2);
    for (const [id, outcome] of made) assert.deepEqual(outcome, whole[id]);
    const other = await sweep(...grid, "--print", "pbs");
    assert.deepEqual([other.code, other.stderr], [2, 'ddpg: --print: expected slurm, got "pbs".\n']);
  });

  it("reads a file, whose words the command line overrules", async () => {
    const file = {
      ...{ environment: "Pendulum-v1", seeds: "1..2", steps: 200, settings: { "warmup-steps": 60 } },
      ...{
        cells: [{ actorHiddenSizes: [16, 16] }, { actorHiddenSizes: [8] }],
        grid: { batchSize: "16..64" },
        random: 2,
      },
    };
    fs.writeFileSync(inFolder("plan.json"), JSON.stringify(file));
    const made = await sweep("--file", "plan.json", "--seeds", "7", "--job", "0", "--episodes", "1", "--out", "filed");
    assert.equal(made.code, 0, made.stderr);
    const record = readSweep(inFolder("filed")) as SweepRecord;
    assert.deepEqual(
      record.cells.map(({ settings, seeds }) => [settings.actorHiddenSizes, seeds]),
      [[[16, 16]], [[16, 16]], [[8]], [[8]]].map(([sizes]) => [sizes, [7]]),
    );
    const [{ directory }] = runsOf(inFolder("filed"), record);
    assert.equal(readConfig(directory).settings.warmupSteps, 60);
    for (const [change, message] of [
      [{ grids: {} }, /^ddpg: plan\.json: expected fields among .* got "grids"\. Did you mean "grid"\?/],
      [{ grid: { batchsize: [1] } }, /^ddpg: plan\.json grid: .*Did you mean "batchSize"\?/],
      [{ grid: { batchSize: [0] } }, /^ddpg: plan\.json grid batchSize: expected a whole number from 1/],
      [{ cells: [{ discount: 2 }] }, /^ddpg: plan\.json cells\[0\] discount: expected a number from 0 to 1, got 2/],
      [{ seeds: "2..1" }, /^ddpg: plan\.json seeds: expected seeds such as/],
      [{ random: 0 }, /^ddpg: plan\.json random: expected a whole number of at least 1/],
    ] as const) {
      fs.writeFileSync(inFolder("plan.json"), JSON.stringify({ ...file, ...change }));
      const { code, stderr } = await sweep("--file", "plan.json", "--out", "refused");
      assert.match(stderr, message);
      assert.deepEqual([code, fs.existsSync(inFolder("refused"))], [2, false]);
    }
  });

  it("refuses what cannot be, before anything starts", async () => {
    for (const [args, message] of [
      [["Pendulum-v1"], /^ddpg: sweep: expected --grid or --file, with the settings to vary, got nothing/],
      [["--grid", "batchSize=1,2"], /^ddpg: sweep: expected <environment>, got nothing/],
      [
        ["Pendulum-v1", "--grid", "batchSize=64", "--batch-size", "32"],
        /^ddpg: --grid batchSize: .*Leave out --batch-size/,
      ],
      [["Pendulum-v1", "--grid", "noiseScale=0.1,0.1/0.2"], /^ddpg: .*noiseScale?|noise-scale/],
      [["Pendulum-v1", "--grid", "batchSize=64", "--random-seed", "2"], /^ddpg: --random-seed: /],
      [
        ["Pendulum-v1", "--grid", "replayCapacity=10,100000"],
        /^ddpg: --grid replayCapacity, with replayCapacity 10: expected at least the batch size 64, got 10/,
      ],
      [["Pendulum-v1", "--grid", "batchSize=64", "--lr", "1"], /^ddpg: sweep: .*Did you mean "--actor-learning-rate"/],
      [["status", "nowhere"], /^ddpg: nowhere/],
      [["status", "."], /^ddpg: \.: expected a sweep's directory, got one without sweep\.json/],
      [["status"], /^ddpg: sweep status: expected <dir>, got nothing/],
    ] as const) {
      const { code, stderr } = await sweep(...args);
      assert.match(stderr, message);
      assert.equal(code, 2, stderr);
    }
    assert.equal(fs.existsSync(inFolder("sweeps")), false);
    const other = await sweep(...grid, "--steps", "400", "--seeds", "1", "--out", "whole");
    assert.match(other.stderr, /sweep\.json steps: expected 400, got 300\. Choose another --out\./);
  });

  it("takes your own environment", async () => {
    fs.writeFileSync(
      inFolder("line.mjs"),
      `export default () => ({ observationSize: 1, actionLow: [-1], actionHigh: [1], position: 0, steps: 0,
        reset(random) { this.steps = 0; this.position = random.uniform(-1, 1); return [this.position]; },
        step([a]) { this.position += a; return { observation: [this.position], reward: -Math.abs(this.position),
          terminated: false, truncated: ++this.steps === 10 }; } });`,
    );
    const args = ["./line.mjs", "--grid", "batchSize=8,16", "--seeds", "1", "--steps", "60", "--warmup-steps", "20"];
    const made = await sweep(...args, "--episodes", "1", "--check-steps", "50", "--out", "own-environment");
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /^runs {11}2 complete$/m);
  });
});
