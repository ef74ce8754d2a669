import * as fs from "node:fs";
import * as path from "node:path";

/** A file that is written whole, beside the place where it belongs. */
export interface PreparedFile {
  /** Puts it there, in one step. */
  put(): void;
  /** Removes it, unless it was put there. */
  discard(): void;
}

/**
 * Writes a file beside its place, and waits until the disk has it. The parts follow one another and are not joined in
 * memory.
 */
export function prepareFile(file: string, parts: readonly Uint8Array[], temporary = unfinished(file)): PreparedFile {
  const discard = (): void => fs.rmSync(temporary, { force: true });
  try {
    const descriptor = fs.openSync(temporary, "w");
    try {
      for (const part of parts) {
        for (let start = 0; start < part.length; ) start += fs.writeSync(descriptor, part, start);
      }
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  } catch (error) {
    discard();
    throw error;
  }
  const put = (): void => {
    fs.renameSync(temporary, file);
    syncDirectory(path.dirname(file));
  };
  return { put, discard };
}

/**
 * Writes a file in one step: a reader finds the old one or the new one, whole, also after a power cut. After an error
 * the old file is as it was.
 */
export function replaceFile(file: string, parts: readonly Uint8Array[]): void {
  const prepared = prepareFile(file, parts);
  try {
    prepared.put();
  } catch (error) {
    prepared.discard();
    throw error;
  }
}

/** What a file is called until it is whole. */
export function unfinished(file: string): string {
  return `${file}.unfinished`;
}

/** So that the new name is kept as well. Not every system can. */
function syncDirectory(directory: string): void {
  try {
    const descriptor = fs.openSync(directory, "r");
    try {
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  } catch {
    // Then the old name is what a power cut may leave.
  }
}
