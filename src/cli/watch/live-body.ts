// Steps the environment of a run in real time under the run's newest policy, and sends its poses, because the page cannot load a
// module of the user's. Without a viewer nothing is stepped.
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { InputError, messageOf } from "../../base/expect.ts";
import type { Random } from "../../base/random.ts";
import { decodeSafetensors } from "../../base/safetensors.ts";
import { Policy } from "../../ddpg/policy.ts";
import { parseWhole } from "../../ddpg/tensors.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import { expectStep } from "../../environment/environment-calls.ts";
import { expectScene, poseSize, type Scene, sizes, takePoses } from "../../environment/scene.ts";
import { readNetworks } from "../../node/checkpoint-parts.ts";
import { files, readPolicyFile } from "../../node/run-files.ts";
import { evaluate } from "../../training/evaluate.ts";
import type { LiveMoment, LiveScene, RunEvent } from "../../training/run.ts";
import { networksFile, newestPolicyOf } from "./run-follower.ts";

/** The shortest time between two moments that are sent, in ms. The page draws what lies between them. */
const momentMs = 30;
/** The time after which a newer policy is looked for, in ms. */
const policyMs = 250;
/** How long the end of an episode stays visible, in ms. */
const pauseMs = 600;
/** The most time that is caught up after a slow step, in ms. */
const maxLateMs = 100;

/** A viewer. */
interface Viewer {
  /** Returns whether there is room for more. */
  send(event: RunEvent): boolean;
  isFull: boolean;
}

export class LiveBody {
  readonly #run: string;
  readonly #name: string;
  readonly #environment: Environment;
  readonly #scene: Scene;
  readonly #onFailure: (message: string) => void;
  readonly #viewers = new Set<Viewer>();
  readonly #poses: Float32Array;
  /** Moments are sent after every few steps. */
  readonly #every: number;
  readonly #ended: Promise<void>;
  readonly #closing = new AbortController();
  /** Why the body cannot be shown any longer; undefined while it can. */
  #failure: string | undefined;
  /** Continues what waits for a viewer. */
  #wake: () => void = () => {};
  #policy: Policy | undefined;
  #policyOf: LiveMoment["policy"] = { file: "", step: null };
  #policyVersion = "";
  #policyAt = Number.NEGATIVE_INFINITY;
  /** When the next step is due. */
  #dueAt = 0;
  #episode = 0;
  #length = 0;
  #return = 0;

  /**
   * Shows a run in its environment, whose name is `name`. `onFailure` gets the message of an error of the environment, after
   * which it is not stepped any more. Throws an InputError if the environment has no scene that can be drawn.
   */
  constructor(run: string, name: string, environment: Environment, onFailure: (message: string) => void) {
    const scene = expectScene(environment, name);
    this.#run = run;
    this.#name = name;
    this.#environment = environment;
    this.#scene = scene;
    this.#onFailure = onFailure;
    this.#poses = new Float32Array(scene.shapes.length * poseSize);
    this.#every = Math.max(1, Math.ceil(momentMs / (1000 * scene.stepSeconds)));
    this.#ended = this.#play();
  }

