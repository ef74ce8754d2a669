import { expect, expectNumbers, InputError } from "../../base/expect.ts";
import type { Random } from "../../base/random.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import type { Camera, Scene } from "../../environment/scene.ts";
import { TimeLimit } from "../../environment/time-limit.ts";
import { MujocoSimulation, reason, type Simulation } from "./engine.ts";

/** A task in MuJoCo: a model, and a few functions that look at its simulation. The action sets the actuators. */
export interface MujocoTask {
  /** What errors call it. */
  readonly name: string;
  /**
   * The model in MJCF, every actuator with a `ctrlrange`. `<size memory="100K"/>` keeps an environment small: without
   * it, the engine takes 13.6 MB for each. Too little is an error.
   */
  readonly model: string;
  /** Engine steps for each action. */
  readonly frameSkip: number;
  /** Steps after which an episode is truncated. */
  readonly timeLimit: number;
  /**
   * From where it is looked at; what it follows is the name of a body. Without one, as MuJoCo's own viewer would:
   * `<statistic center="…" extent="…"/>` in the model says which part.
   */
  readonly camera?: Omit<Camera, "follows"> & { readonly follows?: string };
  /** Changes qpos and qvel, which are the model's own start at rest, into the start of an episode. */
  start(simulation: Simulation, random: Random): void;
  /** What the policy sees: [O], always as many numbers. */
  observe(simulation: Simulation): ArrayLike<number>;
  /** What moves forward. `reward` is given its velocity over the whole step. */
  position?(simulation: Simulation): number;
  /** The reward for a step, when it has been made. `velocity` is 0 for a task without `position`. */
  reward(simulation: Simulation, action: Float32Array, velocity: number): number;
  /** Whether the task came to its end with this step; never, unless given. */
  terminated?(simulation: Simulation): boolean;
}

/**
 * An environment of a task in MuJoCo, its time limit included. Throws an InputError where the engine is not installed,
 * or the model is none. `save()`: the steps taken, the last position, then MuJoCo's whole state: time, qpos, qvel,
 * activations, the solver's warm start, and what else a task may set.
 */
export async function createMujoco(task: MujocoTask): Promise<TimeLimit> {
  const { name, model, frameSkip, timeLimit } = task;
  expect(Number.isInteger(frameSkip) && frameSkip > 0, `${name} frameSkip`, "a whole number above 0", frameSkip);
  const simulation = await MujocoSimulation.create(name, model);
  try {
    return new TimeLimit(new MujocoEnvironment(task, simulation), timeLimit);
  } catch (error) {
    simulation.close();
    throw error;
  }
}

/** A task without its time limit. */
class MujocoEnvironment implements Environment {
  readonly name: string;
  readonly observationSize: number;
  readonly actionLow: readonly number[];
  readonly actionHigh: readonly number[];
  readonly scene: Scene;
  readonly #whereAction: string;
  readonly #task: MujocoTask;
  readonly #simulation: MujocoSimulation;
  /** Seconds of one step. */
  readonly #duration: number;
  /** Where the last step ended. Not always to be had from the state: xpos lags behind qpos by a substep. */
  #position = 0;
  /** Why no step can be made until the next reset. */
  #error: Error | undefined;

  constructor(task: MujocoTask, simulation: MujocoSimulation) {
    this.name = task.name;
    this.#whereAction = `${task.name} action`;
    this.#task = task;
    this.#simulation = simulation;
    this.#duration = simulation.timestep * task.frameSkip;
    this.actionLow = simulation.actionLow;
    this.actionHigh = simulation.actionHigh;
    this.#reset(() => {});
    this.observationSize = task.observe(simulation).length;
    this.scene = {
      shapes: simulation.shapes,
      camera: cameraOf(task, simulation),
      stepSeconds: this.#duration,
      writePoses: (out) => simulation.writePoses(out),
    };
  }

  reset(random: Random): ArrayLike<number> {
    this.#reset(() => this.#task.start(this.#simulation, random));
    this.#position = this.#task.position?.(this.#simulation) ?? 0;
    return this.#task.observe(this.#simulation);
  }

  step(action: Float32Array): Step {
    if (this.#error) throw this.#error;
    const simulation = this.#simulation;
    const task = this.#task;
    expectNumbers(action, this.actionLow.length, this.#whereAction);
    this.#advance(action);
    const position = task.position?.(simulation) ?? 0;
    const velocity = (position - this.#position) / this.#duration;
    this.#position = position;
    return {
      observation: task.observe(simulation),
      reward: task.reward(simulation, action, velocity),
      terminated: task.terminated?.(simulation) ?? false,
    };
  }

  #reset(begin: () => void): void {
    this.#error = undefined;
    try {
      this.#simulation.reset(begin);
    } catch (error) {
      this.#fail("reset", error);
    }
  }

  #advance(action: Float32Array): void {
    const { time } = this.#simulation;
    try {
      this.#simulation.advance(action, this.#task.frameSkip);
    } catch (error) {
      this.#fail(`step ${Math.round(time / this.#duration) + 1}`, error);
    }
  }

  /** Throws what the engine said, now and in each further step. */
  #fail(where: string, error: unknown): never {
    // What the task's own functions throw stays as it is.
    this.#error =
      error instanceof InputError ? error : new Error(`${this.name} ${where}: ${reason(error)}`, { cause: error });
    throw this.#error;
  }

  save(): Float64Array {
    return Float64Array.of(this.#position, ...this.#simulation.save());
  }

  restore(state: Float64Array): void {
    this.#error = undefined;
    this.#position = state[0];
    this.#simulation.restore(state.subarray(1));
  }

  close(): void {
    this.#error = new Error(`${this.name}: expected no step after close.`);
    this.#simulation.close();
  }
}

function cameraOf({ camera }: MujocoTask, simulation: MujocoSimulation): Camera {
  const { center, extent } = simulation;
  const { follows, ...place } = camera ?? { target: center, distance: 1.5 * extent, azimuth: 90, elevation: -20 };
  return follows === undefined ? place : { ...place, follows: simulation.shapeOf(follows, "camera follows") };
}
