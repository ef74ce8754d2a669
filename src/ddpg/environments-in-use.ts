// An environment has one state, so only one loop at a time may step it. `train` and `evaluate` register here.
import { InputError } from "../base/expect.ts";
import type { Environment } from "../environment/environment.ts";
import { TimeLimit } from "../environment/time-limit.ts";
import type { Body } from "./body.ts";

/** Each environment in use with the training loop that uses it, or null while it is only evaluated on. */
const users = new WeakMap<Environment, Body | null>();

/** Registers an environment for a training loop until `release`. Throws an InputError if it is in use. */
export function occupy(environment: Environment, body: Body, name: string): void {
  const key = TimeLimit.innermost(environment);
  if (users.has(key)) {
    throw inUse(name, users.get(key) ? "one that another loop of train is using" : "one that evaluate is using");
  }
  users.set(key, body);
}

/** Ends the registration of a training loop. */
export function release(environment: Environment, body: Body): void {
  const key = TimeLimit.innermost(environment);
  if (users.get(key) === body) users.delete(key);
}

/**
 * Registers an environment for an evaluation; returns the function that ends it. If a training loop uses the
 * environment, that function puts the environment back where it was. Throws an InputError if that cannot be done.
 */
export function borrow(environment: Environment, name: string): () => void {
  const key = TimeLimit.innermost(environment);
  const user = users.get(key);
  if (user) return user.lend(name);
  if (user === null) throw inUse(name, "one that another evaluation is using");
  users.set(key, null);
  return () => users.delete(key);
}

function inUse(name: string, got: string): InputError {
  return new InputError({ where: name, expected: "a free environment", got, hint: "Make a second environment." });
}
