import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { materials, suite } from "./suite.ts";

/** How far from the center of the target, along x and z, the ball is still wholly inside, m. */
const inside = 0.05 - 0.025;

/**
 * ball_in_cup-catch: swing a ball on a string into the cup that it hangs from.
 *
 * **Action** — the forces on the cup along x and z, 5 N for each 1.
 *
 * **Observation** — x and z of the cup, then of the ball, from where they are in the model (m); their speeds (m/s).
 *
 * **Reward** — 1 while the ball is in the cup, else 0.
 *
 * **Start** — the cup at rest; the ball up to 0.2 m aside and 0.2 to 0.5 m up, where it touches nothing.
 */
export function ballInCup(): MujocoTask {
  return {
    ...suite,
    name: "dm_control/ball_in_cup-catch",
    model,
    frameSkip: 10,
    camera: { target: [0, 0, 0.45], distance: 1.2, azimuth: 90, elevation: -8 },
    start({ qpos }, random) {
      qpos[2] = random.uniform(-0.2, 0.2);
      qpos[3] = random.uniform(0.2, 0.5);
    },
    accepts: ({ contacts }) => contacts === 0,
    observe: ({ qpos, qvel }) => [...qpos, ...qvel],
    reward(simulation) {
      const [x, , z] = simulation.position("ball");
      const { siteXpos } = simulation; // of cup, target and ball
      return Math.abs(x - siteXpos[3]) < inside && Math.abs(z - siteXpos[5]) < inside ? 1 : 0;
    },
  };
}

/** The corners of the cup, x and z, from one end of its rim to the other. */
const corners = [
  [-0.05, 0],
  [-0.05, -0.075],
  [-0.025, -0.1],
  [0.025, -0.1],
  [0.05, -0.075],
  [0.05, 0],
] as const;

const parts = corners
  .slice(1)
  .map(([x, z], i) => {
    const [fromX, fromZ] = corners[i];
    return `
      <geom name="cup_part_${i}" type="capsule" fromto="${fromX} 0 ${fromZ} ${x} 0 ${z}" size="0.008" material="body"/>`;
  })
  .join("");

const model = `
<mujoco model="ball in cup">
  <!-- Lengths in m, masses in kg, times in s. -->
  <size memory="200K"/>
  <default>
    <joint type="slide"/>
    <default class="x"><joint axis="1 0 0"/></default>
    <default class="z"><joint axis="0 0 1"/></default>
    <motor gear="5" ctrlrange="-1 1"/>
  </default>${materials}
  <worldbody>
    <geom name="ground" type="plane" size="0.6 0.2 10" material="ground"/>
    <body name="cup" pos="0 0 0.6">
      <joint name="cup_x" class="x" stiffness="20" damping="3"/>
      <joint name="cup_z" class="z" stiffness="20" damping="3"/>${parts}
      <site name="cup" pos="0 0 -0.108" size="0.005"/>
      <site name="target" type="box" pos="0 0 -0.05" size="0.05 0.006 0.05"/>
    </body>
    <body name="ball" pos="0 0 0.2">
      <joint name="ball_x" class="x"/>
      <joint name="ball_z" class="z"/>
      <geom name="ball" size="0.025" material="other"/>
      <site name="ball" size="0.005"/>
    </body>
  </worldbody>
  <tendon>
    <spatial name="string" range="0 0.3"><site site="ball"/><site site="cup"/></spatial>
  </tendon>
  <actuator>
    <motor name="x" joint="cup_x"/>
    <motor name="z" joint="cup_z"/>
  </actuator>
</mujoco>`;
