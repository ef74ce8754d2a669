import type { Simulation } from "./engine.ts";
import { type Range, withDefaults, within } from "./gymnasium.ts";
import type { MujocoTask } from "./mujoco-environment.ts";
import { upright, uprightDefaults } from "./upright.ts";

const defaults = {
  ...uprightDefaults,
  /** The healthy values of every angle (rad) and speed (m/s, rad/s). */
  healthyStateRange: [-100, 100] as Range,
  /** The healthy heights of the trunk, in m. */
  healthyZRange: [0.7, Infinity] as Range,
  /** The healthy pitch angles of the trunk, in rad. */
  healthyAngleRange: [-0.2, 0.2] as Range,
};

/**
 * Hopper-v5 of Gymnasium 1.3.0: hop forward on one leg.
 *
 * **Action** — the engine clips it to its bounds; the reward uses the unclipped action
 *
 * | index | meaning                           | min | max | unit    |
 * |-------|-----------------------------------|-----|-----|---------|
 * | 0–2   | torques at the hip, knee and ankle | −1  | 1   | 200 N·m |
 *
 * **Observation** — preceded by x (m) unless it is excluded
 *
 * | index | meaning                              | min | max | unit  |
 * |-------|--------------------------------------|-----|-----|-------|
 * | 0     | height of the trunk                  | −∞  | ∞   | m     |
 * | 1     | pitch of the trunk                   | −∞  | ∞   | rad   |
 * | 2–4   | angles of hip, knee and ankle        | −∞  | ∞   | rad   |
 * | 5–6   | speed of the trunk along x and z     | −10 | 10  | m/s   |
 * | 7–10  | angular speeds of trunk and joints   | −10 | 10  | rad/s |
 *
 * **Reward** — `forwardRewardWeight` · speed along x + `healthyReward` (while healthy) − `ctrlCostWeight` · Σ action².
 *
 * **Start** — standing at rest, with noise uniform in ±`resetNoiseScale` on every number of the state.
 *
 * **End** — terminated when unhealthy: when the height, an angle or a speed is not strictly inside its range; truncated
 * after 1,000 steps of 0.008 s.
 *
 * **Version** — v5.
 */
export function hopper(options: Partial<typeof defaults> = {}): MujocoTask {
  const name = "Hopper-v5";
  const chosen = withDefaults(name, defaults, options);
  const { healthyStateRange, healthyZRange, healthyAngleRange } = chosen;
  const fine = (x: number) => within(x, healthyStateRange);
  const healthy = ({ qpos, qvel }: Simulation) =>
    within(qpos[1], healthyZRange) &&
    within(qpos[2], healthyAngleRange) &&
    qpos.subarray(2).every(fine) &&
    qvel.every(fine);
  return { name, model, ...upright(chosen, healthy) };
}

const model = `
<mujoco model="hopper">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="200K"/>
  <option timestep="0.002" integrator="RK4"/>
  <default>
    <joint armature="1" damping="1"/> <!-- kg·m², N·m·s/rad -->
    <geom type="capsule" friction="0.9 0.005 0.0001" condim="1" margin="0.001" solimp="0.8 0.8 0.01" rgba="0.8 0.6 0.4 1"/>
    <default class="root">
      <joint armature="0" damping="0"/>
    </default>
    <motor gear="200" ctrlrange="-1 1"/> <!-- N·m for each 1 of the action -->
  </default>
  <worldbody>
    <geom name="floor" type="plane" size="20 20 0.125" friction="1 0.005 0.0001" condim="3" rgba="0.8 0.9 0.8 1"/>
    <body name="torso" pos="0 0 1.25"> <!-- ref: z is measured from the floor -->
      <joint name="rootx" class="root" type="slide" pos="0 0 -1.25" axis="1 0 0"/>
      <joint name="rootz" class="root" type="slide" pos="0 0 -1.25" axis="0 0 1" ref="1.25"/>
      <joint name="rooty" class="root" axis="0 1 0"/>
      <geom name="torso_geom" fromto="0 0 0.2 0 0 -0.2" size="0.05"/>
      <body name="thigh" pos="0 0 -0.2">
        <joint name="thigh_joint" axis="0 -1 0" range="-150 0"/>
        <geom name="thigh_geom" fromto="0 0 0 0 0 -0.45" size="0.05"/>
        <body name="leg" pos="0 0 -0.7">
          <joint name="leg_joint" pos="0 0 0.25" axis="0 -1 0" range="-150 0"/>
          <geom name="leg_geom" fromto="0 0 0.25 0 0 -0.25" size="0.04"/>
          <body name="foot" pos="0.13 0 -0.35">
            <joint name="foot_joint" pos="-0.13 0 0.1" axis="0 -1 0" range="-45 45"/>
            <geom name="foot_geom" fromto="-0.26 0 0.1 0.13 0 0.1" size="0.06" friction="2 0.005 0.0001"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor joint="thigh_joint"/>
    <motor joint="leg_joint"/>
    <motor joint="foot_joint"/>
  </actuator>
</mujoco>`;
