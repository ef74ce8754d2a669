import { expect } from "../base/expect.ts";
import type { Kernels } from "./kernels.ts";
import { createReferenceKernels } from "./reference.ts";
import type { Threads } from "./wasm/threads.ts";
import { createWasmKernels, multiplyWork, rowMultiple, vectorBytes } from "./wasm/wasm-kernels.ts";

/**
 * Builds something over the fast kernels, whose memory is sized once: a first build over ordinary arrays, thrown away,
 * tells how much it takes. `build` must allot the same each time. Where there are threads, `use` makes the calls of the
 * thing's daily work, with the one that is thrown away, to tell whether any is large enough to be split.
 */
export async function buildOverWasm<T>(
  build: (kernels: Kernels) => T,
  threads?: Threads,
  use: (built: T) => void = () => {},
): Promise<T> {
  let bytes = 0;
  let largest = 0;
  const reference = createReferenceKernels(Float32Array);
  const first = build({
    ...reference,
    rowMultiple,
    allocate(length) {
      bytes += vectorBytes(length);
      expect(
        bytes < 0xffd00000,
        "networks",
        "less than 4 GiB of memory",
        "more",
        "Use smaller layers or a smaller batch.",
      );
      return reference.allocate(length);
    },
    multiply(c, a) {
      largest = Math.max(largest, multiplyWork(a.rows, a.columns, c.columns));
    },
  });
  if (threads) use(first);
  return build(await createWasmKernels(bytes, threads && { threads, largest }));
}
