import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { attempt, expectRegular } from "../../node/files.ts";
import { type PreparedFile, prepareFile } from "../../node/replace-file.ts";

const expected = "a file that can be written";

/** What to write: all at once, or in parts that are made while they are written. */
export type Content = string | Uint8Array | Iterable<Uint8Array>;

/**
 * Writes files with their contents, all of them or none. Each is replaced atomically: a reader sees the old file or the
 * new one. An InputError names the file and ends with `hint`.
 */
export function writeFiles(files: readonly (readonly [string, Content])[], hint: string): void {
  const prepared: PreparedFile[] = [];
  try {
    for (const [file, content] of files) {
      attempt(file, expected, () => prepared.push(prepareBeside(file, partsOf(content))), hint);
    }
    for (const [i, [file]] of files.entries()) attempt(file, expected, () => prepared[i].put(), hint);
  } catch (error) {
    for (const each of prepared) each.discard();
    throw error;
  }
}

/** Throws what `writeFiles` would throw, before there is anything to write. */
export function checkWritable(file: string, hint: string): void {
  attempt(file, expected, () => prepareBeside(file, []).discard(), hint);
}

function partsOf(content: Content): Iterable<Uint8Array> {
  if (typeof content === "string") return [Buffer.from(content)];
  return content instanceof Uint8Array ? [content] : content;
}

function prepareBeside(file: string, parts: Iterable<Uint8Array>): PreparedFile {
  // A directory would only fail when it is renamed, after other files were already replaced. A device would be replaced.
  const status = fs.statSync(file, { throwIfNoEntry: false });
  if (status) expectRegular(status);
  // The name of the file is not part of this one, which would be too long where that one is long.
  return prepareFile(file, parts, path.join(path.dirname(file), `.ddpg-${randomUUID()}`));
}
