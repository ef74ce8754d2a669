// README and the documents are correct: their programs compile, their links work, and their numbers match the records.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { environments } from "ddpg";
import { deadLinks, documents } from "../scripts/links.js";
import { allPrograms, benchmarkFolders, generatedIn, upToDate } from "../scripts/documents.js";
import { wrongContents } from "../scripts/site.js";
import { faults } from "./faults.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const readme = fs.readFileSync(path.join(root, "README.md"), "utf8");
const results = fs.readFileSync(path.join(root, "docs/results.md"), "utf8");
const algorithm = fs.readFileSync(path.join(root, "docs/algorithm.md"), "utf8");
const execute = promisify(execFile);

test("the links to the seven steps and the results are up to date (if not: npm run figures)", () => {
  const texts = generatedIn.map((name) => fs.readFileSync(path.join(root, name), "utf8"));
  for (const [i, text] of texts.entries()) {
    assert.ok(upToDate(text, root) === text, `npm run figures would change ${generatedIn[i]}`);
    assert.ok(!/<!-- results [\w-]+ -->\n<!-- end -->/.test(text));
  }
  // Nothing else has a generated part, which would not be written.
  for (const name of documents(root).filter((each) => !generatedIn.includes(each)))
    assert.doesNotMatch(
      fs.readFileSync(path.join(root, name), "utf8"),
      /<!-- results [\w-]+ -->|#L\d+-L\d+\) \|$/m,
      name,
    );
  // Once, a block of the same name in another document replaced this one.
  assert.match(results, /<!-- results numpy -->\nSeeds that reach/);
  for (const name of ["small", "paper", "mujoco", "speed"])
    assert.ok(results.includes(`<!-- results ${name} -->`), name);
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

test("the table of MuJoCo tasks matches the current settings", async () => {
  const { readRecords } = await import("../dist/cli/benchmark/records.js");
  const { settingsFor } = await import("../dist/tasks.js");
  const slower = { actorLearningRate: 3e-4 };
  const exceptions = { "InvertedDoublePendulum-v5": slower, "Humanoid-v5": slower };
  for (const { environment, preset, settings } of readRecords(path.join(root, "docs/results/mujoco"))) {
    assert.equal(preset, "standard");
    const expected = settingsFor(environments[environment], preset, exceptions[environment]);
    assert.deepEqual(settings, expected.settings, environment);
  }
});

test("each step's link points to its comment", () => {
  const lines = fs.readFileSync(path.join(root, "src/ddpg/ddpg.ts"), "utf8").split("\n");
  const links = [...algorithm.matchAll(/^\| (\d)\. .*\(\.\.\/src\/ddpg\/ddpg\.ts#L(\d+)-L(\d+)\) \|$/gm)];
  assert.deepEqual(links.map(([, step]) => step).join(""), "134567");
  for (const [, step, from, to] of links) {
    assert.match(lines[from - 1], new RegExp(`^ *// ${step}\\. `));
    assert.ok(Number(to) > Number(from) && Number(to) < Number(from) + 20);
  }
});

test("every relative link in every document points to a file, and to a section or lines that it has", () => {
  const { dead, checked } = deadLinks(root);
  assert.deepEqual(dead, []);
  assert.ok(checked > 300, `${checked} links`);
});

test("the site has a place for every document", () => assert.deepEqual(wrongContents(), []));

test("README is short: a screen and a half", () => {
  assert.ok(readme.split("\n").length < 90);
});

test("the programs of all documents keep the package's types", async () => {
  const programs = allPrograms(root);
  assert.ok(programs.size >= 10, [...programs.keys()].join(" "));
  // Inside the checkout, where "ddpg" resolves to this package.
  const directory = fs.mkdtempSync(path.join(root, ".builds", "unfinished-readme-"));
  try {
    for (const [name, code] of programs) fs.writeFileSync(path.join(directory, name), code);
    const options = { strict: true, module: "nodenext", target: "es2022", types: ["node"], noEmit: true };
    Object.assign(options, { lib: ["es2023", "dom", "dom.iterable"], allowImportingTsExtensions: true });
    Object.assign(options, { allowJs: true, checkJs: true, skipLibCheck: false });
    fs.writeFileSync(
      path.join(directory, "tsconfig.json"),
      JSON.stringify({ compilerOptions: options, include: ["*.mjs", "*.mts", "*.js"] }),
    );
    const compiler = path.join(root, "node_modules/typescript/lib/tsc.js");
    const args = [compiler, "-p", directory];
    await execute(process.execPath, args, { cwd: root }).catch(({ stdout }) => assert.fail(stdout));
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
});
