import { cos } from "../base/math.ts";
import type { Random } from "../base/random.ts";
import type { Environment, Step } from "../ddpg/environment.ts";
import { TimeLimit } from "./time-limit.ts";

/**
 * MountainCarContinuous-v0 of Gymnasium 1.3.0: a car in a valley, too weak to climb the hill without swinging back.
 *
 * **Action** — clipped to its bounds
 *
 * | index | meaning                        | min | max | unit         |
 * |-------|--------------------------------|-----|-----|--------------|
 * | 0     | force, positive to the right   | −1  | 1   | full engine  |
 *
 * **Observation** — the state; it is kept in Float32
 *
 * | index | meaning  | min   | max  | unit       |
 * |-------|----------|-------|------|------------|
 * | 0     | position | −1.2  | 0.6  | length     |
 * | 1     | velocity | −0.07 | 0.07 | length/step |
 *
 * **Reward** — −0.1 action² (before it is clipped), and 100 for reaching the goal.
 *
 * **Start** — position uniform in [−0.6, −0.4), at rest.
 *
 * **End** — terminated at a position of 0.45 or more while not rolling back; truncated after 999 steps.
 *
 * **Version** — v0.
 */
export class MountainCarContinuous extends TimeLimit {
  constructor() {
    super(new Car(), 999);
  }
}

// Gymnasium computes in Float32, by NumPy 2's rules: every number is rounded, and so is every result.
const round = Math.fround;
const LEFT_WALL = round(-1.2);
const RIGHT_WALL = round(0.6);
const GOAL = round(0.45);
const MAX_VELOCITY = round(0.07);
const POWER = round(0.0015);

/** The car without a time limit. `save()`: position, velocity. */
class Car implements Environment {
  readonly observationSize = 2;
  readonly actionLow = [-1];
  readonly actionHigh = [1];
  readonly #observation = new Float32Array(2);
  #position = 0;
  #velocity = 0;

  reset(random: Random): Float32Array {
    this.#position = random.uniform(-0.6, -0.4);
    this.#velocity = 0;
    return this.#observe();
  }

  step(action: Float32Array): Step {
    const force = Math.max(-1, Math.min(action[0], 1));
    // A start is not rounded, so neither is the first step's triple of it.
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
    [this.#position, this.#velocity] = state;
  }
}
