// The entry point `ddpg/mujoco`: Gymnasium's tasks with their options, those of dm_control's suite, and custom tasks. They need the package
// @mujoco/mujoco, which is loaded when the first environment is created.
export { type DmControlName, dmControl, dmControlNames } from "./envs/dm-control/dm-control.ts";
export { ant } from "./envs/mujoco/ant.ts";
export type { Actuator, Joint, Simulation, Target } from "./envs/mujoco/engine.ts";
export { halfCheetah } from "./envs/mujoco/half-cheetah.ts";
export { hopper } from "./envs/mujoco/hopper.ts";
export { humanoid } from "./envs/mujoco/humanoid.ts";
export { invertedDoublePendulum } from "./envs/mujoco/inverted-double-pendulum.ts";
export { invertedPendulum } from "./envs/mujoco/inverted-pendulum.ts";
export { createMujoco, type MujocoTask } from "./envs/mujoco/mujoco-environment.ts";
export { pusher } from "./envs/mujoco/pusher.ts";
export { reacher } from "./envs/mujoco/reacher.ts";
export { swimmer } from "./envs/mujoco/swimmer.ts";
export { walker2d } from "./envs/mujoco/walker2d.ts";
