import type { RawKernels } from "../signatures.ts";

/**
 * Kernels from elsewhere that take the place of some of a module's, over the module's memory and with its bits. One
 * replacement is for one module.
 */
export interface Replacement {
  /** Names it to helper threads, which find their own. */
  readonly key: string;
  /** `exports` with kernels replaced. They must not be used after `buffer`. */
  replace(exports: RawKernels, buffer: ArrayBufferLike): RawKernels;
}

/** Returns the replacement with a key, in another thread. */
export type FindReplacement = (key: string) => Replacement;
