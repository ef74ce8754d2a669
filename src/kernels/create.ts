import { expect } from "../base/expect.ts";
import type { Kernels } from "./kernels.ts";
import { createReferenceKernels } from "./reference.ts";
import { createWasmKernels, rowMultiple, vectorBytes } from "./wasm/wasm-kernels.ts";

/**
 * Builds something over the fast kernels, whose memory is sized once: a first build over ordinary arrays, thrown away,
 * tells how much it takes. `build` must allot the same each time.
 */
export async function buildOverWasm<T>(build: (kernels: Kernels) => T): Promise<T> {
  let bytes = 0;
  const reference = createReferenceKernels(Float32Array);
  build({
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
  });
  return build(await createWasmKernels(bytes));
}
