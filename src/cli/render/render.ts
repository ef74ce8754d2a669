import * as path from "node:path";
import type { Command } from "commander";
import { expect, InputError } from "../../base/expect.ts";
import type { Policy } from "../../ddpg/policy.ts";
import type { Environment } from "../../environment/environment.ts";
import type { OutsideOptions } from "../../node/outside/options.ts";
import { fromHere } from "../../node/starting-folder.ts";
import { evaluate } from "../../training/evaluate.ts";
import { environmentFor, environmentHelp, environmentOf, moduleHelp } from "../environment/environments.ts";
import { closing, guarded } from "../environment/guard.ts";
import { readPolicySource } from "../environment/policy-source.ts";
import { duration, plusMinus, whole } from "../terminal/numbers.ts";
import { milliseconds, someNumber, stepTimeoutHelp, wholeNumber } from "../terminal/options.ts";
import { print, printError, stderr } from "../terminal/output.ts";
import { addOutsideOptions, chosenOutsideOptions } from "../terminal/outside-options.ts";
import { Progress } from "../terminal/progress.ts";
import { runOrTrained, trainedHelp } from "../terminal/trained.ts";
import { checkWritable, writeFiles } from "../terminal/write-files.ts";
import { type Drawing, filmOf, maxMoments, type PictureFormat, pictureFormat, pictureOf } from "./film.ts";

interface RenderFlags extends OutsideOptions, Drawing {
  trained?: string;
  output?: string;
  environment?: string;
  best?: true;
  episode: number;
  stepTimeout?: number;
}

const hint = "Choose another with --output.";

export function addRenderCommand(program: Command): void {
  const command = program
    .command("render")
    .argument("[run]", "a run's directory, or a policy file")
    .summary("draw an episode of a run's policy")
    .description(
      "Draws an episode as a GIF in real time, or as a PNG with moments side by side. Needs no graphics card.",
    )
    .option("--trained <task>", trainedHelp)
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
  ddpg render runs/HalfCheetah-v5-robust-seed1 --best --seconds 2 --output cheetah.png
  ddpg render hopper.safetensors --environment Hopper-v5
  ddpg render --trained InvertedPendulum-v5
${moduleHelp}`,
    )
    .action(async (run: string | undefined, flags: RenderFlags) => {
      const chosen = runOrTrained("render", run, flags);
      const source = typeof chosen === "string" ? chosen : chosen.file;
      const output = flags.output ?? `${path.basename(path.resolve(source), ".safetensors")}.gif`;
      const format = pictureFormat(output);
      const task = typeof chosen === "string" ? undefined : chosen.task;
      const { policy, nameOrPath, description } = await sourceOf(source, flags, task);
      checkWritable(fromHere(output), hint);
      const context = { stepTimeout: milliseconds(flags.stepTimeout), pictures: true, onLine: printError };
      const { name, environment } = await environmentFor(policy, nameOrPath, chosenOutsideOptions(flags), context);
      const begun = performance.now();
      const { film, stepSeconds, episodeReturn } = await closing(name, [environment], () =>
        guarded(
          () => `${name} episode ${flags.episode}`,
          () => play(policy, environment, name, format, flags),
        ),
      );
      const played = performance.now();

      const { bytes, frames } = await pictureOf(film, format, flags);
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
async function sourceOf(source: string, flags: RenderFlags, task: string | undefined) {
  const { best, environment = task } = flags;
  const { policy, config } = await readPolicySource(source, best === true);
  const options = chosenOutsideOptions(flags);
  const nameOrPath = config ? environmentOf(source, config, { given: environment, options }) : environment;
  if (nameOrPath === undefined) {
    const expected = `what the policy of ${source} acts in`;
    throw new InputError({ where: "--environment", expected, got: "nothing" });
  }
  return {
    policy,
    nameOrPath,
    description: config
      ? `${best ? "best" : "last"} of ${source}`
      : task === undefined
        ? source
        : `trained, of the package`,
  };
}

/** Plays an episode to its end, without noise, and films the requested part. */
async function play(policy: Policy, environment: Environment, name: string, format: PictureFormat, flags: RenderFlags) {
  const film = filmOf(environment, name, format, flags);
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
