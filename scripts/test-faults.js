// Plants the faults of test/faults.js into copies of the source, one by one, and fails if the tests miss one. Each fault must
// make an assertion fail, in a test other than those that watch an agent learn or measure time. Arguments select faults by
// name; `--short` takes every twelfth. First the tests of all these faults must pass without a fault.
import { execFile, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { faults } from "../test/faults.js";
import { build, bundleCommandLine } from "./build.js";
import { runsAlone } from "./runs-alone.js";

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

/** How long each test file takes without a fault, in ms, by its path inside the copy's dist. */
const durations = new Map();

const picked = new Set(queue.flatMap(testsFor));
await build();
const copies = await Promise.all([0, 1].map(makeCopy));
try {
  const healthy = await plant(copies[0], { name: "no fault", edits: [], tests: [...picked] });
  if (healthy.length > 0) throw new Error(`Without a fault these fail: ${healthy.join("; ")}`);
  await Promise.all(copies.map(work));
} finally {
  for (const copy of copies) fs.rmSync(copy, { recursive: true, force: true });
}
console.log(`${caught} passed, ${total - caught} failed`);
process.exit(caught === total && total > 0 ? 0 : 1);

async function work(copy) {
  for (let fault = queue.shift(); fault; fault = queue.shift()) {
    try {
      const failed = await plant(copy, fault);
      if (failed.length > 0) {
        caught++;
        console.log(`caught: ${fault.name} — ${failed[0]}`);
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
 * The tests that fail with a fault in place, at an assertion. Without a fault, those that fail in any way. Throws if the fault
 * cannot be planted, does not compile, or has no test.
 */
async function plant(copy, fault) {
  const { edits } = fault;
  const tests = testsFor(fault);
  const before = new Map();
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
    if (edits.some(({ file }) => file.includes("/assembly/"))) await compileKernels(copy);
    const out = path.join(copy, "dist");
    await execute(process.execPath, [
      path.join(root, "node_modules/typescript/lib/tsc.js"),
      ...["-p", copy, "--outDir", out],
      // A fault may leave an import unused.
      ...["--noCheck", "--declaration", "false", "--sourceMap", "false", "--inlineSources", "false"],
    ]);
    // The tests of the command line may start the program.
    if (tests.some((name) => name.startsWith("cli/"))) await bundleCommandLine(out);
    return await failingTests(copy, out, tests, edits);
  } finally {
    for (const [full, source] of before) fs.writeFileSync(full, source);
    if (edits.some(({ file }) => file.includes("/assembly/"))) await compileKernels(copy);
  }
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
 * The first tests that fail at an assertion, or without a fault in any way; the others are stopped. The tests of the edited
 * folder run first, because they are the most likely to fail, and short files before long ones.
 */
async function failingTests(copy, out, tests, edits) {
  const isHealthy = edits.length === 0;
  const edited = (name) => edits.some(({ file }) => path.dirname(file) === path.join("src", path.dirname(name)));
  const duration = (name) => durations.get(`${name}.test.js`) ?? 0;
  const files = [...tests]
    .sort((a, b) => edited(b) - edited(a) || duration(a) - duration(b))
    .map((name) => path.join(out, `${name}.test.js`));
  if (!isHealthy) return failingOf(copy, files, { isHealthy, limitS: 300, concurrency: 1 });
  // These are the tests of all faults. Nothing else runs, so they share the cores, except those that measure.
  const shared = files.filter((file) => !runsAlone(file));
  const failed = await failingOf(copy, shared, { isHealthy, limitS: 3000, concurrency: 2 });
  const alone = files.filter(runsAlone);
  if (failed.length > 0 || alone.length === 0) return failed;
  return failingOf(copy, alone, { isHealthy, limitS: 3000, concurrency: 1 });
}

/** Runs test files until one fails. */
async function failingOf(copy, files, { isHealthy, limitS, concurrency }) {
  const options = ["--test", "--test-reporter=tap", `--test-concurrency=${concurrency}`];
  const measured = path.join(copy, "durations.txt");
  if (isHealthy) {
    const reporter = pathToFileURL(path.join(root, "scripts/durations-reporter.js"));
    options.push("--test-reporter-destination=stdout");
    options.push(`--test-reporter=${reporter}`, `--test-reporter-destination=${measured}`);
  }
  // In its own process group, so that `stop` also ends the process that the runner starts for each file.
  const runner = spawn(process.execPath, [...options, ...files], {
    cwd: copy,
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const stop = () => {
    if (runner.exitCode === null && runner.signalCode === null) process.kill(-runner.pid, "SIGKILL");
  };
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    stop();
  }, limitS * 1000);
  let report = "";
  let failed = [];
  for await (const chunk of runner.stdout.setEncoding("utf8")) {
    report += chunk;
    failed = [...report.matchAll(/not ok \d+ - (.+)\n( +)---\n([\s\S]*?)\n\2\.\.\.\n/g)]
      .filter(
        ([, name, , details]) => (isHealthy || details.includes("ERR_ASSERTION")) && !/^(learns|a timer)/.test(name),
      )
      .map(([, name]) => name);
    if (failed.length > 0) stop();
  }
  clearTimeout(limit);
  if (late) throw new Error(`the tests took more than ${limitS} s`);
  if (isHealthy) {
    for (const line of fs.readFileSync(measured, "utf8").trim().split("\n")) {
      const [ms, file] = line.split("\t");
      const name = path.relative(path.join(copy, "dist"), file).replaceAll(path.sep, "/");
      durations.set(name, (durations.get(name) ?? 0) + Number(ms));
    }
  }
  return failed;
}
