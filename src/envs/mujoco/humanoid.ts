import type { Simulation } from "./engine.ts";
import { addUniform, clip, type Range, sumOfSquares, withDefaults, within } from "./gymnasium.ts";
import type { MujocoTask } from "./mujoco-environment.ts";

const defaults = {
  /** Reward per m/s of the center of mass along x. */
  forwardRewardWeight: 1.25,
  /** Cost per unit of Σ action². */
  ctrlCostWeight: 0.1,
  /** Cost per unit of Σ contact force². */
  contactCostWeight: 5e-7,
  /** The range that the cost of contact forces is clipped to. */
  contactCostRange: [-Infinity, 10] as Range,
  /** Reward for every step after which the robot is healthy. */
  healthyReward: 5,
  /** Whether the task ends when the robot is not healthy. */
  terminateWhenUnhealthy: true,
  /** The healthy heights of the trunk, in m. */
  healthyZRange: [1, 2] as Range,
  /** Initial positions and speeds vary uniformly by ± this. */
  resetNoiseScale: 1e-2,
  /** Whether the observation leaves out x and y. */
  excludeCurrentPositionsFromObservation: true,
  /** Whether the observation has the bodies' inertias. */
  includeCinertInObservation: true,
  /** Whether the observation has the bodies' velocities. */
  includeCvelInObservation: true,
  /** Whether the observation has the actuators' forces. */
  includeQfrcActuatorInObservation: true,
  /** Whether the observation has the contact forces. */
  includeCfrcExtInObservation: true,
};

/**
 * Humanoid-v5 of Gymnasium 1.3.0: walk along x without falling, with a body that has a head, arms and legs.
 *
 * **Action** — the engine clips it to its bounds; the reward uses the unclipped action
 *
 * | index | meaning                                           | min  | max | unit                  |
 * |-------|---------------------------------------------------|------|-----|-----------------------|
 * | 0–2   | torques at the abdomen, about y, z and x          | −0.4 | 0.4 | 100 N·m               |
 * | 3–6   | right hip about x, z and y; right knee            | −0.4 | 0.4 | 100, 100, 300, 200 N·m |
 * | 7–10  | left hip about x, z and y; left knee              | −0.4 | 0.4 | 100, 100, 300, 200 N·m |
 * | 11–13 | right shoulder, its two axes; right elbow         | −0.4 | 0.4 | 25 N·m                |
 * | 14–16 | left shoulder, its two axes; left elbow           | −0.4 | 0.4 | 25 N·m                |
 *
 * **Observation** — unbounded; preceded by x and y (m) unless they are excluded. "Each body" means the 13 bodies.
 *
 * | index   | meaning                                                                  | unit            |
 * |---------|--------------------------------------------------------------------------|-----------------|
 * | 0       | height of the trunk                                                      | m               |
 * | 1–4     | orientation of the trunk, a quaternion w, x, y, z                        | 1               |
 * | 5–21    | angles of the joints: abdomen z, y, x, then as the actions               | rad             |
 * | 22–24   | speed of the trunk along x, y, z                                         | m/s             |
 * | 25–27   | angular speed of the trunk, in its own frame                             | rad/s           |
 * | 28–44   | angular speeds of the joints                                             | rad/s           |
 * | 45–174  | inertia (6), mass · position (3) and mass of each body, about the center of mass of all | kg·m², kg·m, kg |
 * | 175–252 | angular and linear velocity of each body about that point                | rad/s, m/s      |
 * | 253–269 | torques of the actuators on the joints                                   | N·m             |
 * | 270–347 | contact torque and force on each body                                    | N·m, N          |
 *
 * **Reward** — `forwardRewardWeight` · speed of the center of mass along x + `healthyReward` (while healthy) −
 * `ctrlCostWeight` · Σ action² − `contactCostWeight` · Σ contact force², the last clipped to `contactCostRange`.
 *
 * **Start** — standing at rest, with noise uniform in ±`resetNoiseScale` on every number of the state, quaternion
 * included.
 *
 * **End** — terminated when unhealthy: when the height of the trunk is not strictly inside its range; truncated after
 * 1,000 steps of 0.015 s.
 *
 * **Version** — v5: contact forces reduce the reward; `healthyReward` only while healthy; values that are always 0 are
 * not observed.
 */
