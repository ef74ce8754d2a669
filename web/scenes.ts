// What the page knows of a task beside what the library does: what its states mean. A task
// without a scene is not offered. Nothing here draws, so the workers use it too.
import { pi } from "../src/base/math.ts";
import type { Environment } from "../src/environment/environment.ts";
import { type Scene, sceneOf } from "../src/environment/scene.ts";
import { MountainCarContinuous } from "../src/envs/mountain-car-continuous.ts";
import { Pendulum } from "../src/envs/pendulum.ts";
import { mujocoTasks } from "../src/tasks.ts";

/** A state or an observation. */
export type Numbers = readonly number[] | Float64Array;

/** A task that is drawn in the plane, in canvases. */
export interface FlatScene {
  readonly isSolid?: false;
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

/** A task that is drawn in 3D: its own environment says what is seen of it, once the engine is there. */
export interface SolidScene extends Pick<FlatScene, "action"> {
  readonly isSolid: true;
  readonly optimum?: undefined;
  readonly plane?: undefined;
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

const pendulum: FlatScene = {
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

const mountainCar: FlatScene = {
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

const solid: SolidScene = { isSolid: true, action: { name: "action", unit: "", from: -1, to: 1, ticks: [] } };

/** Of a task that the page cannot simulate: nothing is there, and nothing moves. */
const empty: FlatScene = {
  create: () => {
    const camera = { target: [0, 0, 0], distance: 1, azimuth: 0, elevation: 0 } as const;
    const scene: Scene = { shapes: [], camera, stepSeconds: 1, writePoses() {} };
    const nothing: Environment & { scene: Scene } = {
      observationSize: 0,
      actionLow: [],
      actionHigh: [],
      reset: () => [],
      step: () => ({ observation: [], reward: 0, terminated: false }),
      scene,
    };
    return nothing;
  },
  rest: [],
  observe: () => [],
  action: { name: "", unit: "", from: 0, to: 0, ticks: [] },
};

/** The scene of any task. */
export function sceneOfTask(task: string): FlatScene | SolidScene {
  return Object.hasOwn(scenes, task) ? scenes[task] : empty;
}

/** The scenes by their tasks' ids. */
export const scenes: Readonly<Record<string, FlatScene | SolidScene>> = {
  "Pendulum-v1": pendulum,
  "MountainCarContinuous-v0": mountainCar,
  ...Object.fromEntries([...mujocoTasks.keys()].map((id) => [id, solid])),
};

/** What the environment of a task that the page offers shows of itself. */
export function shownBy(environment: Environment): Scene {
  const scene = sceneOf(environment);
  if (!scene) throw new Error("A task that shows nothing of itself is not offered.");
  return scene;
}
