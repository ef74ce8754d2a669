import type { Arithmetic, Kernels } from "./kernels.ts";
import type { Threads } from "./wasm/threads.ts";

/**
 * A way to compute: it makes the kernels that an agent or a policy works with. All backends that the package exports
 * give the same bits with the same arithmetic; they differ in speed, and in where they run.
 */
export interface Backend {
  /** Identifies the backend in messages, such as "wasm128". */
  readonly name: string;
  /** The `rowMultiple` of its kernels, which decides how much memory a network needs. */
  readonly rowMultiple: number;
  /** How its kernels round the steps of a product. Portable if it is left out. */
  readonly arithmetic?: Arithmetic;
  /** Why it is portable although no one asked for that, as the end of a message. */
  readonly notFused?: string;
  /**
   * Creates kernels with their own memory. `numbers` is how many numbers will be allocated, each vector rounded up to
   * `rowMultiple`. `largestProduct` returns the multiplications in the largest `multiply` of a typical workload; it runs
   * that workload, so a backend calls it only if it needs the answer.
   */
  create(numbers: number, largestProduct: () => number): Promise<Kernels>;
  /** The same backend with calls split over threads. A backend that cannot split its calls leaves this out. */
  withThreads?(threads: Threads): Backend;
  /**
   * The same backend with this arithmetic, or the reason why there is none here, as the end of a message. A backend that
   * has only one arithmetic leaves this out.
   */
  withArithmetic?(arithmetic: Arithmetic): Promise<Backend | string>;
}

const open = new WeakSet<Backend>();

/**
 * Leaves a backend's arithmetic to its agents: those that name none get fused arithmetic where it is possible. A copy of
 * the object, which may have another `create`, is no longer open.
 */
export function openArithmetic(backend: Backend): Backend {
  open.add(backend);
  return backend;
}

/** Whether `openArithmetic` was called with this backend. */
export function isArithmeticOpen(backend: Backend): boolean {
  return open.has(backend);
}

/** What computes an agent or a policy. */
export interface BackendOptions {
  /** For example `await nodeBackend()` of `ddpg/node`. Without it the default backend: see `setDefaultBackend`. */
  backend?: Backend | undefined;
  /** From `nodeThreads` of `ddpg/node` or from `webThreads`: large networks learn on several cores, with the same bits. */
  threads?: Threads | undefined;
  /**
   * How products are rounded. `fused` is faster on many processors, and needs an engine and a processor that have it;
   * `portable` runs everywhere. The same seed gives the same bits with the same arithmetic. Default: `fused` where it is
   * possible, else `portable` with a warning in `agent.warnings`; or that of the backend, if it was created with one.
   * `Ddpg.load` keeps the arithmetic that the agent was saved with.
   */
  arithmetic?: Arithmetic | undefined;
}
