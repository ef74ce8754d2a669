// Loads modules of the user: environments, and what acts beside a policy.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { InputError } from "../base/expect.ts";
import { EnvironmentError, isKind, whatWas } from "../environment/environment-calls.ts";
import { attempt, kindOf } from "./files.ts";

/** The absolute path of a module's file. Throws an InputError that begins with `where` if there is none. */
export function moduleFile(where: string, given: string): string {
  const module = path.resolve(given);
  const status = attempt(where, "a module", () => fs.statSync(module));
  if (status.isFile()) return module;
  const hint = status.isDirectory() ? "Give the path of the file in it." : "";
  throw new InputError({ where, expected: "a module's file", got: kindOf(status), hint });
}

/**
 * Loads a module and returns what `read` makes of its default export, which is undefined if there is none. An error that the
 * module throws becomes the cause of an EnvironmentError. Errors begin with `where`.
 */
export async function loadDefaultExport<T>(where: string, module: string, read: (exported: unknown) => T): Promise<T> {
  let exported: Record<string, unknown>;
  try {
    exported = await import(pathToFileURL(module).href);
  } catch (thrown) {
    // A module can throw anything, also null or a proxy.
    const error = isKind(thrown, Error) ? (thrown as NodeJS.ErrnoException) : undefined;
    if (error?.code === "ERR_UNKNOWN_FILE_EXTENSION" && /\.[cm]?ts$/.test(module)) {
      throw new InputError({
        where,
        expected: "a module that Node can run",
        got: `TypeScript, which Node ${process.versions.node} cannot run`,
        hint: "Compile it to .js, or use Node 22.18 or later.",
      });
    }
    if (error instanceof SyntaxError) {
      expectJavaScript(where, module, error);
      addPlace(error, module);
    }
    throw new EnvironmentError(`${where}: ${whatWas(thrown)}`, { cause: thrown });
  }
  try {
    // A compiler that writes CommonJS makes `export default` a property of what Node takes for the default export.
    const inner = exported.default as { __esModule?: unknown; default?: unknown } | null | undefined;
    return read(typeof inner === "object" && inner?.__esModule === true ? inner.default : exported.default);
  } catch (error) {
    if (isKind(error, InputError)) throw error;
    // The default export is a proxy, or has a getter that throws.
    throw new EnvironmentError(`${where} default export: ${whatWas(error)}`, { cause: error });
  }
}

/** What a class or a function without parameters makes. */
export function construct<T>(make: () => T): T {
  return isConstructor(make) ? Reflect.construct(make, []) : make();
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

/**
 * Explains the two syntax errors of a module that is right but has the wrong ending: TypeScript in a .js file, and `import` or
 * `export` in a .js file of a folder whose package.json says CommonJS, as that of `npm init -y` does.
 */
function expectJavaScript(where: string, module: string, error: SyntaxError): void {
  if (!/\.[cm]?js$/.test(module)) return;
  const source = fs.readFileSync(module, "utf8");
  const stem = path.basename(module).replace(/\.[cm]?js$/, "");
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
