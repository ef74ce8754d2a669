// Measures the whole loop on HalfCheetah-v5 with the preset `standard`: act with noise, step, store, update. Compares it with
// PyTorch, Gymnasium and its MuJoCo on the same number of threads: `npm run bench:cheetah`.
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../scripts/build.js";
import { installed, lastCores, onCores, ours, oursInRecord } from "./contenders.js";
import { choicesHelp, flag, pythonOf, readOptions, text } from "./options.js";
import { measure, origin, recordFile, writeRecord } from "./runner.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const help = `npm run bench:cheetah -- [options]
${choicesHelp}
  --python <path>    the Python that has PyTorch, Gymnasium and MuJoCo (PYTHON, or python3)
  --threads <n>      threads of each contender; may be given several times (1 and 2)
  --rounds <n>       measurements of each contender (7)
  --seconds <s>      approximate length of one measurement (2)
  --write            record in docs/results/speed-cheetah.<processor>.json
`;

const options = readCheetahOptions();
await build();
const { environments, presets } = await import("ddpg");
const environment = "HalfCheetah-v5";
const { observationSize, actionLow } = environments[environment];
const config = { ...presets.standard, observationSize, actionSize: actionLow.length };
// Gymnasium needs the last two for its MuJoCo tasks.
const modules = ["torch", "numpy", "gymnasium", "mujoco", "imageio", "packaging"];
const peers = [
  { name: "PyTorch", modules, program: "pytorch_optim.py" },
  { name: "PyTorch, tuned", modules, program: "pytorch.py" },
];
const contenders = [
  ...ours({ ...options, tell: console.log }, "ours.js"),
  ...installed(peers, options.python, console.log),
].map((contender) => ({ ...contender, runs: () => true }));
const { rounds, seconds } = options;
const measured = [];
for (const threads of options.threads) {
  console.log(`\nThe whole loop on ${environment}, ${threads === 1 ? "one thread" : `${threads} threads`}: steps/s`);
  const list = contenders.map((contender) => onCores(contender, threads));
  const task = { measure: "loop", environment, threads, config };
  const { results, failures } = await measure(list, task, { rounds, seconds });
  measured.push({ threads, boundToCores: lastCores(threads), results, failures });
  for (const { name, median, ratio, version } of results) {
    const times = ratio === null ? "" : `${ratio.toFixed(2)}×`;
    console.log(
      `  ${name.padEnd(36)}${Math.round(median).toLocaleString("en").padStart(7)}${times.padStart(9)}   ${version}`,
    );
  }
  for (const { name, message } of failures) {
    process.exitCode = 1;
    console.error(`  ${name}: FAILED: ${message}`);
  }
}
if (options.write) {
  const made = { ...origin(root), ours: oursInRecord(contenders) };
  const record = { ...made, environment, batchSize: config.batchSize, rounds, seconds, measured };
  writeRecord(recordFile(root, "speed-cheetah", record), record);
}

function readCheetahOptions() {
  const own = {
    ...{ write: flag, python: text },
    threads: { ...text, multiple: true, default: ["1", "2"] },
    rounds: { ...text, default: "7" },
    seconds: { ...text, default: "2" },
  };
  return readOptions("cheetah.js", help, own, (values) => {
    const threads = values.threads.map(Number);
    const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
    const good = threads.every((n) => n >= 1);
    if (!(good && rounds >= 1 && seconds > 0)) throw new Error("a number that is none, or not one of those below");
    return { threads, rounds, seconds, python: pythonOf(values) };
  });
}
