// Measures how long it takes to solve Pendulum-v1 from a cold start: `npm run bench:solve`. The clock starts when the process
// is spawned and stops while the policy is evaluated. "Solved" is a mean return of −160 or more over the 1,000 fixed starts of
// `evaluate`. Compares with the same loop and settings (preset `small`) in PyTorch, taking turns seed by seed. With --sb3 it
// also runs Stable-Baselines3 with the settings that its authors tuned for this task. These settings are different, so only
// the time of its 20,000 steps, and whether they solve the task, can be compared.
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../scripts/build.js";
import { installed, lastCores, onCores, ours, oursInRecord } from "./contenders.js";
import { choicesHelp, flag, pythonOf, readOptions, text } from "./options.js";
import { median, origin, output, recordFile } from "./runner.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const help = `npm run bench:solve -- [options]
  --seeds <n>        runs of each contender (5)
  --sb3              also one run of Stable-Baselines3, which takes minutes
${choicesHelp}
  --python <path>    the Python that has the other programs (PYTHON, or python3)
  --threads <n>      threads of each contender, 1 or 2 (1)
  --write            record in docs/results/solve.<processor>.json
`;

/** The steps after which the policy is evaluated, until it has solved the task or has made all steps. */
const schedule = { evaluateFrom: 1000, evaluateEvery: 250, steps: 5000, solved: -160 };

const options = readSolveOptions();
await build();
const { Pendulum, Random, presets } = await import("ddpg");
const starts = JSON.stringify(fixedStarts(1000));
const { python, threads } = options;
const pytorch = { name: "PyTorch", program: "pytorch_solve.py", modules: ["torch", "numpy"] };
const sb3 = {
  name: "Stable-Baselines3, other settings",
  program: "sb3.py",
  modules: ["stable_baselines3", "gymnasium"],
  once: true,
};
const contenders = [
  ...ours({ ...options, tell: console.log }, "solve.js"),
  ...installed([pytorch, { ...pytorch, name: "PyTorch, tuned", args: ["--tuned"] }], python, console.log),
  ...installed(options.sb3 ? [sb3] : [], python, console.log),
];
const bound = { threads, boundToCores: lastCores(threads) };
const record = { ...origin(root), ours: oursInRecord(contenders), ...bound, schedule, runs: [] };
for (let seed = 1; seed <= options.seeds; seed++) {
  for (const contender of contenders) {
    if (seed === 1 || !contender.once) await run(contender, seed);
  }
}
printMedians();
if (options.write) {
  const target = recordFile(root, "solve", record);
  fs.writeFileSync(target, `${JSON.stringify(record)}\n`.replaceAll('{"name"', '\n{"name"'));
  console.log(`Recorded in ${path.relative(process.cwd(), target)}.`);
}

/** The angle and speed at the start of each of the first `count` episodes of `evaluate`. */
function fixedStarts(count) {
  const random = new Random("evaluation");
  const pendulum = new Pendulum();
  return Array.from({ length: count }, (_, i) => {
    const [cos, sin, speed] = pendulum.reset(random.fork(`start ${i}`));
    return [Math.atan2(sin, cos), speed];
  });
}

/** One run in a new process. The clock starts here. */
async function run(contender, seed) {
  const config = { ...presets.small, observationSize: 3, actionSize: 1 };
  const job = JSON.stringify({ ...schedule, seed, config, spawned: Date.now() / 1000 });
  const bound = onCores(contender, threads);
  try {
    const result = JSON.parse(await output(bound, [job], { input: starts, patience: 3600 }));
    record.runs.push({ name: contender.name, seed, ...result });
    const { solved, steps, seconds, meanReturn } = result;
    const said = `${solved ? "solved" : "not solved"} after ${steps} steps, ${seconds.toFixed(2)} s`;
    console.log(`${contender.name}, seed ${seed}: ${said} (mean return ${meanReturn.toFixed(0)})`);
  } catch (error) {
    process.exitCode = 1;
    console.error(`${contender.name}, seed ${seed}: FAILED: ${error.message}`);
  }
}

function printMedians() {
  const names = [...new Set(record.runs.map(({ name }) => name))];
  const runsOf = (wanted) => record.runs.filter(({ name }) => name === wanted);
  record.medians = names.map((name) => {
    const runs = runsOf(name);
    // A seed that did not solve the task counts as slower than any seed that did.
    const seconds = median(runs.map((one) => (one.solved ? one.seconds : Number.POSITIVE_INFINITY)));
    const solved = runs.filter((one) => one.solved).length;
    return { name, runs: runs.length, solved, seconds: Number.isFinite(seconds) ? seconds : null };
  });
  console.log("\nMedians of the seconds to solve it:");
  for (const { name, runs, solved, seconds } of record.medians) {
    const times = seconds && record.medians[0].seconds ? `, ${(seconds / record.medians[0].seconds).toFixed(1)}×` : "";
    console.log(`  ${name.padEnd(36)}${seconds?.toFixed(2) ?? "–"} s${times}, ${solved} of ${runs} seeds`);
  }
}

function readSolveOptions() {
  const own = {
    ...{ sb3: flag, write: flag, python: text },
    seeds: { ...text, default: "5" },
    threads: { ...text, default: "1" },
  };
  return readOptions("solve.js", help, own, (values) => {
    const [seeds, threads] = [Number(values.seeds), Number(values.threads)];
    if (!(seeds >= 1 && threads >= 1)) throw new Error("--seeds and --threads: numbers of at least 1");
    return { python: pythonOf(values), seeds, threads };
  });
}
