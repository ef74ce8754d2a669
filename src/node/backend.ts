import { expectOptions } from "../base/expect.ts";
import type { Backend } from "../kernels/backend.ts";
import { setDefaultBackend } from "../kernels/choose-backend.ts";
import { wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { nodeThreads } from "./threads.ts";
import { tryWideVectors } from "./wide-vectors.ts";

/** What `nodeBackend` may use. */
export interface NodeBackendOptions {
  /** Threads for large networks, including the calling one: a whole number from 1 to 64. 1 by default. */
  readonly threads?: number;
  /** Whether to use 256-bit vectors where they work and are faster. True by default. */
  readonly wide?: boolean;
}

export interface NodeBackend extends Backend {
  /** The width of its SIMD vectors. */
  readonly vectorBits: 128 | 256;
  /** Why the backend is not all that was asked for, such as "256-bit vectors need x64, this is arm64". */
  readonly notes: readonly string[];
}

// 256-bit vectors are tested once. If that fails, the next call tries again, because on a busy machine they can seem
// slow.
let wideVectors: Promise<Backend | string> | undefined;

/**
 * The fastest backend for this machine, for the `backend` option of `Ddpg.create`, `Ddpg.load` and `Policy.load`. It
 * gives the same bits as every other. Throws an InputError for an invalid number of threads.
 */
export async function nodeBackend(options: NodeBackendOptions = {}): Promise<NodeBackend> {
  expectOptions(options, "nodeBackend", ["threads", "wide"] satisfies (keyof NodeBackendOptions)[]);
  const { threads = 1, wide = true } = options;
  const pool = nodeThreads(threads);
  wideVectors ??= wide ? tryWideVectors() : undefined;
  const found = wide ? await wideVectors : undefined;
  const notes: string[] = [];
  if (typeof found === "string") {
    wideVectors = undefined;
    notes.push(found);
  }
  const backend = typeof found === "object" ? found : wasmBackend;
  const vectorBits = backend === wasmBackend ? 128 : 256;
  return { ...backend, ...(threads > 1 && backend.withThreads?.(pool)), vectorBits, notes };
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
