import { fail, InputError, messageOf } from "../base/expect.ts";
import type { Random } from "../base/random.ts";
import { bytesOf } from "../base/safetensors.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import { allocateMatrix } from "../nn/parameters.ts";
import type { Priorities } from "./priorities.ts";
import { powers } from "./step-returns.ts";

// Shapes: O observation, A action, B batch.

/** One transition in the networks' units: scaled observations and rewards, actions in [−1, 1]. */
export interface Transition {
  /** s [O] */
  readonly observation: ArrayLike<number>;
  /** a [A], each in [−1, 1] */
  readonly action: ArrayLike<number>;
  /** r, or the discounted sum of several rewards */
  readonly reward: number;
  /** s′, the observation after the last of these rewards [O] */
  readonly nextObservation: ArrayLike<number>;
  /** n, if r is the sum of n rewards and the value of s′ counts γⁿ; 0 if the task ended, so that no value follows. */
  readonly discountSteps: number;
}

/** Returns the sizes of a transition's columns, in the order of a stored row. The order is defined only here. */
function transitionColumns(observationSize: number, actionSize: number) {
  return {
    observation: observationSize,
    action: actionSize,
    reward: 1,
    nextObservation: observationSize,
    discountSteps: 1,
  } as const satisfies Record<keyof Transition, number>;
}

/** The numbers that a column can have. */
interface Numbers {
  readonly expected: string;
  isGood(value: number): boolean;
}

const finite: Numbers = { expected: "a finite number", isGood: (value: number): boolean => Number.isFinite(value) };

/** What `observe` stores in each column. */
function numbersIn(returnSteps: number): Readonly<Record<keyof Transition, Numbers>> {
  return {
    observation: finite,
    action: { expected: "a number from -1 to 1", isGood: (value) => value >= -1 && value <= 1 },
    reward: finite,
    nextObservation: finite,
    discountSteps: {
      expected: returnSteps === 1 ? "0 or 1" : `a whole number from 0 to ${returnSteps}`,
      isGood: (value) => Number.isInteger(value) && value >= 0 && value <= returnSteps,
    },
  };
}

/** Returns the length of a stored row. */
export function transitionSize(observationSize: number, actionSize: number): number {
  return Object.values(transitionColumns(observationSize, actionSize)).reduce((sum, size) => sum + size, 0);
}

/** B transitions, column by column, as input for the networks. */
export interface Minibatch {
  /** s [B, O] */
  readonly observation: Matrix;
  /** a [B, A], each in [−1, 1] */
  readonly action: Matrix;
  /** r [B] */
  readonly reward: Float64Array;
  /** s′ [B, O] */
  readonly nextObservation: Matrix;
  /** The factor of the value of s′: γ, or γⁿ after n rewards; 0 if the task ended. [B] */
  readonly discount: Float64Array;
  /** The factor of each row's loss in step 5: 1 unless the rows were drawn with unequal probabilities. [B] */
  readonly weight: Float64Array;
}

/** Allocates a minibatch of zeros, with weights of 1. */
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
    weight: new Float64Array(batchSize).fill(1),
  };
}

/** The maximum rows and bytes in a block of memory; blocks are added while the buffer fills. */
const maxBlockRows = 8192;
const maxBlockBytes = 16 * 1024 * 1024;

/** Keeps the last `capacity` transitions (paper §3), in Float32. */
export class ReplayBuffer {
  /** The maximum number of transitions. */
  readonly capacity: number;
  /** The length of a stored row. */
  readonly rowSize: number;
  /** The probabilities of the rows; null if all are equal. */
  readonly priorities: Priorities | null;
  /** The indices of the rows of the last `sample`. */
  #drawn = new Int32Array(0);
  readonly #sizes: ReturnType<typeof transitionColumns>;
  readonly #columns: readonly [name: keyof Transition, size: number][];
  /** γⁿ at index n = `discountSteps`, but 0 at index 0. */
  readonly #discounts: Float64Array;
  readonly #numbersIn: ReturnType<typeof numbersIn>;
  readonly #blockRows: number;
  readonly #blocks: Float32Array[] = [];
  #stored = 0;

