import * as path from "node:path";
import type { Command } from "commander";
import { expect, InputError } from "../base/expect.ts";
import type { OutsideOptions } from "../node/outside/options.ts";
import { files } from "../node/run-files.ts";
import { expectOwnConfig } from "../node/same-run.ts";
import { fromHere } from "../node/starting-folder.ts";
import { readConfig, readPolicy, readPolicyFile, readResult } from "../node.ts";
import { environments } from "../tasks.ts";
import { meanAndError } from "../training/aggregate.ts";
import { type Evaluation, evaluate } from "../training/evaluate.ts";
import { loadController } from "./environment/controller.ts";
import { environmentFor, environmentHelp, environmentOf, moduleHelp } from "./environment/environments.ts";
import { closing, guarded } from "./environment/guard.ts";
import { maxDrawnSteps, Trajectory } from "./report/trajectory.ts";
import { warningOfBest } from "./terminal/best.ts";
import { count, infoLines, plusMinus, whole } from "./terminal/numbers.ts";
import { milliseconds, someNumber, stepTimeoutHelp, wholeNumber } from "./terminal/options.ts";
import { print, printError, stderr } from "./terminal/output.ts";
import { addOutsideOptions, chosenOutsideOptions } from "./terminal/outside-options.ts";
import { Progress, Rate } from "./terminal/progress.ts";
import { runOrTrained, trainedHelp } from "./terminal/trained.ts";
import { checkWritable, writeFiles } from "./terminal/write-files.ts";

interface EvaluateFlags extends OutsideOptions {
  trained?: string;
  episodes?: number;
  environment?: string;
  best?: true;
  last?: true;
  stepTimeout?: number;
  trajectory?: string;
  plot?: string;
  beside?: string;
  json?: boolean;
}

export function addEvaluateCommand(program: Command): void {
  const command = program
    .command("evaluate")
    .argument("[run]", "a run's directory")
    .summary("evaluate a run's policy from fixed starts")
    .description("Evaluates a run's policy, without noise, from fixed starts.")
    .option("--trained <task>", trainedHelp)
    .option(
      "--episodes <n>",
      "number of starts; the same ones in every evaluation [1000; 1 with --trajectory or --plot]",
      wholeNumber("--episodes", 1),
    )
    .option("--environment <path>", environmentHelp)
    .option("--best", "the policy of the best evaluation during training")
    .option("--last", "the final policy [default]")
    .option("--step-timeout <s>", stepTimeoutHelp, someNumber("--step-timeout", "a number above 0"))
    .option("--trajectory <file>", "also write every step as a CSV table")
    .option("--plot <file>", "also draw the first episode, step by step, as an SVG")
    .option("--beside <module>", "also evaluate what a module exports, such as a PID controller, from the same starts")
    .option("--json", "print one JSON object");
  addOutsideOptions(command);
  command
    .addHelpText(
      "after",
      `
The table of --trajectory has a row for each step: episode, step, time (in seconds; only of an environment that can be drawn),
the observation, the action that it led to, and the reward of that step. The last row of an episode is its last observation.

The default export of a module for --beside is an object with act(observation), or a class or function that makes one, in the
environment's units. Its actions are clipped to the bounds. If it has reset(), that is called before each episode.

Examples:
  ddpg evaluate runs/first --trajectory steps.csv --episodes 3
  ddpg evaluate runs/first --plot episode.svg
  ddpg evaluate runs/first --beside ./pid.mjs
${moduleHelp}`,
    )
    .action(async (run: string | undefined, flags: EvaluateFlags) => {
      const { best, last, stepTimeout, trajectory, plot, beside, json = false } = flags;
      const isWatched = trajectory !== undefined || plot !== undefined;
      const { episodes = isWatched ? 1 : 1000 } = flags;
      if (best && last) throw new InputError({ where: "evaluate", expected: "--best or --last", got: "both" });
      const options = chosenOutsideOptions(flags);
      const { policy, which, nameOrPath, preset, seed, steps, fingerprint, warning, own } = await sourceOf(
        run,
        flags,
        options,
      );
      for (const [flag, file] of [["--trajectory", trajectory] as const, ["--plot", plot] as const]) {
        if (file === undefined) continue;
        const isOwn = own.some((each) => path.resolve(each) === path.resolve(file));
        expect(!isOwn, flag, "a file other than the run's own", file);
        checkWritable(fromHere(file), `Choose another with ${flag}.`);
      }
      if (plot !== undefined) {
        expect(/\.svg$/i.test(plot), "--plot", "a file that ends in .svg", plot);
        const isSame = trajectory !== undefined && path.resolve(plot) === path.resolve(trajectory);
        expect(!isSame, "--plot", "a file other than that of --trajectory", plot);
      }
      const { name, environment } = await environmentFor(policy, nameOrPath, options, {
        stepTimeout: milliseconds(stepTimeout),
        onLine: printError,
      });
      const kept = { table: trajectory !== undefined, figure: plot !== undefined };
      const recorder = isWatched ? new Trajectory(environment, kept) : undefined;
      const rate = new Rate(() => performance.now());
      const total = beside === undefined ? episodes : 2 * episodes;
      const progress: Progress = new Progress(stderr, total, stderr.isTTY, () => [
        `${whole(progress.done)}/${whole(total)} episodes`,
        `${whole(rate.at(progress.done))} episodes/s`,
      ]);
      try {
        const timeout = milliseconds(stepTimeout);
        const measured = await closing(name, [environment], () =>
          guarded(
            () => `${name} evaluation episode ${(progress.done % episodes) + 1}`,
            async () => {
              // A module that cannot be loaded is reported before anything is evaluated.
              const other = beside === undefined ? undefined : await loadController(beside, environment);
              const own = await evaluate(policy, recorder ?? environment, {
                ...{ episodes, name, stepTimeout: timeout },
                onEpisode: (done) => progress.advance(done),
              });
              other?.reset();
              const others =
                other &&
                (await evaluate(other, environment, {
                  ...{ episodes, name, stepTimeout: timeout },
                  onEpisode: (done) => {
                    progress.advance(episodes + done);
                    other.reset();
                  },
                }));
              return { own, others };
            },
          ),
        );
        const { meanReturn, standardError, meanLength, info } = measured.own;
        const comparison = measured.others && compared(measured.own, measured.others);
        progress.stop();
        if (recorder && trajectory !== undefined)
          writeFiles([[fromHere(trajectory), recorder.csv()]], "Choose another with --trajectory.");
        if (recorder && plot !== undefined) {
          // Loaded only here, because the plotting library takes long to load.
          const { trajectoryFigure } = await import("./report/trajectory-figure.ts");
          const title = `${name}, the first of the fixed starts`;
          writeFiles([[fromHere(plot), trajectoryFigure(recorder.first, title)]], "Choose another with --plot.");
        }
        if (json) {
          const printed = {
            environment: name,
            preset,
            seed,
            policy: which,
            steps,
            episodes,
            meanReturn,
            standardError,
            meanLength,
            ...(info && { info }),
            fingerprint,
            ...(comparison && { beside: { module: beside, ...comparison } }),
          };
          print(JSON.stringify(printed));
        } else {
          print([
            `return       ${plusMinus(meanReturn, standardError)}, mean ± standard error over ${count(episodes, "fixed start")}`,
            `length       ${plusMinus(meanLength, null)} steps`,
            ...infoLines(info, 13),
            ...(comparison
              ? [
                  `beside       ${plusMinus(comparison.meanReturn, comparison.standardError)}, ${beside} from the same starts`,
                  `difference   ${plusMinus(comparison.difference, comparison.differenceError)}, policy minus ${beside}; the policy has more from ${whole(comparison.higher)}, less from ${whole(comparison.lower)}`,
                ]
              : []),
            `environment  ${nameOrPath}`,
            `policy       ${which}: ${preset}, seed ${seed}, after ${whole(steps)} steps`,
            ...(warning ? [`${" ".repeat(13)}${warning}`] : []),
            `fingerprint  ${fingerprint}, at the end of the run`,
            ...(recorder && trajectory !== undefined
              ? [`trajectory   ${trajectory}: ${count(recorder.steps, "step")}`]
              : []),
            ...(plot === undefined
              ? []
              : [`plot         ${plot}${recorder?.first.isCut ? `: the first ${whole(maxDrawnSteps)} steps` : ""}`]),
          ]);
        }
      } finally {
        progress.stop();
      }
    });
}

