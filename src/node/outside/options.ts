// The options of environments outside of the process. The library takes them as an object, the command line as flags.

import { expect, fail, InputError, messageOf, suggest } from "../../base/expect.ts";
import { isRecord } from "../../base/json.ts";
import { printable } from "../../base/printable.ts";
import { torcsRewards } from "./torcs.ts";

/** The options of environments outside of the process. Each kind takes some of them. */
export interface OutsideOptions {
  /** The Python that has Gymnasium: a command of the PATH, or a path. Default: `python3`, on Windows `python`. */
  readonly python?: string | undefined;
  /** Keyword arguments of `gymnasium.make`. */
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
  /** Arguments of the program. */
  readonly args?: readonly string[] | undefined;
  /** The host to reach or to listen on. Default: this machine alone. */
  readonly host?: string | undefined;
  /** The port to reach or to listen on. */
  readonly port?: number | undefined;
  /** The rule of TORCS' reward and ends: `keras` or `paper`. */
  readonly reward?: string | undefined;
  /** The limit of an episode, in steps: where TORCS' are cut, or the game's own. */
  readonly limit?: number | undefined;
}

/** How the options are named, typed and explained. The order is that of the help. */
interface OptionRow {
  /** What stands for its value in the help. */
  readonly form: string;
  readonly help: string;
  /** The value of a text. Throws an InputError that begins with `where`. */
  parse(text: string, where: string): unknown;
  /** Throws an InputError that begins with `where` unless a value is one of this option. */
  check(value: unknown, where: string): void;
}

export const outsideOptions: Readonly<Record<keyof OutsideOptions, OptionRow>> = {
  python: {
    form: "path",
    help: "gymnasium: the Python that has Gymnasium [python3]",
    parse: (text) => text,
    check: (value, where) => expect(isText(value), where, "a command or a path", value),
  },
  kwargs: {
    form: "json",
    help: "gymnasium: keyword arguments of gymnasium.make, such as '{\"frame_skip\": 4}' [none]",
    parse: jsonOf,
    check: (value, where) => expect(isRecord(value), where, "an object", value),
  },
  args: {
    form: "json",
    help: "exec: arguments of the program as a list, such as '[\"--fast\"]' [none]",
    parse: jsonOf,
    check: (value, where) =>
      expect(Array.isArray(value) && value.every(isArgument), where, "a list of texts without NUL", value),
  },
  host: {
    form: "host",
    help: "tcp, godot: the address to listen on; torcs: the server's [127.0.0.1, this machine alone]",
    parse: (text) => text,
    check: (value, where) => expect(isText(value), where, "a host", value),
  },
  port: {
    form: "n",
    help: "tcp, godot: the port to listen on [5500, 11008]; torcs: the server's [3001]",
    parse: (text) => (/^\d+$/.test(text) ? Number(text) : text),
    check: (value, where) => {
      const good = Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535;
      expect(good, where, "a whole number from 0 to 65535", value);
    },
  },
  reward: {
    form: "rule",
    help: `torcs: the rule of rewards and ends: ${torcsRewards.join(", ")} [keras]`,
    parse: (text) => text,
    check: (value, where) => {
      const hint = typeof value === "string" ? suggest(value, torcsRewards) : "";
      expect(
        (torcsRewards as readonly unknown[]).includes(value),
        where,
        `one of ${torcsRewards.join(", ")}`,
        value,
        hint,
      );
    },
  },
  limit: {
    form: "n",
    help: "torcs: steps after which an episode is cut [5000]; godot: the game's own limit [none]",
    parse: (text) => (/^\d+$/.test(text) ? Number(text) : text),
    check: (value, where) =>
      expect(Number.isSafeInteger(value) && Number(value) > 0, where, "a whole number above 0", value),
  },
};

export const outsideOptionNames = Object.keys(outsideOptions) as (keyof OutsideOptions)[];

/** The options that were given, by name. */
export function givenOptions(options: OutsideOptions): (keyof OutsideOptions)[] {
  return outsideOptionNames.filter((name) => options[name] !== undefined);
}

/**
 * Throws an InputError that begins with `where` unless all options are among `taken` and have valid values. `flag` says
 * how a message names an option.
 */
export function expectOutsideOptions(
  options: OutsideOptions,
  taken: readonly (keyof OutsideOptions)[],
  where: string,
  flag: (name: string) => string = (name) => name,
): void {
  for (const name of Object.keys(options) as (keyof OutsideOptions)[]) {
    if (options[name] === undefined) continue;
    if (!taken.includes(name)) {
      const expected = taken.length === 0 ? "no option of another kind" : `options among ${taken.map(flag).join(", ")}`;
      fail(where, expected, flag(name), suggest(name, taken));
    }
    outsideOptions[name].check(options[name], flag === undefined ? `${where} ${name}` : flag(name));
  }
}

/** Prints a line of the other side, where the caller does not take it. */
export function toStandardError(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && isArgument(value);
}

/** Whether a value can be handed to another process: the system ends a text at its first NUL. */
function isArgument(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}

function jsonOf(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError({ where, expected: "JSON", got: text, hint: `${messageOf(error)}.` });
  }
}
