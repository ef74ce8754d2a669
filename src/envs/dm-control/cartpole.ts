import { pi } from "../../base/math.ts";
import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { tolerance, weakControl } from "./reward.ts";
import { materials, rotations, suite } from "./suite.ts";

export interface CartpoleOptions {
  /** Poles on top of each other. Default: 1. */
  readonly poles?: number;
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
 * **Start** — standing: the cart within 0.1 m of the center, the angle within 0.034 rad. Hanging: normal noise of 0.01 on
 * position and angle, of 0.1 on the angles of further poles. Normal noise of 0.01 on all speeds.
 */
export function cartpole(name: string, { poles = 1, hangs = false, isSparse = false }: CartpoleOptions): MujocoTask {
  const bodies = Array.from({ length: poles }, (_, i) => 2 + i); // after the world and the cart
  return {
    ...suite,
    name,
    model: model(poles),
    frameSkip: 1,
    camera: { target: [0, 0, 1], distance: 3 + 1.7 * poles, azimuth: 90, elevation: -8 },
    start({ qpos, qvel }, random) {
      qpos[0] = hangs ? 0.01 * random.normal() : random.uniform(-0.1, 0.1);
      for (let i = 1; i <= poles; i++) {
        if (!hangs) qpos[i] = random.uniform(-0.034, 0.034);
        else qpos[i] = i === 1 ? pi + 0.01 * random.normal() : 0.1 * random.normal();
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
      const speeds = Array.from(qvel.subarray(1), (speed) => tolerance(speed, [0, 0], { margin: 5 }));
      const slow = (1 + Math.min(...speeds)) / 2;
      return upright * weak * slow * centered;
    },
  };
}

/** The poles from number `first` up, each on the one before. */
const tower = (first: number, last: number): string =>
  first > last
    ? ""
    : `
      <body name="pole_${first}" pos="0 0 ${first === 1 ? 0 : 1}">
        <joint name="hinge_${first}" axis="0 1 0" damping="2e-6"/>
        <geom name="pole_${first}" type="capsule" fromto="0 0 0 0 0 1" size="0.045" mass="0.1" material="body"/>${tower(first + 1, last)}
      </body>`;

const model = (poles: number): string => `
<mujoco model="cartpole">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="100K"/>
  <option timestep="0.01" integrator="RK4"><flag contact="disable" energy="enable"/></option>${materials}
  <worldbody>
    <geom name="floor" type="plane" pos="0 0 ${0.95 - poles}" size="4 4 0.2" material="ground"/>
    <geom name="rail1" type="capsule" pos="0 0.07 1" zaxis="1 0 0" size="0.02 2" material="fixed"/>
    <geom name="rail2" type="capsule" pos="0 -0.07 1" zaxis="1 0 0" size="0.02 2" material="fixed"/>
    <body name="cart" pos="0 0 1">
      <joint name="slider" type="slide" axis="1 0 0" range="-1.8 1.8" solreflimit="0.08 1" damping="5e-4"/>
      <geom name="cart" type="box" size="0.2 0.15 0.1" mass="1" material="other"/>${tower(1, poles)}
    </body>
  </worldbody>
  <actuator>
    <motor name="slide" joint="slider" gear="10" ctrlrange="-1 1"/>
  </actuator>
</mujoco>`;
