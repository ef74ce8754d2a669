import assert from "node:assert/strict";
import { test } from "node:test";
import { kernelCases } from "../kernels/kernels.case.ts";
import { narrowKernels } from "../kernels/wasm/modules.ts";
import { createWasmBackend, wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { loadNative, nativeReplacement } from "./native.ts";
import { differingKernel } from "./native-check.ts";
import { startHelper } from "./threads.ts";
import { Threads } from "../kernels/wasm/threads.ts";
import { trainedFingerprint } from "./wide-vectors.ts";

const addon = loadNative();
if (typeof addon === "string") {
  test("native kernels", { skip: addon }, () => {});
} else {
  for (const set of addon.sets) {
    const backend = createWasmBackend(`native ${set}`, narrowKernels, {
      replacement: nativeReplacement(addon, set, "portable"),
    });
    kernelCases(backend, 5e-7);
    const threads = new Threads(2, startHelper, { threshold: 1 });
    const two = backend.withThreads?.(threads);
    if (two)
      kernelCases(
        { ...two, name: `native ${set}, two threads`, create: (numbers) => two.create(numbers, () => Infinity) },
        5e-7,
      );

    test(`${set} has the bits of WebAssembly`, async () => {
      assert.equal(await differingKernel(wasmBackend, backend), null);
      assert.equal(await trainedFingerprint(backend), "4315eedb66ee1f7f");
      for (let i = 0; i < 3; i++) {
        const start = performance.now();
        await differingKernel(wasmBackend, backend);
        const middle = performance.now();
        await trainedFingerprint(backend);
        console.log(middle - start, performance.now() - middle);
      }
    });
  }
}
