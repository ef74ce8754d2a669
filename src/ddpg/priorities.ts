// Prioritized replay: rows with a large error are drawn more often. `proportional` is Schaul et al., arXiv 1511.05952, with
// weights that undo the bias of the draw; `lap` is Fujimoto et al., arXiv 2007.06049, for the Huber loss and without
// weights.
import { expect } from "../base/expect.ts";
import { exp, log } from "../base/math.ts";
import type { Random } from "../base/random.ts";
import type { Settings } from "./config.ts";
import { SumTree } from "./sum-tree.ts";

type PrioritySettings = Pick<Settings, "replayPriority" | "priorityExponent" | "priorityFloor">;

/** The probabilities of the rows of a replay buffer, by their index in it. */
export class Priorities {
  readonly #isLap: boolean;
  readonly #exponent: number;
  readonly #floor: number;
  readonly #tree = new SumTree();
  /** The highest priority there ever was, with the exponent. New rows get it, so that each is likely drawn once. */
  #highest: number;

  constructor({ replayPriority, priorityExponent, priorityFloor }: PrioritySettings) {
    this.#isLap = replayPriority === "lap";
    this.#exponent = priorityExponent;
    this.#floor = priorityFloor;
    this.#highest = this.#of(1);
  }

  /** pᵅ, with p = max(|δ|, floor) for `lap` and |δ| + floor otherwise. */
  #of(absoluteError: number): number {
    const p = this.#isLap ? Math.max(absoluteError, this.#floor) : absoluteError + this.#floor;
    // So that no sum is infinite, and with it every place in it.
    return exp(this.#exponent * log(Math.min(p, 1e100)));
  }

  /** The memory of the priorities of `rows` rows, in bytes. */
  bytes(rows: number): number {
    return SumTree.bytes(rows);
  }

  /** Allocates the memory of the first `rows` rows, so that adding them cannot fail. A failure changes nothing. */
  makeRoom(rows: number): void {
    this.#tree.makeRoom(rows);
  }

  /** Gives a new row the highest priority. */
  add(index: number): void {
    this.#tree.set(index, this.#highest);
  }

  /** Draws the index of a row, with a probability proportional to its priority. */
  draw(random: Random): number {
    return this.#tree.find(random.uniform() * this.#tree.total);
  }

  /**
   * Writes the weight of each row that was drawn: (N P(i))^−β divided by the largest one of the minibatch, so that no step
   * is larger than without weights. N and the sum of the priorities cancel. `lap` has none.
   */
  weigh(weight: Float64Array, rows: Int32Array, beta: number): void {
    if (this.#isLap) return;
    let least = Infinity;
    for (let i = 0; i < rows.length; i++) least = Math.min(least, this.#tree.at(rows[i]));
    for (let i = 0; i < rows.length; i++) weight[i] = exp(-beta * log(this.#tree.at(rows[i]) / least));
  }

  /** Sets the priorities of rows by their absolute errors |y − Q|. */
  update(rows: Int32Array, absoluteErrors: Float64Array): void {
    for (let i = 0; i < rows.length; i++) {
      const priority = this.#of(absoluteErrors[i]);
      this.#highest = Math.max(this.#highest, priority);
      this.#tree.set(rows[i], priority);
    }
  }

  /** Returns the highest priority, then those of the first `size` rows, all with the exponent: [1 + size]. */
  save(size: number): Float64Array {
    const state = new Float64Array(1 + size);
    state[0] = this.#highest;
    for (let i = 0; i < size; i++) state[1 + i] = this.#tree.at(i);
    return state;
  }

  restore(state: Float64Array, where: string): void {
    for (const [i, value] of state.entries()) {
      const isPriority = value > 0 && value <= state[0] && value < Infinity;
      expect(isPriority, `${where}[${i}]`, "a number above 0, and at most the highest priority", value);
    }
    this.#highest = state[0];
    this.#tree.fill(state.subarray(1));
  }
}

/** β after a number of steps: it grows linearly to 1 in `importanceAnnealSteps`, and stays as it is if that is 0. */
export function importance(
  { importanceExponent, importanceAnnealSteps }: Pick<Settings, "importanceExponent" | "importanceAnnealSteps">,
  steps: number,
): number {
  if (importanceAnnealSteps === 0) return importanceExponent;
  return importanceExponent + (1 - importanceExponent) * Math.min(1, steps / importanceAnnealSteps);
}
