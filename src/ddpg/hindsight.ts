// Hindsight experience replay (Andrychowicz et al., arXiv 1707.01495): an episode that missed its goal is learned from as
// if the goal had been one that it reached. Rows with the goal of the episode are stored at every step, as always. At its
// end each step is stored again with other goals: `final`, the last one that the episode reached, or `future`, k that it
// reached with this step or later, drawn uniformly. The rewards of such a row, and where the task ends, are those of its
// own goal.
import { expect } from "../base/expect.ts";
import { joinNumbers } from "../base/numbers.ts";
import type { Random } from "../base/random.ts";
import type { Environment } from "../environment/environment.ts";
import { nameOf } from "../environment/environment-calls.ts";
import { GoalCalls } from "../environment/goal-calls.ts";
import type { Settings } from "./config.ts";
import type { BodyId } from "./ddpg.ts";
import type { ReplayBuffer } from "./replay-buffer.ts";
import { powers, type StepReturns } from "./step-returns.ts";
import type { Units } from "./units.ts";

/** An episode that is longer is relabeled in pieces of this many steps, so that its memory has a bound. */
export const maxEpisodeSteps = 10_000;

/** A step of an episode, in the environment's units. */
interface HeldStep {
  readonly observation: Float64Array;
  readonly action: Float64Array;
  readonly nextObservation: Float64Array;
  /** The goal that `nextObservation` has reached. */
  readonly achieved: Float64Array;
}

/** What `Hindsight.save` returns: the steps of all bodies, one after another. */
export interface SavedEpisodes {
  readonly bodies: readonly { body: BodyId; rows: number }[];
  /** s, a and s′ of each step: [steps, 2 O + A]. */
  readonly rows: Float64Array;
}

/** How many rows hindsight adds for each step of an episode; 0 without it. */
export function relabeledPerStep({
  hindsight,
  hindsightGoals,
}: Pick<Settings, "hindsight" | "hindsightGoals">): number {
  return { none: 0, final: 1, future: hindsightGoals }[hindsight];
}

/** Throws an InputError if hindsight is on and the environment does not support it; returns its goals, or null if it is off. */
export function goalsFor(
  environment: Pick<Environment, "hindsight">,
  { hindsight }: Settings,
  { observationSize, actionSize }: Units,
): GoalCalls | null {
  if (hindsight === "none") return null;
  const name = nameOf(environment as Environment);
  expect(
    environment.hindsight !== undefined,
    "hindsight",
    `none, because ${name === "Object" ? "the environment" : name} does not say what its goals are`,
    hindsight,
    "Give the environment a member hindsight with the methods achieved, withGoal and outcome.",
  );
  return new GoalCalls(environment.hindsight, observationSize, actionSize, "environment.hindsight");
}

/** Holds the episode of each body until its end, and stores it again with other goals then. */
export class Hindsight {
  readonly #perStep: number;
  readonly #settings: Pick<Settings, "hindsight" | "returnSteps" | "rewardScale">;
  /** γᵏ at index k. */
  readonly #factors: Float64Array;
  readonly #goals: GoalCalls;
  readonly #units: Units;
  readonly #returns: StepReturns;
  readonly #buffer: ReplayBuffer;
  readonly #random: Random;
  readonly #episodes = new Map<BodyId, HeldStep[]>();
  /** The number of steps held, of all bodies. */
  #held = 0;
  /** The number of rows ever stored. */
  #stored = 0;
  /** A row, in the networks' units. */
  readonly #observation: Float32Array;
  readonly #action: Float32Array;
  readonly #nextObservation: Float32Array;
  /** An observation with another goal, in the environment's units. */
  readonly #relabeled: Float64Array;

  constructor(settings: Settings, goals: GoalCalls, units: Units, { returns, replayBuffer, hindsightRandom }: Parts) {
    this.#perStep = relabeledPerStep(settings);
    this.#settings = settings;
    this.#factors = powers(settings.discount, settings.returnSteps);
    this.#goals = goals;
    this.#units = units;
    this.#returns = returns;
    this.#buffer = replayBuffer;
    this.#random = hindsightRandom;
    this.#observation = new Float32Array(units.observationSize);
    this.#action = new Float32Array(units.actionSize);
    this.#nextObservation = new Float32Array(units.observationSize);
    this.#relabeled = new Float64Array(units.observationSize);
  }

  /** The number of rows ever stored. */
  get stored(): number {
    return this.#stored;
  }

