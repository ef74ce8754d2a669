// Measures how fast ddpg and other programs learn: `npm run bench -- --peers`. Prints tables and, with --write or --output,
// records every round as JSON. contenders.js lists the programs, runner.js measures them.
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../scripts/build.js";
import { contenders, lastCores, oursInRecord } from "./contenders.js";
import { choicesHelp, flag, pythonOf, readOptions, text } from "./options.js";
import { measureRoofline } from "./roofline.js";
import { measure, origin, output, recordFile, writeRecord } from "./runner.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const help = `npm run bench -- [options]
  --peers            also measure PyTorch, JAX, NumPy and TensorFlow.js, if they are installed
  --python <path>    the Python that has them (PYTHON, or python3)
${choicesHelp}
  --threads <n>      threads of each contender, 1 or 2 (1)
  --sizes <a,b>      only these sizes
  --rounds <n>       measurements of each contender (7)
  --seconds <s>      approximate length of one measurement (0.5)
  --sections <a>     only update, only loop, or none of both
  --write            record in docs/results/speed.<processor>.json, or speed-<n>-threads.<processor>.json
  --output <file>    record in this file
  --check            instead, check that all contenders make the recorded updates of fixtures/update
`;

/** The hidden layers of both networks and the size of the minibatch. */
const sizes = {
  "64-64/B64": { hidden: [64, 64], batchSize: 64, observationSize: 3, actionSize: 1 },
  "400-300/B64": { hidden: [400, 300], batchSize: 64, observationSize: 17, actionSize: 6 },
  "256-256/B256": { hidden: [256, 256], batchSize: 256, observationSize: 17, actionSize: 6 },
  "400-300/B256": { hidden: [400, 300], batchSize: 256, observationSize: 17, actionSize: 6 },
  "numpy preset": { observationSize: 3, actionSize: 1 },
};

/** What is measured at each size. The whole loop acts with noise, steps Pendulum-v1, stores the transition and updates. */
const sections = {
  update: { title: "A minibatch from the replay buffer and one update", unit: "updates/s" },
  loop: { title: "The whole loop on Pendulum-v1, one update per step", unit: "steps/s" },
};

const options = readSpeedOptions();
let failed = false;
await build();
const list = contenders({ ...options, withPeers: options.peers || options.check, tell: console.log });
process.exitCode = (await (options.check ? checkAll() : measureAll())) ? 0 : 1;

async function measureAll() {
  const { presets } = await import("ddpg");
  const { threads, rounds, seconds } = options;
  const bound = { threads, boundToCores: lastCores(threads) };
  const record = { ...origin(root), ours: oursInRecord(list), ...bound, rounds, seconds, sections: [] };
  const kind = threads === 1 ? "speed" : `speed-${threads}-threads`;
  const file = options.output ?? (options.write ? recordFile(root, kind, record) : null);
  if (threads === 1) record.roofline = await rooflines();
  else record.threading = await threadings();
  for (const measured of options.sections) {
    const { title, unit } = sections[measured];
    console.log(`\n${title}: ${unit}, and the first rate divided by each`);
    const section = { measure: measured, unit, sizes: [] };
    record.sections.push(section);
    for (const size of options.sizes) {
      const task = taskFor(presets, measured, size);
      const { results, failures } = await measure(list, task, { rounds, seconds });
      printResults(size, results, failures);
      section.sizes.push({ name: size, results, failures });
    }
    // After each section, so that an interruption does not lose those before it.
    if (file) writeRecord(file, record);
  }
  if (file && options.sections.length === 0) writeRecord(file, record);
  const sound = !failed && !record.roofline?.doubts.length && !record.roofline?.failures.length;
  return sound && record.sections.every((section) => section.sizes.every(({ failures }) => failures.length === 0));
}

/** The machine's peak rate, and how close each of our contenders comes to it. */
async function rooflines() {
  console.log("\nThe machine's rate of multiply-adds without memory, and the share that the kernels reach: GFLOP/s");
  const ours = list.filter(({ name }) => name.startsWith("ddpg"));
  const { results, doubts, failures } = await measureRoofline(ours, chosenSizes(), options.rounds);
  for (const { name, peak, products, updates, acting, policies, exported, besides, profile } of results) {
    console.log(`  ${name}: ${peak?.toFixed(1) ?? "not measured, because there is no C compiler"}`);
    const lines = [...products, ...updates.map((update) => ({ ...update, name: `update ${update.name}` }))];
    for (const { name, value, share } of lines) {
      console.log(`    ${name.padEnd(36)}${value.toFixed(1).padStart(9)}${percent(share).padStart(9)}`);
    }
    for (const [label, list] of Object.entries({
      "agent.act": acting,
      "policy.act": policies,
      "exported act": exported,
    })) {
      for (const { name, value } of list)
        console.log(`    ${`${label} ${name}`.padEnd(30)}${value.toFixed(2).padStart(9)} µs`);
    }
    for (const { name, value } of besides) {
      console.log(`    ${`step besides update ${name}`.padEnd(35)}${(100 * value).toFixed(1).padStart(4)} %`);
    }
    for (const { name, parts } of profile) {
      console.log(`    time in ${name}: ${parts.map(({ kernel, share }) => `${kernel} ${percent(share)}`).join(", ")}`);
    }
  }
  for (const doubt of doubts) console.log(`  WRONG MEASUREMENT, faster than the machine can be: ${doubt}`);
  for (const { name, message } of failures) console.log(`  ${name}   FAILED: ${message}`);
  return { results, doubts, failures };
}

function percent(share) {
  return share === null ? "–" : `${Math.round(100 * share)} %`;
}

/** How much faster each of our contenders is with several threads. */
async function threadings() {
  console.log(`\nUpdates/s with one thread, with ${options.threads} threads, and their ratio`);
  const results = [];
  for (const { name, ...contender } of list.filter(({ name }) => name.startsWith("ddpg"))) {
    const program = path.join(root, "bench/peers/ours-threads.js");
    const args = contender.args.map((arg) => (path.basename(arg) === "ours.js" ? program : arg));
    const task = { threads: options.threads, sizes: chosenSizes(), rounds: options.rounds };
    const measured = await output({ ...contender, args }, [JSON.stringify(task)]).then(JSON.parse, (error) => error);
    if (measured instanceof Error) {
      failed = true;
      console.log(`  ${name}   FAILED: ${measured.message}`);
      continue;
    }
    results.push({ name, sizes: measured });
    console.log(`  ${name}`);
    for (const { name, one, several, threads, ratio } of measured) {
      const rates = [one, several].map((value) => Math.round(value).toLocaleString("en").padStart(9)).join("");
      const used = threads === 1 ? "   one thread is used" : "";
      console.log(`    ${name.padEnd(20)}${rates}${`${ratio.toFixed(2)}×`.padStart(9)}${used}`);
    }
  }
  return results;
}

function chosenSizes() {
  return Object.fromEntries(options.sizes.map((name) => [name, sizes[name]]));
}

/** The task for a child. Its config uses the names of our settings; the warm-up fills every contender's buffer equally. */
function taskFor(presets, measured, size) {
  const { hidden, batchSize, ...spaces } = sizes[size];
  const preset = hidden ? "standard" : "numpy";
  const changes = hidden ? { actorHiddenSizes: hidden, criticHiddenSizes: hidden, batchSize } : {};
  const config = { ...presets[preset], ...changes, warmupSteps: 10_000, ...spaces };
  if (measured === "loop") Object.assign(config, { observationSize: 3, actionSize: 1 });
  return { measure: measured, preset, threads: options.threads, config };
}

function printResults(size, results, failures) {
  console.log(`  ${size}`);
  for (const { name, version, median, ratio } of results) {
    const rate = median.toPrecision(3).includes("e") ? Math.round(median) : Number(median.toPrecision(3));
    const times = ratio === null ? "" : `${ratio.toFixed(2)}×`;
    console.log(`    ${name.padEnd(36)}${rate.toLocaleString("en").padStart(9)}${times.padStart(9)}   ${version}`);
  }
  for (const { name, message } of failures) {
    console.log(`    ${name.padEnd(36)}   FAILED: ${message.replaceAll("\n", `\n${" ".repeat(8)}`)}`);
  }
}

/** Makes ten recorded updates with every contender; true if none differs by more than Float32 rounding. */
async function checkAll() {
  const fixture = path.join(root, "fixtures/update/action-at-input.json");
  let good = true;
  for (const contender of list) {
    const differences = await output(contender, ["--check", fixture]).then(JSON.parse, (error) => error);
    const values = [differences[1], differences[10]];
    const same = values.every((value) => typeof value === "number" && value <= 1e-5);
    good &&= same;
    const said = differences instanceof Error ? differences.message : values.map((x) => x?.toExponential(1)).join(", ");
    console.log(`${same ? "same   " : "DIFFERS"}  ${contender.name.padEnd(36)}  ${said}`);
  }
  console.log("The largest difference of a parameter after one update and after ten. Up to 1e-5 counts as the same.");
  return good;
}

function readSpeedOptions() {
  const own = {
    ...{ peers: flag, check: flag, write: flag, output: text, python: text, sizes: text },
    sections: text,
    threads: { ...text, default: "1" },
    rounds: { ...text, default: "7" },
    seconds: { ...text, default: "0.5" },
  };
  return readOptions("speed.js", help, own, (values) => {
    const chosen = values.sizes?.split(",") ?? Object.keys(sizes);
    for (const size of chosen) expect(Object.hasOwn(sizes, size), `--sizes: one of ${Object.keys(sizes)}`, size);
    const measured = values.sections === "none" ? [] : (values.sections?.split(",") ?? Object.keys(sections));
    for (const each of measured) expect(Object.hasOwn(sections, each), "--sections: update, loop, or none", each);
    const number = (name, min) => {
      expect(Number(values[name]) >= min, `--${name}: a number of at least ${min}`, values[name]);
      return Number(values[name]);
    };
    return {
      python: pythonOf(values),
      sizes: chosen,
      sections: measured,
      threads: number("threads", 1),
      rounds: number("rounds", 1),
      seconds: number("seconds", 0.001),
      output: values.output ? path.resolve(values.output) : null,
    };
  });
}

function expect(good, expected, got) {
  if (!good) throw new Error(`${expected}, got "${got}"`);
}
