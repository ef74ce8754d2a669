import { expect, expectNumbers, expectObject, perDimension } from "../base/expect.ts";
import { checkBounds } from "../environment/check-environment.ts";
import type { Environment } from "../environment/environment.ts";
import type { Vector } from "../kernels/matrix.ts";
import { NotFiniteError } from "../nn/adam.ts";
import type { Settings } from "./config.ts";

/** The sizes and bounds that an agent needs to know of its environment. */
export type Spaces = Pick<Environment, "observationSize" | "actionLow" | "actionHigh">;

/**
 * Converts between an environment's units and the networks' numbers. Observations become (o − offset) · scale. Actions
 * are mapped linearly, dimension by dimension, between [low, high] and [−1, 1].
 */
export class Units {
  /** O, the length of an observation. */
  readonly observationSize: number;
  /** The lower bounds of the action, in the environment's units: [A]. */
  readonly actionLow: Float64Array;
  /** The upper bounds of the action, in the environment's units: [A]. */
  readonly actionHigh: Float64Array;
  /** The scale of each observed number: [O]. */
  readonly observationScale: Float64Array;
  /** The offset of each observed number, in the environment's units: [O]. */
  readonly observationOffset: Float64Array;
  /** `actionLow` in Float32, rounded inward so that no action is out of bounds, not even by a bit: [A]. */
  readonly lowest: Float32Array;
  /** `actionHigh` in Float32, rounded inward: [A]. */
  readonly highest: Float32Array;

  /** Throws an InputError unless the sizes and bounds are valid and the scaling has one value, or O. */
  constructor(spaces: Spaces, settings: Pick<Settings, "observationScale" | "observationOffset">) {
    expectObject(spaces, "environment", "an environment, or its observationSize, actionLow and actionHigh");
    const { observationSize } = spaces;
    const whole = Number.isInteger(observationSize) && observationSize > 0;
    expect(whole, "environment.observationSize", "a whole number above 0", observationSize);
    checkBounds(spaces, "environment");
    this.observationSize = observationSize;
    this.actionLow = Float64Array.from(spaces.actionLow);
    this.actionHigh = Float64Array.from(spaces.actionHigh);
    this.lowest = Float32Array.from(this.actionLow, (low) => inward(low, 1));
    this.highest = Float32Array.from(this.actionHigh, (high) => inward(high, -1));
    this.observationScale = perDimension(settings.observationScale, this.observationSize, "observationScale");
    this.observationOffset = perDimension(settings.observationOffset, this.observationSize, "observationOffset");
  }

  /** Throws an InputError that begins with `where` unless an environment has the same sizes and bounds. */
  expectSame(spaces: Spaces, where: string): void {
    expectObject(spaces, where, "an environment, or its observationSize, actionLow and actionHigh");
    const { observationSize, actionLow, actionHigh } = spaces;
    const shown = (low: ArrayLike<number>, high: ArrayLike<number>): string =>
      `[${Array.from(low ?? []).join(", ")}] to [${Array.from(high ?? []).join(", ")}]`;
    expect(
      observationSize === this.observationSize,
      `${where} observationSize`,
      `${this.observationSize}`,
      observationSize,
    );
    const [mine, theirs] = [shown(this.actionLow, this.actionHigh), shown(actionLow, actionHigh)];
    expect(mine === theirs, `${where} action bounds`, `${mine}, as when the agent was created`, theirs);
  }

  /** A, the length of an action. */
  get actionSize(): number {
    return this.actionLow.length;
  }

  /**
   * Writes the scaled observation to `out` [O]. Throws an InputError that begins with `where` unless the observation is
   * O finite numbers that fit in Float32 after scaling.
   */
  scaleObservation(out: Vector, observation: ArrayLike<number>, where: string): void {
    expectNumbers(observation, this.observationSize, where);
    for (let i = 0; i < this.observationSize; i++) {
      out[i] = (observation[i] - this.observationOffset[i]) * this.observationScale[i];
      // The networks compute in Float32, where a number above 3.4e38 is infinite.
      if (!Number.isFinite(out[i]))
        expect(false, `${where}[${i}]`, "a number that fits in Float32 after scaling", observation[i]);
    }
  }

  /**
   * Converts an action [A] in [−1, 1] to the environment's units, within the bounds; a fresh array. Throws a
   * NotFiniteError if a number is NaN.
   */
  toEnvironment(action: ArrayLike<number>): Float32Array {
    const out = new Float32Array(this.actionSize);
    for (let i = 0; i < out.length; i++) {
      if (Number.isNaN(action[i])) throw new NotFiniteError(`the policy's action[${i}]`);
      const low = this.actionLow[i];
      const high = this.actionHigh[i];
      out[i] = Math.min(this.highest[i], Math.max(this.lowest[i], low + ((action[i] + 1) / 2) * (high - low)));
    }
    return out;
  }

  /**
   * Converts an action [A] in the environment's units to [−1, 1] and writes it to `out`, clipped to the bounds. Throws
   * an InputError that begins with `where` unless it is A finite numbers.
   */
  fromEnvironment(out: Float32Array, action: ArrayLike<number>, where: string): void {
    expectNumbers(action, this.actionSize, where);
    for (let i = 0; i < out.length; i++) {
      const low = this.actionLow[i];
      const unit = (2 * (action[i] - low)) / (this.actionHigh[i] - low) - 1;
      out[i] = Math.min(1, Math.max(-1, unit));
    }
  }
}

/** Rounds x to a Float32 that is not below x (direction 1) or not above x (direction −1). */
function inward(x: number, direction: 1 | -1): number {
  const rounded = Float32Array.of(x);
  if ((rounded[0] - x) * direction >= 0) return rounded[0];
  if (rounded[0] === 0) return direction * 1.401298464324817e-45;
  // Adding 1 to the bits gives the adjacent number away from 0.
  const bits = new Int32Array(rounded.buffer);
  bits[0] += rounded[0] > 0 === direction > 0 ? 1 : -1;
  return rounded[0];
}
