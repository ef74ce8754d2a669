// Runs the tests of the built code with Node's own runner. Each argument is a part of a test file's path.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./build.js";
import { runsAlone } from "./runs-alone.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
await build();
const wanted = process.argv.slice(2);
/** The test files below a folder that are asked for. Those in test/ are about the package as a whole. */
const testsIn = (folder) =>
  fs
    .readdirSync(path.join(root, folder), { recursive: true })
    .map((name) => `${folder}/${name}`)
    .filter((name) => name.endsWith(".test.js"))
    .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
    .sort();
const files = [...testsIn("dist"), ...testsIn("test")];
if (files.length === 0) {
  console.error(`No test file matches ${wanted.join(" ")}.`);
  process.exit(1);
}
const groups = [
  [files.filter((file) => !runsAlone(file)), Math.min(2, os.availableParallelism())],
  [files.filter(runsAlone), 1],
];
// A file that does not end is ended, and fails, after a quarter of an hour.
const options = ["--test", "--test-timeout=900000", "--test-reporter=spec", "--enable-source-maps"];
let failed = 0;
for (const [group, concurrency] of groups) {
  if (group.length === 0) continue;
  const all = [...options, `--test-concurrency=${concurrency}`, ...group];
  const { status } = spawnSync(process.execPath, all, { cwd: root, stdio: "inherit" });
  failed += status === 0 ? 0 : 1;
}
if (failed > 0) console.error(`Tests failed: see "failing tests" above${failed > 1 ? ", twice" : ""}.`);
process.exit(failed === 0 ? 0 : 1);
