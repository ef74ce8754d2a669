import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { InputError } from "../../base/expect.ts";
import { refusal } from "../../node.ts";

/**
 * Writes files with their contents, all of them or none. Each is replaced in one step: who looks at it sees the old one
 * or the new one. An InputError ends with `wayOut`.
 */
export function writeFiles(files: readonly (readonly [string, string | Uint8Array])[], wayOut: string): void {
  const temporaries = files.map(([file]) => path.join(path.dirname(file), `.${path.basename(file)}-${randomUUID()}`));
  let current = "";
  try {
    files.forEach(([file, content], i) => {
      current = file;
      // Renaming would fail, when the others have their names.
      if (fs.statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw directoryError();
      fs.writeFileSync(temporaries[i], content);
    });
    files.forEach(([file], i) => {
      current = file;
      fs.renameSync(temporaries[i], file);
    });
  } catch (error) {
    for (const temporary of temporaries) fs.rmSync(temporary, { force: true });
    throw refused(current, error, wayOut);
  }
}

/** Throws what `writeFiles` would, before there is anything to write. */
export function checkWritable(file: string, wayOut: string): void {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}-${randomUUID()}`);
  try {
    if (fs.statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw directoryError();
    fs.writeFileSync(temporary, "");
    fs.rmSync(temporary);
  } catch (error) {
    throw refused(file, error, wayOut);
  }
}

/** What the system refused, as an InputError; anything else as it is. */
function refused(file: string, error: unknown, wayOut: string): unknown {
  const reason = refusal(error);
  if (reason === undefined) return error;
  return new InputError(`${file}: expected a file that can be written, got ${reason}. ${wayOut}`);
}

function directoryError(): Error {
  return Object.assign(new Error("a directory"), { code: "EISDIR" });
}
