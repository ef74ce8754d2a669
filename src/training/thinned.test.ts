import assert from "node:assert/strict";
import { test } from "node:test";
import { Thinned } from "./thinned.ts";

const join = (a: number, b: number, weightOfA: number, weightOfB: number): number =>
  (a * weightOfA + b * weightOfB) / (weightOfA + weightOfB);

/** The numbers 0, 1, … , n − 1 in at most eight items. */
function thinned(n: number): Thinned<number> {
  const sequence = new Thinned(8, join);
  for (let i = 0; i < n; i++) sequence.add(i);
  return sequence;
}

test("a short sequence is kept whole", () => {
  for (const n of [0, 1, 7, 8]) {
    const { each, items } = thinned(n);
    assert.equal(each, 1);
    assert.deepEqual(
      items,
      Array.from({ length: n }, (_, i) => i),
    );
  }
});

test("a longer sequence is joined in equal parts; the last part has what is left", () => {
  for (let n = 9; n < 200; n++) {
    const { each, items } = thinned(n);
    assert.ok(items.length <= 9 && items.length >= 4, `${items.length} items`);
    const expected: number[] = [];
    for (let start = 0; start < n; start += each) expected.push((start + Math.min(n, start + each) - 1) / 2);
    for (const [i, item] of items.entries()) assert.ok(Math.abs(item - expected[i]) < 1e-9, `${n}: ${item}`);
    assert.equal(items.length, expected.length);
  }
});

test("the most must be even", () => {
  assert.throws(() => new Thinned(7, join), { name: "InputError", message: /^Thinned most: expected an even number/ });
});
