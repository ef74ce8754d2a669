import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { tolerance, weakControl } from "./reward.ts";
import { materials, randomJoints, suite } from "./suite.ts";

/** The radius of the target, m. */
const radius = 0.015;

/**
 * point_mass-easy: push a ball in a plane to the center.
 *
 * **Action** — the forces along x and y, 0.1 N for each 1.
 *
 * **Observation** — position (m) and speed (m/s) along x and y.
 *
 * **Reward** — 1 within the target, falling with the distance; up to 1/5 less for strong controls.
 *
 * **Start** — anywhere, at rest.
 */
export function pointMass(): MujocoTask {
  return {
    ...suite,
    name: "dm_control/point_mass-easy",
    model,
    frameSkip: 1,
    camera: { target: [0, 0, 0], distance: 0.75, azimuth: 90, elevation: -70 },
    start: randomJoints,
    observe: ({ qpos, qvel }) => [...qpos, ...qvel],
    reward({ qpos: [x, y] }, action) {
      // The target is in the center, at the ball's height.
      const near = tolerance(Math.sqrt(x * x + y * y), [0, radius], { margin: radius });
      return (near * (weakControl(action) + 4)) / 5;
    },
  };
}

/** A wall, which nothing touches and which a camera looks through. */
const wall = (name: string, size: string, pos: string, zaxis: string): string =>
  `
    <geom name="wall_${name}" type="plane" size="${size} 0.02" pos="${pos} 0.02" zaxis="${zaxis} 0" group="3"/>`;

/** A square of 0.6 m with walls around it. */
export const arena = [
  wall("x", "0.02 0.3", "-0.3 0", "1 0"),
  wall("y", "0.3 0.02", "0 -0.3", "0 1"),
  wall("neg_x", "0.02 0.3", "0.3 0", "-1 0"),
  wall("neg_y", "0.3 0.02", "0 0.3", "0 -1"),
].join("");

const model = `
<mujoco model="point mass">
  <!-- Lengths in m, masses in kg, times in s. -->
  <size memory="100K"/>
  <option timestep="0.02"><flag contact="disable"/></option>${materials}
  <worldbody>
    <geom name="ground" type="plane" size="0.3 0.3 0.1" material="ground"/>${arena}
    <geom name="target" pos="0 0 0.01" size="${radius}" material="target"/>
    <body name="pointmass" pos="0 0 0.01">
      <joint name="root_x" type="slide" axis="1 0 0" range="-0.29 0.29" damping="1"/>
      <joint name="root_y" type="slide" axis="0 1 0" range="-0.29 0.29" damping="1"/>
      <geom name="pointmass" size="0.01" mass="0.3" material="other"/>
    </body>
  </worldbody>
  <tendon>
    <fixed name="t1"><joint joint="root_x" coef="1"/><joint joint="root_y" coef="0"/></fixed>
    <fixed name="t2"><joint joint="root_x" coef="0"/><joint joint="root_y" coef="1"/></fixed>
  </tendon>
  <actuator>
    <motor name="t1" tendon="t1" gear="0.1" ctrlrange="-1 1"/>
    <motor name="t2" tendon="t2" gear="0.1" ctrlrange="-1 1"/>
  </actuator>
</mujoco>`;
