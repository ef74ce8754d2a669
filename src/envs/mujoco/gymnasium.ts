// Shared by Gymnasium's MuJoCo tasks: options, initial noise and costs.
import { expect, expectOptions, suggest } from "../../base/expect.ts";
import type { Random } from "../../base/random.ts";

/** A lower and an upper bound. */
export type Range = readonly [low: number, high: number];

/** Returns a task's defaults overridden by `options`. Throws an InputError for an unknown name or an invalid value. */
export function withDefaults<T extends object>(task: string, defaults: T, options: Partial<T>): T {
  expectOptions(options, task);
  const known = Object.keys(defaults);
  for (const [name, value] of Object.entries(options)) {
    expect(known.includes(name), `${task} options`, `some of ${known.join(", ")}`, name, suggest(name, known));
    const usual = defaults[name as keyof T];
    const [expected, fine] = Array.isArray(usual)
      ? ["two numbers, the lower one first", isRange(value)]
      : [`a ${typeof usual}`, typeof value === typeof usual && !Number.isNaN(value)];
    expect(fine, `${task} ${name}`, expected, value);
  }
  return { ...defaults, ...options };
}

function isRange(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value[0] < value[1];
}

/** Adds uniform noise in ±scale to every value. */
export function addUniform(values: Float64Array, random: Random, scale: number): void {
  for (let i = 0; i < values.length; i++) values[i] += random.uniform(-scale, scale);
}

/** Adds normal noise with standard deviation `scale` to every value. */
export function addNormal(values: Float64Array, random: Random, scale: number): void {
  for (let i = 0; i < values.length; i++) values[i] += scale * random.normal();
}

/** Returns x clipped to a range. */
export function clip(x: number, [low, high]: Range): number {
  return Math.max(low, Math.min(x, high));
}

/** Whether x is strictly inside a range. */
export function within(x: number, [low, high]: Range): boolean {
  return low < x && x < high;
}

/** Returns Σ value², with each value clipped first if a range is given. */
export function sumOfSquares(values: ArrayLike<number>, range?: Range): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const value = range ? clip(values[i], range) : values[i];
    sum += value * value;
  }
  return sum;
}

/** Returns the distance between two points: [3] each. */
export function distance(a: Float64Array, b: Float64Array): number {
  const [x, y, z] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
  return Math.sqrt(x * x + y * y + z * z);
}

const round = Math.fround;
const lanes = new Float32Array(8);

/**
 * Returns weight · Σ action², rounded as in Gymnasium: in Float32, and for eight or more numbers with NumPy's eight
 * partial sums.
 */
export function controlCost(weight: number, action: Float32Array): number {
  const rest = action.length - (action.length % 8);
  lanes.fill(0);
  for (let i = 0; i < rest; i++) lanes[i % 8] += round(action[i] * action[i]);
  const [a, b, c, d, e, f, g, h] = lanes;
  let sum = round(round(round(a + b) + round(c + d)) + round(round(e + f) + round(g + h)));
  for (let i = rest; i < action.length; i++) sum = round(sum + round(action[i] * action[i]));
  return round(round(weight) * sum);
}
