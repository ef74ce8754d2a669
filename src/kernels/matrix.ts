/** Numbers of one width. The fast kernels work in Float32; the reference also in Float64. */
export type Vector = Float32Array | Float64Array;

/**
 * A view of a matrix in a flat array: element (i, j) is `data[i * rowStride + j * columnStride]`. Views share their
 * numbers; they are made once, when a network is built, never in an update.
 */
export class Matrix {
  readonly data: Vector;
  readonly rows: number;
  readonly columns: number;
  readonly rowStride: number;
  readonly columnStride: number;
  #transposed: Matrix | null = null;

  constructor(data: Vector, rows: number, columns: number, rowStride = columns, columnStride = 1) {
    this.data = data;
    this.rows = rows;
    this.columns = columns;
    this.rowStride = rowStride;
    this.columnStride = columnStride;
  }

  /** The same numbers with rows and columns exchanged; always the same object. */
  get transposed(): Matrix {
    this.#transposed ??= new Matrix(this.data, this.columns, this.rows, this.columnStride, this.rowStride);
    return this.#transposed;
  }

  /** Rows from `start` up to, not including, `end`: the same numbers. */
  rowRange(start: number, end: number): Matrix {
    const data = this.data.subarray(start * this.rowStride);
    return new Matrix(data, end - start, this.columns, this.rowStride, this.columnStride);
  }

  at(row: number, column: number): number {
    return this.data[row * this.rowStride + column * this.columnStride];
  }

  set(row: number, column: number, value: number): void {
    this.data[row * this.rowStride + column * this.columnStride] = value;
  }
}

/** The values of a matrix without padding, row by row; a fresh array. */
export function readMatrix(matrix: Matrix): Float64Array {
  const out = new Float64Array(matrix.rows * matrix.columns);
  for (let i = 0; i < matrix.rows; i++) {
    for (let j = 0; j < matrix.columns; j++) out[i * matrix.columns + j] = matrix.at(i, j);
  }
  return out;
}

/** Sets a matrix from its values without padding, row by row. */
export function writeMatrix(matrix: Matrix, values: ArrayLike<number>): void {
  for (let i = 0; i < matrix.rows; i++) {
    for (let j = 0; j < matrix.columns; j++) matrix.set(i, j, values[i * matrix.columns + j]);
  }
}
