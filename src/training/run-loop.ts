// A run: training, its evaluations and its records. The command line and the page drive the same loop, so the decisions
// made here are made nowhere else: when to evaluate, what a record holds, what is best, when a run ends.
import type { Safetensors } from "../base/safetensors.ts";
import type { Ddpg } from "../ddpg/ddpg.ts";
import { type TrainingStep, train } from "../ddpg/train.ts";
import type { Environment } from "../environment/environment.ts";
import { type Evaluation, evaluateAgent } from "./evaluate.ts";
import { DiagnosticsMeans, type DiagnosticsRecord, type EvaluationRecord, type MetricsRecord } from "./metrics.ts";
import type { BestEvaluation, RunConfig } from "./run.ts";
import { Stopwatch } from "./stopwatch.ts";

/** How many diagnostics records a run has, as planned at its start. */
const diagnosticsRecords = 100;

/** How long a run trains, and how often it is evaluated. */
export interface RunPlan extends Pick<RunConfig, "steps" | "untilReturn"> {
  evaluation: Pick<RunConfig["evaluation"], "every" | "episodes">;
}

export interface RunLoopOptions {
  agent: Ddpg;
  /** The environment to train on. */
  environment: Environment;
  /**
   * The environment to evaluate on. It may be the one to train on; if that has no `save` and `restore`, an evaluation
   * that is due waits for the end of the episode.
   */
  evaluationEnvironment: Environment;
  /** What errors call the environment. */
  name: string;
  /** Milliseconds that an answer of the environment, where it is a promise, may take; no limit unless given. */
  stepTimeout?: number | undefined;
  plan: RunPlan;
  /** Whether a new run is evaluated before its first step. Yes unless given. */
  evaluatesUntrained?: boolean;
  /** Milliseconds since any fixed moment, such as `performance.now`. */
  clock: () => number;
  /** What `save` returned, to resume a run. Its agent must be loaded from the same checkpoint. */
  saved?: SavedRun | undefined;
}

/** What a checkpoint says about a run in words and numbers. */
export interface RunState {
  /** Time spent on training. */
  seconds: number;
  /** Steps between two diagnostics records. */
  diagnosticsEvery: number;
  /** The last evaluation. */
  evaluation: { step: number; meanReturn: number };
  /** The best evaluation so far. */
  best: BestEvaluation;
}

/** Everything that a run's next events depend on, beside its agent. */
export interface SavedRun {
  /** What the loop itself keeps. */
  state: RunState;
  /** `DiagnosticsMeans.save()`. */
  means: Float64Array;
  /** The policy of the best evaluation: `Policy.contents()`. */
  bestPolicy: Safetensors;
}

export type RunLoopEvent =
  /** Between two steps, with everything recorded: the moment to save, to wait or to leave. Asking for the next event takes a step. */
  | { type: "ready" }
  /** A step was taken; its records follow. The object is reused by the next step. */
  | { type: "step"; step: TrainingStep }
  /** The agent's policy is the best so far. The record of its evaluation follows. */
  | { type: "best"; evaluation: BestEvaluation }
  /** A line of the run's records. */
  | { type: "record"; record: MetricsRecord }
  /** An evaluation failed. This is the last moment to save: asking for the next event throws the error. */
  | { type: "failed"; error: unknown }
  /** The run has reached its plan's end. Asking for the next event ends the loop, unless `extend` was called. */
  | { type: "ended"; reason: "steps" | "return" };

/** One run of one agent. Iterate over `events`, once; `break` leaves the run where it is. */
export class RunLoop {
  readonly #options: RunLoopOptions;
  readonly #agent: Ddpg;
  readonly #stopwatch: Stopwatch;
  readonly #means: DiagnosticsMeans;
  readonly #diagnosticsEvery: number;
  #plan: RunPlan;
  #step: number;
  /** Where the episode in progress began: its number, and the steps before it. */
  #episode: { number: number; start: number };
  #evaluation: RunState["evaluation"] | undefined;
  #best: { evaluation: BestEvaluation; policy: Safetensors } | undefined;
  /** While it takes a step, the agent is between two states and cannot be saved. */
  #activity: "waiting" | "stepping" | "evaluating" = "waiting";

