import { addNormal, addUniform, controlCost, withDefaults } from "./gymnasium.ts";
import type { MujocoTask } from "./mujoco-environment.ts";

const defaults = {
  /** Reward per m/s of speed along x. */
  forwardRewardWeight: 1,
  /** Cost per unit of Σ action². */
  ctrlCostWeight: 0.1,
  /** Initial positions vary uniformly by ± this, initial speeds normally with this standard deviation. */
  resetNoiseScale: 0.1,
  /** Whether the observation leaves out x. */
  excludeCurrentPositionsFromObservation: true,
};

/**
 * HalfCheetah-v5 of Gymnasium 1.3.0: run as fast as possible on two legs, in a plane.
 *
 * **Action** — the engine clips it to its bounds; the reward uses the unclipped action
 *
 * | index | meaning                                      | min | max | unit                   |
 * |-------|----------------------------------------------|-----|-----|------------------------|
 * | 0–2   | torques at the rear thigh, shin and foot     | −1  | 1   | 120, 90 and 60 N·m     |
 * | 3–5   | torques at the front thigh, shin and foot    | −1  | 1   | 120, 60 and 30 N·m     |
 *
 * **Observation** — unbounded; preceded by x (m) unless it is excluded
 *
 * | index | meaning                                              | unit       |
 * |-------|------------------------------------------------------|------------|
 * | 0     | height of the trunk above its height in the model    | m          |
 * | 1     | pitch of the trunk                                   | rad        |
 * | 2–7   | angles of the joints, rear leg first                 | rad        |
 * | 8–9   | speed of the trunk along x and z                     | m/s        |
 * | 10–16 | angular speeds of the trunk and the joints           | rad/s      |
 *
 * **Reward** — `forwardRewardWeight` · speed along x − `ctrlCostWeight` · Σ action².
 *
 * **Start** — standing at rest, with noise of size `resetNoiseScale`: uniform on positions, normal on speeds.
 *
 * **End** — never terminated; truncated after 1,000 steps of 0.05 s.
 *
 * **Version** — v5.
 */
export function halfCheetah(options: Partial<typeof defaults> = {}): MujocoTask {
  const name = "HalfCheetah-v5";
  const chosen = withDefaults(name, defaults, options);
  const { forwardRewardWeight, ctrlCostWeight, resetNoiseScale } = chosen;
  const excluded = chosen.excludeCurrentPositionsFromObservation ? 1 : 0;
  return {
    name,
    model,
    frameSkip: 5,
    timeLimit: 1000,
    camera: { follows: "torso", target: [0, 0, 0.5], distance: 3, azimuth: 90, elevation: -12 },
    start({ qpos, qvel }, random) {
      addUniform(qpos, random, resetNoiseScale);
      addNormal(qvel, random, resetNoiseScale);
    },
    observe: ({ qpos, qvel }) => [...qpos.subarray(excluded), ...qvel],
    position: ({ qpos }) => qpos[0],
    reward(_, action, velocity) {
      const forwardReward = forwardRewardWeight * velocity;
      return forwardReward - controlCost(ctrlCostWeight, action);
    },
  };
}

const model = `
<mujoco model="half cheetah">
  <!-- Lengths in m, angles in rad, masses in kg, times in s. -->
  <compiler angle="radian" settotalmass="14"/>
  <size memory="200K"/>
  <option timestep="0.01"/>
  <default>
    <joint armature="0.1" solimplimit="0 0.8 0.03"/> <!-- kg·m² -->
    <geom type="capsule" size="0.046" friction="0.4 0.1 0.1" conaffinity="0" solimp="0 0.8 0.01" rgba="0.8 0.6 0.4 1"/>
    <default class="root">
      <joint armature="0"/>
    </default>
    <default class="lower">
      <geom rgba="0.9 0.6 0.6 1"/>
    </default>
    <motor ctrlrange="-1 1"/>
  </default>
  <worldbody>
    <geom name="floor" type="plane" conaffinity="1" size="40 40 40" rgba="0.8 0.9 0.8 1"/>
    <body name="torso" pos="0 0 0.7">
      <joint name="rootx" class="root" type="slide" axis="1 0 0"/>
      <joint name="rootz" class="root" type="slide" axis="0 0 1"/>
      <joint name="rooty" class="root" axis="0 1 0"/>
      <geom name="torso" fromto="-0.5 0 0 0.5 0 0"/>
      <geom name="head" pos="0.6 0 0.1" axisangle="0 1 0 0.87" size="0.046 0.15"/>
      <body name="bthigh" pos="-0.5 0 0"> <!-- b: the rear leg; stiffness in N·m/rad, damping in N·m·s/rad -->
        <joint name="bthigh" axis="0 1 0" range="-0.52 1.05" stiffness="240" damping="6"/>
        <geom name="bthigh" pos="0.1 0 -0.13" axisangle="0 1 0 -3.8" size="0.046 0.145"/>
        <body name="bshin" pos="0.16 0 -0.25" childclass="lower">
          <joint name="bshin" axis="0 1 0" range="-0.785 0.785" stiffness="180" damping="4.5"/>
          <geom name="bshin" pos="-0.14 0 -0.07" axisangle="0 1 0 -2.03" size="0.046 0.15"/>
          <body name="bfoot" pos="-0.28 0 -0.14">
            <joint name="bfoot" axis="0 1 0" range="-0.4 0.785" stiffness="120" damping="3"/>
            <geom name="bfoot" pos="0.03 0 -0.097" axisangle="0 1 0 -0.27" size="0.046 0.094"/>
          </body>
        </body>
      </body>
      <body name="fthigh" pos="0.5 0 0"> <!-- f: the front leg -->
        <joint name="fthigh" axis="0 1 0" range="-1 0.7" stiffness="180" damping="4.5"/>
        <geom name="fthigh" pos="-0.07 0 -0.12" axisangle="0 1 0 0.52" size="0.046 0.133"/>
        <body name="fshin" pos="-0.14 0 -0.24" childclass="lower">
          <joint name="fshin" axis="0 1 0" range="-1.2 0.87" stiffness="120" damping="3"/>
          <geom name="fshin" pos="0.065 0 -0.09" axisangle="0 1 0 -0.6" size="0.046 0.106"/>
          <body name="ffoot" pos="0.13 0 -0.18">
            <joint name="ffoot" axis="0 1 0" range="-0.5 0.5" stiffness="60" damping="1.5"/>
            <geom name="ffoot" pos="0.045 0 -0.07" axisangle="0 1 0 -0.6" size="0.046 0.07"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator> <!-- N·m for each 1 of the action -->
    <motor name="bthigh" joint="bthigh" gear="120"/>
    <motor name="bshin" joint="bshin" gear="90"/>
    <motor name="bfoot" joint="bfoot" gear="60"/>
    <motor name="fthigh" joint="fthigh" gear="120"/>
    <motor name="fshin" joint="fshin" gear="60"/>
    <motor name="ffoot" joint="ffoot" gear="30"/>
  </actuator>
</mujoco>`;
