// Makes the measurements of bench/roofline.js in the process of one contender, and prints them as JSON.
import { setFlagsFromString } from "node:v8";
import { Ddpg, Pendulum, Random, train } from "ddpg";
import { nodeBackend } from "ddpg/node";
import { allocateMatrix } from "../../dist/nn/parameters.js";
import { median } from "../runner.js";

const bits = process.argv.includes("256") ? 256 : 128;
const { loops, sizes, rounds } = JSON.parse(process.argv.at(-1));
const backend = await nodeBackend({ wide: bits === 256 });
if (backend.vectorBits !== bits) throw new Error(backend.notes.join());

/** M × K × N: C [M, N] = A [M, K] · B [K, N]; with ᵀ, A is stored transposed, as for a weight gradient. */
const products = [
  [256, 256, 256, ""],
  [256, 256, 256, "ᵀ"],
  [64, 400, 300, ""],
  [64, 64, 64, ""],
];

const tasks = [...(await peakTasks()), ...(await productTasks()), ...(await agentTasks()), ...(await loopTasks())];
for (const task of tasks) {
  await seconds(task, 100); // compiles it and loads its data into the cache
  task.times = Math.max(1, Math.round(2 / (await seconds(task, 100))));
  await seconds(task, task.times);
  task.rounds = [];
}
for (let round = 0; round < rounds; round++) {
  for (const task of tasks) {
    task.prepare?.();
    task.rounds.push((await seconds(task, task.times)) / task.times);
  }
}

const of = (kind) => tasks.filter((task) => task.kind === kind);
const steps = of("step");
const rate = ({ name, flops, rounds }) => ({ name, value: flops / median(rounds) / 1e9 });
const result = {
  version: `Node ${process.versions.node}`,
  bits,
  peak: Math.max(...of("peak").map((task) => rate(task).value)),
  products: of("product").map(rate),
  updates: of("update").map(rate),
  acting: of("acting").map(({ name, rounds }) => ({ name, value: median(rounds) * 1e6 })),
  besides: of("loop update").map(({ name, rounds }, i) => ({
    name,
    value: 1 - median(rounds.map((update, round) => update / steps[i].rounds[round])),
  })),
};
console.log(JSON.stringify(result));

/** One module for each number of chains, because the best number depends on the processor. */
async function peakTasks() {
  const flags = ["liftoff", "wasm-inlining"];
  if (bits === 256) for (const flag of flags) setFlagsFromString(`--no-${flag}`);
  if (bits === 256) setFlagsFromString("--experimental-wasm-revectorize");
  const found = [];
  for (const { sums, [bits]: encoded } of loops) {
    const module = await WebAssembly.compile(Buffer.from(encoded, "base64"));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    new Float32Array(memory.buffer).fill(0.5);
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
    exports.loop(0, 1);
    const times = 1000;
    found.push({
      kind: "peak",
      name: `${sums}`,
      flops: times * sums * (bits / 32) * 2,
      run: () => exports.loop(0, times),
    });
  }
  if (bits === 256) for (const flag of flags) setFlagsFromString(`--${flag}`);
  if (bits === 256) setFlagsFromString("--no-experimental-wasm-revectorize");
  return found;
}

async function productTasks() {
  const found = [];
  for (const [M, K, N, transposed] of products) {
    const kernels = await backend.create(Math.ceil(1.3 * (M * K + K * N + M * N)), () => 0);
    const random = new Random(1);
    const [a, b, c] = [transposed ? [K, M] : [M, K], [K, N], [M, N]].map(([rows, columns]) => {
      return randomize(allocateMatrix(kernels, rows, columns), random);
    });
    const left = transposed ? a.transposed : a;
    found.push({
      kind: "product",
      name: `${M} × ${K}${transposed} × ${N}`,
      flops: 2 * M * K * N,
      run: () => kernels.multiply(c, left, b, null),
    });
  }
  return found;
}

async function agentTasks() {
  const found = [];
  for (const [name, { hidden, batchSize, observationSize, actionSize }] of Object.entries(sizes)) {
    if (!hidden) continue;
    const spaces = { observationSize, actionLow: Array(actionSize).fill(-1), actionHigh: Array(actionSize).fill(1) };
    const agent = await Ddpg.create(spaces, {
      actorHiddenSizes: hidden,
      criticHiddenSizes: hidden,
      batchSize,
      backend,
    });
    const random = new Random(1);
    const { observation, action, nextObservation, reward } = agent.minibatch;
    // A new minibatch in every round: on one that the networks have fitted, the gradients would vanish.
    const prepare = () => {
      for (const x of [observation, action, nextObservation]) randomize(x, random);
      for (let i = 0; i < reward.length; i++) reward[i] = random.uniform(-1, 0);
    };
    prepare();
    const flops = 2 * batchSize * updateProducts(hidden, observationSize, actionSize);
    found.push({ kind: "update", name, flops, prepare, run: () => agent.update() });
    const one = Array.from({ length: observationSize }, () => random.uniform(-1, 1));
    found.push({ kind: "acting", name, run: () => agent.act(one) });
  }
  return found;
}

/** A whole step on the pendulum, and the update in it: the difference is sampling, storing, acting and the task. */
async function loopTasks() {
  const found = [];
  for (const [name, { hidden, batchSize }] of Object.entries(sizes)) {
    if (!hidden) continue;
    const environment = new Pendulum();
    const settings = { actorHiddenSizes: hidden, criticHiddenSizes: hidden, batchSize, warmupSteps: 1000 };
    const agent = await Ddpg.create(environment, { ...settings, backend });
    const steps = train(agent, environment);
    for (let i = 0; i < 1500; i++) await steps.next();
    const random = new Random(1);
    found.push({ kind: "step", name, run: () => steps.next() });
    found.push({
      kind: "loop update",
      name,
      prepare: () => agent.replayBuffer.sample(agent.minibatch, random),
      run: () => agent.update(),
    });
  }
  return found;
}

function randomize(matrix, random) {
  for (let i = 0; i < matrix.rows; i++) {
    for (let j = 0; j < matrix.columns; j++) matrix.set(i, j, random.uniform(-1, 1));
  }
  return matrix;
}

/** The multiply-adds that an update needs for each row of its minibatch if the action enters at the first layer. */
function updateProducts([h1, h2], O, A) {
  const actor = O * h1 + h1 * h2 + h2 * A;
  const critic = (O + A) * h1 + h1 * h2 + h2;
  const forward = 2 * actor + 3 * critic;
  const criticBackward = critic + h1 * h2 + h2;
  const actionGradient = A * h1 + h1 * h2 + h2;
  const actorBackward = actor + h1 * h2 + h2 * A;
  return forward + criticBackward + actionGradient + actorBackward;
}

async function seconds({ kind, run }, times) {
  const start = performance.now();
  if (kind === "step") for (let i = 0; i < times; i++) await run();
  else for (let i = 0; i < times; i++) run();
  return (performance.now() - start) / 1000;
}
