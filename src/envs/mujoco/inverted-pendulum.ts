import type { Simulation } from "./engine.ts";
import { addUniform, withDefaults } from "./gymnasium.ts";
import type { MujocoTask } from "./mujoco-environment.ts";

const defaults = {
  /** Initial positions and speeds vary uniformly by ± this. */
  resetNoiseScale: 0.01,
};

/**
 * InvertedPendulum-v5 of Gymnasium 1.3.0: balance a pole on a cart.
 *
 * **Action** — the engine clips it to its bounds
 *
 * | index | meaning                  | min | max | unit  |
 * |-------|--------------------------|-----|-----|-------|
 * | 0     | force on the cart, along x | −3  | 3   | 100 N |
 *
 * **Observation**
 *
 * | index | meaning                   | min  | max | unit  |
 * |-------|---------------------------|------|-----|-------|
 * | 0     | the cart's position       | −1   | 1   | m     |
 * | 1     | the pole's angle from upright | −π/2 | π/2 | rad   |
 * | 2     | the cart's speed          | −∞   | ∞   | m/s   |
 * | 3     | the pole's angular speed  | −∞   | ∞   | rad/s |
 *
 * **Reward** — 1 for every step that does not end the task.
 *
 * **Start** — upright and at rest in the middle, with noise uniform in ±`resetNoiseScale` on every number of the state.
 *
 * **End** — terminated at an angle beyond ±0.2 rad; truncated after 1,000 steps of 0.04 s.
 *
 * **Version** — v5.
 */
export function invertedPendulum(options: Partial<typeof defaults> = {}): MujocoTask {
  const name = "InvertedPendulum-v5";
  const { resetNoiseScale } = withDefaults(name, defaults, options);
  const fallen = ({ qpos }: Simulation) => Math.abs(qpos[1]) > 0.2;
  return {
    name,
    model,
    frameSkip: 2,
    timeLimit: 1000,
    camera: { target: [0, 0, 0.2], distance: 2.4, azimuth: 90, elevation: -10 },
    start({ qpos, qvel }, random) {
      addUniform(qpos, random, resetNoiseScale);
      addUniform(qvel, random, resetNoiseScale);
    },
    observe: ({ qpos, qvel }) => [...qpos, ...qvel],
    reward: (simulation) => (fallen(simulation) ? 0 : 1),
    terminated: fallen,
  };
}

const model = `
<mujoco model="inverted pendulum">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="100K"/>
  <option timestep="0.02" integrator="RK4"/>
  <default>
    <joint damping="1"/> <!-- N·s/m for the cart, N·m·s/rad for the pole -->
    <geom type="capsule" friction="1 0.1 0.1" contype="0" rgba="0.7 0.7 0 1"/> <!-- nothing collides -->
  </default>
  <worldbody>
    <geom name="rail" fromto="1 0 0 -1 0 0" size="0.02" rgba="0.3 0.3 0.7 1"/>
    <body name="cart">
      <joint name="slider" type="slide" axis="1 0 0" range="-1 1"/>
      <geom name="cart" fromto="0.1 0 0 -0.1 0 0" size="0.1"/>
      <body name="pole">
        <joint name="hinge" axis="0 1 0" range="-90 90"/>
        <geom name="cpole" fromto="0 0 0 0.001 0 0.6" size="0.049" rgba="0 0.7 0.7 1"/> <!-- leans by 0.1 degrees -->
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="slide" joint="slider" gear="100" ctrlrange="-3 3"/> <!-- N for each 1 of the action -->
  </actuator>
</mujoco>`;
