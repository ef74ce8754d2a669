import { type Backend, openArithmetic } from "../backend.ts";
import { rowMultiple } from "../raw-kernels.ts";
import { type KernelModules, narrowKernels } from "./modules.ts";
import type { Threads } from "./threads.ts";
import { createWasmKernels, type WasmOptions } from "./wasm-kernels.ts";

/**
 * A backend over compiled kernels. With a replacement it has no other arithmetic: a replacement is for one. `shared` is for
 * tests: it takes shared memory even without threads.
 */
export function createWasmBackend(
  name: string,
  modules: KernelModules,
  options: Pick<WasmOptions, "threads" | "shared" | "replacement"> = {},
): Backend {
  return {
    name,
    rowMultiple,
    arithmetic: modules.arithmetic,
    create: (numbers, largestProduct) => createWasmKernels(4 * numbers, { ...options, modules, largestProduct }),
    withThreads: (threads) => createWasmBackend(name, modules, { ...options, threads }),
    ...(!options.replacement && {
      withArithmetic: async (arithmetic) => {
        const other = modules.with(arithmetic);
        return (await other.problem()) ?? createWasmBackend(name, other, options);
      },
    }),
  };
}

/**
 * WebAssembly with 128-bit vectors, which runs on every platform: the default. Its products are fused where that is
 * possible, unless the `arithmetic` option says otherwise.
 */
export const wasmBackend = withOpenArithmetic();

function withOpenArithmetic(options: { threads?: Threads } = {}): Backend {
  const backend = createWasmBackend("wasm128", narrowKernels, options);
  return openArithmetic({ ...backend, withThreads: (threads) => withOpenArithmetic({ threads }) });
}
