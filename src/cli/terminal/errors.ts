import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { CommanderError } from "commander";
import { InputError, suggest } from "../../base/expect.ts";
import { EnvironmentError } from "../../environment/environment-calls.ts";
import { NotFiniteError } from "../../nn/adam.ts";

/** Where this program's own built files are. */
const own = path.dirname(fileURLToPath(import.meta.url));

/**
 * Says what went wrong on the standard error and returns the exit code: one line and 2 for what the person at the
 * keyboard can mend; with the first place in their own file, if it threw. A fault of this program shows its stack.
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
    console.error("ddpg: this is a fault of the program:", error);
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

/** The error, its cause, the cause's … */
function causes(error: unknown): unknown[] {
  const list: unknown[] = [];
  for (let cause = error; cause !== undefined && !list.includes(cause); ) {
    list.push(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return list;
}

/** The first line of a stack in a file that is neither ours, nor Node's, nor a package's; paths from here. */
function firstFrame(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof InputError) return undefined;
  for (const line of error.stack?.split("\n") ?? []) {
    // A syntax error has its place in the first line, without «at», if it has one: loadEnvironment adds what import leaves out.
    const match = /^(?:\s+at (?:(.*) \()?)?(file:\/\/\/?.*?|\/.*?|[A-Za-z]:\\.*?)((?::\d+)+)\)?$/.exec(line);
    if (!match) continue;
    const file = match[2].startsWith("file:") ? fileURLToPath(match[2]) : match[2];
    if (file.startsWith(own + path.sep) || file.includes(`${path.sep}node_modules${path.sep}`)) continue;
    const place = `${path.relative(process.cwd(), file)}${match[3]}`;
    return match[1] ? `${match[1]} (${place})` : place;
  }
  return undefined;
}

/** What commander found wrong with the command line, said as everything else is. */
export function rephrase(
  error: CommanderError,
  command: string,
  commands: readonly string[],
): CommanderError | InputError {
  const named = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  const help = command === "command" ? "ddpg --help" : `ddpg ${command} --help`;
  const near = /Did you mean (?:one of )?(-*[^)?,]+)/.exec(error.message)?.[1];
  switch (error.code) {
    case "commander.unknownOption": {
      const wayOut = near ? `Did you mean "${near}"?` : `See "${help}".`;
      return new InputError(`${command}: expected one of its options, got "${named}". ${wayOut}`);
    }
    case "commander.unknownCommand": {
      const wayOut = suggest(named, commands) || `See "${help}".`;
      return new InputError(`${command}: expected one of ${commands.join(", ")}, got "${named}". ${wayOut}`);
    }
    case "commander.missingArgument":
      return new InputError(`${command}: expected <${named}>, got nothing. See "${help}".`);
    case "commander.optionMissingArgument":
      return new InputError(`${command}: expected a value after ${named}, got nothing. See "${help}".`);
    case "commander.excessArguments": {
      const counts = error.message.match(/\d+/g) ?? [];
      return new InputError(
        `${command}: expected ${counts[0]} ${counts[0] === "1" ? "argument" : "arguments"}, got ${counts[1]}. See "${help}".`,
      );
    }
    default:
      return error;
  }
}
