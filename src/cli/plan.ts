import type { Command } from "commander";
import { InputError } from "../base/expect.ts";
import { Random } from "../base/random.ts";
import type { Environment } from "../environment/environment.ts";
import { fromHere } from "../node/starting-folder.ts";
import { loadEnvironment } from "../node.ts";
import { Planner, type PlannerSettings, plannerDefaults, plannerSettings } from "../planning/planner.ts";
import { RandomPolicy } from "../planning/random-policy.ts";
import { mean, meanAndError } from "../training/aggregate.ts";
import { evaluate } from "../training/evaluate.ts";
import { closing, guarded } from "./environment/guard.ts";
import { type Film, filmOf, type PictureFormat, pictureFormat, pictureOf } from "./render/film.ts";
import { asChildOption, type ChildCommand, type Parent, parent, runChildren } from "./run/children.ts";
import { exit } from "./terminal/exit.ts";
import { exitCodes } from "./terminal/exit-codes.ts";
import { count, plusMinus, whole } from "./terminal/numbers.ts";
import { someNumber, wholeNumber } from "./terminal/options.ts";
import { print, printError, printWarning, stderr } from "./terminal/output.ts";
import { Progress, Rate } from "./terminal/progress.ts";
import { checkWritable, writeFiles } from "./terminal/write-files.ts";

interface PlanFlags extends Partial<PlannerSettings> {
  policy: "planner" | "random";
  episodes: number;
  firstEpisode: number;
  jobs: number;
  seed: number;
  output?: string;
  seconds: number;
  json?: boolean;
  asChild?: boolean;
}

/** How an episode is drawn, apart from its length. */
const pace = { speed: 1, moments: 6 } as const;

const hint = "Choose another with --output.";

export function addPlanCommand(program: Command): void {
  const { horizon, spacing, samples, iterations, replan, noise } = plannerDefaults;
  program
    .command("plan")
    .argument("<environment>", "an id, or the path of a module")
    .summary("what a planner with the true model reaches")
    .description(
      "Plays episodes with a planner that knows the true model: it tries plans on the environment itself. Its returns are one end of a scale for learned policies; those of random actions (--policy random) are the other.",
    )
    .option("--policy <name>", "planner, or random for uniform random actions", policyName, "planner")
    .option("--episodes <n>", "number of starts; those of `ddpg evaluate`", wholeNumber("--episodes", 1), 1)
    .option("--first-episode <n>", "the first of these starts", wholeNumber("--first-episode", 1), 1)
    .option("--jobs <n>", "how many episodes at the same time; the same returns", wholeNumber("--jobs", 1), 1)
    .option("--seed <n>", "seed of the plans, or of the random actions", wholeNumber("--seed", 0), 1)
    .option("--horizon <n>", `time steps that a plan looks ahead [${horizon}]`, wholeNumber("--horizon", 1))
    .option("--spacing <n>", `time steps between two knots of a plan [${spacing}]`, wholeNumber("--spacing", 1))
    .option("--samples <n>", `plans in each iteration [${samples}]`, wholeNumber("--samples", 2))
    .option("--iterations <n>", `iterations of each search [${iterations}]`, wholeNumber("--iterations", 1))
    .option("--replan <n>", `time steps from one search to the next [${replan}]`, wholeNumber("--replan", 1))
    .option(
      "--noise <x>",
      `spread of the first plans, as a part of half the actions' range [${noise}]`,
      someNumber("--noise", "a number above 0"),
    )
    .option("--output <file>", "draw the first episode, as a .gif or a .png")
    .option("--seconds <s>", "how much of it to draw", someNumber("--seconds", "a number above 0"), 10)
    .option("--json", "print one JSON object")
    .addOption(asChildOption())
    .addHelpText(
      "after",
      `
Examples:
  ddpg plan Pendulum-v1
  ddpg plan MountainCarContinuous-v0 --horizon 150 --spacing 15 --output car.gif
  ddpg plan dm_control/cheetah-run --horizon 50 --spacing 5 --episodes 5 --jobs 5 --json
  ddpg plan dm_control/cheetah-run --policy random --episodes 50

The environment needs "save" and "restore", and may not return promises.`,
    )
    .action((nameOrPath: string, flags: PlanFlags) => plan(nameOrPath, flags, program.opts().verbose === true));
}

