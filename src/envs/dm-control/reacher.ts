import { cos, pi, sin } from "../../base/math.ts";
import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { arena } from "./point-mass.ts";
import { tolerance } from "./reward.ts";
import { materials, randomJoints, suite } from "./suite.ts";

/** The radius of the fingertip, m. */
const fingerRadius = 0.01;

/**
 * reacher-easy and -hard: bring the fingertip of an arm with two joints into a target, which is large or small.
 *
 * **Action** — the torques at shoulder and wrist, 0.05 N·m for each 1.
 *
 * **Observation** — the angles (rad), x and y from the fingertip to the target (m), the angular speeds (rad/s).
 *
 * **Reward** — 1 while the fingertip touches the target, else 0.
 *
 * **Start** — any angles, at rest; the target in any direction, 0.05 to 0.2 m from the shoulder.
 */
export function reacher(name: string, radius: number): MujocoTask {
  return {
    ...suite,
    name,
    model: model(radius),
    frameSkip: 1,
    camera: { target: [0, 0, 0], distance: 0.8, azimuth: 90, elevation: -70 },
    target: { kind: "geom", name: "target" },
    start(simulation, random) {
      randomJoints(simulation, random);
      const angle = random.uniform(0, 2 * pi);
      const distance = random.uniform(0.05, 0.2);
      simulation.target[0] = distance * sin(angle);
      simulation.target[1] = distance * cos(angle);
    },
    observe(simulation) {
      const { qpos, qvel, target } = simulation;
      const [x, y] = simulation.position("finger");
      return [...qpos, target[0] - x, target[1] - y, ...qvel];
    },
    reward(simulation) {
      const { target } = simulation;
      const [x, y] = simulation.position("finger");
      const distance = Math.sqrt((target[0] - x) * (target[0] - x) + (target[1] - y) * (target[1] - y));
      return tolerance(distance, [0, radius + fingerRadius]);
    },
  };
}

const model = (radius: number): string => `
<mujoco model="reacher">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="100K"/>
  <option timestep="0.02"><flag contact="disable"/></option>
  <default>
    <joint axis="0 0 1" damping="0.01"/>
    <geom type="capsule" size="0.01"/>
    <motor gear="0.05" ctrlrange="-1 1"/>
  </default>${materials}
  <worldbody>
    <geom name="ground" type="plane" size="0.3 0.3 10" material="ground"/>${arena}
    <geom name="root" type="cylinder" fromto="0 0 0 0 0 0.02" size="0.011" material="fixed"/>
    <geom name="target" type="sphere" pos="0 0 0.01" size="${radius}" material="target"/>
    <body name="arm" pos="0 0 0.01">
      <joint name="shoulder"/>
      <geom name="arm" fromto="0 0 0 0.12 0 0" material="body"/>
      <body name="hand" pos="0.12 0 0">
        <joint name="wrist" range="-160 160"/>
        <geom name="hand" fromto="0 0 0 0.1 0 0" material="body"/>
        <body name="finger" pos="0.12 0 0">
          <geom name="finger" type="sphere" size="${fingerRadius}" material="other"/>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="shoulder" joint="shoulder"/>
    <motor name="wrist" joint="wrist"/>
  </actuator>
</mujoco>`;
