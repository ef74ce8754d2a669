// How a call of a fast kernel is cut into pieces for several threads. Each element of a result is computed in one piece,
// from the same numbers and in the same order as without cutting: the bits are the same. All arguments are whole numbers:
// addresses, strides and sizes in bytes, and counts.

/** A kernel as WebAssembly exports it. */
export type Kernel = (...values: number[]) => number;

/** No kernel takes more. */
export const mostArguments = 15;

/** The place behind a call's arguments holds 1, for what no argument says. */
const ONE = mostArguments;

/** A way to cut the calls of a kernel. Numbers are places in its list of arguments, in assembly/index.ts. */
export interface Cut {
  readonly kernel: string;
  /** What is cut: a count of rows or columns, or the bytes of a row or a vector. */
  readonly along: number;
  /** A piece takes a multiple of so many, but for the last. */
  readonly unit: number;
  /** What else is different in a piece: the argument += how many come before the piece · the stride · the factor. */
  readonly moves: readonly (readonly [argument: number, stride: number, factor: number])[];
  /** How long a call takes, about, in steps of `multiply` over 16 bytes: the factor · three arguments. */
  readonly work: readonly [factor: number, number, number, number];
}

/** A line of the cache, in bytes: where two threads write to the same, it goes to and fro. */
const LINE = 64;
/** What `adam` sums up by itself, in bytes, and the sum. */
const CHUNK = 4 * 4096;
const SUM = 8;

type Move = Cut["moves"][number];
const row = (matrix: number): Move => [matrix, matrix + 1, 1];
const byte = (address: number): Move => [address, ONE, 1];

/** `multiply` is here twice: in the gradient of a first layer's weights there are few rows. */
export const cuts: readonly Cut[] = [
  { kernel: "multiply", along: 10, unit: 4, moves: [row(0), row(2), row(5)], work: [4 / 16, 10, 11, 12] },
  {
    kernel: "multiply",
    along: 12,
    unit: LINE / 4,
    // Argument 4 is 1 where each column has a start of its own, else 0.
    moves: [
      [0, ONE, 4],
      [2, 4, 4],
      [8, ONE, 4],
    ],
    work: [4 / 16, 10, 11, 12],
  },
  { kernel: "transpose", along: 5, unit: 4, moves: [row(0), [2, ONE, 4]], work: [4 / 16, 5, 6, ONE] },
  { kernel: "sumRows", along: 4, unit: LINE, moves: [byte(0), byte(1)], work: [2 / 16, 3, 4, ONE] },
  { kernel: "relu", along: 2, unit: 1, moves: [row(0)], work: [2 / 16, 2, 3, ONE] },
  { kernel: "reluGradient", along: 4, unit: 1, moves: [row(0), row(2)], work: [2 / 16, 4, 5, ONE] },
  { kernel: "tanh", along: 2, unit: 1, moves: [row(0)], work: [40 / 16, 2, 3, ONE] },
  { kernel: "tanhGradient", along: 4, unit: 1, moves: [row(0), row(2)], work: [3 / 16, 4, 5, ONE] },
  {
    kernel: "batchNorm",
    along: 14,
    unit: LINE,
    // Argument 13 says how many columns are left before the padding: four bytes each.
    moves: [...[0, 2, 4, 5, 6, 7, 9, 10].map(byte), [13, ONE, -1 / 4]],
    work: [11 / 16, 12, 14, ONE],
  },
  { kernel: "batchNormRunning", along: 9, unit: 1, moves: [row(0), row(2)], work: [13 / 16, 9, 10, ONE] },
  {
    kernel: "batchNormGradient",
    along: 9,
    unit: LINE,
    moves: [0, 2, 3, 4, 6, 7].map(byte),
    work: [10 / 16, 8, 9, ONE],
  },
  {
    kernel: "adam",
    along: 4,
    unit: CHUNK,
    moves: [...[0, 1, 2, 3].map(byte), [6, ONE, SUM / CHUNK]],
    work: [17 / 16, 4, ONE, ONE],
  },
  { kernel: "flush", along: 1, unit: LINE, moves: [byte(0)], work: [2 / 16, 1, ONE, ONE] },
  { kernel: "softUpdate", along: 2, unit: LINE, moves: [byte(0), byte(1)], work: [3 / 16, 2, ONE, ONE] },
];

/** Room for the arguments of a call, and the 1 behind them. */
export function callOf(): Int32Array {
  const call = new Int32Array(mostArguments + 1);
  call[ONE] = 1;
  return call;
}

/** How long a call takes, about, in steps of `multiply` over 16 bytes. */
export function workOf({ work }: Cut, call: Int32Array): number {
  return work[0] * call[work[1]] * call[work[2]] * call[work[3]];
}

/** Into how many units a call can be cut. */
export function unitsOf({ along, unit }: Cut, call: Int32Array): number {
  return Math.ceil(call[along] / unit);
}

/** Runs one of so many pieces of a call; `p` is room for its arguments. */
export function runPiece(
  kernel: Kernel,
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
  for (let i = 0; i < mostArguments; i++) p[i] = call[i];
  p[along] = end - start;
  for (let i = 0; i < moves.length; i++) {
    const move = moves[i];
    p[move[0]] = call[move[0]] + start * call[move[1]] * move[2];
  }
  kernel(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], p[12], p[13], p[14]);
}
