// What Node for arm64 needs to run on another architecture: Debian's emulator, the C libraries of arm64, and a cross compiler
// for the native kernels. `node scripts/arm64.js` prints what is missing, a line each; with `--packages` it prints the Debian
// packages that have it all.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { findCompiler } from "./build-native.js";

export const emulator = "qemu-aarch64";

/** Where Debian's packages for cross compilers put the C libraries of arm64. */
export const emulatedLibraries = "/usr/aarch64-linux-gnu";

export const packages = [
  "qemu-user",
  "libc6-arm64-cross",
  "libstdc++6-arm64-cross",
  "gcc-aarch64-linux-gnu",
  "libc6-dev-arm64-cross",
];

/** What is missing to run Node for arm64: texts such as "there is no qemu-aarch64". */
export function missingToRun() {
  const libraries = ["libc.so.6", "libstdc++.so.6"].map((name) => path.join(emulatedLibraries, "lib", name));
  const missing = libraries.filter((file) => !fs.existsSync(file));
  if (!starts(emulator)) missing.unshift(emulator);
  return missing.map((name) => `there is no ${name}`);
}

/** What is missing to build native kernels for arm64. */
export function missingToBuild() {
  return findCompiler("linux-arm64") ? [] : ["there is no cross compiler for arm64"];
}

function starts(program) {
  try {
    execFileSync(program, ["--version"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

function main(words) {
  if (words.length > 1 || (words.length === 1 && words[0] !== "--packages")) {
    console.error(`arm64: expected --packages or nothing, got ${words.join(" ")}`);
    return 2;
  }
  if (words.length === 1) console.log(packages.join(" "));
  else if (process.arch !== "arm64") for (const line of [...missingToRun(), ...missingToBuild()]) console.log(line);
  return 0;
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = main(process.argv.slice(2));
