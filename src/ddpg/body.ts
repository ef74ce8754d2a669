import { InputError } from "../base/expect.ts";
import type { Environment } from "../environment/environment.ts";
import { EnvironmentError, restoreState, saveState } from "../environment/environment-calls.ts";
import { occupy, release } from "../environment/environments-in-use.ts";
import { EpisodeInfo } from "../environment/episode-info.ts";
import type { Episode } from "./train.ts";
import { Watchdog } from "./watchdog.ts";

/**
 * The state of the loop of `train`: the current episode, so that a saved agent can resume in mid-episode, and the
 * counts. An agent keeps its body: the next loop continues the counts, in the same process as after a load.
 */
export class Body {
  /** The number of time steps since training began, over all loops. */
  step = 0;
  /** The number of the current episode, or of the next one; from 1. */
  episode = 1;
  /** The number of time steps in the current episode; 0 between episodes. */
  length = 0;
  /** Σ r of the current episode, undiscounted and unscaled. */
  return = 0;
  /** The named numbers that the environment gave in the current episode. */
  readonly info = new EpisodeInfo();
  /** s, the observation for the next action: [O]. */
  readonly observation: Float64Array;
  readonly watchdog: Watchdog;
  /** The environment of the last loop; null in a loaded agent until `train` takes over. */
  environment: Environment | null = null;
  /** The saved state of the environment, in a loaded agent until `train` takes over; null if there is none. */
  saved: Float64Array | null = null;
  /** The step of the episode that errors name: the one in progress, or 0 during a reset. */
  at = 0;
  /** Whether a reset, a step or its updates are under way. Agent and environment are then between two moments. */
  isWaiting = false;
  #isInLoop = false;
  #isLent = false;
  #name = "";

  constructor(observationSize: number) {
    this.observation = new Float64Array(observationSize);
    this.watchdog = new Watchdog(observationSize);
  }

  /**
   * Returns the environment's state; null between episodes, and if it has no `save` and `restore`. Throws an
   * EnvironmentError if `save` fails.
   */
  saveEnvironment(): Float64Array | null {
    const { environment } = this;
    if (!environment || this.#isLent) return this.saved;
    return this.length > 0 && environment.save && environment.restore ? saveState(environment, this.#name) : null;
  }

  /**
   * Begins a loop in an environment; returns warnings for the user. If the environment has no `save` and `restore`, an
   * interrupted episode is dropped. Throws an InputError if the agent or the environment is in another loop, and an
   * EnvironmentError if restoring fails.
   */
  enter(environment: Environment, name: string): readonly string[] {
    if (this.#isInLoop) {
      throw new InputError({
        where: `train agent with ${name}`,
        expected: "an agent in no other loop of train",
        got: "one in a loop that has not ended",
        hint: "Leave that loop with break, or call return() on what train returned.",
      });
    }
    occupy(environment, this, name);
    try {
      const warnings = this.#resume(environment, name);
      this.environment = environment;
      this.saved = null;
      this.#name = name;
      this.#isInLoop = true;
      return warnings;
    } catch (error) {
      release(environment, this);
      throw error;
    }
  }

  #resume(environment: Environment, name: string): readonly string[] {
    const { length, saved } = this;
    if (length === 0) return [];
    if (saved && environment.save && environment.restore) {
      restoreState(environment, saved.slice(), name);
      const restored = saveState(environment, name).length;
      if (restored !== saved.length) {
        const got = `expected ${saved.length} numbers, as were saved, got ${restored}.`;
        throw new EnvironmentError(`${name} restore: state: ${got}`);
      }
      return [];
    }
    this.leave();
    return [
      `${name}: expected save and restore, to continue after step ${length} of episode ${this.episode}, got none. The episode starts over.`,
    ];
  }

  /** Ends the loop, and with it the current episode. */
  exit(): void {
    this.leave();
    this.#isInLoop = false;
    if (this.environment) release(this.environment, this);
  }

  /** Call it before each reset, step and long round of updates. Throws an InputError while the environment is being evaluated on. */
  startWaiting(): void {
    if (this.#isLent) {
      throw new InputError({
        where: this.#name,
        expected: "no training step during an evaluation on the same environment",
        got: "one",
        hint: "Await evaluate, or make a second environment.",
      });
    }
    this.isWaiting = true;
  }

  /** Call it afterwards. Throws an EnvironmentError if `leave` was called meanwhile. */
  stopWaiting(): void {
    if (!this.isWaiting) throw new EnvironmentError(`${this.#name}: the step was given up before it ended`);
    this.isWaiting = false;
  }

  /** Whether `lend` is possible. */
  get isLendable(): boolean {
    const { environment } = this;
    const canReturn = environment?.save !== undefined && environment.restore !== undefined;
    return !this.isWaiting && !this.#isLent && (this.length === 0 || canReturn);
  }

  /**
   * Lends the environment to an evaluation; returns the function that puts it back as it was. Throws an InputError in
   * mid-episode if the environment has no `save` and `restore`, and while a step is under way.
   */
  lend(name: string): () => void {
    if (!this.isLendable) {
      const isInStep = this.isWaiting || this.#isLent;
      throw new InputError({
        where: name,
        expected: isInStep
          ? "a free environment"
          : "save and restore, to evaluate in the middle of an episode of train",
        got: isInStep ? `one in a ${this.#isLent ? "second evaluation" : "step of train"}` : "none",
        hint: "Make a second environment.",
      });
    }
    const state = this.saveEnvironment()?.slice() ?? null;
    this.saved = state;
    this.#isLent = true;
    return () => {
      this.#isLent = false;
      this.saved = null;
      if (this.environment && state) restoreState(this.environment, state, this.#name);
    };
  }

  /** Counts a step and adopts its observation; returns the episode if the step ended it, else null. */
  advance(observation: Float64Array, reward: number, terminated: boolean, truncated: boolean): Episode | null {
    this.step++;
    this.length++;
    this.return += reward;
    this.observation.set(observation);
    if (!terminated && !truncated) return null;
    const info = this.info.take();
    const episode = {
      ...{ number: this.episode, return: this.return, length: this.length, terminated },
      ...(info && { info }),
    };
    this.leave();
    this.episode++;
    return episode;
  }

  /** Abandons the current episode, with the step that is under way. The next one has the same number. */
  leave(): void {
    this.length = 0;
    this.return = 0;
    this.info.clear();
    this.at = 0;
    this.isWaiting = false;
  }
}
