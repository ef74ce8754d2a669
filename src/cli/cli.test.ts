// The command line as a user meets it: the real program, in an empty folder.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { readConfig, readMetrics, readPolicy, readResult } from "../node.ts";
import { programInFolder } from "./terminal/program.case.ts";

const program = programInFolder("cli");
const { inFolder } = program;

function start(args: readonly string[]) {
  const { child, outcome } = program.start(args);
  // A busy machine may be slow enough to trigger the notice that an environment is being checked. The line before a run's
  // module is loaded has tests of its own.
  const notice = /^(Checking (?!slow)|Loading ).*\n/gm;
  return { child, outcome: outcome.then((all) => ({ ...all, stderr: all.stderr.replace(notice, "") })) };
}

const ddpg = (...args: string[]) => start(args).outcome;

async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ddpg(...args);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  return stdout;
}

/** Writes a module to the folder: a cart whose parts can be replaced. */
function writeModule(
  name: string,
  parts: { start?: string; high?: string; reset?: string; step?: string; tail?: string } = {},
): void {
  const step =
    "return { observation: [this.x, action[0]], reward: -Math.abs(this.x), terminated: false, truncated: ended };";
  fs.writeFileSync(
    inFolder(name),
    `${parts.start ?? "export default class Cart {"}
  observationSize = 2;
  actionLow = [-1];
  actionHigh = ${parts.high ?? "[3]"};
  x = 0;
  steps = 0;
  reset(random) {
    this.x = random.uniform(-1, 1);
    this.steps = 0;${parts.reset ?? ""}
    return [this.x, 0];
  }
  step(action) {
    this.x += 0.1 * action[0];
    const ended = ++this.steps === 50;
    ${parts.step ?? step}
  }
}
${parts.tail ?? ""}`,
  );
}

/** Short enough for a test, long enough to learn for a while. */
const brief = ["--steps", "1500", "--episodes", "20"];

before(() => {
  fs.writeFileSync(inFolder("package.json"), '{ "type": "module" }');
  writeModule("cart.js");
});

