// Checked calls of the methods of a task's goals.
import { errorText, expect, expectObject, InputError, isList, show } from "../base/expect.ts";
import { copyObservation, expectFloat32, expectFloat32s, terminatedHint } from "./answers.ts";
import type { Goals, Step } from "./environment.ts";
import { expectNoPromise, isKind } from "./environment-calls.ts";

/** The reward of a step, and whether the task ended with it. */
export type Outcome = Pick<Step, "reward" | "terminated">;

const methods = ["achieved", "withGoal", "outcome"] as const satisfies (keyof Goals)[];

/**
 * The goals of a task, whose methods get copies. Each method throws an InputError that begins with `where` and the name of
 * the task's method if that fails, or returns something invalid.
 */
export class GoalCalls {
  readonly #goals: Goals;
  /** s, g and a, as the task's methods get them: they may be overwritten. */
  readonly #observation: Float64Array;
  readonly #action: Float32Array;
  /** G; 0 before the first call of `achieved`. */
  #size = 0;

  /** Throws an InputError that begins with `where` unless `goals` are. */
  constructor(goals: Goals | undefined, observationSize: number, actionSize: number, where: string) {
    const expected = `an object with the methods ${methods.join(", ")}`;
    expectObject(goals, where, expected);
    for (const name of methods) expect(typeof goals[name] === "function", `${where}.${name}`, "a method", goals[name]);
    this.#goals = goals;
    this.#observation = new Float64Array(observationSize);
    this.#action = new Float32Array(actionSize);
  }

  /** Returns the goal that an observation has reached: [G], a fresh array. */
  achieved(observation: ArrayLike<number>, where: string): Float64Array {
    this.#observation.set(observation);
    const place = `${where} hindsight.achieved`;
    const numbers: unknown = this.#call(place, "a list of numbers", () => this.#goals.achieved(this.#observation));
    const isNew = this.#size === 0;
    const expected = isNew ? "a list of at least one number" : `a list of ${this.#size} numbers, as before`;
    const isGoal = isList(numbers) && (isNew ? numbers.length > 0 : numbers.length === this.#size);
    expect(isGoal, place, expected, isList(numbers) && !isNew ? numbers.length : numbers);
    const goal = new Float64Array(numbers.length);
    copyObservation(goal, numbers, place);
    expectFloat32s(goal, place);
    this.#size = goal.length;
    return goal;
  }

  /** Writes an observation with another goal to `out` [O]. */
  withGoal(out: Float64Array, observation: ArrayLike<number>, goal: Float64Array, where: string): void {
    this.#observation.set(observation);
    const place = `${where} hindsight.withGoal`;
    const given: unknown = this.#call(place, "an observation", () =>
      this.#goals.withGoal(this.#observation, goal.slice()),
    );
    copyObservation(out, given, place);
    expectFloat32s(out, place);
  }

  /** Returns the outcome of a step with an action that led to an observation. */
  outcome(observation: ArrayLike<number>, action: ArrayLike<number>, where: string): Outcome {
    this.#observation.set(observation);
    this.#action.set(action);
    const place = `${where} hindsight.outcome`;
    const expected = "{ reward, terminated }";
    const outcome = this.#call(place, expected, () => this.#goals.outcome(this.#observation, this.#action));
    expectObject(outcome, place, expected);
    const { reward, terminated } = outcome;
    expectFloat32(reward, `${place} reward`);
    const hint = terminatedHint(outcome);
    expect(typeof terminated === "boolean", `${place} terminated`, "true or false", terminated, hint);
    return { reward, terminated };
  }

  #call<T>(where: string, expected: string, call: () => T): T {
    try {
      const result = call();
      expectNoPromise(result, where, expected);
      return result;
    } catch (error) {
      if (isKind(error, InputError) && error.where === where) throw error;
      const isText = isKind(error, Error) || typeof error === "string";
      const got = isText ? errorText(error) : show(error);
      throw new InputError({ where, expected: "no error", got }, { cause: error });
    }
  }
}
