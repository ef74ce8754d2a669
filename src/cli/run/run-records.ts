import { messageOf } from "../../base/expect.ts";
import { saveAgent } from "../../ddpg/agent-state.ts";
import { RunDirectory } from "../../node/run-directory.ts";
import type { RunResult } from "../../node.ts";
import type { Evaluation } from "../../training/evaluate.ts";
import type { FinalEvaluation } from "../../training/run.ts";
import type { RunLoop, RunLoopEvent } from "../../training/run-loop.ts";
import type { FinalEvaluations } from "./final-evaluation.ts";
import type { RunTrainingOptions } from "./run-training.ts";

/** Writes a run's files: records and policies as the loop reports them, checkpoints, and the result at the end. */
export class RunRecords {
  readonly #training: RunTrainingOptions;
  readonly #loop: RunLoop;
  #run: RunDirectory | undefined;
  #savedStep: number | undefined;
  #isClosed = false;

  constructor(training: RunTrainingOptions, loop: RunLoop) {
    this.#training = training;
    this.#loop = loop;
  }

  /** The step of the last checkpoint that this process wrote. */
  get savedStep(): number | undefined {
    return this.#savedStep;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Opens the directory of a resumed run. The directory of a new run is created after its first evaluation, which may
   * fail.
   */
  open(): void {
    const { directory, config, checkpoint, warn } = this.#training;
    if (checkpoint) this.#run = RunDirectory.resume(directory, config, checkpoint, warn);
  }

  take(event: RunLoopEvent): void {
    if (event.type !== "record" && event.type !== "best") return;
    const { agent, directory, config, start } = this.#training;
    this.#run ??= RunDirectory.create(directory, config, start);
    if (event.type === "record") this.#run.append(event.record);
    else this.#run.writePolicy(agent.policy.save(), "best");
  }

  /** Writes a checkpoint unless there is one for this step. Returns a notice for the user, or "". */
  saveCheckpoint(): string {
    const { agent, config, checkpoints } = this.#training;
    const { step } = this.#loop;
    const saved = this.#loop.save();
    if (!this.#run || !saved || this.#savedStep === step) return "";
    const from = performance.now();
    this.#run.writeCheckpoint(saveAgent(agent), saved, config);
    this.#savedStep = step;
    return checkpoints.wrote((performance.now() - from) / 1000);
  }

  /**
   * Writes everything that is left, as far as possible, and throws the first error. Further calls do nothing. Returns
   * whether the run's directory exists now: a new run without any step leaves none, unless it has actors and a checkpoint,
   * because the channel on the server is then this run's, with all that they have sent.
   */
  close(ending: Pick<RunResult, "interrupted" | "failed">, final?: FinalEvaluations): boolean {
    const { agent, config, checkpoint, warn } = this.#training;
    const loop = this.#loop;
    const run = this.#isClosed ? undefined : this.#run;
    this.#isClosed = true;
    if (!run) return false;
    if (loop.step === 0 && !checkpoint && !(config.actors && this.#savedStep !== undefined)) {
      run.discard();
      return false;
    }
    const errors: unknown[] = [];
    const attempt = (action: () => void): void => {
      try {
        action();
      } catch (error) {
        errors.push(error);
      }
    };
    attempt(() => {
      const diagnostics = loop.takeDiagnostics();
      if (diagnostics) run.append(diagnostics);
      run.flush();
    });
    attempt(() => run.writePolicy(agent.policy.save(), "last"));
    attempt(() =>
      run.writeResult({
        environment: config.environment,
        preset: config.preset,
        seed: config.seed,
        steps: loop.step,
        trainingSeconds: loop.seconds,
        stepsPerSecond: Math.round(loop.step / loop.seconds),
        threads: agent.threads,
        evaluation: final ? recorded(final.last) : null,
        ...(loop.best && { best: loop.best }),
        ...(loop.best && final && { bestEvaluation: recorded(final.best) }),
        fingerprint: agent.fingerprint(),
        ...(errors.length > 0 && { failed: messageOf(errors[0]) }),
        ...ending,
      }),
    );
    attempt(() => run.close().forEach(warn));
    if (errors.length > 0) throw errors[0];
    return true;
  }
}

function recorded({ meanReturn, standardError, episodes, info }: Evaluation): FinalEvaluation {
  return { meanReturn, standardError, episodes, ...(info && { info }) };
}
