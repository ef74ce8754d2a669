// Published results of DDPG on Gymnasium's MuJoCo tasks after a million steps, for comparison in `ddpg benchmark`.
import { largest } from "../../base/numbers.ts";

/** A source of figures, and what it measured. */
export interface Source {
  readonly name: string;
  readonly url: string;
  /** How it was measured, and on which versions of the tasks. */
  readonly how: string;
}

export const sources: readonly Source[] = [
  {
    name: "Tianshou",
    url: "https://github.com/thu-ml/tianshou/tree/master/examples/mujoco",
    how: "the last noise-free evaluation in its raw data (its own table has the best), 10 seeds, v3, of the pendulums and Reacher v2",
  },
  {
    name: "Spinning Up",
    url: "https://spinningup.openai.com/en/latest/spinningup/bench.html",
    how: "noise-free evaluation, from its curves, 10 seeds, v3",
  },
  {
    name: "CleanRL",
    url: "https://docs.cleanrl.dev/rl-algorithms/ddpg/",
    how: "returns of training, with noise, 3 seeds, v4",
  },
];

/** A mean over seeds, with its standard deviation if it was published. */
export type Figure = readonly [mean: number, deviation?: number];

export interface Published {
  /** One for each of `sources`. Null if there is none. */
  readonly figures: readonly [tianshou: Figure | null, spinningUp: Figure | null, cleanRl: Figure | null];
  /** How the task they used differs from v5, if it matters. */
  readonly differs?: string;
}

const rewardAfterStep = "v5 rewards after the step, older versions before it";

export const published: Readonly<Record<string, Published>> = {
  "InvertedPendulum-v5": { figures: [[925, 226], null, [643, 70]] },
  "InvertedDoublePendulum-v5": { figures: [[8297, 2757], null, null] },
  "Reacher-v5": { figures: [[-5.1], null, null], differs: rewardAfterStep },
  "Pusher-v5": {
    figures: [null, null, [-39, 5]],
    differs: `its object is heavier in v5, and ${rewardAfterStep}`,
  },
  "Swimmer-v5": { figures: [[142], [136], null] },
  "Hopper-v5": { figures: [[1604, 936], [1736], [1577, 819]] },
  "Walker2d-v5": { figures: [[916, 535], [1921], [1240, 390]], differs: "its feet have another friction in v5" },
  "HalfCheetah-v5": { figures: [[11_653, 431], [10_110], [10_374, 157]] },
  "Ant-v5": {
    figures: [[385, 334], [700], null],
    differs: "v5 observes contact forces and always pays for them",
  },
  "Humanoid-v5": { figures: [[109, 50], null, [1700, 694]] },
};

/** The best noise-free figure for a task, from the first two sources. Undefined if they have none. */
export function bestPublished(task: string): number | undefined {
  const means = (published[task]?.figures ?? []).slice(0, 2).flatMap((figure) => (figure ? [figure[0]] : []));
  return means.length > 0 ? largest(means) : undefined;
}
