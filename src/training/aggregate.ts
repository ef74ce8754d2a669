/**
 * Statistics over several seeds: the interquartile mean with a bootstrap interval, as Agarwal et al. (arXiv 2108.13264)
 * recommend when runs are few and some of them fail.
 */

import { expect } from "../base/expect.ts";
import { Random } from "../base/random.ts";

/** A value at a step. */
export type Point = readonly [step: number, value: number];

/** The name of the statistic over several seeds, for labels. */
export const statisticName = "interquartile mean";

/** With fewer seeds an interval is not meaningful. */
export const minSeedsForInterval = 5;

/** What is reported of the results of some seeds. */
export interface SeedStatistic {
  /** The statistic and the number of seeds: "interquartile mean over 3 seeds". Of one seed, "one seed". */
  readonly name: string;
  /** The number of seeds. */
  readonly seeds: number;
  readonly value: number;
  /** The lower and upper end of the 95 % bootstrap interval. Undefined below `minSeedsForInterval` seeds. */
  readonly interval?: readonly [low: number, high: number];
}

/** The statistic of a group of runs at one step. */
export interface Summary extends SeedStatistic {
  readonly step: number;
}

/**
 * The only statistic over seeds: `train`, `report`, `benchmark` and every figure show it. It is the interquartile mean for
 * any number of seeds, so that it does not jump when a seed is added, and it has an interval from five seeds on. The same
 * values always have the same interval. The values must be finite.
 */
export function seedStatistic(values: ArrayLike<number>): SeedStatistic {
  expectSome(values, "seedStatistic");
  const seeds = values.length;
  const name = seeds === 1 ? "one seed" : `${statisticName} over ${seeds} seeds`;
  const value = interquartileMean(values);
  if (seeds < minSeedsForInterval) return { name, seeds, value };
  return { name, seeds, value, interval: bootstrapInterval(values, new Random(0)) };
}

/** The arithmetic mean. */
export function mean(values: ArrayLike<number>): number {
  expectSome(values, "mean");
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/** The arithmetic mean and its standard error, standard deviation / √n, which is NaN for a single number. */
export function meanAndError(values: ArrayLike<number>): { mean: number; error: number } {
  const center = mean(values);
  const { length } = values;
  let squares = 0;
  for (let i = 0; i < length; i++) squares += (values[i] - center) * (values[i] - center);
  return { mean: center, error: Math.sqrt(squares / (length - 1) / length) };
}

/**
 * The mean of the middle half. A value on the edge of a quartile is weighted by the part of it that is inside, so that
 * exactly n / 2 values count for every n.
 */
export function interquartileMean(values: ArrayLike<number>): number {
  expectSome(values, "interquartileMean");
  return middleHalf(Float64Array.from(values).sort());
}

/** `interquartileMean` of ascending numbers. Value i covers [i, i + 1] of [0, n]; the middle half is [n/4, 3n/4]. */
function middleHalf(sorted: Float64Array): number {
  const low = sorted.length / 4;
  const high = 3 * low;
  let sum = 0;
  for (let i = Math.floor(low); i < Math.ceil(high); i++) {
    sum += sorted[i] * (Math.min(i + 1, high) - Math.max(i, low));
  }
  return sum / (high - low);
}

/** The `p`-quantile, p in [0, 1], with linear interpolation between neighbors (type 7 of Hyndman & Fan 1996). */
export function quantile(values: ArrayLike<number>, p: number): number {
  expectSome(values, "quantile");
  return quantileOfSorted(Float64Array.from(values).sort(), p);
}

function quantileOfSorted(sorted: Float64Array, p: number): number {
  const position = p * (sorted.length - 1);
  const i = Math.floor(position);
  const next = Math.min(i + 1, sorted.length - 1);
  return sorted[i] + (position - i) * (sorted[next] - sorted[i]);
}

/** The middle value, or the mean of the two middle ones. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}

/**
 * The percentile-bootstrap interval of the interquartile mean: the middle `level` of its values over resamples with
 * replacement. The draws come from a fork of `random`, whose state does not change. With the same stream, the values at
 * different steps of a curve are resampled alike, so that the interval along the curve is one of whole runs.
 */
export function bootstrapInterval(
  values: ArrayLike<number>,
  random: Random,
  { resamples = 2000, level = 0.95 } = {},
): [low: number, high: number] {
  expectSome(values, "bootstrapInterval");
  const stream = random.fork("bootstrap");
  const sample = new Float64Array(values.length);
  const means = new Float64Array(resamples);
  for (let k = 0; k < resamples; k++) {
    for (let i = 0; i < sample.length; i++) sample[i] = values[stream.integer(values.length)];
    means[k] = middleHalf(sample.sort());
  }
  means.sort();
  return [quantileOfSorted(means, (1 - level) / 2), quantileOfSorted(means, (1 + level) / 2)];
}

/**
 * Aligns curves on the steps that all of them have, ascending: `values[i][j]` is curve j at `steps[i]`. If a curve
 * repeats a step, the later point counts. Points that are not finite are ignored.
 */
export function alignCurves(curves: readonly (readonly Point[])[]): { steps: number[]; values: number[][] } {
  const maps = curves.map((curve) => new Map(curve.filter(([, value]) => value - value === 0)));
  const steps = [...(maps[0]?.keys() ?? [])].filter((step) => maps.every((map) => map.has(step))).sort((a, b) => a - b);
  return { steps, values: steps.map((step) => maps.map((map) => map.get(step) as number)) };
}

/** The statistic of several curves without its interval, which takes longest, at the steps that all of them have. */
export function seedCurve(curves: readonly (readonly Point[])[]): Point[] {
  const { steps, values } = alignCurves(curves);
  return steps.map((step, i) => [step, interquartileMean(values[i])]);
}

/** The statistic of several curves, at the steps that all of them have. */
export function summarizeCurves(curves: readonly (readonly Point[])[]): Summary[] {
  const { steps, values } = alignCurves(curves);
  return steps.map((step, i) => ({ step, ...seedStatistic(values[i]) }));
}

function expectSome(values: ArrayLike<number>, where: string): void {
  expect(values.length > 0, where, "at least one number", values);
}
