import type { Random } from "../base/random.ts";
import { bytesOf } from "../base/safetensors.ts";
import type { Matrix } from "../kernels/matrix.ts";

// O observation, A action, B batch.

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
  /** 1 where the task ended with the step, else 0: [B] */
  readonly terminated: Float64Array;
}

/** Rows in a block of memory; blocks are added while the buffer fills. */
const blockRows = 8192;

/**
 * The last `capacity` transitions (paper §3). A transition is one row (s, a, r, s′, terminated) in Float32; sampling is
 * uniform, with replacement.
 */
export class ReplayBuffer {
  readonly capacity: number;
  readonly #observationSize: number;
  readonly #actionSize: number;
  /** Numbers in a row. */
  readonly rowSize: number;
  readonly #blocks: Float32Array[] = [];
  #stored = 0;

  constructor(capacity: number, observationSize: number, actionSize: number) {
    this.capacity = capacity;
    this.#observationSize = observationSize;
    this.#actionSize = actionSize;
    this.rowSize = 2 * observationSize + actionSize + 2;
  }

  /** How many transitions it holds now. */
  get size(): number {
    return Math.min(this.#stored, this.capacity);
  }

  /** How many transitions were ever stored. */
  get stored(): number {
    return this.#stored;
  }

  /** Its memory once it is full, in bytes. */
  get fullBytes(): number {
    return this.capacity * this.rowSize * 4;
  }

  /** Stores a transition, over the oldest when the buffer is full; copies. */
  store(
    observation: ArrayLike<number>,
    action: ArrayLike<number>,
    reward: number,
    nextObservation: ArrayLike<number>,
    terminated: boolean,
  ): void {
    const index = this.#stored % this.capacity;
    const blockIndex = Math.floor(index / blockRows);
    if (blockIndex === this.#blocks.length) this.#addBlock();
    const block = this.#blocks[blockIndex];
    let p = (index % blockRows) * this.rowSize;
    for (let i = 0; i < this.#observationSize; i++) block[p++] = observation[i];
    for (let i = 0; i < this.#actionSize; i++) block[p++] = action[i];
    block[p++] = reward;
    for (let i = 0; i < this.#observationSize; i++) block[p++] = nextObservation[i];
    block[p] = terminated ? 1 : 0;
    this.#stored++;
  }

  /** The rows that it holds, [size, rowSize], as they lie in memory: the one after the last stored is the oldest. Views. */
  save(): Uint8Array[] {
    const { size, rowSize } = this;
    return this.#blocks.map((block, i) => bytesOf(block.subarray(0, (size - i * blockRows) * rowSize)));
  }

  /** Goes on from saved rows, joined, when so many had been stored; the buffer must be empty. */
  restore(rows: Uint8Array, stored: number): void {
    this.#stored = stored;
    for (let start = 0; start < rows.length; ) {
      const block = bytesOf(this.#addBlock());
      block.set(rows.subarray(start, start + block.length));
      start += block.length;
    }
  }

  #addBlock(): Float32Array {
    const rows = Math.min(blockRows, this.capacity - this.#blocks.length * blockRows);
    const block = new Float32Array(rows * this.rowSize);
    this.#blocks.push(block);
    return block;
  }

  /** Fills a minibatch with rows drawn uniformly from all that it holds. */
  sample(batch: Minibatch, random: Random): void {
    const size = this.size;
    for (let row = 0; row < batch.reward.length; row++) {
      const index = random.integer(size);
      const block = this.#blocks[Math.floor(index / blockRows)];
      let p = (index % blockRows) * this.rowSize;
      p = copyRow(batch.observation, row, block, p);
      p = copyRow(batch.action, row, block, p);
      batch.reward[row] = block[p++];
      p = copyRow(batch.nextObservation, row, block, p);
      batch.terminated[row] = block[p];
    }
  }
}

/** One row of a matrix from `values` at `position`; returns the position after it. */
function copyRow(matrix: Matrix, row: number, values: Float32Array, position: number): number {
  const { data, columns, rowStride } = matrix;
  const start = row * rowStride;
  for (let j = 0; j < columns; j++) data[start + j] = values[position + j];
  return position + columns;
}
