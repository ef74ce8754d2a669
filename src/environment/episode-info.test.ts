import assert from "node:assert/strict";
import { test } from "node:test";
import { EpisodeInfo, meanInfo } from "./episode-info.ts";

const where = (): string => "Cart episode 1 step 5";

test("the last value of each name counts; taking it begins the next episode", () => {
  const info = new EpisodeInfo();
  info.add({ landed: 0, __proto__x: 1 }, where);
  info.add({ landed: 1 }, where);
  assert.deepEqual(info.take(), { landed: 1, __proto__x: 1 });
  assert.equal(info.take(), undefined);
});

test("names and values restore it, whatever the names are", () => {
  const info = new EpisodeInfo();
  info.add(JSON.parse('{ "b": 0.1, "__proto__": -2, "1": 3 }'), where);
  const again = new EpisodeInfo();
  again.add({ earlier: 1 }, where);
  again.restore(info.names, info.values);
  assert.deepEqual([again.names, again.values], [info.names, info.values]);
  assert.deepEqual(JSON.stringify(again.take()), '{"1":3,"b":0.1,"__proto__":-2}');
});

test("more than 32 names in one episode are refused, because its record could not be read", () => {
  const info = new EpisodeInfo();
  for (let i = 0; i < 32; i++) info.add({ [`name ${i}`]: i }, where);
  const message = 'Cart episode 1 step 5 info: expected at most 32 names in an episode, got 33, the last one "more".';
  assert.throws(() => info.add({ more: 1 }, where), { name: "EnvironmentError", message });
});

test("the mean of each name is over the episodes that have it", () => {
  assert.deepEqual(meanInfo([{ landed: 1 }, undefined, { landed: 0, speed: 4 }]), { landed: 0.5, speed: 4 });
  assert.equal(meanInfo([undefined, undefined]), undefined);
});
