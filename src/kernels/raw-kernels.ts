import { expect } from "../base/expect.ts";
import type { Arithmetic, Kernels } from "./kernels.ts";
import type { Matrix, Vector } from "./matrix.ts";
import { adamChunkBytes, adamSumBytes, lineBytes, type RawKernels } from "./signatures.ts";

/** Row strides and vectors are padded to a multiple of this many numbers: a cache line, and a kernel's widest step. */
export const rowMultiple = lineBytes / 4;

// The start of the memory: a line for scalars, a line of zeros, and the sums that `adam` writes.
const numbersAddress = 0;
const zerosAddress = lineBytes;
const sumsAddress = 2 * lineBytes;

/** The bytes at the start of a memory that its vectors cannot use, if it has up to `bytes` for vectors. */
export function reservedBytes(bytes: number): number {
  return sumsAddress + vectorBytes((adamSumBytes / 4) * Math.ceil(bytes / adamChunkBytes));
}

/**
 * The contract over raw kernels: checks every vector, turns it into an address, and passes scalars through the memory.
 * The raw kernels may come from anywhere, each from somewhere else, as long as all of them work in `buffer`. Vectors are
 * in its bytes from `base` to `limit`; others may use the rest, but the first `reservedBytes`, which the
 * kernels of one thread share, are not for vectors. `arithmetic` is what the raw `multiply` computes with.
 */
