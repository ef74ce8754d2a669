import type { Saved } from "../base/saved.ts";
import type { Matrix, Vector } from "../kernels/matrix.ts";
import type { Settings } from "./config.ts";
import { RunningStatistics } from "./running-statistics.ts";

/** ε, added to the variance of each observed number. */
const epsilon = 1e-8;

/** A normalized number is not beyond ± this. */
export const largestNormalized = 10;

/**
 * Running normalization of observations: (s − m) / √(v + ε), clipped to ±10, where s is scaled by the fixed scales and m
 * and v are the mean and the variance over all observations that an action of training answered. ε is 1e-8. Everything is
 * in Float64; only the result is rounded to the networks' numbers.
 *
 * The clip bounds a number that hardly ever changed until it does. Before the first observation nothing is normalized.
 *
 * A policy that was loaded keeps its statistics, and exports have those of the moment. The replay buffer keeps
 * observations as they were, so all rows of a minibatch have the same statistics.
 */
export class ObservationNormalization implements Saved {
  readonly stateSize: number;
  /** What is subtracted from each number, and the factor after it: [O] each. */
  readonly means: Float64Array;
  readonly factors: Float64Array;
  readonly #statistics: RunningStatistics;

  /** Returns the normalization of observations [size]; null with settings that have none. */
  static create(
    { observationNormalization }: Pick<Settings, "observationNormalization">,
    size: number,
  ): ObservationNormalization | null {
    return observationNormalization ? new ObservationNormalization(size) : null;
  }

  constructor(size: number) {
    this.#statistics = new RunningStatistics(size);
    this.stateSize = this.#statistics.stateSize;
    this.means = this.#statistics.means;
    this.factors = new Float64Array(size).fill(1);
  }

  /** Takes a scaled observation [O] of training in. */
  add(observation: ArrayLike<number>): void {
    this.#statistics.add(observation);
    this.#updateFactors();
  }

  /** Normalizes the scaled observation [O] at index `start` of a vector in place. */
  apply(observation: Vector | Float64Array, start = 0): void {
    const { means, factors } = this;
    for (let i = 0; i < means.length; i++) {
      const normalized = (observation[start + i] - means[i]) * factors[i];
      observation[start + i] = Math.min(largestNormalized, Math.max(-largestNormalized, normalized));
    }
  }

  /** Normalizes each row of a matrix [B, O] in place. */
  applyToRows({ data, rows, rowStride }: Matrix): void {
    for (let i = 0; i < rows; i++) this.apply(data, i * rowStride);
  }

  save(): Float64Array {
    return this.#statistics.save();
  }

  restore(state: ArrayLike<number>, where = "ObservationNormalization.restore state"): void {
    this.#statistics.restore(state, where);
    this.#updateFactors();
  }

  #updateFactors(): void {
    const { count } = this.#statistics;
    for (let i = 0; i < this.factors.length; i++)
      this.factors[i] = count === 0 ? 1 : 1 / Math.sqrt(this.#statistics.variance(i) + epsilon);
  }
}
