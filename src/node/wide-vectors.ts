// V8 can run two neighboring 128-bit vectors of a WebAssembly module as one 256-bit vector when an experimental flag
// asks
// for it. Flags apply to a whole process, so only `nodeBackend` sets them, and resets them when it is done.
import { setFlagsFromString } from "node:v8";
import { Random } from "../base/random.ts";
import { settingsFrom } from "../ddpg/config.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import type { Backend } from "../kernels/backend.ts";
import { buildOver } from "../kernels/create.ts";
import module256 from "../kernels/wasm/generated/module-256.ts";
import { KernelModules } from "../kernels/wasm/modules.ts";
import { createWasmBackend, wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { allocateMatrix } from "../nn/parameters.ts";

/** What `trainedFingerprint` returns with 128-bit vectors, on every JavaScript engine. */
const recorded = "8bc83a67e9b32594";

/** The first Node whose V8 widens vectors correctly. */
const firstNode = 24;

// Without the baseline compiler, V8 optimizes a function, and so widens it, on its first call. V8 14 aborts unless
// inlining is off too.
const flags = [
  ["--no-liftoff", "--liftoff"],
  ["--no-wasm-inlining", "--wasm-inlining"],
  ["--experimental-wasm-revectorize", "--no-experimental-wasm-revectorize"],
] as const;

/**
 * Returns a backend with 256-bit vectors, or the reason why this process has none. The wide kernels must train a small
 * agent to the `expected` fingerprint, and must be faster than the 128-bit ones.
 */
export async function tryWideVectors(expected = recorded): Promise<Backend | string> {
  if (process.arch !== "x64") return `256-bit vectors need x64, this is ${process.arch}`;
  if (Number.parseInt(process.versions.node, 10) < firstNode) {
    return `256-bit vectors need Node ${firstNode} or newer, this is ${process.versions.node}`;
  }
  for (const [flag] of flags) setFlagsFromString(flag);
  try {
    const modules = new KernelModules(module256);
    const wide = createWasmBackend("wasm256", modules);
    // Shared memory needs a different module.
    for (const backend of [wide, createWasmBackend("wasm256", modules, { shared: true })]) {
      const fingerprint = await trainedFingerprint(backend);
      if (fingerprint !== expected) {
        return `256-bit vectors gave other results: fingerprint ${fingerprint}, expected ${expected}`;
      }
    }
    const gain = (await productMs(wasmBackend)) / (await productMs(wide));
    return gain < 1.1 ? `256-bit vectors are only ${gain.toFixed(2)} times as fast here` : wide;
  } finally {
    for (const [, flag] of flags) setFlagsFromString(flag);
  }
}

/** The fingerprint after some updates that call every kernel. The sizes fill whole tiles and leave a remainder. */
export async function trainedFingerprint(backend: Backend): Promise<string> {
  const hidden = [40, 24];
  const settings = settingsFrom("paper", { actorHiddenSizes: hidden, criticHiddenSizes: hidden, batchSize: 30 });
  const spaces = { observationSize: 5, actionLow: [-1, -1, -1], actionHigh: [1, 1, 1] };
  const agent = await buildOver(backend, (kernels) => new Ddpg(kernels, spaces, settings, 1));
  const random = new Random("vectors");
  const { observation, action, nextObservation, reward, discount } = agent.minibatch;
  discount.fill(settings.discount);
  for (let update = 0; update < 20; update++) {
    for (const x of [observation, action, nextObservation]) {
      for (let i = 0; i < x.rows; i++) for (let j = 0; j < x.columns; j++) x.set(i, j, random.uniform(-1, 1));
    }
    for (let i = 0; i < reward.length; i++) reward[i] = random.uniform(-1, 1);
    agent.update();
  }
  return agent.fingerprint();
}

/** The shortest time of a product of 64 × 64 matrices, in ms. */
async function productMs(backend: Backend): Promise<number> {
  const size = 64;
  const kernels = await backend.create(3 * size * size, () => 0);
  const [a, b, c] = [1, 2, 3].map(() => allocateMatrix(kernels, size, size));
  let shortest = Infinity;
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    for (let i = 0; i < 5; i++) kernels.multiply(c, a, b, null);
    shortest = Math.min(shortest, performance.now() - start);
  }
  return shortest / 5;
}
