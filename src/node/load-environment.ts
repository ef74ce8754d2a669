// Loads environments by id, from your own modules, or from outside of the process.
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, fail, InputError, suggest } from "../base/expect.ts";
import type { Environment } from "../environment/environment.ts";
import { EnvironmentError, expectReadable, whatWas } from "../environment/environment-calls.ts";
import { environments, type Task, type TrainingDefaults } from "../tasks.ts";
import { construct, loadDefaultExport, moduleFile } from "./load-module.ts";
import { expectAddress, type OutsideContext, outsideAddress, outsideKinds } from "./outside/kinds.ts";
import { expectOutsideOptions, type OutsideOptions } from "./outside/options.ts";
import { sha256Of } from "./trusted-file.ts";

/** An environment by id, from a module, or outside of the process. */
export interface LoadedEnvironment {
  /** The id, the name of the module's file without its extension, or the address of one outside of the process. */
  name: string;
  /**
   * Creates a new environment, or returns the same one again if it is `single`. An error that a module throws becomes
   * the cause of an EnvironmentError.
   */
  create(): Promise<Environment>;
  /** What is known about an environment that comes with the package. */
  task?: Task;
  /** The module's file, or the program's. */
  module?: string;
  /** The SHA-256 of that file, in hexadecimal. It does not cover what the module imports. */
  sha256?: string;
  /** The options of an environment outside of the process; undefined for the others. */
  options?: OutsideOptions;
  /** How one outside of the process is trained by default, if its kind says so. */
  defaults?: TrainingDefaults;
  /** All environments of the simulation that an environment is a part of, if they can only be stepped together. */
  together?: (environment: Environment) => readonly Environment[] | undefined;
}

const promise =
  "a class or a function without parameters that makes a fresh environment " +
  "(training, evaluation and every worker make their own)";

/**
 * Loads an environment by an id of `environments`, or from the path of a module whose default export creates one. The
 * default export may also be the environment itself: an object with `single: true`. An address such as
 * `gymnasium:HalfCheetah-v5` names an environment outside of the process, which takes `options`.
 */
export async function loadEnvironment(
  nameOrPath: string,
  options: OutsideOptions = {},
  context: OutsideContext = {},
): Promise<LoadedEnvironment> {
  expect(typeof nameOrPath === "string", "environment", "a name or the path of a module", nameOrPath);
  const address = outsideAddress(nameOrPath);
  if (address) {
    const { word, kind, rest } = address;
    expectAddress(address);
    expectOutsideOptions(options, kind.options, nameOrPath);
    const create = kind.opener(rest, options, context);
    const { defaults, together } = kind;
    if (!kind.program)
      return { name: nameOrPath, options, create, ...(defaults && { defaults }), ...(together && { together }) };
    const module = path.resolve(kind.program(rest));
    const sha256 = sha256Of(module, `environment ${nameOrPath}`);
    return { name: `${word}:${moduleName(module)}`, options, module, sha256, create };
  }
  expectOutsideOptions(options, [], nameOrPath);
  const task = Object.hasOwn(environments, nameOrPath) ? environments[nameOrPath] : undefined;
  if (task) return { name: nameOrPath, task, create: async () => task.create() };
  const ids = Object.keys(environments);
  if (!isPath(nameOrPath) || isNearId(nameOrPath)) {
    const lower = nameOrPath.toLowerCase();
    const near = ids.find((id) => id.toLowerCase().startsWith(lower) || id.toLowerCase().endsWith(`/${lower}`));
    const hint = near ? `Did you mean "${near}"?` : suggest(nameOrPath, ids);
    const forms = Object.values(outsideKinds).map(({ form }) => form);
    const expected = `an id of "ddpg environments", such as ${ids[0]}, the path of a module, or ${forms.join(", ")}`;
    fail("environment", expected, nameOrPath, hint);
  }
  const where = `environment ${nameOrPath}`;
  const module = moduleFile(where, nameOrPath);
  // Before the module runs, because it may change its own file.
  const sha256 = sha256Of(module, where);
  const make = await loadDefaultExport(where, module, (exported) => makerIn(nameOrPath, exported));
  let single: Environment | undefined;
  const create = async (): Promise<Environment> => {
    if (single) return single;
    const environment = await called(nameOrPath, make);
    if (environment.single) single = environment;
    return environment;
  };
  return { name: moduleName(module), module, sha256, create };
}

/** Whether a text is taken as the path of a module: it has a separator, or the ending of one. */
export function isPath(nameOrPath: string): boolean {
  return /[\\/]|\.[cm]?[jt]s$/.test(nameOrPath);
}

/** Whether a text with a separator is meant as an id: it begins as some ids do, and is no file. */
function isNearId(nameOrPath: string): boolean {
  const folder = /^[^\\/]+\//.exec(nameOrPath)?.[0];
  return (
    folder !== undefined &&
    Object.keys(environments).some((id) => id.startsWith(folder)) &&
    !fs.existsSync(path.resolve(nameOrPath))
  );
}

/** The name of the environment in a module or a program: that of its file, without the ending. */
export function moduleName(module: string): string {
  return path.basename(module).replace(/\.[cm]?[jt]s$/, "");
}

/** The function that makes an environment, from what a module exports. */
function makerIn(name: string, make: unknown): () => Environment | Promise<Environment> {
  const where = `environment ${name} default export`;
  if (make === undefined)
    throw new InputError({ where, expected: promise, got: "none", hint: 'Write "export default class …".' });
  if (isSingle(make)) return () => make;
  const hint = "Export the class itself, or set single to true on the object if there can be only one.";
  expect(typeof make === "function", where, promise, make, hint);
  expect(make.length === 0, where, promise, make, "It takes parameters: wrap it in a function without parameters.");
  return () => construct(make as () => Environment | Promise<Environment>);
}

async function called(name: string, make: () => Environment | Promise<Environment>): Promise<Environment> {
  let environment: Environment;
  try {
    environment = await make();
  } catch (error) {
    throw new EnvironmentError(`environment ${name}: ${whatWas(error)}`, { cause: error });
  }
  expectReadable(environment, `environment ${name}`);
  const where = `environment ${name} default export`;
  const whole = typeof environment?.reset === "function" && typeof environment.step === "function";
  expect(whole, where, `${promise}, with reset and step`, environment);
  return environment;
}

/** Whether a default export is itself the environment: the only one that can exist. */
function isSingle(value: unknown): value is Environment {
  return typeof value === "object" && value !== null && "single" in value && value.single === true;
}
