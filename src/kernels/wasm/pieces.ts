// How a call of a raw kernel is cut into pieces for several threads. Each element of a result is computed in one piece,
// from the same numbers and in the same order as in a whole call, so the bits are the same. `signatures` says what the
// parameters mean.
import type { KernelName } from "../kernels.ts";
import { adamChunkBytes, adamSumBytes, lineBytes, type Parameter, type RawKernel, signatures } from "../signatures.ts";

/** No kernel has more parameters. */
export const maxArguments = 15;

/** The index behind a call's arguments, where the number 1 is. */
const ONE = maxArguments;

/** A way to cut the calls of a kernel, with parameters as indices. */
export interface Cut {
  readonly kernel: KernelName;
  /** The parameter that is cut: a count of rows or columns, or the bytes of a row or a vector. */
  readonly along: number;
  /** Every piece except the last takes a multiple of this many. */
  readonly unit: number;
  /** A piece adds to this argument: how many come before the piece · the argument `step` · the factor. */
  readonly moves: readonly (readonly [argument: number, step: number, factor: number])[];
  /** The approximate time of a call, in steps of `multiply` over 16 bytes: the factor · three arguments. */
  readonly work: readonly [factor: number, number, number, number];
}

/** The same with parameters by name, for the table below. */
interface NamedCut<P extends string> {
  readonly along: P;
  readonly unit: number;
  /** What a parameter grows by for each one before the piece: another parameter, a number, or their product. */
  readonly moves: readonly (readonly [parameter: P, step: P | number, factor?: number])[];
  readonly cost: number;
  readonly sizes: readonly P[];
}

function cut<K extends KernelName>(kernel: K, { along, unit, moves, cost, sizes }: NamedCut<Parameter<K>>): Cut {
  const names: readonly string[] = signatures[kernel];
  const [size0 = ONE, size1 = ONE, size2 = ONE] = sizes.map((name) => names.indexOf(name));
  return {
    kernel,
    along: names.indexOf(along),
    unit,
    moves: moves.map(([parameter, step, factor = 1]) =>
      typeof step === "number"
        ? [names.indexOf(parameter), ONE, step * factor]
        : [names.indexOf(parameter), names.indexOf(step), factor],
    ),
    work: [cost, size0, size1, size2],
  };
}

