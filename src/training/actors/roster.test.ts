// Which body an actor has, by the order of the stream alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Roster } from "./roster.ts";

const [a, b, c, d] = ["a", "b", "c", "d"].map((letter) => letter.repeat(32));

/** Considers a frame and applies it; returns what it meant. */
function take(roster: Roster, actor: string, batch: number, sequence: number, isBye = false) {
  const { apply, ...admission } = roster.consider(actor, batch, isBye, sequence);
  apply();
  return admission;
}

const fine = { isDuplicate: false, missing: 0, cuts: [] };

test("a new actor gets the lowest body that is free, and a farewell frees it", () => {
  const roster = new Roster();
  assert.deepEqual(take(roster, a, 1, 1), { ...fine, body: 0 });
  assert.deepEqual(take(roster, b, 1, 2), { ...fine, body: 1 });
  assert.deepEqual(take(roster, c, 1, 3), { ...fine, body: 2 });
  assert.deepEqual(take(roster, b, 2, 4, true), { ...fine, cuts: [1], body: 1 });
  assert.equal(roster.size, 2);
  assert.deepEqual(take(roster, d, 1, 5), { ...fine, body: 1 });
  assert.deepEqual(take(roster, a, 2, 6), { ...fine, body: 0 });
});

test("what came before is a duplicate, also of an actor that is gone; a gap cuts the episode", () => {
  const roster = new Roster();
  take(roster, a, 1, 1);
  take(roster, a, 2, 2);
  assert.equal(take(roster, a, 2, 3).isDuplicate, true);
  assert.equal(take(roster, a, 1, 4).isDuplicate, true);
  assert.deepEqual(take(roster, a, 5, 5), { isDuplicate: false, missing: 2, cuts: [0], body: 0 });
  take(roster, a, 6, 6, true);
  for (const batch of [5, 6]) assert.equal(take(roster, a, batch, 7).isDuplicate, true);
  assert.equal(take(roster, a, 6, 8, true).isDuplicate, true);
  assert.equal(take(roster, b, 1, 9, true).isDuplicate, true, "a farewell of one that was never there");
  // Nothing happens before `apply`.
  roster.consider(c, 1, false, 10);
  assert.equal(roster.size, 0);
});

test("if all bodies are taken, the actor that was silent for longest loses its own", () => {
  const roster = new Roster(2);
  take(roster, a, 1, 1);
  take(roster, b, 1, 2);
  take(roster, a, 2, 3);
  assert.deepEqual(take(roster, c, 1, 4), { ...fine, cuts: [1], body: 1 });
  assert.equal(take(roster, b, 1, 5).isDuplicate, true);
  // It is not gone: its next frame takes a body again.
  assert.deepEqual(take(roster, b, 2, 6), { ...fine, cuts: [0], body: 0 });
});

test("a saved roster continues in the same way", () => {
  const roster = new Roster(2);
  take(roster, a, 1, 1);
  take(roster, b, 1, 2);
  take(roster, a, 2, 3, true);
  const other = new Roster(2);
  other.restore(JSON.parse(JSON.stringify(roster.save())));
  assert.deepEqual(other.save(), roster.save());
  for (const each of [roster, other]) {
    assert.equal(take(each, a, 2, 4).isDuplicate, true);
    assert.deepEqual(take(each, c, 1, 5), { ...fine, body: 0 });
    assert.deepEqual(take(each, d, 1, 6), { ...fine, cuts: [1], body: 1 });
  }
});
