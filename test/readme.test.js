// The README is correct: its programs compile and run, its links work, and its numbers match the records.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { environments } from "ddpg";
import { benchmarkFolders, readmePrograms, upToDate } from "../scripts/readme.js";
import { faults } from "./faults.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const readme = fs.readFileSync(path.join(root, "README.md"), "utf8");
const execute = promisify(execFile);

test("the links to the seven steps and the results are up to date (if not: npm run figures)", () => {
  const performance = fs.readFileSync(path.join(root, "docs/performance.md"), "utf8");
  for (const text of [readme, performance]) {
    assert.ok(upToDate(text, root) === text, "npm run figures would change README.md or docs/performance.md");
    assert.ok(!/<!-- results [\w-]+ -->\n<!-- end -->/.test(text));
  }
  assert.ok(!/STEP\d/.test(readme));
  // Once, a block of the same name in the other document replaced this one.
  assert.match(readme, /<!-- results numpy -->\nSeeds that reach/);
  assert.ok(readme.includes(`${faults.length} faults`));
});

test("the table and curves of the MuJoCo tasks match the records (if not: npm run figures)", async () => {
  const { readRecords } = await import("../dist/cli/benchmark/records.js");
  const { curves, page } = await import("../dist/cli/benchmark/page.js");
  const folders = benchmarkFolders(path.join(root, "docs/results"));
  assert.ok(folders.some((folder) => path.basename(folder) === "mujoco"));
  for (const folder of folders) {
    const read = (name) => fs.readFileSync(path.join(folder, name), "utf8");
    const records = readRecords(folder);
    assert.ok(records.length > 0, `${folder} holds no records`);
    assert.ok(read("benchmark.md") === page(records), `${folder}: benchmark.md does not match the records`);
    assert.ok(read("curves.svg") === `${curves(records)}\n`, `${folder}: curves.svg does not match the records`);
  }
});

test("the README's table of MuJoCo tasks matches the current settings", async () => {
  const { readRecords } = await import("../dist/cli/benchmark/records.js");
  const { settingsFor } = await import("../dist/tasks.js");
  for (const { environment, preset, settings } of readRecords(path.join(root, "docs/results/mujoco"))) {
    assert.equal(preset, environments[environment].preset);
    assert.deepEqual(settings, settingsFor(environments[environment]).settings, environment);
  }
});

test("each step's link points to its comment", () => {
  const lines = fs.readFileSync(path.join(root, "src/ddpg/ddpg.ts"), "utf8").split("\n");
  const links = [...readme.matchAll(/^\| (\d)\. .*\(src\/ddpg\/ddpg\.ts#L(\d+)-L(\d+)\) \|$/gm)];
  assert.deepEqual(links.map(([, step]) => step).join(""), "134567");
  for (const [, step, from, to] of links) {
    assert.match(lines[from - 1], new RegExp(`^ *// ${step}\\. `));
    assert.ok(Number(to) > Number(from) && Number(to) < Number(from) + 20);
  }
});

test("every relative link in every document points to a file", () => {
  const documents = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    ...fs.readdirSync(path.join(root, "docs"), { recursive: true }).map((name) => `docs/${name}`),
  ];
  let checked = 0;
  for (const document of documents.filter((name) => name.endsWith(".md"))) {
    const text = fs.readFileSync(path.join(root, document), "utf8");
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
      const file = path.join(root, path.dirname(document), target);
      assert.ok(fs.existsSync(file), `${document} links to ${target}`);
      checked++;
    }
  }
  assert.ok(checked > 20);
});

test("its programs keep the package's types", async () => {
  const programs = readmePrograms(readme);
  assert.equal(programs.size, 5);
  // Inside the checkout, where "ddpg" resolves to this package.
  const directory = fs.mkdtempSync(path.join(root, ".builds", "unfinished-readme-"));
  try {
    for (const [name, code] of programs) fs.writeFileSync(path.join(directory, name), code);
    const options = { strict: true, module: "nodenext", target: "es2022", types: ["node"], noEmit: true };
    Object.assign(options, { allowJs: true, checkJs: true, skipLibCheck: false });
    fs.writeFileSync(
      path.join(directory, "tsconfig.json"),
      JSON.stringify({ compilerOptions: options, include: ["*.mjs"] }),
    );
    const compiler = path.join(root, "node_modules/typescript/lib/tsc.js");
    const args = [compiler, "-p", directory];
    await execute(process.execPath, args, { cwd: root }).catch(({ stdout }) => assert.fail(stdout));
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
});
