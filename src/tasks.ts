import { type PresetName, type Settings, settingsFrom } from "./ddpg/config.ts";
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

/** How a task is trained by default. */
export interface TrainingDefaults {
  /** The preset of settings. */
  preset: PresetName;
  /**
   * The task's own settings: what differs from that preset. Exploration, where the usual one cannot find a reward; the
   * actor's rate, where the usual one drives it to the ends of its range, from where no gradient leads back.
   */
  settings?: Partial<Settings>;
  /** Environment steps of a training run. */
  steps: number;
}

/** A task known by name. */
export interface Task extends TrainingDefaults {
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
  /** One line for a list. */
  summary: string;
}

/** The defaults of an environment that is not in the list below: a custom one. */
export const customDefaults: TrainingDefaults = { preset: "standard", steps: 100_000 };

/**
 * The settings of an experiment, and the preset they start from. This is the one place where a task's own settings meet
 * a preset: they apply only where no preset is named. A preset that is named is taken as it is, also the task's own.
 * Throws as `settingsFrom` does.
 */
export function settingsFor(
  task: Pick<TrainingDefaults, "preset" | "settings">,
  preset?: PresetName | undefined,
  changes: Partial<Settings> = {},
): { preset: PresetName; settings: Settings } {
  const base = preset ?? task.preset;
  return { preset: base, settings: settingsFrom(base, { ...(preset ? {} : task.settings), ...changes }) };
}

/** A task in MuJoCo: this entry, and its file in `envs/mujoco`, register it everywhere. tasks.test.ts says what is missing. */
interface MujocoEntry extends Pick<Task, "settings" | "steps" | "summary">, Sizes {
  /** The task by its options: its name, model, time limit, camera. */
  make(): MujocoTask;
}

const mujocoEntries: readonly MujocoEntry[] = [
  { make: invertedPendulum, ...sizes(4, 1, 3), steps: 200_000, summary: "balance a pole on a cart" },
  {
    make: invertedDoublePendulum,
    ...sizes(9, 1, 1),
    steps: 300_000,
    summary: "balance two poles, one upon the other, on a cart",
    settings: { actorLearningRate: 3e-4 }, // with the preset's, one seed in eight saturates (docs/log.md)
  },
  { make: reacher, ...sizes(10, 2, 1), steps: 300_000, summary: "bring an arm's fingertip to a target" },
  {
    make: pusher,
    ...sizes(23, 7, 2),
    steps: 300_000,
    summary: "push a cylinder to a goal with an arm of seven joints",
  },
  { make: swimmer, ...sizes(8, 2, 1), steps: 1_000_000, summary: "wriggle forward through a thick liquid" },
  { make: hopper, ...sizes(11, 3, 1), steps: 1_000_000, summary: "hop forward on one leg" },
  { make: walker2d, ...sizes(17, 6, 1), steps: 1_000_000, summary: "walk forward on two legs, in a plane" },
  { make: halfCheetah, ...sizes(17, 6, 1), steps: 1_000_000, summary: "run with two legs, in a plane" },
  { make: ant, ...sizes(105, 8, 1), steps: 1_000_000, summary: "walk forward on four legs" },
  {
    make: humanoid,
    ...sizes(348, 17, 0.4),
    steps: 1_000_000,
    summary: "walk upright, with arms and legs",
    settings: { actorLearningRate: 3e-4 }, // contact forces of hundreds are among what it observes (docs/log.md)
  },
];

/** What makes each task in MuJoCo, by its id. */
export const mujocoTasks: ReadonlyMap<string, () => MujocoTask> = new Map(
  mujocoEntries.map(({ make }) => [make().name, make]),
);

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
  ...Object.fromEntries(mujocoEntries.map(taskInMujoco)),
};

function taskInMujoco({ make, ...entry }: MujocoEntry): [id: string, task: Task] {
  const { name, timeLimit } = make();
  return [name, { create: () => createMujoco(make()), ...entry, timeLimit, preset: "standard" }];
}

type Sizes = Pick<Task, "observationSize" | "actionLow" | "actionHigh">;

/** Sizes, with the same bounds for each number of the action. */
function sizes(observationSize: number, actionSize: number, actionBound: number): Sizes {
  const bound = Math.fround(actionBound);
  return {
    observationSize,
    actionLow: Array.from({ length: actionSize }, () => -bound),
    actionHigh: Array.from({ length: actionSize }, () => bound),
  };
}
