// The working directory that the program was started in. Paths on the command line are relative to it, but a module of an
// environment may call process.chdir later.
import * as path from "node:path";

const folder = currentFolder();

/** The working directory when this module was loaded, before any module of the user. */
export function startingFolder(): string {
  return folder;
}

/** The absolute path of a path from the command line. */
export function fromStart(file: string): string {
  return path.resolve(folder, file);
}

/** Goes back to the starting folder, which a module may have left, because other paths are relative to it. */
export function backToStart(): void {
  if (currentFolder() !== folder) process.chdir(folder);
}

/**
 * A path from the command line, to be used at once. It is as given while the working directory is the starting one, so
 * that errors show it so.
 */
export function fromHere(file: string): string {
  return currentFolder() === folder ? file : fromStart(file);
}

function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    // The folder was removed. What is then opened fails with its own error.
    return "";
  }
}
