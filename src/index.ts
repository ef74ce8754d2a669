// The public names of `ddpg`: everything here runs in Node, in a page and in a worker.
export { InputError } from "./base/expect.ts";
export { Random } from "./base/random.ts";
export { checkEnvironment, type CheckOptions, type EnvironmentReport } from "./ddpg/check-environment.ts";
export { type PresetName, presets, type Settings } from "./ddpg/config.ts";
export { Ddpg, type DdpgOptions } from "./ddpg/ddpg.ts";
export type { Environment, Step } from "./ddpg/environment.ts";
export { Policy } from "./ddpg/policy.ts";
export { EnvironmentError } from "./ddpg/environment-calls.ts";
export { type Episode, train, type TrainingStep, type TrainOptions } from "./ddpg/train.ts";
export { environments, type Task } from "./envs/index.ts";
export { MountainCarContinuous } from "./envs/mountain-car-continuous.ts";
export { Pendulum, PendulumV0 } from "./envs/pendulum.ts";
export { TimeLimit } from "./envs/time-limit.ts";
export type { Threads } from "./kernels/wasm/threads.ts";
export { webThreads } from "./kernels/wasm/web-threads.ts";
export { NotFiniteError } from "./nn/adam.ts";
export { type Evaluation, type EvaluationOptions, evaluate } from "./training/evaluate.ts";
