import type { Kernels } from "../kernels/kernels.ts";
import { Matrix, readMatrix, type Vector, writeMatrix } from "../kernels/matrix.ts";

/** One tensor of a network. Only weights are decayed by L2, and only weights have two dimensions in a file. */
export interface TensorShape {
  /** Its path in the network, such as `layer1.weights`. */
  readonly name: string;
  readonly kind: "weights" | "biases" | "scale" | "shift" | "mean" | "variance";
  readonly rows: number;
  readonly columns: number;
  /** The value of each element before training, where it is neither 0 nor drawn at random. */
  readonly fill?: number;
}

/** A tensor with its position in a flat vector. */
export interface PlacedTensor extends TensorShape {
  readonly rowStride: number;
  /** Its first element in the flat vector, and the end of its padding. */
  readonly start: number;
  readonly end: number;
}

/**
 * All learned tensors of a network in one flat vector, and their gradients in a second one of the same layout, so that
 * the optimizer and the soft update run straight through; the statistics of batch normalization are in a third vector.
 */
export class Parameters {
  /** The learned tensors, first layer first. */
  readonly tensors: readonly PlacedTensor[];
  /** The averaged tensors, such as the running statistics of batch normalization. */
  readonly statistics: readonly PlacedTensor[];
  readonly values: Vector;
  /** As long as `values`; empty for a network that does not learn. */
  readonly gradients: Vector;
  readonly #kernels: Kernels;
  readonly #statisticValues: Vector;

  constructor(
    kernels: Kernels,
    shapes: { readonly tensors: readonly TensorShape[]; readonly statistics: readonly TensorShape[] },
    withGradients: boolean,
  ) {
    this.#kernels = kernels;
    this.tensors = layOut(shapes.tensors, kernels.rowMultiple);
    this.values = kernels.allocate(length(this.tensors));
    this.gradients = kernels.allocate(withGradients ? this.values.length : 0);
    this.statistics = layOut(shapes.statistics, kernels.rowMultiple);
    this.#statisticValues = kernels.allocate(length(this.statistics));
  }

  /** All tensors: the learned ones first, then the statistics. */
  get all(): readonly PlacedTensor[] {
    return [...this.tensors, ...this.statistics];
  }

  /** The names of `all`. */
  get names(): string[] {
    return this.all.map(({ name }) => name);
  }

  /** Copies the numbers of another network of this shape, statistics included. */
  copyFrom(other: Parameters): void {
    this.values.set(other.values);
    this.#statisticValues.set(other.#statisticValues);
  }

  /** values ← rate · online + (1 − rate) · values. Statistics are copied: they are averages already. */
  follow(online: Parameters, options: { readonly rate: number }): void {
    this.#kernels.softUpdate(this.values, online.values, options);
    this.#statisticValues.set(online.#statisticValues);
  }

  /** A tensor's values, or a statistic's: a view. */
  value(name: string): Matrix {
    const statistic = this.statistics.find((tensor) => tensor.name === name);
    return statistic ? view(this.#statisticValues, statistic) : view(this.values, this.tensor(name));
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

  /** The learned tensor of this name. */
  tensor(name: string): PlacedTensor {
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

/** A tensor of a flat vector, as a matrix over the same memory. */
export function view(data: Vector, { start, end, rows, columns, rowStride }: PlacedTensor): Matrix {
  return new Matrix(data.subarray(start, end), rows, columns, rowStride);
}

function layOut(shapes: readonly TensorShape[], rowMultiple: number): PlacedTensor[] {
  let end = 0;
  return shapes.map((shape) => {
    const rowStride = rowStrideOf(shape.columns, rowMultiple);
    const start = end;
    end += shape.rows * rowStride;
    return { ...shape, rowStride, start, end };
  });
}

function length(tensors: readonly PlacedTensor[]): number {
  return tensors.length === 0 ? 0 : tensors[tensors.length - 1].end;
}

/**
 * Padded row length. Multiples of 8 cache lines get one extra line, so that walking down a column does not hit the same
 * few cache sets.
 */
function rowStrideOf(columns: number, rowMultiple: number): number {
  const lines = Math.ceil(columns / rowMultiple);
  return rowMultiple * (rowMultiple > 1 && lines % 8 === 0 ? lines + 1 : lines);
}
