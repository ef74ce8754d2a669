import type { Simulation } from "../mujoco/engine.ts";
import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { tolerance } from "./reward.ts";
import { materials, randomJoints, rotations, suite } from "./suite.ts";

/** The radius of the target, m. */
const radius = 0.2;

/**
 * acrobot-swingup and -swingup_sparse: swing two arms up until the tip is at the target. Only the elbow has a motor.
 *
 * **Action** — the torque at the elbow, 2 N·m for each 1.
 *
 * **Observation** — the sines of both arms' angles from the top, then their cosines; the angular speeds (rad/s).
 *
 * **Reward** — 1 while the tip is in the target; outside it falls with the distance, or is 0 if sparse.
 *
 * **Start** — any angles, at rest.
 */
export function acrobot(name: string, isSparse: boolean): MujocoTask {
  return {
    ...suite,
    name,
    model,
    frameSkip: 1,
    camera: { target: [0, 0, 2.1], distance: 6, azimuth: 90, elevation: -8 },
    target: { kind: "site", name: "target" },
    start: randomJoints,
    observe: (simulation) => [
      ...rotations(simulation, [1, 2], [2]),
      ...rotations(simulation, [1, 2], [8]),
      ...simulation.qvel,
    ],
    reward: (simulation) => tolerance(tipToTarget(simulation), [0, radius], { margin: isSparse ? 0 : 1 }),
  };
}

/** The distance from the tip to the target's center, m. */
function tipToTarget({ siteXpos }: Simulation): number {
  const [x, y, z, tipX, tipY, tipZ] = siteXpos;
  return Math.sqrt((tipX - x) * (tipX - x) + (tipY - y) * (tipY - y) + (tipZ - z) * (tipZ - z));
}

const model = `
<mujoco model="acrobot">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="100K"/>
  <option timestep="0.01" integrator="RK4"><flag constraint="disable" energy="enable"/></option>
  <default>
    <joint axis="0 1 0" damping="0.05"/>
    <geom type="capsule" mass="1"/>
  </default>${materials}
  <worldbody>
    <geom name="floor" type="plane" size="3 3 0.2" material="ground"/>
    <site name="target" pos="0 0 4" size="${radius}" material="target"/>
    <body name="upper_arm" pos="0 0 2">
      <joint name="shoulder"/>
      <geom name="upper_arm_decoration" type="cylinder" fromto="0 -0.06 0 0 0.06 0" size="0.051" mass="0" material="fixed"/>
      <geom name="upper_arm" fromto="0 0 0 0 0 1" size="0.05" material="body"/>
      <body name="lower_arm" pos="0 0 1">
        <joint name="elbow"/>
        <geom name="lower_arm" fromto="0 0 0 0 0 1" size="0.049" material="other"/>
        <site name="tip" pos="0 0 1" size="0.01"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="elbow" joint="elbow" gear="2" ctrlrange="-1 1"/>
  </actuator>
</mujoco>`;
