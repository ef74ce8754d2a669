// `ddpg benchmark`: its records and its table, and the real program in an empty folder.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { presets } from "../../ddpg/config.ts";
import { connectFake, writeFake } from "../../node/outside/fake.case.ts";
import { programInFolder } from "../terminal/program.case.ts";
import { curves, resultsTable } from "./page.ts";
import { wantedRuns } from "./plan.ts";
import { type BenchmarkRecord, finalReturn, readRecord, readRecords, recordFile, writeRecord } from "./records.ts";

const program = programInFolder("benchmark");
const { inFolder } = program;

/** The record of a run with these returns, one per evaluation. */
function record(environment: string, seed: number, returns: readonly number[]): BenchmarkRecord {
  return {
    environment,
    preset: "standard",
    seed,
    steps: 1_000_000,
    settings: presets.standard,
    versions: { ddpg: "0.1.0", node: "26.0.0", platform: "linux x64" },
    machine: "a machine, one run at a time",
    seconds: 12.5,
    fingerprint: "0123456789abcdef",
    episodes: 10,
    evaluations: returns.map((value, i) => [10_000 * i, value] as const),
  };
}

/** A constant return in every evaluation. */
const flat = (value: number): number[] => Array.from({ length: 12 }, () => value);

describe("a record", () => {
  it("reads back as it was written, and is found by its task and seed", () => {
    const out = inFolder("records");
    fs.mkdirSync(out);
    const [second, first] = [record("Hopper-v5", 10, [1, 2.5]), record("Hopper-v5", 9, [3])];
    for (const each of [second, first]) writeRecord(recordFile(out, each.environment, each.seed), each);
    fs.writeFileSync(path.join(out, "notes.json"), "not ours");
    assert.deepEqual(
      readRecords(out).map(({ seed, evaluations }) => ({ seed, evaluations })),
      [
        { seed: 9, evaluations: [[0, 3]] },
        {
          seed: 10,
          evaluations: [
            [0, 1],
            [10_000, 2.5],
          ],
        },
      ],
    );
    assert.equal(readRecord(recordFile(out, "Hopper-v5", 11)), undefined);
  });

  it("leaves out fields that it does not know", () => {
    const file = inFolder("Hopper-v5-seed1.json");
    const good = record("Hopper-v5", 1, [7]);
    writeRecord(file, good);
    const text = fs.readFileSync(file, "utf8");
    fs.writeFileSync(file, text.replace('"seed":1', '"seed":1,"constructor":{"failed":"no"},"more":[1]'));
    const read = readRecord(file);
    assert.deepEqual(read, good);
    assert.deepEqual(Object.keys(read ?? {}).sort(), Object.keys(good).sort());
  });

  it("is judged by the mean of its last ten evaluations", () => {
    const returns = [1000, 1000, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    assert.equal(finalReturn(record("Ant-v5", 1, returns)), 5.5);
    assert.equal(finalReturn(record("Ant-v5", 1, [2, 4])), 3);
  });

  it("that is damaged is refused with its file, its field and a hint", () => {
    const file = inFolder("Ant-v5-seed1.json");
    const damaged: Record<string, (text: string) => string> = {
      "expected JSON, got something else": (text) => text.slice(0, -4),
      ' format: expected "ddpg-benchmark-1", got "ddpg-benchmark-0".': (text) =>
        text.replace("benchmark-1", "benchmark-0"),
      " steps: expected a whole number, got 0.5.": (text) => text.replace('"steps":1000000', '"steps":0.5'),
      " settings noiseScale: expected": (text) => text.replace(/"noiseScale":[^,]+/, '"noiseScale":{}'),
      ' preset: expected one of small, robust, standard, td3, paper, numpy, torcs, got "constructor".': (text) =>
        text.replace('"preset":"standard"', '"preset":"constructor"'),
      " fingerprint: expected 16 hexadecimal digits, got an object with toString.": (text) =>
        text.replace('"fingerprint":"0123456789abcdef"', '"fingerprint":{"toString":1}'),
      " episodes: expected a whole number above 0, got 0.": (text) => text.replace('"episodes":10', '"episodes":0'),
      " versions platform: expected a text, got undefined.": (text) => text.replace('"platform":', '"system":'),
      ' expected every name once, got "seed" twice.': (text) => text.replace('"seed":1', '"seed":1,"seed":2'),
      " seconds: expected a number above 0, got 0.": (text) => text.replace('"seconds":12.5', '"seconds":0'),
      " settings batchSize: expected a value, got undefined": (text) => text.replace('"batchSize":', '"size":'),
      " evaluations: expected pairs of a step and a return, got": (text) => text.replace("[0,7]", "[0,null]"),
      " evaluations: expected pairs of a step and a return, got [7].": (text) => text.replace("[0,7]", "7"),
      " evaluations: expected pairs of a step and a return, got [a list of 3].": (text) =>
        text.replace("[0,7]", "[0,7,1]"),
    };
    for (const [message, damage] of Object.entries(damaged)) {
      writeRecord(file, record("Ant-v5", 1, [7]));
      fs.writeFileSync(file, damage(fs.readFileSync(file, "utf8")));
      assert.throws(
        () => readRecord(file),
        (error: Error) => {
          assert.equal(error.name, "InputError");
          assert.ok(error.message.startsWith(file) && error.message.includes(message), error.message);
          assert.ok(error.message.endsWith("Remove it: ddpg benchmark writes it again."), error.message);
          return true;
        },
      );
    }
  });
});

describe("the table", () => {
  /** A task's cells, without padding. */
  const cells = (records: readonly BenchmarkRecord[], task: string): string[] => {
    const line =
      resultsTable(records)
        .split("\n")
        .find((each) => each.startsWith(`| ${task}`)) ?? "";
    return line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
  };

  it("has the interquartile mean, every seed, and published figures", () => {
    const runs = [1, 2, 3, 4].map((seed) =>
      record("HalfCheetah-v5", seed, flat([9000, 11_000, 12_000, 2000][seed - 1])),
    );
    assert.deepEqual(cells(runs, "HalfCheetah-v5"), [
      ...["HalfCheetah-v5", "1,000,000", "10,000", "9,000, 11,000, 12,000, 2,000", "1 of 4"],
      ...["11,503 [10,895, 12,376]", "10,144 [8,775, 11,223]", "17,434 ± 155, TD7"],
    ]);
  });

  it("has an interval for five seeds or more", () => {
    const runs = [1, 2, 3, 4, 5].map((seed) => record("Swimmer-v5", seed, flat(100 + seed)));
    assert.match(cells(runs, "Swimmer-v5")[2], /^103\.0 \[10[12]\.\d, 10[45]\.\d\]$/);
    assert.match(resultsTable(runs), /with a 95 % bootstrap interval/);
    assert.equal(cells(runs.slice(1), "Swimmer-v5")[2], "103.5");
  });

  it("counts a seed as failed below a fifth of the best figure, or beyond five times it for negative returns", () => {
    // The best figures are 9,356 and -3.7, or our own if they are better.
    const double = [1871, 1872].map((value, i) => record("InvertedDoublePendulum-v5", i, flat(value)));
    assert.equal(cells(double, "InvertedDoublePendulum-v5")[4], "1 of 2");
    const reacher = [-18.4, -18.6].map((value, i) => record("Reacher-v5", i, flat(value)));
    assert.equal(cells(reacher, "Reacher-v5")[4], "1 of 2");
    const better = [-3, -3, -3, -16].map((value, i) => record("Reacher-v5", i, flat(value)));
    assert.equal(cells(better, "Reacher-v5")[4], "1 of 4");
  });

  it("counts a seed that did not finish as failed, and leaves it out of the mean", () => {
    const failed = { ...record("Pusher-v5", 3, [-160]), failed: "the critic's loss is not finite" };
    const runs = [record("Pusher-v5", 1, flat(-30)), record("Pusher-v5", 2, flat(-32)), failed];
    assert.deepEqual(cells(runs, "Pusher-v5").slice(2, 5), ["−31.0", "−30.0, −32.0, –", "1 of 3"]);
    assert.match(curves(runs), /3 seeds, 1 failed/);
    assert.deepEqual(cells([{ ...failed, evaluations: [] }], "Pusher-v5").slice(2, 5), ["–", "–", "1 of 1"]);
    assert.match(curves([{ ...failed, evaluations: [] }]), /one seed, 1 failed/);
  });

  it("compares seeds with the best published figure of any kind, or with the best seed if nothing was published", () => {
    const alone = [93, 0, 0].map((value, i) => record("MountainCarContinuous-v0", i, flat(value)));
    assert.equal(cells(alone, "MountainCarContinuous-v0")[4], "2 of 3, 2 dead");
    const humanoid = [2280, 2281].map((value, i) => record("Humanoid-v5", i, flat(value)));
    assert.equal(cells(humanoid, "Humanoid-v5")[4], "1 of 2");
  });

  it("counts a seed as dead below a twentieth of the best figure, or whose actor had no gradient at the end", () => {
    const runs = [17_434 / 20 - 1, 17_434 / 20 + 1, 9000].map((value, i) => record("HalfCheetah-v5", i, flat(value)));
    assert.equal(cells(runs, "HalfCheetah-v5")[4], "2 of 3, 1 dead");
    const still = [...runs.slice(0, 2), { ...runs[2], deadActor: true as const }];
    assert.equal(cells(still, "HalfCheetah-v5")[4], "3 of 3, 2 dead");
  });

  it("marks the rows whose published task differs, in the order of the rows", () => {
    const text = resultsTable([record("Ant-v5", 1, flat(1)), record("Reacher-v5", 1, flat(-5))]);
    assert.match(text, /\| Reacher-v5 \\\* .*\n\| Ant-v5 \\\*\\\* /);
    assert.match(text, /^\\\* Reacher-v5: v5 rewards after the step/m);
    assert.match(text, /^\\\*\\\* Ant-v5: v5 observes contact forces/m);
  });

  it("leaves out sources without figures", () => {
    const text = resultsTable([record("Pendulum-v1", 1, flat(-140))]);
    assert.doesNotMatch(text, /Tianshou|TD3/);
    assert.match(text, /\| Pendulum-v1 \| 1,000,000 \| −140\.0 \| −140\.0 {4}\| 0 of 1 \|/);
  });

  it("has curves, one panel per task", () => {
    const picture = curves([
      record("Ant-v5", 1, flat(1)),
      record("Hopper-v5", 1, flat(2)),
      record("Hopper-v5", 2, flat(3)),
    ]);
    for (const text of [">Ant-v5<", ">Hopper-v5<", "one seed, 1 failed", "DDPG, published", "TD3, published"])
      assert.ok(picture.includes(text), text);
  });

  it("names two published results at nearly the same height on both sides of their lines", () => {
    const gap = (task: string, top: number): number => {
      const picture = curves([record(task, 1, [0, top])]);
      const [ddpg, td3] = ["DDPG", "TD3"].map((name) => {
        const place = String.raw`translate\([\d.]+, ?([-\d.]+)\)"[^>]*>`;
        const [, side, y] = new RegExp(`${place}<text transform="${place}${name}, published<`).exec(picture) ?? [];
        return Number(side) + Number(y);
      });
      return Math.abs(ddpg - td3);
    };
    assert.ok(gap("InvertedDoublePendulum-v5", 9400) > 12);
    assert.ok(gap("InvertedPendulum-v5", 1000) > 12);
    // 1,180 and 3,842 are apart.
    assert.ok(gap("Walker2d-v5", 5000) > 60);
  });

  it("has the same interquartile mean in the picture as in the table", () => {
    // (¼ · 1,000 + 2,000 + ¼ · 9,000) / 1.5; the plain mean is 4,000.
    const records = [1000, 2000, 9000].map((value, i) => record("Hopper-v5", i + 1, flat(value)));
    assert.equal(cells(records, "Hopper-v5")[2], "3,000");
    const titles = [...curves(records).matchAll(/<title>(.*?)<\/title>/g)].map(([, title]) => title);
    assert.deepEqual(titles.slice(-4), ["1,000", "2,000", "9,000", "3,000"]);
  });
});

const start = (...args: string[]) => program.start(["benchmark", ...args]);
const ddpg = (...args: string[]) => start(...args).outcome;

describe("ddpg benchmark", () => {
  const small = ["--tasks", "Pendulum-v1", "--steps", "1500", "--warmup-steps", "200", "--jobs", "2"];

  it("trains, records and draws; the second time it has nothing to do", async () => {
    const first = await ddpg(...small, "--seeds", "1,2", "--out", "whole");
    assert.equal(first.code, 0, first.stderr);
    const [one, two] = readRecords(inFolder("whole"));
    assert.deepEqual([one.seed, two.seed, one.steps], [1, 2, 1500]);
    assert.deepEqual(one.settings, { ...presets.small, warmupSteps: 200 });
    assert.deepEqual(
      one.evaluations.map(([step]) => step),
      Array.from({ length: 21 }, (_, i) => 75 * i),
    );
    assert.notEqual(one.fingerprint, two.fingerprint);
    assert.match(fs.readFileSync(inFolder("whole/benchmark.md"), "utf8"), /^\| Pendulum-v1 \| 1,500 /m);
    assert.match(fs.readFileSync(inFolder("whole/curves.svg"), "utf8"), /^<svg .*Pendulum-v1/);
    // The largest file of a run is removed when it is no longer needed.
    assert.deepEqual(fs.existsSync(inFolder("whole/runs/Pendulum-v1-seed1/checkpoint.safetensors")), false);

    const second = await ddpg(...small, "--seeds", "1,2", "--out", "whole");
    assert.match(second.stdout, /^Recorded in whole: 2 of 2 runs\.\n\n\| task/);
    assert.doesNotMatch(second.stdout, /started|resumed/);
  });

  it("names the files of a task without the slash in its id, and continues its runs", async () => {
    const args = [
      "--tasks",
      "dm_control/cart",
      "--steps",
      "60",
      "--warmup-steps",
      "30",
      "--jobs",
      "1",
      "--out",
      "slash",
    ];
    const first = await ddpg(...args, "--seeds", "1");
    assert.equal(first.code, 0, first.stderr);
    assert.deepEqual(fs.readdirSync(inFolder("slash")).sort(), [
      "benchmark.md",
      "curves.svg",
      "dm_control-cart-seed1.json",
      "runs",
    ]);
    assert.deepEqual(fs.readdirSync(inFolder("slash/runs")), ["dm_control-cart-seed1"]);
    assert.equal(readRecord(inFolder("slash/dm_control-cart-seed1.json"))?.environment, "dm_control/cart");
    assert.match(fs.readFileSync(inFolder("slash/benchmark.md"), "utf8"), /^\| dm_control\/cart \| 60 /m);
    fs.rmSync(inFolder("slash/dm_control-cart-seed1.json"));
    const again = await ddpg(...args, "--seeds", "1");
    assert.equal(again.code, 0, again.stderr);
    assert.doesNotMatch(again.stdout, /started|resumed/);
    // The arithmetic of a run of another seed is found under the same name.
    const wishes = {
      ...{ tasks: ["dm_control/cart"], seeds: [2], steps: undefined, preset: undefined, changes: {}, out: "none" },
      ...{ arithmetic: undefined, options: {}, runs: inFolder("slash/runs"), warn: () => {} },
    };
    const config = inFolder("slash/runs/dm_control-cart-seed1/config.json");
    const text = fs.readFileSync(config, "utf8").replace('"arithmetic": "fused"', '"arithmetic": "portable"');
    fs.writeFileSync(config, text);
    const [wanted] = await wantedRuns(wishes, []);
    assert.equal(wanted.arithmetic, "portable");
  });

  it("takes the tasks of one suite, and refuses an unknown one and two choices", async () => {
    const unknown = await ddpg("--suite", "dm-control");
    assert.equal(unknown.code, 2);
    assert.match(
      unknown.stderr,
      /--suite: expected gymnasium, dm_control, or paper, got "dm-control"\. Did you mean "dm_control"\?/,
    );
    const both = await ddpg("--suite", "dm_control", "--tasks", "Pendulum-v1");
    assert.equal(both.code, 2);
    assert.match(both.stderr, /--suite: expected either --tasks or --suite, got both\./);
  });

  it("is fused by default, and keeps the arithmetic of its records: portable if they name none", async () => {
    const records = [1, 2].map((seed) => inFolder(`whole/Pendulum-v1-seed${seed}.json`));
    const texts = records.map((file) => fs.readFileSync(file, "utf8"));
    for (const file of records) assert.equal(readRecord(file)?.arithmetic, "fused");
    for (const [i, file] of records.entries()) fs.writeFileSync(file, texts[i].replace('"arithmetic":"fused",', ""));
    for (const file of records) assert.equal(readRecord(file)?.arithmetic, undefined);
    const again = await ddpg(...small, "--seeds", "1,2", "--out", "whole");
    assert.match(again.stdout, /^Recorded in whole: 2 of 2 runs\.\n\n\| task/);
    const fused = await ddpg(...small, "--seeds", "1", "--out", "whole", "--arithmetic", "fused");
    assert.equal(fused.code, 2);
    assert.match(fused.stderr, /seed1\.json arithmetic: expected fused, got portable\. Choose another --out\./);
    for (const [i, file] of records.entries()) fs.writeFileSync(file, texts[i]);
  });

  it("keeps the arithmetic of a task's runs without a record, also of seeds that are not requested", async () => {
    const out = inFolder("runs-alone");
    const run = path.join(out, "runs/Pendulum-v1-seed7");
    fs.mkdirSync(run, { recursive: true });
    fs.cpSync(inFolder("whole/runs/Pendulum-v1-seed1"), run, { recursive: true });
    const config = path.join(run, "config.json");
    const text = fs.readFileSync(config, "utf8").replace('"arithmetic": "fused"', '"arithmetic": "portable"');
    fs.writeFileSync(config, text);
    const wishes = {
      ...{ tasks: ["Pendulum-v1"], seeds: [1], steps: undefined, preset: undefined, changes: {}, options: {}, out },
      ...{ arithmetic: undefined, runs: path.join(out, "runs"), warn: () => {} },
    };
    assert.deepEqual(
      (await wantedRuns(wishes, [])).map(({ arithmetic }) => arithmetic),
      ["portable"],
    );
    // A named arithmetic reads no run: this one is damaged.
    fs.writeFileSync(config, "{");
    const [named] = await wantedRuns({ ...wishes, arithmetic: "fused" }, []);
    assert.equal(named.arithmetic, "fused");
    await assert.rejects(wantedRuns(wishes, []), /seed7.config\.json/);
  });

  it("rewrites a lost record without training, and shows everything that is recorded", async () => {
    const lost = inFolder("whole/Pendulum-v1-seed1.json");
    const before = readRecord(lost);
    fs.rmSync(lost);
    const again = await ddpg(...small, "--seeds", "1", "--out", "whole");
    assert.equal(again.code, 0, again.stderr);
    assert.doesNotMatch(again.stdout, /started|resumed/);
    assert.deepEqual({ ...readRecord(lost), machine: "" }, { ...before, machine: "" });

    // The record of a task that is not requested.
    writeRecord(recordFile(inFolder("whole"), "Ant-v5", 1), record("Ant-v5", 1, flat(7)));
    assert.equal((await ddpg(...small, "--seeds", "1", "--out", "whole")).code, 0);
    assert.match(fs.readFileSync(inFolder("whole/benchmark.md"), "utf8"), /^\| Ant-v5 .*\n\| Pendulum-v1 /m);
  });

  it("refuses kernels that are not there before anything starts", async () => {
    fs.writeFileSync(inFolder("no-native.mjs"), 'process.dlopen = () => { throw new Error("not here"); };');
    const env = { ...process.env, NODE_OPTIONS: `--import=${new URL(`file://${inFolder("no-native.mjs")}`)}` };
    const args = ["benchmark", ...small, "--seeds", "1,2", "--backend", "native", "--out", "native"];
    const { code, stdout, stderr } = await program.start(args, env).outcome;
    assert.match(stderr, /^ddpg: --backend: expected native kernels that work here, got .*\n$/);
    assert.deepEqual([code, stdout, fs.existsSync(inFolder("native"))], [2, "", false]);
  });

  it("explains once what it computes with", async () => {
    const args = ["--tasks", "Pendulum-v1", "--steps", "60", "--warmup-steps", "20", "--batch-size", "10"];
    const compute = ["--backend", "wasm", "--simd", "128", "--verbose"];
    const { code, stderr } = await ddpg(...args, "--seeds", "1,2", "--out", "explained", ...compute);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "ddpg: using 128-bit vectors: --simd 128.\n");
  });

  it("killed, it continues with the same records", { skip: process.platform === "win32" }, async () => {
    const args = [...small, "--steps", "6000", "--seeds", "1,2", "--out", "cut"];
    const cut = start(...args);
    const metrics = inFolder("cut/runs/Pendulum-v1-seed1/metrics.jsonl");
    const hasBegun = () => fs.existsSync(metrics) && fs.readFileSync(metrics, "utf8").includes('"step":300');
    while (cut.child.exitCode === null && !hasBegun()) await delay(5);
    cut.child.kill("SIGINT");
    const stopped = await cut.outcome;
    assert.equal(stopped.code, 130, stopped.stderr);
    assert.match(stopped.stdout, /Not complete: Pendulum-v1 seed 1.*The same command continues them\./);

    const [rest, uncut] = [await ddpg(...args), await ddpg(...args.slice(0, -1), "uncut")];
    assert.deepEqual([rest.code, uncut.code], [0, 0], rest.stderr + uncut.stderr);
    assert.match(rest.stdout, /^Pendulum-v1 seed 1 {2}resumed$/m);
    const kept = (out: string) =>
      [1, 2].map((seed) => {
        const { fingerprint, evaluations } = readRecord(recordFile(inFolder(out), "Pendulum-v1", seed)) ?? {};
        return { fingerprint, evaluations };
      });
    assert.deepEqual(kept("cut"), kept("uncut"));
  });

  it("reports a failed run and continues with the others", async () => {
    const run = inFolder("failing/runs/Pendulum-v1-seed1");
    fs.cpSync(inFolder("whole/runs/Pendulum-v1-seed1"), run, { recursive: true });
    fs.rmSync(path.join(run, "result.json"));
    fs.writeFileSync(path.join(run, "checkpoint.safetensors"), "none");
    const { code, stdout, stderr } = await ddpg(...small, "--seeds", "1,2", "--out", "failing");
    assert.equal(code, 1);
    assert.match(stderr, /^ddpg: Pendulum-v1 seed 1: .*checkpoint\.safetensors.*: expected /m);
    assert.match(
      stdout,
      /^Failed: Pendulum-v1 seed 1\. To run them again, remove failing\/runs\/Pendulum-v1-seed1\.$/m,
    );
    assert.doesNotMatch(stdout, /Not complete/);
    assert.deepEqual(
      readRecords(inFolder("failing")).map(({ seed }) => seed),
      [2],
    );
  });

  it("records a run that breaks down as failed, and repeats it", async () => {
    const wild = ["--critic-learning-rate", "1", "--actor-learning-rate", "1", "--reward-scale", "1e12"];
    const args = [...small, ...wild, "--final-layer-bound", "1", "--seeds", "1", "--out", "wild"];
    const first = await ddpg(...args);
    assert.equal(first.code, 1);
    const { failed, evaluations } = readRecord(inFolder("wild/Pendulum-v1-seed1.json")) ?? {};
    assert.match(failed ?? "", /gradient: expected finite numbers/);
    assert.deepEqual(evaluations?.[0], [0, -1490.662]);
    assert.match(first.stdout, /^\| Pendulum-v1 \| 1,500 \| – .* 1 of 1 \|$/m);

    const second = await ddpg(...args);
    assert.equal(second.code, 1);
    assert.match(second.stdout, /^Recorded in wild: 0 of 1 runs\.\nPendulum-v1 seed 1 {2}resumed$/m);
  });

  const refused: Record<string, { args: string[]; message: string }> = {
    "an unknown task": {
      args: ["--tasks", "Pendulum-v2"],
      message: 'got "Pendulum-v2". Did you mean "Pendulum-v1"?',
    },
    "records with other settings": {
      args: [...small, "--discount", "0.9", "--seeds", "1", "--out", "whole"],
      message: "whole/Pendulum-v1-seed1.json discount: expected 0.9, got 0.99. Choose another --out.",
    },
    "records with other steps": {
      args: [...small, "--steps", "3000", "--seeds", "1", "--out", "whole"],
      message: "whole/Pendulum-v1-seed1.json steps: expected 3,000, got 1500. Choose another --out.",
    },
    "records with other settings, of seeds that are not requested": {
      args: [...small, "--discount", "0.9", "--seeds", "3", "--out", "whole"],
      message: "whole/Pendulum-v1-seed1.json discount: expected 0.9, got 0.99. Choose another --out.",
    },
    "a run that cannot be resumed": {
      args: [...small, "--seeds", "9", "--out", "broken"],
      message: "Pendulum-v1-seed9: expected a run with a checkpoint, got",
    },
    "a record under another record's name": {
      args: [...small, "--seeds", "1", "--out", "renamed"],
      message: "seed2.json: expected the name Pendulum-v1-seed1.json, by what it holds, got",
    },
    "a directory with other files": {
      args: [...small, "--seeds", "1", "--out", "taken"],
      message:
        "taken/runs/Pendulum-v1-seed1: expected a new or empty directory, got one with notes.txt. Choose another.",
    },
    "another seed's run": {
      args: [...small, "--seeds", "8", "--out", "moved"],
      message: "Pendulum-v1-seed8 seed: expected 8, got 1. Choose another --runs.",
    },
    "a run whose config.json names another task": {
      args: [...small, "--seeds", "1", "--out", "edited-task"],
      message: 'Pendulum-v1-seed1 environment: expected "Pendulum-v1", got "Pendulum-v0". Choose another --runs.',
    },
    "a run whose config.json names a module": {
      args: [...small, "--seeds", "1", "--out", "edited-module"],
      message: 'Pendulum-v1-seed1 environmentModule: expected none, got "../evil.js". Choose another --runs.',
    },
    "a run whose config.json is not that of its result": {
      args: [...small, "--seeds", "1", "--out", "edited-preset"],
      message: 'config.json preset: expected "small", as result.json has it, got "paper".',
    },
    "a setting that does not fit one of the tasks": {
      args: ["--tasks", "Pendulum-v1,MountainCarContinuous-v0", "--observation-scale", "1,1,0.1", "--out", "other"],
      message: "--observation-scale: expected one value, or 2",
    },
    "a file in place of --out": {
      args: [...small, "--seeds", "1", "--out", "whole/benchmark.md"],
      message: "whole/benchmark.md: expected a directory, got a path through a file.",
    },
    "runs with other settings": {
      args: [...small, "--discount", "0.9", "--seeds", "1", "--out", "other", "--runs", "whole/runs"],
      message: "whole/runs/Pendulum-v1-seed1 discount: expected 0.9, got 0.99. Choose another --runs.",
    },
  };
  /** Makes a run with seed 9 that was stopped and lost its checkpoint. */
  const breakRun = (): void => {
    const run = inFolder("broken/runs/Pendulum-v1-seed9");
    fs.cpSync(inFolder("whole/runs/Pendulum-v1-seed1"), run, { recursive: true });
    fs.rmSync(path.join(run, "result.json"));
    const config = fs.readFileSync(path.join(run, "config.json"), "utf8");
    fs.writeFileSync(path.join(run, "config.json"), config.replace('"seed": 1', '"seed": 9'));
  };
  const edits: Record<string, [from: string, to: string]> = {
    "edited-task": ['"Pendulum-v1"', '"Pendulum-v0"'],
    "edited-module": ['"preset"', '"environmentModule": "../evil.js", "preset"'],
    "edited-preset": ['"preset": "small"', '"preset": "paper"'],
  };
  const editRun = (out: string): void => {
    const run = inFolder(out, "runs/Pendulum-v1-seed1");
    fs.cpSync(inFolder("whole/runs/Pendulum-v1-seed1"), run, { recursive: true });
    const config = fs.readFileSync(path.join(run, "config.json"), "utf8");
    fs.writeFileSync(path.join(run, "config.json"), config.replace(...edits[out]));
  };
  const moveRun = (): void =>
    fs.cpSync(inFolder("whole/runs/Pendulum-v1-seed1"), inFolder("moved/runs/Pendulum-v1-seed8"), { recursive: true });
  const rename = (): void => {
    for (const seed of [1, 2])
      fs.cpSync(inFolder("whole/Pendulum-v1-seed1.json"), inFolder(`renamed/Pendulum-v1-seed${seed}.json`));
  };
  const take = (): void => {
    fs.mkdirSync(inFolder("taken/runs/Pendulum-v1-seed1"), { recursive: true });
    fs.writeFileSync(inFolder("taken/runs/Pendulum-v1-seed1/notes.txt"), "");
  };
  for (const [what, { args, message }] of Object.entries(refused)) {
    it(`refuses ${what}, before anything starts`, async () => {
      if (args.includes("broken")) breakRun();
      for (const out of Object.keys(edits)) if (args.includes(out)) editRun(out);
      if (args.includes("moved")) moveRun();
      if (args.includes("renamed")) rename();
      if (args.includes("taken")) take();
      const { code, stdout, stderr } = await ddpg(...args);
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.ok(stderr.includes(message), stderr);
    });
  }
});

describe("tasks that are not of the package", { skip: process.platform === "win32" && "it needs #!" }, () => {
  const simulator = writeFake(inFolder());
  // Paths of the command line are relative to where it was started, wherever a module goes.
  const line = `process.chdir("/");
  export default () => ({ observationSize: 1, actionLow: [-1], actionHigh: [1], x: 0, steps: 0,
    reset(random) { this.steps = 0; this.x = random.uniform(-1, 1); return [this.x]; },
    step([a]) { this.x = 0.9 * this.x + 0.1 * a;
      return { observation: [this.x], reward: -Math.abs(this.x), terminated: false, truncated: ++this.steps === 10 }; } });`;
  fs.writeFileSync(inFolder("line.mjs"), line);
  const small = ["--preset", "small", "--actor-hidden-sizes", "8", "--critic-hidden-sizes", "8", "--batch-size", "8"];
  const short = [...small, "--warmup-steps", "20", "--check-steps", "20", "--no-progress"];
  const fake = ["--args", JSON.stringify([JSON.stringify({ limit: 10 })])];
  const both = ["benchmark", "--tasks", "./line.mjs,exec:./simulator.cjs", "--seeds", "1", "--steps", "2000"].concat([
    ...short,
    ...fake,
    "--jobs",
    "2",
    "--out",
    "files",
  ]);

  it("a program and a module are trained and resumed, and nothing but the named file is ever started", async () => {
    const stopped = program.start(both);
    const metrics = inFolder("files/runs/exec-simulator-seed1/metrics.jsonl");
    for (let waited = 0; !fs.existsSync(metrics); waited += 20) {
      assert.ok(waited < 60_000 && stopped.child.exitCode === null);
      await delay(20);
    }
    stopped.child.kill("SIGINT");
    assert.equal((await stopped.outcome).code, 130);
    const record = inFolder("files/exec-simulator-seed1.json");
    assert.equal(fs.existsSync(record), false);

    // What the run's file says now would start another program.
    const config = inFolder("files/runs/exec-simulator-seed1/config.json");
    fs.mkdirSync(inFolder("evil"));
    const evil = `#!/bin/sh\ntouch ${inFolder("started")}\nexec ${simulator} "$@"\n`;
    fs.writeFileSync(inFolder("evil/simulator.cjs"), evil, { mode: 0o755 });
    const text = fs.readFileSync(config, "utf8");
    assert.match(text, /"\.\.\/\.\.\/\.\.\/simulator\.cjs"/);
    fs.writeFileSync(config, text.replace("../../../simulator.cjs", "../../../evil/simulator.cjs"));
    const again = await program.ddpg(...both);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stdout, /^exec:simulator seed 1 +resumed$/m);
    assert.equal(fs.existsSync(inFolder("started")), false);
    const { environment, environmentOptions, environmentSha256, failed } = readRecord(record) ?? assert.fail();
    assert.deepEqual([environment, failed], ["exec:simulator", undefined]);
    assert.deepEqual(environmentOptions, { args: JSON.parse(fake[1]) });
    assert.equal(environmentSha256, createHash("sha256").update(fs.readFileSync(simulator)).digest("hex"));
    assert.match(fs.readFileSync(inFolder("files/benchmark.md"), "utf8"), /^\| exec:simulator .*\n\| line /m);

    // With records, the program is only asked for its sizes.
    const whole = await program.ddpg(...both);
    assert.match(whole.stdout, /^Recorded in files: 2 of 2 runs\.\n\n\| task/);
    fs.appendFileSync(inFolder("line.mjs"), "\n");
    const changed = await program.ddpg(...both);
    assert.equal(changed.code, 2);
    assert.match(
      changed.stderr,
      /line-seed1\.json environmentSha256: expected [0-9a-f]+…?, of the file as it is now, got .*Choose another --out/,
    );
  });

  it("refuses options that no task has, two files of one name, and several runs at one port", async () => {
    fs.mkdirSync(inFolder("other"), { recursive: true });
    fs.writeFileSync(inFolder("other/line.mjs"), line);
    const stuck = line.replace("x: 0,", 'x: 0, close() { throw new Error("the door is stuck"); },');
    fs.writeFileSync(inFolder("stuck.mjs"), stuck);
    for (const [tasks, args, message] of [
      ["./line.mjs,Pendulum-v1", ["--python", "python3"], /--python: expected an option of one of the tasks, got /],
      ["./line.mjs,./other/line.mjs", [], /--tasks: expected environments with different names, not two that records /],
      ["tcp", ["--jobs", "2"], /--jobs: expected 1 with tcp, which one process at a time can have, got "?2/],
      ["./stuck.mjs", [], /^ddpg: stuck close: the door is stuck\n {4}at Object\.close \(stuck\.mjs:/],
      ["./none.mjs", [], /environment \.\/none\.mjs: expected a module, got no such file/],
    ] as const) {
      const { code, stderr } = await program.ddpg("benchmark", "--tasks", tasks, ...args, "--out", "refused");
      assert.match(stderr, message);
      assert.equal(code, 2);
    }
    assert.equal(fs.existsSync(inFolder("refused")), false);
  });

  it("what connects to a port is trained one seed after another", { timeout: 600_000 }, async () => {
    const args = [
      "benchmark",
      "--tasks",
      "tcp",
      "--port",
      "0",
      "--seeds",
      "1,2",
      "--steps",
      "200",
      ...short,
      "--out",
      "port",
    ];
    const { child, outcome } = program.start(args);
    let text = "";
    const peers: Awaited<ReturnType<typeof connectFake>>[] = [];
    child.stderr.on("data", async (bytes) => {
      text += bytes;
      const found = /^tcp seed \d *: Listening on 127\.0\.0\.1:(\d+): start the simulator now\.\n/m.exec(text);
      if (!found) return;
      text = text.slice(found.index + found[0].length);
      peers.push(await connectFake(simulator, Number(found[1]), { limit: 10 }));
    });
    const { code, stderr } = await outcome;
    for (const { child } of peers) child.kill();
    assert.equal(code, 0, stderr);
    assert.equal(peers.length, 2, "one simulator for each run");
    assert.deepEqual(
      readRecords(inFolder("port")).map(({ environment, seed, machine }) => [
        `${environment} ${seed}`,
        machine.replace(/.*, /, ""),
      ]),
      [
        ["tcp 1", "one run at a time"],
        ["tcp 2", "one run at a time"],
      ],
    );
  });
});
