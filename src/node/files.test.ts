import assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";
import { makeDirectory } from "./files.ts";

describe("makeDirectory", () => {
  it("takes it well that another process makes a directory above it at the same time", (t) => {
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
    // Nothing above is its own to remove; what is below is.
    assert.equal(makeDirectory(path.join(shared, "first")), path.join(shared, "first"));
    assert.ok(fs.statSync(path.join(shared, "first")).isDirectory());
  });

  it("makes none through a file, and says so as the system does", (t) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-files-"));
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
    const file = path.join(folder, "file");
    fs.writeFileSync(file, "");
    assert.throws(() => makeDirectory(path.join(file, "runs")), { code: "ENOTDIR" });
  });
});
