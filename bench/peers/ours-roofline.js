// Makes the measurements of bench/roofline.js in the process of one contender, and prints them as JSON.
import { setFlagsFromString } from "node:v8";
import { Ddpg, Pendulum, Random, toModule, train } from "ddpg";
import { allocateMatrix } from "../../dist/nn/parameters.js";
import { median } from "../runner.js";
import { backendOf, chosen, versionWith } from "./ours-backend.js";
import { agentOf, measureTasks, randomize, timed, updateTask } from "./ours-tasks.js";

const { loops, sizes, rounds } = JSON.parse(process.argv.at(-1));
const choice = chosen();
const backend = await backendOf(choice);
const bits = backend.vectorBits;
const chosenSizes = Object.entries(sizes).filter(([, { hidden }]) => hidden);

/** M × K × N: C [M, N] = A [M, K] · B [K, N]; with ᵀ, A is stored transposed, as for a weight gradient. */
const products = [
  [256, 256, 256, ""],
  [256, 256, 256, "ᵀ"],
  [64, 400, 300, ""],
  [64, 64, 64, ""],
];

const tasks = [...(await peakTasks()), ...(await productTasks()), ...(await agentTasks()), ...(await loopTasks())];
await measureTasks(tasks, rounds);

const of = (kind) => tasks.filter((task) => task.kind === kind);
const steps = of("step");
const rate = ({ name, flops, rounds }) => ({ name, value: flops / median(rounds) / 1e9 });
const microseconds = ({ name, rounds }) => ({ name, value: median(rounds) * 1e6 });
const result = {
  version: versionWith(backend),
  backend: backend.name,
  arithmetic: backend.arithmetic,
  bits,
  // The loop in the vectors of native kernels is a program of its own.
  peak: choice.simd === "native" ? null : Math.max(...of("peak").map((task) => rate(task).value)),
  products: of("product").map(rate),
  updates: of("update").map(rate),
  acting: of("acting").map(microseconds),
  policies: of("policy").map(microseconds),
  exported: of("exported").map(microseconds),
  besides: of("loop update").map(({ name, rounds }, i) => ({
    name,
    value: 1 - median(rounds.map((update, round) => update / steps[i].rounds[round])),
  })),
  profile: await profiles(),
};
console.log(JSON.stringify(result));

/** One module for each number of chains, because the best number depends on the processor. */
async function peakTasks() {
  if (choice.simd === "native") return [];
  const flags = ["liftoff", "wasm-inlining"];
  if (bits === 256) for (const flag of flags) setFlagsFromString(`--no-${flag}`);
  if (bits === 256) setFlagsFromString("--experimental-wasm-revectorize");
  const found = [];
  for (const { sums, ...encoded } of loops) {
    const module = await WebAssembly.compile(Buffer.from(encoded[`${backend.arithmetic} ${bits}`], "base64"));
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

/** Updates, and three ways to act: an agent, its policy, and the policy as an exported module. */
async function agentTasks() {
  const found = [];
  for (const [name, size] of chosenSizes) {
    const agent = await agentOf(size, backend);
    found.push(updateTask(agent, name, size));
    const random = new Random(2);
    const one = Array.from({ length: size.observationSize }, () => random.uniform(-1, 1));
    const { policy } = agent;
    const source = Buffer.from(toModule(policy).source).toString("base64");
    const exported = await import(`data:text/javascript;base64,${source}`);
    found.push({ kind: "acting", name, run: () => agent.act(one) });
    found.push({ kind: "policy", name, run: () => policy.act(one) });
    found.push({ kind: "exported", name, run: () => exported.act(one) });
  }
  return found;
}

/** A whole step on the pendulum, and the update in it: the difference is sampling, storing, acting and the task. */
async function loopTasks() {
  const found = [];
  for (const [name, { hidden, batchSize }] of chosenSizes) {
    const environment = new Pendulum();
    const settings = { actorHiddenSizes: hidden, criticHiddenSizes: hidden, batchSize, warmupSteps: 1000 };
    const agent = await Ddpg.create(environment, { preset: "standard", ...settings, backend });
    const steps = train(agent, environment);
    for (let i = 0; i < 1100; i++) await steps.next();
    const random = new Random(1);
    found.push({ kind: "step", name, waits: true, run: () => steps.next() });
    found.push({
      kind: "loop update",
      name,
      prepare: () => agent.replayBuffer.sample(agent.minibatch, random),
      run: () => agent.update(),
    });
  }
  return found;
}

/** The share of each kernel in the time of an update. What is left is "JavaScript": everything around the kernels. */
async function profiles() {
  const found = [];
  for (const [name, size] of chosenSizes) {
    const { backend: observed, profile } = timed(backend);
    const task = updateTask(await agentOf(size, observed), name, size);
    await measureTasks([task], 0);
    task.prepare();
    profile();
    const start = performance.now();
    const times = 5 * task.times;
    for (let i = 0; i < times; i++) task.run();
    const whole = (performance.now() - start) / 1000;
    const parts = profile().map(([kernel, seconds]) => ({ kernel, share: seconds / whole }));
    parts.sort((a, b) => b.share - a.share);
    const rest = 1 - parts.reduce((sum, { share }) => sum + share, 0);
    found.push({ name, parts: [...parts, { kernel: "JavaScript", share: rest }] });
  }
  return found;
}
