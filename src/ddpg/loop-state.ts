import { expect, messageOf } from "../base/expect.ts";
import type { Environment } from "../environment/environment.ts";
import { EnvironmentError } from "../environment/environment-calls.ts";
import { ScaleMonitor } from "../environment/scale-monitor.ts";

/** Where the two loops of `train` are, so that an agent that was saved can go on in the middle of an episode. */
export class LoopState {
  /** Time steps since training began. */
  step = 0;
  /** The number of the episode that goes on, or of the next one; from 1. */
  episode = 1;
  /** Time steps of the episode that goes on; 0 between episodes. */
  length = 0;
  /** Σ r of its steps. */
  return = 0;
  /** s, what its next action answers to: [O]. */
  readonly observation: Float64Array;
  readonly monitor: ScaleMonitor;
  /** What is trained on; null until `train` has taken over an agent that was loaded. */
  environment: Environment | null = null;
  /** The environment's own state when an agent that is not taken over yet was saved; null where there was none. */
  saved: Float64Array | null = null;

  constructor(observationSize: number) {
    this.observation = new Float64Array(observationSize);
    this.monitor = new ScaleMonitor(observationSize);
  }

  /** The environment's state; null between episodes, and where it has no `save` and `restore`. */
  saveEnvironment(): Float64Array | null {
    if (!this.environment) return this.saved;
    const { save, restore } = this.environment;
    return this.length > 0 && save && restore ? save.call(this.environment) : null;
  }

  /**
   * Goes on in an environment; returns what a person should know. Where the environment cannot be brought back to where
   * it was, the episode that was cut short is left out.
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
      `${name}: expected save and restore, to go on after step ${length} of episode ${this.episode}, got none. The episode begins anew.`,
    ];
  }

  /** The episode that goes on is given up. */
  leave(): void {
    this.length = 0;
    this.return = 0;
  }
}
