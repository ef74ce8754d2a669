// What the page knows of a task beside what the library does: how time passes in it, and what its states mean. A task
// without a scene is not offered. Nothing here draws, so the worker uses it too.
import { pi } from "../src/base/math.ts";
import type { Environment } from "../src/ddpg/environment.ts";
import { MountainCarContinuous } from "../src/envs/mountain-car-continuous.ts";
import { Pendulum } from "../src/envs/pendulum.ts";

/** A state or an observation. */
export type Numbers = readonly number[] | Float64Array;

export interface Scene {
  /** Seconds that a step stands for. */
  readonly timeStep: number;
  /** A fresh environment; its `save()` is the steps taken, then the body's state. */
  create(): Environment;
  /** The state that the first episode on show begins from. */
  readonly rest: readonly number[];
  /** What is observed of a state. */
  observe(state: Numbers): number[];
  /** The best possible mean return, where it is known. */
  readonly optimum?: number;
  /** What one number of the action is. */
  readonly action: Axis;
  /** Where the value and the policy are drawn as maps; only tasks of two numbers have it. */
  readonly plane?: Plane;
}

/** A quantity with its range. */
export interface Axis {
  readonly name: string;
  readonly unit: string;
  readonly from: number;
  readonly to: number;
  /** Where it is labelled, and how. */
  readonly ticks: readonly (readonly [value: number, label: string])[];
}

/** A body's state as a point. */
export interface Plane {
  readonly x: Axis;
  readonly y: Axis;
  /** Whether x comes back to its beginning at its end. */
  readonly turns: boolean;
  /** What is observed at a point. */
  observe(x: number, y: number): number[];
  /** The point of an observation. */
  point(observation: Numbers): [x: number, y: number];
}

const pendulum: Scene = {
  timeStep: 0.05,
  create: () => new Pendulum(),
  rest: [pi, 0],
  observe: ([angle, speed]) => [Math.cos(angle), Math.sin(angle), speed],
  optimum: -138,
  action: {
    name: "torque",
    unit: "N·m",
    from: -2,
    to: 2,
    ticks: [
      [-2, "−2"],
      [0, "0"],
      [2, "2"],
    ],
  },
  plane: {
    x: {
      name: "angle from upright",
      unit: "rad",
      from: -pi,
      to: pi,
      ticks: [
        [-pi, "−π"],
        [-pi / 2, "−π/2"],
        [0, "0"],
        [pi / 2, "π/2"],
        [pi, "π"],
      ],
    },
    y: {
      name: "angular velocity",
      unit: "rad/s",
      from: -8,
      to: 8,
      ticks: [
        [-8, "−8"],
        [-4, "−4"],
        [0, "0"],
        [4, "4"],
        [8, "8"],
      ],
    },
    turns: true,
    observe: (angle, speed) => [Math.cos(angle), Math.sin(angle), speed],
    point: ([cosine, sine, speed]) => [Math.atan2(sine, cosine), speed],
  },
};

const mountainCar: Scene = {
  timeStep: 1 / 30, // as Gymnasium draws it; the task itself has no seconds
  create: () => new MountainCarContinuous(),
  rest: [-pi / 6, 0],
  observe: ([position, velocity]) => [position, velocity],
  action: {
    name: "force",
    unit: "",
    from: -1,
    to: 1,
    ticks: [
      [-1, "−1"],
      [0, "0"],
      [1, "1"],
    ],
  },
  plane: {
    x: {
      name: "position",
      unit: "",
      from: -1.2,
      to: 0.6,
      ticks: [
        [-1.2, "−1.2"],
        [-0.52, "valley"],
        [0.45, "goal"],
      ],
    },
    y: {
      name: "velocity",
      unit: "per step",
      from: -0.07,
      to: 0.07,
      ticks: [
        [-0.07, "−0.07"],
        [0, "0"],
        [0.07, "0.07"],
      ],
    },
    turns: false,
    observe: (position, velocity) => [position, velocity],
    point: ([position, velocity]) => [position, velocity],
  },
};

/** Of a task that the page cannot simulate: nothing is there, and nothing moves. */
const empty: Scene = {
  timeStep: 1,
  create: () => ({
    observationSize: 0,
    actionLow: [],
    actionHigh: [],
    reset: () => [],
    step: () => ({ observation: [], reward: 0, terminated: false }),
  }),
  rest: [],
  observe: () => [],
  action: { name: "", unit: "", from: 0, to: 0, ticks: [] },
};

/** The scene of any task. */
export function sceneOf(task: string): Scene {
  return Object.hasOwn(scenes, task) ? scenes[task] : empty;
}

/** The scenes by their tasks' ids. */
export const scenes: Readonly<Record<string, Scene>> = {
  "Pendulum-v1": pendulum,
  "MountainCarContinuous-v0": mountainCar,
};
