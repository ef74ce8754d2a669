// What the page knows about a task beyond the library: what its states mean. The page offers only tasks with a scene.
// Nothing here draws, so workers can use it too.
import { pi } from "../src/base/math.ts";
import type { PresetName } from "../src/ddpg/config.ts";
import type { Environment } from "../src/environment/environment.ts";
import { poseSize, type Scene, sceneOf } from "../src/environment/scene.ts";
import { MountainCarContinuous } from "../src/envs/mountain-car-continuous.ts";
import { Pendulum } from "../src/envs/pendulum.ts";
import { mujocoTasks } from "../src/tasks.ts";
import type { Body } from "./source.ts";

/** A state or an observation. */
export type Numbers = readonly number[] | Float64Array;

/** A task that is drawn in 2D, on a canvas. */
export interface FlatScene {
  readonly isSolid?: false;
  /** A new environment; its `save()` returns the steps taken, followed by the body's state. */
  create(): Environment;
  /** The state in which the first displayed episode starts. */
  readonly rest: readonly number[];
  /** The observation of a state. */
  observe(state: Numbers): number[];
  /** The best possible mean return, if it is known. */
  readonly optimum?: number;
  /** The meaning of the action's first number. */
  readonly action: Axis;
  /** What the form offers, if that solves the task in seconds and the task's defaults do not. */
  readonly suggested?: { readonly preset: PresetName; readonly steps: number };
  /** The plane over which the value and the policy are mapped; only tasks with a two-number state have one. */
  readonly plane?: Plane;
}

/** A task that is drawn in 3D: its environment describes the shapes, once the physics engine is loaded. */
export interface SolidScene extends Pick<FlatScene, "action" | "suggested"> {
  readonly isSolid: true;
  readonly optimum?: undefined;
  readonly plane?: undefined;
}

/** A quantity and its range. */
export interface Axis {
  readonly name: string;
  readonly unit: string;
  readonly from: number;
  readonly to: number;
  /** Labeled values. */
  readonly ticks: readonly (readonly [value: number, label: string])[];
}

/** How a body's state is a point of a plane. */
export interface Plane {
  readonly x: Axis;
  readonly y: Axis;
  /** Whether x is cyclic, as an angle is. */
  readonly turns: boolean;
  /** The observation at a point. */
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

/** The scene of a task that the page cannot simulate: it is empty and nothing moves. */
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

/** The scene of any task, also of one that the page does not offer. */
export function sceneOfTask(task: string): FlatScene | SolidScene {
  return Object.hasOwn(scenes, task) ? scenes[task] : empty;
}

/** The scenes by task id. */
export const scenes: Readonly<Record<string, FlatScene | SolidScene>> = {
  "Pendulum-v1": pendulum,
  "MountainCarContinuous-v0": mountainCar,
  ...Object.fromEntries([...mujocoTasks.keys()].map((id) => [id, solid])),
  "InvertedPendulum-v5": { ...solid, suggested: { preset: "small", steps: 20_000 } },
};

/** The scene that the environment of an offered task provides. */
export function shownBy(environment: Environment): Scene {
  const scene = sceneOf(environment);
  if (!scene) throw new Error("Every task on the page must have a scene.");
  return scene;
}

/** The body after a step, for an environment that can be saved. Its poses are those of `scene`; null for a flat one. */
export function bodyAfter(
  environment: Environment,
  scene: Scene | null,
  taken: { readonly step: number; readonly observation: ArrayLike<number>; readonly action: ArrayLike<number> },
): Omit<Body, "path"> | null {
  const state = environment.save?.();
  if (!state) return null;
  const poses = scene && new Float32Array(scene.shapes.length * poseSize);
  if (poses) scene.writePoses(poses);
  return {
    state: Array.from(state.subarray(1)),
    poses,
    observation: Array.from(taken.observation),
    action: Array.from(taken.action),
    step: taken.step,
    length: state[0],
  };
}
