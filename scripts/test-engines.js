// Checks that every engine gives the same bits and passes the tests. In each supported Node version it compares the recorded
// fingerprints (portable and fused, one thread and two, 128-bit and 256-bit vectors, native kernels) and runs the unit tests; in
// Chromium it compares the fingerprints. Where qemu-user is installed, Node for arm64 runs in it: its bits are exact, and it is slow,
// so it computes the short fingerprint. The first run installs the Node versions from npm into engines/. Arguments replace them:
// `npm run test:engines -- <path of a Node executable> …`.
import { execFile, execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { computeInBrowser, computeInNode, recorded } from "../test/recorded.js";
import { emulatedLibraries, emulator, missingToBuild, missingToRun, packages } from "./arm64.js";
import { build } from "./build.js";
import { buildNative } from "./build-native.js";
import { runsAlone } from "./runs-alone.js";
import { sourceTests, stripsTypes } from "./test-source.js";

const execute = promisify(execFile);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.join(root, "engines");

await build();
const dist = fs.realpathSync(path.join(root, "dist"));
const { loadNative } = await import(pathToFileURL(path.join(dist, "node/native.js")).href);
const native = typeof loadNative() === "object";
const tests = fs
  .readdirSync(dist, { recursive: true })
  .filter((name) => /^(base|environment|envs|kernels|nn|ddpg|export|training|node)[\\/].*\.test\.js$/.test(name))
  .map((name) => path.join(dist, name))
  .sort();

const fromSource = sourceTests(["src/base/", "src/environment/", "src/nn/"]);
const short = process.argv.includes("--short");
const paths = process.argv.slice(2).filter((argument) => argument !== "--short");
const nodes = paths.length > 0 ? paths : executables();

let passed = 0;
let failed = 0;
for (const [index, executable] of nodes.entries()) {
  const isBetween = index > 0 && index < nodes.length - 1;
  await report(executable, () => checkNode(executable, short && isBetween ? [] : tests));
}
await report("Chromium", checkChromium);
if (paths.length === 0 && process.arch !== "arm64") await emulateArm64();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** Prints one line for an engine. `check` returns its name, what was checked, and the complaints. */
async function report(fallbackName, check) {
  const { name, done, complaints } = await check().catch((error) => ({
    name: fallbackName,
    complaints: [error.message.trim()],
  }));
  if (complaints.length === 0) {
    passed++;
    console.log(`passed  ${name}: ${done}`);
  } else {
    failed++;
    console.log(`FAILED  ${name}: ${complaints.join("; ")}`);
  }
}

/** Checks a Node executable. `unit` lists the compiled test files to run; it may be empty. */
async function checkNode(executable, unit) {
  const { stdout } = await execute(executable, ["--version"]);
  const version = stdout.trim().slice(1);
  const done = [];
  const complaints = [];
  const wide = process.arch === "x64" && major(version) >= 24;
  for (const simd of [128, ...(wide ? [256] : []), ...(native ? ["native"] : [])]) {
    for (const threads of [1, 2]) {
      for (const [arithmetic, expected] of Object.entries(recorded)) {
        const bits = await computeInNode(executable, dist, { threads, simd, arithmetic });
        complaints.push(
          ...differences(
            bits,
            expected,
            `${arithmetic}, ${simd === "native" ? simd : `${simd} bits`}, threads ${threads}: `,
          ),
        );
      }
    }
  }
  done.push(
    `the recorded bits, portable and fused, with one thread and two${wide ? ", 128 and 256 bits" : ""}${native ? ", native" : ""}`,
  );
  for (const [files, what] of [
    // In the short form, `npm test` has run them on the Node that runs this.
    ...(short && major(version) === major(process.versions.node) ? [] : unitTests(unit)),
    [stripsTypes(version) ? fromSource : [], "tests from source"],
  ]) {
    if (files.length === 0) continue;
    const { count, failures } = await runTests(executable, files);
    done.push(`${count} ${what}`);
    complaints.push(...failures.map((failure) => `${what}: ${failure}`));
  }
  return { name: `Node ${version}`, done: done.join("; "), complaints };
}

/** Unit tests in two groups, each with its name: those that may share the cores, and those that measure. */
function unitTests(files) {
  return [
    [files.filter((file) => !runsAlone(file)), "tests"],
    [files.filter(runsAlone), "tests that measure"],
  ];
}

function major(version) {
  return Number.parseInt(version, 10);
}

/** The number of tests that pass, and the failures of the others. */
async function runTests(node, files) {
  const minutes = 15;
  // An emulated Node cannot start others, which `--test` needs; it runs a file of tests itself.
  const [executable, ...words] = [node].flat();
  const concurrency = `--test-concurrency=${files.some(runsAlone) ? 1 : 2}`;
  const { stdout, killed } = await execute(
    executable,
    [...words, ...(words.length === 0 ? ["--test", concurrency] : []), "--test-reporter=tap", ...files],
    { cwd: root, maxBuffer: 1e9, timeout: minutes * 60_000 },
  ).catch((error) => error); // Node exits with 1 when a test fails; the output says which
  const number = (what) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1] ?? Number.NaN);
  const count = number("pass");
  if (number("fail") === 0 && number("cancelled") === 0 && count > 0) return { count, failures: [] };
  const names = [...(stdout ?? "").matchAll(/^ *not ok \d+ - (.+)$/gm)].map(([, name]) => name).join(", ");
  return { count, failures: [killed ? `no end after ${minutes} min. ${names}` : `${number("fail")} failed: ${names}`] };
}

