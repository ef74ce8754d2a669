// The loop of a run: training, evaluations and records. The command line and the web page drive the same loop, so these
// decisions are made only here: when to evaluate, what a record holds, which policy is best, when a run ends.
import { encodeSafetensors, type Safetensors } from "../base/safetensors.ts";
import type { Ddpg } from "../ddpg/ddpg.ts";
import { learnFrom, type TransitionSource } from "../ddpg/learn-from.ts";
import { Policy } from "../ddpg/policy.ts";
import { leaveEpisodes, type TrainingStep, train } from "../ddpg/train.ts";
import type { Environment } from "../environment/environment.ts";
import type { StreamState } from "./actors/stream-source.ts";
import { type Evaluation, type EvaluationOptions, evaluate, evaluateAgent } from "./evaluate.ts";
import { DiagnosticsMeans, type DiagnosticsRecord, type EvaluationRecord, type MetricsRecord } from "./metrics.ts";
import type { BestEvaluation, RunConfig } from "./run.ts";
import { Stopwatch } from "./stopwatch.ts";

/** How many diagnostics records a run plans for when it starts. */
const diagnosticsRecords = 100;

/** How long a run trains, and how often it is evaluated. */
export interface RunPlan extends Pick<RunConfig, "steps" | "untilReturn"> {
  evaluation: Pick<RunConfig["evaluation"], "every" | "episodes">;
}

export interface RunLoopOptions {
  agent: Ddpg;
  /** The environment to train on, or several. Unused with `transitions`. */
  environment: Environment | readonly Environment[];
  /** The transitions to learn from, if the environments are stepped elsewhere. */
  transitions?: RunTransitions | undefined;
  /**
   * The environment to evaluate on. It may be the one to train on; if that has no `save` and `restore`, an evaluation
   * that is due waits for the end of the episode. If it is one of several, it ends the episodes of all.
   */
  evaluationEnvironment: Environment;
  /** The environment's name in errors. */
  name: string;
  /** Time limit in milliseconds for a promise that the environment returns. None by default. */
  stepTimeout?: number | undefined;
  plan: RunPlan;
  /** Whether a new run is evaluated before its first step. True by default. */
  evaluatesUntrained?: boolean;
  /** Milliseconds since any fixed moment, such as `performance.now`. */
  clock: () => number;
  /** The result of `save`, to resume a run. The agent must be loaded from the same checkpoint. */
  saved?: SavedRun | undefined;
}

/** Transitions of a run, whose place in them is saved. */
export interface RunTransitions extends TransitionSource {
  save(): StreamState;
}

/** The state of the loop in a checkpoint, except for arrays and the best policy. */
export interface RunState {
  /** Seconds spent on training. */
  seconds: number;
  /** Steps between two diagnostics records. */
  diagnosticsEvery: number;
  /** The last evaluation. */
  evaluation: { step: number; meanReturn: number };
  /** The best evaluation so far. */
  best: BestEvaluation;
  /** Where the run is in the transitions of its actors. Absent if it steps environments. */
  transitions?: StreamState;
}

/** Everything besides the agent that the rest of a run depends on. */
export interface SavedRun {
  /** The loop's own state. */
  state: RunState;
  /** `DiagnosticsMeans.save()`. */
  means: Float64Array;
  /** The policy of the best evaluation: `Policy.contents()`. */
  bestPolicy: Safetensors;
}

export type RunLoopEvent =
  /**
   * Between two steps, with everything recorded. This is the moment to save, pause or stop. Asking for the next event
   * takes a step.
   */
  | { type: "ready" }
  /** A step was taken; its records follow. The object is reused by the next step. */
  | { type: "step"; step: TrainingStep }
  /** The agent's policy is the best so far. The record of its evaluation follows. */
  | { type: "best"; evaluation: BestEvaluation }
  /** A line of the run's records. */
  | { type: "record"; record: MetricsRecord }
  /** An evaluation failed. This is the last chance to save: asking for the next event throws the error. */
  | { type: "failed"; error: unknown }
  /** The run has reached the end of its plan. Asking for the next event ends the loop, unless `extend` was called. */
  | { type: "ended"; reason: "steps" | "return" };

