// What acts beside a policy in `evaluate --beside`: a rule of the user's, such as a PID controller.
import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { fail, InputError } from "../../base/expect.ts";
import type { Environment } from "../../environment/environment.ts";
import { EnvironmentError, whatWas } from "../../environment/environment-calls.ts";
import { attempt, kindOf } from "../../node/files.ts";

/** Anything that acts. */
interface Controller {
  /** The action for an observation, both in the environment's units. */
  act(observation: Float64Array): ArrayLike<number>;
  /** Forgets the last episode, such as the sum of a PID controller. */
  reset?(): void;
}

const expected = "an object with act(observation), or a class or function that makes one";

/**
 * Loads the default export of a module as something that acts in an environment. Its actions are clipped to the bounds, as
 * those of a policy are. Errors that its functions throw become the cause of an EnvironmentError.
 */
export async function loadController(file: string, environment: Environment) {
  const where = `--beside ${file}`;
  const module = path.resolve(file);
  const status = attempt(where, "a module", () => fs.statSync(module));
  if (!status.isFile()) throw new InputError({ where, expected: "a module's file", got: kindOf(status) });
  const call = <T>(what: string, action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw new EnvironmentError(`${where}${what}: ${whatWas(error)}`, { cause: error });
    }
  };
  let exported: { default?: unknown };
  try {
    exported = await import(pathToFileURL(module).href);
  } catch (error) {
    throw new EnvironmentError(`${where}: ${whatWas(error)}`, { cause: error });
  }
  const given = call(" default export", () => exported.default);
  const made = await call(" default export", () =>
    typeof given === "function" ? make(given as () => unknown) : given,
  );
  if (!isController(made)) return fail(`${where} default export`, expected, made);
  const { actionLow, actionHigh } = environment;
  const size = actionLow.length;
  return {
    act(observation: Float64Array): Float32Array {
      const action = call(" act", () => Float32Array.from(made.act(observation.slice())));
      if (action.length !== size || !action.every(Number.isFinite))
        fail(`${where} act`, `${size} finite numbers`, Array.from(action));
      return action.map((value, i) => Math.min(actionHigh[i], Math.max(actionLow[i], value)));
    },
    reset: () => call(" reset", () => made.reset?.()),
  };
}

function make(given: () => unknown): unknown {
  // A class needs `new`, and an arrow function refuses it.
  return /^class\b/.test(Function.prototype.toString.call(given)) ? Reflect.construct(given, []) : given();
}

function isController(value: unknown): value is Controller {
  return typeof value === "object" && value !== null && "act" in value && typeof value.act === "function";
}
