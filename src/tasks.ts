import {
  currentSettings,
  defaultPreset,
  type OldSettings,
  type PresetName,
  type Settings,
  settingsFrom,
} from "./ddpg/config.ts";
import type { Environment } from "./environment/environment.ts";
import type { DmControlName } from "./envs/dm-control/dm-control.ts";
import { MountainCarContinuous } from "./envs/mountain-car-continuous.ts";
import type { MujocoTask } from "./envs/mujoco/mujoco-environment.ts";
import { Pendulum, PendulumV0 } from "./envs/pendulum.ts";

/** How a task is trained by default. */
export interface TrainingDefaults {
  /** The preset that the settings start from. */
  preset: PresetName;
  /** Settings that differ from the preset: another exploration, or networks and batches of another size. */
  settings?: Partial<Settings>;
  /** Environment steps of a training run. */
  steps: number;
}

/** A task known by name. */
export interface Task extends TrainingDefaults {
  /** Creates a new environment, including its time limit. */
  create(): Environment | Promise<Environment>;
  /**
   * O, the length of an observation. Sizes and bounds are known without creating an environment, which may need a
   * package that is not installed.
   */
  observationSize: number;
  /** Lower bounds of an action: [A]. */
  actionLow: readonly number[];
  /** Upper bounds of an action: [A]. */
  actionHigh: readonly number[];
  /** Steps after which an episode is truncated. */
  timeLimit: number;
  /** A one-line description for lists. */
  summary: string;
}

/** The defaults for a custom environment: one that is not listed below. */
export const customDefaults: TrainingDefaults = { preset: defaultPreset, steps: 100_000 };

/**
 * The settings of an experiment and the preset they start from. A task's own settings apply only if the caller names no
 * preset. A named preset is used unchanged, even if it is the task's default. This rule is implemented only here.
 * Throws as `settingsFrom` does.
 */
export function settingsFor(
  task: Pick<TrainingDefaults, "preset" | "settings">,
  preset?: PresetName | undefined,
  changes: Partial<Settings> & OldSettings = {},
): { preset: PresetName; settings: Settings } {
  const base = preset ?? task.preset;
  return {
    preset: base,
    settings: settingsFrom(base, { ...(preset ? {} : task.settings), ...currentSettings(changes) }),
  };
}

/** All that is only needed once a MuJoCo task is created: programs that create none, such as a page, need not load it. */
const mujoco = () => import("./mujoco.ts");
type Mujoco = Awaited<ReturnType<typeof mujoco>>;

/**
 * A MuJoCo task. This entry and the task's file in `envs` register it everywhere. tasks.test.ts reports what is missing,
 * and compares the time limit with the task's own.
 */
interface MujocoEntry extends Pick<Task, "settings" | "steps" | "summary">, Sizes {
  id: string;
  timeLimit?: number;
  /** Where the default learns less. */
  preset?: PresetName;
}

interface GymnasiumEntry extends MujocoEntry {
  /** The function of `ddpg/mujoco` that makes the task; here it is called without options. */
  make: Exclude<keyof Mujoco, "createMujoco" | "dmControl" | "dmControlNames">;
}

const gymnasiumEntries: readonly GymnasiumEntry[] = [
  {
    id: "InvertedPendulum-v5",
    make: "invertedPendulum",
    ...sizes(4, 1, 3),
    steps: 200_000,
    summary: "balance a pole on a cart",
  },
  {
    id: "InvertedDoublePendulum-v5",
    make: "invertedDoublePendulum",
    ...sizes(9, 1, 1),
    steps: 300_000,
    summary: "balance two poles, one on top of the other, on a cart",
  },
  {
    id: "Reacher-v5",
    make: "reacher",
    timeLimit: 50,
    ...sizes(10, 2, 1),
    steps: 300_000,
    summary: "bring an arm's fingertip to a target",
  },
  {
    id: "Pusher-v5",
    make: "pusher",
    timeLimit: 100,
    ...sizes(23, 7, 2),
    steps: 300_000,
    summary: "push a cylinder to a goal with an arm of seven joints",
  },
  {
    id: "Swimmer-v5",
    make: "swimmer",
    ...sizes(8, 2, 1),
    steps: 1_000_000,
    summary: "wriggle forward through a thick liquid",
  },
  { id: "Hopper-v5", make: "hopper", ...sizes(11, 3, 1), steps: 1_000_000, summary: "hop forward on one leg" },
  {
    id: "Walker2d-v5",
    make: "walker2d",
    ...sizes(17, 6, 1),
    steps: 1_000_000,
    summary: "walk forward on two legs, in a plane",
  },
  {
    id: "HalfCheetah-v5",
    make: "halfCheetah",
    ...sizes(17, 6, 1),
    steps: 1_000_000,
    summary: "run with two legs, in a plane",
  },
  {
    id: "Ant-v5",
    make: "ant",
    ...sizes(105, 8, 1),
    // Normalized observations amplify its 78 contact forces, which are almost always 0, and wide noise overturns it.
    preset: "td3",
    steps: 1_000_000,
    summary: "walk forward on four legs",
  },
  {
    id: "Humanoid-v5",
    make: "humanoid",
    ...sizes(348, 17, 0.4),
    steps: 1_000_000,
    summary: "walk upright, with arms and legs",
  },
];

