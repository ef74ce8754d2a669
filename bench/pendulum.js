// Measures the learning results of docs/results.md, from which `npm run figures` draws: `node bench/pendulum.js small|robust|numpy|paper|joint`.
// Every seed is one child process, two at a time. Results are written to docs/results/ seed by seed, and seeds that are
// already there are not run again, so the program can be interrupted and restarted. If all of them are there, it trains them
// again, without evaluations, and compares fingerprints with the records, which stay as they are. A number after the name
// limits that to the first seeds. DDPG_RESULTS names another folder than docs/results.
import { execFileSync, fork } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../scripts/build.js";

const file = fileURLToPath(import.meta.url);
const root = path.dirname(path.dirname(file));

const experiments = {
  // The preset was chosen with seeds 1 to 150, so other seeds measure it.
  small: {
    output: "pendulum-small.json",
    environment: "Pendulum-v1",
    steps: 5000,
    seeds: Array.from({ length: 50 }, (_, i) => 201 + i),
    variants: { small: { preset: "small" } },
    // The policy is evaluated at these steps, over `episodes` fixed starts.
    evaluateFrom: 1000,
    evaluateEvery: 250,
    episodes: 1000,
  },
  // Chosen with seed 101.
  robust: {
    output: "pendulum-robust.json",
    environment: "Pendulum-v1",
    steps: 5000,
    seeds: Array.from({ length: 50 }, (_, i) => 201 + i),
    variants: { robust: { preset: "robust" } },
    evaluateFrom: 2500,
    evaluateEvery: 500,
    episodes: 1000,
  },
  numpy: {
    output: "pendulum-v0-numpy.json",
    environment: "Pendulum-v0",
    steps: 40_000,
    seeds: [1, 2, 3, 4, 5],
    variants: { numpy: { preset: "numpy" } },
    evaluateFrom: 40_000,
    evaluateEvery: 40_000,
    episodes: 100,
  },
  paper: {
    output: "pendulum-paper.json",
    environment: "Pendulum-v1",
    steps: 30_000,
    seeds: [1, 2, 3, 4, 5],
    // The records in docs/results have these names, so their spelling stays.
    variants: {
      "with batch normalisation": { preset: "paper" },
      "without batch normalisation": { preset: "paper", normalization: "none" },
    },
    evaluateFrom: 0,
    evaluateEvery: 1000,
    episodes: 100,
  },
  // Chosen with seeds 101 and 102.
  joint: {
    output: "pendulum-joint.json",
    environment: "Pendulum-v1",
    steps: 30_000,
    seeds: [1, 2, 3, 4, 5],
    variants: {
      "joint batch normalization": {
        ...{ preset: "paper", batchNormPass: "joint", batchNormEpsilon: 1e-3, adamBeta1: 0.5, actorDelay: 3 },
        ...{ actorLearningRate: 1e-3, criticWeightDecay: 0 },
      },
    },
    evaluateFrom: 0,
    evaluateEvery: 1000,
    episodes: 100,
  },
};

if (process.send) process.once("message", (job) => runSeed(job));
else await runAll(process.argv[2], process.argv[3]);

async function runSeed({ name, variant, seed, arithmetic, isAgain }) {
  const { Ddpg, environments, evaluate, train } = await import("ddpg");
  const { environment: id, steps, variants, evaluateFrom, evaluateEvery, episodes } = experiments[name];
  const environment = await environments[id].create();
  const agent = await Ddpg.create(environment, { seed, arithmetic, ...variants[variant] });
  const evaluations = [];
  const returns = [];
  let seconds = 0;
  let solved = null;
  let last = null;
  let start = performance.now();
  for await (const { step, episode } of train(agent, environment)) {
    if (episode) returns.push(Math.round(episode.return * 100) / 100);
    if (!isAgain && step >= evaluateFrom && step % evaluateEvery === 0) {
      seconds += (performance.now() - start) / 1000;
      last = await evaluate(agent, await environments[id].create(), { episodes });
      evaluations.push([step, Math.round(last.meanReturn * 100) / 100]);
      if (solved === null && last.meanReturn >= -160) solved = { step, seconds: round(seconds) };
      start = performance.now();
    }
    if (step === steps) break;
  }
  // Evaluations change nothing in training, so that the fingerprint is the same without them.
  if (isAgain) process.send({ fingerprint: agent.fingerprint() });
  else
    process.send({
      seed,
      solvedStep: solved?.step ?? null,
      solvedSeconds: solved?.seconds ?? null,
      finalMeanReturn: round(last.meanReturn),
      finalStandardError: round(last.standardError),
      seconds: round(seconds),
      fingerprint: agent.fingerprint(),
      evaluations,
      episodes: returns,
    });
  process.disconnect();
}