async function plan(nameOrPath: string, flags: PlanFlags, verbose: boolean): Promise<void> {
  const { policy, episodes, firstEpisode, seed, output, json = false, asChild = false } = flags;
  const budget = policy === "planner" ? plannerSettings(given(flags)) : undefined;
  const unused = Object.keys(given(flags));
  if (!budget && unused.length > 0) {
    throw new InputError({ where: `--${unused[0]}`, expected: "--policy planner", got: "--policy random" });
  }
  const format = output === undefined ? undefined : pictureFormat(output);
  if (output !== undefined) checkWritable(fromHere(output), hint);
  const drawing = output !== undefined && format ? { output, format, seconds: flags.seconds } : undefined;
  const wanted: Episodes = { nameOrPath, policy, budget, seed, first: firstEpisode, count: episodes, drawing };
  const listener = asChild ? parent() : undefined;
  const jobs = Math.min(flags.jobs, episodes);
  const { name, returns, lengths } =
    jobs > 1 ? await playInChildren(wanted, jobs, verbose) : await play(wanted, listener);
  if (asChild) {
    await listener?.report({ returns, lengths });
    return;
  }
  const { mean: meanReturn, error } = meanAndError(returns);
  const meanLength = mean(lengths);
  const stepsPerAction = budget && (budget.horizon * budget.iterations * budget.samples) / budget.replan;
  const stated = budget && { ...budget, stepsPerAction };
  if (json) {
    const standardError = Number.isFinite(error) ? error : null;
    print(
      JSON.stringify({
        ...{ environment: name, policy, seed, ...(stated && { budget: stated }), firstEpisode, episodes },
        ...{ meanReturn, standardError, meanLength, returns, lengths },
      }),
    );
    return;
  }
  const starts = episodes === 1 ? "one episode" : `mean ± standard error over ${whole(episodes)} fixed starts`;
  print([
    ...(output === undefined ? [] : [`Wrote ${output}, the first episode`]),
    `return       ${plusMinus(meanReturn, error)}, ${starts}${firstEpisode === 1 ? "" : `, from episode ${whole(firstEpisode)}`}`,
    `length       ${plusMinus(meanLength, null)} steps`,
    `environment  ${nameOrPath}`,
    `policy       ${budget ? `planner, seed ${seed}` : `uniform random actions, seed ${seed}`}`,
    ...(budget && stepsPerAction
      ? [
          `horizon      ${count(budget.horizon, "step")}, a knot every ${budget.spacing}`,
          `budget       ${whole(stepsPerAction)} simulated steps at most for each action${budget.replan === 1 ? "" : " on average"}: ${count(budget.iterations, "iteration")} of ${count(budget.samples, "plan")}${budget.replan === 1 ? "" : `, every ${budget.replan} steps`}`,
        ]
      : []),
  ]);
}

/** The episodes that are wanted. */
interface Episodes {
  readonly nameOrPath: string;
  readonly policy: PlanFlags["policy"];
  /** The planner's settings; undefined for random actions. */
  readonly budget: PlannerSettings | undefined;
  readonly seed: number;
  /** The first one, counted from 1. */
  readonly first: number;
  readonly count: number;
  /** The picture of the first one, if it is drawn. */
  readonly drawing: { readonly output: string; readonly format: PictureFormat; readonly seconds: number } | undefined;
}

/** The returns and lengths of episodes, and the environment's name. */
interface Played {
  readonly name: string;
  readonly returns: number[];
  readonly lengths: number[];
}

function makeEnvironment(nameOrPath: string): Promise<{ name: string; environment: Environment }> {
  return guarded(
    () => `environment ${nameOrPath}`,
    async () => {
      const { name, create } = await loadEnvironment(nameOrPath);
      return { name, environment: await create() };
    },
  );
}

function filmFor({ drawing }: Episodes, environment: Environment, name: string): Film | undefined {
  if (!drawing) return undefined;
  return filmOf(environment, name, drawing.format, { seconds: drawing.seconds, ...pace });
}

/** Plays the episodes one after the other in this process. */
async function play(episodes: Episodes, listener: Parent | undefined): Promise<Played> {
  const { nameOrPath, policy, budget, seed, first, count: total, drawing } = episodes;
  const { name, environment } = await makeEnvironment(nameOrPath);
  const rate = new Rate(() => performance.now());
  let steps = 0;
  const limit = environment.maxEpisodeSteps === undefined ? undefined : total * environment.maxEpisodeSteps;
  const isShown = listener !== undefined || stderr.isTTY;
  const progress: Progress = new Progress(listener?.onProgress ?? stderr, limit ?? total, isShown, () => [
    limit === undefined ? `${whole(progress.done)}/${whole(total)} episodes` : `step ${whole(steps)}/${whole(limit)}`,
    `${rate.at(steps).toFixed(1)} steps/s`,
  ]);
  const returns: number[] = [];
  const lengths: number[] = [];
  const playAll = async (): Promise<Film | undefined> => {
    const film = filmFor(episodes, environment, name);
    for (let done = 0; done < total; done++) {
      const episode = first - 1 + done;
      // Each episode has its own planner and its own stream, so it does not depend on the ones before.
      const actor = actorOf(environment, new Random(seed).fork(`${policy} episode ${episode}`), budget);
      const act = (): Float32Array => {
        steps++;
        if (limit !== undefined) progress.advance(steps);
        return actor.act();
      };
      const played = done === 0 && film ? film : environment;
      const result = await evaluate({ act }, played, { episodes: 1, firstEpisode: episode, name });
      returns.push(result.meanReturn);
      lengths.push(result.meanLength);
      if (limit === undefined) progress.advance(done + 1);
    }
    return film;
  };
  try {
    const film = await closing(name, [environment], () =>
      guarded(() => `${name} episode ${first + returns.length}`, playAll),
    );
    progress.stop();
    if (film && drawing) {
      const { output, format, seconds } = drawing;
      const { bytes } = await pictureOf(film, format, { seconds, ...pace });
      writeFiles([[fromHere(output), bytes]], hint);
    }
  } finally {
    progress.stop();
  }
  return { name, returns, lengths };
}

