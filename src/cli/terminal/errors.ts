import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { CommanderError } from "commander";
import { InputError, suggest } from "../../base/expect.ts";
import { settingFlag } from "../../ddpg/config.ts";
import { settingByOtherName } from "../../ddpg/other-names.ts";
import { EnvironmentError } from "../../environment/environment-calls.ts";
import { NotFiniteError } from "../../nn/adam.ts";
import { startingFolder } from "../../node/starting-folder.ts";
import { count } from "./numbers.ts";

/** The directory of this program's own built files. */
const own = path.dirname(fileURLToPath(import.meta.url));

/**
 * Prints an error on the standard error and returns the exit code: one line and 2 for an error that the user can fix,
 * with the first place in their own file if it was thrown there. An internal error is printed with its stack.
 */
export function report(error: unknown, verbose: boolean): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    console.error(`ddpg: ${error.message}`);
    return 2;
  }
  const expected = causes(error).some(
    (cause) => cause instanceof InputError || cause instanceof EnvironmentError || cause instanceof NotFiniteError,
  );
  if (!expected) {
    console.error("ddpg: internal error, please report it:", error);
    return 1;
  }
  const { message } = error as Error;
  console.error(`ddpg: ${message.replaceAll(/\s*\n\s*/g, " ")}`);
  if (verbose) {
    for (const cause of causes(error)) console.error(cause instanceof Error ? cause.stack : cause);
  } else {
    const frame = firstFrame(causes(error).at(-1));
    if (frame) console.error(`    at ${frame}`);
  }
  return 2;
}

/** The error, its cause, the cause's cause, and so on. */
function causes(error: unknown): unknown[] {
  const list: unknown[] = [];
  for (let cause = error; cause !== undefined && !list.includes(cause); ) {
    list.push(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return list;
}

/**
 * The first line of a stack in a file that is not ours, Node's or a package's. Its path is relative to the
 * starting folder.
 */
function firstFrame(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof InputError) return undefined;
  for (const line of error.stack?.split("\n") ?? []) {
    // A syntax error may have its place in the first line, without "at": loadEnvironment adds it, because `import`
    // leaves it out.
    const match = /^(?:\s+at (?:(.*) \()?)?(file:\/\/\/?.*?|\/.*?|[A-Za-z]:\\.*?)((?::\d+)+)\)?$/.exec(line);
    if (!match) continue;
    const file = match[2].startsWith("file:") ? fileURLToPath(match[2]) : match[2];
    if (file.startsWith(own + path.sep) || file.includes(`${path.sep}node_modules${path.sep}`)) continue;
    const place = `${path.relative(startingFolder(), file)}${match[3]}`;
    return match[1] ? `${match[1]} (${place})` : place;
  }
  return undefined;
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
  const problem = (expected: string, got: string, hint = see): InputError =>
    new InputError({ where: command, expected, got, hint });
  switch (error.code) {
    case "commander.unknownOption": {
      const [flag] = named.split("=");
      const takesSettings = command === "train" || command === "benchmark";
      const hint = (takesSettings && settingByOtherName(flag, settingFlag)) || (near && `Did you mean "${near}"?`);
      return problem("one of its options", `"${named}"`, hint);
    }
    case "commander.unknownCommand":
      return problem(`one of ${commands.join(", ")}`, `"${named}"`, suggest(named, commands) || see);
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
