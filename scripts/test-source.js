// Runs tests from source without compiling them: Node 22.18 and newer strip the types. As for `npm test`, each argument is a
// part of a test file's path. Without arguments, it runs every test that needs no compiled file.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Whether a version of Node, such as "22.18.0", strips types without a flag. */
export function stripsTypes(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > 23 || (major === 22 && minor >= 18) || (major === 23 && minor >= 6);
}

/** The paths of the test files under src, relative to the root, that contain one of `parts`. */
export function sourceTests(parts) {
  return fs
    .readdirSync(path.join(root, "src"), { recursive: true })
    .map((name) => `src/${name.replaceAll(path.sep, "/")}`)
    .filter((name) => name.endsWith(".test.ts") && parts.some((part) => name.includes(part)))
    .sort();
}

/** The folders whose tests start no threads and no programs. Some tests of kernels/, ddpg/, node/ and cli/ do. */
const withoutBuild = ["base", "environment", "envs", "nn", "export", "training"].map((name) => `src/${name}/`);

function main() {
  if (!stripsTypes(process.versions.node)) {
    console.error(`test:source: expected Node 22.18 or newer, got ${process.versions.node}. npm test works with any.`);
    return 1;
  }
  if (!fs.existsSync(path.join(root, "src/kernels/wasm/generated"))) {
    console.error("test:source: the WebAssembly modules are missing. npm run build makes them, once.");
    return 1;
  }
  const wanted = process.argv.slice(2);
  const files = sourceTests(wanted.length > 0 ? wanted : withoutBuild);
  if (files.length === 0) {
    console.error(`No test file matches ${wanted.join(" ")}.`);
    return 1;
  }
  return spawnSync(process.execPath, ["--test", "--test-reporter=spec", ...files], { cwd: root, stdio: "inherit" })
    .status;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) process.exit(main() ?? 1);
