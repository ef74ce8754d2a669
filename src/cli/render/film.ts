import { availableParallelism } from "node:os";
import * as path from "node:path";
import { expect, InputError, isArrayLike } from "../../base/expect.ts";
import { letMacrotasksRun } from "../../base/macrotask.ts";
import type { Random } from "../../base/random.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import { expectScene, poseSize, type Scene, takePoses } from "../../environment/scene.ts";
import { Drawers } from "./drawers.ts";
import { LinkedEnvironment } from "../../node/outside/link.ts";
import { duration, short, whole } from "../terminal/numbers.ts";
import { stderr } from "../terminal/output.ts";
import { Progress, Rate } from "../terminal/progress.ts";
import { type Frames, toFilmStrip, toGif } from "./pictures.ts";

/** What to draw of an episode, and how. */
export interface Drawing {
  /** How much of the episode to draw. */
  readonly seconds: number;
  /** The playback speed of a GIF. */
  readonly speed: number;
  /** How many moments a PNG shows. */
  readonly moments: number;
  readonly size?: readonly [width: number, height: number];
}

export type PictureFormat = "gif" | "png";

/** Seconds between two frames of a GIF, as closely as whole steps allow. */
const frameSeconds = 0.04;
/** With the widest frames, this is as wide a PNG as common viewers open. */
export const maxMoments = 24;

/** The format that the name of a file asks for. Throws an InputError for any other ending. */
export function pictureFormat(output: string): PictureFormat {
  const ending = path.extname(output).toLowerCase();
  expect(ending === ".gif" || ending === ".png", "--output", "a file that ends in .gif or .png", output);
  return ending === ".gif" ? "gif" : "png";
}

/** Draws a film, with a progress line; returns the bytes of the file, and the frames. */
export async function pictureOf(film: Film, format: PictureFormat, drawing: Drawing) {
  const isGif = format === "gif";
  const { frames, times } = film.frames(drawing, isGif ? undefined : drawing.moments);
  const shownAt = times.map((time) => time / drawing.speed);
  const rate = new Rate(() => performance.now());
  const progress: Progress = new Progress(stderr, frames.count, stderr.isTTY, () => {
    const perSecond = rate.at(progress.done);
    const left = (frames.count - progress.done) / perSecond;
    return [
      `${whole(progress.done)}/${whole(frames.count)} frames drawn`,
      ...(perSecond > 0 ? [`${short(perSecond)} frames/s`, `${duration(left)} left`] : []),
    ];
  });
  const advance = (done: number): Promise<void> | undefined => {
    progress.advance(done);
    return letMacrotasksRun();
  };
  try {
    const bytes = await (isGif ? toGif(frames, shownAt, advance) : toFilmStrip(frames, times, advance));
    return { bytes, frames };
  } finally {
    frames.close?.();
    progress.stop();
  }
}

/** Films the poses of an environment with a scene, or the pictures that one outside of the process draws itself. */
export function filmOf(environment: Environment, name: string, format: PictureFormat, flags: Drawing): Film {
  if (environment instanceof LinkedEnvironment && environment.picture) {
    const [width, height] = environment.picture;
    const got = flags.size?.join("x");
    const hint = "Leave it out. Tasks of Gymnasium in MuJoCo take a width and a height in --kwargs.";
    if (got !== undefined && got !== `${width}x${height}`)
      throw new InputError({ where: "--size", expected: `${width}x${height}, as ${name} draws itself`, got, hint });
    const seconds = Math.max(1, Math.round(flags.seconds / environment.stepSeconds));
    const every = format === "gif" ? framesEvery(environment.stepSeconds, flags.speed) : undefined;
    return new PictureFilm(environment, environment.picture, seconds, every);
  }
  const scene = expectScene(environment, name);
  return new PoseFilm(environment, scene, Math.max(1, Math.round(flags.seconds / scene.stepSeconds)));
}

/** What is drawn: the frames, and the times at which each begins and the last one ends. */
interface Drawn {
  readonly frames: Frames;
  readonly times: readonly number[];
}

/** An environment that is filmed at the start and after each of the first steps. */
export abstract class Film implements Environment {
  readonly observationSize: number;
  readonly actionLow: ArrayLike<number>;
  readonly actionHigh: ArrayLike<number>;
  readonly stepSeconds: number;
  /** Steps taken. */
  steps = 0;
  onStep: (steps: number) => void = () => {};
  readonly #environment: Environment;
  readonly #maxSteps: number;

  constructor(environment: Environment, stepSeconds: number, maxSteps: number) {
    this.observationSize = environment.observationSize;
    this.actionLow = environment.actionLow;
    this.actionHigh = environment.actionHigh;
    this.stepSeconds = stepSeconds;
    this.#environment = environment;
    this.#maxSteps = maxSteps;
  }

