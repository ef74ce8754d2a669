// The worker's program for a body in 3D: its simulation, a few steps ahead of what is on show. The page itself never
// loads the engine, whose bindings are made of text: the page's content security policy allows none.
import { messageOf } from "../src/base/expect.ts";
import { Random } from "../src/base/random.ts";
import type { Settings } from "../src/ddpg/config.ts";
import { Policy } from "../src/ddpg/policy.ts";
import type { Environment, Step } from "../src/environment/environment.ts";
import { type Camera, poseSize, type Scene, type Shape } from "../src/environment/scene.ts";
import { createMujoco, type Simulation } from "../src/mujoco.ts";
import { mujocoTasks } from "../src/tasks.ts";
import { Acting, renew } from "./acting.ts";
import { shownBy } from "./scenes.ts";

/** What the page says: first which task. */
export type ToSolidWorker =
  | { readonly task: string }
  /** A policy's file; `isNew` unless only the numbers differ from the last one's. */
  | { readonly policy: Uint8Array; readonly isNew: boolean }
  | { readonly noise: Settings | null }
  | { readonly noiseSize: number }
  /** So many moments more. */
  | { readonly ask: number }
  /** The speed of its first joint is to change by so much. */
  | { readonly push: number };

/** What it hears. */
export type FromSolidWorker =
  | { readonly scene: SolidParts }
  | { readonly moments: readonly SolidMoment[] }
  | { readonly failed: string };

/** What stays of a scene. */
export interface SolidParts {
  readonly shapes: readonly Shape[];
  readonly camera: Camera;
  readonly stepSeconds: number;
}

/** The body after a reset or a step. */
export interface SolidMoment {
  /** As `Scene` writes them. */
  readonly poses: Float32Array;
  /** Steps since the episode began: 0 after a reset. */
  readonly length: number;
  /** Σ r. */
  readonly return: number;
  readonly isLast: boolean;
}

class SolidSimulation {
  readonly acting: Acting;
  readonly #environment: Environment;
  readonly #scene: Scene;
  readonly #simulation: () => Simulation | undefined;
  readonly #random = new Random("shown");
  #observation: ArrayLike<number> = [];
  #length = 0;
  #return = 0;
  #isOver = true;

  static async create(name: string): Promise<SolidSimulation> {
    const task = mujocoTasks.get(name)?.();
    if (!task) throw new Error(`${name} is not a task in 3D.`);
    // Whoever pushes it needs the simulation, which a task's own functions see alone.
    let seen: Simulation | undefined;
    const observe = (simulation: Simulation): ArrayLike<number> => {
      seen = simulation;
      return task.observe(simulation);
    };
    return new SolidSimulation(await createMujoco({ ...task, observe }), () => seen);
  }

  private constructor(environment: Environment, simulation: () => Simulation | undefined) {
    this.#environment = environment;
    this.#scene = shownBy(environment);
    this.#simulation = simulation;
    this.acting = new Acting(this.#random);
  }

  get parts(): SolidParts {
    const { shapes, camera, stepSeconds } = this.#scene;
    return { shapes, camera, stepSeconds };
  }

  /** A step; after an episode's last one, a reset. */
  next(): SolidMoment {
    if (this.#isOver) this.#begin();
    else this.#step();
    const poses = new Float32Array(this.#scene.shapes.length * poseSize);
    this.#scene.writePoses(poses);
    return { poses, length: this.#length, return: this.#return, isLast: this.#isOver };
  }

  push(speed: number): void {
    const simulation = this.#simulation();
    if (simulation) simulation.qvel[0] += speed;
  }

  #begin(): void {
    this.#observation = this.#environment.reset(this.#random) as ArrayLike<number>;
    this.#length = this.#return = 0;
    this.#isOver = false;
    this.acting.begin();
  }

  #step(): void {
    const action = this.acting.act(this.#observation, this.#environment.actionLow.length);
    // MuJoCo answers at once.
    const step = this.#environment.step(Float32Array.from(action)) as Step;
    this.#observation = step.observation;
    this.#length++;
    this.#return += step.reward;
    this.#isOver = step.terminated || step.truncated === true;
  }
}

let simulation: SolidSimulation;
/** Messages are answered in their order, though some take a while. */
let before = Promise.resolve();

addEventListener("message", ({ data }: MessageEvent<ToSolidWorker>) => {
  before = before.then(() => answer(data)).catch((error: unknown) => send({ failed: messageOf(error) }));
});

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
