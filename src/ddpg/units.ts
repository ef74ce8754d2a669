import { expect, expectNumbers, perDimension } from "../base/expect.ts";
import { checkBounds } from "../environment/check-environment.ts";
import type { Environment } from "../environment/environment.ts";
import type { Vector } from "../kernels/matrix.ts";
import { NotFiniteError } from "../nn/adam.ts";
import type { Settings } from "./config.ts";

/** What the algorithm must know of an environment before it starts. */
export type Spaces = Pick<Environment, "observationSize" | "actionLow" | "actionHigh">;

/**
 * The way between an environment's units and the networks' numbers, taken once on the way in and once on the way out:
 * observations (o − offset) · scale; actions, dimension by dimension, from [low, high] to [−1, 1] and back.
 */
export class Units {
  readonly observationSize: number;
  readonly actionLow: Float64Array;
  readonly actionHigh: Float64Array;
  readonly observationScale: Float64Array;
  readonly observationOffset: Float64Array;
  /** `actionLow` as Float32, rounded inwards: an action never leaves the bounds, not even by a bit. */
  readonly lowest: Float32Array;
  /** `actionHigh`, likewise. */
  readonly highest: Float32Array;

  constructor(spaces: Spaces, settings: Pick<Settings, "observationScale" | "observationOffset">) {
    const { observationSize } = spaces;
    const whole = Number.isInteger(observationSize) && observationSize > 0;
    expect(whole, "environment.observationSize", "a whole number above 0", observationSize);
    checkBounds(spaces, "environment");
    this.observationSize = observationSize;
    this.actionLow = Float64Array.from(spaces.actionLow);
    this.actionHigh = Float64Array.from(spaces.actionHigh);
    this.lowest = Float32Array.from(this.actionLow, (low) => inwards(low, 1));
    this.highest = Float32Array.from(this.actionHigh, (high) => inwards(high, -1));
    this.observationScale = perDimension(settings.observationScale, this.observationSize, "observationScale");
    this.observationOffset = perDimension(settings.observationOffset, this.observationSize, "observationOffset");
  }

  /** Throws an InputError unless an environment has these sizes and bounds. */
  expectSame(spaces: Spaces, where: string): void {
    const { observationSize, actionLow, actionHigh } = spaces;
    const shown = (low: ArrayLike<number>, high: ArrayLike<number>): string =>
      `[${Array.from(low).join(", ")}] to [${Array.from(high).join(", ")}]`;
    expect(
      observationSize === this.observationSize,
      `${where} observationSize`,
      `${this.observationSize}`,
      observationSize,
    );
    const [mine, theirs] = [shown(this.actionLow, this.actionHigh), shown(actionLow, actionHigh)];
    expect(mine === theirs, `${where} action bounds`, `${mine}, those that the agent was made for`, theirs);
  }

  /** How many numbers an action has, A. */
  get actionSize(): number {
    return this.actionLow.length;
  }

  /** Writes the scaled observation to `out`. Throws unless it is O finite numbers. */
  scaleObservation(out: Vector, observation: ArrayLike<number>, where: string): void {
    expectNumbers(observation, this.observationSize, where);
    for (let i = 0; i < this.observationSize; i++) {
      out[i] = (observation[i] - this.observationOffset[i]) * this.observationScale[i];
      // The networks are in Float32, where a number above 3.4e38 is infinite.
      if (!Number.isFinite(out[i]))
        expect(false, `${where}[${i}]`, "a number that Float32 holds, scaled", observation[i]);
    }
  }

  /** An action in the environment's units from one in [−1, 1], within the bounds; a fresh array. Throws for NaN. */
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

  /** Writes an action in [−1, 1] to `out` from one in the environment's units, clipped to the bounds. */
  fromEnvironment(out: Float32Array, action: ArrayLike<number>, where: string): void {
    expectNumbers(action, this.actionSize, where);
    for (let i = 0; i < out.length; i++) {
      const low = this.actionLow[i];
      const unit = (2 * (action[i] - low)) / (this.actionHigh[i] - low) - 1;
      out[i] = Math.min(1, Math.max(-1, unit));
    }
  }
}

/** The Float32 nearest to x, or its neighbour upwards (1) or downwards (−1) where it lies on the other side of x. */
function inwards(x: number, direction: 1 | -1): number {
  const rounded = Float32Array.of(x);
  if ((rounded[0] - x) * direction >= 0) return rounded[0];
  if (rounded[0] === 0) return direction * 1.401298464324817e-45;
  // The neighbour away from 0 has the next larger bits.
  const bits = new Int32Array(rounded.buffer);
  bits[0] += rounded[0] > 0 === direction > 0 ? 1 : -1;
  return rounded[0];
}
