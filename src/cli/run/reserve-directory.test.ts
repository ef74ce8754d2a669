import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";

const { href } = new URL("./reserve-directory.js", import.meta.url);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-reserve-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Runs a program in the folder that reserves twelve directories. Returns its standard error and what it left. */
function reserving(program: string): [stderr: string, left: string[]] {
  const text = `import * as fs from "node:fs";
    import { reserveDirectory } from ${JSON.stringify(href)};
    const directories = Array.from({ length: 12 }, () => reserveDirectory("run"));
    ${program}`;
  const args = ["--input-type=module", "--eval", text];
  const { stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  return [stderr, fs.readdirSync(folder, { recursive: true }).map(String).sort()];
}

test("directories that stay empty are removed at the end, and the folder of all of them, without a warning", () => {
  assert.deepEqual(reserving(""), ["", []]);
  const kept = path.join("runs", "run-2");
  const write = 'fs.writeFileSync(directories[1] + "/config.json", "");';
  assert.deepEqual(reserving(write), ["", ["runs", kept, path.join(kept, "config.json")]]);
});
