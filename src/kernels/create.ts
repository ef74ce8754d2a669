import { expect } from "../base/expect.ts";
import type { Kernels } from "./kernels.ts";
import { createWasmKernels, multiplyWork, rowMultiple, vectorBytes, type WasmOptions } from "./wasm/wasm-kernels.ts";

interface BuildOptions<T> extends Omit<WasmOptions, "largest"> {
  /** Does with what was built what is to be done often: whether any of its calls is large enough for the threads. */
  use?(built: T): void;
}

/**
 * Builds something over the fast kernels, whose memory is sized once: a first build over kernels that do nothing, thrown
 * away, tells how much it takes. `build` must allot the same each time.
 */
export async function buildOverWasm<T>(
  build: (kernels: Kernels) => T,
  { use, ...options }: BuildOptions<T> = {},
): Promise<T> {
  let bytes = 0;
  let largest = 0;
  const nothing = (): void => {};
  const first = build({
    rowMultiple,
    threads: 1,
    allocate(length) {
      bytes += vectorBytes(length);
      expect(
        bytes < 0xffd00000,
        "networks",
        "less than 4 GiB of memory",
        "more",
        "Use smaller layers or a smaller batch.",
      );
      return new Float32Array(length);
    },
    // No other call has more work than the largest product.
    multiply(c, a) {
      largest = Math.max(largest, multiplyWork(a.rows, a.columns, c.columns));
    },
    transpose: nothing,
    sumRows: nothing,
    relu: nothing,
    reluGradient: nothing,
    tanh: nothing,
    tanhGradient: nothing,
    batchNorm: nothing,
    batchNormRunning: nothing,
    batchNormGradient: nothing,
    adam: nothing,
    flush: nothing,
    softUpdate: nothing,
  });
  if (options.threads) use?.(first);
  return build(await createWasmKernels(bytes, { ...options, largest }));
}