  /** `returnSteps` is the most rewards that a row sums. */
  constructor(
    capacity: number,
    observationSize: number,
    actionSize: number,
    discount: number,
    { returnSteps = 1, priorities = null }: { returnSteps?: number; priorities?: Priorities | null } = {},
  ) {
    this.capacity = capacity;
    this.priorities = priorities;
    this.rowSize = transitionSize(observationSize, actionSize);
    this.#sizes = transitionColumns(observationSize, actionSize);
    this.#columns = Object.entries(this.#sizes) as [keyof Transition, number][];
    this.#discounts = powers(discount, returnSteps);
    this.#discounts[0] = 0;
    this.#numbersIn = numbersIn(returnSteps);
    this.#blockRows = Math.max(1, Math.min(maxBlockRows, Math.floor(maxBlockBytes / (4 * this.rowSize))));
  }

  /** The number of transitions in the buffer. */
  get size(): number {
    return Math.min(this.#stored, this.capacity);
  }

  /** The number of transitions ever stored. */
  get stored(): number {
    return this.#stored;
  }

  /** The memory of a full buffer with its priorities, in bytes. */
  get fullBytes(): number {
    return this.capacity * this.rowSize * 4 + (this.priorities?.bytes(this.capacity) ?? 0);
  }

  /**
   * Allocates the memory of the next `rows` rows and of their priorities, so that storing them cannot fail. Throws a
   * ReplayMemoryError if there is not enough.
   */
  makeRoom(rows: number): void {
    const end = Math.min(this.capacity, this.#stored + rows);
    while (this.#blocks.length * this.#blockRows < end) this.#addBlock();
    this.#makeRoomForPriorities(end);
  }

  /** Stores a copy of a transition; a full buffer evicts the oldest one. */
  store({ observation, action, reward, nextObservation, discountSteps }: Transition): void {
    const index = this.#stored % this.capacity;
    const blockIndex = Math.floor(index / this.#blockRows);
    this.makeRoom(1);
    const block = this.#blocks[blockIndex];
    let p = (index % this.#blockRows) * this.rowSize;
    for (let i = 0; i < this.#sizes.observation; i++) block[p++] = observation[i];
    for (let i = 0; i < this.#sizes.action; i++) block[p++] = action[i];
    block[p++] = reward;
    for (let i = 0; i < this.#sizes.nextObservation; i++) block[p++] = nextObservation[i];
    block[p] = discountSteps;
    this.priorities?.add(index);
    this.#stored++;
  }

  /**
   * Fills a minibatch with transitions drawn with replacement: uniformly, or by their priorities, with weights of the
   * exponent `beta`. The buffer must not be empty.
   */
  sample(batch: Minibatch, random: Random, beta = 0): void {
    const { size, priorities } = this;
    const rows = batch.reward.length;
    if (this.#drawn.length !== rows) this.#drawn = new Int32Array(rows);
    for (let row = 0; row < rows; row++) {
      const index = priorities ? priorities.draw(random) : random.integer(size);
      this.#drawn[row] = index;
      const block = this.#blocks[Math.floor(index / this.#blockRows)];
      let p = (index % this.#blockRows) * this.rowSize;
      p = copyRow(batch.observation, row, block, p);
      p = copyRow(batch.action, row, block, p);
      batch.reward[row] = block[p++];
      p = copyRow(batch.nextObservation, row, block, p);
      batch.discount[row] = this.#discounts[block[p]];
    }
    priorities?.weigh(batch.weight, this.#drawn, beta);
  }

  /** Sets the priorities of the rows of the last `sample` by their errors |y − Q|: [B]. */
  prioritize(absoluteErrors: Float64Array): void {
    this.priorities?.update(this.#drawn, absoluteErrors);
  }

  /** Yields the observation s [O] of every `every`-th row, in memory order; views. */
  *observations(every: number): Generator<Float32Array> {
    for (let index = 0; index < this.size; index += every) {
      const block = this.#blocks[Math.floor(index / this.#blockRows)];
      const start = (index % this.#blockRows) * this.rowSize;
      yield block.subarray(start, start + this.#sizes.observation);
    }
  }

  /**
   * Returns the bytes of the rows [size, rowSize] in consecutive parts, in memory order; views. In a full buffer, the
   * row after the last stored one is the oldest.
   */
  save(): Uint8Array[] {
    const { size, rowSize } = this;
    const used = this.#blocks.slice(0, Math.ceil(size / this.#blockRows));
    return used.map((block, i) => bytesOf(block.subarray(0, (size - i * this.#blockRows) * rowSize)));
  }

  /**
   * Restores rows saved by `save` (concatenated) and the number ever stored. The buffer must be empty. Rows of version
   * 0.1 end with `terminated`, 1 or 0, in place of `discountSteps`. Throws an InputError that begins with `where` and
   * names the row and the column if a number cannot have been stored.
   */
  restore(rows: Uint8Array, stored: number, where: string, endsWithTerminated = false): void {
    this.#stored = stored;
    const rowBytes = 4 * this.rowSize;
    for (let start = 0; start < rows.length; ) {
      const block = this.#addBlock();
      const bytes = bytesOf(block);
      const saved = rows.subarray(start, start + bytes.length);
      bytes.set(saved);
      if (endsWithTerminated) {
        for (let p = this.rowSize - 1; p < block.length; p += this.rowSize) block[p] = 1 - block[p];
      }
      const first = start / rowBytes;
      for (let row = 0; row < saved.length / rowBytes; row++)
        this.#expectRow(block, row * this.rowSize, where, first + row);
      start += bytes.length;
    }
    this.#makeRoomForPriorities(this.size);
  }

  /** A number that is not finite would end training at some later step, when it is sampled. */
  #expectRow(block: Float32Array, start: number, where: string, index: number): void {
    let p = start;
    for (const [column, size] of this.#columns) {
      const { expected, isGood } = this.#numbersIn[column];
      for (let i = 0; i < size; i++, p++) {
        if (!isGood(block[p])) fail(`${where}[${index}] ${column}[${i}]`, expected, block[p]);
      }
    }
  }

  #allocate(rows: number): Float32Array {
    try {
      return new Float32Array(rows * this.rowSize);
    } catch (error) {
      throw this.#memoryError(error);
    }
  }

  #makeRoomForPriorities(rows: number): void {
    try {
      this.priorities?.makeRoom(rows);
    } catch (error) {
      throw this.#memoryError(error);
    }
  }

  #memoryError(cause: unknown): ReplayMemoryError {
    const all = `${this.capacity} transitions of ${4 * this.rowSize} bytes${this.priorities ? " and their priorities" : ""}`;
    const allocated = Math.min(this.capacity, this.#blocks.length * this.#blockRows);
    return new ReplayMemoryError(
      {
        where: "replayCapacity",
        expected: `memory for ${all}, ${Math.ceil(this.fullBytes / 1e6)} MB together`,
        got: `${messageOf(cause)} after ${allocated}`,
        hint: "Choose a smaller one, or give the program more memory.",
      },
      { cause },
    );
  }

  #addBlock(): Float32Array {
    const rows = Math.min(this.#blockRows, this.capacity - this.#blocks.length * this.#blockRows);
    const block = this.#allocate(rows);
    this.#blocks.push(block);
    return block;
  }
}

/** There is not enough memory for the replay buffer. The transition that did not fit was not stored. */
export class ReplayMemoryError extends InputError {}

/** Copies one row of a matrix from `values` at `position`; returns the position after it. */
function copyRow(matrix: Matrix, row: number, values: Float32Array, position: number): number {
  const { data, columns, rowStride } = matrix;
  const start = row * rowStride;
  for (let j = 0; j < columns; j++) data[start + j] = values[position + j];
  return position + columns;
}
