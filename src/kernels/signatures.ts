// The raw kernels, which compute the contract of kernels.ts: functions over addresses in one memory, such as a
// WebAssembly module exports. This file is the only list of their parameters. A test compares it with
// wasm/assembly/index.ts. Addresses, strides and sizes are in bytes; `rows`, `inner` and `columns` are counts. All
// arguments are whole numbers: scalars are passed through the memory, at the address `numbers`.
import type { KernelName } from "./kernels.ts";

/** A function over addresses. */
export type RawKernel = (...values: number[]) => number;

/** One for each kernel of the contract, all over the same memory. The compiler counts the arguments of every call. */
export type RawKernels = {
  readonly [K in KernelName]: Call<(typeof signatures)[K]>;
};

/** A function with one number for each name. The declarations must also be readable by TypeScript 5.0. */
type Call<Names extends readonly unknown[]> = { -readonly [I in keyof Names]: number } extends infer Values extends
  number[]
  ? (...values: Values) => number
  : never;

/** The parameters of each raw kernel, in order. */
export const signatures = {
  multiply: [
    ...(["c", "cStride", "start", "startStride", "startsApart"] as const),
    ...(["a", "aRowStride", "aColumnStride", "b", "bStride", "rows", "inner", "columns"] as const),
  ],
  transpose: ["out", "outStride", "x", "xStride", "rows", "columns", "width"],
  sumRows: ["out", "x", "xStride", "rows", "width"],
  subtractRow: ["out", "outStride", "x", "xStride", "row", "rows", "width"],
  relu: ["x", "xStride", "rows", "width"],
  reluGradient: ["g", "gStride", "y", "yStride", "rows", "width"],
  tanh: ["x", "xStride", "rows", "width"],
  tanhGradient: ["g", "gStride", "y", "yStride", "rows", "width"],
  softmax: ["p", "pStride", "sums", "sumsStride", "x", "xStride", "rows", "columns", "width"],
  batchNorm: [
    ...(["y", "yStride", "normalized", "normalizedStride", "inverseDeviation", "mean", "variance"] as const),
    ...(["x", "xStride", "scale", "shift", "numbers", "rows", "columns", "width"] as const),
  ],
  batchNormRunning: [
    ...(["y", "yStride", "x", "xStride", "mean", "variance", "scale", "shift", "numbers", "rows", "width"] as const),
  ],
  batchNormGradient: [
    ...(["g", "gStride", "scaleGradient", "shiftGradient", "normalized", "normalizedStride"] as const),
    ...(["inverseDeviation", "scale", "rows", "width"] as const),
  ],
  layerNorm: [
    ...(["y", "yStride", "normalized", "normalizedStride", "inverseDeviation", "x", "xStride"] as const),
    ...(["scale", "shift", "numbers", "rows", "columns", "width"] as const),
  ],
  layerNormGradient: [
    ...(["g", "gStride", "normalized", "normalizedStride", "inverseDeviation", "scale"] as const),
    ...(["rows", "columns", "width"] as const),
  ],
  scaleAndShiftGradient: [
    ...(["scaleGradient", "shiftGradient", "g", "gStride", "normalized", "normalizedStride", "rows", "width"] as const),
  ],
  adam: ["parameters", "gradients", "m", "v", "size", "numbers", "sums"],
  flush: ["x", "size"],
  softUpdate: ["target", "online", "size", "numbers"],
} as const satisfies Record<KernelName, readonly string[]>;

/** The name of a parameter of a raw kernel. */
export type Parameter<K extends KernelName> = (typeof signatures)[K][number];

/** All kernels of the contract. */
export const kernelNames = Object.keys(signatures) as readonly KernelName[];

/** A cache line. Row strides and vectors are padded to whole lines, and two threads do not write to the same one. */
export const lineBytes = 64;

/**
 * `adam` writes one Float64 sum of squares for every chunk of this many bytes of gradients, so that the sums do not
 * depend on the number of threads.
 */
export const adamChunkBytes = 4 * 4096;
export const adamSumBytes = 8;
