import * as path from "node:path";
import type { Command } from "commander";
import { expect, InputError } from "../../base/expect.ts";
import { letMacrotasksRun } from "../../base/macrotask.ts";
import type { Random } from "../../base/random.ts";
import type { Policy } from "../../ddpg/policy.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import { checkScene, poseSize, type Scene, sceneOf } from "../../environment/scene.ts";
import { LinkedEnvironment } from "../../node/outside/link.ts";
import type { OutsideOptions } from "../../node/outside/options.ts";
import { fromHere } from "../../node/starting-folder.ts";
import { evaluate } from "../../training/evaluate.ts";
import { environmentFor, environmentHelp, environmentOf, moduleHelp } from "../environment/environments.ts";
import { closing, guarded } from "../environment/guard.ts";
import { readPolicySource } from "../environment/policy-source.ts";
import { duration, plusMinus, short, whole } from "../terminal/numbers.ts";
import { milliseconds, someNumber, stepTimeoutHelp, wholeNumber } from "../terminal/options.ts";
import { print, printError, stderr } from "../terminal/output.ts";
import { addOutsideOptions, chosenOutsideOptions } from "../terminal/outside-options.ts";
import { Progress, Rate } from "../terminal/progress.ts";
import { checkWritable, writeFiles } from "../terminal/write-files.ts";
import { type Frames, toFilmStrip, toGif } from "./pictures.ts";
import { RayCaster } from "./ray-caster.ts";

interface RenderFlags extends OutsideOptions {
  output?: string;
  environment?: string;
  best?: true;
  episode: number;
  seconds: number;
  size?: readonly [width: number, height: number];
  speed: number;
  moments: number;
  stepTimeout?: number;
}

/** Seconds between two frames of a GIF, as closely as whole steps allow. */
const frameSeconds = 0.04;
const hint = "Choose another with --output.";
/** With the widest frames, this is as wide a PNG as common viewers open. */
const maxMoments = 24;

export function addRenderCommand(program: Command): void {
  const command = program
    .command("render")
    .argument("<run>", "a run's directory, or a policy file")
    .summary("draw an episode of a run's policy")
    .description(
      "Draws an episode as a GIF in real time, or as a PNG with moments side by side. Needs no graphics card.",
    )
    .option("--output <file>", "a .gif, or a .png [the run's name and .gif, here]")
    .option("--environment <path>", environmentHelp)
    .option("--best", "the policy of the best evaluation during training [the final one]")
    .option("--episode <n>", "which of the starts of `ddpg evaluate`", wholeNumber("--episode", 1), 1)
    .option("--seconds <s>", "how much of the episode to draw", someNumber("--seconds", "a number above 0"), 10)
    .option("--speed <x>", "playback speed", someNumber("--speed", "a number above 0"), 1)
    .option(
      "--size <size>",
      "width and height of a frame in pixels [320x240; that of the environment if it draws itself]",
      parseSize,
    )
    .option("--moments <n>", `how many moments a PNG shows, at most ${maxMoments}`, parseMoments, 6)
    .option("--step-timeout <s>", stepTimeoutHelp, someNumber("--step-timeout", "a number above 0"));
  addOutsideOptions(command);
  command
    .addHelpText(
      "after",
      `
Examples:
  ddpg render runs/Pendulum-v1-small-seed1
  ddpg render runs/HalfCheetah-v5-standard-seed1 --best --seconds 2 --output cheetah.png
  ddpg render hopper.safetensors --environment Hopper-v5
${moduleHelp}`,
    )
    .action(async (source: string, flags: RenderFlags) => {
      const output = flags.output ?? `${path.basename(path.resolve(source), ".safetensors")}.gif`;
      const ending = path.extname(output).toLowerCase();
      expect(ending === ".gif" || ending === ".png", "--output", "a file that ends in .gif or .png", output);
      const { policy, nameOrPath, description } = await sourceOf(source, flags);
      checkWritable(fromHere(output), hint);
      const context = { stepTimeout: milliseconds(flags.stepTimeout), pictures: true, onLine: printError };
      const { name, environment } = await environmentFor(policy, nameOrPath, chosenOutsideOptions(flags), context);
      const isGif = ending === ".gif";
      const moments = isGif ? undefined : flags.moments;
      const begun = performance.now();
      const { film, stepSeconds, episodeReturn } = await closing(name, [environment], () =>
        guarded(
          () => `${name} episode ${flags.episode}`,
          () => play(policy, environment, name, flags, moments),
        ),
      );
      const played = performance.now();

      const { frames, times } = film.frames(flags, moments);
      const shownAt = times.map((time) => time / flags.speed);
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
      let bytes: Uint8Array;
      try {
        bytes = isGif ? await toGif(frames, shownAt, advance) : toFilmStrip(frames, times);
      } finally {
        progress.stop();
      }
      const drawn = performance.now();
      writeFiles([[fromHere(output), bytes]], hint);

      const seconds = (steps: number): string => `${(steps * stepSeconds).toFixed(1)} s`;
      const size =
        bytes.length < 1e6 ? `${(bytes.length / 1e3).toFixed(0)} kB` : `${(bytes.length / 1e6).toFixed(1)} MB`;
      const part = film.filmed < film.steps ? `, of which the first ${seconds(film.filmed)} are drawn` : "";
      print([
        `Wrote ${output}, ${size}`,
        `return       ${plusMinus(episodeReturn, null)}, of the whole episode`,
        `length       ${whole(film.steps)} steps, ${seconds(film.steps)}${part}`,
        `frames       ${whole(frames.count)}, ${frames.width} × ${frames.height}`,
        `time         ${duration((played - begun) / 1000)} to simulate, ${duration((drawn - played) / 1000)} to draw`,
        `environment  ${name}, episode ${whole(flags.episode)}`,
        `policy       ${description}`,
      ]);
    });
}

