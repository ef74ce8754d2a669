import type { Kernels } from "./kernels.ts";
import type { Threads } from "./wasm/threads.ts";

/**
 * A way to compute: it makes the kernels that an agent or a policy works with. All backends that the package exports
 * give the same bits; they differ in speed, and in where they run.
 */
export interface Backend {
  /** Identifies the backend in messages, such as "wasm128". */
  readonly name: string;
  /** The `rowMultiple` of its kernels, which decides how much memory a network needs. */
  readonly rowMultiple: number;
  /**
   * Creates kernels with their own memory. `numbers` is how many numbers will be allocated, each vector rounded up to
   * `rowMultiple`. `largestProduct` returns the multiplications in the largest `multiply` of a typical workload; it runs
   * that workload, so a backend calls it only if it needs the answer.
   */
  create(numbers: number, largestProduct: () => number): Promise<Kernels>;
  /** The same backend with calls split over threads. A backend that cannot split its calls leaves this out. */
  withThreads?(threads: Threads): Backend;
}

/** What computes an agent or a policy. */
export interface BackendOptions {
  /** For example `await nodeBackend()` of `ddpg/node`. Without it the default backend: see `setDefaultBackend`. */
  backend?: Backend | undefined;
  /** From `nodeThreads` of `ddpg/node` or from `webThreads`: large networks learn on several cores, with the same bits. */
  threads?: Threads | undefined;
}
