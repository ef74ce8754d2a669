// File system access: refusals in words, and operations that Node's own calls lack.
import * as fs from "node:fs";
import * as path from "node:path";
import { InputError } from "../base/expect.ts";

/** Reads a whole file, in pieces, because Node reads at most 2 GiB at once. */
export function readFile(file: string): Buffer {
  const descriptor = fs.openSync(file, "r");
  try {
    const bytes = Buffer.allocUnsafeSlow(fs.fstatSync(descriptor).size);
    let end = 0;
    for (let count = -1; count !== 0; end += count)
      count = fs.readSync(descriptor, bytes, end, Math.min(2 ** 30, bytes.length - end), null);
    return bytes.subarray(0, end);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Runs an action on files. A refusal by the system becomes an InputError. */
export function attempt<T>(where: string, expected: string, action: () => T, hint = ""): T {
  try {
    return action();
  } catch (error) {
    const reason = refusal(error);
    if (reason === undefined) throw error;
    throw new InputError({ where, expected, got: reason, hint });
  }
}

/** Why the system refused a file operation, in words. Undefined for any other error. */
export function refusal(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  return code && (reasons[code] ?? code);
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENOTDIR: "a path through a file",
  EISDIR: "a directory",
  EEXIST: "another run's",
  EACCES: "no permission",
  EPERM: "no permission",
  EROFS: "a file system that cannot be written",
  ENOSPC: "a full disk",
  EDQUOT: "a full quota",
  EFBIG: "a file larger than is allowed",
  ENAMETOOLONG: "too long a name",
  ENOTEMPTY: "a directory",
};

/**
 * Creates a directory and its missing parents. Returns the topmost one created. Node's own recursive mode is not used:
 * it never returns on a file system that always answers "no such directory", such as /proc.
 */
export function makeDirectory(directory: string): string | undefined {
  if (fs.existsSync(directory)) return undefined;
  const above = makeDirectory(path.dirname(directory));
  try {
    fs.mkdirSync(directory);
  } catch (error) {
    // Another process may have created it meanwhile, because several runs can start at once.
    if (!fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw error;
    return above;
  }
  return above ?? directory;
}