/** One run of one agent. Iterate over `events` once. `break` leaves the run in its current state. */
export class RunLoop {
  readonly #options: RunLoopOptions;
  readonly #agent: Ddpg;
  readonly #stopwatch: Stopwatch;
  readonly #means: DiagnosticsMeans;
  readonly #diagnosticsEvery: number;
  #plan: RunPlan;
  #step: number;
  /** The episode in progress: its number, and the steps taken before it. */
  #episode: { number: number; start: number };
  #evaluation: RunState["evaluation"] | undefined;
  #best: { evaluation: BestEvaluation; policy: Safetensors } | undefined;
  #secondsPerEpisode: number | undefined;
  /** During a step the agent is between two states and cannot be saved. */
  #activity: "waiting" | "stepping" | "evaluating" = "waiting";
  /** Whether a step was abandoned before its records, perhaps between two of its updates. */
  #isCut = false;

  constructor(options: RunLoopOptions) {
    const { agent, plan, clock, saved } = options;
    this.#options = options;
    this.#agent = agent;
    this.#plan = plan;
    // `train` continues the agent's counts.
    const { step = 0, episodes = 0, length = 0 } = agent.loop ?? {};
    this.#step = step;
    this.#episode = { number: episodes + 1, start: step - length };
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

  /** Time spent on training. It stops while the loop is `ready` and during evaluations. */
  get ms(): number {
    return this.#stopwatch.ms;
  }

  /** The same in seconds, rounded to a millisecond. */
  get seconds(): number {
    return this.#stopwatch.seconds;
  }

  /** How long an episode of the last evaluation took. Undefined before the first one; a checkpoint does not have it. */
  get secondsPerEpisode(): number | undefined {
    return this.#secondsPerEpisode;
  }

  get best(): BestEvaluation | undefined {
    return this.#best?.evaluation;
  }

  /** Whether a step is in progress. */
  get isStepping(): boolean {
    return this.#activity === "stepping";
  }

  /** What the loop is doing, for the message of an error that comes from outside of it. */
  get place(): string {
    const { number, start } = this.#episode;
    if (this.#activity === "evaluating") return `evaluation after step ${this.#step}`;
    if (this.#options.transitions) return `step ${this.#step + 1}`;
    if (Array.isArray(this.#options.environment)) return `step ${this.#step + 1}`;
    return `episode ${number} step ${this.#step - start + 1}`;
  }

  /** Trains until the end of the plan. A resumed run first repeats the evaluation that it missed, if any. */
  async *events(): AsyncGenerator<RunLoopEvent, void, void> {
    const { environment, transitions, name, stepTimeout, evaluatesUntrained = true } = this.#options;
    const steps = transitions
      ? learnFrom(this.#agent, transitions, { name })
      : train(this.#agent, environment, { name, stepTimeout });
    this.#agent.onUpdate = () => this.#means.add(this.#agent.diagnostics);
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
        yield { type: "step", step };
        if (step.episode) yield { type: "record", record: this.#episodeRecord(step, step.episode) };
        if (this.#means.count > 0 && this.#step % this.#diagnosticsEvery === 0)
          yield { type: "record", record: this.#means.take(this.#step, this.#agent.updates) };
        if (this.#isEvaluationDue && this.#freeEnvironment()) yield* this.#evaluateAndRecord();
        this.#stopwatch.stop();
      }
    } finally {
      this.#agent.onUpdate = null;
      this.#activity = "waiting";
      this.#stopwatch.stop();
      await steps.return(undefined as never);
    }
  }

  /** Runs noise-free episodes on the evaluation environment. Makes no record. */
  evaluate(episodes: number, onEpisode?: (done: number) => void): Promise<Evaluation> {
    const { evaluationEnvironment } = this.#options;
    return this.#evaluate(episodes, onEpisode, (options) => evaluateAgent(this.#agent, evaluationEnvironment, options));
  }

  /**
   * The same for the policy of the best evaluation. Undefined if that is the agent's own policy, or before the first
   * evaluation.
   */
  async evaluateBest(episodes: number, onEpisode?: (done: number) => void): Promise<Evaluation | undefined> {
    if (!this.#best || !this.hasOtherBest) return undefined;
    const policy = await Policy.load(encodeSafetensors(this.#best.policy));
    const { evaluationEnvironment } = this.#options;
    return this.#evaluate(episodes, onEpisode, (options) => evaluate(policy, evaluationEnvironment, options));
  }

  /** Whether the best policy is of an earlier step than the agent's. */
  get hasOtherBest(): boolean {
    return this.#best !== undefined && this.#best.evaluation.step !== this.#step;
  }

  async #evaluate(
    episodes: number,
    onEpisode: ((done: number) => void) | undefined,
    run: (options: EvaluationOptions) => Promise<Evaluation>,
  ): Promise<Evaluation> {
    const { name, stepTimeout, clock } = this.#options;
    this.#activity = "evaluating";
    const start = clock();
    const evaluation = await run({ ...{ episodes, name, stepTimeout }, ...(onEpisode && { onEpisode }) });
    this.#secondsPerEpisode = (clock() - start) / 1000 / episodes;
    this.#activity = "waiting";
    return evaluation;
  }

  /** Moves the end of the run by `steps`. From then on no return ends it early. */
  extend(steps: number): void {
    const { untilReturn, ...plan } = this.#plan;
    this.#plan = { ...plan, steps: plan.steps + steps };
  }

  /** The diagnostics since the last record, for a run that stops here; null if there are none. */
  takeDiagnostics(): DiagnosticsRecord | null {
    return this.#means.count > 0 ? this.#means.take(this.#step, this.#agent.updates) : null;
  }

  /**
   * Abandons the step in progress and its episode. The agent can then be saved as it was after the last complete step. With
   * transitions from elsewhere, episodes stay as they are.
   */
  abandonStep(): void {
    if (this.#activity !== "stepping") return;
    this.#stopwatch.stop();
    this.#activity = "waiting";
    if (this.#options.transitions) {
      const { isWaiting = false, step = this.#step } = this.#agent.loop ?? {};
      this.#isCut = isWaiting || step !== this.#step;
      return;
    }
    this.#leaveEpisode();
  }

  /** Gives up the episodes in progress, which start over with the next step. Throws if the goals of one fail, after that. */
  #leaveEpisode(): void {
    const bodies = (this.#agent.loop?.inUse ?? []).map(({ index }) => index);
    try {
      leaveEpisodes(this.#agent, bodies, () => this.#options.name);
    } finally {
      this.#agent.loop?.leave();
      this.#episode.start = this.#step;
    }
  }

  /**
   * Whether the evaluation environment can be evaluated on now. At the run's end it gives up the episode for that, and with
   * several environments always: their episodes hardly ever end together.
   */
  #freeEnvironment(): boolean {
    const { environment, evaluationEnvironment } = this.#options;
    const isOther =
      this.#options.transitions !== undefined || [environment].flat().every((each) => each !== evaluationEnvironment);
    if (isOther || this.#agent.loop?.isLendable) return true;
    const isSeveral = Array.isArray(environment) && environment.length > 1;
    if (this.#step < this.#plan.steps && !isSeveral) return false;
    this.#leaveEpisode();
    return true;
  }

  /**
   * What a checkpoint needs besides the agent. Null before the first evaluation, and after the step of a transition from
   * elsewhere was cut: the last checkpoint is then the state to continue from, with the same bits.
   */
  save(): SavedRun | null {
    if (!this.#evaluation || !this.#best || this.#isCut) return null;
    const { evaluation: best, policy: bestPolicy } = this.#best;
    const { seconds } = this.#stopwatch;
    const { transitions } = this.#options;
    const state = {
      ...{ seconds, diagnosticsEvery: this.#diagnosticsEvery, evaluation: this.#evaluation, best },
      ...(transitions && { transitions: transitions.save() }),
    };
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
    const { number, return: episodeReturn, length, terminated, info } = episode;
    this.#episode = { number: number + 1, start: step };
    const { seconds } = this.#stopwatch;
    return {
      ...{ type: "episode", step, episode: number, return: episodeReturn, length, terminated, seconds },
      ...(info && { info }),
    };
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
    const { meanReturn, standardError, meanLength, valueBias = 0, info } = result;
    this.#evaluation = { step, meanReturn };
    if (!this.#best || meanReturn > this.#best.evaluation.meanReturn) {
      const best = { step, meanReturn, standardError: Number.isNaN(standardError) ? null : standardError, episodes };
      this.#best = { evaluation: best, policy: this.#agent.policy.contents() };
      yield { type: "best", evaluation: best };
    }
    const { seconds } = this.#stopwatch;
    const record: EvaluationRecord = {
      ...{ type: "evaluation", step, episodes, meanReturn, standardError, meanLength, valueBias, seconds },
      ...(info && { info }),
    };
    yield { type: "record", record };
  }
}
