import { fail, InputError } from "../base/expect.ts";
import type { Environment } from "./environment.ts";
import { GoalCalls } from "./goal-calls.ts";
import type { Moment } from "./moments.ts";

/** A step of the walk, with a copy of its observation. */
interface Held extends Omit<Moment, "observation"> {
  readonly observation: Float64Array;
  readonly action: Float32Array;
  readonly achieved: Float64Array;
  readonly where: string;
}

/**
 * Checks what a task says about its goals along a walk of `checkEnvironment`. A step is checked only after the next one:
 * what depends on the state of the environment, and not on the observation alone, differs by then.
 */
export class GoalCheck {
  readonly #goals: GoalCalls;
  readonly #size: number;
  #held: Held | null = null;
  /** Two different goals that were achieved, as soon as there are two. */
  readonly #seen: Float64Array[] = [];
  /** The number of steps that were given the goal that they achieved, and whether that changed a reward or an end. */
  #reached = 0;
  #isRewarded = false;

  /** Throws an InputError unless the environment's `hindsight` has the methods. */
  constructor({ hindsight, observationSize, actionLow }: Environment) {
    this.#size = observationSize;
    this.#goals = new GoalCalls(hindsight, observationSize, actionLow.length, "environment.hindsight");
  }

  /** Takes a step of the walk. Throws an InputError that begins with its place for the first thing that is wrong. */
  add(moment: Moment, action: Float32Array, where: string): void {
    this.end();
    const observation = moment.observation.slice();
    const achieved = this.#goals.achieved(observation, where);
    this.#held = { ...moment, observation, action, achieved, where };
  }

  /** Checks the last step. */
  end(): void {
    const held = this.#held;
    if (!held) return;
    this.#held = null;
    const { observation, action, achieved, reward, terminated, where } = held;
    const again = this.#goals.achieved(observation, where);
    const alone = "Compute it from the arguments alone, not from the state of the environment.";
    expectSame(again, achieved, `${where} hindsight.achieved`, "the same after a later step", alone);

    const outcome = this.#goals.outcome(observation, action, where);
    const place = `${where} hindsight.outcome`;
    const agree = `Give the same as step where the goal is that of the episode. ${alone}`;
    // A reward that is not a number was reported already.
    if (Number.isFinite(reward)) expectSame([outcome.reward], [reward], `${place} reward`, "the step's reward", agree);
    if (outcome.terminated !== terminated)
      fail(`${place} terminated`, `the step's, ${terminated}`, outcome.terminated, agree);

    const own = this.#withGoal(observation, achieved, held);
    const success = this.#goals.outcome(own, action, where);
    this.#reached++;
    if (differ([success.reward], [outcome.reward]) || success.terminated !== outcome.terminated)
      this.#isRewarded = true;

    // Only what was achieved is surely a goal of the task.
    const other = this.#seen.find((goal) => differ(goal, achieved));
    if (this.#seen.length < 2 && !this.#seen.some((goal) => !differ(goal, achieved))) this.#seen.push(achieved);
    if (!other) return;
    const relabeled = this.#withGoal(observation, other, held);
    if (!differ(own, relabeled)) {
      throw new InputError({
        where: `${where} hindsight.withGoal`,
        expected: "other observations for other goals",
        got: "the same one",
        hint: "The goal has to be part of the observation.",
      });
    }
    const back = this.#withGoal(relabeled, achieved, held);
    const replaces = "the same whichever goal was there before";
    expectSame(back, own, `${where} hindsight.withGoal`, replaces, "Replace the goal that is there.");
  }

  /** Returns an observation with another goal, which must not change what was achieved. */
  #withGoal(observation: Float64Array, goal: Float64Array, { achieved, where }: Held): Float64Array {
    const out = new Float64Array(this.#size);
    this.#goals.withGoal(out, observation, goal, where);
    const kept = "what the observation has achieved with any goal";
    const hint = "Change only the goal in the observation.";
    expectSame(this.#goals.achieved(out, where), achieved, `${where} hindsight.achieved after withGoal`, kept, hint);
    return out;
  }

  /** A warning if no goal ever changed a reward; else "". */
  get warning(): string {
    if (this.#reached === 0 || this.#isRewarded) return "";
    return (
      `hindsight.outcome: expected another reward or end where the goal is what was achieved, got the same in all ${this.#reached} steps. ` +
      "Compute it from the goal that is in the observation."
    );
  }
}

/** Rounding may differ: an observation may have the goal as a difference. */
const tolerance = 1e-6;

function isSame(a: number, b: number): boolean {
  return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
}

function differ(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return Array.from(a).some((x, i) => !isSame(x, b[i]));
}

function expectSame(
  got: ArrayLike<number>,
  wanted: ArrayLike<number>,
  where: string,
  what: string,
  hint: string,
): void {
  for (let i = 0; i < wanted.length; i++) {
    const place = wanted.length === 1 ? where : `${where}[${i}]`;
    if (!isSame(got[i], wanted[i])) fail(place, `${wanted[i]}, ${what}`, got[i], hint);
  }
}
