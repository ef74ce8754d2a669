import type { Environment } from "../ddpg/environment.ts";
import { environments } from "./index.ts";

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
  /** What our `restore` takes: the recorded state, after so many steps of the episode. */
  toSaved(state: GymnasiumState, taken: number): Float64Array;
  /** The numbers of the recorded state that are compared. */
  expected(state: GymnasiumState): number[];
  /** The same numbers from our `save()`. */
  actual(saved: Float64Array): ArrayLike<number>;
  sameState: Sameness;
  sameObservation: Sameness;
  sameReward: Sameness;
}

type Sameness = (actual: number, expected: number) => boolean;

const plain = {
  toSaved: ({ state = [] }: GymnasiumState, taken: number) => Float64Array.of(taken, ...state),
  expected: ({ state = [] }: GymnasiumState) => state,
  actual: (saved: Float64Array) => saved.subarray(1),
  sameObservation: within2UlpOfFloat32,
};

const comparisons: Readonly<Record<string, Comparison>> = {
  "Pendulum-v1": { ...plain, sameState: within(1e-6), sameReward: within(1e-6) },
  "MountainCarContinuous-v0": { ...plain, sameState: within2UlpOfFloat32, sameReward: within(1e-9) },
};

/**
 * The differences between a record of Gymnasium's and our environment, one line each; none if it is reproduced. Whole
 * episodes are replayed from their reset, and every single step from the state before it.
 */
export async function checkGymnasiumFile(file: GymnasiumFile): Promise<string[]> {
  const task = environments[file.id];
  const comparison = comparisons[file.id];
  if (!task || !comparison) return [`id: expected one of ${Object.keys(comparisons).join(", ")}, got "${file.id}".`];
  const environment = await task.create();
  const differences: string[] = [];
  const compare = (where: string, actual: ArrayLike<number>, expected: number[], same: Sameness) => {
    if (actual.length !== expected.length || !expected.every((value, i) => same(actual[i], value)))
      differences.push(`${where}: expected ${expected.join(", ")}, got ${Array.from(actual).join(", ")}.`);
  };
  compare("observationSize", [environment.observationSize], [file.observationSize], Object.is);
  compare("timeLimit", [task.timeLimit], [file.timeLimit], Object.is);
  compare("actionLow", environment.actionLow, file.actionLow, Object.is);
  compare("actionHigh", environment.actionHigh, file.actionHigh, Object.is);

  for (const [e, { reset, steps }] of file.episodes.entries()) {
    if (steps.length === 0) differences.push(`episode ${e}: expected steps, got none.`);
    if (reset.observation !== null) {
      restore(environment, comparison.toSaved(reset.state, 0));
      for (let i = 0; i < steps.length; i++) await compareStep(`episode ${e} step ${i}`, i);
    }
    for (let i = 0; i < steps.length; i++) {
      restore(environment, comparison.toSaved(steps[i].before, i));
      await compareStep(`episode ${e} step ${i} alone`, i);
    }

    async function compareStep(where: string, i: number): Promise<void> {
      const recorded = steps[i];
      const step = await environment.step(Float32Array.from(recorded.action));
      compare(`${where} observation`, step.observation, recorded.observation, comparison.sameObservation);
      compare(`${where} reward`, [step.reward], [recorded.reward], comparison.sameReward);
      const saved = comparison.actual(save(environment));
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
