import type { Simulation } from "./engine.ts";
import { addUniform, clip, controlCost, type Range } from "./gymnasium.ts";
import type { MujocoTask } from "./mujoco-environment.ts";

/** Options that Hopper-v5 and Walker2d-v5 share, with their usual values. */
export const uprightDefaults = {
  /** Paid for each m/s along x. */
  forwardRewardWeight: 1,
  /** Taken for the sum of the action's squares. */
  ctrlCostWeight: 1e-3,
  /** Paid for every step after which it is healthy. */
  healthyReward: 1,
  /** Whether an episode ends when it is not. */
  terminateWhenUnhealthy: true,
  /** A start's positions and speeds are uniform in ± this. */
  resetNoiseScale: 5e-3,
  /** Whether x is left out of the observation. */
  excludeCurrentPositionsFromObservation: true,
};

/** Speeds are observed clipped to this. */
const observed: Range = [-10, 10];

/** What goes forward in a plane and must stay upright: all of the task but its name, its model and what is healthy. */
export function upright(
  options: typeof uprightDefaults,
  healthy: (simulation: Simulation) => boolean,
): Omit<MujocoTask, "name" | "model"> {
  const { forwardRewardWeight, ctrlCostWeight, healthyReward, terminateWhenUnhealthy, resetNoiseScale } = options;
  const excluded = options.excludeCurrentPositionsFromObservation ? 1 : 0;
  return {
    frameSkip: 4,
    timeLimit: 1000,
    camera: { follows: "torso", target: [0, 0, 0.8], distance: 3, azimuth: 90, elevation: -12 },
    start({ qpos, qvel }, random) {
      addUniform(qpos, random, resetNoiseScale);
      addUniform(qvel, random, resetNoiseScale);
    },
    observe: ({ qpos, qvel }) => [...qpos.subarray(excluded), ...Array.from(qvel, (speed) => clip(speed, observed))],
    position: ({ qpos }) => qpos[0],
    reward(simulation, action, velocity) {
      const forwardReward = forwardRewardWeight * velocity;
      const survivalReward = healthy(simulation) ? healthyReward : 0;
      return forwardReward + survivalReward - controlCost(ctrlCostWeight, action);
    },
    terminated: (simulation) => terminateWhenUnhealthy && !healthy(simulation),
  };
}
