import * as fs from "node:fs";
import * as path from "node:path";

/**
 * Writes a file in one step: whoever reads it finds the old one or the new one, whole, also after a power cut. The
 * parts follow one another and are not joined in memory. After an error the old file is as it was.
 */
export function replaceFile(file: string, parts: readonly Uint8Array[]): void {
  const temporary = unfinished(file);
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
    fs.renameSync(temporary, file);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(path.dirname(file));
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
