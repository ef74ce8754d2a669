import { expectNumbers } from "../base/expect.ts";
import { cos, pi, sin } from "../base/math.ts";
import { expectRandom, type Random } from "../base/random.ts";
import type { Environment, Step } from "../environment/environment.ts";
import { type Scene, type Shape, writePlanarPose } from "../environment/scene.ts";
import { TimeLimit } from "../environment/time-limit.ts";

/**
 * Pendulum-v1 of Gymnasium 1.3.0: swing a rod up and hold it upright with a motor too weak to lift it directly.
 *
 * **Action** — clipped to its bounds
 *
 * | index | meaning                            | min | max | unit |
 * |-------|------------------------------------|-----|-----|------|
 * | 0     | torque, positive counter-clockwise | −2  | 2   | N·m  |
 *
 * **Observation** — θ is the angle from upright
 *
 * | index | meaning       | min | max | unit  |
 * |-------|---------------|-----|-----|-------|
 * | 0     | cos θ         | −1  | 1   | 1     |
 * | 1     | sin θ         | −1  | 1   | 1     |
 * | 2     | angular speed | −8  | 8   | rad/s |
 *
 * **Reward** — −(θ² + 0.1 speed² + 0.001 torque²) of the state before the step, with θ in [−π, π).
 *
 * **Start** — θ uniform in ±π, speed uniform in ±1 rad/s.
 *
 * **End** — never terminated; truncated after 200 steps of 0.05 s.
 *
 * **Version** — v1: the new speed is clipped to ±8 rad/s before it moves the angle.
 */
export class Pendulum extends TimeLimit {
  constructor() {
    super(new Rod(true), 200);
  }
}

/**
 * Pendulum-v0, the task of early published results. Action, observation, reward and start are those of `Pendulum`.
 *
 * **End** — never terminated; truncated after 1,000 steps of 0.05 s.
 *
 * **Version** — v0: the new speed moves the angle before it is clipped to ±8 rad/s.
 */
export class PendulumV0 extends TimeLimit {
  constructor() {
    super(new Rod(false), 1000);
  }
}

const TIME_STEP = 0.05; // s
const MAX_SPEED = 8;
const MAX_TORQUE = 2;

/** The torque is drawn as an arc of beads that starts at the top and extends in its direction. */
const BEADS = 14;
const bead: Shape = { kind: "sphere", size: [0.03], color: [0.2, 0.4, 0.85, 1] };

/** A rod of 1 m and 1 kg, without a time limit. `save()` returns the angle and the angular speed. */
class Rod implements Environment {
  readonly observationSize = 3;
  readonly actionLow = [-MAX_TORQUE];
  readonly actionHigh = [MAX_TORQUE];
  readonly scene: Scene = {
    shapes: [
      { kind: "plane", size: [], color: [0.8, 0.9, 0.8, 1] },
      { kind: "capsule", size: [0.1, 0.45], color: [0.85, 0.35, 0.3, 1] },
      { kind: "ellipsoid", size: [0.05, 0.12, 0.05], color: [0.2, 0.2, 0.2, 1] },
      ...Array.from({ length: BEADS - 1 }, () => bead),
      { ...bead, size: [0.05] },
    ],
    camera: { target: [0, 0, 0], distance: 3.6, azimuth: 90, elevation: -10 },
    stepSeconds: TIME_STEP,
    writePoses: (out) => {
      const [c, s] = [cos(this.#angle), sin(this.#angle)];
      writePlanarPose(out, 0, 0, -1.25);
      writePlanarPose(out, 1, -0.45 * s, 0.45 * c, c, s);
      writePlanarPose(out, 2, 0, 0);
      for (let i = 1; i <= BEADS; i++) {
        const angle = ((i / BEADS) * (this.#torque / MAX_TORQUE) * pi) / 2;
        writePlanarPose(out, 2 + i, -1.15 * sin(angle), 1.15 * cos(angle));
      }
    },
  };
  readonly #clipsBeforeMoving: boolean;
  readonly #observation = new Float32Array(3);
  #angle = 0;
  #speed = 0;
  /** The torque of the last step. It is only drawn; nothing else depends on it. */
  #torque = 0;

  constructor(clipsBeforeMoving: boolean) {
    this.#clipsBeforeMoving = clipsBeforeMoving;
  }

  reset(random: Random): Float32Array {
    expectRandom(random, "Pendulum reset random");
    this.#angle = random.uniform(-pi, pi);
    this.#speed = random.uniform(-1, 1);
    this.#torque = 0;
    return this.#observe();
  }

  step(action: Float32Array): Step {
    expectNumbers(action, 1, "Pendulum action");
    const torque = clip(action[0], MAX_TORQUE);
    this.#torque = torque;
    const angle = wrap(this.#angle);
    const reward = -(angle * angle + 0.1 * this.#speed * this.#speed + 0.001 * torque * torque);
    // A rod turning about its end: 3 g / (2 l) = 15 and 3 / (m l²) = 3. NumPy keeps the torque in Float32.
    const speed = this.#speed + (15 * sin(this.#angle) + Math.fround(3 * torque)) * TIME_STEP;
    this.#speed = clip(speed, MAX_SPEED);
    this.#angle += (this.#clipsBeforeMoving ? this.#speed : speed) * TIME_STEP;
    return { observation: this.#observe(), reward, terminated: false };
  }

  #observe(): Float32Array {
    this.#observation[0] = cos(this.#angle);
    this.#observation[1] = sin(this.#angle);
    this.#observation[2] = this.#speed;
    return this.#observation;
  }

  save(): Float64Array {
    return Float64Array.of(this.#angle, this.#speed);
  }

  restore(state: Float64Array): void {
    expectNumbers(state, 2, "Pendulum restore");
    [this.#angle, this.#speed] = state;
    this.#torque = 0;
  }
}

function clip(x: number, bound: number): number {
  return Math.max(-bound, Math.min(x, bound));
}

/** Returns the angle in [−π, π). */
function wrap(angle: number): number {
  const turned = (angle + pi) % (2 * pi);
  return (turned < 0 ? turned + 2 * pi : turned) - pi;
}
