import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { tolerance } from "./reward.ts";
import { materials, randomJoints, rotations, suite } from "./suite.ts";

const bodies = [1, 2, 3, 4, 5, 6, 7]; // all except the world; the torso first

/**
 * walker-stand, -walk and -run: stand up on two legs, or walk or run forward on them, in a plane.
 *
 * **Action** — the torques at hip, knee and ankle of the right leg, then of the left: 100, 50 and 20 N·m for each 1.
 *
 * **Observation** — xx and xz of the rotation of every body; the height of the trunk (m); the speed of the trunk along z
 * and x (m/s), its angular speed and those of the joints (rad/s).
 *
 * **Reward** — standing: (3 · a reward for a trunk above 1.2 m + (1 + its zz)/2)/4. Walking and running: times
 * (5 · a reward for a speed toward 1 or 8 m/s + 1)/6.
 *
 * **Start** — joints anywhere in their ranges and any pitch, at rest; the legs may begin in the ground.
 */
export function walker(name: string, targetSpeed: number): MujocoTask {
  return {
    ...suite,
    name,
    model,
    frameSkip: 10,
    camera: { follows: "torso", target: [0, 0, 0.8], distance: 3.6, azimuth: 90, elevation: -12 },
    start: randomJoints,
    observe: (simulation) => [
      ...rotations(simulation, bodies, [0, 2]),
      simulation.position("torso")[2],
      ...simulation.qvel,
    ],
    reward(simulation) {
      const standing = tolerance(simulation.position("torso")[2], [1.2, Infinity], { margin: 0.6 });
      const upright = (1 + rotations(simulation, [1], [8])[0]) / 2;
      const stand = (3 * standing + upright) / 4;
      if (targetSpeed === 0) return stand;
      const speed = { margin: targetSpeed / 2, shape: "linear", valueAtMargin: 0.5 } as const;
      return (stand * (5 * tolerance(simulation.sensordata[0], [targetSpeed, Infinity], speed) + 1)) / 6;
    },
  };
}

/** The legs differ in name, side and color. */
const leg = (side: string, y: number, material: string): string => `
      <body name="${side}_thigh" pos="0 ${y} -0.3">
        <joint name="${side}_hip" range="-20 100"/>
        <geom name="${side}_thigh" fromto="0 0 0 0 0 -0.45" size="0.05" material="${material}"/>
        <body name="${side}_leg" pos="0 0 -0.7">
          <joint name="${side}_knee" pos="0 0 0.25" range="-150 0"/>
          <geom name="${side}_leg" size="0.04 0.25" material="${material}"/>
          <body name="${side}_foot" pos="0.06 0 -0.25">
            <joint name="${side}_ankle" pos="-0.06 0 0" range="-45 45"/>
            <geom name="${side}_foot" zaxis="1 0 0" size="0.05 0.1" material="${material}"/>
          </body>
        </body>
      </body>`;

const motors = (side: string): string => `
    <motor name="${side}_hip" joint="${side}_hip" gear="100"/>
    <motor name="${side}_knee" joint="${side}_knee" gear="50"/>
    <motor name="${side}_ankle" joint="${side}_ankle" gear="20"/>`;

const model = `
<mujoco model="walker">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="200K"/>
  <option timestep="0.0025"/>
  <default>
    <joint axis="0 -1 0" armature="0.01" damping="0.1" solimplimit="0 0.99 0.01"/>
    <geom type="capsule" friction="0.7 0.1 0.1" conaffinity="0"/>
    <default class="root"><joint armature="0" damping="0"/></default>
    <motor ctrlrange="-1 1"/>
  </default>${materials}
  <worldbody>
    <geom name="floor" type="plane" pos="248 0 0" size="250 0.8 0.2" conaffinity="1" material="ground"/>
    <body name="torso" pos="0 0 1.3">
      <joint name="rootz" class="root" type="slide" axis="0 0 1"/>
      <joint name="rootx" class="root" type="slide" axis="1 0 0"/>
      <joint name="rooty" class="root" axis="0 1 0"/>
      <geom name="torso" size="0.07 0.3" material="body"/>${leg("right", -0.05, "body")}${leg("left", 0.05, "other")}
    </body>
  </worldbody>
  <actuator>${motors("right")}${motors("left")}
  </actuator>
  <sensor>
    <subtreelinvel name="torso_subtreelinvel" body="torso"/>
  </sensor>
</mujoco>`;
