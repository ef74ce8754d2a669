// Part of `ddpg/node`: V8 can run two neighbouring 128-bit vectors of a WebAssembly module as one of 256 bits, when a flag
// asks it to. Flags are the engine's, for a whole process: the library itself never sets one.
import { setFlagsFromString } from "node:v8";
import { Random } from "../base/random.ts";
import { settingsFrom } from "../ddpg/config.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import { buildOverWasm } from "../kernels/create.ts";
import module256 from "../kernels/wasm/generated/module-256.ts";
import { KernelModules, narrowKernels, useKernels } from "../kernels/wasm/modules.ts";
import { createWasmKernels } from "../kernels/wasm/wasm-kernels.ts";
import { allocateMatrix } from "../nn/parameters.ts";

/** What `trainedFingerprint` gives with vectors of 128 bits, on every engine. */
const recorded = "8bc83a67e9b32594";

/** The first Node whose V8 doubles the width rightly. */
const firstNode = 24;

// Without the baseline compiler a function is optimised, and so widened, when it is first called. V8 14 aborts unless
// inlining is off with it.
const flags = [
  ["--no-liftoff", "--liftoff"],
  ["--no-wasm-inlining", "--wasm-inlining"],
  ["--experimental-wasm-revectorize", "--no-experimental-wasm-revectorize"],
] as const;

/**
 * Lets every agent and policy of this process that is made from now on compute with vectors of 256 bits: Node 24 or newer
 * on x64. Nothing but the speed changes: before they are used, the wider kernels have to train a small agent to the bits
 * of the others, and to be faster. Returns null, or why it stays with 128 bits.
 */
export async function useWideVectors(expected = recorded): Promise<string | null> {
  if (process.arch !== "x64") return `256 need x64, this is ${process.arch}`;
  if (Number.parseInt(process.versions.node, 10) < firstNode) {
    return `256 need Node ${firstNode} or newer, this is ${process.versions.node}`;
  }
  for (const [flag] of flags) setFlagsFromString(flag);
  try {
    const wide = new KernelModules(module256);
    for (const shared of [false, true]) {
      const fingerprint = await trainedFingerprint(wide, shared);
      if (fingerprint !== expected) return `256 gave other results, ${fingerprint} and not ${expected}`;
    }
    const gain = (await secondsOfProduct(narrowKernels)) / (await secondsOfProduct(wide));
    if (gain < 1.1) return `256 have ${gain.toFixed(2)} times the speed here`;
    useKernels(wide);
    return null;
  } finally {
    for (const [, flag] of flags) setFlagsFromString(flag);
  }
}

/**
 * The fingerprint after some updates that call every kernel, with whole tiles and what is left over beside them, in a
 * memory of one thread or in one that threads could share: each has a module of its own.
 */
export async function trainedFingerprint(modules: KernelModules, shared: boolean): Promise<string> {
  const hidden = [40, 24];
  const settings = settingsFrom("paper", { actorHiddenSizes: hidden, criticHiddenSizes: hidden, batchSize: 30 });
  const spaces = { observationSize: 5, actionLow: [-1, -1, -1], actionHigh: [1, 1, 1] };
  const agent = await buildOverWasm((kernels) => new Ddpg(kernels, spaces, settings, 1), { modules, shared });
  const random = new Random("vectors");
  const { observation, action, nextObservation, reward } = agent.minibatch;
  for (let update = 0; update < 20; update++) {
    for (const x of [observation, action, nextObservation]) {
      for (let i = 0; i < x.rows; i++) for (let j = 0; j < x.columns; j++) x.set(i, j, random.uniform(-1, 1));
    }
    for (let i = 0; i < reward.length; i++) reward[i] = random.uniform(-1, 1);
    agent.update();
  }
  return agent.fingerprint();
}

/** The least time of a product of 64 × 64 numbers each. */
async function secondsOfProduct(modules: KernelModules): Promise<number> {
  const kernels = await createWasmKernels(4 * 3 * 64 * 64, { modules });
  const [a, b, c] = [1, 2, 3].map(() => allocateMatrix(kernels, 64, 64));
  let least = Infinity;
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    for (let i = 0; i < 5; i++) kernels.multiply(c, a, b, null);
    least = Math.min(least, performance.now() - start);
  }
  return least / 5000;
}
