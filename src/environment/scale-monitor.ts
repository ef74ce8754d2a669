import { expect, expectNumbers } from "../base/expect.ts";
import { largest, smallest } from "../base/numbers.ts";
import type { Saved } from "../base/saved.ts";
import { seeTips } from "./tips.ts";

const NONE: readonly string[] = [];
const LOWEST_DEVIATION = 0.01;
const HIGHEST_DEVIATION = 10;
const HIGHEST_REWARD = 100;
const usual = `${LOWEST_DEVIATION} to ${HIGHEST_DEVIATION}`;

/** If more dimensions than this share a problem, one sentence names them all: there may be hundreds. */
const MOST_SENTENCES = 3;

/**
 * Watches the scaled observations and rewards that the networks see. After `steps` time steps it warns, once, of scales
 * that make learning slow: dimensions with a standard deviation outside 0.01 … 10, and rewards beyond ±100.
 */
export class ScaleMonitor implements Saved {
  readonly #steps: number;
  readonly #mean: Float64Array;
  readonly #squares: Float64Array; // sums of squared deviations from the mean
  #seen = 0;
  #largestReward = 0;

  constructor(observationSize: number, steps = 1000) {
    this.#steps = steps;
    this.#mean = new Float64Array(observationSize);
    this.#squares = new Float64Array(observationSize);
  }

  /**
   * Adds one time step: a scaled observation [O] and a scaled reward. Returns the warnings with step number `steps`,
   * and an empty list with every other step.
   */
  add(observation: ArrayLike<number>, reward: number): readonly string[] {
    if (this.#seen >= this.#steps) return NONE;
    this.#seen++;
    // Welford 1962: mean += (x − mean) / n, squares += (x − old mean)(x − new mean).
    for (let i = 0; i < this.#mean.length; i++) {
      const distance = observation[i] - this.#mean[i];
      this.#mean[i] += distance / this.#seen;
      this.#squares[i] += distance * (observation[i] - this.#mean[i]);
    }
    if (Math.abs(reward) > Math.abs(this.#largestReward)) this.#largestReward = reward;
    return this.#seen === this.#steps ? this.#warnings() : NONE;
  }

  get stateSize(): number {
    return 2 + 2 * this.#mean.length;
  }

  /** Returns the number of steps seen, the largest reward, the means and the sums of squares: [2 + 2 O]. */
  save(): Float64Array {
    const state = new Float64Array(this.stateSize);
    state.set([this.#seen, this.#largestReward]);
    state.set(this.#mean, 2);
    state.set(this.#squares, 2 + this.#mean.length);
    return state;
  }

  restore(state: Float64Array, where = "ScaleMonitor.restore state"): void {
    const size = this.#mean.length;
    expectNumbers(state, this.stateSize, where);
    const [seen, largestReward] = state;
    const isCount = Number.isInteger(seen) && seen >= 0 && seen <= this.#steps;
    expect(isCount, `${where}[0]`, `a whole number from 0 to ${this.#steps}`, seen);
    for (let i = 2 + size; i < state.length; i++)
      expect(state[i] >= 0, `${where}[${i}]`, "a number of at least 0", state[i]);
    [this.#seen, this.#largestReward] = [seen, largestReward];
    this.#mean.set(state.subarray(2, 2 + size));
    this.#squares.set(state.subarray(2 + size));
  }

  #warnings(): readonly string[] {
    const deviations = Array.from(this.#squares, (squares) => Math.sqrt(squares / this.#seen));
    const those = (isBad: (deviation: number) => boolean): number[] =>
      deviations.flatMap((deviation, i) => (isBad(deviation) ? [i] : [])); // NaN is reported elsewhere
    const warnings = [
      those((deviation) => deviation > HIGHEST_DEVIATION),
      those((deviation) => deviation > 0 && deviation < LOWEST_DEVIATION),
      those((deviation) => deviation === 0),
    ].flatMap((dimensions) =>
      dimensions.length > MOST_SENTENCES
        ? [together(dimensions, deviations)]
        : dimensions.map((i) => alone(i, deviations[i], this.#mean[i])),
    );
    if (Math.abs(this.#largestReward) > HIGHEST_REWARD)
      warnings.push(
        `reward: expected at most ${HIGHEST_REWARD} in absolute value, got ${short(this.#largestReward)}. Set rewardScale to bring it near ±1, or use rewardNormalization.`,
      );
    const last = warnings.pop();
    return last === undefined ? NONE : [...warnings, `${last} ${seeTips("Scales")}`];
  }
}

function alone(dimension: number, deviation: number, mean: number): string {
  const hint =
    deviation === 0
      ? `It was always ${short(mean)}: leave it out if it cannot change.`
      : `Its mean is ${short(mean)}: set observationScale and observationOffset to bring it near ±1.`;
  return `observation[${dimension}]: expected a standard deviation of ${usual}, got ${short(deviation)}. ${hint}`;
}

function together(dimensions: readonly number[], all: readonly number[]): string {
  const deviations = dimensions.map((i) => all[i]);
  const [least, most] = [smallest(deviations), largest(deviations)];
  const where = `observation[${ranges(dimensions)}]: expected standard deviations of ${usual}`;
  return most === 0
    ? `${where}, got 0. None of them ever changed: leave out those that cannot.`
    : `${where}, got ${short(least)} to ${short(most)}. Set observationScale and observationOffset to bring them near ±1.`;
}

/** Formats ascending numbers as `3, 5 to 7`. */
function ranges(numbers: readonly number[]): string {
  const first = numbers.filter((each, i) => each - 1 !== numbers[i - 1]);
  const last = numbers.filter((each, i) => each + 1 !== numbers[i + 1]);
  return first.map((from, i) => (from === last[i] ? `${from}` : `${from} to ${last[i]}`)).join(", ");
}

/** Rounds to three significant digits, for messages. */
function short(x: number): number {
  return Number(x.toPrecision(3));
}
