// The options and the evaluations that a run has, whichever command starts it.
import { Option } from "commander";
import { customDefaults } from "../../tasks.ts";
import type { RunConfig } from "../../training/run.ts";
import { whole } from "../terminal/numbers.ts";
import { presetName, someNumber, stepTimeoutHelp, wholeNumber } from "../terminal/options.ts";

export const runOptions = {
  steps: (what: string) =>
    new Option("--steps <n>", `${what} [the environment's; ${whole(customDefaults.steps)} for your own]`).argParser(
      wholeNumber("--steps", 1),
    ),
  preset: () =>
    new Option(
      "--preset <name>",
      `settings to start from [the environment's; ${customDefaults.preset} for your own]`,
    ).argParser(presetName),
  episodes: (what: string) =>
    new Option("--episodes <n>", `fixed starts of ${what} [1000; fewer for your own if slow]`).argParser(
      wholeNumber("--episodes", 1),
    ),
  evaluateEvery: () =>
    new Option("--evaluate-every <n>", "steps between evaluations for the curve [a tenth of the steps]").argParser(
      wholeNumber("--evaluate-every", 1),
    ),
  evaluateEpisodes: () =>
    new Option("--evaluate-episodes <n>", "fixed starts of each of them [10]").argParser(
      wholeNumber("--evaluate-episodes", 1),
    ),
  checkSteps: () =>
    new Option(
      "--check-steps <n>",
      "random steps in each of the two passes that check your own environment; 0 leaves the check out [1000]",
    ).argParser(wholeNumber("--check-steps", 0)),
  stepTimeout: () =>
    new Option("--step-timeout <s>", stepTimeoutHelp).argParser(someNumber("--step-timeout", "a number above 0")),
};

/** The evaluations of a run, by its flags, or else as an earlier run has them. `isOwn`: the environment is not of the package. */
export function evaluationPlan(
  flags: { evaluateEvery?: number; evaluateEpisodes?: number; episodes?: number },
  steps: number,
  isOwn: boolean,
  earlier?: RunConfig["evaluation"],
): RunConfig["evaluation"] {
  const mayBeFewer = flags.episodes === undefined && (earlier ? earlier.fewerIfSlow : isOwn);
  return {
    every: flags.evaluateEvery ?? earlier?.every ?? Math.max(1, Math.round(steps / 10)),
    episodes: flags.evaluateEpisodes ?? earlier?.episodes ?? 10,
    finalEpisodes: flags.episodes ?? earlier?.finalEpisodes ?? 1000,
    ...(mayBeFewer && { fewerIfSlow: true }),
  };
}
