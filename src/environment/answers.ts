// What an environment answers, checked. An answer in the form of another library is named, because its author knows it.
import { expect, expectNumbers, fail, InputError, isArrayLike, isList, show } from "../base/expect.ts";
import type { Step } from "./environment.ts";

/**
 * Throws an InputError that begins with `where` unless an observation is a list of `size` finite numbers. The message
 * names what came instead.
 */
export function expectObservation(observation: unknown, size: number, where: string): void {
  if (isObservation(observation, size)) {
    expectNumbers(observation, size, where);
    return;
  }
  if (isList(observation)) {
    const [first, second] = [observation[0], observation[1]];
    if (observation.length === 2 && isList(first) && typeof second === "object" && !isList(second)) {
      const got = "[observation, info], as of Gymnasium's reset";
      throw problem(where, numbers(size), got, "Return the observation alone.");
    }
    if (isList(first) && observation.length === 1) {
      throw problem(where, numbers(size), "a list in a list", "Return the inner list.");
    }
    const index = Array.from(observation).findIndex((item) => typeof item !== "number");
    if (index !== -1 && observation.length === size) {
      const hint = typeof observation[index] === "bigint" ? "Convert it with Number(…)." : "";
      fail(`${where}[${index}]`, "a finite number", observation[index], hint);
    }
    throw problem(where, numbers(size), observation.length === size ? show(observation) : `${observation.length}`);
  }
  const nested = typeof observation === "object" && observation !== null && "observation" in observation;
  fail(where, `a list of ${numbers(size)}`, observation, nested ? "Return the observation alone." : "");
}

/** Whether an observation is a list of `size` numbers, finite or not. */
export function isObservation(observation: unknown, size: number): observation is ArrayLike<number> {
  if (!isArrayLike(observation) || observation.length !== size) return false;
  for (let i = 0; i < size; i++) if (typeof observation[i] !== "number") return false;
  return true;
}

/** Throws an InputError unless a step's result is an object. `expected` is what the caller calls a step. */
export function expectStepObject(step: unknown, where: string, expected: string): asserts step is Step {
  if (isList(step)) {
    const forms: Readonly<Record<number, string>> = {
      5: "a list of five, as Gymnasium's [observation, reward, terminated, truncated, info]",
      4: "a list of four, as Gym's [observation, reward, done, info]",
    };
    throw problem(where, expected, forms[step.length] ?? show(step), "Return an object with these names.");
  }
  expect(typeof step === "object" && step !== null, where, expected, step);
}

/** What to do where `terminated` is missing; "" unless the step has another name for it. */
export function terminatedHint(step: object): string {
  return "done" in step ? "Instead of done, return terminated, or truncated if only a time limit was reached." : "";
}

function numbers(size: number): string {
  return `${size} ${size === 1 ? "number" : "numbers"}`;
}

function problem(where: string, expected: string, got: string, hint = ""): InputError {
  return new InputError({ where, expected, got, hint });
}
