import { expect, expectNumbers } from "../base/expect.ts";
import type { Saved } from "../base/saved.ts";

/** The mean and the variance of a growing number of vectors, in Float64. */
export class RunningStatistics implements Saved {
  readonly stateSize: number;
  /** The mean of each number. */
  readonly means: Float64Array;
  /** The sum of squared deviations from the mean. */
  readonly #squares: Float64Array;
  #count = 0;

  constructor(size: number) {
    this.stateSize = 1 + 2 * size;
    this.means = new Float64Array(size);
    this.#squares = new Float64Array(size);
  }

  /** The number of vectors. */
  get count(): number {
    return this.#count;
  }

  /** Takes a vector in (Welford 1962). A number that never changes has exactly itself as its mean, and variance 0. */
  add(values: ArrayLike<number>): void {
    this.#count++;
    for (let i = 0; i < this.means.length; i++) {
      const distance = values[i] - this.means[i];
      this.means[i] += distance / this.#count;
      this.#squares[i] += distance * (values[i] - this.means[i]);
    }
  }

  /** The uncorrected variance of number `i`; 0 without vectors. */
  variance(i: number): number {
    return this.#count === 0 ? 0 : this.#squares[i] / this.#count;
  }

  /** The count, the means and the sums of squared deviations. */
  save(): Float64Array {
    const state = new Float64Array(this.stateSize);
    state[0] = this.#count;
    state.set(this.means, 1);
    state.set(this.#squares, 1 + this.means.length);
    return state;
  }

  restore(state: ArrayLike<number>, where = "RunningStatistics.restore state"): void {
    expectNumbers(state, this.stateSize, where);
    const [count] = Array.from(state);
    expect(Number.isSafeInteger(count) && count >= 0, `${where} count`, "a whole number of at least 0", count);
    const { length } = this.means;
    for (let i = 0; i < length; i++) {
      const squares = state[1 + length + i];
      expect(squares >= 0, `${where} squares[${i}]`, "a number of at least 0", squares);
    }
    this.#count = count;
    for (let i = 0; i < length; i++) {
      this.means[i] = state[1 + i];
      this.#squares[i] = state[1 + length + i];
    }
  }
}