/** What another one reached, and the difference from start to start. */
function compared(own: Evaluation, { meanReturn, standardError, meanLength, returns }: Evaluation) {
  const differences = own.returns.map((each, i) => each - returns[i]);
  const { mean: difference, error: differenceError } = meanAndError(differences);
  return {
    ...{ meanReturn, standardError, meanLength, difference, differenceError },
    higher: differences.filter((each) => each > 0).length,
    lower: differences.filter((each) => each < 0).length,
  };
}

/** The policy to evaluate, where it acts, how it was trained, and the files that must stay. */
async function sourceOf(run: string | undefined, flags: EvaluateFlags, options: OutsideOptions) {
  const { best, environment } = flags;
  const source = runOrTrained("evaluate", run, flags);
  if (typeof source !== "string") {
    const { file, task, preset, seed, step, fingerprint } = source;
    const { policy } = await readPolicyFile(file);
    const named = preset ?? environments[task].preset;
    const nameOrPath = environment ?? task;
    return {
      policy,
      which: "trained",
      nameOrPath,
      preset: named,
      seed,
      steps: step,
      fingerprint,
      warning: "",
      own: [file],
    };
  }
  const which = best ? "best" : "last";
  const config = readConfig(source);
  const result = readResult(source);
  expectOwnConfig(source, config);
  const steps = best && result.best ? result.best.step : result.steps;
  const policy = await readPolicy(source, which);
  const nameOrPath = environmentOf(source, config, { given: environment, options });
  const own = Object.values(files).map((name) => path.join(source, name));
  const { preset, seed } = config;
  return {
    policy,
    which,
    nameOrPath,
    preset,
    seed,
    steps,
    fingerprint: result.fingerprint,
    warning: warningOfBest(result),
    own,
  };
}
