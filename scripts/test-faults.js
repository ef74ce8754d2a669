// Plants the faults of test/faults.js into copies of the source, one by one, and fails if the tests miss one. Each fault must
// make an assertion fail, in a test other than those that watch an agent learn or measure time. Arguments select faults by
// name; `--short` takes every sixth.
import { execFile, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { faults } from "../test/faults.js";
import { build } from "./build.js";

const execute = promisify(execFile);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const short = process.argv.includes("--short");
const wanted = process.argv.slice(2).filter((argument) => argument !== "--short");
const queue = (short ? faults.filter((_, index) => index % 6 === 0) : faults).filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
);
const total = queue.length;
let caught = 0;

await build();
const copies = await Promise.all([0, 1].map(makeCopy));
try {
  const healthy = await plant(copies[0], { name: "no fault", edits: [] });
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
  for (const name of ["src", "native", "scripts", "fixtures", "package.json", "tsconfig.json"]) {
    fs.cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
  }
  fs.symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"), "junction");
  // The native kernels as they were built: a fault in what tries them must be noticed.
  const native = path.join(root, "dist/native");
  if (fs.existsSync(native)) fs.cpSync(native, path.join(copy, "dist/native"), { recursive: true });
  return copy;
}

/** The tests that fail at an assertion with a fault in place. Throws if the fault cannot be planted or does not compile. */
async function plant(copy, { edits, tests }) {
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
      "-p",
      copy,
      "--outDir",
      out,
    ]);
    return await failingTests(copy, out, testsFor(edits, tests), edits);
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
 * Matches the tests that must notice a fault: those of the edited floor, or those of the algorithm. Without a fault it matches
 * all of them. Agents on MuJoCo tasks are left out: they take longest and test the same as agents on the classic tasks.
 */
function testsFor(edits, tests) {
  if (tests) return filesOf(tests);
  if (edits.length === 0)
    return /^((environment|envs|planning|kernels|nn|ddpg|export|training)[\\/](?!agent-state-mujoco).*|cli[\\/]run[\\/]stop-signals)\.test\.js$/;
  // Most tests of the command line start processes; a fault there is noticed by the test of its own file. So is one in a
  // file of a run.
  const names = edits.map(({ file }) => /^src\/((?:cli|node)\/.+)\.ts$/.exec(file)?.[1]);
  if (names.every((name) => name !== undefined && fs.existsSync(path.join(root, "src", `${name}.test.ts`))))
    return filesOf(names);
  const floors = ["environment", "envs", "planning", "export", "training", "node"];
  const floor = floors.find((name) => edits.every(({ file }) => file.startsWith(`src/${name}/`)));
  if (floor) return new RegExp(`^${floor}[\\\\/].*\\.test\\.js$`);
  return /^(base|kernels|nn|ddpg)[\\/](?!agent-state-mujoco).*\.test\.js$/;
}

/** Matches the tests of these modules. */
function filesOf(names) {
  return new RegExp(`^(${names.map((name) => name.replaceAll("/", "[\\\\/]")).join("|")})\\.test\\.js$`);
}

/**
 * The first tests that fail at an assertion; the others are stopped. The tests of the edited folder run first, because they
 * are the most likely to fail.
 */
async function failingTests(copy, out, wanted, edits) {
  const edited = (name) => edits.some(({ file }) => path.dirname(file) === path.join("src", path.dirname(name)));
  const files = fs
    .readdirSync(out, { recursive: true })
    .filter((name) => wanted.test(name))
    .sort((a, b) => edited(b) - edited(a))
    .map((name) => path.join(out, name));
  // In its own process group, so that `stop` also ends the process that the runner starts for each file.
  const runner = spawn(process.execPath, ["--test", "--test-reporter=tap", ...files], {
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
  }, 300_000);
  let report = "";
  let failed = [];
  for await (const chunk of runner.stdout.setEncoding("utf8")) {
    report += chunk;
    failed = [...report.matchAll(/not ok \d+ - (.+)\n( +)---\n([\s\S]*?)\n\2\.\.\.\n/g)]
      .filter(([, name, , details]) => details.includes("ERR_ASSERTION") && !/^(learns|a timer)/.test(name))
      .map(([, name]) => name);
    if (failed.length > 0) stop();
  }
  clearTimeout(limit);
  if (late) throw new Error("the tests took more than 300 s");
  return failed;
}
