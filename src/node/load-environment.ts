// Loads environments by id, from your own modules, or from outside of the process.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, fail, InputError, suggest } from "../base/expect.ts";
import type { Environment } from "../environment/environment.ts";
import { EnvironmentError, expectReadable, isKind, whatWas } from "../environment/environment-calls.ts";
import { environments, type Task, type TrainingDefaults } from "../tasks.ts";
import { attempt, kindOf } from "./files.ts";
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
  const module = path.resolve(nameOrPath);
  const status = attempt(`environment ${nameOrPath}`, "a module", () => fs.statSync(module));
  if (!status.isFile()) {
    throw new InputError({
      where: `environment ${nameOrPath}`,
      expected: "a module's file",
      got: kindOf(status),
      hint: status.isDirectory() ? "Give the path of the file in it." : "",
    });
  }
  // Before the module runs, because it may change its own file.
  const sha256 = sha256Of(module, `environment ${nameOrPath}`);
  const make = await defaultExport(nameOrPath, module);
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

async function defaultExport(name: string, module: string): Promise<() => Environment | Promise<Environment>> {
  let exported: Record<string, unknown>;
  try {
    exported = await import(pathToFileURL(module).href);
  } catch (thrown) {
    // A module can throw anything, also null or a proxy.
    const error = isKind(thrown, Error) ? (thrown as NodeJS.ErrnoException) : undefined;
    if (error?.code === "ERR_UNKNOWN_FILE_EXTENSION" && /\.[cm]?ts$/.test(module)) {
      throw new InputError({
        where: `environment ${name}`,
        expected: "a module that Node can run",
        got: `TypeScript, which Node ${process.versions.node} cannot run`,
        hint: "Compile it to .js, or use Node 22.18 or later.",
      });
    }
    if (error instanceof SyntaxError) {
      expectJavaScript(name, module, error);
      addPlace(error, module);
    }
    throw new EnvironmentError(`environment ${name}: ${whatWas(thrown)}`, { cause: thrown });
  }
  try {
    return makerIn(name, exported);
  } catch (error) {
    if (isKind(error, InputError)) throw error;
    // The default export is a proxy, or has a getter that throws.
    throw new EnvironmentError(`environment ${name} default export: ${whatWas(error)}`, { cause: error });
  }
}

/** The function that makes an environment, from what a module exports. */
function makerIn(name: string, exported: Record<string, unknown>): () => Environment | Promise<Environment> {
  // A compiler that writes CommonJS makes `export default` a property of what Node takes for the default export.
  const inner = exported.default as { __esModule?: unknown; default?: unknown } | null | undefined;
  const make = typeof inner === "object" && inner?.__esModule === true ? inner.default : exported.default;
  const where = `environment ${name} default export`;
  if (make === undefined)
    throw new InputError({ where, expected: promise, got: "none", hint: 'Write "export default class …".' });
  if (isSingle(make)) return () => make;
  const hint = "Export the class itself, or set single to true on the object if there can be only one.";
  expect(typeof make === "function", where, promise, make, hint);
  expect(make.length === 0, where, promise, make, "It takes parameters: wrap it in a function without parameters.");
  return () => (isConstructor(make) ? Reflect.construct(make, []) : make());
}

/**
 * Explains the two syntax errors of a module that is right but has the wrong ending: TypeScript in a .js file, and `import` or
 * `export` in a .js file of a folder whose package.json says CommonJS, as that of `npm init -y` does.
 */
function expectJavaScript(name: string, module: string, error: SyntaxError): void {
  if (!/\.[cm]?js$/.test(module)) return;
  const source = fs.readFileSync(module, "utf8");
  const stem = path.basename(module).replace(/\.[cm]?js$/, "");
  const where = `environment ${name}`;
  if (isTypeScript(source)) {
    const hint = `Call it ${stem}.mts and use Node 22.18 or later, or compile it to JavaScript.`;
    throw new InputError({ where, expected: "JavaScript", got: "TypeScript in a .js file", hint });
  }
  if (/^(Cannot use import statement|Unexpected token 'export')/.test(error.message) && module.endsWith(".js")) {
    const hint = `Call it ${stem}.mjs, or write "type": "module" into package.json.`;
    throw new InputError({ where, expected: "a CommonJS module, as its package.json says", got: "an ES module", hint });
  }
}

/**
 * Whether a text has what is TypeScript and never JavaScript. Comments, strings and templates are left out, because they may
 * hold anything.
 */
function isTypeScript(source: string): boolean {
  const apart = /\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`/g;
  const code = source.replace(apart, (text) => (text.startsWith("/") ? " " : '""'));
  return [
    /^\s*(import|export)\s+type\s+[\w{*]|^\s*import\s*\{[^}]*\btype\s+\w/m,
    /^\s*(export\s+)?(default\s+)?(declare|interface|enum|abstract\s+class|namespace)\s+\w/m,
    /^\s*type\s+\w+\s*(<[^=]*>)?\s*=/m,
    /\bclass\b[^{]*\bimplements\s+\w/,
    /^\s*(public|private|protected|readonly)\s+[\w#]/m,
    /\b(const|let|var)\s+\w+\s*!?:\s*\w/, // a variable
    /^\s*#?\w+[?!]?\s*:\s*[\w.<>[\]| ]+\s*[=;]/m, // a member
    /\(\s*\w+\??\s*:\s*[A-Za-z{[(]/, // a parameter
    /\)\s*:\s*[A-Za-z_][\w.<>[\]| ]*\{/, // a result
    /\bas\s+const\b/,
  ].some((pattern) => pattern.test(code));
}

/** Adds file and line to the stack of a syntax error. `import` leaves them out, `node --check` prints them. */
function addPlace(error: SyntaxError, module: string): void {
  const { stderr } = spawnSync(process.execPath, ["--check", module], { encoding: "utf8", timeout: 30_000 });
  const [first = ""] = stderr?.split("\n") ?? [];
  // There is no such line if the mistake is in another file, imported by this one.
  if (first.startsWith(`${module}:`)) error.stack = `${first.trim()}\n${error.stack}`;
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
