import * as path from "node:path";
import { expect, InputError } from "../../base/expect.ts";
import { letMacrotasksRun } from "../../base/macrotask.ts";
import type { Random } from "../../base/random.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import { checkScene, poseSize, type Scene, sceneOf } from "../../environment/scene.ts";
import { whole } from "../terminal/numbers.ts";
import { stderr } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
import { type Frames, toFilmStrip, toGif } from "./pictures.ts";
import { RayCaster } from "./ray-caster.ts";

/** How to draw a film. */
export interface Drawing {
  readonly size?: readonly [width: number, height: number];
  /** The playback speed of a GIF. */
  readonly speed: number;
  /** How many moments a PNG shows. */
  readonly moments: number;
}

/** Seconds between two frames of a GIF, as closely as whole steps allow. */
const frameSeconds = 0.04;

/** The format that the name of a file asks for. Throws an InputError for any other ending. */
export function pictureFormat(output: string): "gif" | "png" {
  const ending = path.extname(output).toLowerCase();
  expect(ending === ".gif" || ending === ".png", "--output", "a file that ends in .gif or .png", output);
  return ending === ".gif" ? "gif" : "png";
}

/** An environment that records its next episode. Throws an InputError if it cannot be drawn. */
export function filmOf(environment: Environment, name: string, seconds: number): Film {
  const scene = sceneOf(environment);
  if (!scene) {
    const hint = 'Give it a "scene", with shapes, a camera, stepSeconds and writePoses.';
    throw new InputError({
      where: name,
      expected: "an environment that can be drawn",
      got: "one without a scene",
      hint,
    });
  }
  checkScene(scene, `${name} scene`);
  return new Film(environment, scene, Math.max(1, Math.round(seconds / scene.stepSeconds)));
}

/** Draws a film, with a progress line, and returns the file's bytes. */
export async function pictureOf(film: Film, format: "gif" | "png", drawing: Drawing) {
  const isGif = format === "gif";
  const { frames, times } = framesOf(film, film.scene, drawing, isGif ? undefined : drawing.moments);
  const shownAt = times.map((time) => time / drawing.speed);
  const progress: Progress = new Progress(stderr, frames.count, stderr.isTTY, () => [
    `${whole(progress.done)}/${whole(frames.count)} frames`,
  ]);
  const advance = (done: number): Promise<void> | undefined => {
    progress.advance(done);
    return letMacrotasksRun();
  };
  try {
    const bytes = isGif ? await toGif(frames, shownAt, advance) : toFilmStrip(frames, times);
    return { bytes, frames };
  } finally {
    progress.stop();
  }
}

/** An environment that records the poses of its shapes at the start and after each of the first steps. */
export class Film implements Environment {
  readonly observationSize: number;
  readonly actionLow: ArrayLike<number>;
  readonly actionHigh: ArrayLike<number>;
  readonly poses: Float32Array[] = [];
  /** Steps taken. */
  steps = 0;
  readonly #environment: Environment;
  readonly scene: Scene;
  readonly #maxSteps: number;

  constructor(environment: Environment, scene: Scene, maxSteps: number) {
    this.observationSize = environment.observationSize;
    this.actionLow = environment.actionLow;
    this.actionHigh = environment.actionHigh;
    this.#environment = environment;
    this.scene = scene;
    this.#maxSteps = maxSteps;
  }

  async reset(random: Random): Promise<ArrayLike<number>> {
    const observation = await this.#environment.reset(random);
    this.#expose();
    return observation;
  }

  async step(action: Float32Array): Promise<Step> {
    const step = await this.#environment.step(action);
    this.steps++;
    this.#expose();
    return step;
  }

  #expose(): void {
    if (this.poses.length > this.#maxSteps) return;
    const poses = new Float32Array(this.scene.shapes.length * poseSize);
    this.scene.writePoses(poses);
    const wrong = poses.findIndex((value) => !Number.isFinite(value));
    const where = `scene writePoses shape ${Math.floor(wrong / poseSize)}`;
    expect(wrong < 0, where, "finite numbers", poses[wrong]);
    this.poses.push(poses);
  }
}

/**
 * Selects the steps to draw, and their times: evenly spaced ones for a GIF, or this many `moments` from start to end.
 */
function framesOf({ poses }: Film, scene: Scene, { size, speed }: Drawing, moments: number | undefined) {
  const { stepSeconds } = scene;
  const last = poses.length - 1;
  const every = Math.max(1, Math.round((frameSeconds * speed) / stepSeconds));
  const steps: number[] = [];
  if (moments === undefined) for (let step = 0; step <= last; step += every) steps.push(step);
  else {
    const count = Math.min(moments, last + 1);
    for (let i = 0; i < count; i++) steps.push(count === 1 ? last : Math.round((i * last) / (count - 1)));
  }
  const [width, height] = size ?? [320, 240];
  const caster = new RayCaster(scene, width, height);
  const frames: Frames = {
    width,
    height,
    count: steps.length,
    draw: (frame, out) => caster.draw(poses[steps[frame]], out),
  };
  return { frames, times: [...steps, steps[steps.length - 1] + every].map((step) => step * stepSeconds) };
}
