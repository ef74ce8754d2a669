import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ReplayBuffer } from "../../ddpg/replay-buffer.ts";
import { programInFolder } from "../terminal/program.case.ts";
import { memoryWarning } from "./compute.ts";

const { ddpg, inFolder, start } = programInFolder("compute");

test("a replay buffer that the machine has no memory for is a warning, if the run has the steps to fill it", () => {
  const rowBytes = 4 * (2 * 3 + 1 + 1 + 1);
  const fitting = Math.floor(os.totalmem() / rowBytes / 1000);
  const buffer = new ReplayBuffer(10_000 * fitting, 3, 1, 0.99);
  assert.equal(memoryWarning(buffer, fitting), "");
  assert.match(
    memoryWarning(buffer, 20_000 * fitting),
    /^--replay-capacity: expected a buffer that fits in [\d.]+ GB of memory, got [\d.]+ GB for [\d,]+ transitions of 36 bytes\. Choose/,
  );
});

test("with --verbose, threads that are not used are explained", { timeout: 60_000 }, async () => {
  const brief = ["--preset", "small", "--steps", "30", "--warmup-steps", "10", "--evaluate-episodes", "1"];
  const args = ["train", "Pendulum-v1", ...brief, "--episodes", "1", "--no-progress"];
  const why = /^ddpg: using one thread: layers and batch are too small to share\b.*\.$/m;
  const { code, stderr } = await ddpg("--verbose", ...args, "--threads", "2", "--out", "two");
  assert.equal(code, 0, stderr);
  assert.match(stderr, why);
  for (const quiet of [
    ["--threads", "2"],
    ["--verbose", "--threads", "1"],
  ]) {
    const { stderr } = await ddpg(...args, ...quiet, "--out", `quiet${quiet.length}`);
    assert.doesNotMatch(stderr, /one thread/);
  }
});

test("an explanation of several seeds' backend is printed once, and is not taken for the error of a seed", async () => {
  fs.writeFileSync(inFolder("failing.mjs"), failing);
  const args = ["./failing.mjs", "--preset", "small", "--steps", "30", "--check-steps", "0", "--seeds", "1,2"];
  const { code, stderr } = await ddpg("train", ...args, "--backend", "wasm", "--simd", "128", "--verbose");
  assert.equal(code, 1);
  assert.deepEqual(stderr.match(/^.*128-bit.*$/gm), ["ddpg: using 128-bit vectors: --simd 128."]);
  assert.match(stderr, /^ddpg: seed 1: .*no answer in step 3/m);
  assert.match(stderr, /^ {4}at Failing\.step /m);
});

const failing = `export default class Failing {
  observationSize = 1;
  actionLow = [-1];
  actionHigh = [1];
  steps = 0;
  reset() { return [0]; }
  step() {
    if (++this.steps === 3) throw new Error("no answer in step 3");
    return { observation: [0], reward: 0, terminated: false };
  }
}
`;

test("a resumed run warns of a replay buffer that the machine has no memory for", { timeout: 60_000 }, async () => {
  fs.writeFileSync(inFolder("wide.mjs"), wide);
  const brief = ["--steps", "30", "--warmup-steps", "30", "--batch-size", "1", "--evaluate-episodes", "1"];
  const large = ["--preset", "small", "--replay-capacity", "2147483647", "--check-steps", "0", "--episodes", "1"];
  const { code, stderr } = await ddpg("train", "./wide.mjs", ...brief, ...large, "--out", "large");
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /memory/);
  const { child, outcome } = start(["resume", "large", "--steps", "2147483647", "--environment", "wide.mjs"]);
  const begun = await Promise.race([once(child.stderr, "data").then(String), delay(30_000, "nothing", { ref: false })]);
  child.kill("SIGKILL");
  await outcome;
  assert.match(begun, /^ddpg: warning: --replay-capacity: expected a buffer that fits in [\d.]+ GB of memory, got /);
});

const wide = `export default class Wide {
  observationSize = 1000;
  actionLow = [-1];
  actionHigh = [1];
  reset() { this.steps = 0; return new Array(1000).fill(0); }
  step() {
    return { observation: new Array(1000).fill(0), reward: 0, terminated: false, truncated: ++this.steps === 10 };
  }
}
`;
