// The entry `ddpg/mujoco`: Gymnasium's tasks with their options, and tasks of one's own. They need the package
// @mujoco/mujoco, which is loaded with the first environment.
export { ant } from "./ant.ts";
export type { Simulation } from "./engine.ts";
export { halfCheetah } from "./half-cheetah.ts";
export { hopper } from "./hopper.ts";
export { humanoid } from "./humanoid.ts";
export { invertedDoublePendulum } from "./inverted-double-pendulum.ts";
export { invertedPendulum } from "./inverted-pendulum.ts";
export { createMujoco, type MujocoTask } from "./mujoco-environment.ts";
export { pusher } from "./pusher.ts";
export { reacher } from "./reacher.ts";
export { swimmer } from "./swimmer.ts";
export { walker2d } from "./walker2d.ts";