/** A task of dm_control's suite; its id here is the name in the suite. */
interface DmControlEntry extends MujocoEntry {
  id: DmControlName;
}

/** On walker-walk, as good after 100,000 steps as networks of 256-256, in a tenth of the time (docs/log.md). */
const suiteSettings: Partial<Settings> = {
  actorHiddenSizes: [128, 128],
  criticHiddenSizes: [128, 128],
  batchSize: 64,
};

/** For tasks on which these sizes learn slowly at the rates of the preset (docs/log.md). */
const fastSettings: Partial<Settings> = {
  ...suiteSettings,
  actorLearningRate: 1e-3,
  criticLearningRate: 1e-3,
  returnSteps: 3,
};

/** For two runners that settle for a slow gait on some seeds with the minimum of two critics (docs/log.md). */
const runningSettings: Partial<Settings> = { ...fastSettings, critics: 1 };

/**
 * Where rewards are found late: the noise stays wide, the first rewards are not made large, and there is no minimum of two critics,
 * which hides a reward that few episodes find.
 */
const seeking: Partial<Settings> = { noiseAnnealSteps: 0, rewardNormalization: false, critics: 1 };

/** A hopper does not stand up at the rates of `fastSettings`. */
const hopperSettings: Partial<Settings> = { ...suiteSettings, ...seeking, returnSteps: 3 };

/** For arms that reach for targets at random places, whose joints turn without limits: the best of what was tried (docs/log.md). */
const reachingSettings: Partial<Settings> = {
  ...fastSettings,
  returnSteps: 1,
  observationNormalization: false,
  rewardNormalization: false,
  noise: "gaussian",
  noiseScale: 0.3,
};

/** A task of the suite. All its actions are in [−1, 1]. */
function suiteTask(
  id: DmControlName,
  observationSize: number,
  actionSize: number,
  summary: string,
  { steps = 300_000, settings = suiteSettings }: Partial<Pick<Task, "steps" | "settings">> = {},
): DmControlEntry {
  return { id, ...sizes(observationSize, actionSize, 1), settings, summary, steps };
}

const dmControlEntries: readonly DmControlEntry[] = [
  suiteTask("pendulum-swingup", 3, 1, "swing a pole up with a weak motor", {
    settings: { ...fastSettings, ...seeking },
  }),
  suiteTask("cartpole-balance", 5, 1, "balance a pole on a cart"),
  suiteTask("cartpole-balance_sparse", 5, 1, "balance a pole on a cart; only an upright pole is rewarded"),
  suiteTask("cartpole-swingup", 5, 1, "swing a pole on a cart up and balance it"),
  suiteTask("cartpole-swingup_sparse", 5, 1, "swing a pole on a cart up; only an upright pole is rewarded"),
  suiteTask("cartpole-two_poles", 8, 1, "swing two poles up, one on top of the other"),
  suiteTask("cartpole-three_poles", 11, 1, "swing three poles up"),
  suiteTask("acrobot-swingup", 6, 1, "swing two arms up with a motor in the elbow"),
  suiteTask("acrobot-swingup_sparse", 6, 1, "swing two arms up with a motor in the elbow; only the target is rewarded"),
  suiteTask("point_mass-easy", 4, 2, "push a ball to the center"),
  suiteTask("reacher-easy", 6, 2, "bring an arm's fingertip into a large target", { settings: reachingSettings }),
  suiteTask("reacher-hard", 6, 2, "bring an arm's fingertip into a small target", { settings: reachingSettings }),
  suiteTask("ball_in_cup-catch", 8, 2, "swing a ball on a string into a cup"),
  suiteTask("finger-spin", 9, 2, "keep a body turning with a finger"),
  suiteTask("finger-turn_easy", 12, 2, "turn a body into a large target"),
  suiteTask("finger-turn_hard", 12, 2, "turn a body into a small target"),
  suiteTask("cheetah-run", 17, 6, "run with two legs, in a plane", { steps: 1_000_000, settings: fastSettings }),
  suiteTask("hopper-stand", 15, 4, "stand up on one leg", {
    steps: 1_000_000,
    settings: hopperSettings,
  }),
  suiteTask("hopper-hop", 15, 4, "stand up on one leg and hop forward", {
    steps: 1_000_000,
    settings: hopperSettings,
  }),
  suiteTask("walker-stand", 24, 6, "stand up on two legs", { steps: 1_000_000, settings: fastSettings }),
  suiteTask("walker-walk", 24, 6, "stand up and walk forward", { steps: 1_000_000, settings: fastSettings }),
  suiteTask("walker-run", 24, 6, "stand up and run forward", { steps: 1_000_000, settings: runningSettings }),
  // Not in the suite: our reconstructions of tasks of the paper.
  suiteTask("hard_cheetah-run", 17, 6, "cheetah-run without springs in the joints (reconstruction)", {
    steps: 1_000_000,
    settings: runningSettings,
  }),
  suiteTask("cart", 2, 1, "bring a mass to rest at 0 (reconstruction)"),
  suiteTask("cartpole-parallel_double", 8, 1, "swing two poles up, side by side (reconstruction)", {
    settings: fastSettings,
  }),
  suiteTask("reacher-single", 4, 1, "reacher-easy with one joint (reconstruction)", { settings: reachingSettings }),
  suiteTask("reacher-triple", 8, 3, "reacher-easy with three joints (reconstruction)", { settings: reachingSettings }),
  suiteTask("reacher-single_fixed", 4, 1, "one joint, the target fixed (reconstruction)"),
  suiteTask("reacher-double_fixed", 6, 2, "two joints, the target fixed (reconstruction)"),
  suiteTask("reacher-triple_fixed", 8, 3, "three joints, the target fixed (reconstruction)"),
];

