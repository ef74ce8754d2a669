import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { attempt } from "../../node/files.ts";
import { type PreparedFile, prepareFile } from "../../node/replace-file.ts";

const expected = "a file that can be written";

/**
 * Writes files with their contents, all of them or none. Each is replaced atomically: a reader sees the old file or the
 * new one. An InputError names the file and ends with `hint`.
 */
export function writeFiles(files: readonly (readonly [string, string | Uint8Array])[], hint: string): void {
  const prepared: PreparedFile[] = [];
  try {
    for (const [file, content] of files) {
      const bytes = typeof content === "string" ? Buffer.from(content) : content;
      attempt(file, expected, () => prepared.push(prepareBeside(file, bytes)), hint);
    }
    for (const [i, [file]] of files.entries()) attempt(file, expected, () => prepared[i].put(), hint);
  } catch (error) {
    for (const each of prepared) each.discard();
    throw error;
  }
}

/** Throws what `writeFiles` would throw, before there is anything to write. */
export function checkWritable(file: string, hint: string): void {
  attempt(file, expected, () => prepareBeside(file, new Uint8Array(0)).discard(), hint);
}

function prepareBeside(file: string, bytes: Uint8Array): PreparedFile {
  // Otherwise only the rename would fail, after other files were already replaced.
  if (fs.statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw Object.assign(new Error("a directory"), { code: "EISDIR" });
  }
  return prepareFile(file, [bytes], path.join(path.dirname(file), `.${path.basename(file)}-${randomUUID()}`));
}
