import type { Command } from "commander";
import { InputError } from "../base/expect.ts";
import type { OutsideOptions } from "../node/outside/options.ts";
import { expectOwnConfig } from "../node/same-run.ts";
import { readConfig, readPolicy, readResult } from "../node.ts";
import { evaluate } from "../training/evaluate.ts";
import { environmentFor, environmentHelp, environmentOf, moduleHelp } from "./environment/environments.ts";
import { closing, guarded } from "./environment/guard.ts";
import { warningOfBest } from "./terminal/best.ts";
import { infoLines, plusMinus, whole } from "./terminal/numbers.ts";
import { milliseconds, someNumber, stepTimeoutHelp, wholeNumber } from "./terminal/options.ts";
import { print, printError, stderr } from "./terminal/output.ts";
import { addOutsideOptions, chosenOutsideOptions } from "./terminal/outside-options.ts";
import { Progress, Rate } from "./terminal/progress.ts";

interface EvaluateFlags extends OutsideOptions {
  episodes: number;
  environment?: string;
  best?: true;
  last?: true;
  stepTimeout?: number;
  json?: boolean;
}

export function addEvaluateCommand(program: Command): void {
  const command = program
    .command("evaluate")
    .argument("<run>", "a run's directory")
    .summary("evaluate a run's policy from fixed starts")
    .description("Evaluates a run's policy, without noise, from fixed starts.")
    .option("--episodes <n>", "number of starts; the same ones in every evaluation", wholeNumber("--episodes", 1), 1000)
    .option("--environment <path>", environmentHelp)
    .option("--best", "the policy of the best evaluation during training")
    .option("--last", "the final policy [default]")
    .option("--step-timeout <s>", stepTimeoutHelp, someNumber("--step-timeout", "a number above 0"))
    .option("--json", "print one JSON object");
  addOutsideOptions(command);
  command.addHelpText("after", moduleHelp).action(async (run: string, flags: EvaluateFlags) => {
    const { episodes, best, last, stepTimeout, json = false } = flags;
    if (best && last) throw new InputError({ where: "evaluate", expected: "--best or --last", got: "both" });
    const which = best ? "best" : "last";
    const config = readConfig(run);
    const result = readResult(run);
    expectOwnConfig(run, config);
    const { fingerprint } = result;
    const steps = best && result.best ? result.best.step : result.steps;
    const policy = await readPolicy(run, which);
    const options = chosenOutsideOptions(flags);
    const nameOrPath = environmentOf(run, config, { given: flags.environment, options });
    const context = { stepTimeout: milliseconds(stepTimeout), onLine: printError };
    const { name, environment } = await environmentFor(policy, nameOrPath, options, context);
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
            evaluate(policy, environment, {
              episodes,
              name,
              stepTimeout: milliseconds(stepTimeout),
              onEpisode: (done) => progress.advance(done),
            }),
        ),
      );
      progress.stop();
      const warning = warningOfBest(result);
      if (json) {
        const { preset, seed } = config;
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
          `return       ${plusMinus(meanReturn, standardError)}, mean ± standard error over ${whole(episodes)} fixed starts`,
          `length       ${plusMinus(meanLength, null)} steps`,
          ...infoLines(info, 13),
          `environment  ${nameOrPath}`,
          `policy       ${which === "best" ? "best" : "last"}: ${config.preset}, seed ${config.seed}, after ${whole(steps)} steps`,
          ...(warning ? [`${" ".repeat(13)}${warning}`] : []),
          `fingerprint  ${fingerprint}, at the end of the run`,
        ]);
      }
    } finally {
      progress.stop();
    }
  });
}
