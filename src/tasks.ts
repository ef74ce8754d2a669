import type { Environment } from "./environment/environment.ts";
import { MountainCarContinuous } from "./envs/mountain-car-continuous.ts";
import { ant } from "./envs/mujoco/ant.ts";
import { halfCheetah } from "./envs/mujoco/half-cheetah.ts";
import { hopper } from "./envs/mujoco/hopper.ts";
import { humanoid } from "./envs/mujoco/humanoid.ts";
import { invertedDoublePendulum } from "./envs/mujoco/inverted-double-pendulum.ts";
import { invertedPendulum } from "./envs/mujoco/inverted-pendulum.ts";
import { createMujoco, type MujocoTask } from "./envs/mujoco/mujoco-environment.ts";
import { pusher } from "./envs/mujoco/pusher.ts";
import { reacher } from "./envs/mujoco/reacher.ts";
import { swimmer } from "./envs/mujoco/swimmer.ts";
import { walker2d } from "./envs/mujoco/walker2d.ts";
import { Pendulum, PendulumV0 } from "./envs/pendulum.ts";

/** A task known by name. */
export interface Task {
  /** A fresh environment, its time limit included. */
  create(): Environment | Promise<Environment>;
  /** The environment's sizes and bounds, known without making one: that may want a package which is not there. */
  observationSize: number;
  /** The lowest action: [A]. */
  actionLow: readonly number[];
  /** The highest action: [A]. */
  actionHigh: readonly number[];
  /** Steps after which an episode is truncated. */
  timeLimit: number;
  /** The preset of settings that the task is trained with. */
  preset: "small" | "standard";
  /**
   * What differs from the preset for this task: exploration, where the usual one cannot find a reward; the actor's rate,
   * where the usual one drives it to the ends of its range, from where no gradient leads back.
   */
  settings?: { noise: "ornstein-uhlenbeck"; noiseScale: number } | { actorLearningRate: number };
  /** How many environment steps a training run takes. */
  steps: number;
  /** One line for a list. */
  summary: string;
}

/** Every task that comes with the package, by its id. */
export const environments: Readonly<Record<string, Task>> = {
  "Pendulum-v1": {
    create: () => new Pendulum(),
    ...sizes(3, 1, 2),
    timeLimit: 200,
    preset: "small",
    steps: 5_000,
    summary: "swing a rod up and hold it there, with a weak motor",
  },
  "Pendulum-v0": {
    create: () => new PendulumV0(),
    ...sizes(3, 1, 2),
    timeLimit: 1000,
    preset: "small",
    steps: 40_000,
    summary: "the same rod in early results' version, in episodes of 1,000 steps",
  },
  "MountainCarContinuous-v0": {
    create: () => new MountainCarContinuous(),
    ...sizes(2, 1, 1),
    timeLimit: 999,
    preset: "small",
    // Independent noise jitters in the valley; correlated noise swings the car up before it has learned to.
    settings: { noise: "ornstein-uhlenbeck", noiseScale: 0.5 },
    steps: 30_000,
    summary: "rock a weak car out of a valley; the only gain is at the goal",
  },
  ...mujoco(invertedPendulum, sizes(4, 1, 3), 200_000, "balance a pole on a cart"),
  ...mujoco(invertedDoublePendulum, sizes(9, 1, 1), 300_000, "balance two poles, one upon the other, on a cart", {
    settings: { actorLearningRate: 3e-4 }, // with the preset's, one seed in eight saturates (docs/log.md)
  }),
  ...mujoco(reacher, sizes(10, 2, 1), 300_000, "bring an arm's fingertip to a target"),
  ...mujoco(pusher, sizes(23, 7, 2), 300_000, "push a cylinder to a goal with an arm of seven joints"),
  ...mujoco(swimmer, sizes(8, 2, 1), 1_000_000, "wriggle forward through a thick liquid"),
  ...mujoco(hopper, sizes(11, 3, 1), 1_000_000, "hop forward on one leg"),
  ...mujoco(walker2d, sizes(17, 6, 1), 1_000_000, "walk forward on two legs, in a plane"),
  ...mujoco(halfCheetah, sizes(17, 6, 1), 1_000_000, "run with two legs, in a plane"),
  ...mujoco(ant, sizes(105, 8, 1), 1_000_000, "walk forward on four legs"),
  ...mujoco(humanoid, sizes(348, 17, 0.4), 1_000_000, "walk upright, with arms and legs", {
    settings: { actorLearningRate: 3e-4 }, // contact forces of hundreds are among what it observes (docs/log.md)
  }),
};

/** Sizes, with the same bounds for each number of the action. */
function sizes(observationSize: number, actionSize: number, actionBound: number) {
  const bound = Math.fround(actionBound);
  return {
    observationSize,
    actionLow: Array.from({ length: actionSize }, () => -bound),
    actionHigh: Array.from({ length: actionSize }, () => bound),
  };
}

/** A task in MuJoCo, by its name. */
function mujoco(
  make: () => MujocoTask,
  space: ReturnType<typeof sizes>,
  steps: number,
  summary: string,
  more: Pick<Task, "settings"> = {},
) {
  const { name, timeLimit } = make();
  const create = () => createMujoco(make());
  const task: Task = { create, ...space, timeLimit, preset: "standard", steps, summary, ...more };
  return { [name]: task };
}
