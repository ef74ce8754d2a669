import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { CommanderError } from "commander";
import { cut, errorText, InputError, messageOf, show, suggest } from "../../base/expect.ts";
import { settingFlag } from "../../ddpg/config.ts";
import { settingByOtherName } from "../../ddpg/other-names.ts";
import { EnvironmentError } from "../../environment/environment-calls.ts";
import { NotFiniteError } from "../../nn/adam.ts";
import { refusal } from "../../node/files.ts";
import { startingFolder } from "../../node/starting-folder.ts";
import { count } from "./numbers.ts";
import { printError } from "./output.ts";

/** The directory of this program's own built files. */
const own = path.dirname(fileURLToPath(import.meta.url));

/** Letters of an internal error that are printed. */
const maxShown = 20_000;

/**
 * Prints an error on the standard error and returns the exit code: one line and 2 for an error that the user can fix,
 * with the first place in their own file if it was thrown there. An internal error is printed with its stack.
 */
export function report(error: unknown, verbose: boolean): number {
  const all = causes(error);
  const [first] = all;
  if (first instanceof CommanderError) {
    if (first.exitCode !== 0) printError(`ddpg: ${messageOf(first)}`);
    return first.exitCode === 0 ? 0 : 2;
  }
  const isExpected = all.some(
    (cause) => cause instanceof InputError || cause instanceof EnvironmentError || cause instanceof NotFiniteError,
  );
  const shown = isExpected ? error : refusedFile(first);
  if (!shown) {
    printError(`ddpg: internal error, please report it: ${inspected(error)}`.split("\n"));
    return 1;
  }
  printError(`ddpg: ${oneLine(shown)}`);
  if (verbose) {
    for (const cause of all) printError(stackOf(cause).split("\n"));
  } else {
    const frame = firstFrame(all.at(-1));
    if (frame) printError(`    at ${frame}`);
  }
  return 2;
}

/** The whole message of an error that was written here. Only what it quotes was cut. */
function oneLine(error: unknown): string {
  const { message } = error as Error;
  return message.replaceAll(/\s*\n\s*/g, " ");
}

/**
 * The InputError that explains why the system refused a file, if nothing closer has explained it. Undefined for another
 * error, and for a file of this program, which no user named.
 */
function refusedFile(error: unknown): InputError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { path: file, syscall }: NodeJS.ErrnoException = error;
  const got = refusal(error);
  if (!got || !syscall || !file || path.resolve(file).startsWith(own + path.sep)) return undefined;
  return new InputError({ where: file, expected: "a file or directory that can be used", got }, { cause: error });
}

/**
 * The error, its cause, the cause's cause, and so on. An error of an environment may be anything, such as a proxy; one
 * that cannot even be asked for its kind is replaced by a text.
 */
function causes(error: unknown): unknown[] {
  const list: unknown[] = [];
  for (let cause = error; cause !== undefined && !list.includes(cause) && list.length < maxCauses; ) {
    try {
      const next = cause instanceof Error ? cause.cause : undefined;
      list.push(cause);
      cause = next;
    } catch {
      list.push(show(cause));
      break;
    }
  }
  return list;
}

const maxCauses = 20;

/** What a value that was thrown prints: an error's stack. */
function stackOf(error: unknown): string {
  try {
    if (error instanceof Error && typeof error.stack === "string") return error.stack.slice(0, maxShown);
  } catch {
    // Its stack is a getter that throws.
  }
  return errorText(error);
}

function inspected(error: unknown): string {
  try {
    return inspect(error).slice(0, maxShown);
  } catch {
    return errorText(error);
  }
}

/**
 * The first line of a stack in a file that is not ours, Node's or a package's. Its path is relative to the
 * starting folder.
 */
function firstFrame(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof InputError) return undefined;
  for (const line of stackOf(error).split("\n")) {
    // A syntax error may have its place in the first line, without "at": loadEnvironment adds it, because `import`
    // leaves it out.
    const match = /^(?:\s+at (?:(.*) \()?)?(file:\/\/\/?.*?|\/.*?|[A-Za-z]:\\.*?)((?::\d+)+)\)?$/.exec(line);
    if (!match) continue;
    const file = pathOf(match[2]);
    if (file === undefined || file.startsWith(own + path.sep)) continue;
    if (file.includes(`${path.sep}node_modules${path.sep}`)) continue;
    const place = `${path.relative(startingFolder(), file)}${match[3]}`;
    return match[1] ? `${match[1]} (${place})` : place;
  }
  return undefined;
}

/** The path in a line of a stack. The line may be any text. */
function pathOf(place: string): string | undefined {
  try {
    return place.startsWith("file:") ? fileURLToPath(place) : place;
  } catch {
    return undefined;
  }
}

/** Rewords a problem that commander found with the command line in the form of all our errors. */
export function rephrase(
  error: CommanderError,
  command: string,
  commands: readonly string[],
): CommanderError | InputError {
  const named = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  const see = `See "${command === "command" ? "ddpg --help" : `ddpg ${command} --help`}".`;
  const near = /Did you mean (?:one of )?(-*[^)?,]+)/.exec(error.message)?.[1];
  const shown = `"${cut(named)}"`;
  const problem = (expected: string, got: string, hint = see): InputError =>
    new InputError({ where: command, expected, got, hint });
  switch (error.code) {
    case "commander.unknownOption": {
      const [flag] = named.split("=");
      const takesSettings = ["train", "benchmark", "sweep"].includes(command);
      const hint = (takesSettings && settingByOtherName(flag, settingFlag)) || (near && `Did you mean "${near}"?`);
      return problem("one of its options", shown, hint);
    }
    case "commander.unknownCommand":
      return problem(`one of ${commands.join(", ")}`, shown, suggest(named, commands) || see);
    case "commander.missingArgument":
      return problem(`<${named}>`, "nothing");
    case "commander.optionMissingArgument":
      return problem(`a value after ${named}`, "nothing");
    case "commander.excessArguments": {
      const [expected, got] = (error.message.match(/\d+/g) ?? []).map(Number);
      return problem(count(expected, "argument"), `${got}`);
    }
    default:
      return error;
  }
}
