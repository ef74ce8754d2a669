import { expectOptions } from "../base/expect.ts";
import type { Backend } from "../kernels/backend.ts";
import { chooseBackend, setDefaultBackend } from "../kernels/choose-backend.ts";
import type { Arithmetic } from "../kernels/kernels.ts";
import { wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { allowFused } from "./allow-fused.ts";
import { nodeThreads } from "./threads.ts";
import { tryWideVectors } from "./wide-vectors.ts";

/** What `nodeBackend` may use. */
export interface NodeBackendOptions {
  /** Threads for large networks, including the calling one: a whole number from 1 to 64. 1 by default. */
  readonly threads?: number;
  /** Whether to use 256-bit vectors where they work and are faster. True by default. */
  readonly wide?: boolean;
  /** How products are rounded; `portable` by default. Rejects where this process does not have it. */
  readonly arithmetic?: Arithmetic;
}

export interface NodeBackend extends Backend {
  /** The width of its SIMD vectors. */
  readonly vectorBits: 128 | 256;
  readonly arithmetic: Arithmetic;
  /** Why the backend is not all that was asked for, such as "256-bit vectors need x64, this is arm64". */
  readonly notes: readonly string[];
}

// 256-bit vectors are tested once for each arithmetic. If that fails, the next call tries again, because on a busy
// machine they can seem slow.
const wideVectors = new Map<Arithmetic, Promise<Backend | string>>();
/** The last test: they take turns, because each sets and resets V8's flags. */
let lastTest: Promise<unknown> = Promise.resolve();

/**
 * The fastest backend for this machine, for the `backend` option of `Ddpg.create`, `Ddpg.load` and `Policy.load`. It
 * gives the same bits as every other with the same arithmetic. Throws an InputError for an invalid number of threads, and
 * for an arithmetic that this process does not have.
 */
export async function nodeBackend(options: NodeBackendOptions = {}): Promise<NodeBackend> {
  expectOptions(options, "nodeBackend", ["threads", "wide", "arithmetic"] satisfies (keyof NodeBackendOptions)[]);
  const { threads = 1, wide = true, arithmetic = "portable" } = options;
  const pool = nodeThreads(threads);
  allowFused();
  const narrow = await chooseBackend({ backend: wasmBackend, arithmetic });
  const found = wide ? await wideBackend(arithmetic) : narrow;
  const notes = typeof found === "string" ? [found] : [];
  const backend = typeof found === "string" ? narrow : found;
  return {
    ...backend,
    ...(threads > 1 && backend.withThreads?.(pool)),
    arithmetic,
    vectorBits: backend === narrow ? 128 : 256,
    notes,
    // Wide vectors must be tested with each arithmetic.
    withArithmetic: async (other) => {
      const possible = await wasmBackend.withArithmetic?.(other);
      return typeof possible === "string" ? possible : nodeBackend({ threads, wide, arithmetic: other });
    },
  };
}

async function wideBackend(arithmetic: Arithmetic): Promise<Backend | string> {
  let test = wideVectors.get(arithmetic);
  if (!test) {
    test = lastTest.then(() => tryWideVectors(arithmetic));
    lastTest = test.catch(() => {});
    wideVectors.set(arithmetic, test);
  }
  const found = await test;
  if (typeof found === "string") wideVectors.delete(arithmetic);
  return found;
}

/**
 * An older form of `setDefaultBackend(await nodeBackend())`: agents and policies created from now on without a
 * `backend` option use 256-bit vectors. Returns null, or the reason why the default stays unchanged.
 */
export async function useWideVectors(): Promise<string | null> {
  const backend = await nodeBackend();
  if (backend.vectorBits === 128) return backend.notes[0];
  setDefaultBackend(backend);
  return null;
}
