import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "./random.ts";

function draw<T>(count: number, next: () => T): T[] {
  return Array.from({ length: count }, next);
}

/** The published xoshiro128** in BigInt: https://prng.di.unimi.it/xoshiro128starstar.c */
function published(state: bigint[], count: number): number[] {
  const word = (x: bigint) => x & 0xffffffffn;
  const rotate = (x: bigint, k: bigint) => word(x << k) | (x >> (32n - k));
  const s = [...state];
  return draw(count, () => {
    const result = word(rotate(word(s[1] * 5n), 7n) * 9n);
    const t = word(s[1] << 9n);
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11n);
    return Number(result);
  });
}

test("bits match the published xoshiro128**", () => {
  const random = new Random(0);
  random.restore([1, 2, 3, 4]);
  const bits = draw(2000, () => random.bits());
  assert.deepEqual(bits.slice(0, 4), [11520, 0, 5927040, 70819200]);
  assert.deepEqual(bits, published([1n, 2n, 3n, 4n], 2000));
  const seeded = new Random("words above 2^31");
  const state = Array.from(seeded.save(), BigInt);
  assert.deepEqual(
    draw(2000, () => seeded.bits()),
    published(state, 2000),
  );
});

test("a seed gives the recorded numbers", () => {
  const random = new Random(1);
  assert.deepEqual(
    draw(3, () => random.bits()),
    [1951645274, 2254801150, 2358544175],
  );
  assert.deepEqual(
    draw(2, () => random.uniform()),
    [0.6460106569251501, 0.2809961409869146],
  );
  assert.deepEqual(
    draw(2, () => random.normal()),
    [-0.5511395112273494, 1.686550504254861],
  );
  assert.deepEqual(
    draw(5, () => random.integer(1000)),
    [132, 203, 361, 142, 633],
  );
  assert.equal(random.fork("actions").bits(), 1369171972);
});

test("10,000 seeds, both numbers and strings, have different initial states", () => {
  const starts = new Set<string>();
  for (let seed = 0; seed < 5000; seed++) {
    starts.add(new Random(seed).save().join());
    starts.add(new Random(`run ${seed / 8}`).save().join());
  }
  assert.equal(starts.size, 10_000);
});

test("consecutive seeds are unrelated: their first numbers average 1/2 within 0.01 and correlate within 0.02", () => {
  const first = Array.from({ length: 20_000 }, (_, seed) => new Random(seed).uniform());
  const mean = first.reduce((sum, x) => sum + x, 0) / first.length;
  assert.ok(Math.abs(mean - 0.5) < 0.01, `mean ${mean}`);
  let correlation = 0;
  for (let i = 1; i < first.length; i++) correlation += (12 * (first[i] - 0.5) * (first[i - 1] - 0.5)) / first.length;
  assert.ok(Math.abs(correlation) < 0.02, `correlation ${correlation}`);
});

test("a fork does not depend on what was drawn before, and does not advance its parent", () => {
  const random = new Random(7);
  const early = draw(5, () => random.fork("noise").bits());
  assert.equal(new Set(early).size, 1);
  const untouched = new Random(7);
  assert.equal(random.bits(), untouched.bits());
  draw(100, () => random.normal());
  assert.equal(random.fork("noise").bits(), early[0]);
  random.restore([1, 2, 3, 4]);
  assert.equal(random.fork("noise").bits(), early[0]);
});

test("forks differ by name, by parent, and from their parent", () => {
  const parent = new Random(7);
  const streams = [
    parent,
    new Random(8),
    parent.fork("a"),
    parent.fork("b"),
    new Random(8).fork("a"),
    parent.fork("a").fork("b"),
    parent.fork("b").fork("a"),
    parent.fork("a/b"),
    parent.fork(""),
  ];
  assert.equal(new Set(streams.map((stream) => stream.save().join())).size, streams.length);
});

test("sibling forks are uncorrelated within 0.02", () => {
  const [a, b] = [new Random(3).fork("1"), new Random(3).fork("2")];
  const correlation = draw(20_000, () => a.normal() * b.normal()).reduce((sum, x) => sum + x / 20_000, 0);
  assert.ok(Math.abs(correlation) < 0.02, `${correlation}`);
});

test("a stream saved between any two draws resumes with the same numbers", () => {
  const random = new Random(11);
  const mix = (stream: Random) => draw(50, () => [stream.normal(), stream.uniform(), stream.integer(9), stream.bits()]);
  mix(random);
  random.normal();
  const state = random.save();
  const copy = state.slice();
  const following = mix(random);
  assert.deepEqual(state, copy);
  const other = new Random("another");
  other.restore(Array.from(copy));
  assert.deepEqual(mix(other), following);
  random.restore(copy);
  assert.deepEqual(mix(random), following);
});

test("uniform fills [low, high): over 100,000 numbers, mean and variance are within 1 %, each of 100 bins within 15 %", () => {
  const random = new Random(1);
  const count = 100_000;
  const parts = new Array(100).fill(0);
  let [sum, squares] = [0, 0];
  for (let i = 0; i < count; i++) {
    const x = random.uniform(-3, 5);
    if (!(x >= -3 && x < 5)) assert.fail(`${x}`);
    parts[Math.floor(((x + 3) / 8) * 100)]++;
    sum += x;
    squares += (x - 1) * (x - 1);
  }
  assert.ok(Math.abs(sum / count - 1) < 0.03);
  assert.ok(Math.abs(squares / count / (64 / 12) - 1) < 0.01);
  assert.ok(parts.every((part) => Math.abs(part - 1000) < 150));
});

test("uniform has 53 random bits: the lowest is set half of the time", () => {
  const random = new Random(2);
  const odd = draw(10_000, () => (random.uniform() * 9007199254740992) % 2).reduce((sum, x) => sum + x, 0);
  assert.ok(Math.abs(odd - 5000) < 300, `${odd}`);
});

test("normal: over 200,000 numbers, the mean is within 0.01, the 2nd to 4th moments within 2 to 3 %, the share beyond ±2 within 0.002", () => {
  const random = new Random(1);
  const count = 200_000;
  const moments = [0, 0, 0, 0];
  let beyond2 = 0;
  for (let i = 0; i < count; i++) {
    const x = random.normal();
    for (let k = 0, power = x; k < 4; k++, power *= x) moments[k] += power / count;
    if (Math.abs(x) > 2) beyond2++;
  }
  assert.ok(Math.abs(moments[0]) < 0.01, `mean ${moments[0]}`);
  assert.ok(Math.abs(moments[1] - 1) < 0.02, `variance ${moments[1]}`);
  assert.ok(Math.abs(moments[2]) < 0.03, `third moment ${moments[2]}`);
  assert.ok(Math.abs(moments[3] - 3) < 0.06, `fourth moment ${moments[3]}`);
  assert.ok(Math.abs(beyond2 / count - 0.0455) < 0.002, `beyond 2: ${beyond2 / count}`);
});

test("integer(n) draws every number below n equally often, and no other", () => {
  const random = new Random(5);
  for (const end of [1, 2, 3, 7, 64, 100]) {
    const counts = new Array(end).fill(0);
    for (let i = 0; i < end * 400; i++) {
      const value = random.integer(end);
      if (!(Number.isInteger(value) && value >= 0 && value < end)) assert.fail(`${value} of ${end}`);
      counts[value]++;
    }
    assert.ok(
      counts.every((count) => Math.abs(count - 400) < 100),
      `${end}: ${counts}`,
    );
  }
});
