import { cos, pi } from "../../base/math.ts";
import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { tolerance } from "./reward.ts";
import { materials, randomJoints, rotations, suite } from "./suite.ts";

/**
 * pendulum-swingup: swing a pole up and hold it there, with a motor that is too weak to lift it.
 *
 * **Action** — the torque at the hinge, N·m.
 *
 * **Observation** — cosine and sine of the angle from the top; the angular speed (rad/s).
 *
 * **Reward** — 1 within 8° of the top, else 0.
 *
 * **Start** — any angle, at rest.
 */
export function pendulumSwingup(): MujocoTask {
  const upright = cos((8 * pi) / 180);
  return {
    ...suite,
    name: "dm_control/pendulum-swingup",
    model,
    frameSkip: 1,
    camera: { target: [0, 0, 0.6], distance: 2.2, azimuth: 90, elevation: -10 },
    start: randomJoints,
    observe: (simulation) => [...rotations(simulation, [1], [8, 2]), simulation.qvel[0]],
    reward: (simulation) => tolerance(rotations(simulation, [1], [8])[0], [upright, 1]),
  };
}

const model = `
<mujoco model="pendulum">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="100K"/>
  <option timestep="0.02"><flag contact="disable" energy="enable"/></option>${materials}
  <worldbody>
    <geom name="floor" type="plane" size="2 2 0.2" material="ground"/>
    <body name="pole" pos="0 0 0.6">
      <joint name="hinge" axis="0 1 0" damping="0.1"/>
      <geom name="base" type="cylinder" fromto="0 -0.03 0 0 0.03 0" size="0.021" mass="0" material="fixed"/>
      <geom name="pole" type="capsule" fromto="0 0 0 0 0 0.5" size="0.02" mass="0" material="body"/>
      <geom name="mass" size="0.05" pos="0 0 0.5" mass="1" material="other"/>
    </body>
  </worldbody>
  <actuator>
    <motor name="torque" joint="hinge" ctrlrange="-1 1"/>
  </actuator>
</mujoco>`;
