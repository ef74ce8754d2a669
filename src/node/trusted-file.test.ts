import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { expectTrusted, type NamedFile } from "./trusted-file.ts";

const above = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-trusted-")));
const current = path.join(above, "current");
const started = process.cwd();
const text = "export default class {}";
const sha256 = createHash("sha256").update(text).digest("hex");

before(() => {
  for (const folder of ["current/deep/..more", "current-too"])
    fs.mkdirSync(path.join(above, folder), { recursive: true });
  for (const file of ["outside.js", "current/in.js", "current/deep/..more/in.js", "current-too/near.js"])
    fs.writeFileSync(path.join(above, file), text);
  fs.symlinkSync(path.join(above, "outside.js"), path.join(current, "link-out.js"));
  fs.symlinkSync(path.join(above, "current-too"), path.join(current, "folder-out"));
  fs.symlinkSync(path.join(current, "in.js"), path.join(above, "link-in.js"));
  process.chdir(current);
});
after(() => {
  process.chdir(started);
  fs.rmSync(above, { recursive: true, force: true });
});

const named = (file: string, recorded?: string): NamedFile => ({
  ...{ what: "environment", file, sha256: recorded, option: `--environment ${file}` },
});

describe("a file that only a run names", () => {
  it("may be started from inside the current folder with the recorded hash, or without one", () => {
    for (const file of ["in.js", "./in.js", "deep/..more/in.js", path.join(current, "in.js"), "../link-in.js"]) {
      expectTrusted(named(file, sha256));
      expectTrusted(named(file));
    }
  });

  it("may not from outside, wherever a link lies that leads there", () => {
    for (const [file, real] of [
      ["../outside.js", "outside.js"],
      [path.join(above, "outside.js"), "outside.js"],
      ["../current-too/near.js", "current-too/near.js"],
      ["link-out.js", "outside.js"],
      ["folder-out/near.js", "current-too/near.js"],
      ["deep/../../outside.js", "outside.js"],
    ])
      for (const recorded of [sha256, undefined])
        assert.throws(() => expectTrusted(named(file, recorded)), {
          name: "InputError",
          message: `environment ${file}: expected a file inside the current folder, because only the run's config.json names it, got one outside of it, ${path.join(above, real)}. If you trust it, add --environment ${file}`,
        });
  });

  it("may not once it has changed, and the error has both hashes", () => {
    const other = `${"0".repeat(12)}${sha256.slice(12)}`;
    assert.throws(() => expectTrusted(named("in.js", other)), {
      name: "InputError",
      message: `environment in.js: expected the file that the run recorded, of SHA-256 000000000000…, got one that has changed since, of SHA-256 ${sha256.slice(0, 12)}…. To use it as it is now, add --environment in.js`,
    });
    assert.throws(() => expectTrusted(named("none.js", sha256)), /environment none\.js: .*no such file/);
  });
});
