// `ddpg sweep`: its matrix, and the real program in an empty folder.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { InputError } from "../../base/expect.ts";
import { presets } from "../../ddpg/config.ts";
import { writeJson } from "../../node/run-files.ts";
import { type RunConfig, readConfig, readResult } from "../../node.ts";
import { formatRecord } from "../../training/metrics.ts";
import { programInFolder } from "../terminal/program.case.ts";
import { cellId, jobOf } from "./job.ts";
import { type Axis, cellsOf, parseGrid } from "./matrix.ts";
import { readSweep, runsOf, type SweepRecord, writeSweep } from "./record.ts";
import { summarize } from "./summary.ts";
import { csv, figure, page } from "./sweep-page.ts";

const program = programInFolder("sweep");
const { inFolder } = program;
const start = (...args: string[]) => program.start(["sweep", ...args]);
const sweep = (...args: string[]) => start(...args).outcome;

/** The message of the InputError that an action throws. */
function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    return error.message;
  }
  assert.fail("no error");
}

describe("the grid", () => {
  const grid = (text: string): Axis[] => parseGrid(text, "--grid");

  it("has lists of values, by any form of a setting's name", () => {
    assert.deepEqual(
      grid("actorLearningRate=1e-4,3e-4,batch-size=64,--noise=pink").map(({ name, values }) => [name, values]),
      [
        ["actorLearningRate", [1e-4, 3e-4]],
        ["batchSize", [64]],
        ["noise", ["pink"]],
      ],
    );
    assert.deepEqual(grid("actorHiddenSizes=64/64,256/256")[0].values, [
      [64, 64],
      [256, 256],
    ]);
  });

  it("is every combination, the last setting varying fastest", () => {
    assert.deepEqual(cellsOf(grid("batchSize=64,128,discount=0.9,0.99"), undefined), [
      { batchSize: 64, discount: 0.9 },
      { batchSize: 64, discount: 0.99 },
      { batchSize: 128, discount: 0.9 },
      { batchSize: 128, discount: 0.99 },
    ]);
  });

  it("refuses what it cannot be, with the flag, the setting and a hint", () => {
    const message = (text: string) => refusal(() => cellsOf(grid(text), undefined));
    assert.match(message("1e-4"), /^--grid: expected a setting and its values, .* got "1e-4"/);
    assert.match(message("actorLearningrate=1"), /^--grid: .*Did you mean "actorLearningRate"\?$/);
    assert.match(message("lr_actor=1"), /^--grid: expected names of settings/);
    assert.match(message("tau=0.1"), /Did you mean "softUpdateRate"\?$/);
    assert.match(
      message("batchSize=64,1.5"),
      /^--grid batchSize: expected a whole number from 1 to 65536, got 1\.5\.$/,
    );
    assert.match(message("batchSize=64,"), /^--grid batchSize: expected a whole number/);
    assert.match(message("discount=0.9,.9"), /^--grid discount: expected every value once, got "0\.9"/);
    assert.match(message("discount=0.9,discount=0.99"), /^--grid discount: expected every setting once/);
    assert.match(message("discount=0.9..0.99"), /^--grid discount: .* got a range\. --random N draws/);
    const many = Array.from({ length: 101 }, (_, i) => i + 64).join(",");
    assert.match(message(`batchSize=${many},warmupSteps=${many}`), /^sweep: expected at most 10,000 .* got 10201\.$/);
  });
});

