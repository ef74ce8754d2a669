// Plants the faults of test/faults.js into copies of the source, one by one, and fails if the tests let one through: each
// must fail at an assertion, in a test other than those that watch it learn or look at the clock. Arguments choose faults by name.
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { faults } from "../test/faults.js";
import { build } from "./build.js";

const execute = promisify(execFile);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const wanted = process.argv.slice(2);
const queue = faults.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
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
        console.log(`caught: ${fault.name} — ${failed[0]}${failed.length > 1 ? ` (+${failed.length - 1})` : ""}`);
      } else {
        console.log(`SURVIVED: ${fault.name}`);
      }
    } catch (error) {
      console.log(`NOT PLANTED: ${fault.name} — ${error.message}${error.stdout ?? ""}`);
    }
  }
}

async function makeCopy(number) {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), `ddpg-faults-${number}-`));
  for (const name of ["src", "scripts", "fixtures", "package.json", "tsconfig.json"]) {
    fs.cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
  }
  fs.symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"), "junction");
  return copy;
}

/** The tests that fail at an assertion with a fault in place. Throws when it cannot be planted or does not compile. */
async function plant(copy, { edits }) {
  const before = new Map();
  try {
    for (const { file, text, fault } of edits) {
      const full = path.join(copy, file);
      const source = fs.readFileSync(full, "utf8");
      if (!before.has(full)) before.set(full, source);
      const times = source.split(text).length - 1;
      if (times !== 1) throw new Error(`the text stands ${times} times in ${file}`);
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
    return await failingTests(copy, out, testsFor(edits));
  } finally {
    for (const [full, source] of before) fs.writeFileSync(full, source);
    if (edits.some(({ file }) => file.includes("/assembly/"))) await compileKernels(copy);
  }
}

/** A process of its own: the module of a copy knows the copy's root. */
async function compileKernels(copy) {
  const program = `import { compileKernels } from ${JSON.stringify(String(pathToFileURL(path.join(copy, "scripts/build.js"))))};
    await compileKernels();`;
  await execute(process.execPath, ["--input-type=module", "--eval", program], { cwd: copy });
}

/** Which tests must notice: those of the tasks, of what is exported or recorded, or of the algorithm; all for no fault. */
function testsFor(edits) {
  const floors = ["envs", "export", "training"];
  const floor = floors.find((name) => edits.length > 0 && edits.every(({ file }) => file.startsWith(`src/${name}/`)));
  if (floor) return new RegExp(`^${floor}[\\\\/].*\\.test\\.js$`);
  return edits.length === 0
    ? /^(kernels|nn|ddpg|envs|export|training)[\\/].*\.test\.js$/
    : // Those in MuJoCo take longest, and say of the algorithm what those on the classic tasks say.
      /^(kernels|nn|ddpg)[\\/](?!.*-mujoco).*\.test\.js$/;
}

async function failingTests(copy, out, wanted) {
  const files = fs
    .readdirSync(out, { recursive: true })
    .filter((name) => wanted.test(name))
    .map((name) => path.join(out, name));
  const { stdout } = await execute(process.execPath, ["--test", "--test-reporter=tap", ...files], {
    cwd: copy,
    maxBuffer: 1e9,
    timeout: 300_000,
  }).catch((error) => error);
  return [...stdout.matchAll(/not ok \d+ - (.+)\n( +)---\n([\s\S]*?)\n\2\.\.\.\n/g)]
    .filter(([, name, , details]) => details.includes("ERR_ASSERTION") && !/^(learns|a timer)/.test(name))
    .map(([, name]) => name);
}
