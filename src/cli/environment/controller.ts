// What acts beside a policy in `evaluate --beside`: a rule of the user's, such as a PID controller.
import { awaitHint, fail, isArrayLike } from "../../base/expect.ts";
import type { Environment } from "../../environment/environment.ts";
import { EnvironmentError, whatWas } from "../../environment/environment-calls.ts";
import { construct, loadDefaultExport, moduleFile } from "../../node/load-module.ts";
import { fromHere } from "../../node/starting-folder.ts";

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
  const failed = (what: string, error: unknown): EnvironmentError =>
    new EnvironmentError(`${where} ${what}: ${whatWas(error)}`, { cause: error });
  const call = <T>(what: string, action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw failed(what, error);
    }
  };
  // The environment's module may have changed the working directory.
  const given = await loadDefaultExport(where, moduleFile(where, fromHere(file)), (exported) => exported);
  let made = given;
  try {
    if (typeof given === "function") made = await construct(given as () => unknown);
  } catch (error) {
    throw failed("default export", error);
  }
  if (!call("default export", () => isController(made))) return fail(`${where} default export`, expected, made);
  const controller = made as Controller;
  const { actionLow, actionHigh } = environment;
  const size = actionLow.length;
  const numbers = `${size} finite ${size === 1 ? "number" : "numbers"}`;
  return {
    act(observation: Float64Array): Float32Array {
      const returned: unknown = call("act", () => controller.act(observation.slice()));
      const action = call("act", () => numbersIn(returned));
      if (action?.length !== size) fail(`${where} act`, numbers, returned, awaitHint(returned));
      return Float32Array.from(action, (value, i) => Math.min(actionHigh[i], Math.max(actionLow[i], value)));
    },
    reset: () => call("reset", () => controller.reset?.()),
  };
}

/** The items of a list of finite numbers; undefined for anything else. */
function numbersIn(value: unknown): number[] | undefined {
  if (!isArrayLike(value)) return undefined;
  const items: unknown[] = Array.from(value);
  return items.every((item) => Number.isFinite(item)) ? (items as number[]) : undefined;
}

function isController(value: unknown): value is Controller {
  return typeof value === "object" && value !== null && "act" in value && typeof value.act === "function";
}
