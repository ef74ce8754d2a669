import { Random } from "../base/random.ts";
import type { Environment } from "../environment/environment.ts";
import * as mujoco from "../mujoco.ts";
import { environments, mujocoTasks as makers } from "../tasks.ts";

/** What Gymnasium did, as `fixtures/gymnasium/*.json` records it. */
export interface GymnasiumFile {
  id: string;
  actionLow: number[];
  actionHigh: number[];
  observationSize: number;
  timeLimit: number;
  episodes: {
    reset: { state: GymnasiumState; observation: number[] | null };
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

/** `state` for the tasks written by hand; `qpos`, `qvel` and the solver's `warmstart` for MuJoCo's. */
export interface GymnasiumState {
  state?: number[];
  qpos?: number[];
  qvel?: number[];
  warmstart?: number[];
}

/** How a task's records are compared with our environment. */
interface Comparison {
  open(id: string): Promise<Replay>;
  /** The numbers of the recorded state that are compared. */
  expected(state: GymnasiumState): number[];
  /** The same numbers from our `save()`. */
  actual(saved: Float64Array, state: GymnasiumState): ArrayLike<number>;
  sameState: Sameness;
  sameObservation: Sameness;
  sameReward: Sameness;
}

/** An environment of ours that can be put where a record was. */
interface Replay {
  environment: Environment;
  /** Begins a recorded episode; gives our first observation where a reset of ours made it. */
  begin(start: GymnasiumState): ArrayLike<number> | undefined;
  /** Goes to a recorded state, after so many steps of the episode. `replayed` is what we saved there ourselves. */
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
      begin(start) {
        jump(start, 0);
        return undefined;
      },
      jump,
    };
  },
  expected: ({ state = [] }: GymnasiumState) => state,
  actual: (saved: Float64Array) => saved.subarray(1),
  sameObservation: within2UlpOfFloat32,
};

/** The tasks in MuJoCo by their ids. */
export const mujocoTasks = new Map([...makers].map(([id, make]) => [id, make()]));

const inMujoco: Comparison = {
  async open(id) {
    const task = mujocoTasks.get(id) as mujoco.MujocoTask;
    let recorded: GymnasiumState = {};
    const environment = await mujoco.createMujoco({
      ...task,
      start({ qpos, qvel }) {
        qpos.set(recorded.qpos ?? []);
        qvel.set(recorded.qvel ?? []);
      },
    });
    const reset = (start: GymnasiumState) => {
      recorded = start;
      return environment.reset(new Random(1)) as ArrayLike<number>;
    };
    const jump = (before: GymnasiumState, taken: number, replayed?: Float64Array) => {
      // The last position, which can lag behind the state, is not recorded: it stays that of our own replay.
      if (!replayed) reset(before);
      const state = replayed?.slice() ?? save(environment);
      // First the steps taken, then the last position and the time.
      state[0] = taken;
      state.set([...inMujoco.expected(before), ...(before.warmstart ?? [])], 3);
      restore(environment, state);
    };
    return {
      environment,
      begin(start) {
        const observation = reset(start);
        jump(start, 0, save(environment));
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

/**
 * The differences between a record of Gymnasium's and our environment, one line each; none if it is reproduced. Whole
 * episodes are replayed from their reset, and every single step from the state before it.
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
      const observation = begin(reset.state);
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

/** The place of a number among all Float32, counted from 0. */
function rank(x: number): number {
  const bits = new Int32Array(Float32Array.of(x).buffer)[0];
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}
