import type { Command } from "commander";
import { InputError } from "../base/expect.ts";
import { Random } from "../base/random.ts";
import type { Environment } from "../environment/environment.ts";
import { fromHere } from "../node/starting-folder.ts";
import { loadEnvironment } from "../node.ts";
import { Planner, type PlannerSettings, plannerDefaults, plannerSettings } from "../planning/planner.ts";
import { RandomPolicy } from "../planning/random-policy.ts";
import { evaluate } from "../training/evaluate.ts";
import { closing, guarded } from "./environment/guard.ts";
import { filmOf, pictureFormat, pictureOf } from "./render/film.ts";
import { count, plusMinus, whole } from "./terminal/numbers.ts";
import { someNumber, wholeNumber } from "./terminal/options.ts";
import { print, stderr } from "./terminal/output.ts";
import { Progress, Rate } from "./terminal/progress.ts";
import { checkWritable, writeFiles } from "./terminal/write-files.ts";

interface PlanFlags extends Partial<PlannerSettings> {
  policy: "planner" | "random";
  episodes: number;
  seed: number;
  output?: string;
  seconds: number;
  json?: boolean;
}

const hint = "Choose another with --output.";

export function addPlanCommand(program: Command): void {
  const { horizon, spacing, samples, iterations, noise } = plannerDefaults;
  program
    .command("plan")
    .argument("<environment>", "an id, or the path of a module")
    .summary("what a planner with the true model reaches")
    .description(
      "Plays episodes with a planner that knows the true model: it tries plans on the environment itself. Its returns are one end of a scale for learned policies; those of random actions (--policy random) are the other.",
    )
    .option("--policy <name>", "planner, or random for uniform random actions", policyName, "planner")
    .option("--episodes <n>", "number of starts; those of `ddpg evaluate`", wholeNumber("--episodes", 1), 1)
    .option("--seed <n>", "seed of the plans, or of the random actions", wholeNumber("--seed", 0), 1)
    .option("--horizon <n>", `time steps that a plan looks ahead [${horizon}]`, wholeNumber("--horizon", 1))
    .option("--spacing <n>", `time steps between two knots of a plan [${spacing}]`, wholeNumber("--spacing", 1))
    .option("--samples <n>", `plans in each iteration [${samples}]`, wholeNumber("--samples", 2))
    .option("--iterations <n>", `iterations for each time step [${iterations}]`, wholeNumber("--iterations", 1))
    .option(
      "--noise <x>",
      `spread of the first plans, as a part of half the actions' range [${noise}]`,
      someNumber("--noise", "a number above 0"),
    )
    .option("--output <file>", "draw the first episode, as a .gif or a .png")
    .option("--seconds <s>", "how much of it to draw", someNumber("--seconds", "a number above 0"), 10)
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  ddpg plan Pendulum-v1
  ddpg plan MountainCarContinuous-v0 --horizon 150 --spacing 15 --output car.gif
  ddpg plan dm_control/cheetah-run --horizon 50 --spacing 5 --json > cheetah-run.json
  ddpg plan dm_control/cheetah-run --policy random --episodes 50

The environment needs "save" and "restore", and may not return promises.`,
    )
    .action(async (nameOrPath: string, flags: PlanFlags) => {
      const { policy, episodes, seed, output, json = false } = flags;
      const budget = policy === "planner" ? plannerSettings(given(flags)) : undefined;
      const unused = Object.keys(given(flags));
      if (!budget && unused.length > 0) {
        throw new InputError({ where: `--${unused[0]}`, expected: "--policy planner", got: "--policy random" });
      }
      const format = output === undefined ? undefined : pictureFormat(output);
      if (output !== undefined) checkWritable(fromHere(output), hint);
      const drawing = { seconds: flags.seconds, speed: 1, moments: 6 };
      const { name, environment } = await guarded(
        () => `environment ${nameOrPath}`,
        async () => {
          const { name, create } = await loadEnvironment(nameOrPath);
          return { name, environment: await create() };
        },
      );
      const rate = new Rate(() => performance.now());
      let steps = 0;
      const total = environment.maxEpisodeSteps === undefined ? undefined : episodes * environment.maxEpisodeSteps;
      const progress: Progress = new Progress(stderr, total ?? episodes, stderr.isTTY, () => [
        total === undefined
          ? `${whole(progress.done)}/${whole(episodes)} episodes`
          : `step ${whole(steps)}/${whole(total)}`,
        `${rate.at(steps).toFixed(1)} steps/s`,
      ]);
      const returns: number[] = [];
      const lengths: number[] = [];
      try {
        const film = await closing(name, [environment], () =>
          guarded(
            () => `${name} episode ${returns.length + 1}`,
            async () => {
              const film = format && filmOf(environment, name, format, drawing);
              for (let episode = 0; episode < episodes; episode++) {
                // Each episode has its own planner and its own stream, so it does not depend on the ones before.
                const actor = actorOf(environment, new Random(seed).fork(`${policy} episode ${episode}`), budget);
                const act = (): Float32Array => {
                  steps++;
                  if (total !== undefined) progress.advance(steps);
                  return actor.act();
                };
                const played = episode === 0 && film ? film : environment;
                const result = await evaluate({ act }, played, { episodes: 1, firstEpisode: episode, name });
                returns.push(result.meanReturn);
                lengths.push(result.meanLength);
                if (total === undefined) progress.advance(episode + 1);
              }
              return film;
            },
          ),
        );
        progress.stop();
        const drawn = film && format && (await pictureOf(film, format, drawing));
        if (output !== undefined && drawn) writeFiles([[fromHere(output), drawn.bytes]], hint);
        const { mean, error } = meanOf(returns);
        const stepsPerAction = budget && budget.horizon * budget.iterations * budget.samples;
        const stated = budget && { ...budget, stepsPerAction };
        if (json) {
          const standardError = Number.isFinite(error) ? error : null;
          const meanLength = meanOf(lengths).mean;
          print(
            JSON.stringify({
              ...{ environment: name, policy, seed, ...(stated && { budget: stated }), episodes },
              ...{ meanReturn: mean, standardError, meanLength, returns, lengths },
            }),
          );
          return;
        }
        print([
          ...(output === undefined ? [] : [`Wrote ${output}, the first episode`]),
          `return       ${plusMinus(mean, error)}, ${episodes === 1 ? "one episode" : `mean ± standard error over ${whole(episodes)} fixed starts`}`,
          `length       ${plusMinus(meanOf(lengths).mean, null)} steps`,
          `environment  ${nameOrPath}`,
          `policy       ${budget ? `planner, seed ${seed}` : `uniform random actions, seed ${seed}`}`,
          ...(budget && stepsPerAction
            ? [
                `horizon      ${count(budget.horizon, "step")}, a knot every ${budget.spacing}`,
                `budget       ${whole(stepsPerAction)} simulated steps at most for each action: ${count(budget.iterations, "iteration")} of ${count(budget.samples, "plan")}`,
              ]
            : []),
        ]);
      } finally {
        progress.stop();
      }
    });
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

/** The mean, and its standard error, which is NaN for a single number. */
function meanOf(values: readonly number[]): { mean: number; error: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const squares = values.reduce((sum, x) => sum + (x - mean) * (x - mean), 0);
  return { mean, error: Math.sqrt(squares / (values.length - 1) / values.length) };
}

function policyName(text: string): PlanFlags["policy"] {
  if (text === "planner" || text === "random") return text;
  throw new InputError({ where: "--policy", expected: "planner or random", got: text });
}
