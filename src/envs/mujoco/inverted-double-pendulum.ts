import { cos, sin } from "../../base/math.ts";
import type { Simulation } from "./engine.ts";
import { addNormal, addUniform, clip, type Range, withDefaults } from "./gymnasium.ts";
import type { MujocoTask } from "./mujoco-environment.ts";

const defaults = {
  /** Reward for every step that does not end the task. */
  healthyReward: 10,
  /** Initial positions vary uniformly by ± this, initial speeds normally with this standard deviation. */
  resetNoiseScale: 0.1,
};

/** The range that observed speeds and forces are clipped to. */
const observed: Range = [-10, 10];

/**
 * InvertedDoublePendulum-v5 of Gymnasium 1.3.0: balance two poles, one on top of the other, on a cart.
 *
 * **Action** — the engine clips it to its bounds
 *
 * | index | meaning                    | min | max | unit  |
 * |-------|----------------------------|-----|-----|-------|
 * | 0     | force on the cart, along x | −1  | 1   | 500 N |
 *
 * **Observation** — the angles are those of the lower pole from upright and of the upper pole from the lower one
 *
 * | index | meaning                                  | min | max | unit       |
 * |-------|------------------------------------------|-----|-----|------------|
 * | 0     | the cart's position                      | −1  | 1   | m          |
 * | 1–2   | sines of the angles                      | −1  | 1   | 1          |
 * | 3–4   | cosines of the angles                    | −1  | 1   | 1          |
 * | 5–7   | speeds of the cart and of the two angles | −10 | 10  | m/s, rad/s |
 * | 8     | the force of the rail's end on the cart  | −10 | 10  | N          |
 *
 * **Reward** — `healthyReward` − 0.01 x² − (z − 2)² − 1e-3 ω₁² − 5e-3 ω₂², with the tip at (x, z) and the angular
 * speeds ω₁ and ω₂. Without `healthyReward` in the step that ends the task.
 *
 * **Start** — upright and at rest in the middle, with noise of size `resetNoiseScale`: uniform on positions, normal on
 * speeds.
 *
 * **End** — terminated when the tip is no higher than 1 m; truncated after 1,000 steps of 0.05 s.
 *
 * **Version** — v5.
 */
export function invertedDoublePendulum(options: Partial<typeof defaults> = {}): MujocoTask {
  const name = "InvertedDoublePendulum-v5";
  const { healthyReward, resetNoiseScale } = withDefaults(name, defaults, options);
  const fallen = ({ siteXpos }: Simulation) => siteXpos[2] <= 1;
  return {
    name,
    model,
    frameSkip: 5,
    timeLimit: 1000,
    camera: { target: [0, 0, 0.5], distance: 2.8, azimuth: 90, elevation: -10 },
    start({ qpos, qvel }, random) {
      addUniform(qpos, random, resetNoiseScale);
      addNormal(qvel, random, resetNoiseScale);
    },
    observe({ qpos, qvel, qfrcConstraint }) {
      const [x, lower, upper] = qpos;
      const speeds = Array.from(qvel, (speed) => clip(speed, observed));
      return [x, sin(lower), sin(upper), cos(lower), cos(upper), ...speeds, clip(qfrcConstraint[0], observed)];
    },
    reward(simulation) {
      const [x, , z] = simulation.siteXpos;
      const [, lower, upper] = simulation.qvel;
      const aliveBonus = fallen(simulation) ? 0 : healthyReward;
      const distancePenalty = 0.01 * x * x + (z - 2) * (z - 2);
      const velocityPenalty = 1e-3 * lower * lower + 5e-3 * upper * upper;
      return aliveBonus - distancePenalty - velocityPenalty;
    },
    terminated: fallen,
  };
}

const model = `
<mujoco model="inverted double pendulum">
  <!-- Lengths in m, masses in kg, times in s. -->
  <size memory="100K"/>
  <option timestep="0.01" integrator="RK4" gravity="1e-5 0 -9.81"/> <!-- m/s²; a trace along x breaks the balance -->
  <default>
    <joint damping="0.05"/> <!-- N·s/m for the cart, N·m·s/rad for the poles -->
    <geom type="capsule" friction="1 0.1 0.1" contype="0" rgba="0 0.7 0.7 1"/> <!-- nothing collides -->
  </default>
  <worldbody>
    <geom name="floor" type="plane" pos="0 0 -3" size="40 40 40" rgba="0.8 0.9 0.8 1"/>
    <geom name="rail" fromto="1 0 0 -1 0 0" size="0.02" rgba="0.3 0.3 0.7 1"/>
    <body name="cart">
      <joint name="slider" type="slide" axis="1 0 0" range="-1 1" margin="0.01"/>
      <geom name="cart" fromto="0.1 0 0 -0.1 0 0" size="0.1" rgba="0.7 0.7 0 1"/>
      <body name="pole">
        <joint name="hinge" axis="0 1 0"/>
        <geom name="cpole" fromto="0 0 0 0 0 0.6" size="0.045"/>
        <body name="pole2" pos="0 0 0.6">
          <joint name="hinge2" axis="0 1 0"/>
          <geom name="cpole2" fromto="0 0 0 0 0 0.6" size="0.045"/>
          <site name="tip" pos="0 0 0.6"/>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="slide" joint="slider" gear="500" ctrlrange="-1 1"/> <!-- N for each 1 of the action -->
  </actuator>
</mujoco>`;
