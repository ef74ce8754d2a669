import {
  awaitHint,
  cut,
  errorText,
  expect,
  expectNumbers,
  expectObject,
  InputError,
  messageOf,
  show,
} from "../base/expect.ts";
import type { Random } from "../base/random.ts";
import { copyObservation, expectFloat32, expectFloat32s, expectStepObject, terminatedHint } from "./answers.ts";
import type { Environment, Step } from "./environment.ts";

/** The environment threw, or returned an invalid result. The message names the environment, episode, step and field. */
export class EnvironmentError extends Error {
  override name = "EnvironmentError";
}

/** The longest delay of a timer. */
const maxTimerMs = 2_147_483_647;

declare const setTimeout: (callback: () => void, ms: number) => unknown;
declare const clearTimeout: (timer: unknown) => void;

/**
 * Calls an environment, which may answer with values or promises, and checks every answer. Each method throws, or
 * rejects with, an EnvironmentError that begins with `where`. With a timeout in ms, a promise that takes longer is an
 * error too; a synchronous call that never returns cannot be stopped.
 */
export class EnvironmentCalls {
  readonly #environment: Environment;
  readonly #where: () => string;

  readonly #timeoutMs: number | undefined;
  #isAbandoned = false;

  constructor(environment: Environment, where: () => string, timeoutMs?: number) {
    this.#environment = environment;
    this.#where = where;
    this.#timeoutMs = timeoutMs;
  }

  /** Drops the answers that have not come yet: they write nothing, and their promises reject. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** Starts an episode; writes its first observation to `out` [O]. */
  async reset(out: Float64Array, random: Random): Promise<void> {
    const observation = await this.#call(() => this.#environment.reset(random));
    this.#expectAwaited();
    this.#check(() => read(out, observation));
  }

  /**
   * Executes an action [A]; writes the next observation to `out` [O]. Returns a promise only if the environment does,
   * because awaiting a value would cost time in every step.
   */
  step(out: Float64Array, action: Float32Array): Step | Promise<Step> {
    const result = this.#call(() => this.#environment.step(action));
    return isPromise(result) ? result.then((step) => this.#checkStep(out, step)) : this.#checkStep(out, result);
  }

  #checkStep(out: Float64Array, step: Step): Step {
    this.#expectAwaited();
    this.#check(() => {
      checkStep(step);
      const { info } = step;
      if (info !== undefined) checkInfo(info, "info");
      read(out, step.observation);
    });
    return step;
  }

  #expectAwaited(): void {
    if (this.#isAbandoned) throw new EnvironmentError(`${this.#where()}: the answer came after the loop had ended`);
  }

  #call<T>(call: () => T | Promise<T>): T | Promise<T> {
    const fail = (error: unknown): never => {
      throw new EnvironmentError(`${this.#where()}: ${whatWas(error)}`, { cause: error });
    };
    try {
      const result = call();
      return isPromise(result) ? this.#inTime(Promise.resolve(result)).catch(fail) : result;
    } catch (error) {
      return fail(error);
    }
  }

  #inTime<T>(answer: Promise<T>): Promise<T> {
    const timeoutMs = this.#timeoutMs;
    // A longer timer fires at once: its delay is a signed 32-bit number. No answer is awaited for 24 days.
    if (timeoutMs === undefined || timeoutMs > maxTimerMs) return answer;
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Error(`expected an answer within ${timeoutMs / 1000} s, got none`));
      const timer = setTimeout(late, timeoutMs);
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  #check(check: () => void): void {
    checkAnswer(this.#where, check);
  }
}

/** Throws an EnvironmentError that begins with `where` unless a step has a reward and says whether the episode has ended. */
export function expectStep(step: unknown, where: () => string): asserts step is Step {
  checkAnswer(where, () => checkStep(step));
}

function checkStep(step: unknown): asserts step is Step {
  expectStepObject(step, "result", "a step { observation, reward, terminated }");
  const { reward, terminated, truncated } = step;
  expectFloat32(reward, "reward");
  expect(typeof terminated === "boolean", "terminated", "true or false", terminated, terminatedHint(step));
  expect(truncated === undefined || typeof truncated === "boolean", "truncated", "true or false", truncated);
}

/** Runs a check of what an environment returned. What it throws comes out as an EnvironmentError that begins with `where`. */
function checkAnswer(where: () => string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (isKind(error, InputError)) throw new EnvironmentError(`${where()} ${messageOf(error)}`);
    // A getter or a proxy threw.
    throw new EnvironmentError(`${where()} result: ${whatWas(error)}`, { cause: error });
  }
}

/** What an environment threw, in words. It may be anything. */
export function whatWas(error: unknown): string {
  const isText = typeof error === "string" || isKind(error, Error);
  return (isText && messageOf(error)) || `expected no error, got ${isText ? errorText(error) : show(error)}`;
}

/** Whether a value that was thrown is of a class. A proxy may throw when it is asked. */
export function isKind<T>(value: unknown, kind: new (...args: never[]) => T): value is T {
  try {
    return value instanceof kind;
  } catch {
    return false;
  }
}

