// A body in 3D on show: simulated true to time in a worker of its own, where the newest policy moves it; or, where
// training is slow enough, the very body that is trained on. Two of its moments, and how far it is from one to the next.
import type { Settings } from "../src/ddpg/config.ts";
import type { Policy } from "../src/ddpg/policy.ts";
import type { SolidScene } from "./scenes.ts";
import type { FromSolidWorker, SolidMoment, SolidParts, ToSolidWorker } from "./solid-worker.ts";
import type { Body } from "./source.ts";

/** Seconds that the worker is ahead. */
const ahead = 0.1;
/** After a pause of the page, at most so much is made up for, in s. */
const maxLate = 0.1;
/** An episode's end stays to be seen for so long, in s. */
const pause = 0.6;

/** Between two steps. */
export interface Moment {
  /** As `Scene` writes them. */
  readonly before: Float32Array;
  readonly now: Float32Array;
  /** From 0 at the first to 1 at the second. */
  readonly part: number;
  /** Counts; from one to the next the body jumps. */
  readonly episode: number;
}

export class SolidBody {
  readonly scene: SolidScene;
  /** What it looks like, once the engine is there. */
  readonly ready: Promise<SolidParts>;
  /** Why it cannot be shown. */
  failure = "";
  /** Σ r since the episode began; steps since then. */
  return = 0;
  length = 0;
  readonly #worker = new Worker(new URL("./solid-worker.ts", import.meta.url), { type: "module", name: "body" });
  #parts: SolidParts | null = null;
  #isReady: (parts: SolidParts) => void = () => {};
  readonly #ahead: SolidMoment[] = [];
  #policy: Policy | null = null;
  #noiseSize = 1;
  #asked = 0;
  #before: Float32Array | null = null;
  #now: Float32Array | null = null;
  #isLast = false;
  #episode = 0;
  /** Seconds since `#before`. */
  #clock = 0;
  /** The step of the body in training that `#now` is; null while it is not followed. */
  #followed: number | null = null;

  constructor(task: string, scene: SolidScene) {
    this.scene = scene;
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    this.#worker.onmessage = ({ data }: MessageEvent<FromSolidWorker>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#hear({
        failed: `The worker that shows the body ended: ${event.message || "its program could not be loaded"}.`,
      });
    };
    this.#tell({ task });
  }

  /** What moves it; null for nobody, and it waits. */
  set policy(policy: Policy | null) {
    if (policy) this.#tell({ policy: policy.save(), isNew: policy !== this.#policy });
    this.#policy = policy;
  }

  /** The settings of its exploration noise; null without. */
  set noiseSettings(noise: Settings | null) {
    this.#tell({ noise });
  }

  /** What part of its noise is left, where it is annealed. */
  set noiseSize(noiseSize: number) {
    if (noiseSize !== this.#noiseSize) this.#tell({ noiseSize });
    this.#noiseSize = noiseSize;
  }

  /** What is to be drawn; null before there is anything. */
  get moment(): Moment | null {
    if (!this.#parts || !this.#before || !this.#now) return null;
    const part = Math.min(1, this.#clock / this.#parts.stepSeconds);
    return { before: this.#before, now: this.#now, part, episode: this.#episode };
  }

  /** Time passes, in s. */
  advance(seconds: number): void {
    if (!this.#parts || !this.#policy) return;
    this.#followed = null;
    const { stepSeconds } = this.#parts;
    this.#clock += Math.min(seconds, maxLate);
    for (;;) {
      const lasts = this.#isLast ? pause : this.#now ? stepSeconds : 0;
      if (this.#clock < lasts) break;
      const next = this.#ahead.shift();
      // The worker is late: time waits for it.
      if (!next) this.#clock = Math.min(this.#clock, lasts);
      if (!next) break;
      this.#clock -= lasts;
      this.#take(next.poses, next.length > 0);
      this.length = next.length;
      this.return = next.return;
      this.#isLast = next.isLast;
    }
    const missing = Math.ceil(ahead / stepSeconds) + 1 - this.#ahead.length - this.#asked;
    if (missing <= 0) return;
    this.#asked += missing;
    this.#tell({ ask: missing });
  }

  /** Time passes, in s, and the body is another one. */
  follow({ poses, length }: Body, seconds: number): void {
    this.#clock += seconds;
    if (!poses || length === this.#followed) return;
    const isNext = this.#followed !== null && length > this.#followed;
    this.#followed = length;
    this.#clock = 0;
    this.#isLast = false;
    this.#take(poses, isNext);
  }

  /** To the right, or back; in its own units of speed. */
  push(speed: number): void {
    this.#tell({ push: speed });
  }

  close(): void {
    this.#worker.terminate();
  }

  #take(poses: Float32Array, isNext: boolean): void {
    if (!isNext) this.#episode++;
    this.#before = isNext && this.#now ? this.#now : poses;
    this.#now = poses;
  }

  #hear(data: FromSolidWorker): void {
    if ("failed" in data) {
      this.failure = data.failed;
      this.close();
    } else if ("scene" in data) {
      this.#parts = data.scene;
      this.#isReady(data.scene);
    } else {
      this.#asked -= data.moments.length;
      for (const moment of data.moments) this.#ahead.push(moment);
    }
  }

  #tell(what: ToSolidWorker): void {
    this.#worker.postMessage(what);
  }
}