export function humanoid(options: Partial<typeof defaults> = {}): MujocoTask {
  const name = "Humanoid-v5";
  const chosen = withDefaults(name, defaults, options);
  const { forwardRewardWeight, ctrlCostWeight, contactCostWeight, contactCostRange, healthyReward } = chosen;
  const { terminateWhenUnhealthy, healthyZRange, resetNoiseScale } = chosen;
  const excluded = chosen.excludeCurrentPositionsFromObservation ? 2 : 0;
  const healthy = ({ qpos }: Simulation) => within(qpos[2], healthyZRange);
  return {
    name,
    model,
    frameSkip: 5,
    timeLimit: 1000,
    camera: { follows: "torso", target: [0, 0, 0.85], distance: 3.3, azimuth: 60, elevation: -12 },
    start({ qpos, qvel }, random) {
      addUniform(qpos, random, resetNoiseScale);
      addUniform(qvel, random, resetNoiseScale);
    },
    // Leaves out the first body, which is the world, and the first six forces, which are the free joint's.
    observe: ({ qpos, qvel, cinert, cvel, qfrcActuator, cfrcExt }) => [
      ...qpos.subarray(excluded),
      ...qvel,
      ...(chosen.includeCinertInObservation ? cinert.subarray(10) : []),
      ...(chosen.includeCvelInObservation ? cvel.subarray(6) : []),
      ...(chosen.includeQfrcActuatorInObservation ? qfrcActuator.subarray(6) : []),
      ...(chosen.includeCfrcExtInObservation ? cfrcExt.subarray(6) : []),
    ],
    position: centerOfMass,
    reward(simulation, action, velocity) {
      const forwardReward = forwardRewardWeight * velocity;
      const survivalReward = healthy(simulation) ? healthyReward : 0;
      // In Float64: Gymnasium squares the engine's Float64 copy of the action here, not the action itself.
      const cost = ctrlCostWeight * sumOfSquares(action);
      const contactCost = clip(contactCostWeight * sumOfSquares(simulation.cfrcExt), contactCostRange);
      return forwardReward + survivalReward - (cost + contactCost);
    },
    terminated: (simulation) => terminateWhenUnhealthy && !healthy(simulation),
  };
}

/** Returns the x coordinate of the center of mass, m. */
function centerOfMass({ bodyMass, xipos }: Simulation): number {
  let [sum, mass] = [0, 0];
  for (let i = 0; i < bodyMass.length; i++) {
    sum += bodyMass[i] * xipos[3 * i];
    mass += bodyMass[i];
  }
  return sum / mass;
}

