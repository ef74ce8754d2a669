import { expect, isArrayLike } from "../base/expect.ts";
import { joinNumbers } from "../base/numbers.ts";
import type { Random } from "../base/random.ts";
import type { Environment, Goals, Step } from "./environment.ts";
import { expectEnvironment, isFloat64Array, nameOf } from "./environment-calls.ts";
import { type Scene, sceneOf } from "./scene.ts";

/**
 * Cuts an environment's episodes after a number of steps. Every truncation in this project is made here. A task that
 * ends with the very last step is terminated, not truncated. `save()` returns the steps taken, then the environment's
 * state; it exists only if the environment has `save` and `restore`.
 */
export class TimeLimit implements Environment {
  /** The name of the wrapped environment, because errors are about the task and not about its time limit. */
  readonly name: string;
  readonly observationSize: number;
  readonly actionLow: ArrayLike<number>;
  readonly actionHigh: ArrayLike<number>;
  readonly maxEpisodeSteps: number;
  readonly repeatable: boolean | undefined;
  readonly single: boolean | undefined;
  readonly hindsight: Goals | undefined;
  readonly save?: () => Float64Array;
  readonly restore?: (state: Float64Array) => void;
  readonly #environment: Environment;
  readonly #limit: number;
  #taken = 0;

  /** Limits episodes to `steps` time steps. Throws an InputError unless `steps` is a whole number above 0. */
  constructor(environment: Environment, steps: number) {
    expectEnvironment(environment, "TimeLimit environment");
    expect(Number.isInteger(steps) && steps > 0, "TimeLimit steps", "a whole number above 0", steps);
    this.name = new.target === TimeLimit ? nameOf(environment) : (environment.name ?? new.target.name);
    this.observationSize = environment.observationSize;
    this.actionLow = environment.actionLow;
    this.actionHigh = environment.actionHigh;
    this.#environment = environment;
    this.#limit = steps;
    this.maxEpisodeSteps = Math.min(steps, environment.maxEpisodeSteps ?? steps);
    this.repeatable = environment.repeatable;
    this.single = environment.single;
    this.hindsight = environment.hindsight;
    const { save, restore } = environment;
    if (save && restore) {
      this.save = () => {
        const inner = save.call(environment);
        if (!isFloat64Array(inner)) return inner; // an invalid state is passed on; the caller reports it
        return joinNumbers([[this.#taken], inner]);
      };
      this.restore = (state) => {
        expect(isArrayLike(state) && state.length > 0, `${this.name} restore`, "the numbers of save", state);
        this.#taken = state[0];
        return restore.call(environment, state.slice(1));
      };
    }
  }

  /** Returns the environment that several time limits may wrap. */
  static innermost(environment: Environment): Environment {
    let inner = environment;
    while (inner instanceof TimeLimit) inner = inner.#environment;
    return inner;
  }

  /** The scene of the wrapped environment, or undefined if it has none. */
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
    // An invalid step is passed on unchanged; the caller reports it.
    if (this.#taken < this.#limit || typeof step !== "object" || step === null || step.terminated) return step;
    if (Array.isArray(step)) return step;
    // A step may be an object of a class: the spread alone would lose its getters.
    const { observation, reward, terminated } = step;
    return { ...step, observation, reward, terminated, truncated: true };
  }

  close(): void {
    this.#environment.close?.();
  }
}
