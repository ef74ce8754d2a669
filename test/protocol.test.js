// Runs the programs of docs/protocol.md, where there is a Python or a C compiler.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkEnvironment, Random } from "../dist/index.js";
import { loadEnvironment } from "../dist/node.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const text = fs.readFileSync(path.join(root, "docs/protocol.md"), "utf8");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-protocol-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** The program of a language in the document. */
function program(language) {
  const [, code] = new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "m").exec(text);
  return code;
}

/** The command of a tool that is there, or undefined. */
function found(...commands) {
  return commands.find((command) => spawnSync(command, ["--version"]).status === 0);
}

const python = found("python3");
const compiler = found("cc", "gcc", "clang");
const windows = process.platform === "win32";

async function expectMass(file) {
  const { create } = await loadEnvironment(`exec:${file}`);
  assert.deepEqual(await checkEnvironment(create, { steps: 300 }), { problems: [], warnings: [] });
  const environment = await create();
  const [x] = await environment.reset(new Random(3));
  assert.ok(Math.abs(x) <= 1);
  let steps = 0;
  for (let truncated = false; !truncated; steps++) ({ truncated } = await environment.step(Float32Array.of(0)));
  assert.equal(steps, 100);
  await environment.close();
}

test("the Python program is an environment", { skip: (!python || windows) && "there is no python3" }, async () => {
  const code = program("python");
  assert.ok(code.split("\n").length <= 41);
  const file = path.join(folder, "mass.py");
  fs.writeFileSync(file, code, { mode: 0o755 });
  await expectMass(file);
});

test("the C program is an environment, and compiles without a warning", {
  skip: (!compiler || windows) && "there is no C compiler",
}, async () => {
  const code = program("c");
  assert.ok(code.split("\n").length <= 45);
  const source = path.join(folder, "mass.c");
  const file = path.join(folder, "mass");
  fs.writeFileSync(source, code);
  const { status, stderr } = spawnSync(compiler, ["-Wall", "-Wextra", "-Werror", "-o", file, source, "-lm"], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  await expectMass(file);
});
