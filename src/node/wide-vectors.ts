// V8 can run two neighboring 128-bit vectors of a WebAssembly module as one 256-bit vector when an experimental flag
// asks for it. Flags apply to a whole process, so only `nodeBackend` sets them, and resets them when it is done.
import * as fs from "node:fs";
import { setFlagsFromString } from "node:v8";
import { Random } from "../base/random.ts";
import { type Settings, settingsFrom } from "../ddpg/config.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import type { Backend } from "../kernels/backend.ts";
import { buildOver } from "../kernels/create.ts";
import type { Arithmetic } from "../kernels/kernels.ts";
import module256 from "../kernels/wasm/generated/module-256.ts";
import { KernelModules, narrowKernels } from "../kernels/wasm/modules.ts";
import { createWasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { allocateMatrix } from "../nn/parameters.ts";

/** What `trainedFingerprint` returns with 128-bit vectors, on every JavaScript engine. */
export const recorded: Readonly<Record<Arithmetic, string>> = {
  portable: "4315eedb66ee1f7f",
  fused: "2f7cc0226e01dc48",
};

/**
 * Wide kernels are used if they are at least this many times as fast as the others: with AVX2, and where nothing is known
 * of the processor.
 */
const [enoughWithAvx2, enoughElsewhere] = [1.1, 1.25];

/** The first Node whose V8 widens vectors correctly. */
const firstNode = 24;

// Without the baseline compiler, V8 optimizes a function, and so widens it, on its first call. V8 14 aborts unless
// inlining is off too.
const flags = [
  ["--no-liftoff", "--liftoff"],
  ["--no-wasm-inlining", "--wasm-inlining"],
  ["--experimental-wasm-revectorize", "--no-experimental-wasm-revectorize"],
] as const;

type Versions = Readonly<Record<string, string | undefined>> & { readonly node: string };

/**
 * Returns a backend with 256-bit vectors, or the reason why this process has none. The wide kernels must train a small
 * agent to the `expected` fingerprint, and must be `enough` times as fast as the 128-bit ones. This process must have the
 * arithmetic.
 */
export async function tryWideVectors(
  arithmetic: Arithmetic = "portable",
  {
    expected = recorded[arithmetic],
    versions = process.versions as Versions,
    enough = hasAvx2() ? enoughWithAvx2 : enoughElsewhere,
  } = {},
): Promise<Backend | string> {
  // Bun has the API for flags, and even names a version of V8, but its engine is another one.
  if (versions.bun) return `256-bit vectors need the V8 engine, this is Bun ${versions.bun}`;
  if (process.arch !== "x64") return `256-bit vectors need x64, this is ${process.arch}`;
  if (Number.parseInt(versions.node, 10) < firstNode) {
    return `256-bit vectors need Node ${firstNode} or newer, this is ${versions.node}`;
  }
  const modules = new KernelModules(module256, arithmetic);
  const wide = createWasmBackend("wasm256", modules);
  for (const [flag] of flags) setFlagsFromString(flag);
  try {
    // Code that is compiled under these flags stays, but instances that were created under them crash without them.
    const tried = modules.withOwnPool();
    // Shared memory needs a different module.
    for (const shared of [false, true]) {
      const fingerprint = await trainedFingerprint(createWasmBackend("wasm256", tried, { shared }));
      if (fingerprint !== expected) {
        return `256-bit vectors gave other results: fingerprint ${fingerprint}, expected ${expected}`;
      }
    }
  } finally {
    for (const [, flag] of flags) setFlagsFromString(flag);
  }
  // Without the flags: code of the narrow kernels that ran before crashes in an instance that is created under them.
  const narrow = createWasmBackend("wasm128", narrowKernels.with(arithmetic));
  const [narrowProducts, wideProducts] = [await products(narrow), await products(wide)];
  const gain = gainOf(narrowProducts, wideProducts, enough);
  return gain < enough ? `256-bit vectors are only ${gain.toFixed(2)} times as fast here` : wide;
}

/**
 * The fingerprint after some updates that call every kernel but softmax and those of layer normalization, which V8 compiles
 * later, without the flags. The sizes fill whole tiles and leave a remainder.
 */
export async function trainedFingerprint(backend: Backend, changes: Partial<Settings> = {}): Promise<string> {
  const sizes = { actorHiddenSizes: [40, 24], criticHiddenSizes: [40, 24], batchSize: 30 };
  const settings = settingsFrom("paper", { ...sizes, ...changes });
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

/** Measures products of 64 × 64 matrices: the result returns how long some of them take, in ms. */
async function products(backend: Backend): Promise<() => number> {
  const size = 64;
  const kernels = await backend.create(3 * size * size, () => 0);
  const [a, b, c] = [1, 2, 3].map(() => allocateMatrix(kernels, size, size));
  return () => {
    const start = performance.now();
    for (let i = 0; i < 5; i++) kernels.multiply(c, a, b, null);
    return performance.now() - start;
  };
}

/**
 * How many times as fast `wide` is as `narrow`; each returns how long it took, in ms. They take turns, and the shortest
 * times count, so that other programs that use the processor neither hide a gain nor make one up. As long as the gain is
 * not `enough` there are more turns, up to `maxMs`.
 */
export function gainOf(
  narrow: () => number,
  wide: () => number,
  enough: number,
  { maxMs = 400, now = () => performance.now() } = {},
): number {
  const start = now();
  let shortest = [Infinity, Infinity];
  let gain = 0;
  for (let turn = 1; ; turn++) {
    shortest = [Math.min(shortest[0], narrow()), Math.min(shortest[1], wide())];
    // An engine runs new code slowly at first, and optimizes it while it runs.
    if (turn === 40) shortest = [Infinity, Infinity];
    if (turn < 80 || turn % 20 > 0) continue;
    gain = shortest[0] / shortest[1];
    if (gain >= enough || now() - start > maxMs) return gain;
  }
}

/** Whether the processor is known to have instructions for 256-bit vectors. */
function hasAvx2(): boolean {
  try {
    return /^flags\s*:.* avx2\b/m.test(fs.readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false; // Only Linux has this file.
  }
}
