import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const { href } = new URL("./exit.js", import.meta.url);

/** The exit code of a process that runs this program, and how it said that it ended, if that was not planned. */
function end(program: string): [code: number | null, said: string] {
  const text = `import { exit, onUnplannedExit, planExit } from ${JSON.stringify(href)};
    onUnplannedExit((how) => { console.log(how); globalThis.saving?.(); return 1; });
    ${program}`;
  const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", text], { encoding: "utf8" });
  return [status, stdout.trim()];
}

test("an end that was not planned is explained and has the explanation's code", () => {
  assert.deepEqual(end("process.exit(0);"), [1, "0"]);
  assert.deepEqual(end("process.exit(7);"), [1, "7"]);
  assert.deepEqual(end("setTimeout(() => process.exit(), 1);"), [1, "0"]);
  assert.deepEqual(end("await new Promise(() => {});"), [1, "dry"]);
});

test("what is saved at such an end cannot end the process before", () => {
  const saving = "globalThis.saving = () => { try { process.exit(0); } catch { console.log('refused'); } };";
  assert.deepEqual(end(`${saving} process.exit(0);`), [1, "0\nrefused"]);
});

test("a planned end has its code, whatever happens after the plan", () => {
  assert.deepEqual(end("exit(3);"), [3, ""]);
  assert.deepEqual(end("process.exitCode = 2; exit();"), [2, ""]);
  assert.deepEqual(end("planExit(130); process.exit(0);"), [130, ""]);
  assert.deepEqual(end("planExit(0); planExit(5); exit(6);"), [0, ""]);
});

test("an error that nothing catches is left to Node, which prints it", () => {
  assert.deepEqual(end("setTimeout(() => { throw new Error('Mine.'); }); await new Promise(() => {});"), [1, ""]);
});
