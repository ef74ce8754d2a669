import type { Simulation } from "./engine.ts";
import { addUniform, clip, controlCost, type Range } from "./gymnasium.ts";
import type { MujocoTask } from "./mujoco-environment.ts";

/** The options that Hopper-v5 and Walker2d-v5 share, with their defaults. */
export const uprightDefaults = {
  /** Reward per m/s of speed along x. */
  forwardRewardWeight: 1,
  /** Cost per unit of Σ action². */
  ctrlCostWeight: 1e-3,
  /** Reward for every step after which the robot is healthy. */
  healthyReward: 1,
  /** Whether the task ends when the robot is not healthy. */
  terminateWhenUnhealthy: true,
  /** Initial positions and speeds vary uniformly by ± this. */
  resetNoiseScale: 5e-3,
  /** Whether the observation leaves out x. */
  excludeCurrentPositionsFromObservation: true,
};

/** The range that observed speeds are clipped to. */
const observed: Range = [-10, 10];

/**
 * Returns a task to move forward in a plane without falling, except for its name and model. `healthy` decides whether a
 * state is upright.
 */
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
