// Shared by the tasks of dm_control's suite.
import { pi } from "../../base/math.ts";
import type { Random } from "../../base/random.ts";
import type { Simulation } from "../mujoco/engine.ts";
import type { MujocoTask } from "../mujoco/mujoco-environment.ts";

/** What all tasks of the suite have in common: episodes of 1,000 steps, which nothing else ends. */
export const suite = { timeLimit: 1000, current: true } as const satisfies Partial<MujocoTask>;

/** The materials of all models. */
export const materials = `
  <asset>
    <material name="ground" rgba="0.8 0.9 0.8 1"/>
    <material name="body" rgba="0.8 0.6 0.4 1"/>
    <material name="other" rgba="0.7 0.3 0.6 1"/>
    <material name="fixed" rgba="0.6 0.6 0.65 1"/>
    <material name="target" rgba="0.9 0.2 0.2 0.5"/>
  </asset>`;

/** Draws the positions of all limited joints from their ranges, and the angles of all hinges without limits. */
export function randomJoints({ joints, qpos }: Simulation, random: Random): void {
  for (const { kind, index, range } of joints) {
    if (range) qpos[index] = random.uniform(range[0], range[1]);
    else if (kind === "hinge") qpos[index] = random.uniform(-pi, pi);
  }
}

/** Returns the numbers of bodies' rotation matrices, for each body in turn. `entries`: 0 is xx, 2 xz, 8 zz. */
export function rotations({ xmat }: Simulation, bodies: readonly number[], entries: readonly number[]): number[] {
  return bodies.flatMap((body) => entries.map((entry) => xmat[9 * body + entry]));
}
