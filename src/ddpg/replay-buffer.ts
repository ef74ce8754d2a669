import type { Random } from "../base/random.ts";
import { bytesOf } from "../base/safetensors.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import { allocateMatrix } from "../nn/parameters.ts";

// O observation, A action, B batch.

/** One stored transition, in the numbers of the networks. */
export interface Transition {
  /** s [O] */
  readonly observation: ArrayLike<number>;
  /** a [A], each in [−1, 1] */
  readonly action: ArrayLike<number>;
  /** r */
  readonly reward: number;
  /** s′ [O] */
  readonly nextObservation: ArrayLike<number>;
  /** n where the value of s′ counts γⁿ; 0 where the task ended and no value follows. */
  readonly discountSteps: number;
}

/** The columns of a stored transition with their sizes, in the order of a row. Nothing else knows the order. */
export function transitionColumns(observationSize: number, actionSize: number) {
  return {
    observation: observationSize,
    action: actionSize,
    reward: 1,
    nextObservation: observationSize,
    discountSteps: 1,
  } as const satisfies Record<keyof Transition, number>;
}

/** The numbers in a stored transition. */
export function transitionSize(observationSize: number, actionSize: number): number {
  return Object.values(transitionColumns(observationSize, actionSize)).reduce((sum, size) => sum + size, 0);
}

/** B transitions as columns, as the networks take them. */
export interface Minibatch {
  /** s [B, O] */
  readonly observation: Matrix;
  /** a [B, A], each in [−1, 1] */
  readonly action: Matrix;
  /** r [B] */
  readonly reward: Float64Array;
  /** s′ [B, O] */
  readonly nextObservation: Matrix;
  /** What the value of s′ counts: γ, or 0 where the task ended with the step. [B] */
  readonly discount: Float64Array;
}

/** An empty minibatch. */
export function allocateMinibatch(
  kernels: Kernels,
  batchSize: number,
  observationSize: number,
  actionSize: number,
): Minibatch {
  return {
    observation: allocateMatrix(kernels, batchSize, observationSize),
    action: allocateMatrix(kernels, batchSize, actionSize),
    reward: new Float64Array(batchSize),
    nextObservation: allocateMatrix(kernels, batchSize, observationSize),
    discount: new Float64Array(batchSize),
  };
}

/** The most rows and bytes in a block of memory; blocks are added while the buffer fills. */
const maxBlockRows = 8192;
const maxBlockBytes = 16 * 1024 * 1024;

/**
 * The last `capacity` transitions (paper §3), one row each in Float32; sampling is uniform, with replacement.
 */
export class ReplayBuffer {
  readonly capacity: number;
  /** Numbers in a row. */
  readonly rowSize: number;
  readonly #sizes: ReturnType<typeof transitionColumns>;
  /** γⁿ by `discountSteps` n; 0 for 0. */
  readonly #discounts: Float64Array;
  readonly #blockRows: number;
  readonly #blocks: Float32Array[] = [];
  #stored = 0;

  constructor(capacity: number, observationSize: number, actionSize: number, discount: number) {
    this.capacity = capacity;
    this.rowSize = transitionSize(observationSize, actionSize);
    this.#sizes = transitionColumns(observationSize, actionSize);
    this.#discounts = Float64Array.of(0, discount);
    this.#blockRows = Math.max(1, Math.min(maxBlockRows, Math.floor(maxBlockBytes / (4 * this.rowSize))));
  }

  /** The number of transitions that it holds now. */
  get size(): number {
    return Math.min(this.#stored, this.capacity);
  }

  /** The number of transitions ever stored. */
  get stored(): number {
    return this.#stored;
  }

  /** Its memory once it is full, in bytes. */
  get fullBytes(): number {
    return this.capacity * this.rowSize * 4;
  }

  /** Stores a transition, over the oldest when the buffer is full; copies. */
  store({ observation, action, reward, nextObservation, discountSteps }: Transition): void {
    const index = this.#stored % this.capacity;
    const blockIndex = Math.floor(index / this.#blockRows);
    if (blockIndex === this.#blocks.length) this.#addBlock();
    const block = this.#blocks[blockIndex];
    let p = (index % this.#blockRows) * this.rowSize;
    for (let i = 0; i < this.#sizes.observation; i++) block[p++] = observation[i];
    for (let i = 0; i < this.#sizes.action; i++) block[p++] = action[i];
    block[p++] = reward;
    for (let i = 0; i < this.#sizes.nextObservation; i++) block[p++] = nextObservation[i];
    block[p] = discountSteps;
    this.#stored++;
  }

  /** Fills a minibatch with rows drawn uniformly from all that it holds. */
  sample(batch: Minibatch, random: Random): void {
    const size = this.size;
    for (let row = 0; row < batch.reward.length; row++) {
      const index = random.integer(size);
      const block = this.#blocks[Math.floor(index / this.#blockRows)];
      let p = (index % this.#blockRows) * this.rowSize;
      p = copyRow(batch.observation, row, block, p);
      p = copyRow(batch.action, row, block, p);
      batch.reward[row] = block[p++];
      p = copyRow(batch.nextObservation, row, block, p);
      batch.discount[row] = this.#discounts[block[p]];
    }
  }

  /** The observation s [O] of every `every`th row: views. */
  *observations(every: number): Generator<Float32Array> {
    for (let index = 0; index < this.size; index += every) {
      const block = this.#blocks[Math.floor(index / this.#blockRows)];
      const start = (index % this.#blockRows) * this.rowSize;
      yield block.subarray(start, start + this.#sizes.observation);
    }
  }

  /** The rows that it holds, [size, rowSize], in memory order: the row after the last stored is the oldest. Views. */
  save(): Uint8Array[] {
    const { size, rowSize } = this;
    return this.#blocks.map((block, i) => bytesOf(block.subarray(0, (size - i * this.#blockRows) * rowSize)));
  }

  /**
   * Restores rows saved by `save` (concatenated) and the number ever stored. The buffer must be empty. Rows of version
   * 0.1 end with `terminated`, 1 or 0, in place of `discountSteps`.
   */
  restore(rows: Uint8Array, stored: number, endsWithTerminated = false): void {
    this.#stored = stored;
    for (let start = 0; start < rows.length; ) {
      const block = this.#addBlock();
      const bytes = bytesOf(block);
      bytes.set(rows.subarray(start, start + bytes.length));
      start += bytes.length;
      if (!endsWithTerminated) continue;
      for (let p = this.rowSize - 1; p < block.length; p += this.rowSize) block[p] = 1 - block[p];
    }
  }

  #addBlock(): Float32Array {
    const rows = Math.min(this.#blockRows, this.capacity - this.#blocks.length * this.#blockRows);
    const block = new Float32Array(rows * this.rowSize);
    this.#blocks.push(block);
    return block;
  }
}

/** Copies one row of a matrix from `values` at `position`; returns the position after it. */
function copyRow(matrix: Matrix, row: number, values: Float32Array, position: number): number {
  const { data, columns, rowStride } = matrix;
  const start = row * rowStride;
  for (let j = 0; j < columns; j++) data[start + j] = values[position + j];
  return position + columns;
}
