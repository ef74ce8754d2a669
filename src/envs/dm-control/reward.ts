// The function that dm_control's rewards are made of.
import { exp, log } from "../../base/math.ts";

/** How a reward falls outside its interval. */
export type Shape = "gaussian" | "linear" | "quadratic";

export interface Margin {
  /** The distance from the interval at which the result is `valueAtMargin`. Default: 0, which gives 0 outside. */
  readonly margin?: number;
  /** Default: "gaussian". */
  readonly shape?: Shape;
  /** Default: 0.1. */
  readonly valueAtMargin?: number;
}

/** Returns 1 inside a closed interval, and less outside, down to 0: the further away, the less. */
export function tolerance(x: number, [low, high]: readonly [low: number, high: number], options: Margin = {}): number {
  const { margin = 0, shape = "gaussian", valueAtMargin = 0.1 } = options;
  if (x >= low && x <= high) return 1;
  if (margin === 0) return 0;
  const distance = (x < low ? low - x : x - high) / margin;
  // exp(−½ (d √(−2 ln v))²)
  if (shape === "gaussian") return exp(log(valueAtMargin) * distance * distance);
  const fall = (1 - valueAtMargin) * (shape === "linear" ? distance : distance * distance);
  return Math.max(0, 1 - fall);
}

/** Returns a reward for weak controls: the mean of 1 − control², at least 0, over the actuators. */
export function weakControl(control: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < control.length; i++)
    sum += tolerance(control[i], [0, 0], { margin: 1, shape: "quadratic", valueAtMargin: 0 });
  return sum / control.length;
}
