// Measures the whole loop on HalfCheetah-v5 with the preset `standard`: act with noise, step, store, update. Compares it with
// PyTorch, Gymnasium and its MuJoCo on the same number of threads: `npm run bench:cheetah`.
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "../scripts/build.js";
import { installed, lastCores, onCores, ours } from "./contenders.js";
import { measure, origin } from "./runner.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const record = path.join(root, "docs/results/speed-cheetah.json");

const help = `npm run bench:cheetah -- [options]
  --node <path>    run ddpg with this Node; may be given several times (this Node)
  --simd <bits>    width of ddpg's vectors, 128 or 256; may be given several times (128)
  --python <path>  the Python that has PyTorch, Gymnasium and MuJoCo (PYTHON, or python3)
  --threads <n>    threads of each contender; may be given several times (1 and 2)
  --rounds <n>     measurements of each contender (7)
  --seconds <s>    approximate length of one measurement (2)
  --write          record in ${path.relative(root, record)}
`;

const options = readOptions();
await build();
const { environments, presets } = await import("ddpg");
const environment = "HalfCheetah-v5";
const { observationSize, actionLow } = environments[environment];
const config = { ...presets.standard, observationSize, actionSize: actionLow.length };
const modules = ["torch", "numpy", "gymnasium", "mujoco"];
const peers = [
  { name: "PyTorch", modules, program: "pytorch_optim.py" },
  { name: "PyTorch, tuned", modules, program: "pytorch.py" },
];
const contenders = [
  ...ours(options.node, options.simd, "ours.js"),
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
      `  ${name.padEnd(30)}${Math.round(median).toLocaleString("en").padStart(7)}${times.padStart(9)}   ${version}`,
    );
  }
  for (const { name, message } of failures) {
    process.exitCode = 1;
    console.error(`  ${name}: FAILED: ${message}`);
  }
}
if (options.write) {
  const rounded = (_, value) => (typeof value === "number" ? Number(value.toPrecision(5)) : value);
  const all = { ...origin(root), environment, batchSize: config.batchSize, rounds, seconds, measured };
  fs.writeFileSync(record, `${JSON.stringify(all, rounded, 1)}\n`);
  console.log(`\nRecorded in ${path.relative(process.cwd(), record)}.`);
}

function readOptions() {
  const text = { type: "string" };
  const many = { type: "string", multiple: true };
  const flag = { type: "boolean", default: false };
  try {
    const { values } = parseArgs({
      options: {
        ...{ write: flag, help: flag, python: text },
        node: { ...many, default: [process.execPath] },
        simd: { ...many, default: ["128"] },
        threads: { ...many, default: ["1", "2"] },
        rounds: { ...text, default: "7" },
        seconds: { ...text, default: "2" },
      },
    });
    if (values.help) {
      console.log(help);
      process.exit(0);
    }
    const [simd, threads] = [values.simd.map(Number), values.threads.map(Number)];
    const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
    const good = simd.every((bits) => [128, 256].includes(bits)) && threads.every((n) => n >= 1);
    if (!(good && rounds >= 1 && seconds > 0)) throw new Error("a number that is none, or not one of those below");
    return { ...values, simd, threads, rounds, seconds, python: values.python ?? process.env.PYTHON ?? "python3" };
  } catch (error) {
    console.error(`bench/cheetah.js: ${error.message}\n\n${help}`);
    process.exit(2);
  }
}
