import { expect } from "../../base/expect.ts";
import type { Arithmetic, Kernels } from "../kernels.ts";
import { reservedBytes, wrapRawKernels } from "../raw-kernels.ts";
import { instantiate, maxPages, maxPooledBytes, type Part, pageBytes, releaseWith, wholeLines } from "./memories.ts";
import { type KernelModules, narrowKernels } from "./modules.ts";
import type { Replacement } from "./replacement.ts";
import type { Threads } from "./threads.ts";

export interface WasmOptions {
  /** The compiled kernels: those with 128-bit vectors by default. */
  readonly modules?: KernelModules;
  /** Threads that may take pieces of the calls. */
  readonly threads?: Threads | undefined;
  /** The multiplications in the largest product; called only where there are threads. 0 by default: none is large. */
  readonly largestProduct?: () => number;
  /** Takes shared memory even without threads, to test the module that needs it. */
  readonly shared?: boolean;
  /** Takes the place of some of the modules' kernels. */
  readonly replacement?: Replacement | undefined;
}

/**
 * The fast kernels: WebAssembly SIMD, Float32, with memory for `bytes` of vectors, which never grows. They accept only
 * vectors from their own `allocate`. Small ones share a memory.
 */
export async function createWasmKernels(
  bytes: number,
  { modules = narrowKernels, threads, largestProduct = () => 0, shared = false, replacement }: WasmOptions = {},
): Promise<Kernels> {
  const { arithmetic } = modules;
  const isGood = bytes >= 0 && bytes + reservedBytes(bytes) <= maxPages * pageBytes;
  expect(isGood, "createWasmKernels bytes", "a number from 0 to 4 GiB − 3 MiB", bytes);
  if (threads && threads.count > 1) {
    const module = await modules.shared();
    const kernels = { module, replacement };
    if (await threads.areWorth(multiplyWork(largestProduct()), kernels)) {
      const part = await threads.share(bytes, kernels);
      if (part) return kernelsOver(part, threads.count, arithmetic);
    }
  }
  const isPooled = bytes <= maxPooledBytes && !shared;
  const module = await (shared ? modules.shared() : modules.own());
  const part = await (isPooled ? modules.pool.take(bytes) : instantiate(module, wholeLines(bytes), shared));
  return kernelsOver(
    { ...part, exports: replacement?.replace(part.exports, part.buffer) ?? part.exports },
    1,
    arithmetic,
  );
}

/** Every user of the part refers to the kernels, so the part is free once they are collected. */
function kernelsOver({ exports, buffer, start, end, release }: Part, threads: number, arithmetic: Arithmetic): Kernels {
  const kernels = wrapRawKernels(exports, buffer, [start, end], { threads, arithmetic });
  releaseWith(kernels, release);
  return kernels;
}

/** The work of a product with this many multiplications, in steps over 16 bytes, as pieces.ts counts it. */
function multiplyWork(multiplications: number): number {
  return multiplications / 4;
}
