import { expectNumbers } from "../base/expect.ts";
import { cos, sin } from "../base/math.ts";
import { expectRandom, type Random } from "../base/random.ts";
import type { Environment, Step } from "../environment/environment.ts";
import { type Scene, type Shape, writePlanarPose } from "../environment/scene.ts";
import { TimeLimit } from "../environment/time-limit.ts";

/**
 * MountainCarContinuous-v0 of Gymnasium 1.3.0: drive out of a valley with a car too weak to climb the hill directly. It
 * has to swing back first to gain speed.
 *
 * **Action** — clipped to its bounds
 *
 * | index | meaning                        | min | max | unit         |
 * |-------|--------------------------------|-----|-----|--------------|
 * | 0     | force, positive to the right   | −1  | 1   | full engine  |
 *
 * **Observation** — the state, kept in Float32
 *
 * | index | meaning  | min   | max  | unit       |
 * |-------|----------|-------|------|------------|
 * | 0     | position | −1.2  | 0.6  | length     |
 * | 1     | velocity | −0.07 | 0.07 | length/step |
 *
 * **Reward** — −0.1 action² (before clipping), and +100 for reaching the goal.
 *
 * **Start** — position uniform in [−0.6, −0.4), at rest.
 *
 * **End** — terminated at a position of 0.45 or more with a velocity of at least 0; truncated after 999 steps.
 *
 * **Version** — v0.
 */
export class MountainCarContinuous extends TimeLimit {
  constructor() {
    super(new Car(), 999);
  }
}

// Gymnasium computes in Float32 by the rules of NumPy 2, which rounds every constant and every result.
const round = Math.fround;
const LEFT_WALL = round(-1.2);
const RIGHT_WALL = round(0.6);
const GOAL = round(0.45);
const MAX_VELOCITY = round(0.07);
const POWER = round(0.0015);

/** The road is drawn as short pieces, each on a column of earth. */
const road = Array.from({ length: 36 }, (_, i) => {
  const [left, right] = [LEFT_WALL + 0.05 * i, LEFT_WALL + 0.05 * (i + 1)];
  const [low, high] = [height(left), height(right)];
  const rise = high - low;
  const length = Math.sqrt(0.05 * 0.05 + rise * rise);
  return { x: (left + right) / 2, z: (low + high) / 2, length, cosine: 0.05 / length, sine: rise / length };
});
const GROUND = -0.8;
const piece = ({ length }: { length: number }): Shape => ({
  kind: "box",
  size: [length / 2 + 0.004, 0.16, 0.021],
  color: [0.35, 0.35, 0.4, 1],
});
const column = ({ z }: { z: number }): Shape => ({
  kind: "box",
  size: [0.025, 0.157, (z - GROUND) / 2 - 0.0175],
  color: [0.55, 0.7, 0.45, 1],
});
const wheel: Shape = { kind: "ellipsoid", size: [0.032, 0.065, 0.032], color: [0.15, 0.15, 0.15, 1] };

/** Returns the height of the road at a position, in the unit of the position. Gravity acts along its slope. */
function height(position: number): number {
  return 0.45 * sin(3 * position);
}

/** The car without a time limit. `save()` returns position and velocity. */
class Car implements Environment {
  readonly observationSize = 2;
  readonly actionLow = [-1];
  readonly actionHigh = [1];
  readonly scene: Scene = {
    shapes: [
      { kind: "plane", size: [], color: [0.8, 0.9, 0.8, 1] },
      { kind: "capsule", size: [0.008, 0.12], color: [0.25, 0.25, 0.25, 1] }, // the goal's pole and flag
      { kind: "box", size: [0.05, 0.004, 0.03], color: [0.95, 0.75, 0.15, 1] },
      { kind: "box", size: [0.085, 0.05, 0.022], color: [0.85, 0.3, 0.3, 1] },
      { kind: "box", size: [0.045, 0.045, 0.02], color: [0.95, 0.95, 0.95, 1] },
      wheel,
      wheel,
      ...road.map(piece),
      ...road.map(column),
    ],
    camera: { target: [-0.3, 0, -0.08], distance: 2.3, azimuth: 90, elevation: -12 },
    stepSeconds: 1 / 30,
    writePoses: (out) => {
      const x = this.#position;
      const z = height(x);
      const rise = 1.35 * cos(3 * x);
      const cosine = 1 / Math.sqrt(1 + rise * rise);
      const sine = rise * cosine;
      /** Places a shape `along` the car from its middle and `above` the road. */
      const put = (shape: number, along: number, above: number) =>
        writePlanarPose(out, shape, x + along * cosine - above * sine, z + along * sine + above * cosine, cosine, sine);
      writePlanarPose(out, 0, 0, GROUND);
      writePlanarPose(out, 1, GOAL, height(GOAL) + 0.12);
      writePlanarPose(out, 2, GOAL + 0.05, height(GOAL) + 0.21);
      put(3, 0, 0.06);
      put(4, -0.01, 0.1);
      put(5, -0.05, 0.044);
      put(6, 0.05, 0.044);
      for (const [i, piece] of road.entries()) {
        const { x, z, cosine, sine } = piece;
        writePlanarPose(out, 7 + i, x + 0.021 * sine, z - 0.021 * cosine, cosine, sine);
        writePlanarPose(out, 7 + road.length + i, x, (z + GROUND) / 2 - 0.0175);
      }
    },
  };
  readonly #observation = new Float32Array(2);
  #position = 0;
  #velocity = 0;

  reset(random: Random): Float32Array {
    expectRandom(random, "MountainCarContinuous reset random");
    this.#position = random.uniform(-0.6, -0.4);
    this.#velocity = 0;
    return this.#observe();
  }

  step(action: Float32Array): Step {
    expectNumbers(action, 1, "MountainCarContinuous action");
    const force = Math.max(-1, Math.min(action[0], 1));
    // Gymnasium does not round the initial position, so the first step computes 3 · position in Float64.
    const triple = 3 * this.#position;
    const slope = 0.0025 * cos(this.#position === round(this.#position) ? round(triple) : triple);
    let velocity = round(this.#velocity + round(round(force * POWER) - round(slope)));
    velocity = Math.max(-MAX_VELOCITY, Math.min(velocity, MAX_VELOCITY));
    const position = Math.max(LEFT_WALL, Math.min(round(this.#position + velocity), RIGHT_WALL));
    if (position === LEFT_WALL && velocity < 0) velocity = 0;
    const terminated = position >= GOAL && velocity >= 0;
    const reward = (terminated ? 100 : 0) - action[0] * action[0] * 0.1;
    this.#position = position;
    this.#velocity = velocity;
    return { observation: this.#observe(), reward, terminated };
  }

  #observe(): Float32Array {
    this.#observation[0] = this.#position;
    this.#observation[1] = this.#velocity;
    return this.#observation;
  }

  save(): Float64Array {
    return Float64Array.of(this.#position, this.#velocity);
  }

  restore(state: Float64Array): void {
    expectNumbers(state, 2, "MountainCarContinuous restore");
    [this.#position, this.#velocity] = state;
  }
}
