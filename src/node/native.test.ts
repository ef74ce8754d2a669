import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, it, test } from "node:test";
import { pathToFileURL } from "node:url";
import { kernelCases } from "../kernels/kernels.case.ts";
import type { Arithmetic } from "../kernels/kernels.ts";
import { narrowKernels } from "../kernels/wasm/modules.ts";
import { createWasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { nodeBackend } from "./backend.ts";
import { loadNative, type NativeAddon, nativeReplacement, tryNative } from "./native.ts";
import { differingPart, hashesOf, recordedHashes } from "./native-check.ts";
import { patientThreads } from "./patient-threads.case.ts";
import { recorded, trainedFingerprint } from "./wide-vectors.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-native-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const addon = loadNative();
const { withArithmetic } = await nodeBackend({ wide: false });
const arithmetics: Arithmetic[] =
  typeof (await withArithmetic?.("fused")) === "object" ? ["portable", "fused"] : ["portable"];

test("without native kernels for the platform, or with ones of other sources, the reason is given", () => {
  assert.match(
    String(loadNative(pathToFileURL(path.join(folder, "none.node")))),
    /^this package has no native kernels/,
  );
  fs.writeFileSync(path.join(folder, "text.node"), "text");
  assert.match(
    String(loadNative(pathToFileURL(path.join(folder, "text.node")))),
    /^the native kernels cannot be loaded: /,
  );
  if (typeof addon === "string") return;
  const stale = String(loadNative(undefined, "0123456789abcdef"));
  assert.match(stale, /^the native kernels were built from other sources \([0-9a-f]{16}, not 0123456789abcdef\)$/);
});

test("what native kernels must show is what those of WebAssembly give", async () => {
  for (const arithmetic of arithmetics) {
    const kernels = await createWasmBackend("wasm128", narrowKernels.with(arithmetic)).create(1 << 16, () => 0);
    assert.deepEqual(Object.fromEntries(hashesOf(kernels)), recordedHashes[arithmetic]);
  }
});

if (typeof addon === "string") test("native kernels", { skip: addon }, () => {});
else for (const set of addon.sets) for (const arithmetic of arithmetics) describeSet(addon, set, arithmetic);

function describeSet(addon: NativeAddon, set: string, arithmetic: Arithmetic): void {
  const modules = narrowKernels.with(arithmetic);
  const replacement = nativeReplacement(addon, set, arithmetic);
  const native = createWasmBackend(`native-${set}`, modules, { replacement });
  const threads = patientThreads(2);
  const split = createWasmBackend(`native-${set}, two threads`, modules, { replacement, threads });
  kernelCases(native, 5e-7);
  kernelCases({ ...split, create: (numbers) => split.create(numbers, () => Infinity) }, 5e-7);

  describe(`native ${set} kernels, ${arithmetic}`, () => {
    it("have every bit of WebAssembly's, in one thread and in two", async () => {
      for (const least of [0, undefined]) {
        const replacement = nativeReplacement(addon, set, arithmetic, least);
        assert.equal(await differingPart(createWasmBackend("native", modules, { replacement })), null);
      }
      assert.equal(await trainedFingerprint(native), recorded[arithmetic]);
      assert.equal(await trainedFingerprint(split), recorded[arithmetic]);
    });

    it("have them with layer normalization, too", async () => {
      const wasm = createWasmBackend("wasm128", modules);
      const expected = await trainedFingerprint(wasm, { normalization: "layer" });
      assert.notEqual(expected, recorded[arithmetic]);
      for (const backend of [native, split])
        assert.equal(await trainedFingerprint(backend, { normalization: "layer" }), expected);
    });

    it("are refused if one of them differs", async () => {
      /** The addon with a kernel that flips bits of the first number that it writes, from a call on. */
      const broken = (name: (typeof names)[number], from: number, flip: number): NativeAddon => ({
        ...addon,
        sets: [set],
        bind(memory, name2) {
          const kernels = addon.bind(memory, name2);
          const words = new Uint32Array(memory.buffer);
          let calls = 0;
          return {
            ...kernels,
            [name]: (...values: number[]) => {
              const result = kernels[name](...values);
              if (++calls >= from) words[values[0] / 4] ^= flip;
              return result;
            },
          };
        },
      });
      const product = arithmetic === "fused" ? "multiplyFused" : "multiplyPortable";
      const names = [
        ...([product, "transpose", "sumRows", "relu", "reluGradient", "adam", "flush", "softUpdate"] as const),
        ...(["layerNorm", "layerNormGradient", "scaleAndShiftGradient"] as const),
      ];
      // A backend's name stands for it: an assertion that shows a whole one takes minutes.
      const refusal = async (addon: NativeAddon): Promise<string> => {
        const found = await tryNative(arithmetic, { addon });
        return typeof found === "string" ? found : found.name;
      };
      for (const name of names) {
        const shown = name === product ? "multiply" : name;
        assert.equal(await refusal(broken(name, 1, 1)), `the native kernels gave other results: ${shown} differs`);
        // The cases pass, and the first updates too. The number may be 0, whose last bit would change no sum.
        assert.equal(
          await refusal(broken(name, 15, 0x3f000000)),
          "the native kernels gave other results: updates differ",
          name,
        );
      }
      const swapped: NativeAddon = {
        ...addon,
        bind(memory, name) {
          const kernels = addon.bind(memory, name);
          return { ...kernels, multiplyFused: kernels.multiplyPortable, multiplyPortable: kernels.multiplyFused };
        },
      };
      assert.match(await refusal(swapped), /: multiply differs$/);
    });

    it("have no other arithmetic of their own", () => {
      for (const backend of [native, native.withThreads?.(threads)]) assert.equal(backend?.withArithmetic, undefined);
    });

    it("refuse calls that are not theirs", () => {
      const kernels = addon.bind(new Uint8Array(1024), set);
      assert.throws(() => kernels.flush(0), /too few arguments/);
      assert.throws(() => kernels.flush(0, "4" as unknown as number), Error);
      assert.throws(() => addon.bind(new Uint8Array(64), "sse9"), /instruction set/);
      assert.throws(() => addon.bind("memory" as unknown as Uint8Array, set), Error);
    });
  });
}

test("nodeBackend takes native kernels where there are any, and says why not otherwise", async () => {
  const { name, vectorBits, notes } = await nodeBackend();
  if (typeof addon === "string") assert.equal(notes[0], addon);
  else {
    assert.equal(name, `native-${addon.sets[0]}`);
    assert.deepEqual(notes, []);
    assert.equal(vectorBits, { avx512: 512, avx2: 256, neon: 128 }[addon.sets[0]]);
  }
  assert.match((await nodeBackend({ native: false })).name, /^wasm/);
});
