import { expect } from "../base/expect.ts";
import type { Kernels } from "./kernels.ts";
import type { Threads } from "./wasm/threads.ts";
import { createWasmKernels, multiplyWork, rowMultiple, vectorBytes } from "./wasm/wasm-kernels.ts";

/**
 * Builds something over the fast kernels, whose memory is sized once: a first build over kernels that do nothing, thrown
 * away, tells how much it takes. `build` must allot the same each time. Where there are threads, `use` does with that
 * first one what is to be done often, to tell whether any of its calls is large enough for them.
 */
export async function buildOverWasm<T>(
  build: (kernels: Kernels) => T,
  threads?: Threads,
  use: (built: T) => void = () => {},
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
    fillRows: nothing,
    sumRows: nothing,
    relu: nothing,
    reluGradient: nothing,
    tanh: nothing,
    tanhGradient: nothing,
    batchNorm: nothing,
    batchNormRunning: nothing,
    batchNormGradient: nothing,
    adam: nothing,
    softUpdate: nothing,
  });
  if (threads) use(first);
  return build(await createWasmKernels(bytes, threads && { threads, largest }));
}