/** A MuJoCo task, and how it is made. */
interface LoadableEntry extends MujocoEntry {
  make: () => Promise<MujocoTask>;
}

const mujocoEntries: readonly LoadableEntry[] = [
  ...gymnasiumEntries.map(({ make, ...entry }) => ({ ...entry, make: async () => (await mujoco())[make]() })),
  ...dmControlEntries.map(({ id, ...entry }) => ({
    ...entry,
    id: `dm_control/${id}`,
    make: async () => (await mujoco()).dmControl(id),
  })),
];

/** Makes each MuJoCo task with its default options, by task id. */
export const mujocoTasks: ReadonlyMap<string, () => Promise<MujocoTask>> = new Map(
  mujocoEntries.map(({ id, make }) => [id, make]),
);

/** The names of suites of tasks. */
export const suites = ["gymnasium", "dm_control", "paper"] as const;

/** The tasks of dm_control that stand for those of the paper, in the order of its Table 1. */
const paperTasks: readonly DmControlName[] = [
  "cart",
  "cartpole-swingup",
  "cartpole-balance",
  "cartpole-parallel_double",
  "cartpole-two_poles",
  "cartpole-three_poles",
  "cheetah-run",
  "reacher-triple_fixed",
  "reacher-double_fixed",
  "reacher-single_fixed",
  "hard_cheetah-run",
  "hopper-stand",
  "hopper-hop",
  "pendulum-swingup",
  "reacher-triple",
  "reacher-single",
  "walker-walk",
  "walker-run",
];

/** The ids of the MuJoCo tasks by suite: the ones that Gymnasium defines, those of dm_control, and of these the paper's. */
export const suiteTasks: Readonly<Record<(typeof suites)[number], readonly string[]>> = {
  gymnasium: gymnasiumEntries.map(({ id }) => id),
  dm_control: dmControlEntries.map(({ id }) => `dm_control/${id}`),
  paper: paperTasks.map((id) => `dm_control/${id}`),
};

/** Every task that comes with the package, by task id. */
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
    summary: "the same rod in the version of early publications, in episodes of 1,000 steps",
  },
  "MountainCarContinuous-v0": {
    create: () => new MountainCarContinuous(),
    ...sizes(2, 1, 1),
    timeLimit: 999,
    preset: "small",
    // Independent noise only jitters in the valley. Correlated noise swings the car up before it has learned to.
    settings: { noise: "ornstein-uhlenbeck", noiseScale: 0.5 },
    steps: 30_000,
    summary: "rock a weak car out of a valley; only the goal is rewarded",
  },
  ...Object.fromEntries(mujocoEntries.map(taskInMujoco)),
};

function taskInMujoco({
  id,
  make,
  timeLimit = 1000,
  preset = defaultPreset,
  ...entry
}: LoadableEntry): [id: string, task: Task] {
  const create = async (): Promise<Environment> => {
    const { createMujoco } = await mujoco();
    return createMujoco(await make());
  };
  return [id, { create, ...entry, timeLimit, preset }];
}

type Sizes = Pick<Task, "observationSize" | "actionLow" | "actionHigh">;

/** Sizes and bounds, with the same bounds in every action dimension. */
function sizes(observationSize: number, actionSize: number, actionBound: number): Sizes {
  const bound = Math.fround(actionBound);
  return {
    observationSize,
    actionLow: Array.from({ length: actionSize }, () => -bound),
    actionHigh: Array.from({ length: actionSize }, () => bound),
  };
}
