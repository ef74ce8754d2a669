import type { Environment } from "../ddpg/environment.ts";
import { MountainCarContinuous } from "./mountain-car-continuous.ts";
import { Pendulum, PendulumV0 } from "./pendulum.ts";

/** A task known by name. */
export interface Task {
  /** A fresh environment, its time limit included. */
  create(): Environment | Promise<Environment>;
  /** Steps after which an episode is truncated. */
  timeLimit: number;
  /** The preset of settings that the task is trained with. */
  preset: "small" | "standard";
  /** What differs from the preset for this task: exploration, where the usual one cannot find a reward. */
  settings?: { noise: "ornstein-uhlenbeck"; noiseScale: number };
  /** How many environment steps a training run takes. */
  steps: number;
  /** One line for a list. */
  summary: string;
}

/** Every task that comes with the package, by its id. */
export const environments: Readonly<Record<string, Task>> = {
  "Pendulum-v1": {
    create: () => new Pendulum(),
    timeLimit: 200,
    preset: "small",
    steps: 5_000,
    summary: "swing a rod up and hold it there, with a weak motor",
  },
  "Pendulum-v0": {
    create: () => new PendulumV0(),
    timeLimit: 1000,
    preset: "small",
    steps: 40_000,
    summary: "the same rod in early results' version, in episodes of 1,000 steps",
  },
  "MountainCarContinuous-v0": {
    create: () => new MountainCarContinuous(),
    timeLimit: 999,
    preset: "small",
    // Independent noise jitters in the valley; correlated noise swings the car up before it has learned to.
    settings: { noise: "ornstein-uhlenbeck", noiseScale: 0.5 },
    steps: 30_000,
    summary: "rock a weak car out of a valley; the only gain is at the goal",
  },
};
