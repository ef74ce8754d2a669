import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import { InputError } from "../base/expect.ts";
import { encodeSafetensors, tensorOf } from "../base/safetensors.ts";
import { attempt, makeDirectory, openFile, readFile, readSafetensors } from "./files.ts";

describe("makeDirectory", () => {
  it("copes with another process that creates a parent directory at the same time", (t) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-files-"));
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
    const shared = path.join(folder, "runs");
    const look = fs.existsSync;
    const mocked = t.mock.method(fs, "existsSync", (directory: string) => {
      const exists = look(directory);
      if (directory === shared) fs.mkdirSync(shared);
      return exists;
    });
    syncBuiltinESMExports();
    t.after(() => {
      mocked.mock.restore();
      syncBuiltinESMExports();
    });
    // It created none of the parents, so it must not remove them. It created what is below them.
    assert.equal(makeDirectory(path.join(shared, "first")), path.join(shared, "first"));
    assert.ok(fs.statSync(path.join(shared, "first")).isDirectory());
  });

  it("cannot create one below a file, and fails with the system's error", (t) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-files-"));
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
    const file = path.join(folder, "file");
    fs.writeFileSync(file, "");
    assert.throws(() => makeDirectory(path.join(file, "runs")), { code: "ENOTDIR" });
  });
});

describe("reading", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-files-"));
  after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, "file");
  const got = (action: () => unknown): string => {
    try {
      attempt("file", "a file", action);
    } catch (error) {
      assert.ok(error instanceof InputError, String(error));
      return error.got;
    }
    return "";
  };

  it("refuses at once whatever is not a regular file", { skip: process.platform === "win32" }, () => {
    const pipe = path.join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    const link = path.join(folder, "link");
    fs.symlinkSync(pipe, link);
    fs.symlinkSync("loop", path.join(folder, "loop"));
    const kinds: [name: string, kind: string][] = [
      [pipe, "a named pipe"],
      [link, "a named pipe"],
      ["/dev/zero", "a device"],
      [folder, "a directory"],
      [path.join(folder, "loop"), "a link that leads to itself"],
      [path.join(folder, "x".repeat(300)), "too long a name"],
      [path.join(folder, "nothing"), "no such file or directory"],
      [`${file}\0`, "a name with a null character"],
    ];
    for (const [name, kind] of kinds) {
      assert.equal(
        got(() => openFile(name)),
        kind,
        name,
      );
      assert.equal(
        got(() => readFile(name, 100)),
        kind,
        name,
      );
      assert.equal(
        got(() => readSafetensors(name, name)),
        kind,
        name,
      );
    }
  });

  it("never waits for a pipe that takes the place of a file", { skip: process.platform === "win32" }, (t) => {
    const pipe = path.join(folder, "swapped");
    execFileSync("mkfifo", [pipe]);
    fs.writeFileSync(file, "");
    const regular = fs.statSync(file);
    const mocked = t.mock.method(fs, "statSync", () => regular);
    syncBuiltinESMExports();
    t.after(() => {
      mocked.mock.restore();
      syncBuiltinESMExports();
    });
    assert.equal(
      got(() => openFile(pipe)),
      "a named pipe",
    );
  });

  it("reads a file up to its limit, and no byte of a larger one", () => {
    fs.writeFileSync(file, "twelve bytes");
    assert.equal(String(readFile(file, 12)), "twelve bytes");
    assert.equal(
      got(() => readFile(file, 11)),
      "one of 12 bytes; at most 11 are read",
    );
    fs.truncateSync(file, 2 ** 36);
    assert.equal(
      got(() => readFile(file, 2 ** 26)),
      "one of 68,719,476,736 bytes; at most 67,108,864 are read",
    );
  });

  it("reads the rest of a safetensors file only if its header fits", () => {
    const tensors = new Map([["a", tensorOf("F32", [2], [1, 2])]]);
    const bytes = encodeSafetensors({ tensors, metadata: new Map([["b", "c"]]) });
    fs.writeFileSync(file, bytes);
    assert.deepEqual(new Uint8Array(readSafetensors(file, "file")), bytes);
    fs.truncateSync(file, 2 ** 36);
    const message = `file: expected 8 bytes of numbers, got ${2 ** 36 - bytes.length + 8}.`;
    assert.throws(() => readSafetensors(file, "file"), { name: "InputError", message });
    fs.writeFileSync(file, "short");
    const short = "file: expected a safetensors file of at least 8 bytes, got 5.";
    assert.throws(() => readSafetensors(file, "file"), { name: "InputError", message: short });
    fs.truncateSync(file, 0);
    fs.truncateSync(file, 2 ** 36);
    assert.throws(() => readSafetensors(file, "file"), { message: /^file header: expected JSON, got something else/ });
  });
});
