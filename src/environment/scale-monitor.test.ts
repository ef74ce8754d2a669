import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { ScaleMonitor } from "./scale-monitor.ts";

/** The warnings of a monitor over `steps` steps, and the steps at which they came. */
function watch(steps: number, observe: (random: Random) => number[], reward: number, total = steps + 50) {
  const monitor = new ScaleMonitor(observe(new Random(0)).length, steps);
  const random = new Random(1);
  const found: string[] = [];
  const at: number[] = [];
  for (let step = 1; step <= total; step++) {
    const warnings = monitor.add(observe(random), reward);
    if (warnings.length > 0) at.push(step);
    found.push(...warnings);
  }
  return { found, at };
}

test("good scales give no warning", () => {
  assert.deepEqual(watch(1000, (random) => [random.normal(), 3 * random.normal()], -16).found, []);
});

test("dimensions that are too wide, too narrow or constant are named once, at step 1,000", () => {
  const { found, at } = watch(
    1000,
    (random) => [random.normal(), 1e3 + 25 * random.normal(), random.uniform(0, 0.01), 4],
    0,
  );
  assert.deepEqual(at, [1000]);
  assert.equal(found.length, 3);
  assert.match(
    found[0],
    /^observation\[1\]: expected a standard deviation of 0\.01 to 10, got 2[456](\.\d)?\. Its mean is (999|1000): set observationScale and observationOffset to bring it near ±1\.$/,
  );
  assert.match(found[1], /^observation\[2\]: .* got 0\.00\d+\. .*observationScale/);
  assert.equal(
    found[2],
    'observation[3]: expected a standard deviation of 0.01 to 10, got 0. It was always 4: leave it out if it cannot change. See "Scales" in docs/tips.md.',
  );
});

test("more than three dimensions with the same problem are named in one sentence", () => {
  // Each dimension alternates between +size and −size, so its standard deviation is `size`.
  const sizes = [20, 1, 40, 30, 0, 0, 0, 0.001, 0, 0.002, 50];
  let side = 1;
  const { found } = watch(
    10,
    () => {
      side = -side;
      return sizes.map((size) => side * size);
    },
    0,
  );
  assert.deepEqual(found, [
    "observation[0, 2 to 3, 10]: expected standard deviations of 0.01 to 10, got 20 to 50. " +
      "Set observationScale and observationOffset to bring them near ±1.",
    "observation[7]: expected a standard deviation of 0.01 to 10, got 0.001. " +
      "Its mean is 0: set observationScale and observationOffset to bring it near ±1.",
    "observation[9]: expected a standard deviation of 0.01 to 10, got 0.002. " +
      "Its mean is 0: set observationScale and observationOffset to bring it near ±1.",
    "observation[4 to 6, 8]: expected standard deviations of 0.01 to 10, got 0. " +
      'None of them ever changed: leave out those that cannot. See "Scales" in docs/tips.md.',
  ]);
});

test("1, 2, 3, 4, 100 have the mean 22 and the standard deviation 39.0, as computed by hand", () => {
  const monitor = new ScaleMonitor(1, 5);
  const warnings = [1, 2, 3, 4, 100].map((x) => monitor.add([x], 0));
  // squared deviations from the mean: 441 + 400 + 361 + 324 + 6084 = 7610, ÷ 5 = 1522 = 39.01²
  assert.match(warnings[4][0], /got 39\. Its mean is 22:/);
});

test("rewards beyond ±100 are reported with their sign", () => {
  assert.deepEqual(watch(10, (random) => [random.normal()], -101).found, [
    'reward: expected at most 100 in absolute value, got -101. Set rewardScale to bring it near ±1, or use rewardNormalization. See "Scales" in docs/tips.md.',
  ]);
  assert.deepEqual(watch(10, (random) => [random.normal()], 100).found, []);
});

test("fewer observations than asked for give no warning", () => {
  assert.deepEqual(watch(1000, () => [5], 500, 999).found, []);
});

test("every call without warnings returns the same list", () => {
  const monitor = new ScaleMonitor(1, 3);
  assert.equal(monitor.add([1], 0), monitor.add([2], 0));
});

test("an observation may have more numbers than a call takes arguments", () => {
  const size = 300_000;
  const monitor = new ScaleMonitor(size, 2);
  monitor.add(new Float64Array(size), 0);
  assert.match(monitor.add(new Float64Array(size).fill(100), 0)[0], /^observation\[0 to 299999\]: .*, got 50 to 50\./);
});
