// What native kernels must show before they are used: the recorded bits of one short case of each kernel that reaches
// every tile and edge, and those of 20 updates of a small network. All code here runs once, before the engine compiles
// it. So inputs come from a few integer operations, and hashes stand for the results of WebAssembly's kernels; a test
// holds that these have them.
import type { Backend } from "../kernels/backend.ts";
import type { AdamStep, Arithmetic, KernelName, Kernels } from "../kernels/kernels.ts";
import { Matrix, type Vector } from "../kernels/matrix.ts";
import { allocateMatrix } from "../nn/parameters.ts";

/** What is compared: the cases of a kernel, or the updates. */
type Part = KernelName | "updates";
type Hashes = Readonly<Partial<Record<Part, number>>>;

export type RecordedHashes = Readonly<Record<Arithmetic, Hashes>>;

/** Only products depend on the arithmetic. */
const others: Hashes = {
  transpose: 888037963,
  sumRows: 945531453,
  relu: -2135685354,
  reluGradient: 731428056,
  adam: 1809356470,
  softUpdate: 1284303855,
  flush: 68011304,
  layerNorm: 1806903280,
  scaleAndShiftGradient: 1235024397,
  layerNormGradient: 345369162,
};

/** The hashes that WebAssembly's kernels give, on every engine. */
export const recordedHashes: RecordedHashes = {
  portable: { ...others, multiply: -937164533, updates: -666851880 },
  fused: { ...others, multiply: -1019452206, updates: 197182511 },
};

/** The memory of the cases below, in numbers. */
const memory = 1 << 16;

/** The sizes of products: whole tiles of every instruction set, and every remainder. */
const inner = 9;
const rowCounts = [1, 11];
const columnCounts = [5, 20, 40, 140];

/** The sizes of other matrices: whole blocks, and every remainder. */
const sizes = [
  [1, 73],
  [6, 74],
  [11, 75],
] as const;

/** Returns the first part whose results are not the recorded ones, or null. */
export async function differingPart(backend: Backend, expected = recordedHashes): Promise<Part | null> {
  const kernels = await backend.create(memory, () => 0);
  for (const [part, hash] of hashesOf(kernels)) if (hash !== expected[kernels.arithmetic][part]) return part;
  return null;
}

/** The hashes of all that kernels calculate from fixed inputs, and of its padding, in the order of the calculations. */
export function hashesOf(kernels: Kernels): Map<Part, number> {
  const hashes = new Map<Part, number>();
  const keep = (part: Part, vector: Vector): void => {
    hashes.set(part, hashOf(vector, hashes.get(part)));
  };
  const inputs = inputsFrom(1, 2048);
  let drawn = 0;
  const matrix = (rows: number, columns: number): Matrix => {
    const x = allocateMatrix(kernels, rows, columns);
    for (let i = 0; i < rows; i++) {
      drawn = (drawn + 389) % 1024;
      x.data.set(inputs.subarray(drawn, drawn + columns), i * x.rowStride);
    }
    return x;
  };
  multiplyCases(kernels, matrix, keep);
  otherCases(kernels, matrix, keep);
  keep("updates", updated(kernels, matrix));
  return hashes;
}

type Draw = (rows: number, columns: number) => Matrix;
type Keep = (part: Part, vector: Vector) => void;

function multiplyCases(kernels: Kernels, matrix: Draw, keep: Keep): void {
  for (const [i, rows] of rowCounts.entries()) {
    for (const [j, columns] of columnCounts.entries()) {
      const a = (i + j) % 2 === 0 ? matrix(rows, inner) : matrix(inner, rows).transposed;
      const c = matrix(rows, columns);
      const start = [null, c, matrix(1, columns)][j % 3];
      kernels.multiply(c, a, matrix(inner, columns), start);
      keep("multiply", c.data);
    }
  }
}

function otherCases(kernels: Kernels, matrix: Draw, keep: Keep): void {
  for (const [rows, columns] of sizes) {
    const x = matrix(rows, columns);
    const y = allocateMatrix(kernels, columns, rows);
    kernels.transpose(y, x);
    keep("transpose", y.data);
    const sums = kernels.allocate(columns);
    kernels.sumRows(sums, x);
    keep("sumRows", sums);
    x.data.set([-0, 0, Infinity, -Infinity, Number.NaN]);
    kernels.relu(x);
    keep("relu", x.data);
    const g = matrix(rows, columns);
    kernels.reluGradient(g, x);
    keep("reluGradient", g.data);
  }
  // More than a chunk of Adam's.
  const [parameters, gradients, m, v] = [1, 2, 3, 4].map(() => matrix(7, 600).data);
  kernels.relu(new Matrix(v, 1, v.length));
  const step = { ...adamStep(1), weightDecay: 0.01 };
  kernels.adam(parameters, gradients, m, v, step);
  for (const vector of [parameters, m, v, new Float32Array([step.squares])]) keep("adam", vector);
  const [target, x] = [m, v].map((vector) => vector.subarray(0, 75));
  kernels.softUpdate(target, x, { rate: 0.001 });
  keep("softUpdate", target);
  x.set([1e-39, -1e-39, 1.1754943508222875e-38, -1.2e-38, -0, Infinity, Number.NaN]);
  kernels.flush(x);
  keep("flush", x);
  for (const [rows, columns] of sizes) {
    const [g, row] = [matrix(rows, columns), matrix(rows, columns)];
    const [scale, shift] = [matrix(1, columns).data, matrix(1, columns).data];
    const normalized = allocateMatrix(kernels, rows, columns);
    const inverseDeviation = kernels.allocate(rows);
    kernels.layerNorm(row, normalized, inverseDeviation, row, scale, shift, normalization);
    for (const vector of [row.data, normalized.data, inverseDeviation]) keep("layerNorm", vector);
    kernels.scaleAndShiftGradient(shift, scale, g, normalized);
    for (const vector of [shift, scale]) keep("scaleAndShiftGradient", vector);
    kernels.layerNormGradient(g, normalized, inverseDeviation, scale);
    keep("layerNormGradient", g.data);
  }
}

