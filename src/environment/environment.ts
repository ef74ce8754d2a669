import type { Random } from "../base/random.ts";

/**
 * A task: what the algorithm needs of a simulation. O numbers are observed, A numbers are the action, everything in
 * the environment's own units.
 */
export interface Environment {
  /** What errors call it; its class's name unless given. */
  readonly name?: string | undefined;
  /** O, the length of every observation. */
  readonly observationSize: number;
  /** The lowest action, one finite bound a dimension: [A]. */
  readonly actionLow: ArrayLike<number>;
  /** The highest action, each above its lowest: [A]. */
  readonly actionHigh: ArrayLike<number>;
  /** Begins an episode and returns its first observation [O]. All chance comes from `random`. */
  reset(random: Random): ArrayLike<number> | Promise<ArrayLike<number>>;
  /** Executes an action [A] for one time step. The caller copies the observation at once. */
  step(action: Float32Array): Step | Promise<Step>;
  /** Everything that the next steps depend on, as numbers; a fresh array. */
  save?(): Float64Array;
  /** Goes back to a saved state. */
  restore?(state: Float64Array): void;
  /** Lets go of what the environment holds (a connection, memory). */
  close?(): void;
}

/** What one time step gave. */
export interface Step {
  /** s′, the observation after the step: [O]. Also at an episode's end it is the true one, never that of the next reset. */
  observation: ArrayLike<number>;
  /** r, in the environment's own units. */
  reward: number;
  /** The task came to its end: no reward can follow, the value beyond is 0. */
  terminated: boolean;
  /** The episode was cut (a time limit): the task would go on, so the value beyond is not 0. */
  truncated?: boolean;
}
