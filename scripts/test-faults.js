// Plants the faults of test/faults.js into copies of the source, one by one, and fails if the tests miss one. Each fault must
// make an assertion fail, in a test other than those that watch an agent learn or measure time. Arguments select faults by
// name; `--short` takes every twelfth. A test file that notices a fault must pass without it.
import { execFile, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { faults } from "../test/faults.js";
import { build, bundleCommandLine } from "./build.js";

const execute = promisify(execFile);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const short = process.argv.includes("--short");
const wanted = process.argv.slice(2).filter((argument) => argument !== "--short");
const queue = (short ? faults.filter((_, index) => index % 12 === 0) : faults).filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
);
const total = queue.length;
let caught = 0;
/** All unit tests, relative to src, without their endings: "nn/adam". */
const allTests = fs
  .readdirSync(path.join(root, "src"), { recursive: true })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => name.replaceAll(path.sep, "/").slice(0, -".test.ts".length));

/** How long each test file took when it last ran to its end, in ms. */
const durations = new Map();

/** Promises of the tests that fail without a fault, by their file. */
const broken = new Map();

for (const fault of queue) testsFor(fault);
await build();
const copies = await Promise.all([0, 1, 2].map(makeCopy));
const [healthy, ...planted] = copies;
try {
  await compile(healthy, allTests);
  await Promise.all(planted.map(work));
} finally {
  for (const copy of copies) fs.rmSync(copy, { recursive: true, force: true });
}
console.log(`${caught} passed, ${total - caught} failed`);
process.exit(caught === total && total > 0 ? 0 : 1);

async function work(copy) {
  for (let fault = queue.shift(); fault; fault = queue.shift()) {
    try {
      const found = await plant(copy, fault);
      if (found) {
        caught++;
        console.log(`caught: ${fault.name} — ${found}`);
      } else {
        console.log(`SURVIVED: ${fault.name}`);
      }
    } catch (error) {
      console.log(`FAILED: ${fault.name} — ${error.message}${error.stdout ?? ""}`);
    }
  }
}

async function makeCopy(number) {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), `ddpg-faults-${number}-`));
  for (const name of [
    "src",
    "native",
    "scripts",
    "fixtures",
    "examples",
    "python",
    "docs",
    "package.json",
    "tsconfig.json",
  ]) {
    fs.cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
  }
  // The repository's own would build first.
  fs.mkdirSync(path.join(copy, "bin"));
  fs.writeFileSync(path.join(copy, "bin/ddpg.js"), 'await import("../dist/cli.js");\n');
  fs.symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"), "junction");
  // The native kernels as they were built: a fault in what tries them must be noticed.
  const native = path.join(root, "dist/native");
  if (fs.existsSync(native)) fs.cpSync(native, path.join(copy, "dist/native"), { recursive: true });
  // The page as it was built: `watch` serves it.
  fs.mkdirSync(path.join(copy, "dist"), { recursive: true });
  fs.symlinkSync(fs.realpathSync(path.join(root, "dist/page")), path.join(copy, "dist/page"), "junction");
  return copy;
}

/**
 * A test that fails with a fault in place, at an assertion; undefined if there is none. Throws if the fault cannot be planted,
 * or if a test fails in the same file without it.
 */
async function plant(copy, fault) {
  const { edits } = fault;
  const tests = testsFor(fault);
  const before = new Map();
  const isAssembly = edits.some(({ file }) => file.includes("/assembly/"));
  try {
    for (const { file, text, fault } of edits) {
      const full = path.join(copy, file);
      const source = fs.readFileSync(full, "utf8");
      if (!before.has(full)) before.set(full, source);
      const times = source.split(text).length - 1;
      if (times !== 1) throw new Error(`the text occurs ${times} times in ${file}`);
      fs.writeFileSync(
        full,
        source.replace(text, () => fault),
      );
    }
    if (isAssembly) await compileKernels(copy);
    await compile(copy, tests);
    return await firstFailure(copy, tests, edits);
  } finally {
    for (const [full, source] of before) fs.writeFileSync(full, source);
    if (isAssembly) await compileKernels(copy);
  }
}

async function compile(copy, tests) {
  const out = path.join(copy, "dist");
  await execute(process.execPath, [
    path.join(root, "node_modules/typescript/lib/tsc.js"),
    ...["-p", copy, "--outDir", out],
    // A fault may leave an import unused.
    ...["--noCheck", "--declaration", "false", "--sourceMap", "false", "--inlineSources", "false"],
  ]);
  // The tests of the command line may start the program.
  if (tests.some((name) => name.startsWith("cli/"))) await bundleCommandLine(out);
}

