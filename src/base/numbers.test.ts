import assert from "node:assert/strict";
import { test } from "node:test";
import { lettersOf } from "./bytes.ts";
import { joinNumbers, largest, smallest } from "./numbers.ts";

test("extremes of no number, of one that is NaN, and of as many as no call takes", () => {
  assert.deepEqual([smallest([]), largest([])], [Infinity, -Infinity]);
  assert.deepEqual([smallest([1, NaN, 0]), largest([1, NaN, 2])], [NaN, NaN]);
  const many = Float64Array.from({ length: 300_000 }, (_, i) => i);
  assert.throws(() => Math.max(...many), RangeError);
  assert.deepEqual([smallest(many), largest(many)], [0, 299_999]);
});

test("lists of numbers are joined in order", () => {
  assert.deepEqual(joinNumbers([[1], Float32Array.of(2, 3), []]), Float64Array.of(1, 2, 3));
  assert.equal(joinNumbers([[0], new Float64Array(300_000)]).length, 300_001);
});

test("bytes become letters, however many there are", () => {
  assert.equal(lettersOf(Uint8Array.of(0, 65, 255)), "\0A\xff");
  assert.equal(lettersOf(new Uint8Array(300_000)).length, 300_000);
});
