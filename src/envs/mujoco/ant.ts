import type { Simulation } from "./engine.ts";
import { addNormal, addUniform, clip, controlCost, type Range, sumOfSquares, withDefaults } from "./gymnasium.ts";
import type { MujocoTask } from "./mujoco-environment.ts";

const defaults = {
  /** Reward per m/s of the trunk's speed along x. */
  forwardRewardWeight: 1,
  /** Cost per unit of Σ action². */
  ctrlCostWeight: 0.5,
  /** Cost per unit of Σ clipped contact force². */
  contactCostWeight: 5e-4,
  /** The range that contact forces (N) and torques (N·m) are clipped to, in the reward and in the observation. */
  contactForceRange: [-1, 1] as Range,
  /** Reward for every step after which the robot is healthy. */
  healthyReward: 1,
  /** Whether the task ends when the robot is not healthy. */
  terminateWhenUnhealthy: true,
  /** The healthy heights of the trunk, in m. */
  healthyZRange: [0.2, 1] as Range,
  /** Initial positions vary uniformly by ± this, initial speeds normally with this standard deviation. */
  resetNoiseScale: 0.1,
  /** Whether the observation leaves out x and y. */
  excludeCurrentPositionsFromObservation: true,
  /** Whether the observation has the contact forces. */
  includeCfrcExtInObservation: true,
};

/**
 * Ant-v5 of Gymnasium 1.3.0: walk along x on four legs with two joints each.
 *
 * **Action** — the engine clips it to its bounds; the reward uses the unclipped action
 *
 * | index | meaning                                                              | min | max | unit    |
 * |-------|----------------------------------------------------------------------|-----|-----|---------|
 * | 0–7   | torques at hip and ankle of the rear right, front left, front right and rear left leg | −1  | 1   | 150 N·m |
 *
 * **Observation** — unbounded except for the forces; preceded by x and y (m) unless they are excluded
 *
 * | index  | meaning                                                        | unit       |
 * |--------|----------------------------------------------------------------|------------|
 * | 0      | height of the trunk                                            | m          |
 * | 1–4    | orientation of the trunk, a quaternion w, x, y, z              | 1          |
 * | 5–12   | angles of hip and ankle: front left, front right, rear left, rear right | rad        |
 * | 13–15  | speed of the trunk along x, y, z                               | m/s        |
 * | 16–18  | angular speed of the trunk, in its own frame                   | rad/s      |
 * | 19–26  | angular speeds of the joints                                   | rad/s      |
 * | 27–104 | contact torque and force on each of the 13 bodies, clipped     | N·m, N     |
 *
 * **Reward** — `forwardRewardWeight` · speed of the trunk along x + `healthyReward` (while healthy) − `ctrlCostWeight`
 * · Σ action² − `contactCostWeight` · Σ clipped contact force².
 *
 * **Start** — standing at rest, with noise of size `resetNoiseScale`: uniform on positions and quaternion, normal on
 * speeds.
 *
 * **End** — terminated when unhealthy: when the height of the trunk is outside its closed range; truncated after
 * 1,000 steps of 0.05 s.
 *
 * **Version** — v5: contact forces are observed and reduce the reward; `healthyReward` only while healthy.
 */
