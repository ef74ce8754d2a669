import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { SumTree } from "./sum-tree.ts";

test("finds the number that covers a place of the total", () => {
  const tree = new SumTree();
  for (const [i, value] of [2, 0, 3, 5, 1].entries()) tree.set(i, value);
  assert.equal(tree.total, 11);
  const places = [0, 1.9, 2, 4.9, 5, 9.9, 10, 10.9];
  assert.deepEqual(
    places.map((place) => tree.find(place)),
    [0, 0, 2, 2, 3, 3, 4, 4],
  );
  // Rounding may make a place the total itself.
  assert.equal(tree.find(11), 4);
  tree.set(4, 0);
  assert.equal(tree.find(tree.total), 3);
  assert.deepEqual([tree.at(3), tree.at(4), tree.at(100)], [5, 0, 0]);
});

test("numbers are found in proportion, χ² over 50 of them below the 0.1 % bound 85.4, also after changes", () => {
  const tree = new SumTree(3);
  const random = new Random(1);
  const values = Array.from({ length: 50 }, () => random.uniform(0.1, 2));
  for (let round = 0; round < 5; round++) for (const i of values.keys()) tree.set(i, round < 4 ? 7 * round : values[i]);
  const counts = values.map(() => 0);
  const draws = 50_000;
  for (let i = 0; i < draws; i++) counts[tree.find(random.uniform() * tree.total)]++;
  let chiSquare = 0;
  for (const [i, value] of values.entries()) {
    const expected = (draws * value) / tree.total;
    chiSquare += (counts[i] - expected) ** 2 / expected;
  }
  assert.ok(chiSquare < 85.4, `${chiSquare}`);
});

test("a tree that is built from its numbers has the bits of one that was changed a million times", () => {
  const changed = new SumTree();
  const random = new Random(2);
  const values = new Float64Array(1000);
  for (let i = 0; i < 1_000_000; i++) {
    const index = random.integer(1000);
    values[index] = random.uniform() * 10 ** random.integer(12);
    changed.set(index, values[index]);
  }
  const built = new SumTree();
  built.fill(values);
  assert.equal(built.total, changed.total);
  for (let i = 0; i < 1000; i++) {
    const place = random.uniform() * built.total;
    assert.equal(built.find(place), changed.find(place));
  }
});

test("a tree that the memory is too small for keeps its numbers and its size; room that was made is used", () => {
  const tree = new SumTree();
  for (const i of [0, 1, 2]) tree.set(i, i + 1);
  assert.throws(() => tree.makeRoom(2 ** 45), RangeError);
  assert.throws(() => tree.set(2 ** 45, 1), RangeError);
  tree.set(1, 5);
  assert.deepEqual([tree.total, tree.find(8.9), tree.at(2), tree.at(3), tree.at(100)], [9, 2, 3, 0, 0]);
  tree.makeRoom(9);
  assert.deepEqual([tree.total, tree.find(5.5), tree.find(8.9)], [9, 1, 2]);
  // Nodes of 8 bytes: one for each of 16 leaves, 15 above them, and the unused one at index 0.
  assert.equal(SumTree.bytes(9), 256);
});
