// Environments by name, or from modules of one's own.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, fail, InputError, messageOf, suggest } from "../base/expect.ts";
import type { Environment } from "../environment/environment.ts";
import { EnvironmentError } from "../environment/environment-calls.ts";
import { environments, type Task } from "../tasks.ts";
import { attempt } from "./files.ts";

/** An environment by id or from a module. */
export interface LoadedEnvironment {
  /** The id, or the name of the module's file without its ending. */
  name: string;
  /**
   * Makes a fresh environment, or returns the same one again if it is `single`. What a module throws becomes an
   * EnvironmentError with the cause.
   */
  create(): Promise<Environment>;
  /** What is known of an environment that comes with the package. */
  task?: Task;
  /** The module's file. */
  module?: string;
}

const promise =
  "a class or a function without parameters that makes a fresh environment " +
  "(training, evaluation and every worker make their own)";

/**
 * An environment from an id of `environments`, or from the path of a module whose default export makes one. The default
 * export may also be the one environment there is: an object with `single: true`.
 */
export async function loadEnvironment(nameOrPath: string): Promise<LoadedEnvironment> {
  const task = Object.hasOwn(environments, nameOrPath) ? environments[nameOrPath] : undefined;
  if (task) return { name: nameOrPath, task, create: async () => task.create() };
  const ids = Object.keys(environments);
  if (!/[\\/]|\.[cm]?[jt]s$/.test(nameOrPath)) {
    const near = ids.find((id) => id.toLowerCase().startsWith(nameOrPath.toLowerCase()));
    const hint = near ? `Did you mean "${near}"?` : suggest(nameOrPath, ids);
    fail("environment", `one of ${ids.join(", ")}, or the path of a module`, nameOrPath, hint);
  }
  const module = path.resolve(nameOrPath);
  const status = attempt(`environment ${nameOrPath}`, "a module", () => fs.statSync(module));
  if (!status.isFile()) {
    throw new InputError({
      where: `environment ${nameOrPath}`,
      expected: "a module's file",
      got: "a directory",
      hint: "Name the file in it.",
    });
  }
  const make = await defaultExport(nameOrPath, module);
  let single: Environment | undefined;
  const create = async (): Promise<Environment> => {
    if (single) return single;
    const environment = await called(nameOrPath, make);
    if (environment.single) single = environment;
    return environment;
  };
  return { name: path.basename(module).replace(/\.[cm]?[jt]s$/, ""), module, create };
}

async function defaultExport(name: string, module: string): Promise<() => Environment | Promise<Environment>> {
  let exported: Record<string, unknown>;
  try {
    exported = await import(pathToFileURL(module).href);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_UNKNOWN_FILE_EXTENSION" && /\.[cm]?ts$/.test(module)) {
      throw new InputError({
        where: `environment ${name}`,
        expected: "a module that Node can run",
        got: `TypeScript, and Node ${process.versions.node} runs none`,
        hint: "Compile it to .js, or use Node 22.18 or later.",
      });
    }
    if (error instanceof SyntaxError) addPlace(error, module);
    throw new EnvironmentError(`environment ${name}: ${messageOf(error)}`, { cause: error });
  }
  const make = exported.default;
  const where = `environment ${name} default export`;
  if (make === undefined)
    throw new InputError({ where, expected: promise, got: "none", hint: 'Write "export default class …".' });
  if (isSingle(make)) return () => make;
  const hint = "Export the class itself, or set single to true on the object if there can be only one.";
  expect(typeof make === "function", where, promise, make, hint);
  expect(make.length === 0, where, promise, make, "It takes parameters: wrap it in a function without.");
  return () => (isClass(make) ? Reflect.construct(make, []) : make());
}

/** Puts file and line before the stack of a syntax error: an import keeps them to itself, checking the file tells them. */
function addPlace(error: SyntaxError, module: string): void {
  const { stderr } = spawnSync(process.execPath, ["--check", module], { encoding: "utf8", timeout: 5000 });
  const [first = ""] = stderr?.split("\n") ?? [];
  // Nothing of the kind where the mistake is in another file, which this one imports.
  if (first.startsWith(`${module}:`)) error.stack = `${first.trim()}\n${error.stack}`;
}

async function called(name: string, make: () => Environment | Promise<Environment>): Promise<Environment> {
  let environment: Environment;
  try {
    environment = await make();
  } catch (error) {
    throw new EnvironmentError(`environment ${name}: ${messageOf(error)}`, { cause: error });
  }
  const where = `environment ${name} default export`;
  const whole = typeof environment?.reset === "function" && typeof environment.step === "function";
  expect(whole, where, `${promise}, with reset and step`, environment);
  return environment;
}

/** Whether a default export is the one environment there is. */
function isSingle(value: unknown): value is Environment {
  return typeof value === "object" && value !== null && "single" in value && value.single === true;
}

/** Also what a compiler made of a class: a function whose prototype has the methods. */
function isClass(make: object & { prototype?: object }): boolean {
  return (
    /^class\b/.test(Function.prototype.toString.call(make)) ||
    (make.prototype !== undefined && "step" in make.prototype)
  );
}
