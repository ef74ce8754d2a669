import { Random } from "../base/random.ts";
import type { Environment } from "../environment/environment.ts";
import * as mujoco from "../mujoco.ts";
import { environments, mujocoTasks as makers } from "../tasks.ts";

/** A recording of Gymnasium or dm_control: the contents of a file of `fixtures/gymnasium` or `fixtures/dm-control`. */
export interface GymnasiumFile {
  id: string;
  actionLow: number[];
  actionHigh: number[];
  observationSize: number;
  timeLimit: number;
  episodes: {
    reset: {
      state: GymnasiumState;
      observation: number[] | null;
      /** What the reset of dm_control wrote into the model; empty for a task without a target. */
      target?: { kind?: string; pos?: number[] };
    };
    steps: {
      before: GymnasiumState;
      action: number[];
      after: GymnasiumState;
      observation: number[];
      reward: number;
      terminated: boolean;
      truncated?: boolean;
    }[];
  }[];
}

/** `state` for the tasks without a physics engine; `qpos`, `qvel` and the solver's `warmstart` for MuJoCo tasks. */
export interface GymnasiumState {
  state?: number[];
  qpos?: number[];
  qvel?: number[];
  warmstart?: number[];
}

/** How a task's recording is compared with our environment. */
interface Comparison {
  open(id: string): Promise<Replay>;
  /** The numbers of a recorded state that are compared. */
  expected(state: GymnasiumState): number[];
  /** The same numbers, taken from our `save()`. */
  actual(saved: Float64Array, state: GymnasiumState): ArrayLike<number>;
  sameState: Sameness;
  sameObservation: Sameness;
  sameReward: Sameness;
}

/** Our environment, which can be put into a recorded state. */
interface Replay {
  environment: Environment;
  /** Starts a recorded episode; returns our first observation if our own reset produced one. */
  begin(start: GymnasiumFile["episodes"][0]["reset"]): ArrayLike<number> | undefined;
  /** Goes to a recorded state, `taken` steps into the episode. `replayed` is what our own replay saved at that step. */
  jump(before: GymnasiumState, taken: number, replayed?: Float64Array): void;
}

type Sameness = (actual: number, expected: number) => boolean;

const plain = {
  async open(id: string): Promise<Replay> {
    const environment = await environments[id].create();
    const jump = ({ state = [] }: GymnasiumState, taken: number) =>
      restore(environment, Float64Array.of(taken, ...state));
    return {
      environment,
      begin({ state }) {
        jump(state, 0);
        return undefined;
      },
      jump,
    };
  },
  expected: ({ state = [] }: GymnasiumState) => state,
  actual: (saved: Float64Array) => saved.subarray(1),
  sameObservation: within2UlpOfFloat32,
};

/** The MuJoCo tasks by id. */
export const mujocoTasks = new Map(
  await Promise.all([...makers].map(async ([id, make]) => [id, await make()] as const)),
);

const inMujoco: Comparison = {
  async open(id) {
    const task = mujocoTasks.get(id) as mujoco.MujocoTask;
    let recorded: GymnasiumState = {};
    let placed: number[] = [];
    const environment = await mujoco.createMujoco({
      ...task,
      settleSteps: 0,
      accepts: () => true,
      start({ qpos, qvel, target }) {
        qpos.set(recorded.qpos ?? []);
        qvel.set(recorded.qvel ?? []);
        if (target.length > 0) target.set(placed);
      },
    });
    const reset = (start: GymnasiumState) => {
      recorded = start;
      return environment.reset(new Random(1)) as ArrayLike<number>;
    };
    const jump = (before: GymnasiumState, taken: number, replayed?: Float64Array) => {
      // The position after the last step, which can lag behind the state, is not recorded: our own replay supplies it.
      if (!replayed) reset(before);
      const state = replayed?.slice() ?? save(environment);
      // A saved state starts with the steps taken, the last position and the time.
      state[0] = taken;
      state.set([...inMujoco.expected(before), ...(before.warmstart ?? [])], 3);
      restore(environment, state);
    };
    return {
      environment,
      begin({ state, target = {} }) {
        placed = target.pos ?? [];
        const observation = reset(state);
        jump(state, 0, save(environment));
        return observation;
      },
      jump,
    };
  },
  expected: ({ qpos = [], qvel = [] }) => [...qpos, ...qvel],
  actual: (saved, state) => saved.subarray(3, 3 + inMujoco.expected(state).length),
  sameState: within(1e-9),
  sameObservation: within(1e-9),
  sameReward: within(1e-9),
};

