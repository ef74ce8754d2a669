// The displayed body in 3D. Usually a separate worker simulates it in real time, controlled by the newest policy; when
// training is slow enough to watch, it follows the training body. The display interpolates between two steps.
import type { Settings } from "../src/ddpg/config.ts";
import type { Policy } from "../src/ddpg/policy.ts";
import { FollowedPoses, type Moment } from "./followed-poses.ts";
import type { SolidScene } from "./scenes.ts";
import type { FromSolidWorker, SolidMoment, SolidParts, ToSolidWorker } from "./solid-worker.ts";
import type { Body } from "./source.ts";
import { startWorker } from "./start-worker.ts";

/** How far ahead the worker simulates, in s. */
const ahead = 0.1;
/** The most time that is caught up after the page was paused, in s. */
const maxLate = 0.1;
/** How long the end of an episode stays visible, in s. */
const pause = 0.6;

/** What the displayed policy observed and did. */
export interface Felt {
  readonly observation: readonly number[];
  /** In the environment's units; empty before the first action of an episode. */
  readonly action: readonly number[];
}

export class SolidBody {
  readonly scene: SolidScene;
  /** The scene, once the physics engine is loaded. */
  readonly ready: Promise<SolidParts>;
  /** Why the body cannot be displayed; "" if it can. */
  failure = "";
  /** The sum of rewards and the number of steps since the episode began. */
  return = 0;
  length = 0;
  /** What belongs to the moment that is displayed; null before the first step. */
  felt: Felt | null = null;
  /** The poses of the body in a state that the user chose; null for none. */
  chosen: Float32Array | null = null;
  readonly #worker = startWorker("body");
  #parts: SolidParts | null = null;
  #isReady: (parts: SolidParts) => void = () => {};
  readonly #ahead: SolidMoment[] = [];
  #policy: Policy | null = null;
  #noiseSize = 1;
  #asked = 0;
  readonly #poses = new FollowedPoses();
  #isLast = false;
  #isChoosing = false;

  constructor(task: string, scene: SolidScene) {
    this.scene = scene;
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    this.#worker.onmessage = ({ data }: MessageEvent<FromSolidWorker>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#hear({
        failed: `The simulation worker stopped: ${event.message || "its script could not be loaded"}.`,
      });
    };
    this.#tell({ task });
  }

  /** The policy in control; null: none, and the body waits. */
  set policy(policy: Policy | null) {
    if (policy) this.#tell({ policy: policy.save(), isNew: policy !== this.#policy });
    this.#policy = policy;
  }

  /** The settings of the exploration noise; null turns the noise off. */
  set noiseSettings(noise: Settings | null) {
    this.#tell({ noise });
  }

  /** The factor that noise annealing leaves, from 0 to 1. */
  set noiseSize(noiseSize: number) {
    if (noiseSize !== this.#noiseSize) this.#tell({ noiseSize });
    this.#noiseSize = noiseSize;
  }

  /** The constant parts of the scene; null until the engine is loaded. */
  get parts(): SolidParts | null {
    return this.#parts;
  }

  /** Shows the body also in the state of an observation; null: no longer. */
  choose(observation: readonly number[] | null): void {
    this.#isChoosing = observation !== null;
    this.chosen = null;
    if (observation) this.#tell({ pose: observation });
  }

  /** What to draw now; null before the first step. */
  get moment(): Moment | null {
    return this.#parts && this.#poses.moment;
  }

  /** Advances the worker's simulation by a time in s. */
  advance(seconds: number): void {
    if (!this.#parts || !this.#policy) return;
    const { stepSeconds } = this.#parts;
    const poses = this.#poses;
    poses.leave();
    poses.advance(Math.min(seconds, maxLate));
    for (;;) {
      const lasts = this.#isLast ? pause : poses.hasBegun ? stepSeconds : 0;
      if (poses.clock < lasts) break;
      const next = this.#ahead.shift();
      // The worker is late, so time waits for it.
      if (!next) poses.clock = Math.min(poses.clock, lasts);
      if (!next) break;
      const rest = poses.clock - lasts;
      poses.take(next.poses, next.length > 0 ? stepSeconds : null);
      poses.advance(rest);
      this.felt = next;
      this.length = next.length;
      this.return = next.return;
      this.#isLast = next.isLast;
    }
    const missing = Math.ceil(ahead / stepSeconds) + 1 - this.#ahead.length - this.#asked;
    if (missing <= 0) return;
    this.#asked += missing;
    this.#tell({ ask: missing });
  }

  /** Shows the training body instead, and advances the time since its last step, in s. */
  follow(body: Body, seconds: number): void {
    this.#poses.advance(seconds);
    if (!this.#poses.follow(body, this.#parts?.stepSeconds ?? 1)) return;
    this.#isLast = false;
    this.felt = body;
  }

  /** Another run begins: its first body does not follow the one shown. */
  leave(): void {
    this.#poses.leave();
  }

  /** Changes the speed of the first joint, in m/s, or rad/s for a hinge. */
  push(speed: number): void {
    this.#tell({ push: speed });
  }

  close(): void {
    this.#worker.terminate();
  }

  #hear(data: FromSolidWorker): void {
    if ("failed" in data) {
      this.failure = data.failed;
      this.close();
    } else if ("scene" in data) {
      this.#parts = data.scene;
      this.#isReady(data.scene);
    } else if ("pose" in data) {
      if (this.#isChoosing) this.chosen = data.pose;
    } else {
      this.#asked -= data.moments.length;
      for (const moment of data.moments) this.#ahead.push(moment);
    }
  }

  #tell(what: ToSolidWorker): void {
    this.#worker.postMessage({ solid: what });
  }
}
