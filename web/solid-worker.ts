// Simulates a 3D body in a worker, a few steps ahead of the display. The page itself never loads the physics
// engine: the engine's bindings are evaluated from text, which the page's content security policy forbids.
import { messageOf } from "../src/base/expect.ts";
import { Random } from "../src/base/random.ts";
import type { Settings } from "../src/ddpg/config.ts";
import { Policy } from "../src/ddpg/policy.ts";
import type { Environment, Step } from "../src/environment/environment.ts";
import { type Camera, poseSize, type Scene, type Shape } from "../src/environment/scene.ts";
import type { Simulation } from "../src/mujoco.ts";
import { mujocoTasks } from "../src/tasks.ts";
import { Acting, renew } from "./acting.ts";
import { shownBy } from "./scenes.ts";
import { placedBy, type Signals, signalsOf } from "./signals.ts";

/** Messages from the page. The first one names the task. */
export type ToSolidWorker =
  | { readonly task: string }
  /** A policy file. `isNew` is false if only the parameters differ from the last one. */
  | { readonly policy: Uint8Array; readonly isNew: boolean }
  | { readonly noise: Settings | null }
  | { readonly noiseSize: number }
  /** The number of further moments to simulate. */
  | { readonly ask: number }
  /** The change of the first joint's speed. */
  | { readonly push: number }
  /** An observation; the answer is the body's poses there. */
  | { readonly pose: readonly number[] };

/** Messages to the page. */
export type FromSolidWorker =
  | { readonly scene: SolidParts }
  | { readonly moments: readonly SolidMoment[] }
  /** The poses of the body in the state of the observation that was asked for last. */
  | { readonly pose: Float32Array }
  | { readonly failed: string };

/** The constant parts of a scene. */
export interface SolidParts {
  readonly shapes: readonly Shape[];
  readonly camera: Camera;
  readonly stepSeconds: number;
  readonly actionLow: readonly number[];
  readonly actionHigh: readonly number[];
  /** What the numbers of observation and action are. */
  readonly signals: Signals;
}

/** The body after a reset or a step. */
export interface SolidMoment {
  /** The poses, as `Scene` writes them. */
  readonly poses: Float32Array;
  readonly observation: readonly number[];
  /** The action of the step, in the environment's units; empty after a reset. */
  readonly action: readonly number[];
  /** Steps since the episode began: 0 after a reset. */
  readonly length: number;
  /** The sum of rewards since the episode began. */
  readonly return: number;
  readonly isLast: boolean;
}

class SolidSimulation {
  readonly acting: Acting;
  readonly #environment: Environment;
  readonly #scene: Scene;
  readonly #simulation: () => Simulation | undefined;
  readonly #signals: Signals;
  readonly #random = new Random("shown");
  #observation: ArrayLike<number> = [];
  #action: readonly number[] = [];
  #length = 0;
  #return = 0;
  #isOver = true;

  static async create(name: string): Promise<SolidSimulation> {
    const task = await mujocoTasks.get(name)?.();
    if (!task) throw new Error(`${name} is not a 3D task.`);
    // A push needs the simulation, which only the task's own functions receive.
    let seen: Simulation | undefined;
    const observe = (simulation: Simulation): ArrayLike<number> => {
      seen = simulation;
      return task.observe(simulation);
    };
    const { createMujoco } = await import("../src/mujoco.ts");
    return new SolidSimulation(await createMujoco({ ...task, observe }), () => seen);
  }

  private constructor(environment: Environment, simulation: () => Simulation | undefined) {
    this.#environment = environment;
    this.#scene = shownBy(environment);
    this.#simulation = simulation;
    this.acting = new Acting(this.#random);
    // Creating the environment has observed its start.
    const current = (): Simulation => simulation() as Simulation;
    this.#signals = signalsOf(environment, current, this.#scene.camera.follows !== undefined, new Random("signals"));
  }

  get parts(): SolidParts {
    const { shapes, camera, stepSeconds } = this.#scene;
    const actionLow = Array.from(this.#environment.actionLow);
    const actionHigh = Array.from(this.#environment.actionHigh);
    return { shapes, camera, stepSeconds, actionLow, actionHigh, signals: this.#signals };
  }

  /** Takes a step, or resets after an episode's last step. */
  next(): SolidMoment {
    if (this.#isOver) this.#begin();
    else this.#step();
    return {
      poses: this.#poses(),
      observation: Array.from(this.#observation),
      action: this.#action,
      length: this.#length,
      return: this.#return,
      isLast: this.#isOver,
    };
  }

  /** The poses of the body in the state of an observation. Positions that it does not have stay as they are. */
  poseAt(observation: readonly number[]): Float32Array {
    const environment = this.#environment;
    const now = environment.save?.() as Float64Array;
    environment.restore?.(placedBy(this.#signals, observation, now));
    const poses = this.#poses();
    environment.restore?.(now);
    return poses;
  }

  #poses(): Float32Array {
    const poses = new Float32Array(this.#scene.shapes.length * poseSize);
    this.#scene.writePoses(poses);
    return poses;
  }

  push(speed: number): void {
    const simulation = this.#simulation();
    if (simulation) simulation.qvel[0] += speed;
  }

  #begin(): void {
    this.#observation = this.#environment.reset(this.#random) as ArrayLike<number>;
    this.#action = [];
    this.#length = this.#return = 0;
    this.#isOver = false;
    this.acting.begin();
  }

  #step(): void {
    const action = this.acting.act(this.#observation, this.#environment.actionLow.length);
    // MuJoCo's `step` is synchronous.
    const step = this.#environment.step(Float32Array.from(action)) as Step;
    this.#observation = step.observation;
    this.#action = action;
    this.#length++;
    this.#return += step.reward;
    this.#isOver = step.terminated || step.truncated === true;
  }
}

let simulation: SolidSimulation;
/** Messages are handled in order, although some are asynchronous. */
let before = Promise.resolve();

/** Takes a message of the page. */
export function hear(data: ToSolidWorker): void {
  before = before.then(() => answer(data)).catch((error: unknown) => send({ failed: messageOf(error) }));
}

async function answer(data: ToSolidWorker): Promise<void> {
  if ("task" in data) {
    simulation = await SolidSimulation.create(data.task);
    send({ scene: simulation.parts });
  } else if ("policy" in data) {
    const { acting } = simulation;
    if (acting.policy && !data.isNew) renew(acting.policy, data.policy);
    else acting.policy = await Policy.load(data.policy);
  } else if ("noise" in data) {
    simulation.acting.noiseSettings = data.noise;
  } else if ("noiseSize" in data) {
    simulation.acting.noiseSize = data.noiseSize;
  } else if ("pose" in data) {
    const pose = simulation.poseAt(data.pose);
    send({ pose }, [pose.buffer as ArrayBuffer]);
  } else if ("push" in data) {
    simulation.push(data.push);
  } else {
    const moments = Array.from({ length: data.ask }, () => simulation.next());
    send(
      { moments },
      moments.map(({ poses }) => poses.buffer as ArrayBuffer),
    );
  }
}

function send(what: FromSolidWorker, transfer: Transferable[] = []): void {
  postMessage(what, { transfer });
}
