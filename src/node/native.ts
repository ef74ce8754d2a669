// The native kernels (native/) for Node: optional, faster, the same bits. They take the place of a WebAssembly module's
// kernels over the module's own memory, kernel by kernel; those that the addon lacks stay WebAssembly's.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Backend } from "../kernels/backend.ts";
import type { Arithmetic, KernelName } from "../kernels/kernels.ts";
import type { RawKernel, RawKernels } from "../kernels/signatures.ts";
import { nativeSource } from "../kernels/wasm/generated/native-source.ts";
import { narrowKernels } from "../kernels/wasm/modules.ts";
import type { Replacement } from "../kernels/wasm/replacement.ts";
import { createWasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { differingPart, type RecordedHashes, recordedHashes } from "./native-check.ts";

/** What native/addon.c exports. */
export interface NativeAddon {
  /** Identifies what it was built from. */
  readonly source: string;
  /** The instruction sets that it has and this processor too, the widest first. */
  readonly sets: readonly string[];
  /** The kernels of a set, over the memory that the view begins. */
  bind(memory: Uint8Array, set: string): Readonly<Record<AddonKernel, RawKernel>>;
}

/** The contract's kernels that the addon has. Its products come in both arithmetics. */
const replaced = [
  ...(["transpose", "sumRows", "relu", "reluGradient", "adam", "flush", "softUpdate"] as const),
  ...(["layerNorm", "layerNormGradient", "scaleAndShiftGradient"] as const),
] as const;
type AddonKernel = (typeof replaced)[number] | "multiplyFused" | "multiplyPortable";

/** A product with fewer multiplications takes less time in WebAssembly: a native call costs about 100 ns more. */
const minMultiplications = 4096;

/** The addon for this platform, or the reason why there is none. */
export function loadNative(
  file = new URL(`../native/${process.platform}-${process.arch}.node`, import.meta.url),
  source = nativeSource,
): NativeAddon | string {
  let addon: NativeAddon;
  try {
    addon = createRequire(import.meta.url)(fileURLToPath(file));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "MODULE_NOT_FOUND")
      return `this package has no native kernels for ${process.platform}-${process.arch}`;
    return `the native kernels cannot be loaded: ${message.split("\n")[0]}`;
  }
  if (addon.source !== source)
    return `the native kernels were built from other sources (${addon.source}, not ${source})`;
  if (addon.sets.length === 0) return "the native kernels need AVX2 and FMA, which this processor lacks";
  return addon;
}

/** The kernels of one instruction set and arithmetic, in place of a module's. Products of at least `least` are native. */
export function nativeReplacement(
  addon: NativeAddon,
  set: string,
  arithmetic: Arithmetic,
  least = minMultiplications,
): Replacement {
  return {
    key: `${set} ${arithmetic}`,
    replace(exports, buffer) {
      const bound = addon.bind(new Uint8Array(buffer as ArrayBuffer), set);
      const kernels: Partial<Record<KernelName, RawKernel>> = { ...exports };
      for (const name of replaced) kernels[name] = bound[name];
      const { multiply: small } = exports;
      const large = arithmetic === "fused" ? bound.multiplyFused : bound.multiplyPortable;
      kernels.multiply = (a, b, c, d, e, f, g, h, i, j, rows, inner, columns) =>
        rows * inner * columns < least
          ? small(a, b, c, d, e, f, g, h, i, j, rows, inner, columns)
          : large(a, b, c, d, e, f, g, h, i, j, rows, inner, columns);
      return kernels as RawKernels;
    },
  };
}

/** The width of each instruction set's vectors, in bits. */
const widths = { avx512: 512, avx2: 256, neon: 128 } as const;

/**
 * Returns a backend with native kernels, or the reason why this process has none. They must give the `expected` bits of
 * WebAssembly's kernels in one short case of each kernel and in 20 updates of a small network. The widest instruction set
 * that does is taken; nothing is timed.
 */
export async function tryNative(
  arithmetic: Arithmetic,
  { addon = loadNative(), expected = recordedHashes }: { addon?: NativeAddon | string; expected?: RecordedHashes } = {},
): Promise<(Backend & { vectorBits: 128 | 256 | 512 }) | string> {
  if (typeof addon === "string") return addon;
  const modules = narrowKernels.with(arithmetic);
  let differing = "";
  for (const set of addon.sets) {
    const over = (least?: number): Backend => {
      const replacement = nativeReplacement(addon, set, arithmetic, least);
      return createWasmBackend(`native-${set}`, modules, { replacement });
    };
    // WebAssembly would have to compile its product.
    const part = await differingPart(over(0), expected);
    if (part === null) return { ...over(), vectorBits: widths[set as keyof typeof widths] };
    differing = part;
  }
  return `the native kernels gave other results: ${differing} ${differing === "updates" ? "differ" : "differs"}`;
}

/** The replacement with this key, in another thread. */
export function replacementOf(key: string): Replacement {
  const addon = loadNative();
  if (typeof addon === "string") throw new Error(addon);
  const [set, arithmetic] = key.split(" ");
  return nativeReplacement(addon, set, arithmetic as Arithmetic);
}
