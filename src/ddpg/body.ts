import { expect, messageOf } from "../base/expect.ts";
import type { Environment } from "../environment/environment.ts";
import { EnvironmentError } from "../environment/environment-calls.ts";
import type { Episode } from "./train.ts";
import { Watchdog } from "./watchdog.ts";

/** The state of the loop of `train`: the current episode, so that a saved agent can resume in mid-episode. */
export class Body {
  /** The number of time steps since training began. */
  step = 0;
  /** The number of the current episode, or of the next one; from 1. */
  episode = 1;
  /** The number of time steps in the current episode; 0 between episodes. */
  length = 0;
  /** Σ r of the current episode, undiscounted and unscaled. */
  return = 0;
  /** s, the observation for the next action: [O]. */
  readonly observation: Float64Array;
  readonly watchdog: Watchdog;
  /** The environment that the agent trains on; null in a loaded agent until `train` takes over. */
  environment: Environment | null = null;
  /** The saved state of the environment, in a loaded agent until `train` takes over; null if there is none. */
  saved: Float64Array | null = null;
  /** The step of the episode that errors name: the one in progress, or 0 during a reset. */
  at = 0;

  constructor(observationSize: number) {
    this.observation = new Float64Array(observationSize);
    this.watchdog = new Watchdog(observationSize);
  }

  /** Returns the environment's state; null between episodes, and if it has no `save` and `restore`. */
  saveEnvironment(): Float64Array | null {
    if (!this.environment) return this.saved;
    const { save, restore } = this.environment;
    return this.length > 0 && save && restore ? save.call(this.environment) : null;
  }

  /**
   * Resumes in an environment; returns warnings for the user. If the environment has no `save` and `restore`, the
   * interrupted episode is dropped. Throws an EnvironmentError if restoring fails.
   */
  enter(environment: Environment, name: string): readonly string[] {
    this.environment = environment;
    const { length, saved } = this;
    this.saved = null;
    if (length === 0) return [];
    if (saved && environment.save && environment.restore) {
      try {
        environment.restore(saved.slice());
        const restored = environment.save().length;
        expect(restored === saved.length, "state", `${saved.length} numbers, as were saved`, restored);
      } catch (error) {
        throw new EnvironmentError(`${name} restore: ${messageOf(error)}`, { cause: error });
      }
      return [];
    }
    this.leave();
    return [
      `${name}: expected save and restore, to continue after step ${length} of episode ${this.episode}, got none. The episode starts over.`,
    ];
  }

  /** Counts a step and adopts its observation; returns the episode if the step ended it, else null. */
  advance(observation: Float64Array, reward: number, terminated: boolean, truncated: boolean): Episode | null {
    this.step++;
    this.length++;
    this.return += reward;
    this.observation.set(observation);
    if (!terminated && !truncated) return null;
    const episode = { number: this.episode, return: this.return, length: this.length, terminated };
    this.leave();
    this.episode++;
    this.at = 0;
    return episode;
  }

  /** Abandons the current episode. */
  leave(): void {
    this.length = 0;
    this.return = 0;
  }
}