/** Every member of an environment: the compiler refuses a list that lacks one. */
const members = Object.keys({
  name: true,
  observationSize: true,
  actionLow: true,
  actionHigh: true,
  maxEpisodeSteps: true,
  repeatable: true,
  single: true,
  hindsight: true,
  reset: true,
  step: true,
  save: true,
  restore: true,
  close: true,
} satisfies Record<keyof Environment, true>) as (keyof Environment)[];

/**
 * Throws an EnvironmentError that begins with `where` and names the member if an environment throws when one of its
 * members is read, as a getter or a proxy may.
 */
export function expectReadable(environment: Environment, where: string): void {
  for (const member of members) {
    try {
      void environment?.[member];
    } catch (error) {
      throw new EnvironmentError(`${where} ${member}: ${whatWas(error)}`, { cause: error });
    }
  }
}

/** The most names in the `info` of a step, and of all steps of an episode. */
export const maxInfoNames = 32;

/** Throws an InputError that begins with `where` unless `info` is what a step may have as `info`. */
export function checkInfo(info: unknown, where: string): void {
  checkStoredInfo(info, where);
  const { length } = Object.keys(info as object);
  expect(length <= maxInfoNames, where, `at most ${maxInfoNames} names`, length);
}

/** The same for the `info` of several episodes: each may have other names. */
export function checkStoredInfo(info: unknown, where: string): void {
  const given = typeof info === "object" && info !== null && !Array.isArray(info);
  expect(given, where, "an object of named numbers, or nothing", info);
  for (const [name, value] of Object.entries(info as object)) {
    expect(Number.isFinite(value), `${where}.${name}`, "a finite number", value);
  }
}

/**
 * Calls `save` and returns the state. Throws an EnvironmentError that begins with `name` if it fails, or if the state
 * is not a Float64Array of finite numbers.
 */
export function saveState(environment: Environment, name: string): Float64Array {
  try {
    const state: unknown = environment.save?.();
    expectState(state, "state");
    return state;
  } catch (error) {
    throw new EnvironmentError(`${name} save: ${whatWas(error)}`, { cause: error });
  }
}

/** Calls `restore`. Throws an EnvironmentError that begins with `name` if it fails, or if it returns a promise. */
export function restoreState(environment: Environment, state: Float64Array, name: string): void {
  try {
    expectNoPromise(environment.restore?.(state), "result", "nothing");
  } catch (error) {
    throw new EnvironmentError(`${name} restore: ${whatWas(error)}`, { cause: error });
  }
}

/** Throws an InputError that begins with `where` unless a state is a Float64Array of finite numbers. */
export function expectState(state: unknown, where: string): asserts state is Float64Array {
  expectNoPromise(state, where, "a Float64Array");
  expect(isFloat64Array(state), where, "a Float64Array", state);
  expectNumbers(state, state.length, where);
}

/** Whether a value is a Float64Array; also one of another window, for which `instanceof` fails. */
export function isFloat64Array(value: unknown): value is Float64Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Float64Array]";
}

/** Throws an InputError if `save` or `restore` returned a promise: a checkpoint is one moment and cannot wait. */
export function expectNoPromise(result: unknown, where: string, expected: string): void {
  if (!isPromise(result)) return;
  result.then(undefined, () => {}); // its rejection would end the process
  const hint = "Only reset and step may be asynchronous.";
  throw new InputError({ where, expected: `${expected} at once`, got: "a promise", hint });
}

/** Returns the name that errors use for an environment: its own, or that of its class. */
export function nameOf(environment: Environment): string {
  // An object without a prototype has no class. The name may be anything, also a getter that throws.
  try {
    const name: unknown = environment?.name ?? environment?.constructor?.name ?? "environment";
    return typeof name === "string" ? cut(name) : show(name);
  } catch {
    return "environment";
  }
}

/** Throws an InputError that begins with `where` unless a time limit is a finite number of ms above 0, or undefined. */
export function expectStepTimeout(timeoutMs: number | undefined, where: string): void {
  const good = timeoutMs === undefined || (Number.isFinite(timeoutMs) && timeoutMs > 0);
  expect(good, where, "a finite number of milliseconds above 0", timeoutMs);
}

/** Throws an InputError that begins with `where` unless a value is an environment: an object with `reset` and `step`. */
export function expectEnvironment(environment: Environment, where: string): void {
  expectReadable(environment, where);
  const expected = "an environment: an object with reset and step";
  expectObject(environment, where, expected);
  const whole = typeof environment.reset === "function" && typeof environment.step === "function";
  expect(whole, where, expected, environment, awaitHint(environment));
}

function read(out: Float64Array, observation: ArrayLike<number>): void {
  copyObservation(out, observation, "observation");
  expectFloat32s(out, "observation");
}

/** Whether a value is a promise; also one of another window or of a library, for which `instanceof` fails. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