/** One episode in its own process. */
interface EpisodeInChild extends ChildCommand {
  /** Its number, counted from 1. */
  readonly episode: number;
  result: { readonly returns: number[]; readonly lengths: number[] } | undefined;
  /** Why it has no result. */
  why: string;
}

/**
 * Plays each episode in its own process, `jobs` at a time. The first one that fails ends them all. One that is stopped from
 * outside does not: the returns of the others are reported with the error.
 */
async function playInChildren(episodes: Episodes, jobs: number, verbose: boolean): Promise<Played> {
  const { nameOrPath, policy, budget, seed, first, drawing } = episodes;
  // What every child would refuse is refused before the first starts.
  const { name, environment } = await makeEnvironment(nameOrPath);
  await closing(name, [environment], async () => {
    actorOf(environment, new Random(seed), budget);
    filmFor(episodes, environment, name);
  });
  const options = { policy, seed, ...budget };
  const alike = Object.entries(options).flatMap(([option, value]) => [`--${option}`, `${value}`]);
  const commands = Array.from({ length: episodes.count }, (_, i): EpisodeInChild => {
    const picture = i === 0 && drawing ? ["--output", drawing.output, "--seconds", `${drawing.seconds}`] : [];
    const episode = first + i;
    const own = ["--episodes", "1", "--first-episode", `${episode}`, ...picture, ...(verbose ? ["--verbose"] : [])];
    const args = ["plan", ...alike, ...own, "--as-child", "--", nameOrPath];
    return { label: `episode ${episode}`, args, episode, result: undefined, why: "" };
  });
  const failure = new AbortController();
  const signal = await runChildren(commands, {
    ...{ jobs, progress: stderr.isTTY, output: stderr, until: failure.signal },
    onStart: () => {},
    onWarning: (_, warning) => printWarning(warning),
    onResult: (command, result) => {
      command.result = result as EpisodeInChild["result"];
    },
    onEnd: (command, { how, why, isKilled = false }) => {
      if (command.result || failure.signal.aborted) return;
      command.why = why || "ended without a result";
      if (how === "stopped" || isKilled) return;
      printError(`ddpg: ${command.label}: ${command.why}`.split("\n"));
      failure.abort();
    },
  });
  if (signal) exit(exitCodes[signal]);
  if (failure.signal.aborted) exit(1);
  const played = commands.flatMap(({ result }) => result ?? []);
  if (played.length < commands.length) {
    printError(interrupted(commands));
    exit(1);
  }
  return { name, returns: played.flatMap(({ returns }) => returns), lengths: played.flatMap(({ lengths }) => lengths) };
}

/** The returns of the episodes that ended, and what stopped the others. */
function interrupted(commands: readonly EpisodeInChild[]): string[] {
  return commands.map(({ label, episode, result, why }) =>
    result
      ? `${label}: return ${result.returns.join(", ")}`
      : `ddpg: ${label}: ${why}. Play it again with --first-episode ${episode} --episodes 1.`,
  );
}

/** The settings of the planner that were given. */
function given(flags: PlanFlags): Partial<PlannerSettings> {
  const names = Object.keys(plannerDefaults) as (keyof PlannerSettings)[];
  return Object.fromEntries(names.filter((name) => flags[name] !== undefined).map((name) => [name, flags[name]]));
}

/** The planner with this budget, or random actions without one. */
function actorOf(environment: Environment, random: Random, budget: PlannerSettings | undefined) {
  return budget ? new Planner(environment, random, budget) : new RandomPolicy(environment, random);
}

function policyName(text: string): PlanFlags["policy"] {
  if (text === "planner" || text === "random") return text;
  throw new InputError({ where: "--policy", expected: "planner or random", got: text });
}