export function ant(options: Partial<typeof defaults> = {}): MujocoTask {
  const name = "Ant-v5";
  const chosen = withDefaults(name, defaults, options);
  const { forwardRewardWeight, ctrlCostWeight, contactCostWeight, contactForceRange, healthyReward } = chosen;
  const { terminateWhenUnhealthy, healthyZRange, resetNoiseScale, includeCfrcExtInObservation } = chosen;
  const excluded = chosen.excludeCurrentPositionsFromObservation ? 2 : 0;
  // Unlike in the other tasks, the range includes its bounds.
  const healthy = ({ qpos }: Simulation) => qpos[2] >= healthyZRange[0] && qpos[2] <= healthyZRange[1];
  return {
    name,
    model,
    frameSkip: 5,
    timeLimit: 1000,
    camera: { follows: "torso", target: [0, 0, 0.4], distance: 3.6, azimuth: 70, elevation: -28 },
    start({ qpos, qvel }, random) {
      addUniform(qpos, random, resetNoiseScale);
      addNormal(qvel, random, resetNoiseScale);
    },
    observe({ qpos, qvel, cfrcExt }) {
      const moving = [...qpos.subarray(excluded), ...qvel];
      if (!includeCfrcExtInObservation) return moving;
      // Skips the first body, the world.
      for (let i = 6; i < cfrcExt.length; i++) moving.push(clip(cfrcExt[i], contactForceRange));
      return moving;
    },
    position: (simulation) => simulation.position("torso")[0],
    reward(simulation, action, velocity) {
      const forwardReward = forwardRewardWeight * velocity;
      const survivalReward = healthy(simulation) ? healthyReward : 0;
      const contactCost = contactCostWeight * sumOfSquares(simulation.cfrcExt, contactForceRange);
      return forwardReward + survivalReward - (controlCost(ctrlCostWeight, action) + contactCost);
    },
    terminated: (simulation) => terminateWhenUnhealthy && !healthy(simulation),
  };
}

/** A leg of three segments from the trunk's center toward (x, y), each ±1; the last segment bends down. */
const leg = (number: number, [hip, thigh, ankle]: readonly string[], x: number, y: number) => `
      <body name="${hip}">
        <geom name="aux_${number}_geom" fromto="0 0 0 ${0.2 * x} ${0.2 * y} 0"/>
        <body name="aux_${number}" pos="${0.2 * x} ${0.2 * y} 0">
          <joint name="hip_${number}" axis="0 0 1" range="-30 30"/>
          <geom name="${thigh}_geom" fromto="0 0 0 ${0.2 * x} ${0.2 * y} 0"/>
          <body pos="${0.2 * x} ${0.2 * y} 0">
            <joint name="ankle_${number}" axis="${-x * y} 1 0" range="${x > 0 ? "30 70" : "-70 -30"}"/>
            <geom name="${ankle}_geom" fromto="0 0 0 ${0.4 * x} ${0.4 * y} 0"/>
          </body>
        </body>
      </body>`;

const model = `
<mujoco model="ant">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="200K"/>
  <option timestep="0.01" integrator="RK4"/>
  <default>
    <joint armature="1" damping="1"/> <!-- kg·m², N·m·s/rad -->
    <geom type="capsule" size="0.08" density="5" friction="1 0.5 0.5" conaffinity="0" margin="0.01" rgba="0.8 0.6 0.4 1"/>
    <motor gear="150" ctrlrange="-1 1"/> <!-- N·m for each 1 of the action -->
  </default>
  <worldbody>
    <geom name="floor" type="plane" size="40 40 40" conaffinity="1" rgba="0.8 0.9 0.8 1"/>
    <body name="torso" pos="0 0 0.75">
      <joint name="root" type="free" armature="0" damping="0" margin="0.01"/>
      <geom name="torso_geom" type="sphere" size="0.25"/>${[
        leg(1, ["front_left_leg", "left_leg", "left_ankle"], 1, 1),
        leg(2, ["front_right_leg", "right_leg", "right_ankle"], -1, 1),
        leg(3, ["back_leg", "back_leg", "third_ankle"], -1, -1),
        leg(4, ["right_back_leg", "rightback_leg", "fourth_ankle"], 1, -1),
      ].join("")}
    </body>
  </worldbody>
  <actuator>
    <motor joint="hip_4"/>
    <motor joint="ankle_4"/>
    <motor joint="hip_1"/>
    <motor joint="ankle_1"/>
    <motor joint="hip_2"/>
    <motor joint="ankle_2"/>
    <motor joint="hip_3"/>
    <motor joint="ankle_3"/>
  </actuator>
</mujoco>`;
