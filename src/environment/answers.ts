// What an environment answers, checked. An answer in the form of another library is named, because its author knows it.
import { expect, expectNumbers, fail, InputError, isArrayLike, isList, show } from "../base/expect.ts";
import type { Step } from "./environment.ts";

/**
 * Throws an InputError that begins with `where` unless an observation is a list of `size` finite numbers. The message
 * names what came instead.
 */
function expectObservation(observation: unknown, size: number, where: string): void {
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

/**
 * Copies an observation to `out` [O]. Reads each number once: what is read again may have changed. Throws an InputError
 * that begins with `where` and names what came instead, unless it is a list of O numbers, finite or not.
 */
export function copyObservation(out: Float64Array, observation: unknown, where: string): void {
  const size = out.length;
  if (isArrayLike(observation) && observation.length === size) {
    let i = 0;
    for (; i < size; i++) {
      const value = observation[i];
      if (typeof value !== "number") break;
      out[i] = value;
    }
    if (i === size) return;
  }
  expectObservation(observation, size, where);
  fail(where, `a list of ${numbers(size)}`, observation);
}

/** The networks compute in Float32, where a number above 3.4e38 is infinite. */
const largest = 3e38;

/** Throws an InputError that begins with `where` unless all numbers are finite, also in Float32; names the first. */
export function expectFloat32s(values: Float64Array, where: string): void {
  // NaN is not below anything.
  for (let i = 0; i < values.length; i++)
    if (!(Math.abs(values[i]) <= largest)) expectFloat32(values[i], `${where}[${i}]`);
}

/** Throws an InputError that begins with `where` unless a value is a finite number, also in Float32. */
export function expectFloat32(value: unknown, where: string): void {
  expect(typeof value === "number" && Number.isFinite(value), where, "a finite number", value);
  expect(Math.abs(value) <= largest, where, "at most 3e38 in absolute value", value);
}

/** Whether an observation is a list of `size` numbers, finite or not. */
function isObservation(observation: unknown, size: number): observation is ArrayLike<number> {
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