  constructor(options: RunLoopOptions) {
    const { agent, plan, clock, saved } = options;
    this.#options = options;
    this.#agent = agent;
    this.#plan = plan;
    // `train` continues the agent's counts.
    const { step = 0, episode = 1, length = 0 } = agent.loop ?? {};
    this.#step = step;
    this.#episode = { number: episode, start: step - length };
    this.#stopwatch = new Stopwatch(clock, saved?.state.seconds);
    this.#means = new DiagnosticsMeans(agent.units.actionSize);
    this.#diagnosticsEvery = saved?.state.diagnosticsEvery ?? Math.max(1, Math.floor(plan.steps / diagnosticsRecords));
    if (!saved) return;
    this.#means.restore(saved.means);
    this.#evaluation = saved.state.evaluation;
    this.#best = { evaluation: saved.state.best, policy: saved.bestPolicy };
  }

  /** Steps taken and reported. */
  get step(): number {
    return this.#step;
  }

  /** Time spent on training: while the loop is `ready`, and during evaluations, it stands still. */
  get ms(): number {
    return this.#stopwatch.ms;
  }

  /** The same, to the millisecond. */
  get seconds(): number {
    return this.#stopwatch.seconds;
  }

  get best(): BestEvaluation | undefined {
    return this.#best?.evaluation;
  }

  /** Whether a step is in progress. */
  get isStepping(): boolean {
    return this.#activity === "stepping";
  }

