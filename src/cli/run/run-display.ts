import type { BestEvaluation } from "../../training/run.ts";
import type { RunLoop, RunLoopEvent } from "../../training/run-loop.ts";
import { warningOfBest } from "../terminal/best.ts";
import { duration, infoLines, plusMinus, short, whole } from "../terminal/numbers.ts";
import { inShell } from "../terminal/options.ts";
import { print, stdout } from "../terminal/output.ts";
import { Progress, Rate } from "../terminal/progress.ts";
import { resumeCommand } from "./actors.ts";
import type { FinalEvaluations } from "./final-evaluation.ts";
import type { RunTrainingOptions } from "./run-training.ts";

/**
 * Shows a run to the user: its progress, warnings, and how it ended. A child process only sends progress to its parent.
 */
export class RunDisplay {
  readonly #training: RunTrainingOptions;
  readonly #loop: RunLoop;
  readonly #isChild: boolean;
  #progress: Progress;
  #lastEpisode = "";
  #lastEvaluation = "";

  constructor(training: RunTrainingOptions, loop: RunLoop) {
    this.#training = training;
    this.#loop = loop;
    this.#isChild = training.onProgress !== undefined;
    const { steps } = training.config;
    const rate = new Rate(() => loop.ms, loop.step);
    this.#progress = new Progress(training.onProgress ?? stdout, steps, training.progress, () => {
      const perSecond = rate.at(loop.step);
      return [
        `${whole(perSecond)} steps/s`,
        perSecond > 0 && loop.step < steps ? `${duration((steps - loop.step) / perSecond)} left` : "",
        this.#lastEpisode,
        this.#lastEvaluation,
        `${whole(loop.step)}/${whole(steps)}`,
        ...(training.actors?.status(loop.step) ?? []),
      ].filter((part) => part !== "");
    });
    this.#progress.advance(loop.step);
  }

  take(event: RunLoopEvent): void {
    if (event.type === "step" && event.step.warnings.length > 0) {
      const { warnings } = event.step;
      this.#progress.interrupt(() => warnings.forEach(this.#training.warn));
    }
    if (event.type === "record" && event.record.type === "episode")
      this.#lastEpisode = `episode ${short(event.record.return)}`;
    if (event.type === "record" && event.record.type === "evaluation")
      this.#lastEvaluation = `evaluation ${short(event.record.meanReturn)}`;
    if (event.type === "ready" || event.type === "ended") this.#progress.advance(this.#loop.step);
  }

  /** Writes a line above the progress. */
  note(line: string): void {
    if (line !== "" && !this.#isChild) this.#progress.interrupt(() => print(line));
  }

  /** Ends the progress. Its last line stays if `keep` is set. */
  stop(keep: boolean): void {
    this.#progress.stop(keep);
  }

  /** Shows the final evaluation. Returns a function to call after each of its episodes. */
  startFinalEvaluation(episodes: number): (done: number) => void {
    const { onProgress, progress } = this.#training;
    const rate = new Rate(() => performance.now());
    const isShown = progress && (this.#isChild || stdout.isTTY);
    this.#progress.stop(true);
    this.#progress = new Progress(onProgress ?? stdout, episodes, isShown, () => [
      `evaluation  ${whole(this.#progress.done)}/${whole(episodes)} episodes`,
      `${whole(rate.at(this.#progress.done))} episodes/s`,
    ]);
    return (done) => this.#progress.advance(done);
  }

  /** Says that the run was stopped, and how to resume it after `savedStep`. */
  stopped(savedStep: number | undefined): void {
    if (this.#isChild) return;
    const { directory, config } = this.#training;
    print(`Ended after ${whole(this.#loop.step)} of ${whole(config.steps)} steps. The records are in ${directory}.`);
    if (savedStep === undefined) return;
    print(`Resume after step ${whole(savedStep)}: ${resumeCommand(directory, this.#training.actors?.address)}`);
  }

  /** Prints the results of a finished run. */
  conclude(final: FinalEvaluations): void {
    if (this.#isChild) return;
    const { agent, directory, progress } = this.#training;
    const { best, seconds, step } = this.#loop;
    const { meanReturn, standardError, episodes, info } = final.last;
    const warning = warningOfBest({ evaluation: final.last, bestEvaluation: final.best });
    const lines = [
      `return         ${plusMinus(meanReturn, standardError)}, mean ± standard error over ${whole(episodes)} fixed starts, of the last policy`,
      ...infoLines(info, 15),
      ...(best ? bestLines(best, final) : []),
      ...(warning ? [`${" ".repeat(15)}${warning}`] : []),
      `training       ${whole(step)} steps in ${duration(seconds)}, ${whole(step / seconds)} steps/s`,
      `fingerprint    ${agent.fingerprint()}`,
      `records        ${directory}`,
      `report         npx ddpg report ${inShell(directory)}`,
      `evaluate       npx ddpg evaluate ${inShell(directory)}`,
    ];
    if (progress) print("");
    print(lines);
  }
}

/** What the best policy achieved over the final starts, and why it is called the best. */
function bestLines(best: BestEvaluation, final: FinalEvaluations): string[] {
  const picked = `during training ${plusMinus(best.meanReturn, best.standardError)} over ${whole(best.episodes)}`;
  if (final.best === final.last) return [`best           the last policy, ${picked}`];
  const { meanReturn, standardError, info } = final.best;
  const mean = plusMinus(meanReturn, standardError);
  return [
    `best           ${mean} over the same starts, of the policy after ${whole(best.step)} steps, ${picked}`,
    ...infoLines(info, 15),
  ];
}
