import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { Comparison, firstDifference, hashOf, type Moment, Recording } from "./moments.ts";

const moment = (observation: number[], others: Partial<Moment> = {}): Moment => ({
  ...{ isStep: true, observation: Float64Array.from(observation), reward: 0, terminated: false, truncated: false },
  ...others,
});

/** What a comparison of two walks says; "" where they are the same. */
function compared(recorded: readonly Moment[], walked: readonly Moment[]): string {
  const recording = new Recording();
  for (const each of recorded) recording.add(each);
  const comparison = new Comparison(recording);
  for (const each of walked) comparison.add(each);
  return comparison.end("as before", "Do something.")?.message ?? "";
}

test("the first difference of two walks is named with its step, field and index", () => {
  const start = moment([0, 0], { isStep: false });
  const walk = [start, moment([1, Number.NaN]), moment([-0, 3], { reward: 2 })];
  assert.equal(compared(walk, walk), "");
  const said = (...walked: Moment[]): string => compared(walk, walked);
  assert.equal(
    said(moment([0, 1], { isStep: false })),
    "reset observation: expected [0, 0], as before, got [0, 1]. Do something.",
  );
  assert.equal(
    said(start, walk[1], moment([0, 3])),
    "step 2 observation: expected [-0, 3], as before, got [0, 3]. Do something.",
  );
  assert.equal(said(start, walk[1], moment([-0, 3])), "step 2 reward: expected 2, as before, got 0. Do something.");
  assert.equal(
    said(start, moment([1, Number.NaN], { truncated: true }), moment([5, 5])),
    "step 1 truncated: expected false, as before, got true. Do something.",
  );
  assert.equal(said(start, walk[1]), "step 2: expected a step, as before, got none. Do something.");
  assert.equal(compared([start], [start, walk[1]]), "step 1: expected none, as before, got a step. Do something.");
  assert.equal(
    compared([moment([0, 1, 2, 3, 4])], [moment([0, 1, 2, 5, 6])]),
    "step 1 observation[3]: expected 3, as before, got 5. Do something.",
  );
});

test("numbers beyond those that are kept are compared as well", () => {
  // Four of these are kept.
  const size = 256 * 1024;
  const random = new Random(1);
  const walk = Array.from({ length: 6 }, () => moment(Array.from({ length: size }, () => random.normal())));
  assert.equal(compared(walk, walk), "");
  const changed = walk.map((each) => ({ ...each, observation: each.observation.slice() }));
  changed[4].observation[200_000] = -changed[4].observation[200_000];
  assert.equal(
    compared(walk, changed),
    "step 5 observation: expected the same 262144 numbers, as before, got others. Do something.",
  );
});

test("a hash differs where any bits differ: signs, neighbors, order, two changes at once", () => {
  const random = new Random(2);
  const numbers = Float64Array.from({ length: 64 }, () => random.normal());
  const hashes = new Set([hashOf(numbers)]);
  let count = 1;
  const add = (changed: Float64Array): void => {
    hashes.add(hashOf(changed));
    count++;
  };
  for (let i = 0; i < numbers.length; i++) {
    for (let j = i + 1; j < numbers.length; j++) {
      const negated = numbers.slice();
      [negated[i], negated[j]] = [-negated[i], -negated[j]];
      add(negated);
      const swapped = numbers.slice();
      [swapped[i], swapped[j]] = [swapped[j], swapped[i]];
      add(swapped);
    }
  }
  const words = new Int32Array(numbers.buffer);
  for (let bit = 0; bit < 32 * words.length; bit++) {
    const changed = numbers.slice();
    new Int32Array(changed.buffer)[bit >> 5] ^= 1 << (bit & 31);
    add(changed);
  }
  add(numbers.subarray(1));
  assert.equal(hashes.size, count);
  assert.equal(hashOf(numbers), hashOf(numbers.slice()));
});

test("the first difference of lists is found by bits, and at the end of the shorter one", () => {
  assert.equal(firstDifference([1, Number.NaN, 0], [1, Number.NaN, 0]), -1);
  assert.equal(firstDifference([1, 0], [1, -0]), 1);
  assert.equal(firstDifference([1, 2], [1, 2, 3]), 2);
});

test("a recording keeps 8 MiB of numbers, however many it is given", () => {
  const recording = new Recording();
  const numbers = new Array<number>(256 * 1024).fill(1);
  for (let i = 0; i < 40; i++) recording.add(moment(numbers));
  const kept = Array.from({ length: 40 }, (_, i) => recording.at(i)).filter(
    (each) => typeof each?.observation === "object",
  );
  assert.equal(kept.length, 4);
  assert.equal(recording.length, 40);
});
