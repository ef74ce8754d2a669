import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import {
  alignCurves,
  bootstrapInterval,
  interquartileMean,
  mean,
  median,
  quantile,
  seedCurve,
  seedStatistic,
  summarizeCurves,
} from "./aggregate.ts";

function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-12 * Math.max(1, Math.abs(expected)), `${actual}, not ${expected}`);
}

test("interquartile mean, worked out by hand for every remainder of n by 4, within 1e-12", () => {
  close(interquartileMean([7]), 7);
  close(interquartileMean([3, 1]), 2);
  // [0.75, 2.25] of three: a quarter of 1, all of 4, a quarter of 10.
  close(interquartileMean([10, 1, 4]), (0.25 * 1 + 4 + 0.25 * 10) / 1.5);
  close(interquartileMean([100, 2, -50, 4]), 3);
  // [1.25, 3.75] of five: 0.75 of the second, the third, 0.75 of the fourth.
  close(interquartileMean([0, 1, 2, 10, 1000]), (0.75 * 1 + 2 + 0.75 * 10) / 2.5);
  // [1.5, 4.5] of six: half of the second, two whole ones, half of the fifth.
  close(interquartileMean([-9, 1, 2, 4, 8, 99]), (0.5 * 1 + 2 + 4 + 0.5 * 8) / 3);
  close(interquartileMean([1, 2, 3, 4, 5, 6, 7, 8]), (3 + 4 + 5 + 6) / 4);
});

test("interquartile mean sorts by number, keeps its input, ignores a failed quarter", () => {
  const values = [100, 9, 80, 10];
  close(interquartileMean(values), 45);
  assert.deepEqual(values, [100, 9, 80, 10]);
  close(interquartileMean([5, 5, 5, -1e9]), 5);
});

test("quantiles and median, worked out by hand", () => {
  const values = [40, 10, 30, 20];
  close(quantile(values, 0), 10);
  close(quantile(values, 1), 40);
  close(quantile(values, 0.25), 17.5);
  close(quantile(values, 0.9), 37);
  close(median(values), 25);
  close(median([3, 100, 2]), 3);
  close(median([6]), 6);
  close(mean(values), 25);
});

test("an empty list is refused", () => {
  for (const call of [mean, median, interquartileMean])
    assert.throws(() => call([]), /expected at least one number, got \[\]/);
});

test("bootstrap interval: the same stream gives the same ends and keeps its state; equal values give a point", () => {
  const values = [3.14, 1.59, 2.65, 3.58, 9.79, 3.23, 8.46, 2.64];
  const random = new Random(1);
  const first = bootstrapInterval(values, random);
  assert.deepEqual(bootstrapInterval(values, random), first);
  assert.deepEqual(random.save(), new Random(1).save());
  assert.notDeepEqual(bootstrapInterval(values, new Random(2)), first);
  assert.deepEqual(bootstrapInterval([2, 2, 2, 2, 2], random), [2, 2]);
  assert.ok(first[0] < interquartileMean(values) && interquartileMean(values) < first[1]);
});

test("bootstrap interval of two values: a quarter of the resamples lie at each end, half in the middle", () => {
  assert.deepEqual(bootstrapInterval([0, 1], new Random(1)), [0, 1]);
  assert.deepEqual(bootstrapInterval([0, 1], new Random(1), { level: 0.4 }), [0.5, 0.5]);
});

test("coverage: 95 % intervals of 20 normal numbers hold the true value in 90 % to 97 % of 500 cases", () => {
  const random = new Random("coverage");
  let held = 0;
  for (let i = 0; i < 500; i++) {
    const values = Float64Array.from({ length: 20 }, () => 10 + random.normal());
    const [low, high] = bootstrapInterval(values, random.fork(String(i)), { resamples: 400 });
    if (low <= 10 && 10 <= high) held++;
  }
  assert.ok(held >= 450 && held <= 485, `${held} of 500`);
});

test("curves are aligned on the steps that all of them have, in order; a repeated step keeps its later value", () => {
  const { steps, values } = alignCurves([
    [
      [100, 1],
      [300, 3],
      [200, 2],
      [400, 4],
    ],
    [
      [200, 20],
      [300, Number.NaN],
      [100, 10],
      [400, 40],
      [400, 41],
    ],
    [
      [400, 400],
      [100, 100],
      [250, 250],
      [300, 300],
      [200, 200],
    ],
  ]);
  assert.deepEqual(steps, [100, 200, 400]);
  assert.deepEqual(values, [
    [1, 10, 100],
    [2, 20, 200],
    [4, 41, 400],
  ]);
  assert.deepEqual(alignCurves([]), { steps: [], values: [] });
  assert.deepEqual(alignCurves([[[1, 1]], []]), { steps: [], values: [] });
});

test("a summary is the interquartile mean at each step, and resamples whole runs", () => {
  const curves = Array.from({ length: 8 }, (_, run) => [
    [0, run],
    [1, run + 100],
  ]) as [number, number][][];
  const [start, end] = summarizeCurves(curves);
  close(start.value, 3.5);
  close(end.value, 103.5);
  const [low, high] = start.interval ?? assert.fail("no interval");
  assert.deepEqual(end.interval, [low + 100, high + 100]);
  assert.ok(low < 3.5 && 3.5 < high);
});

test("the statistic over seeds is the interquartile mean for every number, with an interval from five on", () => {
  assert.deepEqual(seedStatistic([7]), { name: "one seed", seeds: 1, value: 7 });
  assert.deepEqual(seedStatistic([3, 1]), { name: "interquartile mean over 2 seeds", seeds: 2, value: 2 });
  assert.deepEqual(seedStatistic([1, 4, 10]), { name: "interquartile mean over 3 seeds", seeds: 3, value: 4.5 });
  assert.equal(seedStatistic([1, 2, 3, 4]).interval, undefined);
  const five = seedStatistic([0, 1, 2, 10, 1000]);
  close(five.value, (0.75 * 1 + 2 + 0.75 * 10) / 2.5);
  assert.deepEqual(five.interval, bootstrapInterval([0, 1, 2, 10, 1000], new Random(0)));
  assert.throws(() => seedStatistic([]), /expected at least one number/);
  assert.deepEqual(
    summarizeCurves([
      [[1, 1]],
      [
        [1, 4],
        [2, 5],
      ],
      [[1, 10]],
    ]),
    [{ step: 1, ...seedStatistic([1, 4, 10]) }],
  );
  assert.deepEqual(seedCurve([[[1, 1]], [[1, 4]], [[1, 10]]]), [[1, 4.5]]);
});
