import { pi } from "../../base/math.ts";
import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { tolerance, weakControl } from "./reward.ts";
import { materials, rotations, suite } from "./suite.ts";

export interface CartpoleOptions {
  /** Poles on top of each other. Default: 1. */
  readonly poles?: number;
  /** Whether a second pole, half as long and heavy, stands beside the first. Default: no. */
  readonly isParallel?: boolean;
  /** Whether the pole hangs at the start. Default: it stands. */
  readonly hangs?: boolean;
  readonly isSparse?: boolean;
}

/**
 * cartpole-balance, -swingup, their sparse forms, -two_poles and -three_poles: hold poles upright on a cart, near the
 * center of its rail.
 *
 * **Action** — the force on the cart, 10 N for each 1.
 *
 * **Observation** — the position of the cart (m); cosine and sine of each pole's angle from the top; the speed of the
 * cart (m/s); the angular speeds of the hinges (rad/s).
 *
 * **Reward** — a product: the mean of (cos + 1)/2 over the poles; less far from the center, for strong controls, and for
 * fast poles. Sparse: 1 while every cosine is at least 0.995 and the cart within 0.25 m of the center, else 0.
 *
 * cartpole-parallel_double is our reconstruction of a task of the paper: the second pole, half as long and heavy, hangs from
 * the cart like the first.
 *
 * **Start** — standing: the cart within 0.1 m of the center, the angle within 0.034 rad. Hanging: normal noise of 0.01 on
 * position and angle, of 0.1 on the angles of further poles. Normal noise of 0.01 on all speeds.
 */
export function cartpole(name: string, options: CartpoleOptions): MujocoTask {
  const { isParallel = false, poles = isParallel ? 2 : 1, hangs = false, isSparse = false } = options;
  const bodies = Array.from({ length: poles }, (_, i) => 2 + i); // after the world and the cart
  return {
    ...suite,
    name,
    model: isParallel ? model(1, pole(1, "") + pole(2, "", 0.5)) : model(poles, tower(1, poles)),
    frameSkip: 1,
    camera: { target: [0, 0, 1], distance: isParallel ? 4.7 : 3 + 1.7 * poles, azimuth: 90, elevation: -8 },
    start({ qpos, qvel }, random) {
      qpos[0] = hangs ? 0.01 * random.normal() : random.uniform(-0.1, 0.1);
      for (let i = 1; i <= poles; i++) {
        if (!hangs) qpos[i] = random.uniform(-0.034, 0.034);
        else qpos[i] = i === 1 || isParallel ? pi + 0.01 * random.normal() : 0.1 * random.normal();
      }
      for (let i = 0; i < qvel.length; i++) qvel[i] = 0.01 * random.normal();
    },
    observe: (simulation) => [simulation.qpos[0], ...rotations(simulation, bodies, [8, 2]), ...simulation.qvel],
    reward(simulation, action) {
      const cosines = rotations(simulation, bodies, [8]);
      const { qpos, qvel } = simulation;
      if (isSparse) {
        const isUpright = cosines.every((cosine) => tolerance(cosine, [0.995, 1]) === 1);
        return isUpright ? tolerance(qpos[0], [-0.25, 0.25]) : 0;
      }
      const upright = cosines.reduce((sum, cosine) => sum + (cosine + 1) / 2, 0) / poles;
      const centered = (1 + tolerance(qpos[0], [0, 0], { margin: 2 })) / 2;
      const weak = (4 + weakControl(action)) / 5;
      const fastest = qvel.subarray(1).reduce((most, speed) => Math.max(most, Math.abs(speed)), 0);
      const slow = (1 + tolerance(fastest, [0, 0], { margin: 5 })) / 2;
      return upright * weak * slow * centered;
    },
  };
}

/**
 * cart: bring a mass to rest at 0. Our reconstruction of a task of the paper.
 *
 * **Action** — the force on the cart, 10 N for each 1.
 *
 * **Observation** — position (m) and speed (m/s).
 *
 * **Reward** — a product: 1 within 0.05 m of 0, falling to 0.1 at 0.55 m; (1 + a reward for speeds near 0)/2, which falls
 * to 0.1 at 1 m/s; and (4 + a reward for weak controls)/5.
 *
 * **Start** — within 1 m of 0, at up to 1 m/s.
 */
export function cart(name: string): MujocoTask {
  return {
    ...suite,
    name,
    model: model(0, ""),
    frameSkip: 1,
    camera: { target: [0, 0, 1], distance: 4, azimuth: 90, elevation: -8 },
    start({ qpos, qvel }, random) {
      qpos[0] = random.uniform(-1, 1);
      qvel[0] = random.uniform(-1, 1);
    },
    observe: ({ qpos, qvel }) => [qpos[0], qvel[0]],
    reward({ qpos, qvel }, action) {
      const centered = tolerance(qpos[0], [-0.05, 0.05], { margin: 0.5 });
      const slow = (1 + tolerance(qvel[0], [0, 0], { margin: 1 })) / 2;
      return (centered * slow * (4 + weakControl(action))) / 5;
    },
  };
}

/** A pole on the cart or on a pole of 1 m; `above` stands on it. Its size is relative to that of the suite. */
const pole = (number: number, above: string, size = 1): string => `
      <body name="pole_${number}" pos="0 0 ${number === 1 || size !== 1 ? 0 : 1}">
        <joint name="hinge_${number}" axis="0 1 0" damping="2e-6"/>
        <geom name="pole_${number}" type="capsule" fromto="0 0 0 0 0 ${size}" size="0.045" mass="${0.1 * size}" material="body"/>${above}
      </body>`;

/** The poles from number `first` up, each on the one before. */
const tower = (first: number, last: number): string => (first > last ? "" : pole(first, tower(first + 1, last)));

/** `height`: of the poles, m. */
const model = (height: number, poles: string): string => `
<mujoco model="cartpole">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="100K"/>
  <option timestep="0.01" integrator="RK4"><flag contact="disable" energy="enable"/></option>${materials}
  <worldbody>
    <geom name="floor" type="plane" pos="0 0 ${0.95 - height}" size="4 4 0.2" material="ground"/>
    <geom name="rail1" type="capsule" pos="0 0.07 1" zaxis="1 0 0" size="0.02 2" material="fixed"/>
    <geom name="rail2" type="capsule" pos="0 -0.07 1" zaxis="1 0 0" size="0.02 2" material="fixed"/>
    <body name="cart" pos="0 0 1">
      <joint name="slider" type="slide" axis="1 0 0" range="-1.8 1.8" solreflimit="0.08 1" damping="5e-4"/>
      <geom name="cart" type="box" size="0.2 0.15 0.1" mass="1" material="other"/>${poles}
    </body>
  </worldbody>
  <actuator>
    <motor name="slide" joint="slider" gear="10" ctrlrange="-1 1"/>
  </actuator>
</mujoco>`;