describe("the command line", { concurrency: true, timeout: 180_000 }, () => {
  it("prints its help and version", async () => {
    const help = await succeed("--help");
    for (const command of ["train", "resume", "evaluate", "export", "report", "environments"])
      assert.match(help, new RegExp(` ${command} `));
    assert.equal(await succeed(), help);
    const { version } = createRequire(import.meta.url)("ddpg/package.json");
    assert.equal(await succeed("--version"), `${version}\n`);
  });

  it("has a flag for every setting, with the presets' values", async () => {
    const help = await succeed("train", "--help");
    assert.match(help, /--normalization <name>/);
    assert.doesNotMatch(help, /--batch-normalization/);
    assert.match(
      help,
      /--soft-update-rate <n> +soft-update rate of the target networks\n +\[0\.02; .*paper, numpy,\s+torcs\s+0\.001\]/,
    );
    assert.ok(help.split("\n").every((line) => line.length <= 100));
  });

  it("exports a policy, from its run or its file, under its own or another name", async () => {
    await succeed("train", "cart.js", "--preset", "small", ...brief, "--out", "shipped");
    assert.match(
      await succeed("export", "shipped"),
      /^Wrote shipped\.safetensors, [\d.]+ kB\nIt is the last policy of shipped; --best takes the best one\.\nIt observes 2 numbers and acts in \[-1, 3\]\.\n$/,
    );
    assert.deepEqual(
      fs.readFileSync(inFolder("shipped.safetensors")),
      fs.readFileSync(inFolder("shipped", "policy.safetensors")),
    );
    assert.match(await succeed("export", "shipped.safetensors", "--format", "onnx"), /^Wrote shipped\.onnx, /);
    assert.match(
      await succeed("export", "shipped", "--format", "js", "--output", "policy.mjs"),
      /^Wrote policy\.mjs, .*\nWrote policy\.d\.mts, /,
    );
    const { act } = await import(pathToFileURL(inFolder("policy.mjs")).href);
    const policy = await readPolicy(inFolder("shipped"), "last");
    assert.deepEqual(act([0.5, -1]), policy.act([0.5, -1]));
    assert.match(await succeed("export", "shipped", "--best", "--output", "best.safetensors"), /^Wrote best/);
  });

  it("explains what cannot be exported, and writes nothing", async () => {
    fs.mkdirSync(inFolder("no-policy"));
    const run = inFolder("exportable");
    await succeed(
      "train",
      "cart.js",
      "--preset",
      "small",
      "--steps",
      "60",
      "--warmup-steps",
      "10",
      "--batch-size",
      "10",
      "--out",
      run,
    );
    fs.copyFileSync(path.join(run, "config.json"), inFolder("no-policy", "config.json"));
    fs.rmSync(path.join(run, "best.safetensors"));
    const whole = fs.readFileSync(path.join(run, "policy.safetensors"));
    fs.writeFileSync(inFolder("damaged.safetensors"), whole.subarray(0, whole.length - 100));
    const cases: [string[], RegExp][] = [
      [
        ["exportable", "--format", "onx"],
        /^ddpg: --format: expected one of policy, onnx, js, got "onx"\. Did you mean "onnx"\?$/,
      ],
      [["nowhere"], /^ddpg: nowhere: expected a run's directory, got no such file or directory\./],
      [["."], /config\.json: expected a file of a run, got no such file or directory\./],
      [["no-policy"], /policy\.safetensors: expected a file of a run, .* The run has not finished; resume it\.$/],
      [["exportable", "--best"], /best\.safetensors: expected .* The run has not finished; resume it\.$/],
      [["damaged.safetensors", "--format", "js"], /^ddpg: damaged\.safetensors actor\.\S+ data_offsets: expected /],
      [["damaged.safetensors", "--best"], /^ddpg: --best: expected a run's directory, got the file damaged/],
      [
        ["exportable/policy.safetensors", "--output", "exportable/policy.safetensors"],
        /^ddpg: --output: expected a file other than/,
      ],
      [
        ["exportable", "--output", "missing/policy.js"],
        /^ddpg: missing\/policy\.js: expected a file that can be written, /,
      ],
    ];
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await ddpg("export", ...args);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr.trimEnd(), message);
    }
    const written = fs.readdirSync(inFolder()).filter((name) => /^(exportable|no-policy|damaged|missing)./.test(name));
    assert.deepEqual(written, ["damaged.safetensors"]);
  });

  it("lists the environments", async () => {
    assert.match(await succeed("environments"), /^Pendulum-v1 +3 +\[-2, 2\] +200 +small +5,000 /m);
    assert.match(await succeed("environments"), /^Humanoid-v5 +348 +17 × \[-0\.4, 0\.4\] +1,000 +robust +1,000,000 /m);
    const [first] = JSON.parse(await succeed("environments", "--json"));
    assert.equal(first.id, "Pendulum-v1");
    assert.deepEqual([first.observationSize, first.actionLow, first.actionHigh, first.timeLimit], [3, [-2], [2], 200]);
  });

  it("trains with plain lines if there is no terminal, keeps the records, and evaluates them again", async () => {
    const output = await succeed("train", "Pendulum-v1", ...brief, "--noise-scale", "0.3");
    const run = path.join("runs", "Pendulum-v1-small-seed1");
    assert.match(
      output,
      /preset +small: .*\n +--noise-scale 0\.3, not 0\.2\nsettings +all others are those of the preset; --verbose lists them\nseed +1\nsteps +1,500\ncompute +(native|WebAssembly), (128|256|512)-bit SIMD, fused arithmetic\nreplay buffer +36 MB/,
    );
    assert.equal(output.match(/^ *\d+ % .* steps\/s .* evaluation -[\d,.]+ {2}[\d,]+\/1,500$/gm)?.length, 10);
    assert.ok(!output.includes("\r") && !output.includes("\x1b"));
    assert.ok(output.includes(`npx ddpg report ${run}\n`) && output.includes(`npx ddpg evaluate ${run}\n`));

    assert.equal(fs.readdirSync(inFolder(run)).filter((name) => name.startsWith("events.out.tfevents.")).length, 1);
    const config = readConfig(inFolder(run));
    assert.deepEqual(
      [config.environment, config.seed, config.steps, config.settings.noiseScale],
      ["Pendulum-v1", 1, 1500, 0.3],
    );
    assert.equal(config.versions.node, process.versions.node);
    const metrics = readMetrics(inFolder(run));
    const episodes = metrics.filter((record) => record.type === "episode");
    assert.deepEqual(
      episodes.map(({ step }) => step),
      [200, 400, 600, 800, 1000, 1200, 1400],
    );
    const evaluations = metrics.filter((record) => record.type === "evaluation");
    assert.deepEqual(
      evaluations.map(({ step }) => step),
      Array.from({ length: 11 }, (_, i) => 150 * i),
    );
    assert.ok(evaluations.every(({ valueBias, episodes }) => Number.isFinite(valueBias) && episodes === 10));
    const diagnostics = metrics.filter((record) => record.type === "diagnostics");
    assert.ok(
      diagnostics.length >= 30 &&
        diagnostics.every(({ criticLoss, saturation }) => criticLoss > 0 && saturation.length === 1),
    );

    const result = readResult(inFolder(run));
    assert.match(output, new RegExp(`^fingerprint +${result.fingerprint}$`, "m"));
    const again = JSON.parse(await succeed("evaluate", run, "--episodes", "20", "--json"));
    const { meanReturn, standardError, episodes: count, fingerprint, environment, seed, steps } = again;
    assert.deepEqual({ meanReturn, standardError, episodes: count }, result.evaluation);
    assert.deepEqual([fingerprint, environment, seed, steps], [result.fingerprint, "Pendulum-v1", 1, 1500]);
    assert.match(await succeed("evaluate", run, "--episodes", "3"), /over 3 fixed starts/);
    await assertTrajectory(run);
  });

  /** The steps of two evaluation episodes: each state follows from the one before by the pendulum's own equations. */
  async function assertTrajectory(run: string): Promise<void> {
    const printed = await succeed("evaluate", run, "--trajectory", "steps.csv", "--episodes", "2");
    assert.match(printed, /^trajectory {3}steps\.csv: 400 steps$/m);
    const [head, ...lines] = fs.readFileSync(inFolder("steps.csv"), "utf8").trimEnd().split("\r\n");
    assert.equal(head, "episode,step,time,observation[0],observation[1],observation[2],action[0],reward");
    const rows = lines.map((line) => line.split(","));
    assert.equal(rows.length, 2 * 201);
    const returns = [0, 0];
    for (const [i, [episode, step, time, cosine, sine, speed, torque, reward]] of rows.entries()) {
      assert.deepEqual([Number(episode), Number(step)], [1 + Math.floor(i / 201), i % 201]);
      assert.equal(time, String(Number((0.05 * (i % 201)).toFixed(9))));
      if (i % 201 === 200) {
        assert.deepEqual([torque, reward], ["", ""], "the last observation leads to nothing");
        continue;
      }
      const angle = Math.atan2(Number(sine), Number(cosine));
      const cost = angle ** 2 + 0.1 * Number(speed) ** 2 + 0.001 * Number(torque) ** 2;
      assert.ok(Math.abs(Number(reward) + cost) < 1e-6, `row ${i}: the reward is that of the row's state and action`);
      const next = Math.min(8, Math.max(-8, Number(speed) + (15 * Number(sine) + 3 * Number(torque)) * 0.05));
      assert.ok(Math.abs(Number(rows[i + 1][5]) - next) < 1e-5, `row ${i + 1} follows`);
      returns[Number(episode) - 1] += Number(reward);
    }
    const { meanReturn } = JSON.parse(await succeed("evaluate", run, "--episodes", "2", "--json"));
    assert.ok(Math.abs((returns[0] + returns[1]) / 2 - meanReturn) < 1e-6, "recording changes nothing");

    const first = fs.readFileSync(inFolder("steps.csv"), "utf8").split("\r\n").slice(0, 202);
    assert.match(await succeed("evaluate", run, "--trajectory", "one.csv"), /over 1 fixed start/);
    assert.deepEqual(fs.readFileSync(inFolder("one.csv"), "utf8").trimEnd().split("\r\n"), first);
    for (const [file, words] of [
      [
        "missing/steps.csv",
        /^ddpg: missing\/steps\.csv: expected a file that can be written, .* Choose another with --trajectory/,
      ],
      [path.join(run, "metrics.jsonl"), /^ddpg: --trajectory: expected a file other than the run's own, got /],
    ] as const) {
      const { code, stderr } = await ddpg("evaluate", run, "--trajectory", file);
      assert.equal(code, 2);
      assert.match(stderr, words);
    }
    assert.ok(fs.statSync(inFolder(run, "metrics.jsonl")).size > 100);
  }

  it("lists every setting with --verbose, and names the two commands that a second run in a directory may mean", async () => {
    const short = ["--steps", "200", "--warmup-steps", "100", "--episodes", "2", "--evaluate-episodes", "1"];
    const { stdout: output } = await ddpg("train", "Pendulum-v1", ...short, "--out", "first run", "--verbose");
    assert.match(
      output,
      /^ +--warmup-steps 100, not 1000\nsettings +actor-hidden-sizes 64,64 · [\s\S]* · warmup-steps 100 · /m,
    );
    const { code, stderr } = await ddpg("train", "Pendulum-v1", "--out=first run", "--seed", "2");
    assert.equal(code, 2);
    const words = [
      "To continue that run: npx ddpg resume 'first run' --steps N.",
      "To train another: npx ddpg train Pendulum-v1 --seed 2 --out 'first run-2'\n",
    ].join(" ");
    assert.ok(stderr.endsWith(words), stderr);
    // A directory with something else is no run to continue.
    fs.mkdirSync(inFolder("notes"));
    fs.writeFileSync(inFolder("notes", "a.txt"), "");
    assert.match(
      (await ddpg("train", "Pendulum-v1", "--out", "notes")).stderr,
      /got one with a\.txt\. Choose another\.\n$/,
    );
  });

  it("computes in fused arithmetic if asked, writes it down, and keeps it when repeated or resumed", async () => {
    const short = ["--steps", "200", "--warmup-steps", "100", "--episodes", "2", "--evaluate-episodes", "1"];
    const output = await succeed("train", "Pendulum-v1", ...short, "--arithmetic", "fused", "--out", "fused");
    assert.match(output, /^compute .*-bit SIMD, fused arithmetic/m);
    await succeed("train", "--config", "fused", "--out", "repeated");
    await succeed("train", "--config", "fused", "--arithmetic", "portable", "--out", "portable");
    const outcomes = ["fused", "repeated", "portable"].map((run) => ({
      arithmetic: readConfig(inFolder(run)).arithmetic,
      fingerprint: readResult(inFolder(run)).fingerprint,
    }));
    assert.deepEqual(
      outcomes.map(({ arithmetic }) => arithmetic),
      ["fused", "fused", "portable"],
    );
    assert.equal(outcomes[1].fingerprint, outcomes[0].fingerprint);
    assert.notEqual(outcomes[2].fingerprint, outcomes[0].fingerprint);
    const resumed = await succeed("resume", "fused", "--steps", "210");
    assert.match(resumed, /^compute .*-bit SIMD, fused arithmetic/m);
    const { code, stderr } = await ddpg("train", "Pendulum-v1", "--arithmetic", "exact");
    assert.equal(code, 2);
    assert.match(stderr, /--arithmetic: expected fused or portable, got "exact"/);

    // A run that names none, as before 0.2, is portable; the checkpoint must agree.
    const file = inFolder("fused", "config.json");
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace(/"arithmetic": ?"fused",?/, ""));
    assert.equal(readConfig(inFolder("fused")).arithmetic, undefined);
    const refused = await ddpg("resume", "fused", "--steps", "220");
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /config\.json arithmetic: expected "fused", as checkpoint\.safetensors has it, got "portable"\./,
    );
  });

  it("gives the same policy with any number of threads, and reports how many it used", async () => {
    const large = ["--preset", "paper", "--batch-size", "256", "--warmup-steps", "300", "--steps", "310"];
    const train = (threads: string): Promise<string> =>
      succeed(
        "train",
        "cart.js",
        ...large,
        "--episodes",
        "1",
        "--evaluate-every",
        "310",
        "--threads",
        threads,
        "--out",
        `t${threads}`,
      );
    const [one, two] = [await train("1"), await train("2")];
    assert.match(one, /^compute {8}\w+, \d+-bit SIMD, fused arithmetic$/m);
    const results = ["t1", "t2"].map((run) => readResult(inFolder(run)));
    assert.equal(results[0].threads, 1);
    assert.equal(results[1].threads > 1, /^compute .*-bit SIMD, fused arithmetic, 2 threads$/m.test(two));
    assert.equal(results[1].fingerprint, results[0].fingerprint);
  });

  it("gives the same policy for the same seed and another for another seed, each run in its own directory", async () => {
    const train = (seed: number, out: string): Promise<string> =>
      succeed("train", "cart.js", "--preset", "small", "--seed", `${seed}`, ...brief, "--out", out);
    const both = succeed("train", "cart.js", "--preset", "small", "--seeds", "5,6", ...brief, "--out", "both");
    await Promise.all([train(5, "a"), train(5, "b"), train(6, "c/d"), both]);
    for (const [run, same] of [
      ["a", "both/seed5"],
      ["c/d", "both/seed6"],
    ]) {
      const { trainingSeconds, stepsPerSecond, ...result } = readResult(inFolder(run));
      assert.ok(trainingSeconds > 0 && stepsPerSecond > 0);
      assert.deepEqual(
        { ...readResult(inFolder(same)), trainingSeconds, stepsPerSecond },
        { ...result, trainingSeconds, stepsPerSecond },
      );
      assert.deepEqual(readConfig(inFolder(same)).settings, readConfig(inFolder(run)).settings);
    }
    const [a, b, c] = ["a", "b", "c/d"].map((run) => readResult(inFolder(run)));
    assert.deepEqual([a.fingerprint, a.evaluation], [b.fingerprint, b.evaluation]);
    assert.notEqual(a.fingerprint, c.fingerprint);
    assert.equal(readConfig(inFolder("c/d")).environmentModule, "../../cart.js");
    assert.equal(
      JSON.parse(await succeed("evaluate", "c/d", "--episodes", "20", "--json")).meanReturn,
      c.evaluation?.meanReturn,
    );
  });

  it("numbers the directories of equal runs", async () => {
    const args = [
      "train",
      "Pendulum-v1",
      "--preset",
      "paper",
      "--steps",
      "2",
      "--batch-size",
      "2",
      "--episodes",
      "1",
      "--evaluate-episodes",
      "1",
    ];
    for (const ending of ["", "-2"]) {
      const output = await succeed(...args, "--no-progress");
      assert.ok(output.includes(`npx ddpg report ${path.join("runs", `Pendulum-v1-paper-seed1${ending}`)}\n`));
      assert.doesNotMatch(output, /steps\/s .*left/);
    }
  });

  const missing = "no such file or directory";
  const wanted =
    "a class or a function without parameters that makes a fresh environment (training, evaluation and every worker make their own)";
  const forms = "gymnasium:<id>, exec:<program>, tcp, torcs, godot";
  const ids = `an id of "ddpg environments", such as Pendulum-v1, the path of a module, or ${forms}`;
  const pendulum = ["train", "Pendulum-v1"];
  const unanswered = "expected an answer from the environment, got a promise that never settles. Resolve or reject it.";
  const mistakes: [string[], string][] = [
    [
      ["trian"],
      'command: expected one of train, act, resume, watch, evaluate, export, render, plan, report, sweep, work, benchmark, environments, got "trian". Did you mean "train"?',
    ],
    [["train"], 'train: expected <environment>, got nothing. See "ddpg train --help".'],
    [["train", "pendulum"], `environment: expected ${ids}, got "pendulum". Did you mean "Pendulum-v1"?`],
    [["train", "none.js"], `environment none.js: expected a module, got ${missing}.`],
    [
      [...pendulum, "--lr", "1"],
      'train: expected one of its options, got "--lr". Did you mean "--actor-learning-rate" or "--critic-learning-rate"?',
    ],
    [[...pendulum, "--tau=1"], 'train: expected one of its options, got "--tau=1". Did you mean "--soft-update-rate"?'],
    [
      [...pendulum, "--batch_size", "1"],
      'train: expected one of its options, got "--batch_size". Did you mean "--batch-size"?',
    ],
    [[...pendulum, "--sede", "3"], 'train: expected one of its options, got "--sede". Did you mean "--seed"?'],
    [[...pendulum, "--seed", "-1"], "--seed: expected a whole number of at least 0, got -1."],
    [[...pendulum, "--seed", "1e-3"], "--seed: expected a whole number of at least 0, got 0.001."],
    [[...pendulum, "--seeds", "1..x"], '--seeds: expected seeds such as 1..8 or 1,3,7, got "1..x".'],
    [[...pendulum, "--seeds", "1,2", "--seed", "3"], "train: expected --seed or --seeds, got both."],
    [[...pendulum, "--jobs", "2"], "--jobs: expected to be used with --seeds, got no --seeds."],
    [[...pendulum, "--seeds", "1,2", "--jobs", "0"], "--jobs: expected a whole number of at least 1, got 0."],
    [[...pendulum, "--threads", "0"], "--threads: expected a whole number from 1 to 64, or auto, got 0."],
    [[...pendulum, "--threads", "all"], '--threads: expected a whole number from 1 to 64, or auto, got "all".'],
    [
      [...pendulum, "--seeds", "3..5", "--out", "seeds"],
      "run directory seeds/seed4: expected a new or empty directory, got one with kept. Choose another.",
    ],
    [["train", "nan.js", "--seeds", "1..8"], "nan.js: step 1 observation[0]: expected a finite number, got NaN."],
    [[...pendulum, "--steps", "0"], "--steps: expected a whole number of at least 1, got 0."],
    [
      [...pendulum, "--preset", "papr"],
      '--preset: expected one of small, robust, standard, td3, paper, numpy, torcs, got "papr". Did you mean "paper"?',
    ],
    [[...pendulum, "--discount", "1.5"], "--discount: expected a number from 0 to 1, got 1.5."],
    [
      [...pendulum, "--noise", "gausian"],
      '--noise: expected one of ornstein-uhlenbeck, gaussian, pink, parameter, action-reverting, decaying-offset, none, got "gausian". Did you mean "gaussian"?',
    ],
    [
      [...pendulum, "--action-enters-layer", "9"],
      "--action-enters-layer: expected at most 3, the number of the critic's layers, output layer included, got 9.",
    ],
    [
      [...pendulum, "--observation-scale", "1,2"],
      "--observation-scale: expected one value, or 3, one per dimension, got [1, 2].",
    ],
    [[...pendulum, "--noise-scale", "1,2"], "--noise-scale: expected one value, or 1, one per dimension, got [1, 2]."],
    [
      [...pendulum, "--out", "full"],
      "run directory full: expected a new or empty directory, got one with kept. Choose another.",
    ],
    [
      [...pendulum, "--out", "full/kept/run"],
      "run directory full/kept/run: expected a directory that can be written, got a path through a file.",
    ],
    [["evaluate", "none"], `none: expected a run's directory, got ${missing}. Give the directory of a run.`],
    [["evaluate", "full"], `full/config.json: expected a file of a run, got ${missing}. Give the directory of a run.`],
    [
      ["evaluate", "old"],
      'old/config.json format: expected "ddpg-run-1", got "ddpg-run-0". Another version of ddpg wrote it.',
    ],
    [["train", "nan.js"], "nan.js: step 1 observation[0]: expected a finite number, got NaN."],
    [["train", "length.js"], "length.js: step 1 observation: expected 2 numbers, got 1."],
    [["train", "hang.js"], `hang.js step: ${unanswered}`],
    [["train", "hang.js", "--seeds", "1,2"], `hang.js step: ${unanswered}`],
    [["train", "unmade.js"], `unmade.js make: ${unanswered}`],
    [["train", "unclosed.js"], "unclosed.js: close: expected no error, got undefined."],
    [
      ["train", "same.js"],
      "same.js: make: expected a fresh environment from each call, got the same one twice. Construct it inside the function, or set single to true on it if there can be only one.",
    ],
    [
      ["train", "cart.js", "--observation-scale", "1,2,3"],
      "--observation-scale: expected one value, or 2, one per dimension, got [1, 2, 3].",
    ],
    [
      ["evaluate", "unseeded"],
      "unseeded/config.json seed: expected a whole number, got undefined. Set it right in the file, or train again.",
    ],
    [
      ["evaluate", "numbered"],
      "numbered/config.json environmentModule: expected a path, or nothing, got 5. Set it right in the file, or train again.",
    ],
    [
      ["train", "infinite.js"],
      "infinite.js: environment.actionHigh[0]: expected a finite number, got Infinity. Give the range the policy should use.",
    ],
    [["train", "empty.js"], "empty.js: environment.actionHigh: expected 1 bound as in actionLow, got []."],
    [
      ["train", "instance.js"],
      `environment instance.js default export: expected ${wanted}, got an object with observationSize, actionLow, actionHigh, x, steps. Export the class itself, or set single to true on the object if there can be only one.`,
    ],
    [
      ["train", "unexported.js"],
      `environment unexported.js default export: expected ${wanted}, got none. Write "export default class …".`,
    ],
  ];

  it("refuses invalid input with one line and exit code 2, and leaves nothing behind", async () => {
    fs.mkdirSync(inFolder("full"));
    fs.writeFileSync(inFolder("full/kept"), "");
    fs.mkdirSync(inFolder("seeds/seed4"), { recursive: true });
    fs.writeFileSync(inFolder("seeds/seed4/kept"), "");
    fs.mkdirSync(inFolder("old"));
    fs.writeFileSync(inFolder("old/config.json"), '{ "format": "ddpg-run-0" }');
    writeModule("nan.js", { step: "return { observation: [NaN, 0], reward: 0, terminated: ended };" });
    writeModule("length.js", { step: "return { observation: [0], reward: 0, terminated: ended };" });
    writeModule("infinite.js", { high: "[Infinity]" });
    writeModule("empty.js", { high: "[]" });
    writeModule("instance.js", { start: "class Cart {", tail: "export default new Cart();" });
    writeModule("unexported.js", { start: "export class Cart {" });
    writeModule("hang.js", { step: "return new Promise(() => {});" });
    fs.writeFileSync(inFolder("unmade.js"), "export default () => new Promise(() => {});");
    writeModule("unclosed.js", { start: "export default class Cart {\n  async close() { throw undefined; }" });
    writeModule("same.js", { start: "class Cart {", tail: "const one = new Cart();\nexport default () => one;" });
    for (const [run, changes] of Object.entries({ unseeded: {}, numbered: { seed: 1, environmentModule: 5 } })) {
      fs.mkdirSync(inFolder(run));
      const config = { format: "ddpg-run-1", environment: "Pendulum-v1", preset: "small", steps: 1, ...changes };
      fs.writeFileSync(inFolder(run, "config.json"), JSON.stringify(config));
    }
    const runs = (): string[] => (fs.existsSync(inFolder("runs")) ? fs.readdirSync(inFolder("runs")) : []);
    const attempt = async ([args, message]: [string[], string]): Promise<void> => {
      const { code, stdout, stderr } = await ddpg(...args);
      assert.deepEqual([code, stderr], [2, `ddpg: ${message}\n`], args.join(" "));
      assert.equal(stdout, "", args.join(" "));
    };
    // A few at a time, because each is a process.
    const queue = [...mistakes];
    const work = async (): Promise<void> => {
      for (let next = queue.pop(); next; next = queue.pop()) await attempt(next);
    };
    await Promise.all([work(), work(), work(), work()]);
    assert.deepEqual(fs.readdirSync(inFolder("full")), ["kept"]);
    assert.deepEqual(fs.readdirSync(inFolder("seeds")), ["seed4"]);
    assert.ok(
      runs().every((name) => name.startsWith("Pendulum-v1-")),
      runs().join(" "),
    );
    assert.ok(!runs().some((name) => name.includes("robust")), runs().join(" "));
  });

  it("trains on a frozen environment, one with read-only methods, and one of an ES5 constructor", async () => {
    const fields = "observationSize: 1, actionLow: [-1], actionHigh: [1]";
    const methods =
      "reset: () => ((n = 0), [0]), step: () => ({ observation: [n / 9], reward: 0, terminated: ++n === 9 })";
    const modules = {
      "frozen.js": `export default () => { let n = 0; return Object.freeze({ ${fields}, ${methods} }); };`,
      "read-only.js": `export default () => {
        let n = 0;
        const made = { ${methods} };
        const fixed = Object.entries(made).map(([name, value]) => [name, { value }]);
        return Object.defineProperties({ ${fields} }, Object.fromEntries(fixed));
      };`,
      "es5.js": `export default function Task() { let n = 0; Object.assign(this, { ${fields}, ${methods} }); }`,
    };
    for (const [name, text] of Object.entries(modules)) {
      fs.writeFileSync(inFolder(name), text);
      const run = [
        "train",
        name,
        "--steps",
        "2e1",
        "--episodes",
        "1",
        "--evaluate-episodes",
        "1",
        "--out",
        `of-${name}`,
      ];
      const { code, stderr } = await ddpg(...run, "--preset", "small");
      assert.equal(code, 0, `${name}: ${stderr}`);
    }
  });

  it("shows where in the user's own file an error was thrown, and the whole stack on request", async () => {
    writeModule("throws.js", { step: "return this.missing.value;" });
    const { code, stderr } = await ddpg("train", "throws.js");
    assert.equal(code, 2);
    const message =
      "ddpg: throws.js: step 1: expected no error, got TypeError: Cannot read properties of undefined (reading 'value').";
    assert.equal(stderr, `${message}\n    at Cart.step (throws.js:15:25)\n`);
    const verbose = await ddpg("train", "throws.js", "--verbose");
    assert.ok(verbose.stderr.startsWith(`${message}\n`) && verbose.stderr.split("\n").length > 5);
    writeModule("broken.js", { tail: 'throw new Error("no\\nluck");' });
    const { stderr: loading } = await ddpg("train", "broken.js");
    assert.match(loading, /^ddpg: environment broken\.js: no luck\n {4}at broken\.js:18:7\n$/);
    writeModule("syntax.js", { tail: "const x = ;" });
    const { stderr: parsing } = await ddpg("train", "syntax.js");
    assert.match(parsing, /^ddpg: environment syntax\.js: Unexpected token .*\n {4}at syntax\.js:18\n$/);
  });

  it("keeps the records of a run that fails halfway, and reports the failure in its result", async () => {
    // The check before training makes two environments. These fail after 7,000 steps in total.
    writeModule("late.js", {
      start: "let total = 0;\nexport default class Cart {",
      step: 'if (++total > 7000) throw new Error("The cart broke.");\n return { observation: [this.x, 0], reward: 0, terminated: ended };',
    });
    const { code, stderr } = await ddpg("train", "late.js", "--preset", "small", "--out", "late", ...brief);
    assert.equal(code, 2);
    assert.match(
      stderr.split("\n").at(-3) ?? "",
      /^ddpg: late\.js (evaluation )?episode \d+ step \d+: The cart broke\.$/,
    );
    assert.match(stderr, /\n {4}at Cart\.step \(late\.js:16:\d+\)\n$/);
    assert.match(readResult(inFolder("late")).failed ?? "", /The cart broke\.$/);
  });

  // The check before training takes about 2,050 steps, the first evaluation another 500.
  const elsewhere: [name: string, step: string, message: RegExp][] = [
    [
      "unanswered",
      "return new Promise(() => {});",
      / (episode \d+ step \d+|evaluation after step \d+): expected an answer from the environment, got /,
    ],
    [
      "timer",
      'setTimeout(() => { throw new Error("Late."); });',
      / (episode|evaluation after) .*, outside of its methods: Late\.\n {4}at .*\(timer\.js:\d+:\d+\)\n$/,
    ],
    ["unhandled", 'Promise.reject("No error.");', /, outside of its methods: No error\.\n$/],
  ];
  for (const [name, step, message] of elsewhere) {
    it(`ends with closed records after an error that nothing awaits: ${name}`, async () => {
      writeModule(`${name}.js`, {
        start: "let total = 0;\nexport default class Cart {",
        step: `if (++total === 3000) ${step}
    return { observation: [this.x, action[0]], reward: 0, terminated: false, truncated: ended };`,
      });
      const { code, stderr } = await ddpg("train", `${name}.js`, "--preset", "small", "--out", name, ...brief);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.match(stderr, /^ddpg: warning.*\nddpg: (?!warning).*\n( {4}at .*\n)?$|^ddpg: .*\n( {4}at .*\n)?$/);
      const { failed, steps } = readResult(inFolder(name));
      assert.ok(failed && stderr.includes(failed) && steps > 0 && steps < 1500, failed);
    });
  }

  it("keeps the records and reports the error if an environment cannot be closed", async () => {
    writeModule("stuck.js", {
      start: 'let closed = 0;\nexport default class Cart {\n  close() { if (++closed > 2) throw new Error("Stuck."); }',
    });
    const { code, stderr } = await ddpg("train", "stuck.js", "--preset", "small", "--out", "stuck", ...brief);
    assert.equal(code, 2);
    assert.match(stderr, /^ddpg: stuck\.js close: Stuck\.\n {4}at Cart\.close \(stuck\.js:\d+:\d+\)\n$/);
    assert.equal(readResult(inFolder("stuck")).failed, undefined);
  });

  it("stops when the run's directory is removed", { skip: process.platform === "win32" }, async () => {
    const { outcome } = start(["train", "Pendulum-v1", "--steps", "1000000", "--out", "gone"]);
    const metrics = inFolder("gone", "metrics.jsonl");
    while (!fs.existsSync(metrics) || fs.statSync(metrics).size < 500) await new Promise((r) => setTimeout(r, 20));
    fs.rmSync(inFolder("gone"), { recursive: true });
    const { code, stderr } = await outcome;
    const message = `${path.join("gone", "metrics.jsonl")}: expected a file that can be written, got ${missing}.`;
    assert.equal(stderr, `ddpg: ${message} Nothing more of this run can be saved; train again.\n`);
    assert.equal(code, 2);
    assert.ok(!fs.existsSync(inFolder("gone")));
  });

  it("trains on a single environment, which it makes once and evaluates on at ends of episodes", async () => {
    const once = 'import fs from "node:fs";\nconst lock = new URL("robot.lock", import.meta.url);\n';
    const methods = `single = true;
  repeatable = false;
  constructor() { fs.writeFileSync(lock, "", { flag: "wx" }); }
  close() { fs.rmSync(lock); }`;
    writeModule("robot.js", { start: `${once}export default class Cart {\n  ${methods}` });
    writeModule("this-robot.js", { start: `${once}class Cart {\n  ${methods}`, tail: "export default new Cart();" });
    const plan = ["--preset", "small", "--steps", "120", "--evaluate-every", "40", "--warmup-steps", "100"];
    for (const name of ["robot", "this-robot"]) {
      const args = ["train", `${name}.js`, ...plan, "--evaluate-episodes", "1", "--episodes", "2", "--out", name];
      const { code, stderr } = await ddpg(...args);
      const warning = `ddpg: warning: ${name}.js repeatable: expected true, got false. This run cannot be repeated.\n`;
      assert.deepEqual([code, stderr], [0, warning]);
      const evaluations = readMetrics(inFolder(name)).filter(({ type }) => type === "evaluation");
      assert.deepEqual(
        evaluations.map(({ step }) => step),
        [0, 50, 100, 120],
      );
      assert.equal(fs.existsSync(inFolder("robot.lock")), false, "it was closed");
    }
    for (const seeds of [[], ["--check-steps", "0"]]) {
      const { code, stderr } = await ddpg("train", "robot.js", "--seeds", "1,2", ...plan, ...seeds);
      assert.equal(code, 2);
      assert.match(
        stderr,
        /^ddpg: --seeds: expected an environment that can be made more than once, got a single one/m,
      );
    }
    writeModule("undeclared.js", {
      start: `${once}export default class Cart {\n  ${methods.replace("single = true;", "")}`,
    });
    for (const flags of [[], ["--check-steps", "0"]]) {
      const { code, stderr } = await ddpg("train", "undeclared.js", ...plan, ...flags);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /EEXIST/);
      assert.equal(
        stderr.includes("If there can be only one at a time, set single to true on it."),
        flags.length === 0,
      );
      assert.equal(fs.existsSync(inFolder("robot.lock")), false);
    }
    // A single environment that fails its check is closed as well.
    writeModule("broken.js", {
      start: `${once}export default class Cart {\n  ${methods}`,
      step: "return { observation: [NaN, 0], reward: 0, terminated: ended };",
    });
    assert.equal((await ddpg("train", "broken.js", ...plan)).code, 2);
    assert.equal(fs.existsSync(inFolder("robot.lock")), false);
  });

  it("takes as many steps to check an environment as it is given, or none", async () => {
    const count = 'import fs from "node:fs";\n';
    writeModule("counted.js", {
      start: `${count}export default class Cart {`,
      step: `fs.appendFileSync("taken", ".");
    return { observation: [this.x, Math.random()], reward: 0, terminated: false, truncated: ended };`,
    });
    const args = [
      "train",
      "counted.js",
      "--preset",
      "small",
      "--steps",
      "5",
      "--episodes",
      "1",
      "--evaluate-episodes",
      "1",
      "--evaluate-every",
      "5",
    ];
    const taken = async (steps: string, name: string): Promise<number> => {
      fs.rmSync(inFolder("taken"), { force: true });
      await ddpg(...args, "--check-steps", steps, "--out", name);
      return fs.readFileSync(inFolder("taken")).length;
    };
    assert.equal(await taken("7", "checked"), 14); // two passes, which differ
    assert.equal(fs.existsSync(inFolder("checked")), false);
    assert.equal(await taken("0", "unchecked"), 205); // before, at the end, and finally with both policies: 50 each
    assert.equal(fs.existsSync(inFolder("unchecked")), true);
  });

  it("prints a notice if the check of an environment takes long", async () => {
    writeModule("slow.js", {
      start: "let total = 0;\nexport default class Cart {",
      step: `for (const from = performance.now(); total < 1200 && performance.now() - from < 1; );
    total++;
    return { observation: [this.x, action[0]], reward: 0, terminated: false, truncated: ended };`,
    });
    const { stderr } = await ddpg("train", "slow.js", "--preset", "small", "--out", "slow", ...brief);
    assert.match(stderr, /^Checking slow\.js for about 2,000 steps …\n/);
  });

  it("quotes a directory with spaces, and warns that a run with nothing but warm-up learns nothing", async () => {
    const args = ["--steps", "100", "--warmup-steps", "101", "--episodes", "1", "--evaluate-episodes", "1"];
    const { code, stdout, stderr } = await ddpg("train", "Pendulum-v1", ...args, "--out", "a run");
    assert.equal(code, 0);
    assert.match(stdout, /npx ddpg report (['"])a run\1\nevaluate +npx ddpg evaluate (['"])a run\2\n$/);
    assert.match(stderr, /^ddpg: warning: --warmup-steps: expected at most the run's 100 steps, got 101\. Nothing /);
    const result = inFolder("a run", "result.json");
    const whole = JSON.parse(fs.readFileSync(result, "utf8"));
    for (const [changes, message] of [
      [{ evaluation: {} }, "evaluation meanReturn: expected a number, or null, got undefined."],
      [{ steps: undefined }, "steps: expected a whole number, got undefined."],
    ] as const) {
      fs.writeFileSync(result, JSON.stringify({ ...whole, ...changes }));
      assert.throws(() => readResult(inFolder("a run")), {
        name: "InputError",
        message: `${result} ${message} Was it edited? ddpg resume writes it again, from the checkpoint.`,
      });
    }
  });

  it("warns once about what slows learning down", async () => {
    // It also holds a timer, which must not keep the program from ending.
    writeModule("wide.js", {
      tail: "setInterval(() => {}, 1000);",
      step: "return { observation: [1000 * this.x, 0.5], reward: 0, terminated: ended };",
    });
    const args = ["train", "wide.js", "--preset", "small", ...brief, "--out"];
    const { code, stderr } = await ddpg(...args, "wide");
    assert.equal(code, 0);
    assert.equal(stderr.match(/observation\[0\]: expected a standard deviation/g)?.length, 1);
    const scaled = await ddpg(...args, "scaled", "--observation-scale", "0.001,1");
    assert.doesNotMatch(scaled.stderr, /observation\[0\]/);
  });
});

describe("several seeds", { concurrency: true, timeout: 60_000 }, () => {
  it("are reported in plain lines if there is no terminal, with one summary", async () => {
    const output = await succeed("train", "cart.js", "--preset", "small", "--seeds", "1..5", ...brief, "--out", "five");
    assert.match(output, /^seeds +1, 2, …, 5$/m);
    assert.match(output, /^records +five\/seed1, five\/seed2, …, five\/seed5$/m);
    for (let seed = 1; seed <= 5; seed++) {
      assert.ok(output.includes(`\nseed ${seed}  started, records in five/seed${seed}\n`), output);
      assert.match(
        output,
        new RegExp(
          `^seed ${seed} {2}-[\\d.]+ ± [\\d.]+, best -[\\d.]+ ± [\\d.]+ {2}[\\d,]+ steps/s {2}five/seed${seed}$`,
          "m",
        ),
      );
      const { fingerprint, bestEvaluation } = readResult(inFolder("five", `seed${seed}`));
      assert.ok(bestEvaluation);
      const row = `^ +${seed} {2}-[\\d.]+ ± [\\d.]+ +-[\\d.]+ ± [\\d.]+ .* ${fingerprint} {2}five/seed${seed}$`;
      assert.match(output, new RegExp(row, "m"));
    }
    assert.equal(output.match(/^seed \d/gm)?.length, 10);
    assert.match(
      output,
      /^return +-\d[\d.]+, interquartile mean over 5 seeds; 95 % bootstrap interval -[\d.]+ to -[\d.]+$/m,
    );
    assert.ok(output.endsWith(` npx ddpg report ${[1, 2, 3, 4, 5].map((seed) => `five/seed${seed}`).join(" ")}\n`));
    assert.ok(!output.includes("\r") && !output.includes("\x1b"));
  });

  it("do not affect each other if some fail, and end with code 1", async () => {
    // Seed 1 never starts that far right. Each of the others does in one of its episodes.
    writeModule("edge.js", {
      reset: `
    if (this.x > 0.992) process.kill(process.pid, "SIGKILL");
    if (this.x > 0.988) throw new Error("Too far right.");
    if (this.x > 0.97 && this.x < 0.98) process.exit(0);`,
    });
    const args = ["train", "edge.js", "--preset", "small", "--seeds", "1..4", ...brief, "--out", "edge"];
    const { code, stdout, stderr } = await ddpg(...args);
    assert.equal(code, 1);
    const lines = stderr.split("\n").map((line) => line.replace(/^(ddpg: seed 4: edge\.js) .* step \d+:/, "$1 …:"));
    assert.deepEqual(lines.sort(), [
      "",
      "    at Cart.reset (edge.js:11:31)",
      "    at Cart.reset (edge.js:12:49)",
      "ddpg: seed 2: edge.js episode 3 step 0: Too far right.",
      "ddpg: seed 3: was killed (SIGKILL), manually or by the system because memory ran out",
      "ddpg: seed 4: edge.js …: the environment ended the process with exit code 0. Throw an error instead of calling process.exit.",
    ]);
    assert.match(stdout, /^ +1 {2}-[\d.]+ ± .* edge\/seed1$/m);
    assert.match(stdout, /^ +2 {2}failed after 100 steps .* edge\/seed2$/m);
    assert.match(stdout, /^ +3 {2}failed without a result .* edge\/seed3$/m);
    assert.match(stdout, /^failed +3 of 4 seeds: 2, 3, 4\nreport +npx ddpg report edge\/seed1$/m);
    assert.match(readResult(inFolder("edge/seed2")).failed ?? "", /Too far right\.$/);
  });

  it("warn once for all of them, and name the seed", async () => {
    writeModule("scaled.js", {
      // After the check, so that training gives the warning.
      start: "let total = 0;\nexport default class Cart {",
      step: `const scale = ++total > 2200 ? 1000 : 1;
    return { observation: [scale * this.x, action[0]], reward: 0, terminated: false, truncated: ended };`,
    });
    const { code, stderr } = await ddpg("train", "scaled.js", "--preset", "small", "--seeds", "3,4", ...brief);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^ddpg: warning: seed [34]: observation\[0\]: .*\n$/);
  });
});
