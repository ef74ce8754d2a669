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
  /** Makes a fresh environment. What a module throws becomes an EnvironmentError with the cause. */
  create(): Promise<Environment>;
  /** What is known of an environment that comes with the package. */
  task?: Task;
  /** The module's file. */
  module?: string;
}

const promise =
  "a class or a function without parameters that makes a fresh environment " +
  "(training, evaluation and every worker make their own)";

/** An environment from an id of `environments`, or from the path of a module whose default export makes one. */
export async function loadEnvironment(nameOrPath: string): Promise<LoadedEnvironment> {
  expect(typeof nameOrPath === "string", "environment", "a name or the path of a module", nameOrPath);
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
  return { name: path.basename(module).replace(/\.[cm]?[jt]s$/, ""), module, create: () => called(nameOrPath, make) };
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
  expect(typeof make === "function", where, promise, make, "Export the class itself.");
  expect(make.length === 0, where, promise, make, "It takes parameters: wrap it in a function without.");
  return () => (isConstructor(make) ? Reflect.construct(make, []) : make());
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

/**
 * Whether a function can be called with `new`: a class, what a compiler made of one, a constructor in the style of ES5
 * with or without methods in its prototype. For a function that returns an object, `new` changes nothing.
 */
function isConstructor(make: object): boolean {
  try {
    // Makes an object with the prototype of `make`, without calling it.
    Reflect.construct(Object, [], make as new () => object);
    return true;
  } catch {
    return false;
  }
}
