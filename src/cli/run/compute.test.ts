import assert from "node:assert/strict";
import * as os from "node:os";
import { test } from "node:test";
import { ReplayBuffer } from "../../ddpg/replay-buffer.ts";
import { programInFolder } from "../terminal/program.case.ts";
import { memoryWarning } from "./compute.ts";

const { ddpg } = programInFolder("compute");

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