/** `multiply` has two: the product for the gradient of a first layer's weights has few rows. */
export const cuts: readonly Cut[] = [
  cut("multiply", {
    along: "rows",
    unit: 4,
    moves: [
      ["c", "cStride"],
      ["start", "startStride"],
      ["a", "aRowStride"],
    ],
    cost: 4 / 16,
    sizes: ["rows", "inner", "columns"],
  }),
  cut("multiply", {
    along: "columns",
    unit: lineBytes / 4,
    // `startsApart` is 1 where each column has a start of its own, else 0.
    moves: [
      ["c", 4],
      ["start", "startsApart", 4],
      ["b", 4],
    ],
    cost: 4 / 16,
    sizes: ["rows", "inner", "columns"],
  }),
  cut("transpose", {
    along: "columns",
    unit: 4,
    moves: [
      ["out", "outStride"],
      ["x", 4],
    ],
    cost: 4 / 16,
    sizes: ["columns", "width"],
  }),
  cut("sumRows", {
    along: "width",
    unit: lineBytes,
    moves: [
      ["out", 1],
      ["x", 1],
    ],
    cost: 2 / 16,
    sizes: ["rows", "width"],
  }),
  cut("subtractRow", {
    along: "rows",
    unit: 1,
    moves: [
      ["out", "outStride"],
      ["x", "xStride"],
    ],
    cost: 3 / 16,
    sizes: ["rows", "width"],
  }),
  cut("relu", { along: "rows", unit: 1, moves: [["x", "xStride"]], cost: 2 / 16, sizes: ["rows", "width"] }),
  cut("reluGradient", {
    along: "rows",
    unit: 1,
    moves: [
      ["g", "gStride"],
      ["y", "yStride"],
    ],
    cost: 2 / 16,
    sizes: ["rows", "width"],
  }),
  cut("tanh", { along: "rows", unit: 1, moves: [["x", "xStride"]], cost: 40 / 16, sizes: ["rows", "width"] }),
  cut("tanhGradient", {
    along: "rows",
    unit: 1,
    moves: [
      ["g", "gStride"],
      ["y", "yStride"],
    ],
    cost: 3 / 16,
    sizes: ["rows", "width"],
  }),
  cut("softmax", {
    along: "rows",
    unit: 1,
    moves: [
      ["p", "pStride"],
      ["sums", "sumsStride"],
      ["x", "xStride"],
    ],
    cost: 34 / 16,
    sizes: ["rows", "width"],
  }),
  cut("batchNorm", {
    along: "width",
    unit: lineBytes,
    // `columns` is how many are left before the padding: four bytes each.
    moves: [
      ["y", 1],
      ["normalized", 1],
      ["inverseDeviation", 1],
      ["mean", 1],
      ["variance", 1],
      ["x", 1],
      ["scale", 1],
      ["shift", 1],
      ["columns", -1 / 4],
    ],
    cost: 11 / 16,
    sizes: ["rows", "width"],
  }),
  cut("batchNormRunning", {
    along: "rows",
    unit: 1,
    moves: [
      ["y", "yStride"],
      ["x", "xStride"],
    ],
    cost: 13 / 16,
    sizes: ["rows", "width"],
  }),
  cut("batchNormGradient", {
    along: "width",
    unit: lineBytes,
    moves: [
      ["g", 1],
      ["scaleGradient", 1],
      ["shiftGradient", 1],
      ["normalized", 1],
      ["inverseDeviation", 1],
      ["scale", 1],
    ],
    cost: 10 / 16,
    sizes: ["rows", "width"],
  }),
  // A line of `inverseDeviation` belongs to 16 rows.
  cut("layerNorm", {
    along: "rows",
    unit: lineBytes / 4,
    moves: [
      ["y", "yStride"],
      ["normalized", "normalizedStride"],
      ["inverseDeviation", 4],
      ["x", "xStride"],
    ],
    cost: 10 / 16,
    sizes: ["rows", "width"],
  }),
  cut("layerNormGradient", {
    along: "rows",
    unit: 1,
    moves: [
      ["g", "gStride"],
      ["normalized", "normalizedStride"],
      ["inverseDeviation", 4],
    ],
    cost: 9 / 16,
    sizes: ["rows", "width"],
  }),
  cut("scaleAndShiftGradient", {
    along: "width",
    unit: lineBytes,
    moves: [
      ["scaleGradient", 1],
      ["shiftGradient", 1],
      ["g", 1],
      ["normalized", 1],
    ],
    cost: 5 / 16,
    sizes: ["rows", "width"],
  }),
  cut("adam", {
    along: "size",
    unit: adamChunkBytes,
    moves: [
      ["parameters", 1],
      ["gradients", 1],
      ["m", 1],
      ["v", 1],
      ["sums", adamSumBytes / adamChunkBytes],
    ],
    cost: 17 / 16,
    sizes: ["size"],
  }),
  cut("flush", { along: "size", unit: lineBytes, moves: [["x", 1]], cost: 2 / 16, sizes: ["size"] }),
  cut("softUpdate", {
    along: "size",
    unit: lineBytes,
    moves: [
      ["target", 1],
      ["online", 1],
    ],
    cost: 3 / 16,
    sizes: ["size"],
  }),
];

/** Space for the arguments of a call, and the 1 behind them. */
export function callOf(): Int32Array {
  const call = new Int32Array(maxArguments + 1);
  call[ONE] = 1;
  return call;
}

/** The approximate time of a call, in steps of `multiply` over 16 bytes. */
export function workOf({ work }: Cut, call: Int32Array): number {
  return work[0] * call[work[1]] * call[work[2]] * call[work[3]];
}

/** How many units a call can be cut into. */
export function unitsOf({ along, unit }: Cut, call: Int32Array): number {
  return Math.ceil(call[along] / unit);
}

/** Runs one of a call's `pieces`; `p` is space for its arguments. */
export function runPiece(
  kernel: RawKernel,
  cut: Cut,
  call: Int32Array,
  piece: number,
  pieces: number,
  p: Int32Array,
): void {
  const { along, unit, moves } = cut;
  const units = unitsOf(cut, call);
  const start = unit * Math.floor((units * piece) / pieces);
  const end = Math.min(call[along], unit * Math.floor((units * (piece + 1)) / pieces));
  for (let i = 0; i < maxArguments; i++) p[i] = call[i];
  p[along] = end - start;
  for (let i = 0; i < moves.length; i++) {
    const move = moves[i];
    p[move[0]] = call[move[0]] + start * call[move[1]] * move[2];
  }
  kernel(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], p[12], p[13], p[14]);
}
