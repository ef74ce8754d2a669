import * as path from "node:path";
import type { Command } from "commander";
import { expect, InputError } from "../../base/expect.ts";
import { letMacrotasksRun } from "../../base/macrotask.ts";
import type { Random } from "../../base/random.ts";
import type { Policy } from "../../ddpg/policy.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import { checkScene, poseSize, type Scene, sceneOf } from "../../environment/scene.ts";
import type { OutsideOptions } from "../../node/outside/options.ts";
import { fromHere } from "../../node/starting-folder.ts";
import { evaluate } from "../../training/evaluate.ts";
import {
  addOutsideOptions,
  chosenOutsideOptions,
  environmentFor,
  environmentHelp,
  environmentOf,
  moduleHelp,
} from "../environment/environments.ts";
import { closing, guarded } from "../environment/guard.ts";
import { readPolicySource } from "../environment/policy-source.ts";
import { plusMinus, whole } from "../terminal/numbers.ts";
import { milliseconds, someNumber, stepTimeoutHelp, wholeNumber } from "../terminal/options.ts";
import { print, printError, stderr } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
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
    .option("--size <size>", "width and height of a frame in pixels [320x240]", parseSize)
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
      const { film, scene, episodeReturn } = await closing(name, [environment], () =>
        guarded(
          () => `${name} episode ${flags.episode}`,
          () => play(policy, environment, name, flags),
        ),
      );

      const isGif = ending === ".gif";
      const { frames, times } = framesOf(film, scene, flags, isGif ? undefined : flags.moments);
      const shownAt = times.map((time) => time / flags.speed);
      const progress: Progress = new Progress(stderr, frames.count, stderr.isTTY, () => [
        `${whole(progress.done)}/${whole(frames.count)} frames`,
      ]);
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
      writeFiles([[fromHere(output), bytes]], hint);

      const seconds = (steps: number): string => `${(steps * scene.stepSeconds).toFixed(1)} s`;
      const size =
        bytes.length < 1e6 ? `${(bytes.length / 1e3).toFixed(0)} kB` : `${(bytes.length / 1e6).toFixed(1)} MB`;
      const drawn =
        film.poses.length - 1 < film.steps ? `, of which the first ${seconds(film.poses.length - 1)} are drawn` : "";
      print([
        `Wrote ${output}, ${size}`,
        `return       ${plusMinus(episodeReturn, null)}, of the whole episode`,
        `length       ${whole(film.steps)} steps, ${seconds(film.steps)}${drawn}`,
        `frames       ${whole(frames.count)}, ${frames.width} × ${frames.height}`,
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
async function play(policy: Policy, environment: Environment, name: string, flags: RenderFlags) {
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
  const film = new Film(environment, scene, Math.max(1, Math.round(flags.seconds / scene.stepSeconds)));
  const { meanReturn } = await evaluate(policy, film, {
    episodes: 1,
    firstEpisode: flags.episode - 1,
    name,
    stepTimeout: milliseconds(flags.stepTimeout),
  });
  return { film, scene, episodeReturn: meanReturn };
}

/** An environment that records the poses of its shapes at the start and after each of the first steps. */
class Film implements Environment {
  readonly observationSize: number;
  readonly actionLow: ArrayLike<number>;
  readonly actionHigh: ArrayLike<number>;
  readonly poses: Float32Array[] = [];
  /** Steps taken. */
  steps = 0;
  readonly #environment: Environment;
  readonly #scene: Scene;
  readonly #maxSteps: number;

  constructor(environment: Environment, scene: Scene, maxSteps: number) {
    this.observationSize = environment.observationSize;
    this.actionLow = environment.actionLow;
    this.actionHigh = environment.actionHigh;
    this.#environment = environment;
    this.#scene = scene;
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
    const poses = new Float32Array(this.#scene.shapes.length * poseSize);
    this.#scene.writePoses(poses);
    const wrong = poses.findIndex((value) => !Number.isFinite(value));
    const where = `scene writePoses shape ${Math.floor(wrong / poseSize)}`;
    expect(wrong < 0, where, "finite numbers", poses[wrong]);
    this.poses.push(poses);
  }
}

/**
 * Selects the steps to draw, and their times: evenly spaced ones for a GIF, or this many `moments` from start to end.
 */
function framesOf({ poses }: Film, scene: Scene, { size, speed }: RenderFlags, moments: number | undefined) {
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
