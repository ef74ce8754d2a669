import type { Simulation } from "./engine.ts";
import { type Range, withDefaults, within } from "./gymnasium.ts";
import type { MujocoTask } from "./mujoco-environment.ts";
import { upright, uprightDefaults } from "./upright.ts";

const defaults = {
  ...uprightDefaults,
  /** The healthy heights of the trunk, in m. */
  healthyZRange: [0.8, 2] as Range,
  /** The healthy pitch angles of the trunk, in rad. */
  healthyAngleRange: [-1, 1] as Range,
};

/**
 * Walker2d-v5 of Gymnasium 1.3.0: walk forward on two legs, in a plane.
 *
 * **Action** — the engine clips it to its bounds; the reward uses the unclipped action
 *
 * | index | meaning                                      | min | max | unit    |
 * |-------|----------------------------------------------|-----|-----|---------|
 * | 0–2   | torques at the right hip, knee and ankle     | −1  | 1   | 100 N·m |
 * | 3–5   | torques at the left hip, knee and ankle      | −1  | 1   | 100 N·m |
 *
 * **Observation** — preceded by x (m) unless it is excluded
 *
 * | index | meaning                                  | min | max | unit  |
 * |-------|------------------------------------------|-----|-----|-------|
 * | 0     | height of the trunk                      | −∞  | ∞   | m     |
 * | 1     | pitch of the trunk                       | −∞  | ∞   | rad   |
 * | 2–7   | angles of hip, knee and ankle, right first | −∞  | ∞   | rad   |
 * | 8–9   | speed of the trunk along x and z         | −10 | 10  | m/s   |
 * | 10–16 | angular speeds of trunk and joints       | −10 | 10  | rad/s |
 *
 * **Reward** — `forwardRewardWeight` · speed along x + `healthyReward` (while healthy) − `ctrlCostWeight` · Σ action².
 *
 * **Start** — standing at rest, with noise uniform in ±`resetNoiseScale` on every number of the state.
 *
 * **End** — terminated when unhealthy: when the height or pitch is not strictly inside its range; truncated after 1,000
 * steps of 0.008 s.
 *
 * **Version** — v5: both feet have the same friction.
 */
export function walker2d(options: Partial<typeof defaults> = {}): MujocoTask {
  const name = "Walker2d-v5";
  const chosen = withDefaults(name, defaults, options);
  const { healthyZRange, healthyAngleRange } = chosen;
  const healthy = ({ qpos }: Simulation) => within(qpos[1], healthyZRange) && within(qpos[2], healthyAngleRange);
  return { name, model, ...upright(chosen, healthy) };
}

/** The legs differ only in name and color. */
const leg = (side: string) => `
      <body name="thigh${side}" pos="0 0 -0.2" childclass="leg${side}">
        <joint name="thigh${side}_joint" axis="0 -1 0" range="-150 0"/>
        <geom name="thigh${side}_geom" fromto="0 0 0 0 0 -0.45" size="0.05"/>
        <body name="leg${side}" pos="0 0 -0.7">
          <joint name="leg${side}_joint" pos="0 0 0.25" axis="0 -1 0" range="-150 0"/>
          <geom name="leg${side}_geom" fromto="0 0 0.25 0 0 -0.25" size="0.04"/>
          <body name="foot${side}" pos="0.2 0 -0.35">
            <joint name="foot${side}_joint" pos="-0.2 0 0.1" axis="0 -1 0" range="-45 45"/>
            <geom name="foot${side}_geom" fromto="-0.2 0 0.1 0 0 0.1" size="0.06" friction="1.9 0.1 0.1"/>
          </body>
        </body>
      </body>`;

const model = `
<mujoco model="walker2d">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="200K"/>
  <option timestep="0.002" integrator="RK4"/>
  <default>
    <joint armature="0.01" damping="0.1"/> <!-- kg·m², N·m·s/rad -->
    <geom type="capsule" friction="0.9 0.1 0.1" conaffinity="0" rgba="0.8 0.6 0.4 1"/>
    <default class="root">
      <joint armature="0" damping="0"/>
    </default>
    <default class="leg"/>
    <default class="leg_left">
      <geom rgba="0.7 0.3 0.6 1"/>
    </default>
    <motor gear="100" ctrlrange="-1 1"/> <!-- N·m for each 1 of the action -->
  </default>
  <worldbody>
    <geom name="floor" type="plane" size="40 40 40" friction="0.7 0.1 0.1" conaffinity="1" rgba="0.8 0.9 0.8 1"/>
    <body name="torso" pos="0 0 1.25"> <!-- ref: z is measured from the floor -->
      <joint name="rootx" class="root" type="slide" pos="0 0 -1.25" axis="1 0 0"/>
      <joint name="rootz" class="root" type="slide" pos="0 0 -1.25" axis="0 0 1" ref="1.25"/>
      <joint name="rooty" class="root" axis="0 1 0"/>
      <geom name="torso_geom" fromto="0 0 0.2 0 0 -0.2" size="0.05"/>${leg("")}${leg("_left")}
    </body>
  </worldbody>
  <actuator>
    <motor joint="thigh_joint"/>
    <motor joint="leg_joint"/>
    <motor joint="foot_joint"/>
    <motor joint="thigh_left_joint"/>
    <motor joint="leg_left_joint"/>
    <motor joint="foot_left_joint"/>
  </actuator>
</mujoco>`;