describe("random draws", () => {
  const cells = (text: string, count: number, seed = 1) =>
    cellsOf(parseGrid(text, "--grid"), { cells: count, seed, where: "--random" });

  it("are the same for the same seed, begin alike for any number, and do not depend on other settings", () => {
    const text = "actorLearningRate=1e-5..1e-2,batchSize=64,128";
    assert.deepEqual(cells(text, 20).slice(0, 10), cells(text, 10));
    assert.notDeepEqual(cells(text, 10, 2), cells(text, 10));
    const rates = cells("actorLearningRate=1e-5..1e-2", 10).map(({ actorLearningRate }) => actorLearningRate);
    assert.deepEqual(
      cells(text, 10).map(({ actorLearningRate }) => actorLearningRate),
      rates,
    );
    // Computed here, and the same on every machine.
    assert.deepEqual(rates.slice(0, 3), [5.524e-5, 4.953e-4, 6.027e-4]);
  });

  it("are log-uniform over magnitudes and uniform otherwise, or as the range says", () => {
    const share = (text: string, below: number) => {
      const seeds = Array.from({ length: 400 }, (_, i) => i);
      const all = seeds.flatMap((seed) => cells(text, 5, seed).flatMap((cell) => Object.values(cell) as number[]));
      return all.filter((value) => value < below).length / all.length;
    };
    for (const [text, below, expected] of [
      ["actorLearningRate=1e-5..1e-1", 1e-3, 0.5],
      ["actorLearningRate=1e-5..1e-1:uniform", 1e-3, 0.01],
      ["discount=0..1", 0.5, 0.5],
      ["discount=0.01..0.04:log", 0.02, 0.5],
    ] as const) {
      assert.ok(Math.abs(share(text, below) - expected) < 0.04, `${text}: ${share(text, below)}`);
    }
  });

  it("give every whole number of a range the same chance, its ends included", () => {
    const counts = new Map<number, number>();
    for (let seed = 0; seed < 3000; seed++) {
      const [{ actorDelay = 0 }] = cells("actorDelay=1..3", 1, seed);
      counts.set(actorDelay, (counts.get(actorDelay) ?? 0) + 1);
    }
    assert.deepEqual([...counts.keys()].sort(), [1, 2, 3]);
    for (const count of counts.values()) assert.ok(count > 900 && count < 1100, `${count}`);
  });

  it("are different, and refused if there are not enough different ones", () => {
    assert.equal(new Set(cells("actorDelay=1..3", 3).map(({ actorDelay }) => actorDelay)).size, 3);
    assert.match(
      refusal(() => cells("actorDelay=1..3", 4)),
      /^--random: expected at most 3, because/,
    );
    for (const [text, message] of [
      ["discount=0.9..0.5", /^--grid discount: expected a range such as .* got "0\.9\.\.0\.5"/],
      ["discount=0.9..1.5", /^--grid discount: expected a number from 0 to 1, got 1\.5/],
      ["discount=0..1:log", /^--grid discount: expected a range above 0/],
      ["noise=a..b", /^--grid noise: expected a range/],
    ] as const)
      assert.match(
        refusal(() => cells(text, 2)),
        message,
      );
  });
});

describe("a job", () => {
  const config: RunConfig = {
    ...{ environment: "Pendulum-v1", preset: "small", seed: 3, steps: 500, settings: { ...presets.small } },
    arithmetic: "portable",
    evaluation: { every: 100, episodes: 2, finalEpisodes: 2 },
    versions: { ddpg: "0", node: "0", platform: "any" },
  };

  it("has an id that never changes, by what decides it", () => {
    assert.equal(jobOf(config).id, "43d453cb0fa6-seed3");
    const changes: Partial<RunConfig>[] = [
      { environment: "Pendulum-v0" },
      { steps: 501 },
      { arithmetic: "fused" },
      { settings: { ...config.settings, batchSize: 65 } },
    ];
    const ids = changes.map((change) => cellId({ ...config, ...change }));
    assert.equal(new Set([...ids, cellId(config)]).size, 5);
    assert.notEqual(jobOf({ ...config, seed: 4 }).id, jobOf(config).id);
    assert.equal(cellId({ ...config, versions: { ddpg: "9", node: "9", platform: "other" } }), cellId(config));
  });
});

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
    const more = await sweep(...grid, "--seeds", "2", "--out", "whole", "--keep-checkpoints");
    assert.equal(more.code, 0, more.stderr);
    assert.equal(more.stdout.match(/ {2}started$/gm)?.length, 2);
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
      `export default () => ({ observationSize: 1, actionLow: [-1], actionHigh: [1], position: 0,
        reset(random) { this.position = random.uniform(-1, 1); return [this.position]; },
        step([a]) { this.position += a; const r = -Math.abs(this.position);
          return { observation: [this.position], reward: r, terminated: false, truncated: r < -5 }; } });`,
    );
    const args = ["./line.mjs", "--grid", "batchSize=8,16", "--seeds", "1", "--steps", "60", "--warmup-steps", "20"];
    const made = await sweep(...args, "--episodes", "1", "--check-steps", "50", "--out", "own-environment");
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /^runs {11}2 complete$/m);
  });
});

