// An environment has one state, so only one loop at a time may step it. `train`, `evaluate` and `checkEnvironment`
// register here.
import { InputError } from "../base/expect.ts";
import type { Environment } from "./environment.ts";
import { TimeLimit } from "./time-limit.ts";

/** A training loop. */
interface Loop {
  /** Lends the environment to an evaluation; returns the function that puts it back as it was. */
  lend(name: string): () => void;
}

/** Each environment in use with the training loop that uses it, or null while it is only evaluated on or checked. */
const users = new WeakMap<Environment, Loop | null>();

/** Registers an environment for a training loop until `release`. Throws an InputError if it is in use. */
export function occupy(environment: Environment, loop: Loop, name: string): void {
  const key = TimeLimit.innermost(environment);
  expectFree(key, name);
  users.set(key, loop);
}

/** Ends the registration of a training loop. */
export function release(environment: Environment, loop: Loop): void {
  const key = TimeLimit.innermost(environment);
  if (users.get(key) === loop) users.delete(key);
}

/** Whether a loop, an evaluation or a check is using an environment. */
export function isInUse(environment: Environment): boolean {
  return users.has(TimeLimit.innermost(environment));
}

/**
 * Registers an environment for an evaluation; returns the function that ends it. If a training loop uses the
 * environment, that function puts the environment back where it was. Throws an InputError if that cannot be done.
 */
export function borrow(environment: Environment, name: string): () => void {
  return users.get(TimeLimit.innermost(environment))?.lend(name) ?? reserve(environment, name);
}

/** Registers an environment; returns the function that ends it. Throws an InputError if it is in use. */
export function reserve(environment: Environment, name: string): () => void {
  const key = TimeLimit.innermost(environment);
  expectFree(key, name);
  users.set(key, null);
  return () => users.delete(key);
}

function expectFree(key: Environment, name: string): void {
  if (!users.has(key)) return;
  const got = `one that ${users.get(key) ? "another loop of train" : "another evaluation or check"} is using`;
  throw new InputError({ where: name, expected: "a free environment", got, hint: "Make a second environment." });
}
