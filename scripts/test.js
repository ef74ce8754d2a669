// Runs the tests of the built code with Node's own runner. Each argument is a part of a test file's path.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./build.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
await build();
const wanted = process.argv.slice(2);
const files = fs
  .readdirSync(path.join(root, "dist"), { recursive: true })
  .filter((name) => name.endsWith(".test.js"))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .map((name) => path.join(root, "dist", name))
  .concat(testsOutside())
  .sort();
if (files.length === 0) {
  console.error(`No test file matches ${wanted.join(" ")}.`);
  process.exit(1);
}
const { status } = spawnSync(
  process.execPath,
  ["--test", "--test-concurrency=2", "--test-reporter=spec", "--enable-source-maps", ...files],
  {
    cwd: root,
    stdio: "inherit",
  },
);
process.exit(status ?? 1);

/** The tests of the package as a whole, which are plain JavaScript. */
function testsOutside() {
  const directory = path.join(root, "test");
  return fs
    .readdirSync(directory)
    .filter((name) => name.endsWith(".test.js"))
    .filter((name) => wanted.length === 0 || wanted.some((part) => `test/${name}`.includes(part)))
    .map((name) => path.join(directory, name));
}