describe("the report", () => {
  /** A sweep whose runs have these final returns; undefined for a failed run. */
  function made(name: string, returns: Readonly<Record<string, readonly (number | undefined)[]>>): SweepRecord {
    const cells = Object.keys(returns).map((text, i) => {
      const [actorLearningRate, batchSize] = text.split(" ").map(Number);
      const seeds = returns[text].map((_, seed) => seed + 1);
      return { id: `00000000000${i}`, settings: { actorLearningRate, batchSize }, seeds };
    });
    const record: SweepRecord = { environment: "Pendulum-v1", steps: 100, arithmetic: "portable", cells };
    writeSweep(inFolder(name), record);
    for (const { directory, cell, seed } of runsOf(inFolder(name), record)) {
      const final = returns[`${cell.settings.actorLearningRate} ${cell.settings.batchSize}`][seed - 1];
      fs.mkdirSync(directory, { recursive: true });
      const common = { environment: "Pendulum-v1", preset: "small", seed, steps: 100 } as const;
      writeJson(path.join(directory, "config.json"), {
        ...common,
        settings: { ...presets.small, ...cell.settings },
        arithmetic: "portable",
        evaluation: { every: 100, episodes: 2, finalEpisodes: 2 },
        versions: { ddpg: "0", node: "0", platform: "any" },
      });
      writeJson(path.join(directory, "result.json"), {
        ...{ ...common, trainingSeconds: 1, stepsPerSecond: 100, threads: 1, fingerprint: "0123456789abcdef" },
        evaluation: final === undefined ? null : { meanReturn: final, standardError: 1, episodes: 2 },
        ...(final === undefined && { failed: "the loss is not finite" }),
      });
      fs.writeFileSync(
        path.join(directory, "metrics.jsonl"),
        formatRecord({
          type: "episode",
          step: 100,
          episode: 1,
          return: -5,
          length: 100,
          terminated: false,
          seconds: 1,
        }),
      );
    }
    return record;
  }
  const from = (base: number): number[] => [1, 2, 3, 4, 5].map((seed) => base + seed);

  it("has the interquartile mean of each cell and value, the best cell, and each setting's spread", () => {
    const record = made("known", {
      "0.001 64": from(0),
      "0.001 128": from(10),
      "0.01 64": from(100),
      "0.01 128": from(110),
    });
    const summary = summarize(inFolder("known"), record);
    assert.deepEqual(
      summary.cells.map(({ values, statistic }) => [...values, statistic?.value]),
      [
        ["0.01", "128", 113],
        ["0.01", "64", 103],
        ["0.001", "128", 13],
        ["0.001", "64", 3],
      ],
    );
    assert.deepEqual(summary.best?.values, ["0.01", "128"]);
    assert.deepEqual(
      summary.sensitivities.map(({ name, spread }) => [name, spread]),
      [
        ["actorLearningRate", 100],
        ["batchSize", 10],
      ],
    );
    const lines = csv(summary).trimEnd().split("\r\n");
    assert.equal(
      lines[0],
      "kind,cell,actorLearningRate,batchSize,seed,state,step,runs,failed,return,low,high,rank,spread",
    );
    assert.equal(lines.length, 1 + 20 + 4 + 4);
    assert.ok(lines.includes("run,000000000003,0.01,128,5,complete,100,,,115,,,,"), lines.join("\n"));
    assert.match(lines[21], /^cell,000000000003,0\.01,128,,,,5,0,113,11\d\.?\d*,11\d\.?\d*,1,$/);
    assert.match(lines[25], /^level,,0\.001,,,,,10,,8,[\d.]+,[\d.]+,,100$/);
    const text = page(summary);
    assert.match(text, /<dt>best settings<\/dt><dd>actorLearningRate 0\.01, batchSize 128<\/dd>/);
    assert.match(figure(summary), /^<svg .*actorLearningRate 0\.01, batchSize 128.*<\/svg>\n$/s);
  });

  it("does not call a cell with a failed run the best, and leaves that run out of the mean", () => {
    const record = made("failing", { "0.001 64": [1, 2], "0.01 64": [50, undefined] });
    const summary = summarize(inFolder("failing"), record);
    assert.deepEqual(summary.best?.values, ["0.001", "64"]);
    const [first] = summary.cells;
    assert.deepEqual([first.values[0], first.finals, first.failed], ["0.01", [50], 1]);
    assert.match(page(summary), /1 run failed\./);
  });

  it("puts many drawn numbers into groups of neighbors", () => {
    const rates = [1, 2, 3, 4, 5, 6, 7, 8];
    const record = made("drawn", Object.fromEntries(rates.map((rate) => [`0.00${rate} 64`, [10 * rate]])));
    const [{ levels, spread }] = summarize(inFolder("drawn"), record).sensitivities;
    assert.deepEqual(
      levels.map(({ label, finals }) => [label, finals]),
      [
        ["0.001 to 0.002", [10, 20]],
        ["0.003 to 0.004", [30, 40]],
        ["0.005 to 0.006", [50, 60]],
        ["0.007 to 0.008", [70, 80]],
      ],
    );
    assert.equal(spread, 60);
  });

  it("refuses a run that is not the one of the record", () => {
    const record = made("edited", { "0.001 64": [1] });
    const [{ directory }] = runsOf(inFolder("edited"), record);
    const file = path.join(directory, "config.json");
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace('"batchSize": 64', '"batchSize": 32'));
    assert.match(
      refusal(() => summarize(inFolder("edited"), record)),
      /settings batchSize: expected 64, got 32/,
    );
  });
});