/**
 * Checks Node for arm64 in an emulator: the newest Node in the short form, and each in the long form. Says what it skips,
 * why, and how to install what is missing.
 */
async function emulateArm64() {
  const how = `on Debian: apt-get install ${packages.join(" ")}`;
  const missing = missingToRun();
  if (missing.length > 0) {
    console.log(`skipped Node for arm64: ${missing.join(", ")}; ${how}`);
    return;
  }
  let installed;
  try {
    installed = executables("arm64").map((executable) => [emulator, "-L", emulatedLibraries, executable]);
  } catch (error) {
    // For example, there is no network. The tools are optional, and so is this.
    console.log(`skipped Node for arm64: its Node versions could not be installed: ${reasonOf(error)}`);
    return;
  }
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-arm64-"));
  try {
    // A copy, because what lies in dist/native is packed.
    const copy = path.join(temporary, "dist");
    fs.cpSync(dist, copy, { recursive: true });
    fs.copyFileSync(path.join(root, "package.json"), path.join(temporary, "package.json"));
    const [noCompiler] = missingToBuild();
    const whyNot = noCompiler ? `${noCompiler}; ${how}` : buildNative(path.join(copy, "native"), "linux-arm64");
    if (whyNot) console.log(`skipped native kernels for arm64: ${whyNot}`);
    for (const command of short ? installed.slice(-1) : installed)
      await report("Node for arm64", () => checkEmulated(command, copy, !whyNot, command === installed.at(-1)));
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
}

/** The first line in which a failed program names an error, or else the message. */
function reasonOf({ stderr, message }) {
  const lines = String(stderr ?? "").split("\n");
  return lines.find((line) => /\berror\b.*\b(network|code)\b/i.test(line)) ?? message;
}

/** Checks Node for arm64, which `command` starts. The long form also trains the pendulum and runs a file of tests on the newest Node. */
async function checkEmulated(command, copy, withNative, newest) {
  const [emulated, ...words] = command;
  const { stdout } = await execute(emulated, [...words, "-p", "process.versions.node + ' for ' + process.arch"]);
  const parts = ["short", "math", ...(newest && !short ? ["pendulum"] : [])];
  const complaints = [];
  for (const simd of [128, ...(withNative ? ["native"] : [])]) {
    // The short form takes one thread for WebAssembly and two for native kernels.
    for (const threads of short && withNative ? [simd === 128 ? 1 : 2] : [1, 2]) {
      const all = Object.entries(recorded).map(async ([arithmetic, expected]) => {
        const names = parts.filter((name) => name !== "math" || (simd === 128 && threads === 1));
        const bits = await computeInNode(command, copy, { threads, simd, arithmetic, parts: names });
        const part = Object.fromEntries(names.map((name) => [name, expected[name]]));
        complaints.push(...differences(bits, part, `${arithmetic}, ${simd}, threads ${threads}: `));
      });
      await Promise.all(all);
    }
  }
  const done = [
    `the recorded bits (${parts.join(", ")}), portable and fused, ${short && withNative ? "WebAssembly with one thread, native with two" : `with one thread and two${withNative ? ", native" : ""}`}`,
  ];
  if (withNative && newest && !short) {
    const { count, failures } = await runTests(command, [path.join(copy, "node/native.test.js")]);
    done.push(`${count} tests of native kernels`);
    complaints.push(...failures);
  }
  return { name: `Node ${stdout.trim()}, emulated`, done: done.join("; "), complaints };
}

async function checkChromium() {
  const complaints = [];
  let name = "Chromium";
  for (const [arithmetic, expected] of Object.entries(recorded)) {
    for (const threads of [1, 2]) {
      const { version, bits } = await computeInBrowser(dist, { arithmetic, threads });
      name = `Chromium ${version}`;
      complaints.push(...differences(bits, expected, `${arithmetic}, threads ${threads}: `));
    }
  }
  return { name, done: "the recorded bits, portable and fused, with one thread and two", complaints };
}

/** The differences, name by name. */
function differences(actual, expected, prefix = "") {
  return [...new Set([...Object.keys(expected), ...Object.keys(actual)])].flatMap((name) => {
    if (typeof expected[name] === "object") return differences(actual[name] ?? {}, expected[name], `${prefix}${name}.`);
    if (actual[name] === expected[name]) return [];
    return [`${prefix}${name}: expected ${expected[name] ?? "nothing"}, got ${actual[name] ?? "nothing"}`];
  });
}

/** The executables in engines/ for an architecture, oldest first; installs them if needed. */
function executables(architecture = process.arch) {
  const platform = `${process.platform}-${architecture}`;
  const { packages } = JSON.parse(fs.readFileSync(path.join(folder, "package-lock.json"), "utf8"));
  const wanted = Object.entries(packages).filter(([place]) => place.endsWith(`-${platform}`));
  if (wanted.length === 0) {
    console.error(
      `test:engines: expected Linux on x64 or arm64, got ${platform}. Give the paths of Node executables instead.`,
    );
    process.exit(1);
  }
  // npm keeps packages of one architecture in a folder.
  const own = architecture === process.arch ? folder : path.join(folder, architecture);
  const executable = (place) => path.join(own, place, "bin/node");
  const isInstalled = ([place, { version }]) => {
    const manifest = path.join(own, place, "package.json");
    return (
      fs.existsSync(executable(place)) &&
      fs.existsSync(manifest) &&
      JSON.parse(fs.readFileSync(manifest, "utf8")).version.replace(/^v/, "") === version
    );
  };
  if (!wanted.every(isInstalled)) {
    console.log(`Installing the Node versions into ${path.relative(root, own)}/node_modules …`);
    if (own !== folder) {
      fs.mkdirSync(own, { recursive: true });
      for (const name of ["package.json", "package-lock.json"])
        fs.copyFileSync(path.join(folder, name), path.join(own, name));
    }
    const args = ["ci", `--cpu=${architecture}`, "--ignore-scripts", "--no-audit", "--no-fund"];
    execFileSync("npm", args, { cwd: own, stdio: ["ignore", "ignore", "pipe"] });
    // The packages are optional, because each is for one platform: without a network, npm leaves them out and succeeds.
    const absent = wanted.filter((each) => !isInstalled(each)).map(([place]) => path.basename(place));
    if (absent.length > 0) throw new Error(`npm did not install ${absent.join(", ")}; is there a network?`);
  }
  return wanted.map(([place]) => executable(place));
}
