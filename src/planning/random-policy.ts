import { expectRandom, type Random } from "../base/random.ts";
import type { Environment } from "../environment/environment.ts";
import { expectEnvironment } from "../environment/environment-calls.ts";

/** Chooses each action at random, uniformly within the bounds: a baseline that learns nothing. */
export class RandomPolicy {
  readonly #environment: Environment;
  readonly #random: Random;
  readonly #action: Float32Array;

  constructor(environment: Environment, random: Random) {
    expectEnvironment(environment, "RandomPolicy environment");
    expectRandom(random, "RandomPolicy random");
    this.#environment = environment;
    this.#random = random;
    this.#action = new Float32Array(environment.actionLow.length);
  }

  /** Returns an action: [A]; the array of the next call. */
  act(): Float32Array {
    const { actionLow, actionHigh } = this.#environment;
    for (let i = 0; i < this.#action.length; i++) {
      this.#action[i] = this.#random.uniform(actionLow[i], actionHigh[i]);
    }
    return this.#action;
  }
}