/** A policy, the environment it acts in, and its description. */
async function sourceOf(source: string, flags: RenderFlags) {
  const { best, environment } = flags;
  const { policy, config } = await readPolicySource(source, best === true);
  const options = chosenOutsideOptions(flags);
  const nameOrPath = config ? environmentOf(source, config, { given: environment, options }) : environment;
  if (nameOrPath === undefined) {
    const expected = `what the policy of ${source} acts in`;
    throw new InputError({ where: "--environment", expected, got: "nothing" });
  }
  return { policy, nameOrPath, description: config ? `${best ? "best" : "last"} of ${source}` : source };
}

/** Plays an episode to its end, without noise, and films the requested part. */
async function play(
  policy: Policy,
  environment: Environment,
  name: string,
  flags: RenderFlags,
  moments: number | undefined,
) {
  const film = filmOf(environment, name, flags, moments);
  // An episode may end before its limit.
  const { maxEpisodeSteps = Infinity } = environment;
  const progress = new Progress(stderr, maxEpisodeSteps, stderr.isTTY && maxEpisodeSteps < Infinity, () => [
    `${whole(film.steps)} steps simulated, at most ${whole(maxEpisodeSteps)}`,
  ]);
  film.onStep = (steps) => progress.advance(steps);
  try {
    const { meanReturn } = await evaluate(policy, film, {
      episodes: 1,
      firstEpisode: flags.episode - 1,
      name,
      stepTimeout: milliseconds(flags.stepTimeout),
    });
    return { film, stepSeconds: film.stepSeconds, episodeReturn: meanReturn };
  } finally {
    progress.stop();
  }
}

/** Films the poses of an environment with a scene, or the pictures that one outside of the process draws itself. */
function filmOf(environment: Environment, name: string, flags: RenderFlags, moments: number | undefined): Film {
  if (environment instanceof LinkedEnvironment && environment.picture) {
    const [width, height] = environment.picture;
    const got = flags.size?.join("x");
    const hint = "Leave it out. Tasks of Gymnasium in MuJoCo take a width and a height in --kwargs.";
    if (got !== undefined && got !== `${width}x${height}`)
      throw new InputError({ where: "--size", expected: `${width}x${height}, as ${name} draws itself`, got, hint });
    const seconds = Math.max(1, Math.round(flags.seconds / environment.stepSeconds));
    const every = moments === undefined ? framesEvery(environment.stepSeconds, flags.speed) : undefined;
    return new PictureFilm(environment, environment.picture, seconds, every);
  }
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
  return new PoseFilm(environment, scene, Math.max(1, Math.round(flags.seconds / scene.stepSeconds)));
}

/** What is drawn: the frames, and the times at which each begins and the last one ends. */
interface Drawn {
  readonly frames: Frames;
  readonly times: readonly number[];
}

/** An environment that is filmed at the start and after each of the first steps. */
abstract class Film implements Environment {
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
    const observation = Array.from(await this.#environment.reset(random));
    await this.expose(0);
    return observation;
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
  abstract frames(flags: RenderFlags, moments: number | undefined): Drawn;
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

  frames(_: RenderFlags, moments: number | undefined): Drawn {
    const chosen = chosenFrames(this.#pictures.length - 1, 1, moments);
    const [width, height] = this.#size;
    const draw = (frame: number, out: Uint8Array): void => {
      const rgb = this.#pictures[chosen[frame]];
      for (let pixel = 0; pixel < width * height; pixel++) {
        out[4 * pixel] = rgb[3 * pixel];
        out[4 * pixel + 1] = rgb[3 * pixel + 1];
        out[4 * pixel + 2] = rgb[3 * pixel + 2];
        out[4 * pixel + 3] = 255;
      }
    };
    const times = [...chosen, chosen[chosen.length - 1] + 1].map((i) => i * this.#every * this.stepSeconds);
    return { frames: { width, height, count: chosen.length, draw }, times };
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
    this.#scene.writePoses(poses);
    const wrong = poses.findIndex((value) => !Number.isFinite(value));
    const where = `scene writePoses shape ${Math.floor(wrong / poseSize)}`;
    expect(wrong < 0, where, "finite numbers", poses[wrong]);
    this.#poses.push(poses);
  }

  frames({ size, speed }: RenderFlags, moments: number | undefined): Drawn {
    const every = framesEvery(this.stepSeconds, speed);
    const steps = chosenFrames(this.#poses.length - 1, every, moments);
    const [width, height] = size ?? [320, 240];
    const caster = new RayCaster(this.#scene, width, height);
    const frames: Frames = {
      width,
      height,
      count: steps.length,
      draw: (frame, out) => caster.draw(this.#poses[steps[frame]], out),
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

function parseMoments(text: string): number {
  const moments = wholeNumber("--moments", 1)(text);
  expect(moments <= maxMoments, "--moments", `at most ${maxMoments}`, moments);
  return moments;
}

function parseSize(text: string): [number, number] {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text)?.map(Number) ?? [];
  const good = Math.min(width, height) >= 16 && Math.max(width, height) <= 2048;
  expect(good, "--size", "width and height from 16 to 2048, such as 320x240", text);
  return [width, height];
}
