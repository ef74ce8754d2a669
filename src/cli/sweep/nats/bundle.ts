// Files of a run as one object on a server: a line that lists them, and then their bytes. What the line says is checked
// before a byte is written.
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, InputError } from "../../../base/expect.ts";
import { isRecord, parseJson } from "../../../base/json.ts";
import { eventFileName } from "../../../node/event-file.ts";
import { expectFields } from "../../../node/fields.ts";
import { attempt, makeDirectory, openFile } from "../../../node/files.ts";
import { closeQuietly } from "../../../node/replace-file.ts";
import { files } from "../../../node/run-files.ts";

const format = "ddpg-files-1";
const maxHeaderBytes = 65_536;
const maxFiles = 100;

/** The largest bundle that is accepted: a replay buffer of ten million transitions of 400 numbers. */
export const maxBundleBytes = 2 ** 34;

const roomOnDisk = "a disk with room";
const writable = "a directory that can be written";

/** Whether an error of `unpack` is about this machine, and not about what it read. */
export function isOfThisDisk(error: unknown): boolean {
  return error instanceof InputError && [roomOnDisk, writable].includes(error.expected);
}

const pieceBytes = 2 ** 17;

interface BundledFile {
  readonly name: string;
  readonly size: number;
}

/** What a checkpoint consists of. The records go last: those written meanwhile are cut off when the run is resumed. */
export const checkpointFiles: readonly string[] = [files.config, files.checkpoint, files.metrics];

/** The files of a run that has ended, as far as they are in its directory. Its checkpoint is not needed any more. */
export function resultFiles(directory: string): string[] {
  return fs.readdirSync(directory).filter((name) => isRunFile(name) && name !== files.checkpoint);
}

/** The bytes of a bundle, in pieces. All files are opened before the first piece, so that a replaced one stays whole. */
export async function* bundleOf(directory: string, names: readonly string[], id: string): AsyncGenerator<Uint8Array> {
  const opened: { name: string; descriptor: number; size: number }[] = [];
  try {
    for (const name of names) {
      const descriptor = openFile(path.join(directory, name));
      opened.push({ name, descriptor, size: 0 });
    }
    // The size of the records is taken after the checkpoint that refers to them was opened.
    for (const file of opened) file.size = fs.fstatSync(file.descriptor).size;
    const header = { format, id, files: opened.map(({ name, size }) => ({ name, size })) };
    yield Buffer.from(`${JSON.stringify(header)}\n`);
    for (const { name, descriptor, size } of opened) {
      for (let start = 0; start < size; ) {
        const piece = Buffer.allocUnsafe(Math.min(pieceBytes, size - start));
        const count = fs.readSync(descriptor, piece, 0, piece.length, start);
        if (count === 0) throw new InputError(`${path.join(directory, name)} became shorter while it was read`);
        yield piece.subarray(0, count);
        start += count;
      }
    }
  } finally {
    for (const { descriptor } of opened) closeQuietly(descriptor);
  }
}

/** Reads and checks the line that begins a bundle. `allowed` says which names it may have. */
export function readHeader(line: string, id: string, where: string, allowed: (name: string) => boolean): BundledFile[] {
  const value = parseJson(line, where);
  expect(isRecord(value), where, "a JSON object", value);
  const { format: found, id: named, files: list } = value;
  expect(found === format, `${where} format`, `"${format}"`, found, "Another version of ddpg wrote it.");
  expect(named === id, `${where} id`, id, named);
  expect(Array.isArray(list) && list.length <= maxFiles, `${where} files`, `a list of up to ${maxFiles}`, list);
  const checked = list.map((each: unknown, i): BundledFile => {
    const at = `${where} files[${i}]`;
    expect(isRecord(each), at, "an object", each);
    expectFields<BundledFile>(each, at, { name: "a text", size: "a whole number" });
    expect(allowed(each.name), `${at} name`, "a file of a run", each.name);
    return { name: each.name, size: each.size };
  });
  const names = checked.map(({ name }) => name);
  expect(new Set(names).size === names.length, `${where} files`, "different names", names);
  return checked;
}

/** Whether a name is one that a bundle may have, with its checkpoint or without. */
function isRunFile(name: string): boolean {
  const known: readonly string[] = Object.values(files);
  return known.includes(name) || eventFileName.test(name);
}

/**
 * Writes the files of a bundle into a new directory. `size` is what the server says that it has. Throws an InputError for
 * anything else than a bundle of `id`; the directory is then removed.
 */
export async function unpack(
  pieces: AsyncIterable<Uint8Array>,
  { directory, id, size, where }: { directory: string; id: string; size: number; where: string },
): Promise<void> {
  expect(size <= maxBundleBytes, where, `at most ${maxBundleBytes} bytes`, size);
  attempt(where, writable, () => makeDirectory(directory));
  try {
    await write(pieces, directory, id, size, where);
  } catch (error) {
    fs.rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

async function write(pieces: AsyncIterable<Uint8Array>, directory: string, id: string, size: number, where: string) {
  let head = Buffer.alloc(0);
  let list: BundledFile[] | undefined;
  let index = -1;
  let left = 0;
  let descriptor: number | undefined;
  const next = (): void => {
    if (descriptor !== undefined) {
      fs.fsyncSync(descriptor);
      fs.closeSync(descriptor);
      descriptor = undefined;
    }
    index++;
    const file = list?.[index];
    left = file?.size ?? 0;
    if (file) descriptor = fs.openSync(path.join(directory, file.name), "wx");
  };
  try {
    for await (const piece of pieces) {
      let rest = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
      if (!list) {
        const end = rest.indexOf(newline);
        head = Buffer.concat([head, end < 0 ? rest : rest.subarray(0, end)]);
        expect(head.length <= maxHeaderBytes, where, `a first line of at most ${maxHeaderBytes} bytes`, head.length);
        if (end < 0) continue;
        list = readHeader(head.toString("utf8"), id, where, isRunFile);
        const all = head.length + 1 + list.reduce((sum, file) => sum + file.size, 0);
        expect(all === size, `${where} files`, `${size} bytes`, all);
        rest = rest.subarray(end + 1);
        attempt(where, roomOnDisk, next);
      }
      for (;;) {
        while (left === 0 && index < list.length) attempt(where, roomOnDisk, next);
        if (rest.length === 0) break;
        expect(index < list.length, where, `${size} bytes`, "more");
        const part = rest.subarray(0, Math.min(left, rest.length));
        const file = descriptor as number;
        attempt(where, roomOnDisk, () => {
          for (let start = 0; start < part.length; ) start += fs.writeSync(file, part, start);
        });
        left -= part.length;
        rest = rest.subarray(part.length);
      }
    }
    expect(list !== undefined && index === list.length, where, `${size} bytes`, "fewer");
  } finally {
    if (descriptor !== undefined) closeQuietly(descriptor);
  }
}

const newline = 10;
