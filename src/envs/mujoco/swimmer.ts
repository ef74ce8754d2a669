import { addUniform, controlCost, withDefaults } from "./gymnasium.ts";
import type { MujocoTask } from "./mujoco-environment.ts";

const defaults = {
  /** Reward per m/s of speed along x. */
  forwardRewardWeight: 1,
  /** Cost per unit of Σ action². */
  ctrlCostWeight: 1e-4,
  /** Initial positions and speeds vary uniformly by ± this. */
  resetNoiseScale: 0.1,
  /** Whether the observation leaves out x and y. */
  excludeCurrentPositionsFromObservation: true,
};

/**
 * Swimmer-v5 of Gymnasium 1.3.0: swim forward through a viscous fluid with three links in a row.
 *
 * **Action** — the engine clips it to its bounds; the reward uses the unclipped action
 *
 * | index | meaning                                  | min | max | unit    |
 * |-------|------------------------------------------|-----|-----|---------|
 * | 0–1   | torques at the front and the rear joint  | −1  | 1   | 150 N·m |
 *
 * **Observation** — unbounded; preceded by x and y (m) unless they are excluded
 *
 * | index | meaning                              | unit       |
 * |-------|--------------------------------------|------------|
 * | 0     | direction of the first link          | rad        |
 * | 1–2   | angles of the joints                 | rad        |
 * | 3–4   | speed of the first link along x and y | m/s        |
 * | 5–7   | angular speeds of link and joints    | rad/s      |
 *
 * **Reward** — `forwardRewardWeight` · speed along x − `ctrlCostWeight` · Σ action².
 *
 * **Start** — stretched along x, at rest, with noise uniform in ±`resetNoiseScale` on every number of the state.
 *
 * **End** — never terminated; truncated after 1,000 steps of 0.04 s.
 *
 * **Version** — v5.
 */
export function swimmer(options: Partial<typeof defaults> = {}): MujocoTask {
  const name = "Swimmer-v5";
  const chosen = withDefaults(name, defaults, options);
  const { forwardRewardWeight, ctrlCostWeight, resetNoiseScale } = chosen;
  const excluded = chosen.excludeCurrentPositionsFromObservation ? 2 : 0;
  return {
    name,
    model,
    frameSkip: 4,
    timeLimit: 1000,
    camera: { follows: "torso", target: [-1, 0, 0], distance: 4.4, azimuth: 90, elevation: -50 },
    start({ qpos, qvel }, random) {
      addUniform(qpos, random, resetNoiseScale);
      addUniform(qvel, random, resetNoiseScale);
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
<mujoco model="swimmer">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="100K"/>
  <option timestep="0.01" integrator="RK4" density="4000" viscosity="0.1"/> <!-- kg/m³, Pa·s -->
  <default>
    <joint armature="0.1"/> <!-- kg for sliding, kg·m² for turning -->
    <geom type="capsule" size="0.1" condim="1" contype="0" conaffinity="0" rgba="0.8 0.6 0.4 1"/> <!-- nothing collides -->
  </default>
  <worldbody>
    <geom name="floor" type="plane" condim="3" pos="0 0 -0.1" size="40 40 0.1" rgba="0.8 0.9 0.8 1"/>
    <body name="torso">
      <joint name="slider1" type="slide" axis="1 0 0"/>
      <joint name="slider2" type="slide" axis="0 1 0"/>
      <joint name="free_body_rot" axis="0 0 1"/>
      <geom fromto="1.5 0 0 0.5 0 0"/>
      <body name="mid" pos="0.5 0 0">
        <joint name="motor1_rot" axis="0 0 1" range="-100 100"/>
        <geom fromto="0 0 0 -1 0 0"/>
        <body name="back" pos="-1 0 0">
          <joint name="motor2_rot" axis="0 0 1" range="-100 100"/>
          <geom fromto="0 0 0 -1 0 0"/>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator> <!-- N·m for each 1 of the action -->
    <motor joint="motor1_rot" gear="150" ctrlrange="-1 1"/>
    <motor joint="motor2_rot" gear="150" ctrlrange="-1 1"/>
  </actuator>
</mujoco>`;
