import * as fs from "node:fs";
import * as path from "node:path";

/** A complete file, written beside its final place. */
export interface PreparedFile {
  /** Moves it there, atomically. */
  put(): void;
  /** Removes it, unless it was moved. */
  discard(): void;
  /** Removes it, unless another process has written a file of this name since. */
  discardOwn(): void;
}

/**
 * Writes a file beside its final place, and waits until it is on the disk. The parts are written one after another,
 * without joining them in memory; they may be made meanwhile.
 */
export function prepareFile(file: string, parts: Iterable<Uint8Array>, temporary = unfinished(file)): PreparedFile {
  const discard = (): void => {
    try {
      fs.rmSync(temporary, { force: true });
    } catch {
      // The error that led here is the one to report. The next write replaces the file.
    }
  };
  let own: fs.BigIntStats | undefined;
  try {
    // One that was left is removed, and the flag "x" follows no link: what it leads to belongs to another.
    discard();
    const descriptor = fs.openSync(temporary, "wx");
    try {
      for (const part of parts) {
        for (let start = 0; start < part.length; ) start += fs.writeSync(descriptor, part, start);
      }
      fs.fsyncSync(descriptor);
      own = fs.fstatSync(descriptor, { bigint: true });
    } finally {
      closeQuietly(descriptor);
    }
  } catch (error) {
    discard();
    throw error;
  }
  const put = (): void => {
    fs.renameSync(temporary, file);
    syncDirectory(path.dirname(file));
  };
  const discardOwn = (): void => {
    const status = fs.lstatSync(temporary, { throwIfNoEntry: false, bigint: true });
    // The number of a file that was removed may be another's now, but the time of its last change is not.
    if (status?.ino === own?.ino && status?.ctimeNs === own?.ctimeNs) discard();
  };
  return { put, discard, discardOwn };
}

/** Closes a file that was read, that is on the disk, or whose error was thrown: closing it cannot lose anything. */
export function closeQuietly(descriptor: number): void {
  try {
    fs.closeSync(descriptor);
  } catch {
    // See above.
  }
}

/**
 * Replaces a file atomically: a reader sees either the old or the new contents, complete, even after a power cut. After
 * an error the old file is unchanged. Writing may take long, so `check` can refuse, by throwing, just before the file is
 * replaced. The name may be another process's by then: its file stays.
 */
export function replaceFile(file: string, parts: readonly Uint8Array[], check: () => void = () => {}): void {
  const prepared = prepareFile(file, parts);
  try {
    check();
  } catch (error) {
    prepared.discardOwn();
    throw error;
  }
  try {
    prepared.put();
  } catch (error) {
    prepared.discard();
    throw error;
  }
}

/** The name of a file until it is complete. */
export function unfinished(file: string): string {
  return `${file}.unfinished`;
}

/** Makes the rename durable. Not every system supports it. */
function syncDirectory(directory: string): void {
  try {
    const descriptor = fs.openSync(directory, "r");
    try {
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  } catch {
    // Then a power cut may restore the old name.
  }
}