/** Runs in a separate process, because the copy's build.js works on the folder that it is in. */
async function compileKernels(copy) {
  const program = `import { compileKernels } from ${JSON.stringify(String(pathToFileURL(path.join(copy, "scripts/build.js"))))};
    await compileKernels();`;
  await execute(process.execPath, ["--input-type=module", "--eval", program], { cwd: copy });
}

/**
 * The tests that must notice a fault: its own, those of the edited file or its floor, or those of the algorithm. Agents on
 * MuJoCo tasks are left out: they take longest and test the same as agents on the classic tasks. Throws if there are none.
 */
function testsFor({ name, edits, tests }) {
  const found = tests ?? nearestTests(edits);
  const missing = found.find((test) => !allTests.includes(test));
  if (found.length === 0 || missing !== undefined)
    throw new Error(`${name}: expected unit tests that notice it, got ${missing ?? "none"}. Name them in its tests.`);
  return found;
}

function nearestTests(edits) {
  // Most tests of the command line start processes; a fault there is noticed by the test of its own file. So is one in a
  // file of a run.
  const names = edits.map(({ file }) => /^src\/((?:cli|node)\/.+)\.ts$/.exec(file)?.[1]);
  if (names.every((name) => allTests.includes(name))) return names;
  const floors = ["environment", "envs", "planning", "export", "training", "node"];
  const floor = floors.find((name) => edits.every(({ file }) => file.startsWith(`src/${name}/`)));
  if (floor) return allTests.filter((name) => name.startsWith(`${floor}/`));
  // Of the command line, no test is near.
  if (names.some((name) => name?.startsWith("cli/"))) return [];
  return allTests.filter((name) => /^(base|kernels|nn|ddpg)\//.test(name) && !name.includes("agent-state-mujoco"));
}

/**
 * Runs test files until a test fails at an assertion, and returns its name. Those of the edited folder run first, because they
 * are the most likely to fail, and short ones before long ones.
 */
async function firstFailure(copy, tests, edits) {
  const edited = (name) => edits.some(({ file }) => path.dirname(file) === path.join("src", path.dirname(name)));
  const bytes = new Map(tests.map((name) => [name, fs.statSync(path.join(copy, `src/${name}.test.ts`)).size]));
  const duration = (name) => durations.get(name) ?? 0;
  const order = (a, b) => edited(b) - edited(a) || duration(a) - duration(b) || bytes.get(a) - bytes.get(b);
  for (const name of [...tests].sort(order)) {
    const [first] = await failuresOf(copy, name, (details) => details.includes("ERR_ASSERTION"));
    if (first === undefined) continue;
    if (!broken.has(name))
      broken.set(
        name,
        failuresOf(healthy, name, () => true),
      );
    const [without] = await broken.get(name);
    if (without !== undefined) throw new Error(`without the fault, this fails: ${without}`);
    return first;
  }
  return undefined;
}

/** The first tests of a file that fail with details that count; the others are stopped. */
async function failuresOf(copy, name, counts) {
  const started = performance.now();
  const file = path.join(copy, "dist", `${name}.test.js`);
  // In its own process group, so that `stop` also ends the processes that the tests start.
  const runner = spawn(process.execPath, ["--test-reporter=tap", file], {
    cwd: copy,
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const stop = () => {
    if (runner.exitCode === null && runner.signalCode === null) process.kill(-runner.pid, "SIGKILL");
  };
  let late = false;
  const limitS = 300;
  const limit = setTimeout(() => {
    late = true;
    stop();
  }, limitS * 1000);
  let report = "";
  let failed = [];
  for await (const chunk of runner.stdout.setEncoding("utf8")) {
    report += chunk;
    failed = [...report.matchAll(/not ok \d+ - (.+)\n( +)---\n([\s\S]*?)\n\2\.\.\.\n/g)]
      .filter(([, test, , details]) => counts(details) && !/^(learns|a timer)/.test(test))
      .map(([, test]) => test);
    if (failed.length > 0) stop();
  }
  clearTimeout(limit);
  if (late) throw new Error(`${name} took more than ${limitS} s`);
  if (failed.length === 0) durations.set(name, performance.now() - started);
  return failed;
}