const comparisons: Readonly<Record<string, Comparison>> = {
  "Pendulum-v1": { ...plain, sameState: within(1e-6), sameReward: within(1e-6) },
  "MountainCarContinuous-v0": { ...plain, sameState: within2UlpOfFloat32, sameReward: within(1e-9) },
  ...Object.fromEntries([...mujocoTasks.keys()].map((id) => [id, inMujoco])),
};

/** Does the same for a recording of dm_control, in which ids have no prefix. */
export function checkDmControlFile(file: GymnasiumFile): Promise<string[]> {
  return checkGymnasiumFile({ ...file, id: `dm_control/${file.id}` });
}

/**
 * Returns the differences between a recording of Gymnasium and our environment, one line each. Whole episodes are
 * replayed from their reset, and then each step on its own from the recorded state before it.
 */
export async function checkGymnasiumFile(file: GymnasiumFile): Promise<string[]> {
  const task = environments[file.id];
  const comparison = comparisons[file.id];
  if (!task || !comparison) return [`id: expected one of ${Object.keys(comparisons).join(", ")}, got "${file.id}".`];
  const { environment, begin, jump } = await comparison.open(file.id);
  const differences: string[] = [];
  const compare = (where: string, actual: ArrayLike<number>, expected: number[], same: Sameness) => {
    if (actual.length !== expected.length || !expected.every((value, i) => same(actual[i], value)))
      differences.push(`${where}: expected ${expected.join(", ")}, got ${Array.from(actual).join(", ")}.`);
  };
  compare("observationSize", [environment.observationSize], [file.observationSize], Object.is);
  compare("timeLimit", [task.timeLimit], [file.timeLimit], Object.is);
  compare("actionLow", environment.actionLow, file.actionLow, Object.is);
  compare("actionHigh", environment.actionHigh, file.actionHigh, Object.is);
  compare(
    "sizes",
    [task.observationSize, ...task.actionLow, ...task.actionHigh],
    [file.observationSize, ...file.actionLow, ...file.actionHigh],
    Object.is,
  );

  for (const [e, { reset, steps }] of file.episodes.entries()) {
    if (steps.length === 0) differences.push(`episode ${e}: expected steps, got none.`);
    const replayed: Float64Array[] = [];
    if (reset.observation !== null) {
      const observation = begin(reset);
      if (observation) compare(`episode ${e} reset`, observation, reset.observation, comparison.sameObservation);
      for (let i = 0; i < steps.length; i++) {
        replayed.push(save(environment));
        await compareStep(`episode ${e} step ${i}`, i);
      }
    }
    for (let i = 0; i < steps.length; i++) {
      jump(steps[i].before, i, replayed[i]);
      await compareStep(`episode ${e} step ${i} alone`, i);
    }

    async function compareStep(where: string, i: number): Promise<void> {
      const recorded = steps[i];
      const step = await environment.step(Float32Array.from(recorded.action));
      compare(`${where} observation`, step.observation, recorded.observation, comparison.sameObservation);
      compare(`${where} reward`, [step.reward], [recorded.reward], comparison.sameReward);
      const saved = comparison.actual(save(environment), recorded.after);
      compare(`${where} state`, saved, comparison.expected(recorded.after), comparison.sameState);
      compare(`${where} terminated`, [Number(step.terminated)], [Number(recorded.terminated)], Object.is);
      if (recorded.truncated !== undefined)
        compare(`${where} truncated`, [Number(step.truncated ?? false)], [Number(recorded.truncated)], Object.is);
    }
  }
  environment.close?.();
  return differences;
}

function save(environment: Environment): Float64Array {
  if (!environment.save) throw new Error("A replay needs save().");
  return environment.save();
}

function restore(environment: Environment, state: Float64Array): void {
  if (!environment.restore) throw new Error("A replay needs restore().");
  environment.restore(state);
}

function within(tolerance: number): Sameness {
  return (actual, expected) => Math.abs(actual - expected) <= tolerance;
}

function within2UlpOfFloat32(actual: number, expected: number): boolean {
  return Math.abs(rank(actual) - rank(expected)) <= 2;
}

/** The signed number of Float32 values between 0 and x. */
function rank(x: number): number {
  const bits = new Int32Array(Float32Array.of(x).buffer)[0];
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}
