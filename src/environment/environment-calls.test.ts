import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { EnvironmentCalls, expectStepTimeout } from "./environment-calls.ts";

test("a timeout longer than any timer waits for the answer; a shorter one does not wait longer", async () => {
  const slow = (ms: number) => ({
    ...{ observationSize: 1, actionLow: [-1], actionHigh: [1] },
    reset: () => new Promise<number[]>((resolve) => setTimeout(resolve, ms, [1])),
    step: () => ({ observation: [0], reward: 0, terminated: false }),
  });
  const observation = new Float64Array(1);
  // A timer of 2³¹ ms fires after 1 ms.
  for (const timeout of [2 ** 31, 1e12, undefined]) {
    observation[0] = 0;
    const calls = new EnvironmentCalls(slow(50), () => "here", timeout);
    await assert.doesNotReject(async () => calls.reset(observation, new Random(1)));
    assert.equal(observation[0], 1);
  }
  const late = async () => new EnvironmentCalls(slow(1000), () => "here", 10).reset(observation, new Random(1));
  await assert.rejects(late, { name: "EnvironmentError", message: "here: expected an answer within 0.01 s, got none" });
});

test("a timeout is a finite number above 0", () => {
  for (const good of [undefined, 0.5, 1e12]) expectStepTimeout(good, "here");
  for (const bad of [0, -1, Number.NaN, Infinity, "1" as unknown as number])
    assert.throws(() => expectStepTimeout(bad, "here"), { name: "InputError", message: /^here: expected a finite/ });
});