const model = `
<mujoco model="humanoid">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="300K"/>
  <option timestep="0.003" integrator="RK4" solver="PGS" iterations="50"/>
  <default>
    <joint armature="0.01" damping="5" stiffness="10"/> <!-- kg·m², N·m·s/rad, N·m/rad -->
    <geom type="capsule" condim="1" margin="0.001" rgba="0.8 0.6 0.4 1"/>
    <default class="abdomen">
      <joint armature="0.02"/>
    </default>
    <default class="knee">
      <joint pos="0 0 0.02" axis="0 -1 0" range="-160 -2" armature="0.006" damping="1" stiffness="0"/>
    </default>
    <default class="arm">
      <joint damping="1" stiffness="1"/>
    </default>
    <motor gear="100" ctrlrange="-0.4 0.4"/> <!-- N·m for each 1 of the action -->
  </default>
  <worldbody>
    <geom name="floor" type="plane" size="20 20 0.125" friction="1 0.1 0.1" condim="3" rgba="0.8 0.9 0.8 1"/>
    <body name="torso" pos="0 0 1.4">
      <freejoint name="root"/>
      <geom name="torso1" fromto="0 -0.07 0 0 0.07 0" size="0.07"/>
      <geom name="head" type="sphere" pos="0 0 0.19" size="0.09"/>
      <geom name="uwaist" fromto="-0.01 -0.06 -0.12 -0.01 0.06 -0.12" size="0.06"/>
      <body name="lwaist" pos="-0.01 0 -0.26" quat="1 0 -0.002 0" childclass="abdomen">
        <joint name="abdomen_z" pos="0 0 0.065" axis="0 0 1" range="-45 45" stiffness="20"/>
        <joint name="abdomen_y" pos="0 0 0.065" axis="0 1 0" range="-75 30"/>
        <geom name="lwaist" fromto="0 -0.06 0 0 0.06 0" size="0.06"/>
        <body name="pelvis" pos="0 0 -0.165" quat="1 0 -0.002 0">
          <joint name="abdomen_x" pos="0 0 0.1" axis="1 0 0" range="-35 35"/>
          <geom name="butt" fromto="-0.02 -0.07 0 -0.02 0.07 0" size="0.09"/>
          <!-- The legs mirror each other except in one armature and one stiffness. -->
          <body name="right_thigh" pos="0 -0.1 -0.04" childclass="main">
            <joint name="right_hip_x" axis="1 0 0" range="-25 5"/>
            <joint name="right_hip_z" axis="0 0 1" range="-60 35"/>
            <joint name="right_hip_y" axis="0 1 0" range="-110 20" stiffness="20" armature="0.008"/>
            <geom name="right_thigh1" fromto="0 0 0 0 0.01 -0.34" size="0.06"/>
            <body name="right_shin" pos="0 0.01 -0.403">
              <joint name="right_knee" class="knee"/>
              <geom name="right_shin1" fromto="0 0 0 0 0 -0.3" size="0.049"/>
              <body name="right_foot" pos="0 0 -0.45">
                <geom name="right_foot" type="sphere" pos="0 0 0.1" size="0.075"/>
              </body>
            </body>
          </body>
          <body name="left_thigh" pos="0 0.1 -0.04" childclass="main">
            <joint name="left_hip_x" axis="-1 0 0" range="-25 5"/>
            <joint name="left_hip_z" axis="0 0 -1" range="-60 35"/>
            <joint name="left_hip_y" axis="0 1 0" range="-110 20" stiffness="20"/>
            <geom name="left_thigh1" fromto="0 0 0 0 -0.01 -0.34" size="0.06"/>
            <body name="left_shin" pos="0 -0.01 -0.403">
              <joint name="left_knee" class="knee" stiffness="1"/>
              <geom name="left_shin1" fromto="0 0 0 0 0 -0.3" size="0.049"/>
              <body name="left_foot" pos="0 0 -0.45">
                <geom name="left_foot" type="sphere" pos="0 0 0.1" size="0.075"/>
              </body>
            </body>
          </body>
        </body>
      </body>
      <body name="right_upper_arm" pos="0 -0.17 0.06" childclass="arm">
        <joint name="right_shoulder1" axis="2 1 1" range="-85 60" armature="0.0068"/>
        <joint name="right_shoulder2" axis="0 -1 1" range="-85 60" armature="0.0051"/>
        <geom name="right_uarm1" fromto="0 0 0 0.16 -0.16 -0.16" size="0.04"/>
        <body name="right_lower_arm" pos="0.18 -0.18 -0.18">
          <joint name="right_elbow" axis="0 -1 1" range="-90 50" armature="0.0028" stiffness="0"/>
          <geom name="right_larm" fromto="0.01 0.01 0.01 0.17 0.17 0.17" size="0.031"/>
          <geom name="right_hand" type="sphere" pos="0.18 0.18 0.18" size="0.04"/>
        </body>
      </body>
      <body name="left_upper_arm" pos="0 0.17 0.06" childclass="arm">
        <joint name="left_shoulder1" axis="2 -1 1" range="-60 85" armature="0.0068"/>
        <joint name="left_shoulder2" axis="0 1 1" range="-60 85" armature="0.0051"/>
        <geom name="left_uarm1" fromto="0 0 0 0.16 0.16 -0.16" size="0.04"/>
        <body name="left_lower_arm" pos="0.18 0.18 -0.18">
          <joint name="left_elbow" axis="0 -1 -1" range="-90 50" armature="0.0028" stiffness="0"/>
          <geom name="left_larm" fromto="0.01 -0.01 0.01 0.17 -0.17 0.17" size="0.031"/>
          <geom name="left_hand" type="sphere" pos="0.18 -0.18 0.18" size="0.04"/>
        </body>
      </body>
    </body>
  </worldbody>
  <tendon> <!-- These exert no force. -->
    <fixed name="left_hipknee">
      <joint joint="left_hip_y" coef="-1"/>
      <joint joint="left_knee" coef="1"/>
    </fixed>
    <fixed name="right_hipknee">
      <joint joint="right_hip_y" coef="-1"/>
      <joint joint="right_knee" coef="1"/>
    </fixed>
  </tendon>
  <actuator>
    <motor name="abdomen_y" joint="abdomen_y"/>
    <motor name="abdomen_z" joint="abdomen_z"/>
    <motor name="abdomen_x" joint="abdomen_x"/>
    <motor name="right_hip_x" joint="right_hip_x"/>
    <motor name="right_hip_z" joint="right_hip_z"/>
    <motor name="right_hip_y" joint="right_hip_y" gear="300"/>
    <motor name="right_knee" joint="right_knee" gear="200"/>
    <motor name="left_hip_x" joint="left_hip_x"/>
    <motor name="left_hip_z" joint="left_hip_z"/>
    <motor name="left_hip_y" joint="left_hip_y" gear="300"/>
    <motor name="left_knee" joint="left_knee" gear="200"/>
    <motor name="right_shoulder1" joint="right_shoulder1" gear="25"/>
    <motor name="right_shoulder2" joint="right_shoulder2" gear="25"/>
    <motor name="right_elbow" joint="right_elbow" gear="25"/>
    <motor name="left_shoulder1" joint="left_shoulder1" gear="25"/>
    <motor name="left_shoulder2" joint="left_shoulder2" gear="25"/>
    <motor name="left_elbow" joint="left_elbow" gear="25"/>
  </actuator>
</mujoco>`;
