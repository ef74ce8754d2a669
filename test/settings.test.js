// A new setting must not make stored runs unreadable. This test adds one to a copy of the project, as CONTRIBUTING.md
// describes, and reads old files with it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const kept = path.join(root, "fixtures/kept-0.1.0");
const execute = promisify(execFile);
/** What `npm run docs` installs beside our files is large. */
const isOurs = (file) => path.basename(file) !== "node_modules";
const notCopied = ["node_modules", "dist", ".git", ".builds", "runs", ".docs"];

describe("a project with one more setting", { timeout: 180_000 }, () => {
  let copy;
  // NODE_TEST_CONTEXT would silence a test runner inside a test.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const node = (...args) => execute(process.execPath, args, { cwd: copy, env });
  const program = (...args) => node("dist/cli/main.js", ...args);

  before(async () => {
    copy = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-setting-"));
    for (const name of fs.readdirSync(root).filter((entry) => !notCopied.includes(entry)))
      fs.cpSync(path.join(root, name), path.join(copy, name), { recursive: true, filter: isOurs });
    fs.symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"), "junction");
    fs.mkdirSync(path.join(copy, ".builds"));
    const file = path.join(copy, "src/ddpg/config.ts");
    const source = fs.readFileSync(file, "utf8");
    const changed = source
      .replace("const table = {\n", 'const table = {\n  /** A probe. */\n  probe: integer("a probe", 0).before(3),\n')
      .replace("const paper: Settings = {\n", "const paper: Settings = {\n  probe: 3,\n")
      .replace(
        "const small: Settings = {\n  ...standard,\n",
        "const small: Settings = {\n  ...standard,\n  probe: 5,\n",
      );
    assert.equal(changed.match(/\bprobe: /g)?.length, 3);
    fs.writeFileSync(file, changed);
    await node("node_modules/typescript/lib/tsc.js", "-p", "tsconfig.json", "--outDir", "dist");
  });
  after(() => fs.rmSync(copy, { recursive: true, force: true, maxRetries: 5 }));

  it("resumes an old run to its recorded fingerprint, reports it and exports it", async () => {
    const { runs } = JSON.parse(fs.readFileSync(path.join(kept, "index.json"), "utf8"));
    const { fingerprint } = runs.small;
    fs.cpSync(path.join(kept, "stopped/small"), path.join(copy, "run"), { recursive: true });
    const { stdout } = await program("resume", "run", "--no-progress");
    assert.match(stdout, new RegExp(`fingerprint +${fingerprint}`));
    assert.equal(JSON.parse(fs.readFileSync(path.join(copy, "run/config.json"), "utf8")).settings.probe, 3);
    await program("report", "run");
    await program("evaluate", "run", "--episodes", "2");
    await program("export", "run", "--format", "policy");
  });

  it("repeats an old run with the value that its files imply, not with the preset's current value", async () => {
    await program("train", "--config", "run", "--steps", "100", "--out", "repeated", "--no-progress");
    assert.equal(JSON.parse(fs.readFileSync(path.join(copy, "repeated/config.json"), "utf8")).settings.probe, 3);
  });

  it("reads an old agent, an old policy and an old benchmark", async () => {
    const script = `
      import * as fs from "node:fs";
      import { Policy } from "ddpg";
      import { readRecords } from "./dist/cli/benchmark/records.js";
      const policy = await Policy.load(fs.readFileSync("fixtures/kept-0.1.0/policies/plain.safetensors"));
      console.log(policy.settings.probe, readRecords("fixtures/kept-0.1.0/benchmark").map(({ settings }) => settings.probe).join());`;
    const { stdout } = await node("--input-type=module", "--eval", script);
    assert.match(stdout, /^3 3(,3)*\n$/);
  });

  it("passes the README's tests with the committed records", async () => {
    const { stdout } = await node("--test", "--test-reporter=tap", "test/documents.test.js");
    assert.match(stdout, /# fail 0/);
  });
});
