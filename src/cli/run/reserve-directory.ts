import * as fs from "node:fs";
import * as path from "node:path";
import { attempt, makeDirectory } from "../../node/files.ts";
import { fromStart } from "../../node/starting-folder.ts";

/** What was created, the outermost first. */
const reserved: string[] = [];

/**
 * Creates `runs/<name>`, or with a number appended if that is taken, and returns its path. Creating it reserves the name:
 * several runs may start at once. When the process exits, the directory is removed if it is still empty.
 */
export function reserveDirectory(name: string): string {
  for (let number = 1; ; number++) {
    const directory = path.join("runs", number === 1 ? name : `${name}-${number}`);
    const created = attempt(`run directory ${directory}`, "a directory that can be written", () => create(directory));
    if (!created) continue;
    // One listener for all: Node warns of more than ten. The outermost directory is empty only when the others are gone.
    if (reserved.length === 0) process.once("exit", () => reserved.reverse().forEach(removeEmpty));
    for (const each of created) reserved.push(each);
    return directory;
  }
}

/** Returns the directories that were created, the outermost first. Undefined if the directory exists. */
function create(directory: string): string[] | undefined {
  const folder = fromStart(directory);
  const above = path.dirname(folder);
  for (let attempts = 1; ; attempts++) {
    const made = makeDirectory(above);
    try {
      fs.mkdirSync(folder);
      return made === undefined ? [folder] : [above, folder];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EEXIST") return undefined;
      // Another process, which is just exiting, has removed the empty parent.
      if (code !== "ENOENT" || attempts === 10) throw error;
    }
  }
}

function removeEmpty(directory: string): void {
  try {
    fs.rmdirSync(directory);
  } catch {
    // It is not empty.
  }
}
