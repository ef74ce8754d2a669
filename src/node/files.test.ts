import assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";
import { makeDirectory } from "./files.ts";

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