  /** The steps that were filmed. */
  get filmed(): number {
    return Math.min(this.steps, this.#maxSteps);
  }

  async reset(random: Random): Promise<ArrayLike<number>> {
    const observation = await this.#environment.reset(random);
    // The caller refuses an observation that is not a list. A copy, because drawing may change the environment's array.
    const copy = isArrayLike(observation) ? Array.from(observation) : observation;
    await this.expose(0);
    return copy;
  }

  async step(action: Float32Array): Promise<Step> {
    const step = await this.#environment.step(action);
    if (++this.steps <= this.#maxSteps) await this.expose(this.steps);
    this.onStep(this.steps);
    return step;
  }

  /** Films the state after a step. */
  protected abstract expose(step: number): void | Promise<void>;

  /** Evenly spaced frames for a GIF, or this many `moments` from start to end. */
  abstract frames(flags: Drawing, moments: number | undefined): Drawn;
}

/** Films the pictures that an environment draws itself: every few steps for a GIF, otherwise a few of all steps. */
class PictureFilm extends Film {
  readonly #linked: LinkedEnvironment;
  readonly #size: readonly [width: number, height: number];
  #every: number;
  readonly #isFixed: boolean;
  #pictures: Uint8Array[] = [];

  constructor(environment: LinkedEnvironment, size: readonly [number, number], maxSteps: number, every?: number) {
    super(environment, environment.stepSeconds, maxSteps);
    this.#linked = environment;
    this.#size = size;
    this.#every = every ?? 1;
    this.#isFixed = every !== undefined;
  }

  protected async expose(step: number): Promise<void> {
    if (step % this.#every !== 0) return;
    this.#pictures.push((await this.#linked.draw()).rgb);
    // The length of the episode is not known before its end, and all pictures would take too much memory.
    if (this.#isFixed || this.#pictures.length < 8 * maxMoments) return;
    this.#pictures = this.#pictures.filter((_, i) => i % 2 === 0);
    this.#every *= 2;
  }

  frames(_: Drawing, moments: number | undefined): Drawn {
    const chosen = chosenFrames(this.#pictures.length - 1, 1, moments);
    const [width, height] = this.#size;
    const draw = async (frame: number): Promise<Uint8Array> => {
      const rgb = this.#pictures[chosen[frame]];
      const out = new Uint8Array(4 * width * height);
      for (let pixel = 0; pixel < width * height; pixel++) {
        out[4 * pixel] = rgb[3 * pixel];
        out[4 * pixel + 1] = rgb[3 * pixel + 1];
        out[4 * pixel + 2] = rgb[3 * pixel + 2];
        out[4 * pixel + 3] = 255;
      }
      return out;
    };
    const times = [...chosen, chosen[chosen.length - 1] + 1].map((i) => i * this.#every * this.stepSeconds);
    return { frames: { width, height, count: chosen.length, atOnce: 1, draw }, times };
  }
}

/** Films the poses of the shapes of a scene. */
class PoseFilm extends Film {
  readonly #scene: Scene;
  readonly #poses: Float32Array[] = [];

  constructor(environment: Environment, scene: Scene, maxSteps: number) {
    super(environment, scene.stepSeconds, maxSteps);
    this.#scene = scene;
  }

  protected expose(): void {
    const poses = new Float32Array(this.#scene.shapes.length * poseSize);
    takePoses(this.#scene, poses);
    this.#poses.push(poses);
  }

  frames({ size, speed }: Drawing, moments: number | undefined): Drawn {
    const every = framesEvery(this.stepSeconds, speed);
    const steps = chosenFrames(this.#poses.length - 1, every, moments);
    const [width, height] = size ?? [320, 240];
    const drawers = new Drawers({ scene: this.#scene, width, height }, Math.min(availableParallelism(), steps.length));
    const frames: Frames = {
      width,
      height,
      count: steps.length,
      // Each thread has its next frame waiting.
      atOnce: 2 * drawers.count,
      draw: (frame) => drawers.draw(this.#poses[steps[frame]]),
      close: () => drawers.close(),
    };
    return { frames, times: [...steps, steps[steps.length - 1] + every].map((step) => step * this.stepSeconds) };
  }
}

/** The steps between two frames of a GIF. */
function framesEvery(stepSeconds: number, speed: number): number {
  return Math.max(1, Math.round((frameSeconds * speed) / stepSeconds));
}

/** The frames to draw, from 0 to `last`: every few for a GIF, or this many `moments` from start to end. */
function chosenFrames(last: number, every: number, moments: number | undefined): number[] {
  const chosen: number[] = [];
  if (moments === undefined) for (let i = 0; i <= last; i += every) chosen.push(i);
  else {
    const count = Math.min(moments, last + 1);
    for (let i = 0; i < count; i++) chosen.push(count === 1 ? last : Math.round((i * last) / (count - 1)));
  }
  return chosen;
}
