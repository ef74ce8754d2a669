// File system access: refusals in words, and operations that Node's own calls lack.
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, InputError } from "../base/expect.ts";
import { type Header, headerLength, readHeader } from "../base/safetensors.ts";

/** The largest file of text that is read at once, in bytes: a configuration, a result, a record. */
export const maxTextBytes = 64 * 2 ** 20;

/** A file that is there and is not read, because of what it is. The message says what it is: "a named pipe". */
class UnreadableFile extends Error {
  override name = "UnreadableFile";
}

/**
 * Opens a regular file for reading. Anything else is refused at once: a named pipe would wait for a writer, and a device
 * may never end. `flags` are added, such as O_NOFOLLOW.
 */
export function openFile(file: string, flags = 0): number {
  // Before opening, because opening a device may do something. Again afterwards, because the name may lead elsewhere.
  expectRegular(fs.statSync(file));
  // Windows does not have this flag. Reading a regular file is the same with it.
  const descriptor = fs.openSync(file, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0) | flags);
  try {
    expectRegular(fs.fstatSync(descriptor));
  } catch (error) {
    fs.closeSync(descriptor);
    throw error;
  }
  return descriptor;
}

/** Throws unless it is a regular file. `attempt` makes that an InputError. */
export function expectRegular(status: fs.Stats): void {
  if (!status.isFile()) throw new UnreadableFile(kindOf(status));
}

/** What a file is, in words. */
export function kindOf(status: fs.Stats): string {
  if (status.isFile()) return "a file";
  if (status.isDirectory()) return "a directory";
  if (status.isFIFO()) return "a named pipe";
  if (status.isSocket()) return "a socket";
  return "a device";
}

/** Reads a whole regular file of at most `maxBytes`. */
export function readFile(file: string, maxBytes: number): Buffer {
  return reading(file, (descriptor, size) => {
    if (size > maxBytes) throw new UnreadableFile(`one of ${whole(size)} bytes; at most ${whole(maxBytes)} are read`);
    return readAt(descriptor, 0, size);
  });
}

/**
 * Reads a whole safetensors file. Its header is read first, and the rest only if it has the size that the header says.
 * Throws an InputError that begins with `where` otherwise.
 */
export function readSafetensors(file: string, where: string): Buffer {
  return reading(file, (descriptor, size) => {
    const { start, end } = readSafetensorsHeader(descriptor, where);
    expect(start + end === size, where, `${end} bytes of numbers`, size - start);
    return readAt(descriptor, 0, size);
  });
}

/**
 * Reads the header of an open safetensors file. `start` is where the numbers begin. Throws an InputError that begins with
 * `where` for an invalid header, and for one that says more than the file has, unless it `isCut`.
 */
export function readSafetensorsHeader(
  descriptor: number,
  where: string,
  { isCut = false } = {},
): Header & { start: number } {
  const { size } = fs.fstatSync(descriptor);
  const start = 8 + headerLength(readAt(descriptor, 0, Math.min(8, size)), size, where);
  const room = isCut ? Number.MAX_SAFE_INTEGER : size - start;
  return { ...readHeader(readAt(descriptor, 8, start - 8), room, where), start };
}

function reading<T>(file: string, action: (descriptor: number, size: number) => T): T {
  const descriptor = openFile(file);
  try {
    return action(descriptor, fs.fstatSync(descriptor).size);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Reads bytes in pieces, because Node reads at most 2 GiB at once. Fewer if the file has become shorter. */
export function readAt(descriptor: number, start: number, length: number): Buffer {
  let bytes: Buffer;
  try {
    bytes = Buffer.allocUnsafeSlow(length);
  } catch {
    throw new UnreadableFile(`one of ${whole(length)} bytes, for which there is no memory`);
  }
  let end = 0;
  for (let count = -1; count !== 0; end += count)
    count = fs.readSync(descriptor, bytes, end, Math.min(2 ** 30, length - end), start + end);
  return bytes.subarray(0, end);
}

function whole(n: number): string {
  return n.toLocaleString("en-US");
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

/** Why the system refused a file operation, or why a file is not read, in words. Undefined for any other error. */
export function refusal(error: unknown): string | undefined {
  if (error instanceof UnreadableFile) return error.message;
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  return code && (reasons[code] ?? code);
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENOTDIR: "a path through a file",
  EISDIR: "a directory",
  ERR_FS_EISDIR: "a directory",
  EEXIST: "another run's",
  EACCES: "no permission",
  EPERM: "no permission",
  EROFS: "a file system that cannot be written",
  ENOSPC: "a full disk",
  EDQUOT: "a full quota",
  EFBIG: "a file larger than is allowed",
  ENAMETOOLONG: "too long a name",
  ELOOP: "a link that leads to itself",
  EINVAL: "a name that the system does not allow",
  ERR_INVALID_ARG_VALUE: "a name with a null character",
  ENXIO: "a device or a socket",
  EIO: "an error of the disk",
  EMFILE: "too many open files",
  ENFILE: "too many open files",
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
