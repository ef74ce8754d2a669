import { expect, expectNumbers } from "../base/expect.ts";
import type { BodyId } from "./ddpg.ts";
import { RunningStatistics } from "./running-statistics.ts";

/** ε, added to the variance of the discounted return. */
const epsilon = 1e-8;

/** The largest return, divided by the divisor, is not above this. */
const largestReturn = 5;

/**
 * Running normalization of rewards (SimbaV2, arXiv 2502.15280): r / max(√(v + ε), max|G| / 5). G is the discounted sum of
 * the rewards so far in a body's episode, G ← γ G + r; it restarts where an episode ends, whether the task ended or a time
 * limit cut it. v is the variance of G over all time steps of training, max|G| the largest size that it had. ε is 1e-8.
 * Everything is in Float64. Rewards are divided as they are sampled, so all rows of a minibatch have the same divisor.
 */
export class RewardNormalization {
  readonly #discount: number;
  readonly #statistics = new RunningStatistics(1);
  /** G of each body that is in an episode. */
  readonly #returns = new Map<BodyId, number>();
  #largest = 0;

  constructor(discount: number) {
    this.#discount = discount;
  }

  /** Takes a reward of training in. */
  add(reward: number, body: BodyId): void {
    const discounted = this.#discount * (this.#returns.get(body) ?? 0) + reward;
    this.#returns.set(body, discounted);
    this.#statistics.add([discounted]);
    this.#largest = Math.max(this.#largest, Math.abs(discounted));
  }

  /** Call it where an episode of a body ends. */
  endEpisode(body: BodyId): void {
    this.#returns.delete(body);
  }

  /** What rewards are divided by; 1 before the first one. */
  get divisor(): number {
    if (this.#statistics.count === 0) return 1;
    return Math.max(Math.sqrt(this.#statistics.variance(0) + epsilon), this.#largest / largestReturn);
  }

  /** Divides rewards in place. */
  apply(rewards: Float64Array): void {
    const { divisor } = this;
    for (let i = 0; i < rewards.length; i++) rewards[i] /= divisor;
  }

  /** The bodies that are in an episode. */
  get bodies(): BodyId[] {
    return [...this.#returns.keys()];
  }

  /** How many numbers `save` returns with this many bodies in an episode. */
  static stateSize(bodies: number): number {
    return 1 + new RunningStatistics(1).stateSize + bodies;
  }

  /** max|G|, the statistics of G, and G of each of `bodies`. */
  save(): Float64Array {
    const state = new Float64Array(RewardNormalization.stateSize(this.#returns.size));
    state[0] = this.#largest;
    state.set(this.#statistics.save(), 1);
    state.set(Array.from(this.#returns.values()), 1 + this.#statistics.stateSize);
    return state;
  }

  /** Resumes from a state that `save` returned when `bodies` were in an episode. Throws an InputError for any other. */
  restore(state: ArrayLike<number>, bodies: readonly BodyId[], where: string): void {
    expectNumbers(state, RewardNormalization.stateSize(bodies.length), where);
    const [largest, ...rest] = Array.from(state);
    expect(largest >= 0, `${where} largest`, "a number of at least 0", largest);
    const { stateSize } = this.#statistics;
    this.#statistics.restore(rest.slice(0, stateSize), where);
    this.#largest = largest;
    this.#returns.clear();
    bodies.forEach((body, i) => {
      this.#returns.set(body, rest[stateSize + i]);
    });
  }
}
