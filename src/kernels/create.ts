import { expect } from "../base/expect.ts";
import type { Backend } from "./backend.ts";
import type { KernelName, Kernels } from "./kernels.ts";
import { kernelNames } from "./signatures.ts";

/** No backend's memory is larger: addresses have 32 bits. */
const maxBytes = 0xffd00000;

/**
 * Builds something over a backend's kernels, in a memory that is allocated once. A dry run finds out how much memory it
 * takes: a first build over kernels that do nothing, which is thrown away. `build` must allocate the same each time.
 * `work` runs a typical workload on the dry-run build; a backend with threads uses it to learn whether any call is large
 * enough to split.
 */
export async function buildOver<T>(
  backend: Backend,
  build: (kernels: Kernels) => T,
  work: (built: T) => void = () => {},
): Promise<T> {
  const { rowMultiple } = backend;
  let numbers = 0;
  let largest = 0;
  const nothing = Object.fromEntries(kernelNames.map((name) => [name, () => {}])) as Record<KernelName, () => void>;
  const dryRun = build({
    ...nothing,
    rowMultiple,
    threads: 1,
    arithmetic: backend.arithmetic ?? "portable",
    allocate(length) {
      numbers += rowMultiple * Math.ceil(length / rowMultiple);
      const hint = "Use smaller layers or a smaller batch.";
      expect(4 * numbers < maxBytes, "networks", "less than 4 GiB of memory", "more", hint);
      return new Float32Array(length);
    },
    multiply(c, a) {
      largest = Math.max(largest, a.rows * a.columns * c.columns);
    },
  });
  const kernels = await backend.create(numbers, () => {
    work(dryRun);
    return largest;
  });
  return build(kernels);
}
