import { expect } from "../../base/expect.ts";
import type { Kernels } from "../kernels.ts";
import { reservedBytes, wrapRawKernels } from "../raw-kernels.ts";
import type { RawKernels } from "../signatures.ts";
import { type KernelModules, narrowKernels } from "./modules.ts";
import type { Threads } from "./threads.ts";

// Every platform has WebAssembly, but no type library that the pure floors may use declares it.
declare const WebAssembly: {
  instantiate(module: object, imports: object): Promise<{ readonly exports: RawKernels }>;
  Memory: new (pages: { initial: number; maximum: number; shared: boolean }) => { readonly buffer: ArrayBufferLike };
};

const pageBytes = 65536;

export interface WasmOptions {
  /** The compiled kernels: those with 128-bit vectors by default. */
  readonly modules?: KernelModules;
  /** Threads that may take pieces of the calls. */
  readonly threads?: Threads | undefined;
  /** The multiplications in the largest product; called only where there are threads. 0 by default: none is large. */
  readonly largestProduct?: () => number;
  /** Takes shared memory even without threads, to test the module that needs it. */
  readonly shared?: boolean;
}

/**
 * The fast kernels: WebAssembly SIMD, Float32, over one memory of `bytes` (rounded up to 64 KiB) that never grows. They
 * accept only vectors from their own `allocate`.
 */
export async function createWasmKernels(
  bytes: number,
  { modules = narrowKernels, threads, largestProduct = () => 0, shared = false }: WasmOptions = {},
): Promise<Kernels> {
  const reserved = reservedBytes(bytes + pageBytes);
  const pages = Math.ceil((bytes + reserved) / pageBytes);
  expect(pages > 0 && pages < 65536, "createWasmKernels bytes", "a number from 0 to 4 GiB − 3 MiB", bytes);
  const instantiate = async (module: object, shared: boolean) => {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
    return { memory, exports };
  };
  if (threads && threads.count > 1) {
    const module = await modules.shared();
    if (await threads.areWorth(multiplyWork(largestProduct()), module)) {
      const { memory, exports } = await instantiate(module, true);
      const split = await threads.share(exports, module, memory);
      if (split) return wrapRawKernels(split, memory.buffer, reserved, threads.count);
    }
  }
  const { memory, exports } = await instantiate(await (shared ? modules.shared() : modules.own()), shared);
  return wrapRawKernels(exports, memory.buffer, reserved, 1);
}

/** The work of a product with this many multiplications, in steps over 16 bytes, as pieces.ts counts it. */
export function multiplyWork(multiplications: number): number {
  return multiplications / 4;
}