/**
 * Trains a network of one hidden layer, which is normalized, by 20 updates that call every kernel that may be native. Returns
 * the parameters, Adam's averages and the target parameters.
 */
function updated(kernels: Kernels, matrix: Draw): Vector {
  const [batch, inputs, hidden, outputs] = [30, 11, 45, 7];
  const [x, target] = [matrix(batch, inputs), matrix(batch, outputs)];
  const [h, hGradient] = [allocateMatrix(kernels, batch, hidden), allocateMatrix(kernels, batch, hidden)];
  const error = allocateMatrix(kernels, batch, outputs);
  const transposed = allocateMatrix(kernels, outputs, hidden);
  const normalized = allocateMatrix(kernels, batch, hidden);
  const inverseDeviation = kernels.allocate(batch);
  // The weights of both layers, the biases of the first, and its scales and shifts.
  const shapes = [
    [inputs, hidden],
    [hidden, outputs],
    [1, hidden],
    [1, hidden],
    [1, hidden],
  ] as const;
  const lengths = shapes.map(([rows, columns]) => rows * 16 * Math.ceil(columns / 16));
  const length = lengths.reduce((sum, one) => sum + one);
  // One vector after the other, as the result.
  const all = kernels.allocate(4 * length);
  const [parameters, m, v, slow] = [0, 1, 2, 3].map((k) => all.subarray(k * length, (k + 1) * length));
  const gradients = kernels.allocate(length);
  const split = (vector: Vector): Matrix[] => {
    let start = 0;
    return shapes.map(([rows, columns], k) => {
      const part = new Matrix(vector.subarray(start, start + lengths[k]), rows, columns, lengths[k] / rows);
      start += lengths[k];
      return part;
    });
  };
  const [first, second, biases, scale, shift] = split(parameters);
  const [firstGradient, secondGradient, biasGradient, scaleGradient, shiftGradient] = split(gradients);
  for (const weights of [first, second, scale]) weights.data.set(matrix(weights.rows, weights.columns).data);
  for (let update = 1; update <= 20; update++) {
    kernels.multiply(h, x, first, biases);
    kernels.layerNorm(h, normalized, inverseDeviation, h, scale.data, shift.data, normalization);
    kernels.relu(h);
    // The sums of a product start with the negative targets, so they are errors.
    kernels.multiply(error, h, second, target);
    kernels.multiply(secondGradient, h.transposed, error, null);
    kernels.transpose(transposed, second);
    kernels.multiply(hGradient, error, transposed, null);
    kernels.reluGradient(hGradient, h);
    kernels.scaleAndShiftGradient(scaleGradient.data, shiftGradient.data, hGradient, normalized);
    kernels.layerNormGradient(hGradient, normalized, inverseDeviation, scale.data);
    kernels.multiply(firstGradient, x.transposed, hGradient, null);
    kernels.sumRows(biasGradient.data, hGradient);
    kernels.adam(parameters, gradients, m, v, adamStep(update));
    kernels.flush(m);
    kernels.flush(v);
    kernels.softUpdate(slow, parameters, { rate: 0.1 });
  }
  return all;
}

const normalization = { epsilon: 0.001 };

/** One step of Adam; the corrections need not be those of the paper. */
function adamStep(update: number): AdamStep {
  return {
    stepSize: 0.01 / update,
    correction: update / 21,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    squares: 0,
  };
}

/** Numbers from −1 to 1 with 24 bits each, from a linear congruential generator. */
function inputsFrom(seed: number, length: number): Float32Array {
  const numbers = new Float32Array(length);
  let word = seed;
  for (let i = 0; i < length; i++) {
    word = (Math.imul(word, 1664525) + 1013904223) | 0;
    numbers[i] = (word >> 7) / 16777216;
  }
  return numbers;
}

/** Mixes all bits of a vector into a hash. Any word that differs alone makes another hash: each step is one to one. */
function hashOf({ buffer, byteOffset, length }: Vector, start = 1): number {
  const words = new Int32Array(buffer, byteOffset, length);
  let hash = start;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ words[i], 0x2c1b3c6d);
    hash ^= hash >>> 15;
  }
  return hash;
}
