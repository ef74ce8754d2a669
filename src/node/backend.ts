import { expectOptions } from "../base/expect.ts";
import type { Backend } from "../kernels/backend.ts";
import { chooseBackend, setDefaultBackend } from "../kernels/choose-backend.ts";
import type { Arithmetic } from "../kernels/kernels.ts";
import type { Threads } from "../kernels/wasm/threads.ts";
import { wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { allowFused } from "./allow-fused.ts";
import { tryNative } from "./native.ts";
import { nodeThreads } from "./threads.ts";
import { tryWideVectors } from "./wide-vectors.ts";

/** What `nodeBackend` may use. */
export interface NodeBackendOptions {
  /** Threads for large networks, including the calling one: a whole number from 1 to 64. 1 by default. */
  readonly threads?: number;
  /**
   * Whether to use the native kernels, if the package has them for this platform and they pass their tests. True by
   * default, unless `wide` is given.
   */
  readonly native?: boolean;
  /** Whether WebAssembly uses 256-bit vectors where they work and are faster. True by default. */
  readonly wide?: boolean;
  /**
   * How products are rounded. By default `fused`, and `portable` where this process cannot fuse. Rejects if the one that
   * is named is not possible here.
   */
  readonly arithmetic?: Arithmetic;
}

export interface NodeBackend extends Backend {
  /** The width of its SIMD vectors. */
  readonly vectorBits: 128 | 256 | 512;
  readonly arithmetic: Arithmetic;
  /** Why it has no faster kernels, such as "256-bit vectors need x64, this is arm64". Empty if it has the fastest. */
  readonly notes: readonly string[];
}

/** Faster kernels, or the reason why this process has none with an arithmetic. */
type Trial = (arithmetic: Arithmetic) => Promise<Candidate | string>;
type Candidate = Backend & Pick<NodeBackend, "vectorBits">;

/** The last trial: they take turns, because some of them set and reset V8's flags. */
let lastTrial: Promise<unknown> = Promise.resolve();

/**
 * Makes a trial once for each arithmetic. If it fails, the next call tries again: on a busy machine, wide vectors can seem
 * slow.
 */
function remembered(trial: Trial): Trial {
  const made = new Map<Arithmetic, Promise<Candidate | string>>();
  return (arithmetic) => {
    const earlier = made.get(arithmetic);
    if (earlier) return earlier;
    const result = lastTrial.then(() => trial(arithmetic));
    made.set(arithmetic, result);
    const forget = (): boolean => made.delete(arithmetic);
    lastTrial = result.then((found) => typeof found === "string" && forget(), forget);
    return result;
  };
}

const nativeTrial = remembered(tryNative);
const wideTrial = remembered(async (arithmetic) => {
  const found = await tryWideVectors(arithmetic);
  return typeof found === "string" ? found : { ...found, vectorBits: 256 };
});

/**
 * The fastest backend for this machine, for the `backend` option of `Ddpg.create`, `Ddpg.load` and `Policy.load`. It
 * gives the same bits as every other with the same arithmetic. Throws an InputError for an invalid number of threads, and
 * for an arithmetic that this process does not have.
 */
export async function nodeBackend(options: NodeBackendOptions = {}): Promise<NodeBackend> {
  expectOptions(options, "nodeBackend", [
    "threads",
    "native",
    "wide",
    "arithmetic",
  ] satisfies (keyof NodeBackendOptions)[]);
  const { threads = 1, native = options.wide === undefined, wide = true } = options;
  const pool = nodeThreads(threads);
  allowFused();
  const narrow = await chooseBackend({ backend: wasmBackend, arithmetic: options.arithmetic });
  const { arithmetic = "portable", notFused } = narrow;
  const notes: string[] = [];
  let backend: Candidate = { ...narrow, vectorBits: 128 };
  for (const trial of [native && nativeTrial, wide && wideTrial]) {
    if (!trial) continue;
    const found = await trial(arithmetic);
    if (typeof found !== "string") {
      backend = found;
      break;
    }
    notes.push(found);
  }
  const over = (pool: Threads): NodeBackend => ({
    ...backend,
    ...backend.withThreads?.(pool),
    arithmetic,
    ...(notFused !== undefined && { notFused }),
    vectorBits: backend.vectorBits,
    notes,
    withThreads: over,
    // Kernels must be tried with each arithmetic.
    withArithmetic: async (other) => {
      const possible = await wasmBackend.withArithmetic?.(other);
      if (typeof possible === "string") return possible;
      const found = await nodeBackend({ native, wide, arithmetic: other });
      return found.withThreads?.(pool) ?? found;
    },
  });
  return over(pool);
}

/**
 * An older form of `setDefaultBackend(await nodeBackend({ wide: true }))`: agents and policies created from now on without a
 * `backend` option use 256-bit vectors. Returns null, or the reason why the default stays unchanged.
 */
export async function useWideVectors(): Promise<string | null> {
  const backend = await nodeBackend({ wide: true });
  if (backend.vectorBits === 128) return backend.notes[0];
  setDefaultBackend(backend);
  return null;
}
