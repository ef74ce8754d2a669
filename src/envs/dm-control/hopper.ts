import { log } from "../../base/math.ts";
import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { tolerance, weakControl } from "./reward.ts";
import { materials, randomJoints, suite } from "./suite.ts";

/**
 * hopper-stand and -hop: stand up on one leg, or hop forward on it, in a plane.
 *
 * **Action** — the torques at waist, hip, knee and ankle: 30, 40, 30 and 10 N·m for each 1.
 *
 * **Observation** — height (m) and pitch (rad) of the trunk, the angles of the joints (rad); the speed of the trunk along
 * x and z (m/s), its angular speed and those of the joints (rad/s); ln(1 + force) at toe and heel (N).
 *
 * **Reward** — 1 while the trunk is 0.6 to 2 m above the foot, else 0; times (4 + a reward for weak controls)/5 in
 * hopper-stand, times a reward for a speed toward 2 m/s in hopper-hop.
 *
 * **Start** — joints anywhere in their ranges and any pitch, at rest; the legs may begin in the ground.
 */
export function hopper(name: string, hops: boolean): MujocoTask {
  return {
    ...suite,
    name,
    model,
    frameSkip: 4,
    camera: { follows: "torso", target: [0, 0, 0.6], distance: 2.8, azimuth: 90, elevation: -12 },
    start: randomJoints,
    observe: ({ qpos, qvel, sensordata }) => [
      ...qpos.subarray(1),
      ...qvel,
      log(1 + sensordata[3]),
      log(1 + sensordata[4]),
    ],
    reward({ xipos, sensordata }, action) {
      const height = xipos[5] - xipos[17]; // z of bodies 1 and 5: torso and foot
      const standing = tolerance(height, [0.6, 2]);
      if (!hops) return (standing * (4 + weakControl(action))) / 5;
      const speed = { margin: 1, shape: "linear", valueAtMargin: 0.5 } as const;
      return standing * tolerance(sensordata[0], [2, Infinity], speed);
    },
  };
}

const model = `
<mujoco model="hopper">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="200K"/>
  <option timestep="0.005"/>
  <default>
    <joint axis="0 1 0" armature="0.2" damping="0.05"/>
    <geom type="capsule" material="body"/>
    <default class="root"><joint armature="0" damping="0"/></default>
    <motor ctrlrange="-1 1"/>
  </default>${materials}
  <worldbody>
    <geom name="floor" type="plane" pos="48 0 0" size="50 1 0.2" material="ground"/>
    <body name="torso" pos="0 0 1">
      <joint name="rootx" class="root" type="slide" axis="1 0 0"/>
      <joint name="rootz" class="root" type="slide" axis="0 0 1"/>
      <joint name="rooty" class="root"/>
      <geom name="torso" fromto="0 0 -0.05 0 0 0.2" size="0.0653"/>
      <geom name="nose" fromto="0.08 0 0.13 0.15 0 0.14" size="0.03" material="other"/>
      <body name="pelvis" pos="0 0 -0.05">
        <joint name="waist" range="-30 30"/>
        <geom name="pelvis" fromto="0 0 0 0 0 -0.15" size="0.065"/>
        <body name="thigh" pos="0 0 -0.2">
          <joint name="hip" range="-170 10"/>
          <geom name="thigh" fromto="0 0 0 0 0 -0.33" size="0.04" material="other"/>
          <body name="calf" pos="0 0 -0.33">
            <joint name="knee" range="5 150"/>
            <geom name="calf" fromto="0 0 0 0 0 -0.32" size="0.03"/>
            <body name="foot" pos="0 0 -0.32">
              <joint name="ankle" range="-45 45"/>
              <geom name="foot" fromto="-0.08 0 0 0.17 0 0" size="0.04" material="other"/>
              <site name="touch_toe" pos="0.17 0 0" size="0.05"/>
              <site name="touch_heel" pos="-0.08 0 0" size="0.05"/>
            </body>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="waist" joint="waist" gear="30"/>
    <motor name="hip" joint="hip" gear="40"/>
    <motor name="knee" joint="knee" gear="30"/>
    <motor name="ankle" joint="ankle" gear="10"/>
  </actuator>
  <sensor>
    <subtreelinvel name="torso_subtreelinvel" body="torso"/>
    <touch name="touch_toe" site="touch_toe"/>
    <touch name="touch_heel" site="touch_heel"/>
  </sensor>
</mujoco>`;
