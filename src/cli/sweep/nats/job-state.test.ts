import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  checkpointed,
  claimed,
  completed,
  decodeState,
  encodeState,
  failedOnce,
  fetched,
  isEnded,
  type JobState,
  maxLost,
  maxTries,
  progressed,
  queued,
  released,
} from "./job-state.ts";

const plan = "a".repeat(64);
const outcome = { meanReturn: -1, standardError: null, fingerprint: "0123456789abcdef" };
const running = (): JobState => claimed(queued(plan), "w1", "lease1").state;

describe("the state of a job", () => {
  it("goes from the queue over a checkpoint and another worker to its result", () => {
    let state = checkpointed(progressed(running(), 120), 100);
    assert.deepEqual([state.phase, state.step, state.checkpoint], ["running", 120, 100]);
    state = released(state);
    assert.deepEqual([state.phase, state.step, state.lease], ["stopped", 100, undefined]);
    state = claimed(state, "w2", "lease2").state;
    assert.deepEqual([state.phase, state.worker, state.lost], ["running", "w2", 0]);
    state = completed(state, 300, outcome);
    assert.deepEqual([isEnded(state), state.hasResult, state.checkpoint], [true, true, 0]);
    assert.equal(claimed(state, "w3", "lease3").starts, false);
    assert.equal(fetched(state).hasResult, undefined);
    assert.deepEqual([queued(plan, fetched(state)).round, queued(plan).round], [2, 1]);
  });

  it("is set aside after three failures, and keeps the checkpoint for another round", () => {
    let state = checkpointed(running(), 100);
    for (let i = 1; i < maxTries; i++) {
      state = failedOnce(state, "broken");
      assert.deepEqual([state.phase, state.tries], ["stopped", i]);
      state = claimed(state, "w", "l").state;
    }
    state = failedOnce(state, "x".repeat(1e6));
    assert.deepEqual([state.phase, state.tries, state.error?.length], ["failed", 3, 2000]);
    const again = queued(plan, state);
    assert.deepEqual([again.phase, again.tries, again.checkpoint, again.error], ["waiting", 0, 100, undefined]);
  });

  it("is set aside if it takes one worker after another with it, but not while checkpoints come", () => {
    let state = running();
    for (let i = 1; i < maxLost; i++) state = claimed(state, `w${i}`, "l").state;
    assert.equal(checkpointed(state, 5).lost, 0);
    const last = claimed(state, "w", "l");
    assert.deepEqual([last.starts, last.state.phase], [false, "failed"]);
    assert.match(last.state.error ?? "", /^10 workers ended while they ran it/);
  });

  it("is read as it was written, and refused if it is anything else", () => {
    const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
    const evaluations = { points: [[0, -2] as const, [300, -1] as const], best: -1, seconds: null };
    const state = completed(progressed(running(), 300, evaluations), 300, outcome);
    assert.deepEqual([state.evaluations, progressed(state, 300).evaluations], [evaluations, evaluations]);
    assert.deepEqual(decodeState(bytes(JSON.parse(encodeState(state))), "state"), state);
    const good = JSON.parse(encodeState(state)) as object;
    for (const [changes, expected] of [
      [{ format: "x" }, /format: expected "ddpg-job-state-1"/],
      [{ phase: "done" }, /phase: expected waiting, running/],
      [{ step: -1 }, /step: expected a whole number/],
      [{ extra: 1 }, /expected fields among/],
      [{ outcome: { ...outcome, fingerprint: "x" } }, /fingerprint: expected 16 hexadecimal/],
      [{ evaluations: { ...evaluations, points: [[0, "<b>"]] } }, /points: expected at most 64 steps and mean returns/],
      [{ evaluations: { ...evaluations, points: Array(65).fill([0, 1]) } }, /points: expected at most 64/],
      [{ evaluations: { ...evaluations, last: "1" } }, /evaluations last: expected a number or null, or nothing/],
      [{ evaluations: { ...evaluations, best: "1" } }, /evaluations best: expected a number, or null/],
      [{ error: "x".repeat(20_000) }, /at most 16384 bytes/],
    ] as const)
      assert.throws(() => decodeState(bytes({ ...good, ...changes }), "state"), expected);
  });
});
