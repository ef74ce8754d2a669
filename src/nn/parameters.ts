import type { Kernels } from "../kernels/kernels.ts";
import { Matrix, readMatrix, type Vector, writeMatrix } from "../kernels/matrix.ts";

/** One tensor of a network. Only weights are decayed by L2. */
export interface TensorShape {
  /** Its path in the network, such as `layer1.weights`. */
  name: string;
  kind: "weights" | "biases" | "scale" | "shift" | "mean" | "variance";
  rows: number;
  columns: number;
}

/** A tensor with its place in a flat vector. */
export interface Tensor extends TensorShape {
  rowStride: number;
  /** Where it lies in the flat vector, padding included. */
  start: number;
  end: number;
}

/**
 * All learned tensors of a network in one flat vector, their gradients in a second one of the same layout, so that the
 * optimiser and the soft update walk straight through; and the statistics that batch normalisation keeps, in a third.
 */
export class Parameters {
  readonly tensors: readonly Tensor[];
  readonly values: Vector;
  /** As long as `values`; empty for networks that do not learn. */
  readonly gradients: Vector;
  readonly #kernels: Kernels;
  readonly #statisticTensors: readonly Tensor[];
  readonly #statistics: Vector;

  constructor(
    kernels: Kernels,
    shapes: { readonly tensors: readonly TensorShape[]; readonly statistics: readonly TensorShape[] },
    withGradients: boolean,
  ) {
    this.#kernels = kernels;
    this.tensors = layOut(shapes.tensors, kernels.rowMultiple);
    this.values = kernels.allocate(length(this.tensors));
    this.gradients = kernels.allocate(withGradients ? this.values.length : 0);
    this.#statisticTensors = layOut(shapes.statistics, kernels.rowMultiple);
    this.#statistics = kernels.allocate(length(this.#statisticTensors));
  }

  /** The names of all tensors, the learned ones first, then the statistics. */
  get names(): string[] {
    return [...this.tensors, ...this.#statisticTensors].map(({ name }) => name);
  }

  /** The same numbers as another network of this shape, statistics included. */
  copyFrom(other: Parameters): void {
    this.values.set(other.values);
    this.#statistics.set(other.#statistics);
  }

  /** values ← rate · online + (1 − rate) · values. Statistics are copied: they are averages already. */
  follow(online: Parameters, options: { readonly rate: number }): void {
    this.#kernels.softUpdate(this.values, online.values, options);
    this.#statistics.set(online.#statistics);
  }

  /** A tensor's values, or a statistic's: a view. */
  value(name: string): Matrix {
    const statistic = this.#statisticTensors.find((tensor) => tensor.name === name);
    return statistic ? view(this.#statistics, statistic) : view(this.values, this.tensor(name));
  }

  /** A tensor's gradient: a view. */
  gradient(name: string): Matrix {
    return view(this.gradients, this.tensor(name));
  }

  /** A tensor's values without padding, row by row; a fresh array. */
  read(name: string): Float64Array {
    return readMatrix(this.value(name));
  }

  /** Sets a tensor from its values without padding, row by row. */
  write(name: string, values: ArrayLike<number>): void {
    writeMatrix(this.value(name), values);
  }

  /** Where a learned tensor lies. */
  tensor(name: string): Tensor {
    const tensor = this.tensors.find((candidate) => candidate.name === name);
    if (!tensor) throw new Error(`Parameters: no tensor ${name}`);
    return tensor;
  }
}

/** Zeros [rows, columns] with padded rows. */
export function allocateMatrix(kernels: Kernels, rows: number, columns: number): Matrix {
  const rowStride = rowStrideOf(columns, kernels.rowMultiple);
  return new Matrix(kernels.allocate(rows * rowStride), rows, columns, rowStride);
}

/** A tensor of a flat vector. */
export function view(data: Vector, { start, end, rows, columns, rowStride }: Tensor): Matrix {
  return new Matrix(data.subarray(start, end), rows, columns, rowStride);
}

function layOut(shapes: readonly TensorShape[], rowMultiple: number): Tensor[] {
  let end = 0;
  return shapes.map((shape) => {
    const rowStride = rowStrideOf(shape.columns, rowMultiple);
    const start = end;
    end += shape.rows * rowStride;
    return { ...shape, rowStride, start, end };
  });
}

function length(tensors: readonly Tensor[]): number {
  return tensors.length === 0 ? 0 : tensors[tensors.length - 1].end;
}

/**
 * Padded; where that would be a multiple of eight lines of the cache, by one line more: a column of such rows would
 * share a few places of the cache.
 */
function rowStrideOf(columns: number, rowMultiple: number): number {
  const lines = Math.ceil(columns / rowMultiple);
  return rowMultiple * (rowMultiple > 1 && lines % 8 === 0 ? lines + 1 : lines);
}
