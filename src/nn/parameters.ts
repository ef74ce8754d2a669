import type { Kernels } from "../kernels/kernels.ts";
import { Matrix, readMatrix, type Vector, writeMatrix } from "../kernels/matrix.ts";

/** The name and shape of a tensor. Only weights have L2 decay, and only weights have two dimensions in a file. */
export interface TensorShape {
  /** Its path in the network, such as `layer1.weights`. */
  readonly name: string;
  readonly kind: "weights" | "biases" | "scale" | "shift" | "mean" | "variance";
  readonly rows: number;
  readonly columns: number;
  /** The initial value of all elements; absent if they start at 0 or are drawn at random. */
  readonly fill?: number;
}

/** A tensor with its position in a flat vector. */
export interface PlacedTensor extends TensorShape {
  readonly rowStride: number;
  /** The index of its first element in the flat vector, and the index after its padding. */
  readonly start: number;
  readonly end: number;
}

/**
 * The parameters of a network. All learned tensors are in one flat vector and their gradients in another of the same
 * layout, so that the optimizer and the soft update are plain loops over memory. A third vector has the statistics of
 * batch normalization.
 */
export class Parameters {
  /** The learned tensors, first layer first. */
  readonly tensors: readonly PlacedTensor[];
  /** The averaged tensors, such as the running statistics of batch normalization. */
  readonly statistics: readonly PlacedTensor[];
  /** The learned tensors' elements, with padded rows. */
  readonly values: Vector;
  /** The gradients, laid out like `values`; empty for a network that does not learn. */
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

  /** All tensors: the learned ones, then the statistics. */
  get all(): readonly PlacedTensor[] {
    return [...this.tensors, ...this.statistics];
  }

  /** The names of all tensors, in the order of `all`. */
  get names(): string[] {
    return this.all.map(({ name }) => name);
  }

  /** Copies the values and statistics of another network of the same shape. */
  copyFrom(other: Parameters): void {
    this.values.set(other.values);
    this.#statisticValues.set(other.#statisticValues);
  }

  /**
   * Soft update: values ← rate · online + (1 − rate) · values. Statistics are copied, since they are averages already.
   */
  follow(online: Parameters, options: { readonly rate: number }): void {
    this.#kernels.softUpdate(this.values, online.values, options);
    this.#statisticValues.set(online.#statisticValues);
  }

  /** Returns the values of a learned tensor or a statistic; a view. Throws if there is no tensor of this name. */
  value(name: string): Matrix {
    const statistic = this.statistics.find((tensor) => tensor.name === name);
    return statistic ? view(this.#statisticValues, statistic) : view(this.values, this.tensor(name));
  }

  /** Returns the gradient of a learned tensor; a view. */
  gradient(name: string): Matrix {
    return view(this.gradients, this.tensor(name));
  }

  /** Returns a tensor's values without padding, row by row; a fresh array. */
  read(name: string): Float64Array {
    return readMatrix(this.value(name));
  }

  /** Sets a tensor from its values without padding, row by row. */
  write(name: string, values: ArrayLike<number>): void {
    writeMatrix(this.value(name), values);
  }

  /** Returns the learned tensor of this name; throws if there is none. */
  tensor(name: string): PlacedTensor {
    const tensor = this.tensors.find((candidate) => candidate.name === name);
    if (!tensor) throw new Error(`Parameters: no tensor ${name}`);
    return tensor;
  }
}

/** Allocates a matrix of zeros [rows, columns] with padded rows. */
export function allocateMatrix(kernels: Kernels, rows: number, columns: number): Matrix {
  const rowStride = rowStrideOf(columns, kernels.rowMultiple);
  return new Matrix(kernels.allocate(rows * rowStride), rows, columns, rowStride);
}

/** Returns a tensor of a flat vector as a matrix over the same memory. */
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
 * Returns the padded row length. A length of a multiple of 8 cache lines gets one extra line, so that walking down a
 * column does not hit the same few cache sets.
 */
function rowStrideOf(columns: number, rowMultiple: number): number {
  const lines = Math.ceil(columns / rowMultiple);
  return rowMultiple * (rowMultiple > 1 && lines % 8 === 0 ? lines + 1 : lines);
}