export function wrapRawKernels(
  raw: RawKernels,
  buffer: ArrayBufferLike,
  [base, limit]: readonly [base: number, limit: number],
  { threads, arithmetic }: { readonly threads: number; readonly arithmetic: Arithmetic },
): Kernels {
  // A call through a constant is faster than a call through a property.
  const { multiply, transpose, sumRows, subtractRow, relu, reluGradient, tanh, tanhGradient, adam, flush, softUpdate } =
    raw;
  const { softmax, batchNorm, batchNormRunning, batchNormGradient } = raw;
  const { layerNorm, layerNormGradient, scaleAndShiftGradient } = raw;
  // V8 heap-allocates a double that is passed to WebAssembly, unless it inlines the call. So scalars go through the
  // memory's first line.
  const numbers = new Float64Array(buffer, numbersAddress, lineBytes / 8);
  const sums = new Float64Array(buffer, sumsAddress, Math.ceil((limit - base) / adamChunkBytes));
  let used = base;
  const size = limit - base;
  const lines = size / lineBytes;

  // A raw kernel writes wherever an address points, even over other vectors. So every argument is checked, which takes
  // ten nanoseconds each.

  /** Returns the address of a vector of at least `length` numbers. */
  function vector(x: Vector, length: number): number {
    const address = x.byteOffset;
    // The number of the line, with the bits of a position within a line moved to the top: below `lines` only for a line's
    // start between `base` and `limit`. One comparison instead of three is 4 % of the time of `Policy.act`.
    const offset = (address - base) | 0;
    const line = ((offset << 26) | (offset >>> 6)) >>> 0;
    if (x.buffer !== buffer || line >= lines || x.length < length) refuseVector(x, length);
    return address;
  }

  /** Returns the address of a matrix with padded rows. */
  function matrix(x: Matrix, rows: number, columns: number): number {
    if (x.rows !== rows || x.columns !== columns || x.columnStride !== 1 || (x.rowStride & (rowMultiple - 1)) !== 0) {
      refuseMatrix(x, rows, columns);
    }
    return vector(x.data, (rows - 1) * x.rowStride + columns);
  }

  function refuseVector(x: Vector, length: number): never {
    if (x.buffer !== buffer || x.byteOffset < base || x.byteOffset >= limit) {
      throw new Error("Kernels: expected a vector from these kernels' own allocate, got one from elsewhere.");
    }
    throw new Error(
      `Kernels: expected at least ${length} numbers at a multiple of ${lineBytes} bytes, got ${x.length} at ${x.byteOffset}.`,
    );
  }

  return {
    rowMultiple,
    threads,
    arithmetic,

    allocate(length) {
      const left = (limit - used) / 4;
      const hint = "The kernels' memory has one size, set when they are created: create them with more.";
      expect(length >= 0 && length <= left, "Kernels.allocate length", `0 to ${left} numbers`, length, hint);
      // With its padding, because other kernels may have used these bytes.
      new Float32Array(buffer, used, vectorBytes(length) / 4).fill(0);
      const view = new Float32Array(buffer, used, length);
      used += vectorBytes(length);
      return view;
    },

    multiply(c, a, b, start) {
      const { rows, columns, rowStride, columnStride, data } = a;
      const address = data.byteOffset;
      if (data.buffer !== buffer || (address - base) >>> 0 >= size) refuseVector(data, 0);
      const startRows = start === null || start.rows === 1 ? 1 : rows;
      multiply(
        matrix(c, rows, b.columns),
        4 * c.rowStride,
        start === null ? zerosAddress : matrix(start, startRows, b.columns),
        start === null || startRows === 1 ? 0 : 4 * start.rowStride,
        start === null ? 0 : 1,
        address,
        4 * rowStride,
        4 * columnStride,
        matrix(b, columns, c.columns),
        4 * b.rowStride,
        rows,
        columns,
        c.columns,
      );
    },

    transpose(out, x) {
      const { rows, columns } = x;
      const to = matrix(out, columns, rows);
      transpose(to, 4 * out.rowStride, matrix(x, rows, columns), 4 * x.rowStride, rows, columns, vectorBytes(rows));
    },

    sumRows(out, x) {
      const { rows, columns } = x;
      sumRows(vector(out, columns), matrix(x, rows, columns), 4 * x.rowStride, rows, vectorBytes(columns));
    },

    subtractRow(out, x, row) {
      const { rows, columns } = x;
      subtractRow(
        matrix(out, rows, columns),
        4 * out.rowStride,
        matrix(x, rows, columns),
        4 * x.rowStride,
        vector(row, columns),
        rows,
        vectorBytes(columns),
      );
    },

    relu(x) {
      const { rows, columns } = x;
      relu(matrix(x, rows, columns), 4 * x.rowStride, rows, paddedBytes(columns, 8));
    },

    reluGradient(g, y) {
      const { rows, columns } = g;
      const to = matrix(g, rows, columns);
      reluGradient(to, 4 * g.rowStride, matrix(y, rows, columns), 4 * y.rowStride, rows, paddedBytes(columns, 8));
    },

    tanh(x) {
      const { rows, columns } = x;
      tanh(matrix(x, rows, columns), 4 * x.rowStride, rows, paddedBytes(columns, 4));
    },

    tanhGradient(g, y) {
      const { rows, columns } = g;
      const to = matrix(g, rows, columns);
      tanhGradient(to, 4 * g.rowStride, matrix(y, rows, columns), 4 * y.rowStride, rows, paddedBytes(columns, 4));
    },

    softmax(p, sums, x) {
      const { rows, columns } = x;
      softmax(
        matrix(p, rows, columns),
        4 * p.rowStride,
        matrix(sums, rows, 2),
        4 * sums.rowStride,
        matrix(x, rows, columns),
        4 * x.rowStride,
        rows,
        columns,
        vectorBytes(columns),
      );
    },

    batchNorm(y, normalized, inverseDeviation, mean, variance, x, scale, shift, { epsilon }) {
      const { rows, columns } = x;
      numbers[0] = epsilon;
      batchNorm(
        matrix(y, rows, columns),
        4 * y.rowStride,
        matrix(normalized, rows, columns),
        4 * normalized.rowStride,
        vector(inverseDeviation, columns),
        vector(mean, columns),
        vector(variance, columns),
        matrix(x, rows, columns),
        4 * x.rowStride,
        vector(scale, columns),
        vector(shift, columns),
        numbersAddress,
        rows,
        columns,
        vectorBytes(columns),
      );
    },

    batchNormRunning(y, x, mean, variance, scale, shift, { epsilon }) {
      const { rows, columns } = x;
      numbers[0] = epsilon;
      batchNormRunning(
        matrix(y, rows, columns),
        4 * y.rowStride,
        matrix(x, rows, columns),
        4 * x.rowStride,
        vector(mean, columns),
        vector(variance, columns),
        vector(scale, columns),
        vector(shift, columns),
        numbersAddress,
        rows,
        vectorBytes(columns),
      );
    },

    batchNormGradient(g, scaleGradient, shiftGradient, normalized, inverseDeviation, scale) {
      const { rows, columns } = g;
      batchNormGradient(
        matrix(g, rows, columns),
        4 * g.rowStride,
        vector(scaleGradient, columns),
        vector(shiftGradient, columns),
        matrix(normalized, rows, columns),
        4 * normalized.rowStride,
        vector(inverseDeviation, columns),
        vector(scale, columns),
        rows,
        vectorBytes(columns),
      );
    },

    layerNorm(y, normalized, inverseDeviation, x, scale, shift, { epsilon }) {
      const { rows, columns } = x;
      numbers[0] = epsilon;
      layerNorm(
        matrix(y, rows, columns),
        4 * y.rowStride,
        matrix(normalized, rows, columns),
        4 * normalized.rowStride,
        vector(inverseDeviation, rows),
        matrix(x, rows, columns),
        4 * x.rowStride,
        vector(scale, columns),
        vector(shift, columns),
        numbersAddress,
        rows,
        columns,
        vectorBytes(columns),
      );
    },

    layerNormGradient(g, normalized, inverseDeviation, scale) {
      const { rows, columns } = g;
      layerNormGradient(
        matrix(g, rows, columns),
        4 * g.rowStride,
        matrix(normalized, rows, columns),
        4 * normalized.rowStride,
        vector(inverseDeviation, rows),
        vector(scale, columns),
        rows,
        columns,
        vectorBytes(columns),
      );
    },

    scaleAndShiftGradient(scaleGradient, shiftGradient, g, normalized) {
      const { rows, columns } = g;
      scaleAndShiftGradient(
        vector(scaleGradient, columns),
        vector(shiftGradient, columns),
        matrix(g, rows, columns),
        4 * g.rowStride,
        matrix(normalized, rows, columns),
        4 * normalized.rowStride,
        rows,
        vectorBytes(columns),
      );
    },

    adam(parameters, gradients, m, v, step) {
      const { length } = parameters;
      numbers[0] = step.stepSize;
      numbers[1] = 1 / step.correction;
      numbers[2] = step.beta1;
      numbers[3] = 1 - step.beta1;
      numbers[4] = step.beta2;
      numbers[5] = 1 - step.beta2;
      numbers[6] = step.epsilon;
      numbers[7] = step.weightDecay;
      const [p, g] = [vector(parameters, length), vector(gradients, length)];
      const size = vectorBytes(length);
      adam(p, g, vector(m, length), vector(v, length), size, numbersAddress, sumsAddress);
      let squares = 0;
      for (let chunk = 0; chunk * adamChunkBytes < size; chunk++) squares += sums[chunk];
      step.squares = squares;
    },

    flush(x) {
      flush(vector(x, x.length), vectorBytes(x.length));
    },

    softUpdate(target, online, { rate }) {
      const { length } = target;
      numbers[0] = rate;
      softUpdate(vector(target, length), vector(online, length), vectorBytes(length), numbersAddress);
    },
  };
}

/** The bytes of memory that `allocate` uses for `length` numbers, including padding. */
export function vectorBytes(length: number): number {
  return paddedBytes(length, rowMultiple);
}

/**
 * The bytes of `length` numbers, rounded up to `multiple` numbers. A kernel that works in place covers only as much of
 * the padding as its vectors do, and leaves the rest as it is.
 */
function paddedBytes(length: number, multiple: number): number {
  return 4 * ((length + multiple - 1) & -multiple);
}

function refuseMatrix(x: Matrix, rows: number, columns: number): never {
  throw new Error(
    `Kernels: expected a matrix of ${rows} × ${columns}, strides of a multiple of ${rowMultiple} and of 1, ` +
      `got ${x.rows} × ${x.columns}, strides of ${x.rowStride} and ${x.columnStride}.`,
  );
}
