import { expect } from "../../base/expect.ts";
import type { Kernels } from "../kernels.ts";
import type { Matrix, Vector } from "../matrix.ts";
import { type KernelModules, kernelsInUse } from "./modules.ts";
import type { Kernel } from "./pieces.ts";
import type { Threads } from "./threads.ts";

// WebAssembly is everywhere, but in no library of types that the pure floors may use.
declare const WebAssembly: {
  instantiate(module: object, imports: object): Promise<{ readonly exports: Record<string, Kernel> }>;
  Memory: new (pages: { initial: number; maximum: number; shared: boolean }) => { readonly buffer: ArrayBufferLike };
};

/** Row strides and vectors are padded to a multiple of this many floats: a line of the cache, a kernel's widest step. */
export const rowMultiple = 16;

const LINE = 4 * rowMultiple;
const PAGE = 65536;
/** Bytes of the numbers whose squares `adam` adds up by themselves, as a Float64. */
const CHUNK = 4 * 4096;

/** What kernels are made of and who computes them, where that is not as usual. */
export interface WasmOptions {
  /** Threads that may take pieces of the calls. */
  readonly threads?: Threads | undefined;
  /** How much work is in the largest call, as `multiplyWork` counts it. */
  readonly largest?: number;
  readonly modules?: KernelModules | undefined;
  /** A memory that threads could share, though nobody does. */
  readonly shared?: boolean;
}

/**
 * The fast kernels: WebAssembly SIMD, Float32, over one memory of `bytes` (rounded up to 64 KiB) that never grows. Every
 * vector that they are given must come from their own `allocate`.
 */
export async function createWasmKernels(
  bytes: number,
  { threads, largest = 0, modules = kernelsInUse(), shared = false }: WasmOptions = {},
): Promise<Kernels> {
  const sums = vectorBytes(2 * Math.ceil((bytes + PAGE) / CHUNK));
  const pages = Math.ceil((bytes + 2 * LINE + sums) / PAGE);
  expect(pages > 0 && pages < 65536, "createWasmKernels bytes", "a number from 0 to 4 GiB − 3 MiB", bytes);
  const instantiate = async (module: object, shared: boolean) => {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
    return { memory, exports };
  };
  if (threads) {
    const module = await modules.shared();
    if (await threads.areWorth(largest, module)) {
      const { memory, exports } = await instantiate(module, true);
      const split = await threads.share(exports, module, memory);
      if (split) return wrap(split, memory.buffer, sums, threads.count);
    }
  }
  const { memory, exports } = await instantiate(await (shared ? modules.shared() : modules.own()), shared);
  return wrap(exports, memory.buffer, sums, 1);
}

function wrap(
  exports: Readonly<Record<string, Kernel>>,
  buffer: ArrayBufferLike,
  sumsBytes: number,
  threads: number,
): Kernels {
  // A call through a constant is faster than one through a property.
  const { multiply, transpose, sumRows, relu, reluGradient, tanh, tanhGradient, adam, flush, softUpdate } = exports;
  const { batchNorm, batchNormRunning, batchNormGradient } = exports;
  const capacity = buffer.byteLength;
  // A fraction that is an argument or a result of a call into WebAssembly is an object on the heap, unless the engine
  // happens to inline the call: these go through the memory's first line.
  const numbers = new Float64Array(buffer, 0, LINE / 8);
  const NUMBERS = 0;
  const ZEROS = LINE;
  const SUMS = 2 * LINE;
  const sums = new Float64Array(buffer, SUMS, sumsBytes / 8);
  let used = SUMS + sumsBytes;

  // A kernel writes wherever it is told to, over other vectors if need be: each of these costs ten nanoseconds.

  /** The address of a vector of at least `length` numbers, padded. */
  function vector(x: Vector, length: number): number {
    const address = x.byteOffset;
    if (x.buffer !== buffer || (address & (LINE - 1)) !== 0 || x.length < length) refuseVector(x, length);
    return address;
  }

  /** The address of a matrix with padded rows. */
  function matrix(x: Matrix, rows: number, columns: number): number {
    if (x.rows !== rows || x.columns !== columns || x.columnStride !== 1 || (x.rowStride & (rowMultiple - 1)) !== 0) {
      refuseMatrix(x, rows, columns);
    }
    return vector(x.data, (rows - 1) * x.rowStride + columns);
  }

  function refuseVector(x: Vector, length: number): never {
    if (x.buffer !== buffer) {
      throw new Error("Kernels: expected a vector from these kernels' own allocate, got one from elsewhere.");
    }
    throw new Error(
      `Kernels: expected at least ${length} numbers at a multiple of ${LINE} bytes, got ${x.length} at ${x.byteOffset}.`,
    );
  }

  return {
    rowMultiple,
    threads,

    allocate(length) {
      const left = (capacity - used) / 4;
      const wayOut = "The kernels' memory has one size, set when they are created: create them with more.";
      expect(length >= 0 && length <= left, "Kernels.allocate length", `0 to ${left} numbers`, length, wayOut);
      const view = new Float32Array(buffer, used, length);
      used += vectorBytes(length);
      return view;
    },

    multiply(c, a, b, start) {
      const { rows, columns, rowStride, columnStride, data } = a;
      if (data.buffer !== buffer) refuseVector(data, 0);
      const startRows = start === null || start.rows === 1 ? 1 : rows;
      multiply(
        matrix(c, rows, b.columns),
        4 * c.rowStride,
        start === null ? ZEROS : matrix(start, startRows, b.columns),
        start === null || startRows === 1 ? 0 : 4 * start.rowStride,
        start === null ? 0 : 1,
        data.byteOffset,
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
        NUMBERS,
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
        NUMBERS,
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
      adam(p, g, vector(m, length), vector(v, length), size, NUMBERS, SUMS);
      let squares = 0;
      for (let chunk = 0; chunk * CHUNK < size; chunk++) squares += sums[chunk];
      step.squares = squares;
    },

    flush(x) {
      flush(vector(x, x.length), vectorBytes(x.length));
    },

    softUpdate(target, online, { rate }) {
      const { length } = target;
      numbers[0] = rate;
      softUpdate(vector(target, length), vector(online, length), vectorBytes(length), NUMBERS);
    },
  };
}

/** The bytes of memory that `allocate` takes for `length` numbers, padding included. */
export function vectorBytes(length: number): number {
  return paddedBytes(length, rowMultiple);
}

/**
 * The bytes of `length` numbers rounded up to a multiple. A kernel that works in place walks as few vectors as it can,
 * and leaves the padding behind them as it is.
 */
function paddedBytes(length: number, multiple: number): number {
  return 4 * ((length + multiple - 1) & -multiple);
}

/** The work in a product of [M, K] and [K, N], in steps over 16 bytes. */
export function multiplyWork(M: number, K: number, N: number): number {
  return (M * K * N) / 4;
}

function refuseMatrix(x: Matrix, rows: number, columns: number): never {
  throw new Error(
    `Kernels: expected a matrix of ${rows} × ${columns}, strides of a multiple of ${rowMultiple} and of 1, ` +
      `got ${x.rows} × ${x.columns}, strides of ${x.rowStride} and ${x.columnStride}.`,
  );
}
