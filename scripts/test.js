// Runs the tests of the built code with Node's own runner. Each argument is a part of a test file's path.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./build.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
await build();
const wanted = process.argv.slice(2);
const isWanted = (name) => wanted.length === 0 || wanted.some((part) => name.includes(part));
const units = fs
  .readdirSync(path.join(root, "dist"), { recursive: true })
  .filter((name) => name.endsWith(".test.js") && isWanted(name))
  .map((name) => path.join(root, "dist", name))
  .sort();
/** The tests of the package as a whole, which are plain JavaScript. */
const whole = fs
  .readdirSync(path.join(root, "test"))
  .filter((name) => name.endsWith(".test.js") && isWanted(`test/${name}`))
  .map((name) => path.join(root, "test", name))
  .sort();
if (units.length + whole.length === 0) {
  console.error(`No test file matches ${wanted.join(" ")}.`);
  process.exit(1);
}
// One file at a time: some measure memory, or the time to an answer.
const options = ["--test", "--test-concurrency=1", "--test-reporter=spec", "--enable-source-maps"];
const { status } = spawnSync(process.execPath, [...options, ...units, ...whole], { cwd: root, stdio: "inherit" });
process.exit(status ?? 1);
