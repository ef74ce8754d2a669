// A policy that `ddpg export` wrote gives the run's actions bit for bit, in Node and on a page.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { readPolicy } from "ddpg/node";
import { icon, openBrowser, serve } from "./browser.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const execute = promisify(execFile);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-export-"));
const observations = Array.from({ length: 500 }, (_, i) => [Math.sin(i), Math.cos(i), 8 * Math.sin(7 * i)]);
let expected;

before(async () => {
  const ddpg = (...args) => execute(process.execPath, [path.join(root, "bin/ddpg.js"), ...args], { cwd: folder });
  const settings = ["--batch-normalization", "true", "--observation-scale", "1,1,0.125"];
  await ddpg("train", "Pendulum-v1", "--steps", "1200", "--episodes", "5", ...settings, "--out", "run");
  await ddpg("export", "run", "--format", "js", "--output", "policy.js");
  await ddpg("export", "run", "--output", "policy.safetensors");
  const policy = await readPolicy(path.join(folder, "run"));
  expected = observations.map((observation) => policy.act(observation)[0]);
  assert.ok(new Set(expected).size > 100);
  fs.cpSync(fs.realpathSync(path.join(root, "dist")), path.join(folder, "dist"), { recursive: true });
  fs.writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
  fs.writeFileSync(path.join(folder, "index.html"), `<!doctype html><title>export</title>${icon}`);
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

test("in Node", async () => {
  const { act } = await import(pathToFileURL(path.join(folder, "policy.js")));
  assert.deepEqual(
    observations.map((observation) => act(observation)[0]),
    expected,
  );
});

test("on a page, both the module and the policy file", async () => {
  const server = await serve(folder);
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(server.url);
    const actions = await page.evaluate(async (observations) => {
      const { act } = await import("/policy.js");
      const { Policy } = await import("/dist/index.js");
      const policy = await Policy.load(new Uint8Array(await (await fetch("/policy.safetensors")).arrayBuffer()));
      return [act, (observation) => policy.act(observation)].map((f) => observations.map((o) => f(o)[0]));
    }, observations);
    assert.deepEqual(actions, [expected, expected]);
  } finally {
    await browser.close();
    await server.close();
  }
});

test("what commands write into a clone by default is ignored by git, and no file of the repository is", async () => {
  const files = ["Pendulum-v1.safetensors", "a.onnx", "a.js", "a.d.ts", "a.gif", "a.png", "report.html", "steps.csv"];
  const folders = ["runs", "benchmark", "sweeps", "work"].map((name) => `${name}/Pendulum-v1/a.json`);
  const written = [...files, ...folders];
  const { stdout } = await execute("git", ["check-ignore", "--no-index", ...written], { cwd: root });
  assert.deepEqual(stdout.trim().split("\n"), written);
  const kept = await execute("git", ["ls-files", "--cached", "--ignored", "--exclude-standard"], { cwd: root });
  assert.equal(kept.stdout, "");
});