  /** What the loop is doing, for the message of an error from outside of it. */
  get place(): string {
    const { number, start } = this.#episode;
    if (this.#activity === "evaluating") return `evaluation after step ${this.#step}`;
    return `episode ${number} step ${this.#step - start + 1}`;
  }

  /** Trains until the plan's end. A saved run repeats the evaluation that it missed, if any. */
  async *events(): AsyncGenerator<RunLoopEvent, void, void> {
    const { environment, name, stepTimeout, evaluatesUntrained = true } = this.#options;
    const steps = train(this.#agent, environment, { name, stepTimeout });
    try {
      if (this.#isEvaluationDue || (!this.#evaluation && evaluatesUntrained)) yield* this.#evaluateAndRecord();
      for (;;) {
        const reason = this.#endReason;
        yield reason ? { type: "ended", reason } : { type: "ready" };
        if (this.#endReason) return;
        this.#activity = "stepping";
        this.#stopwatch.start();
        const { value: step } = await steps.next();
        this.#activity = "waiting";
        this.#step = step.step;
        if (step.learned) this.#means.add(this.#agent.diagnostics);
        yield { type: "step", step };
        if (step.episode) yield { type: "record", record: this.#episodeRecord(step, step.episode) };
        if (this.#means.count > 0 && this.#step % this.#diagnosticsEvery === 0)
          yield { type: "record", record: this.#means.take(this.#step, this.#agent.updates) };
        if (this.#isEvaluationDue && this.#freeEnvironment()) yield* this.#evaluateAndRecord();
        this.#stopwatch.stop();
      }
    } finally {
      this.#activity = "waiting";
      this.#stopwatch.stop();
      await steps.return(undefined as never);
    }
  }

  /** Runs noise-free episodes on the evaluation environment, without a record. */
  async evaluate(episodes: number, onEpisode?: (done: number) => void): Promise<Evaluation> {
    const { evaluationEnvironment, name, stepTimeout } = this.#options;
    this.#activity = "evaluating";
    const evaluation = await evaluateAgent(this.#agent, evaluationEnvironment, {
      ...{ episodes, name, stepTimeout },
      ...(onEpisode && { onEpisode }),
    });
    this.#activity = "waiting";
    return evaluation;
  }

  /** Moves the end of the run by `steps`; a return to reach no longer ends it. */
  extend(steps: number): void {
    const { untilReturn, ...plan } = this.#plan;
    this.#plan = { ...plan, steps: plan.steps + steps };
  }

  /** The diagnostics since the last record, for a run that stops here; null if there are none. */
  takeDiagnostics(): DiagnosticsRecord | null {
    return this.#means.count > 0 ? this.#means.take(this.#step, this.#agent.updates) : null;
  }

  /** Gives up the step in progress, together with its episode: the agent can then be saved as after the last full step. */
  abandonStep(): void {
    if (this.#activity !== "stepping") return;
    this.#leaveEpisode();
    this.#stopwatch.stop();
    this.#activity = "waiting";
  }

  /** Gives up the episode in progress. It starts over with the next step. */
  #leaveEpisode(): void {
    this.#agent.endEpisode();
    this.#agent.loop?.leave();
    this.#episode.start = this.#step;
  }

  /** Whether the evaluation environment can be evaluated on now. At the run's end it gives up the episode for that. */
  #freeEnvironment(): boolean {
    const { environment, evaluationEnvironment } = this.#options;
    if (environment !== evaluationEnvironment || this.#agent.loop?.isLendable) return true;
    if (this.#step < this.#plan.steps) return false;
    this.#leaveEpisode();
    return true;
  }

  /** What a checkpoint needs beside the agent; null before the first evaluation. */
  save(): SavedRun | null {
    if (!this.#evaluation || !this.#best) return null;
    const { evaluation: best, policy: bestPolicy } = this.#best;
    const { seconds } = this.#stopwatch;
    const state = { seconds, diagnosticsEvery: this.#diagnosticsEvery, evaluation: this.#evaluation, best };
    return { state, means: this.#means.save(), bestPolicy };
  }

  get #endReason(): "steps" | "return" | undefined {
    const { steps, untilReturn } = this.#plan;
    if (this.#step >= steps) return "steps";
    if (untilReturn === undefined || this.#step === 0 || this.#evaluation?.step !== this.#step) return undefined;
    return this.#evaluation.meanReturn >= untilReturn ? "return" : undefined;
  }

  get #isEvaluationDue(): boolean {
    const { steps, evaluation } = this.#plan;
    const last = this.#evaluation?.step ?? 0;
    // A multiple of `every` was reached since the last one, which may have waited for the end of an episode.
    const isDue = Math.floor(this.#step / evaluation.every) > Math.floor(last / evaluation.every);
    return (isDue || (this.#step > 0 && this.#step >= steps)) && this.#evaluation?.step !== this.#step;
  }

  #episodeRecord({ step }: TrainingStep, episode: NonNullable<TrainingStep["episode"]>): MetricsRecord {
    const { number, return: episodeReturn, length, terminated } = episode;
    this.#episode = { number: number + 1, start: step };
    const { seconds } = this.#stopwatch;
    return { type: "episode", step, episode: number, return: episodeReturn, length, terminated, seconds };
  }

  async *#evaluateAndRecord(): AsyncGenerator<RunLoopEvent, void, void> {
    this.#stopwatch.stop();
    const step = this.#step;
    const { episodes } = this.#plan.evaluation;
    let result: Evaluation;
    try {
      result = await this.evaluate(episodes);
    } catch (error) {
      yield { type: "failed", error };
      throw error;
    }
    const { meanReturn, standardError, meanLength, valueBias = 0 } = result;
    this.#evaluation = { step, meanReturn };
    if (!this.#best || meanReturn > this.#best.evaluation.meanReturn) {
      const best = { step, meanReturn, standardError: Number.isNaN(standardError) ? null : standardError, episodes };
      this.#best = { evaluation: best, policy: this.#agent.policy.contents() };
      yield { type: "best", evaluation: best };
    }
    const { seconds } = this.#stopwatch;
    const record: EvaluationRecord = {
      ...{ type: "evaluation", step, episodes, meanReturn, standardError, meanLength, valueBias, seconds },
    };
    yield { type: "record", record };
  }
}
