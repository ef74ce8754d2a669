import { addUniform, controlCost, distance, withDefaults } from "./gymnasium.ts";
import type { MujocoTask } from "./mujoco-environment.ts";

const defaults = {
  /** Cost per m of distance from the fingertips to the object. */
  rewardNearWeight: 0.5,
  /** Cost per m of distance from the object to the goal. */
  rewardDistWeight: 1,
  /** Cost per unit of Σ action². */
  rewardControlWeight: 0.1,
};

/**
 * Pusher-v5 of Gymnasium 1.3.0: push a cylinder across a table to a goal, with an arm of seven joints.
 *
 * **Action** — the engine clips it to its bounds; the reward uses the unclipped action
 *
 * | index | meaning                                                                              | min | max | unit |
 * |-------|--------------------------------------------------------------------------------------|-----|-----|------|
 * | 0–6   | torques: shoulder pan and lift, upper arm roll, elbow, forearm roll, wrist flex and roll | −2  | 2   | N·m  |
 *
 * **Observation** — unbounded
 *
 * | index | meaning                     | unit  |
 * |-------|-----------------------------|-------|
 * | 0–6   | angles of the seven joints  | rad   |
 * | 7–13  | their speeds                | rad/s |
 * | 14–16 | position of the fingertips  | m     |
 * | 17–19 | position of the object      | m     |
 * | 20–22 | position of the goal        | m     |
 *
 * **Reward** — −`rewardDistWeight` · |object − goal| − `rewardControlWeight` · Σ action² − `rewardNearWeight` ·
 * |object − fingertips|.
 *
 * **Start** — the arm is stretched out, with angular speeds uniform in ±0.005 rad/s. The object is displaced from its
 * place in the model, uniformly by −0.3 to 0 m along y and ±0.2 m along x, to more than 0.17 m from the goal.
 *
 * **End** — never terminated; truncated after 100 steps of 0.05 s.
 *
 * **Version** — v5: the object is denser than in v4; the reward is that of the state after the step.
 */
export function pusher(options: Partial<typeof defaults> = {}): MujocoTask {
  const name = "Pusher-v5";
  const { rewardNearWeight, rewardDistWeight, rewardControlWeight } = withDefaults(name, defaults, options);
  return {
    name,
    model,
    frameSkip: 5,
    timeLimit: 100,
    camera: { target: [0.25, -0.25, -0.2], distance: 1.9, azimuth: 150, elevation: -30 },
    start({ qpos, qvel }, random) {
      let [x, y] = [0, 0];
      do {
        y = random.uniform(-0.3, 0);
        x = random.uniform(-0.2, 0.2);
      } while (x * x + y * y <= 0.17 * 0.17);
      qpos.set([y, x], 7);
      addUniform(qvel.subarray(0, 7), random, 0.005);
    },
    observe(simulation) {
      const { qpos, qvel } = simulation;
      const arm = [...qpos.subarray(0, 7), ...qvel.subarray(0, 7)];
      const [tips, object, goal] = ["tips_arm", "object", "goal"].map((body) => simulation.position(body));
      return [...arm, ...tips, ...object, ...goal];
    },
    reward(simulation, action) {
      const object = simulation.position("object");
      const rewardNear = -distance(object, simulation.position("tips_arm")) * rewardNearWeight;
      const rewardDist = -distance(object, simulation.position("goal")) * rewardDistWeight;
      const rewardControl = -controlCost(rewardControlWeight, action);
      return rewardDist + rewardControl + rewardNear;
    },
  };
}

