import type { Random } from "../base/random.ts";

/**
 * A task to learn: what the algorithm needs from a simulation. An observation has O numbers and an action has A
 * numbers, both in the environment's own units.
 */
export interface Environment {
  /** The name that errors use for it. Default: the name of its class. */
  readonly name?: string | undefined;
  /** O, the length of every observation; a whole number above 0. */
  readonly observationSize: number;
  /** The lower bound of each action dimension, finite in Float32: [A]. */
  readonly actionLow: ArrayLike<number>;
  /** The upper bound of each action dimension, above the lower one and finite in Float32: [A]. */
  readonly actionHigh: ArrayLike<number>;
  /**
   * The most time steps of an episode, if the environment knows it, as a TimeLimit does. Evaluations assume that an
   * episode never ends after this many steps, or after 100,000.
   */
  readonly maxEpisodeSteps?: number | undefined;
  /**
   * False if the same seed does not give the same episodes, as with a robot or a game. A run with it cannot be repeated.
   * Default: true.
   */
  readonly repeatable?: boolean | undefined;
  /**
   * True if only one instance can exist at a time, as with a robot. The command line then evaluates on the environment
   * that it trains on, at ends of episodes. Default: false.
   */
  readonly single?: boolean | undefined;
  /** What the setting `hindsight` needs to know of a task in which each episode has a goal. Other tasks have none. */
  readonly hindsight?: Goals | undefined;
  /**
   * Starts an episode and returns its first observation [O], which the caller copies at once. Draw every random number
   * of the episode from `random`: then the same seed gives the same episode.
   */
  reset(random: Random): ArrayLike<number> | Promise<ArrayLike<number>>;
  /**
   * Executes an action [A], within the bounds, for one time step. The caller copies the observation at once, so one
   * array may be reused for all of them. Do not change `action`.
   */
  step(action: Float32Array): Step | Promise<Step>;
  /**
   * Returns everything that the next steps depend on, as numbers; a fresh array. With `save` and `restore`, training
   * can resume in the middle of an episode. Define both or neither.
   */
  save?(): Float64Array;
  /** Returns to a state that `save` of any instance with the same settings returned. */
  restore?(state: Float64Array): void;
  /** Releases what the environment holds, such as a connection or memory. */
  close?(): void;
}

/**
 * The goals of a task, so that an agent can learn from an episode as if it had had another goal. The goal of an episode is
 * part of every observation. A goal is a list of G numbers, such as a position, and G never changes. The methods depend on
 * their arguments alone, never on the state of the environment. They get copies, and the caller copies what they return at
 * once.
 */
export interface Goals {
  /** Returns the goal that an observation [O] has reached, whichever goal it was meant to reach: [G]. */
  achieved(observation: Float64Array): ArrayLike<number>;
  /** Returns an observation [O] as it would be if the goal of its episode were another one [G]: [O]. */
  withGoal(observation: Float64Array, goal: Float64Array): ArrayLike<number>;
  /**
   * Returns what else `step` returns where an action [A] leads to an observation [O]: the reward, and whether the task
   * ended. It has to be right for every goal in the observation, not only for the goal of the episode.
   */
  outcome(observation: Float64Array, action: Float32Array): Pick<Step, "reward" | "terminated">;
}

/** The result of one time step. */
export interface Step {
  /**
   * s′, the observation after the step: [O]. At the end of an episode it is still the observation of this episode,
   * never that of the next reset.
   */
  observation: ArrayLike<number>;
  /** r, a finite number in the environment's own units. */
  reward: number;
  /** Whether the task ended: no reward can follow, so the value of s′ is 0. */
  terminated: boolean;
  /** Whether the episode was cut short, as by a time limit: the task could continue, so the value of s′ is not 0. */
  truncated?: boolean;
  /**
   * A few named numbers to watch besides the reward, such as `{ landed: 1 }`: finite, at most 32 names in an episode. They
   * do not affect learning. Of each episode the last value of a name counts, so it is enough to give them at the end.
   */
  info?: Readonly<Record<string, number>>;
}
