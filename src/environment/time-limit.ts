import { expect } from "../base/expect.ts";
import type { Random } from "../base/random.ts";
import type { Environment, Step } from "./environment.ts";
import { type Scene, sceneOf } from "./scene.ts";

/**
 * Cuts an environment's episodes after a number of steps: the one place where a truncation is made. A task that comes
 * to its end with the very last step is terminated, not truncated. `save()`: the steps taken, then the environment's
 * own state.
 */
export class TimeLimit implements Environment {
  /** The task's, for nobody looks for a fault in a time limit. */
  readonly name: string;
  readonly observationSize: number;
  readonly actionLow: ArrayLike<number>;
  readonly actionHigh: ArrayLike<number>;
  readonly save?: () => Float64Array;
  readonly restore?: (state: Float64Array) => void;
  readonly #environment: Environment;
  readonly #limit: number;
  #taken = 0;

  /** Episodes end after this many steps at the latest. Throws an InputError unless `steps` is a whole number above 0. */
  constructor(environment: Environment, steps: number) {
    expect(Number.isInteger(steps) && steps > 0, "TimeLimit steps", "a whole number above 0", steps);
    const own = new.target === TimeLimit ? environment.constructor.name : new.target.name;
    this.name = environment.name ?? own;
    this.observationSize = environment.observationSize;
    this.actionLow = environment.actionLow;
    this.actionHigh = environment.actionHigh;
    this.#environment = environment;
    this.#limit = steps;
    const { save, restore } = environment;
    if (save && restore) {
      this.save = () => Float64Array.of(this.#taken, ...save.call(environment));
      this.restore = (state) => {
        this.#taken = state[0];
        restore.call(environment, state.slice(1));
      };
    }
  }

  /** The environment's scene, if it has one. */
  get scene(): Scene | undefined {
    return sceneOf(this.#environment);
  }

  reset(random: Random): ArrayLike<number> | Promise<ArrayLike<number>> {
    this.#taken = 0;
    return this.#environment.reset(random);
  }

  step(action: Float32Array): Step | Promise<Step> {
    const step = this.#environment.step(action);
    const waits = typeof step === "object" && step !== null && "then" in step;
    return waits ? step.then((value) => this.#cut(value)) : this.#cut(step);
  }

  #cut(step: Step): Step {
    this.#taken++;
    // What is no step at all goes on as it is: whoever called says so.
    return this.#taken < this.#limit || step?.terminated ? step : { ...step, truncated: true };
  }

  close(): void {
    this.#environment.close?.();
  }
}
