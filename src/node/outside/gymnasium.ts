import { createRequire } from "node:module";
import * as path from "node:path";
import { expect, expectOptions } from "../../base/expect.ts";
import type { Environment } from "../../environment/environment.ts";
import { expectStepTimeout } from "../../environment/environment-calls.ts";
import { startChild } from "./child.ts";
import type { OutsideContext, OutsideKind } from "./kinds.ts";
import { environmentsOf } from "./link.ts";
import { expectOutsideOptions, type OutsideOptions, toStandardError } from "./options.ts";

/** How `gymnasium` makes an environment. */
export interface GymnasiumOptions extends Pick<OutsideOptions, "python" | "kwargs">, OutsideContext {}

const optionNames = Object.keys({
  python: true,
  kwargs: true,
  stepTimeout: true,
  pictures: true,
  onLine: true,
} satisfies Record<keyof GymnasiumOptions, true>);

const addressForm = "gymnasium:<id> or gymnasium:<module>:<id>, such as gymnasium:HalfCheetah-v5";

/** A task of Gymnasium's registry, each environment in a Python process of its own. */
export const gymnasiumKind: OutsideKind = {
  form: "gymnasium:<id>",
  help: "a task of Gymnasium in Python; gymnasium:<module>:<id> imports a module first",
  options: ["python", "kwargs"],
  deciding: ["kwargs"],
  expected: (rest) => (/^(?:[\w.]+:)?[\w./-]+$/.test(rest) ? undefined : addressForm),
  // A module is a program. An id alone is looked up among the packages of the user's own Python.
  isHarmless: (rest) => !rest.includes(":"),
  opener: (rest, { python, kwargs = {} }, { stepTimeout, pictures = false, onLine = toStandardError }) => {
    const colon = rest.indexOf(":");
    const [module, id] = colon < 0 ? [null, rest] : [rest.slice(0, colon), rest.slice(colon + 1)];
    const settings = JSON.stringify({ id, module, kwargs, pictures });
    const command = python ?? (process.platform === "win32" ? "python" : "python3");
    const connect = () =>
      startChild({
        command,
        args: [programFile(), settings],
        what: "a Python that has Gymnasium",
        hint: "Name one with --python, or python in the library: for example .venv/bin/python.",
        onLine,
      });
    return environmentsOf(connect, { name: `gymnasium:${rest}`, timeoutMs: stepTimeout, canReconnect: true });
  },
};

/**
 * Makes an environment of Gymnasium, in a Python process of its own. `id` is that of `gymnasium.make`, or `module:id` to
 * import a module first. Call `close` at the end.
 *
 * @example
 * const environment = await gymnasium("HalfCheetah-v5", { python: ".venv/bin/python", kwargs: { frame_skip: 4 } });
 */
export async function gymnasium(id: string, options: GymnasiumOptions = {}): Promise<Environment> {
  expect(typeof id === "string" && gymnasiumKind.expected(id) === undefined, "gymnasium id", "an id, or module:id", id);
  expectOptions(options, "gymnasium", optionNames);
  const { python, kwargs, ...context } = options;
  expectOutsideOptions({ python, kwargs }, gymnasiumKind.options, "gymnasium options");
  expectStepTimeout(context.stepTimeout, "gymnasium stepTimeout");
  return gymnasiumKind.opener(id, { python, kwargs }, context)();
}

/** The Python program of this package. */
function programFile(): string {
  // By the package's name, because the built files are at different depths in a checkout and in the installed package.
  const manifest = createRequire(import.meta.url).resolve("ddpg/package.json");
  return path.join(path.dirname(manifest), "python/ddpg_gymnasium.py");
}
