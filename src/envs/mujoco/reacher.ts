import { cos, sin } from "../../base/math.ts";
import { addUniform, controlCost, distance, withDefaults } from "./gymnasium.ts";
import type { MujocoTask } from "./mujoco-environment.ts";

const defaults = {
  /** Cost per m of distance from the fingertip to the target. */
  rewardDistWeight: 1,
  /** Cost per unit of Σ action². */
  rewardControlWeight: 1,
};

/**
 * Reacher-v5 of Gymnasium 1.3.0: move the tip of an arm with two joints to a target at a random place.
 *
 * **Action** — the engine clips it to its bounds; the reward uses the unclipped action
 *
 * | index | meaning                           | min | max | unit    |
 * |-------|-----------------------------------|-----|-----|---------|
 * | 0–1   | torques at the shoulder and elbow | −1  | 1   | 200 N·m |
 *
 * **Observation** — unbounded except for the sines and cosines
 *
 * | index | meaning                               | unit  |
 * |-------|---------------------------------------|-------|
 * | 0–1   | cosines of the two angles             | 1     |
 * | 2–3   | their sines                           | 1     |
 * | 4–5   | x and y of the target                 | m     |
 * | 6–7   | the angular speeds                    | rad/s |
 * | 8–9   | x and y from the target to the fingertip | m     |
 *
 * **Reward** — −`rewardDistWeight` · distance − `rewardControlWeight` · Σ action².
 *
 * **Start** — angles uniform in ±0.1 rad, angular speeds uniform in ±0.005 rad/s; the target uniform in a disk with a
 * radius of 0.2 m.
 *
 * **End** — never terminated; truncated after 50 steps of 0.02 s.
 *
 * **Version** — v5: the reward is that of the state after the step.
 */
export function reacher(options: Partial<typeof defaults> = {}): MujocoTask {
  const name = "Reacher-v5";
  const { rewardDistWeight, rewardControlWeight } = withDefaults(name, defaults, options);
  return {
    name,
    model,
    frameSkip: 2,
    timeLimit: 50,
    camera: { target: [0, 0, 0], distance: 0.8, azimuth: 90, elevation: -60 },
    start({ qpos, qvel }, random) {
      addUniform(qpos.subarray(0, 2), random, 0.1);
      do {
        qpos[2] = random.uniform(-0.2, 0.2);
        qpos[3] = random.uniform(-0.2, 0.2);
      } while (qpos[2] * qpos[2] + qpos[3] * qpos[3] >= 0.04);
      addUniform(qvel.subarray(0, 2), random, 0.005);
    },
    observe(simulation) {
      const [shoulder, elbow, targetX, targetY] = simulation.qpos;
      const [x, y] = simulation.position("fingertip");
      const [goalX, goalY] = simulation.position("target");
      const [shoulderSpeed, elbowSpeed] = simulation.qvel;
      return [
        ...[cos(shoulder), cos(elbow), sin(shoulder), sin(elbow)],
        ...[targetX, targetY, shoulderSpeed, elbowSpeed, x - goalX, y - goalY],
      ];
    },
    reward(simulation, action) {
      const rewardDist = -distance(simulation.position("fingertip"), simulation.position("target")) * rewardDistWeight;
      const rewardControl = -controlCost(rewardControlWeight, action);
      return rewardDist + rewardControl;
    },
  };
}

const model = `
<mujoco model="reacher">
  <!-- Lengths in m, angles in rad, masses in kg, times in s. -->
  <compiler angle="radian"/>
  <size memory="100K"/>
  <option timestep="0.01" integrator="RK4"/>
  <default>
    <joint armature="1" damping="1"/> <!-- kg·m², N·m·s/rad -->
    <geom type="capsule" friction="1 0.1 0.1" contype="0" conaffinity="0" rgba="0.9 0.4 0.6 1"/>
    <default class="arm">
      <geom conaffinity="1" rgba="0 0.4 0.6 1"/>
    </default>
  </default>
  <worldbody>
    <geom name="ground" type="plane" size="1 1 10" rgba="0.9 0.9 0.9 1"/>
    <geom name="sideS" fromto="-0.3 -0.3 0.01 0.3 -0.3 0.01" size="0.02"/>
    <geom name="sideE" fromto="0.3 -0.3 0.01 0.3 0.3 0.01" size="0.02"/>
    <geom name="sideN" fromto="-0.3 0.3 0.01 0.3 0.3 0.01" size="0.02"/>
    <geom name="sideW" fromto="-0.3 -0.3 0.01 -0.3 0.3 0.01" size="0.02"/>
    <geom name="root" type="cylinder" fromto="0 0 0 0 0 0.02" size="0.011"/>
    <body name="body0" pos="0 0 0.01" childclass="arm">
      <joint name="joint0" axis="0 0 1"/>
      <geom name="link0" fromto="0 0 0 0.1 0 0" size="0.01"/>
      <body name="body1" pos="0.1 0 0">
        <joint name="joint1" axis="0 0 1" range="-3 3"/>
        <geom name="link1" fromto="0 0 0 0.1 0 0" size="0.01"/>
        <body name="fingertip" pos="0.11 0 0">
          <geom name="fingertip" type="sphere" size="0.01" rgba="0 0.8 0.6 1"/>
        </body>
      </body>
    </body>
    <body name="target" pos="0.1 -0.1 0.01"> <!-- ref: the joints are measured from the center, not from here -->
      <joint name="target_x" type="slide" axis="1 0 0" range="-0.27 0.27" ref="0.1" armature="0" damping="0"/>
      <joint name="target_y" type="slide" axis="0 1 0" range="-0.27 0.27" ref="-0.1" armature="0" damping="0"/>
      <geom name="target" type="sphere" size="0.009" rgba="0.9 0.2 0.2 1"/>
    </body>
  </worldbody>
  <actuator> <!-- N·m for each 1 of the action -->
    <motor joint="joint0" gear="200" ctrlrange="-1 1"/>
    <motor joint="joint1" gear="200" ctrlrange="-1 1"/>
  </actuator>
</mujoco>`;
