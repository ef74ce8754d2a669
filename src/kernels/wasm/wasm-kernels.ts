import { expect } from "../../base/expect.ts";
import type { Kernels } from "../kernels.ts";
import type { Matrix, Vector } from "../matrix.ts";
import encoded from "./module.ts";
import type { Kernel } from "./pieces.ts";
import type { Threads } from "./threads.ts";

// WebAssembly and atob are everywhere, but in no library of types that the pure floors may use.
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<{ readonly exports: Record<string, Kernel> }>;
  Memory: new (pages: { initial: number; maximum: number; shared: boolean }) => { readonly buffer: ArrayBufferLike };
};
declare const atob: (text: string) => string;

/** Row strides and vectors are padded to a multiple of this many floats: a line of the cache, a kernel's widest step. */
export const rowMultiple = 16;

const LINE = 4 * rowMultiple;
const PAGE = 65536;
/** Bytes of the numbers whose squares `adam` adds up by themselves, as a Float64. */
const CHUNK = 4 * 4096;

let compiled: Promise<object> | undefined;
let compiledForThreads: Promise<object> | undefined;

/** Threads that may take pieces of the calls, and how much work is in the largest call, as `multiplyWork` counts it. */
export interface Sharing {
  readonly threads: Threads;
  readonly largest: number;
}

/**
 * The fast kernels: WebAssembly, 128-bit SIMD, Float32, over one memory of `bytes` (rounded up to 64 KiB) that never
 * grows. Every vector that they are given must come from their own `allocate`.
 */
export async function createWasmKernels(bytes: number, sharing?: Sharing): Promise<Kernels> {
  const sums = vectorBytes(2 * Math.ceil((bytes + PAGE) / CHUNK));
  const pages = Math.ceil((bytes + LINE + sums) / PAGE);
  expect(pages > 0 && pages < 65536, "createWasmKernels bytes", "a number from 0 to 4 GiB − 3 MiB", bytes);
  if (sharing) {
    compiledForThreads ??= WebAssembly.compile(withSharedMemory(moduleBytes()));
    const module = await compiledForThreads;
    const { threads, largest } = sharing;
    if (await threads.areWorth(largest, module)) {
      const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
      const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
      const shared = await threads.share(exports, module, memory);
      if (shared) return wrap(shared, memory.buffer, sums, threads.count);
    }
  }
  compiled ??= WebAssembly.compile(moduleBytes());
  const module = await compiled;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: false });
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  return wrap(exports, memory.buffer, sums, 1);
}

function moduleBytes(): Uint8Array {
  return Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
}

/** The same module for a memory that threads share: what it imports must say so, in a bit of the memory's limits. */
function withSharedMemory(bytes: Uint8Array): Uint8Array {
  // The import of "env" "memory", a memory (2) that has a maximum (1).
  const entry = `\x03env\x06memory\x02\x01`;
  const text = String.fromCharCode(...bytes);
  const at = text.indexOf(entry);
  if (at < 0 || text.includes(entry, at + 1)) throw new Error("The kernels' module imports no memory, or two.");
  bytes[at + entry.length - 1] |= 2;
  return bytes;
}

function wrap(
  exports: Readonly<Record<string, Kernel>>,
  buffer: ArrayBufferLike,
  sumsBytes: number,
  threads: number,
): Kernels {
  // A call through a constant is faster than one through a property.
  const { multiply, transpose, fillRows, sumRows, relu, reluGradient, tanh, tanhGradient, adam, softUpdate } = exports;
  const { batchNorm, batchNormRunning, batchNormGradient } = exports;
  const capacity = buffer.byteLength;
  // A fraction that is an argument or a result of a call into WebAssembly is an object on the heap, unless the engine
  // happens to inline the call: these go through the memory's first line.
  const numbers = new Float64Array(buffer, 0, LINE / 8);
  const NUMBERS = 0;
  const sums = new Float64Array(buffer, LINE, sumsBytes / 8);
  let used = LINE + sumsBytes;

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

    multiply(c, a, b, accumulate) {
      const { rows, columns, rowStride, columnStride, data } = a;
      if (data.buffer !== buffer) refuseVector(data, 0);
      multiply(
        matrix(c, rows, b.columns),
        4 * c.rowStride,
        data.byteOffset,
        4 * rowStride,
        4 * columnStride,
        matrix(b, columns, c.columns),
        4 * b.rowStride,
        rows,
        columns,
        vectorBytes(c.columns),
        accumulate ? 1 : 0,
      );
    },

    transpose(out, x) {
      const { rows, columns } = x;
      const to = matrix(out, columns, rows);
      transpose(to, 4 * out.rowStride, matrix(x, rows, columns), 4 * x.rowStride, rows, columns, vectorBytes(rows));
    },

    fillRows(out, row) {
      const { rows, columns } = out;
      fillRows(matrix(out, rows, columns), 4 * out.rowStride, vector(row, columns), rows, vectorBytes(columns));
    },

    sumRows(out, x) {
      const { rows, columns } = x;
      sumRows(vector(out, columns), matrix(x, rows, columns), 4 * x.rowStride, rows, vectorBytes(columns));
    },

    relu(x) {
      const { rows, columns } = x;
      relu(matrix(x, rows, columns), 4 * x.rowStride, rows, vectorBytes(columns));
    },

    reluGradient(g, y) {
      const { rows, columns } = g;
      const to = matrix(g, rows, columns);
      reluGradient(to, 4 * g.rowStride, matrix(y, rows, columns), 4 * y.rowStride, rows, vectorBytes(columns));
    },

    tanh(x) {
      const { rows, columns } = x;
      tanh(matrix(x, rows, columns), 4 * x.rowStride, rows, vectorBytes(columns));
    },

    tanhGradient(g, y) {
      const { rows, columns } = g;
      const to = matrix(g, rows, columns);
      tanhGradient(to, 4 * g.rowStride, matrix(y, rows, columns), 4 * y.rowStride, rows, vectorBytes(columns));
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
      adam(p, g, vector(m, length), vector(v, length), size, NUMBERS, LINE);
      let squares = 0;
      for (let chunk = 0; chunk * CHUNK < size; chunk++) squares += sums[chunk];
      step.squares = squares;
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
  return 4 * ((length + rowMultiple - 1) & -rowMultiple);
}

/** The work in a product of [M, K] and [K, N], in steps over 16 bytes. */
export function multiplyWork(M: number, K: number, N: number): number {
  return (M * K * vectorBytes(N)) / 16;
}

function refuseMatrix(x: Matrix, rows: number, columns: number): never {
  throw new Error(
    `Kernels: expected a matrix of ${rows} × ${columns}, strides of a multiple of ${rowMultiple} and of 1, ` +
      `got ${x.rows} × ${x.columns}, strides of ${x.rowStride} and ${x.columnStride}.`,
  );
}