  /** Sends the scene, then moments. A moment that a viewer has no room for is left out. */
  follow(send: (event: RunEvent) => boolean): { resume(): void; stop(): void } {
    const viewer: Viewer = { send, isFull: !send({ name: "scene", data: drawn(this.#scene) }) };
    if (this.#failure !== undefined) send({ name: "still", data: this.#failure });
    this.#viewers.add(viewer);
    this.#wake();
    return {
      resume: () => {
        viewer.isFull = false;
      },
      stop: () => this.#viewers.delete(viewer),
    };
  }

  /** Ends the episode in progress. The environment is the caller's to close. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake();
    await this.#ended;
  }

  async #play(): Promise<void> {
    try {
      for (;;) {
        await this.#watched();
        await this.#renew();
        if (this.#policy) await this.#playEpisode();
        await this.#wait(this.#policy ? pauseMs : policyMs);
      }
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#failure = messageOf(error);
      this.#onFailure(this.#failure);
      this.#send({ name: "still", data: this.#failure });
    }
  }

  async #playEpisode(): Promise<void> {
    const { observationSize, actionLow, actionHigh, maxEpisodeSteps } = this.#environment;
    const paced: Environment = {
      ...{ observationSize, actionLow, actionHigh },
      ...(maxEpisodeSteps !== undefined && { maxEpisodeSteps }),
      reset: (random) => this.#reset(random),
      step: (action) => this.#step(action),
    };
    // The policy may be replaced in the middle of an episode.
    const act = (observation: Float64Array): Float32Array => (this.#policy as Policy).act(observation);
    // The same starts as those of evaluations.
    await evaluate({ act }, paced, { episodes: 1, firstEpisode: this.#episode, name: this.#name });
    this.#episode++;
  }

  async #reset(random: Random): Promise<ArrayLike<number>> {
    const observation = await this.#environment.reset(random);
    this.#length = this.#return = 0;
    this.#dueAt = performance.now();
    this.#show(false);
    return observation;
  }

  async #step(action: Float32Array): Promise<Step> {
    const now = performance.now();
    this.#dueAt = Math.max(this.#dueAt + 1000 * this.#scene.stepSeconds, now - maxLateMs);
    if (this.#dueAt > now) await this.#wait(this.#dueAt - now);
    await this.#watched();
    const step = await this.#environment.step(action);
    expectStep(step, () => `${this.#name} step`);
    this.#length++;
    this.#return += step.reward;
    const isLast = step.terminated || step.truncated === true;
    if (isLast || this.#length % this.#every === 0) this.#show(isLast);
    await this.#renew();
    return step;
  }

  /** Waits until there is a viewer. Throws an AbortError once the body is closed. */
  async #watched(): Promise<void> {
    while (this.#viewers.size === 0 && !this.#closing.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#dueAt = performance.now();
    }
    this.#closing.signal.throwIfAborted();
  }

  /** Throws an AbortError once the body is closed. */
  async #wait(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#closing.signal });
  }

  /** Takes the run's newest policy, if there is another one. One that cannot be read leaves the one before: the status says why. */
  async #renew(): Promise<void> {
    const now = performance.now();
    if (now - this.#policyAt < policyMs) return;
    this.#policyAt = now;
    let fitting: Policy;
    try {
      const newest = newestPolicyOf(this.#run);
      if (!newest || newest.version === this.#policyVersion) return;
      const { policy, step } = await readShown(this.#run, newest.file);
      fitting = policy;
      this.#policyOf = { file: newest.file, step };
      this.#policyVersion = newest.version;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return;
    }
    fitting.units.expectSame(this.#environment, this.#name);
    this.#policy = fitting;
  }

  #show(isLast: boolean): void {
    takePoses(this.#scene, this.#poses);
    const moment: LiveMoment = {
      ...{ episode: this.#episode, length: this.#length, return: this.#return, isLast, policy: this.#policyOf },
      poses: Array.from(this.#poses, (value) => Number(value.toPrecision(5))),
    };
    this.#send({ name: "moment", data: moment });
  }

  #send(event: RunEvent): void {
    for (const viewer of this.#viewers) if (!viewer.isFull) viewer.isFull = !viewer.send(event);
  }
}

/** The policy that a run's newest file holds, and the steps it was trained for if the file says so. */
async function readShown(run: string, file: string): Promise<{ policy: Policy; step: number | null }> {
  if (file !== networksFile) return { policy: (await readPolicyFile(path.join(run, file))).policy, step: null };
  const bytes = readNetworks(run);
  const expected = "a checkpoint that can be read";
  if (!bytes) throw new InputError({ where: path.join(run, files.checkpoint), expected, got: "none" });
  const { metadata } = decodeSafetensors(bytes, file);
  return { policy: await Policy.load(bytes), step: parseWhole(metadata, "step", file) };
}

/** What a viewer needs of a scene: its fields alone, whatever else the user's objects hold. */
function drawn({ shapes, camera, stepSeconds }: Scene): LiveScene {
  const { target, distance, azimuth, elevation, follows } = camera;
  return {
    shapes: shapes.map(({ kind, size, color }) => ({ kind, size: size.slice(0, sizes[kind]), color })),
    camera: { target, distance, azimuth, elevation, ...(follows !== undefined && { follows }) },
    stepSeconds,
  };
}