  /**
   * Holds a step of a body; copies it. It is in the environment's units, and valid. Throws an InputError that begins with
   * `where` if the task's `achieved` fails, and a ReplayMemoryError if there is no memory for the rows to come; the step is
   * not held then.
   */
  add(
    body: BodyId,
    observation: ArrayLike<number>,
    action: ArrayLike<number>,
    nextObservation: ArrayLike<number>,
    where: string,
  ): void {
    if (this.#episodes.get(body)?.length === maxEpisodeSteps) this.end(body, where);
    // The row of this step and all that wait or will follow, so that storing them cannot fail.
    this.#buffer.makeRoom(this.#returns.waiting + 1 + (this.#held + 1) * this.#perStep);
    const achieved = this.#goals.achieved(nextObservation, where);
    const steps = this.#episodes.get(body) ?? [];
    this.#episodes.set(body, steps);
    steps.push({
      observation: Float64Array.from(observation),
      action: Float64Array.from(action),
      nextObservation: Float64Array.from(nextObservation),
      achieved,
    });
    this.#held++;
  }

  /**
   * Ends the episode of a body, whether the task ended or not: stores its rows with other goals. Throws an InputError that
   * begins with `where` if a method of the task's goals fails; the rest of the episode is dropped then.
   */
  end(body: BodyId, where: string): void {
    const steps = this.#episodes.get(body);
    if (!steps) return;
    this.#episodes.delete(body);
    this.#held -= steps.length;
    for (let t = 0; t < steps.length; t++) {
      for (let i = 0; i < this.#perStep; i++) {
        const isFuture = this.#settings.hindsight === "future";
        const reached = isFuture ? t + this.#random.integer(steps.length - t) : steps.length - 1;
        this.#store(steps, t, steps[reached].achieved, where);
      }
    }
  }

  /** Stores step t as if the episode had had another goal. */
  #store(steps: readonly HeldStep[], t: number, goal: Float64Array, where: string): void {
    const { returnSteps, rewardScale } = this.#settings;
    const last = Math.min(t + returnSteps, steps.length);
    let reward = 0;
    let discountSteps = 0;
    for (let k = t; k < last; k++) {
      this.#goals.withGoal(this.#relabeled, steps[k].nextObservation, goal, where);
      const outcome = this.#goals.outcome(this.#relabeled, steps[k].action, where);
      reward += this.#factors[k - t] * (outcome.reward * rewardScale);
      const expected = "a number whose discounted sum fits in Float32 after scaling";
      expect(Number.isFinite(Math.fround(reward)), `${where} hindsight.outcome reward`, expected, outcome.reward);
      discountSteps = outcome.terminated ? 0 : k - t + 1;
      if (outcome.terminated) break;
    }
    const place = `${where} hindsight.withGoal`;
    this.#units.scaleObservation(this.#nextObservation, this.#relabeled, place);
    this.#goals.withGoal(this.#relabeled, steps[t].observation, goal, where);
    this.#units.scaleObservation(this.#observation, this.#relabeled, place);
    this.#units.fromEnvironment(this.#action, steps[t].action, `${where} action`);
    const [observation, action, nextObservation] = [this.#observation, this.#action, this.#nextObservation];
    this.#buffer.store({ observation, action, reward, nextObservation, discountSteps });
    this.#stored++;
  }

  save(): SavedEpisodes {
    const all = [...this.#episodes];
    return {
      bodies: all.map(([body, steps]) => ({ body, rows: steps.length })),
      rows: joinNumbers(
        all.flatMap(([, steps]) =>
          steps.flatMap(({ observation, action, nextObservation }) => [observation, action, nextObservation]),
        ),
      ),
    };
  }

  /** Restores what `save` returned, and the number of rows ever stored. Throws an InputError that begins with `where`. */
  restore({ bodies, rows }: SavedEpisodes, stored: number, where: string): void {
    this.#episodes.clear();
    this.#held = 0;
    this.#stored = stored;
    const [O, A] = [this.#units.observationSize, this.#units.actionSize];
    let start = 0;
    for (const { body, rows: count } of bodies) {
      for (let i = 0; i < count; i++, start += 2 * O + A) {
        const step = rows.subarray(start, start + 2 * O + A);
        // Only to check: what is too large once it is scaled is refused here, and not at the end of its episode.
        this.#units.scaleObservation(this.#observation, step.subarray(0, O), `${where} observation`);
        this.#units.scaleObservation(this.#nextObservation, step.subarray(O + A), `${where} nextObservation`);
        this.add(body, step.subarray(0, O), step.subarray(O, O + A), step.subarray(O + A), where);
      }
    }
  }
}

/** What a Hindsight uses of its agent. */
interface Parts {
  readonly returns: StepReturns;
  readonly replayBuffer: ReplayBuffer;
  readonly hindsightRandom: Random;
}
