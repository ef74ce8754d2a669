// Whether a file that a run's config.json names may be started without asking: a run may come from someone else, and its
// config.json can name any file. The reasons are in docs/decisions/0022-modules-of-a-run.md.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { InputError } from "../base/expect.ts";
import { attempt, readFile } from "./files.ts";

/** A file that a run names and that would be started. */
export interface NamedFile {
  /** What it is used as, which begins an error about it, such as "environment". */
  readonly what: string;
  /** Its path, from the working directory. */
  readonly file: string;
  /** The SHA-256 that the run recorded. Runs of version 0.1 have none. */
  readonly sha256: string | undefined;
  /** The option with which a user names the file, as typed in a shell. */
  readonly option: string;
}

/** The SHA-256 of a file in hexadecimal. Throws an InputError that begins with `where` if it cannot be read. */
export function sha256Of(file: string, where: string): string {
  const bytes = attempt(where, "a file that can be read", () => readFile(file, Number.POSITIVE_INFINITY));
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Throws an InputError unless the file is inside the working directory, wherever symbolic links lead, and has the
 * recorded SHA-256. Without a recorded one its place decides.
 */
export function expectTrusted({ what, file, sha256, option }: NamedFile): void {
  const where = `${what} ${file}`;
  const real = attempt(where, "a file that can be read", () => fs.realpathSync(file));
  if (!isInside(real, fs.realpathSync("."))) {
    const expected = "a file inside the current folder, because only the run's config.json names it";
    throw new InputError({
      where,
      expected,
      got: `one outside of it, ${real}`,
      hint: `If you trust it, add ${option}`,
    });
  }
  if (sha256 === undefined) return;
  const now = sha256Of(file, where);
  if (now === sha256) return;
  const expected = `the file that the run recorded, of SHA-256 ${shortHash(sha256)}`;
  const got = `one that has changed since, of SHA-256 ${shortHash(now)}`;
  throw new InputError({ where, expected, got, hint: `To use it as it is now, add ${option}` });
}

/** The start of a hash, as texts show it. */
export function shortHash(sha256: string): string {
  return `${sha256.slice(0, 12)}…`;
}

function isInside(file: string, folder: string): boolean {
  const below = path.relative(folder, file);
  return below !== ".." && !below.startsWith(`..${path.sep}`) && !path.isAbsolute(below);
}
