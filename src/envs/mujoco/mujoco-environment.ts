import { expect, expectNumbers, expectObject, InputError } from "../../base/expect.ts";
import { joinNumbers } from "../../base/numbers.ts";
import { expectRandom, type Random } from "../../base/random.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import type { Camera, Scene } from "../../environment/scene.ts";
import { TimeLimit } from "../../environment/time-limit.ts";
import { MujocoSimulation, reason, type Simulation, type Target } from "./engine.ts";

/** A MuJoCo task: a model, and functions that read its simulation. The action is the actuators' control. */
export interface MujocoTask {
  /** The name that errors use for it. */
  readonly name: string;
  /**
   * The model in MJCF. Every actuator needs a `ctrlrange`; these are the bounds of the action. A small
   * `<size memory="100K"/>` saves memory: without it, the engine allocates 13.6 MB for each environment. Too little is
   * an error.
   */
  readonly model: string;
  /** The number of engine steps per action, a whole number above 0. */
  readonly frameSkip: number;
  /** The number of time steps after which an episode is truncated. */
  readonly timeLimit: number;
  /**
   * Whether what the engine derives from qpos and qvel (xpos, xmat, sensors of positions and velocities) belongs to the
   * state after the step, as in dm_control. Default: no. As in Gymnasium, it is one engine step old.
   */
  readonly current?: boolean;
  /**
   * A site, or a shape of the world, that `start` may place. Its position is saved with the state. A site is drawn, also if no
   * start places it.
   */
  readonly target?: Target;
  /** The number of engine steps without control that follow `start`, before the episode begins. Default: 0. */
  readonly settleSteps?: number;
  /**
   * The camera; `follows` is the name of a body. Default: as in MuJoCo's own viewer, which looks at the part of the
   * model that its `<statistic center="…" extent="…"/>` gives.
   */
  readonly camera?: Omit<Camera, "follows"> & { readonly follows?: string };
  /** Sets up the start of an episode: changes qpos and qvel, which hold the model's own start at rest. */
  start(simulation: Simulation, random: Random): void;
  /** Whether the start is valid, once all is derived from it. If not, `start` is called again. Default: always. */
  accepts?(simulation: Simulation): boolean;
  /** Returns the observation: [O], always of the same length. */
  observe(simulation: Simulation): ArrayLike<number>;
  /** Returns the coordinate (m) whose velocity over the whole step `reward` receives. */
  position?(simulation: Simulation): number;
  /** Returns the reward of a step, after it. `velocity` (m/s) is 0 for a task without `position`. */
  reward(simulation: Simulation, action: Float32Array, velocity: number): number;
  /** Whether this step ended the task. Default: never. */
  terminated?(simulation: Simulation): boolean;
}

/**
 * Creates the environment of a MuJoCo task, including its time limit. Rejects with an InputError if the engine is not
 * installed or the task is invalid. `save()` returns the steps taken, the last position, then MuJoCo's whole
 * integration state: time, qpos, qvel, activations, the solver's warm start, and whatever else a task may set; last the position of its target.
 */
export async function createMujoco(task: MujocoTask): Promise<TimeLimit> {
  expectObject(task, "createMujoco task", "a task, such as hopper()");
  const { name, model, frameSkip, timeLimit, current, target } = task;
  expect(Number.isInteger(frameSkip) && frameSkip > 0, `${name} frameSkip`, "a whole number above 0", frameSkip);
  const simulation = await MujocoSimulation.create(name, model, { current, target });
  try {
    return new TimeLimit(new MujocoEnvironment(task, simulation), timeLimit);
  } catch (error) {
    simulation.close();
    throw error;
  }
}

/** The number of starts that are tried before it is an error that none is accepted. */
const maxTries = 1000;

/** A MuJoCo task without its time limit. */
class MujocoEnvironment implements Environment {
  readonly name: string;
  readonly observationSize: number;
  readonly actionLow: readonly number[];
  readonly actionHigh: readonly number[];
  readonly scene: Scene;
  readonly #whereAction: string;
  readonly #task: MujocoTask;
  readonly #simulation: MujocoSimulation;
  /** The duration of one time step, s. */
  readonly #duration: number;
  /**
   * The position after the last step. It is kept because xpos lags a substep behind qpos, so the state may not give it.
   */
  #position = 0;
  /** The error that makes every step fail until the next reset. */
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
    expectRandom(random, `${this.name} reset random`);
    const task = this.#task;
    const begin = () => task.start(this.#simulation, random);
    for (let tries = 1; ; tries++) {
      this.#reset(begin, task.settleSteps);
      if (task.accepts?.(this.#simulation) ?? true) break;
      if (tries === maxTries) {
        const hint = "Let start place the bodies apart.";
        const expected = "a start that accepts returns true for";
        throw new InputError({ where: `${this.name} reset`, expected, got: `none in ${maxTries} tries`, hint });
      }
    }
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

  #reset(begin: () => void, settleSteps = 0): void {
    this.#error = undefined;
    try {
      this.#simulation.reset(begin, settleSteps);
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

  /** Throws an error for what the engine reported, now and in each further step. */
  #fail(where: string, error: unknown): never {
    // Errors that the task's own functions throw are passed on unchanged.
    this.#error =
      error instanceof InputError ? error : new Error(`${this.name} ${where}: ${reason(error)}`, { cause: error });
    throw this.#error;
  }

  save(): Float64Array {
    return joinNumbers([[this.#position], this.#simulation.save()]);
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