const model = `
<mujoco model="pusher">
  <!-- Lengths in m, angles in rad, masses in kg, times in s. -->
  <compiler angle="radian"/>
  <size memory="200K"/>
  <option timestep="0.01" iterations="20" gravity="0 0 0"/>
  <default>
    <joint armature="0.04" damping="0.1"/> <!-- kg·m², N·m·s/rad -->
    <!-- Only the fingers and their wrist collide. -->
    <geom type="capsule" density="300" friction="0.8 0.1 0.1" condim="1" contype="0" conaffinity="0" margin="0.002"
      rgba="0.5 0.5 0.5 1"/>
    <default class="finger">
      <geom size="0.02" contype="1" conaffinity="1"/>
    </default>
    <default class="sliding"> <!-- across the table -->
      <joint type="slide" range="-10.3213 10.3" damping="0.5"/> <!-- N·s/m -->
    </default>
  </default>
  <worldbody>
    <geom name="table" type="plane" pos="0 0.5 -0.325" size="1 1 0.1" contype="1" conaffinity="1"/>
    <body name="r_shoulder_pan_link" pos="0 -0.6 0">
      <joint name="r_shoulder_pan_joint" axis="0 0 1" range="-2.2854 1.714602" damping="1"/>
      <geom name="e1" type="sphere" size="0.05" pos="-0.06 0.05 0.2" rgba="0.6 0.6 0.6 1"/>
      <geom name="e2" type="sphere" size="0.05" pos="0.06 0.05 0.2" rgba="0.6 0.6 0.6 1"/>
      <geom name="e1p" type="sphere" size="0.03" pos="-0.06 0.09 0.2" rgba="0.1 0.1 0.1 1"/>
      <geom name="e2p" type="sphere" size="0.03" pos="0.06 0.09 0.2" rgba="0.1 0.1 0.1 1"/>
      <geom name="sp" fromto="0 0 -0.4 0 0 0.2" size="0.1"/>
      <body name="r_shoulder_lift_link" pos="0.1 0 0">
        <joint name="r_shoulder_lift_joint" axis="0 1 0" range="-0.5236 1.3963" damping="1"/>
        <geom name="sl" fromto="0 -0.1 0 0 0.1 0" size="0.1"/>
        <body name="r_upper_arm_roll_link">
          <joint name="r_upper_arm_roll_joint" axis="1 0 0" range="-1.5 1.7"/>
          <geom name="uar" fromto="-0.1 0 0 0.1 0 0" size="0.02"/>
          <body name="r_upper_arm_link">
            <geom name="ua" fromto="0 0 0 0.4 0 0" size="0.06"/>
            <body name="r_elbow_flex_link" pos="0.4 0 0">
              <joint name="r_elbow_flex_joint" axis="0 1 0" range="-2.3213 0"/>
              <geom name="ef" fromto="0 -0.02 0 0 0.02 0" size="0.06"/>
              <body name="r_forearm_roll_link">
                <joint name="r_forearm_roll_joint" axis="1 0 0" range="-1.5 1.5"/>
                <geom name="fr" fromto="-0.1 0 0 0.1 0 0" size="0.02"/>
                <body name="r_forearm_link">
                  <geom name="fa" fromto="0 0 0 0.291 0 0" size="0.05"/>
                  <body name="r_wrist_flex_link" pos="0.321 0 0">
                    <joint name="r_wrist_flex_joint" axis="0 1 0" range="-1.094 0"/>
                    <geom name="wf" fromto="0 -0.02 0 0 0.02 0" size="0.01"/>
                    <body name="r_wrist_roll_link">
                      <joint name="r_wrist_roll_joint" axis="1 0 0" range="-1.5 1.5"/>
                      <geom class="finger" fromto="0 -0.1 0 0 0.1 0"/>
                      <geom class="finger" fromto="0 -0.1 0 0.1 -0.1 0"/>
                      <geom class="finger" fromto="0 0.1 0 0.1 0.1 0"/>
                      <body name="tips_arm">
                        <geom name="tip_arml" type="sphere" size="0.01" pos="0.1 -0.1 0"/>
                        <geom name="tip_armr" type="sphere" size="0.01" pos="0.1 0.1 0"/>
                      </body>
                    </body>
                  </body>
                </body>
              </body>
            </body>
          </body>
        </body>
      </body>
    </body>
    <body name="object" pos="0.45 -0.05 -0.275" childclass="sliding"> <!-- kg/m³: 8 mg in all -->
      <joint name="obj_slidey" axis="0 1 0"/>
      <joint name="obj_slidex" axis="1 0 0"/>
      <geom type="cylinder" size="0.05 0.05 0.05" density="0.01" contype="1" rgba="1 1 1 1"/>
    </body>
    <body name="goal" pos="0.45 -0.05 -0.323" childclass="sliding">
      <joint name="goal_slidey" axis="0 1 0"/>
      <joint name="goal_slidex" axis="1 0 0"/>
      <geom type="cylinder" size="0.08 0.001 0.1" density="1e-5" rgba="1 0 0 1"/>
    </body>
  </worldbody>
  <actuator>
    <motor joint="r_shoulder_pan_joint" ctrlrange="-2 2"/>
    <motor joint="r_shoulder_lift_joint" ctrlrange="-2 2"/>
    <motor joint="r_upper_arm_roll_joint" ctrlrange="-2 2"/>
    <motor joint="r_elbow_flex_joint" ctrlrange="-2 2"/>
    <motor joint="r_forearm_roll_joint" ctrlrange="-2 2"/>
    <motor joint="r_wrist_flex_joint" ctrlrange="-2 2"/>
    <motor joint="r_wrist_roll_joint" ctrlrange="-2 2"/>
  </actuator>
</mujoco>`;
