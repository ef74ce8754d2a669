// Published results on Gymnasium's MuJoCo tasks after a million steps, for comparison in `ddpg benchmark`.

/**
 * The measure of our table, taken from a source's raw records: the interquartile mean over its seeds of the mean of the last
 * ten evaluations. The second and third number are the lowest and the highest seed, where they are known.
 */
export type Figure = readonly [value: number, lowest?: number, highest?: number];

/** The best figure that is known for a task. */
export interface Best {
  readonly value: number;
  /** The standard deviation, of a figure of another kind. */
  readonly deviation?: number;
  readonly method: keyof typeof methods;
}

export interface Published {
  readonly ddpg?: Figure;
  readonly td3?: Figure;
  readonly best?: Best;
  /** How the task they used differs from v5, if it matters. */
  readonly differs?: string;
}

/** Where the columns of DDPG and TD3 come from. */
export const baselines = {
  name: "Tianshou",
  url: "https://github.com/thu-ml/tianshou/tree/master/examples/mujoco",
  how: "10 seeds, v3, of the pendulums and Reacher v2; DDPG with learning rates of 1e-3, TD3 with 3e-4",
};

/** The methods of the best figures, by the name that the table shows. All act with one network, SAC and its heirs at random. */
export const methods = {
  SAC: { url: baselines.url, how: "10 seeds, v3, of InvertedDoublePendulum v2" },
  TD3: { url: baselines.url, how: "10 seeds, v2" },
  "TD3, γ 0.9999": {
    url: "https://github.com/DLR-RM/rl-baselines3-zoo",
    how: "one run, its final evaluation and its deviation over episodes",
  },
  TD7: {
    url: "https://arxiv.org/abs/2306.02451",
    how: "10 seeds, v4, the mean and deviation that its article reports",
  },
  SimbaV2: { url: "https://arxiv.org/abs/2502.15280", how: "10 seeds, v4, two updates a step" },
  XQC: { url: "https://arxiv.org/abs/2509.25174", how: "10 seeds, v4, two updates a step" },
} as const;

const rewardAfterStep = "v5 rewards after the step, older versions before it";

export const published: Readonly<Record<string, Published>> = {
  "InvertedPendulum-v5": { ddpg: [930, 685, 1000], td3: [1000], best: { value: 1000, method: "TD3" } },
  "InvertedDoublePendulum-v5": {
    ddpg: [9215, 27.8, 9227],
    td3: [9179, 8494, 9349],
    best: { value: 9356, method: "SAC" },
  },
  "Reacher-v5": { ddpg: [-4.8], td3: [-3.7], best: { value: -3.7, method: "TD3" }, differs: rewardAfterStep },
  "Pusher-v5": {},
  "Swimmer-v5": {
    ddpg: [142, 134, 150],
    td3: [98, 50, 141],
    best: { value: 359.1, deviation: 1.2, method: "TD3, γ 0.9999" },
  },
  "Hopper-v5": { ddpg: [1855, 1111, 2531], td3: [3317, 2353, 3720], best: { value: 4017, method: "SimbaV2" } },
  "Walker2d-v5": {
    ddpg: [1180, 536, 1880],
    td3: [3842, 3533, 4721],
    best: { value: 6930, method: "SimbaV2" },
    differs: "its feet have another friction in v5",
  },
  "HalfCheetah-v5": {
    ddpg: [11_503, 10_895, 12_376],
    td3: [10_144, 8775, 11_223],
    best: { value: 17_434, deviation: 155, method: "TD7" },
  },
  "Ant-v5": {
    ddpg: [378, -479, 881],
    td3: [5136, 3504, 5668],
    best: { value: 8509, deviation: 422, method: "TD7" },
    differs: "v5 observes contact forces and always pays for them",
  },
  "Humanoid-v5": {
    ddpg: [95, 67, 219],
    td3: [5076, 4856, 5298],
    best: { value: 11_404, method: "XQC" },
    differs: "v5 observes 348 numbers and older versions 376, and in v4 contacts cost nothing",
  },
};

/** All figures for a task. */
export function figuresFor(task: string): readonly number[] {
  const { ddpg, td3, best } = published[task] ?? {};
  return [ddpg?.[0], td3?.[0], best?.value].filter((value) => value !== undefined);
}
