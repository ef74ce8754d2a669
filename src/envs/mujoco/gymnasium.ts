// What Gymnasium's tasks in MuJoCo have in common.
import { expect, suggest } from "../../base/expect.ts";
import type { Random } from "../../base/random.ts";

/** Two bounds, the lower first. */
export type Range = readonly [low: number, high: number];

/** A task's options with its defaults for what is not given. Throws an InputError for a name or a value that is none. */
export function withDefaults<T extends object>(task: string, defaults: T, options: Partial<T>): T {
  const known = Object.keys(defaults);
  for (const [name, value] of Object.entries(options)) {
    expect(known.includes(name), `${task} options`, `some of ${known.join(", ")}`, name, suggest(name, known));
    const usual = defaults[name as keyof T];
    const [expected, fine] = Array.isArray(usual)
      ? ["two numbers, the lower first", isRange(value)]
      : [`a ${typeof usual}`, typeof value === typeof usual && !Number.isNaN(value)];
    expect(fine, `${task} ${name}`, expected, value);
  }
  return { ...defaults, ...options };
}

function isRange(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value[0] < value[1];
}

/** Moves every value by chance: uniform in ±scale. */
export function addUniform(values: Float64Array, random: Random, scale: number): void {
  for (let i = 0; i < values.length; i++) values[i] += random.uniform(-scale, scale);
}

/** Moves every value by chance: normal with standard deviation `scale`. */
export function addNormal(values: Float64Array, random: Random, scale: number): void {
  for (let i = 0; i < values.length; i++) values[i] += scale * random.normal();
}

/** x, or the bound that it is beyond. */
export function clip(x: number, [low, high]: Range): number {
  return Math.max(low, Math.min(x, high));
}

/** Whether x is inside, not on the border. */
export function within(x: number, [low, high]: Range): boolean {
  return low < x && x < high;
}

/** The square of the length, clipped number by number if there is a range. */
export function sumOfSquares(values: ArrayLike<number>, range?: Range): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const value = range ? clip(values[i], range) : values[i];
    sum += value * value;
  }
  return sum;
}

/** The distance of two points: [3] each. */
export function distance(a: Float64Array, b: Float64Array): number {
  const [x, y, z] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
  return Math.sqrt(x * x + y * y + z * z);
}

const round = Math.fround;
const lanes = new Float32Array(8);

/** weight · Σ action², rounded as Gymnasium's is: in Float32, and from eight numbers on as eight sums, as NumPy adds. */
export function controlCost(weight: number, action: Float32Array): number {
  const rest = action.length - (action.length % 8);
  lanes.fill(0);
  for (let i = 0; i < rest; i++) lanes[i % 8] += round(action[i] * action[i]);
  const [a, b, c, d, e, f, g, h] = lanes;
  let sum = round(round(round(a + b) + round(c + d)) + round(round(e + f) + round(g + h)));
  for (let i = rest; i < action.length; i++) sum = round(sum + round(action[i] * action[i]));
  return round(round(weight) * sum);
}
