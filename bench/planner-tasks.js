// What `npm run bench:planner` measures: the tasks, and how the planner searches in each. The order is that of the runs.

/** Episodes of the planner, and of random actions. */
export const episodes = { planner: 5, random: 50 };

/** Settings of `ddpg plan` that suit several tasks. */
const cartpole = { horizon: 150, spacing: 15, samples: 12, iterations: 1, replan: 1, noise: 0.5 };
const cheetah = { horizon: 50, spacing: 5, samples: 48, iterations: 2, replan: 1, noise: 0.5 };
const hopper = { horizon: 60, spacing: 10, samples: 128, iterations: 1, replan: 3, noise: 1 };
const walker = { horizon: 30, spacing: 5, samples: 24, iterations: 1, replan: 1, noise: 0.5 };
const arm = { horizon: 60, spacing: 10, samples: 48, iterations: 1, replan: 5, noise: 0.5 };
const swing = { horizon: 150, spacing: 15, samples: 48, iterations: 1, replan: 5, noise: 1 };

/** The settings of each task. They are chosen so that an episode may take 15 minutes of one core at most. */
export const tasks = {
  "Pendulum-v1": { horizon: 40, spacing: 4, samples: 48, iterations: 2, replan: 1, noise: 0.5 },
  "dm_control/hopper-stand": hopper,
  "dm_control/cartpole-swingup": cartpole,
  "dm_control/walker-walk": walker,
  "dm_control/cheetah-run": cheetah,
  "dm_control/cartpole-balance": cartpole,
  // Its motor needs six seconds to swing the pole up.
  "dm_control/pendulum-swingup": { horizon: 400, spacing: 10, samples: 200, iterations: 4, replan: 10, noise: 1 },
  "dm_control/reacher-easy": arm,
  "dm_control/ball_in_cup-catch": { ...arm, noise: 1 },
  "dm_control/finger-spin": { ...arm, spacing: 5, noise: 1 },
  "dm_control/walker-stand": walker,
  "dm_control/walker-run": { ...walker, horizon: 40, samples: 48, replan: 2 },
  "dm_control/reacher-hard": arm,
  "dm_control/point_mass-easy": { ...arm, horizon: 100, spacing: 20 },
  "dm_control/cartpole-balance_sparse": cartpole,
  "dm_control/cartpole-swingup_sparse": swing,
  "dm_control/cartpole-two_poles": swing,
  "dm_control/cartpole-three_poles": swing,
  "dm_control/cartpole-parallel_double": swing,
  "dm_control/cart": { ...arm, horizon: 100 },
  "dm_control/acrobot-swingup": swing,
  "dm_control/acrobot-swingup_sparse": swing,
  "dm_control/finger-turn_easy": { ...arm, noise: 1 },
  "dm_control/finger-turn_hard": { ...arm, noise: 1 },
  "dm_control/hopper-hop": hopper,
  "dm_control/hard_cheetah-run": cheetah,
  "dm_control/reacher-single": arm,
  "dm_control/reacher-triple": arm,
  "dm_control/reacher-single_fixed": arm,
  "dm_control/reacher-double_fixed": arm,
  "dm_control/reacher-triple_fixed": arm,
};
