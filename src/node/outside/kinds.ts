// The kinds of environments that run outside of this process, each behind a word that a user types in place of an id:
// `gymnasium:HalfCheetah-v5`, `exec:./simulator`, `tcp`. How a kind is added: docs/decisions/0029-environments-outside.md.
import { expect } from "../../base/expect.ts";
import type { Environment } from "../../environment/environment.ts";
import type { TrainingDefaults } from "../../tasks.ts";
import { execKind } from "./exec.ts";
import { godotKind } from "./godot.ts";
import { gymnasiumKind } from "./gymnasium.ts";
import type { OutsideOptions } from "./options.ts";
import { tcpKind } from "./tcp.ts";
import { torcsKind } from "./torcs.ts";

/** What the caller of a kind decides beside its options. It is never recorded. */
export interface OutsideContext {
  /** The most ms that a step or a reset may take. Default: the kind's own. */
  readonly stepTimeout?: number | undefined;
  /** Whether the environment will be drawn: the other side may then have to prepare pictures. */
  readonly pictures?: boolean | undefined;
  /** Receives lines for the user: what listens where, and what the other side prints. Default: the standard error. */
  readonly onLine?: ((line: string) => void) | undefined;
}

/** A kind of environments outside of the process. */
export interface OutsideKind {
  /** How it is addressed, as errors and the help say it, such as "gymnasium:<id>". */
  readonly form: string;
  /** What it is, for the help: words without a period. */
  readonly help: string;
  /** The options that it takes. */
  readonly options: readonly (keyof OutsideOptions)[];
  /** Those that decide what the task is, so a run keeps them. The others only say where it is found. */
  readonly deciding: readonly (keyof OutsideOptions)[];
  /** What is wrong with an address, without the word and its colon: what was expected. Undefined if it is valid. */
  expected(rest: string): string | undefined;
  /**
   * The file that an address starts, if it names one. A run keeps its path and hash, and only starts it from the
   * current folder and unchanged, as it does with a module.
   */
  program?(rest: string): string;
  /**
   * Whether an address without options, from a run's config.json, may be used without asking: it must start and reach
   * nothing that the user's machine does not have by itself. It is not asked for a kind with a `program`.
   */
  isHarmless(rest: string): boolean;
  /** How it is trained by default. Absent: as a custom environment. */
  readonly defaults?: TrainingDefaults;
  /** Whether only one process can have it, because it is at a port. Commands with several runs make them one after another, or refuse. */
  readonly isExclusive?: true;
  /** All environments of the simulation that an environment is a part of, if they can only be stepped together. */
  together?(environment: Environment): readonly Environment[] | undefined;
  /** Makes an environment. Called for every one that is needed; one that can exist once is `single`. */
  opener(rest: string, options: OutsideOptions, context: OutsideContext): () => Promise<Environment>;
}

/** All kinds, by the word that begins their addresses. */
export const outsideKinds: Readonly<Record<string, OutsideKind>> = {
  gymnasium: gymnasiumKind,
  exec: execKind,
  tcp: tcpKind,
  torcs: torcsKind,
  godot: godotKind,
};

/** An address, taken apart. */
export interface OutsideAddress {
  readonly word: string;
  readonly kind: OutsideKind;
  /** What follows the word and its colon, or "". */
  readonly rest: string;
}

/** The kind and the rest of a name that is an address, whether the rest is valid or not. Undefined for other names. */
export function outsideAddress(name: string): OutsideAddress | undefined {
  const colon = name.indexOf(":");
  const word = colon < 0 ? name : name.slice(0, colon);
  if (!Object.hasOwn(outsideKinds, word)) return undefined;
  return { word, kind: outsideKinds[word], rest: colon < 0 ? "" : name.slice(colon + 1) };
}

/** Those of the options that decide what an environment is. Undefined if there are none. */
export function decidingOf(kind: OutsideKind, options: OutsideOptions): Readonly<Record<string, unknown>> | undefined {
  const names = kind.deciding.filter((name) => options[name] !== undefined);
  return names.length === 0 ? undefined : Object.fromEntries(names.map((name) => [name, options[name]]));
}

/** Throws an InputError unless an address is valid. */
export function expectAddress({ word, kind, rest }: OutsideAddress): void {
  const expected = kind.expected(rest);
  const name = rest === "" ? word : `${word}:${rest}`;
  expect(expected === undefined, `environment ${name}`, expected ?? "", name);
}

/** Whether only one process can have an environment, because it is at a port. */
export function isExclusive(name: string): boolean {
  return outsideAddress(name)?.kind.isExclusive === true;
}

/** Throws an InputError that begins with `where` if only one process can have an environment. `hint` says what to do. */
export function expectSeveral(name: string, where: string, hint: string): void {
  expect(!isExclusive(name), where, "an environment that several processes can have", name, hint);
}