async function runAll(name, first) {
  if (!Object.hasOwn(experiments, name ?? "")) {
    console.error(`bench/pendulum.js: expected one of ${Object.keys(experiments).join(", ")}, got "${name ?? ""}".`);
    process.exit(2);
  }
  if (first !== undefined && !(Number(first) >= 1)) {
    console.error(`bench/pendulum.js: expected a number of seeds, got "${first}".`);
    process.exit(2);
  }
  await build();
  const { output, environment, steps, seeds, variants, episodes } = experiments[name];
  const target = path.join(process.env.DDPG_RESULTS ?? path.join(root, "docs/results"), output);
  const results = fs.existsSync(target)
    ? JSON.parse(fs.readFileSync(target, "utf8"))
    : { ...origin(), environment, steps, arithmetic: "portable", evaluationEpisodes: episodes, variants: [] };
  // Records from before 0.2 name none.
  const { arithmetic = "portable" } = results;
  for (const variant of Object.keys(variants)) {
    if (!results.variants.some((entry) => entry.name === variant)) results.variants.push({ name: variant, runs: [] });
  }
  const queue = results.variants.flatMap(({ name: variant, runs }) =>
    seeds.filter((seed) => !runs.some((run) => run.seed === seed)).map((seed) => ({ name, variant, seed, arithmetic })),
  );
  if (queue.length === 0) {
    process.exitCode = (await isAsRecorded(name, results.variants, arithmetic, Number(first ?? Infinity))) ? 0 : 1;
    return;
  }
  const work = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) {
      const result = await inChild(job);
      const { runs } = results.variants.find((entry) => entry.name === job.variant);
      runs.push(result);
      runs.sort((a, b) => a.seed - b.seed);
      fs.writeFileSync(`${target}.new`, `${JSON.stringify(results)}\n`.replaceAll('{"seed"', '\n{"seed"'));
      fs.renameSync(`${target}.new`, target);
      console.log(`${job.variant} seed ${job.seed}: ${result.finalMeanReturn} after ${result.seconds} s`);
    }
  };
  await Promise.all([work(), work()]);
}

/** Trains the recorded seeds again, and says how many have the fingerprint of their record; whether all have. */
async function isAsRecorded(name, variants, arithmetic, first) {
  const jobs = variants.flatMap(({ name: variant, runs }) =>
    runs
      .slice(0, first)
      .map(({ seed, fingerprint }) => ({ name, variant, seed, arithmetic, isAgain: true, fingerprint })),
  );
  const total = jobs.length;
  console.log(`All records are there. Training ${total} seeds again, to compare their fingerprints.`);
  let same = 0;
  const work = async () => {
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      const { fingerprint } = await inChild(job);
      if (fingerprint === job.fingerprint) same++;
      else console.log(`${job.variant} seed ${job.seed}: ${fingerprint}, recorded ${job.fingerprint}`);
    }
  };
  await Promise.all([work(), work()]);
  console.log(`${same} of ${total} fingerprints as recorded.`);
  return same === total;
}

function inChild(job) {
  return new Promise((resolve, reject) => {
    const child = fork(file, { cwd: root });
    child.send(job);
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`seed ${job.seed} ended with ${code}`)));
  });
}

function origin() {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  const machine = `${os.cpus()[0].model.trim()}, two runs at a time, Node ${process.versions.node}`;
  return { commit, machine };
}

function round(x) {
  return Math.round(x * 1000) / 1000;
}
