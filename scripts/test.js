// Runs the tests of the built code with Node's own runner. Each argument is a part of a test file's path.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./build.js";

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
// One file at a time: some measure memory, or the time to an answer.
const options = ["--test", "--test-concurrency=1", "--test-reporter=spec", "--enable-source-maps"];
const { status } = spawnSync(process.execPath, [...options, ...files], { cwd: root, stdio: "inherit" });
process.exit(status ?? 1);
