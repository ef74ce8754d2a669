import * as path from "node:path";
import type { Command } from "commander";
import { expect, InputError } from "../base/expect.ts";
import type { OutsideOptions } from "../node/outside/options.ts";
import { files } from "../node/run-files.ts";
import { expectOwnConfig } from "../node/same-run.ts";
import { fromHere } from "../node/starting-folder.ts";
import { readConfig, readPolicy, readPolicyFile, readResult } from "../node.ts";
import { environments } from "../tasks.ts";
import { evaluate } from "../training/evaluate.ts";
import { environmentFor, environmentHelp, environmentOf, moduleHelp } from "./environment/environments.ts";
import { closing, guarded } from "./environment/guard.ts";
import { runOrTrained, trainedHelp } from "./terminal/trained.ts";
import { Trajectory } from "./environment/trajectory.ts";
import { warningOfBest } from "./terminal/best.ts";
import { count, infoLines, plusMinus, whole } from "./terminal/numbers.ts";
import { milliseconds, someNumber, stepTimeoutHelp, wholeNumber } from "./terminal/options.ts";
import { print, printError, stderr } from "./terminal/output.ts";
import { addOutsideOptions, chosenOutsideOptions } from "./terminal/outside-options.ts";
import { Progress, Rate } from "./terminal/progress.ts";
import { checkWritable, writeFiles } from "./terminal/write-files.ts";

const hint = "Choose another with --trajectory.";

interface EvaluateFlags extends OutsideOptions {
  trained?: string;
  episodes?: number;
  environment?: string;
  best?: true;
  last?: true;
  stepTimeout?: number;
  trajectory?: string;
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
      "number of starts; the same ones in every evaluation [1000; 1 with --trajectory]",
      wholeNumber("--episodes", 1),
    )
    .option("--environment <path>", environmentHelp)
    .option("--best", "the policy of the best evaluation during training")
    .option("--last", "the final policy [default]")
    .option("--step-timeout <s>", stepTimeoutHelp, someNumber("--step-timeout", "a number above 0"))
    .option("--trajectory <file>", "also write every step as a CSV table")
    .option("--json", "print one JSON object");
  addOutsideOptions(command);
  command
    .addHelpText(
      "after",
      `
The table of --trajectory has a row for each step: episode, step, time (in seconds; only of an environment that can be drawn),
the observation, the action that it led to, and the reward of that step. The last row of an episode is its last observation.

Example:
  ddpg evaluate runs/first --trajectory steps.csv --episodes 3
${moduleHelp}`,
    )
    .action(async (run: string | undefined, flags: EvaluateFlags) => {
      const { best, last, stepTimeout, trajectory, json = false } = flags;
      const { episodes = trajectory === undefined ? 1000 : 1 } = flags;
      if (best && last) throw new InputError({ where: "evaluate", expected: "--best or --last", got: "both" });
      const options = chosenOutsideOptions(flags);
      const { policy, which, nameOrPath, preset, seed, steps, fingerprint, warning, own } = await sourceOf(
        run,
        flags,
        options,
      );
      if (trajectory !== undefined) {
        const isOwn = own.some((each) => path.resolve(each) === path.resolve(trajectory));
        expect(!isOwn, "--trajectory", "a file other than the run's own", trajectory);
        checkWritable(fromHere(trajectory), hint);
      }
      const { name, environment } = await environmentFor(policy, nameOrPath, options, {
        stepTimeout: milliseconds(stepTimeout),
        onLine: printError,
      });
      const recorder = trajectory === undefined ? undefined : new Trajectory(environment);
      const rate = new Rate(() => performance.now());
      const progress: Progress = new Progress(stderr, episodes, stderr.isTTY, () => [
        `${whole(progress.done)}/${whole(episodes)} episodes`,
        `${whole(rate.at(progress.done))} episodes/s`,
      ]);
      try {
        const { meanReturn, standardError, meanLength, info } = await closing(name, [environment], () =>
          guarded(
            () => `${name} evaluation episode ${progress.done + 1}`,
            () =>
              evaluate(policy, recorder ?? environment, {
                episodes,
                name,
                stepTimeout: milliseconds(stepTimeout),
                onEpisode: (done) => progress.advance(done),
              }),
          ),
        );
        progress.stop();
        if (recorder && trajectory !== undefined) writeFiles([[fromHere(trajectory), recorder.csv()]], hint);
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
          };
          print(JSON.stringify(printed));
        } else {
          print([
            `return       ${plusMinus(meanReturn, standardError)}, mean ± standard error over ${count(episodes, "fixed start")}`,
            `length       ${plusMinus(meanLength, null)} steps`,
            ...infoLines(info, 13),
            `environment  ${nameOrPath}`,
            `policy       ${which}: ${preset}, seed ${seed}, after ${whole(steps)} steps`,
            ...(warning ? [`${" ".repeat(13)}${warning}`] : []),
            `fingerprint  ${fingerprint}, at the end of the run`,
            ...(recorder ? [`trajectory   ${trajectory}: ${count(recorder.steps, "step")}`] : []),
          ]);
        }
      } finally {
        progress.stop();
      }
    });
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
