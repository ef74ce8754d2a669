import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../base/expect.ts";
import { saveAgent } from "../../ddpg/agent-state.ts";
import type { Ddpg } from "../../ddpg/ddpg.ts";
import { train } from "../../ddpg/train.ts";
import type { Environment } from "../../environment/environment.ts";
import { EnvironmentError } from "../../environment/environment-calls.ts";
import { type Checkpoint, type RunConfig, RunDirectory, type RunResult, type RunState } from "../../node.ts";
import { type Evaluation, evaluate } from "../../training/evaluate.ts";
import { DiagnosticsMeans, type EvaluationRecord } from "../../training/metrics.ts";
import { guarded } from "../environment/guard.ts";
import { report } from "../terminal/errors.ts";
import { exitCodes, type Signal } from "../terminal/exit-codes.ts";
import { duration, plusMinus, short, whole } from "../terminal/numbers.ts";
import { inShell } from "../terminal/options.ts";
import { Pace, Progress, type ProgressState } from "../terminal/progress.ts";
import type { CheckpointClock } from "./checkpoints.ts";

export interface Training {
  agent: Ddpg;
  /** Trained on. */
  environment: Environment;
  /** Evaluated on: training must not notice. */
  evaluationEnvironment: Environment;
  /** What errors call it. */
  name: string;
  config: RunConfig;
  directory: string;
  checkpoints: CheckpointClock;
  /** Where it goes on; none for a new run. The agent is loaded from it already. */
  checkpoint?: Checkpoint | undefined;
  /** The policy's file that the actor began as. */
  start?: Uint8Array | undefined;
  /** Milliseconds that an answer of the environment may take. */
  stepTimeout?: number | undefined;
  /** Whether to show how far it is. */
  progress: boolean;
  /** Gets that instead of the standard output, to which nothing is written then. */
  onProgress?: (state: ProgressState) => void;
  warn(warning: string): void;
}

/** How many lines of diagnostics a run has. */
const diagnosticsLines = 100;

/** How long a step that is being made may take to its end when the run is to stop, in ms. */
const graceMs = 250;

/**
 * Trains, records, keeps checkpoints, evaluates and says what came out. A signal leaves a checkpoint, closes the records
 * and ends the process; the same signal again ends it at once.
 */
export async function runTraining(training: Training): Promise<void> {
  const { agent, environment, name, config, directory, checkpoints, checkpoint, warn } = training;
  const { steps, evaluation: plan, untilReturn } = config;
  const silent = training.onProgress !== undefined;
  const means = new DiagnosticsMeans(agent.units.actionSize);
  if (checkpoint) means.restore(checkpoint.means);
  const diagnosticsEvery = checkpoint?.state.diagnosticsEvery ?? Math.max(1, Math.floor(steps / diagnosticsLines));
  let records: RunDirectory | undefined;
  let closed = false;
  /** Steps that were taken and recorded. */
  let taken = checkpoint?.steps ?? 0;
  const begun = taken;
  /** The last episode that ended, and when. */
  let ended = { number: (agent.loop?.episode ?? 1) - 1, step: taken - (agent.loop?.length ?? 0) };
  let last = checkpoint?.state.evaluation;
  let best = checkpoint && { evaluation: checkpoint.state.best, policy: checkpoint.bestPolicy };
  /** Steps at the last checkpoint. */
  let saved = -1;
  let evaluating = false;
  /** Whether `train` is at work, so that the agent is between two states. */
  let stepping = false;
  let stopping: Signal | "error" | undefined;
  let lastEpisode = "";
  let lastEvaluation = "";
  let final: Evaluation | undefined;

  const pace = new Pace(checkpoint?.state.seconds, taken);
  let progress = new Progress(training.onProgress ?? process.stdout, steps, training.progress, () => {
    const rate = pace.rate(taken);
    return [
      `${whole(rate)} steps/s`,
      rate > 0 && taken < steps ? `${duration((steps - taken) / rate)} left` : "",
      lastEpisode,
      lastEvaluation,
      `${whole(taken)}/${whole(steps)}`,
    ].filter((part) => part !== "");
  });
  progress.advance(taken);

  const evaluateNow = async (): Promise<EvaluationRecord> => {
    pace.pause();
    const { episodes } = plan;
    evaluating = true;
    const { meanReturn, standardError, meanLength, valueBias = 0 } = await evaluateAgent(training, episodes);
    evaluating = false;
    lastEvaluation = `evaluation ${short(meanReturn)}`;
    last = { step: taken, meanReturn };
    if (!best || meanReturn > best.evaluation.meanReturn) {
      const error = Number.isNaN(standardError) ? null : standardError;
      best = {
        evaluation: { step: taken, meanReturn, standardError: error, episodes },
        policy: agent.policy.contents(),
      };
      records?.writePolicy(agent.policy.save(), "best");
    }
    const { seconds } = pace;
    return { type: "evaluation", step: taken, episodes, meanReturn, standardError, meanLength, valueBias, seconds };
  };

  const saveCheckpoint = (): void => {
    if (!records || !last || !best || saved === taken) return;
    pace.pause();
    const from = performance.now();
    const state: RunState = { seconds: pace.seconds, diagnosticsEvery, evaluation: last, best: best.evaluation };
    records.writeCheckpoint(saveAgent(agent), { state, means: means.save(), bestPolicy: best.policy }, config);
    saved = taken;
    const notice = checkpoints.wrote((performance.now() - from) / 1000);
    if (notice && !silent) progress.interrupt(() => console.log(notice));
    pace.resume();
  };

  /** Writes what is left to write, all that can be; the first error is thrown. Once. */
  const close = (ending: Pick<RunResult, "interrupted" | "failed">): void => {
    if (closed) return;
    closed = true;
    pace.pause();
    progress.stop(taken > begun);
    if (!records) return;
    if (taken === 0 && !checkpoint) {
      records.discard();
      return;
    }
    const run = records;
    const errors: unknown[] = [];
    const attempt = (action: () => void): void => {
      try {
        action();
      } catch (error) {
        errors.push(error);
      }
    };
    attempt(() => {
      if (means.updates > 0) run.append(means.take(taken));
      run.flush();
    });
    attempt(() => run.writePolicy(agent.policy.save(), "last"));
    attempt(() =>
      run.writeResult({
        environment: config.environment,
        preset: config.preset,
        seed: config.seed,
        steps: taken,
        trainingSeconds: pace.seconds,
        stepsPerSecond: Math.round(taken / pace.seconds),
        threads: agent.threads,
        evaluation: final
          ? { meanReturn: final.meanReturn, standardError: final.standardError, episodes: final.episodes }
          : null,
        ...(best && { best: best.evaluation }),
        fingerprint: agent.fingerprint(),
        ...(errors.length > 0 && { failed: messageOf(errors[0]) }),
        ...ending,
      }),
    );
    attempt(() => run.close());
    if (errors.length > 0) throw errors[0];
    if (final || silent) return;
    console.log(`Ended after ${whole(taken)} of ${whole(steps)} steps. The records are in ${directory}.`);
    if (saved >= 0) console.log(`Go on after step ${whole(saved)}: npx ddpg resume ${inShell(directory)}`);
  };

  /** The step that is being made will not come to its end: what came before it is kept, without its episode. */
  const giveUpStep = (): void => {
    if (!stepping) return;
    agent.endEpisode();
    agent.loop?.leave();
    stepping = false;
  };

  const leave = (signal: Signal): never => {
    let code: number = exitCodes[signal];
    try {
      giveUpStep();
      saveCheckpoint();
      close({ interrupted: true });
    } catch (error) {
      code = report(error, false);
    }
    // Told, but not waited for.
    for (const each of [environment, training.evaluationEnvironment]) {
      new Promise((resolve) => resolve(each.close?.())).catch(() => {});
    }
    process.exit(code);
  };
  const onSignal = (signal: Signal): void => {
    if (stopping === signal) process.exit(exitCodes[signal]);
    if (stopping) return;
    stopping = signal;
    if (stepping) setTimeout(leave, graceMs, signal);
    else leave(signal);
  };
  const signals = Object.keys(exitCodes) as Signal[];
  for (const signal of signals) process.on(signal, onSignal);

  const isAtEnd = (): boolean =>
    taken >= steps ||
    (untilReturn !== undefined && last?.step === taken && taken > 0 && last.meanReturn >= untilReturn);
  const evaluateIfDue = async (): Promise<void> => {
    const isDue = taken > 0 && (taken % plan.every === 0 || taken >= steps);
    if (!isDue || last?.step === taken) return;
    records?.append(await evaluateNow());
    pace.resume();
  };

  const trainToTheEnd = async (): Promise<void> => {
    stepping = true;
    for await (const { step, learned, episode, warnings } of train(agent, environment, training)) {
      // After an error from elsewhere that would not wait.
      if (closed || !records) return;
      stepping = false;
      taken = step;
      if (learned) means.add(agent.diagnostics);
      if (warnings.length > 0) progress.interrupt(() => warnings.forEach(warn));
      if (episode) {
        const { number, length, terminated } = episode;
        ended = { number, step };
        lastEpisode = `episode ${short(episode.return)}`;
        records.append({
          type: "episode",
          step,
          episode: number,
          return: episode.return,
          length,
          terminated,
          seconds: pace.seconds,
        });
      }
      if (means.updates > 0 && step % diagnosticsEvery === 0) records.append(means.take(step));
      try {
        await evaluateIfDue();
      } catch (error) {
        // Here, for outside of the loop the episode is over.
        saveCheckpoint();
        throw error;
      }
      progress.advance(step);
      const atEnd = isAtEnd();
      if (atEnd || stopping || checkpoints.isDue(step)) saveCheckpoint();
      if (stopping && stopping !== "error") leave(stopping);
      if (atEnd || stopping) return;
      stepping = true;
    }
  };

  const work = async (): Promise<Evaluation> => {
    if (checkpoint) records = RunDirectory.resume(directory, config, checkpoint);
    else {
      // Before anything is written: an environment whose episodes never end is found out here.
      const untrained = await evaluateNow();
      records = RunDirectory.create(directory, config, training.start);
      records.append(untrained);
      records.writePolicy(agent.policy.save(), "best");
      saveCheckpoint();
    }
    await evaluateIfDue();
    pace.resume();
    if (!isAtEnd()) await trainToTheEnd();
    pace.pause();
    progress.stop(true);

    const finalPace = new Pace();
    finalPace.resume();
    const drawn = training.progress && (silent || process.stdout.isTTY);
    progress = new Progress(training.onProgress ?? process.stdout, plan.finalEpisodes, drawn, () => [
      `evaluation  ${whole(progress.done)}/${whole(plan.finalEpisodes)} episodes`,
      `${whole(finalPace.rate(progress.done))} episodes/s`,
    ]);
    evaluating = true;
    const result = await evaluateAgent(training, plan.finalEpisodes, (done) => progress.advance(done));
    progress.stop();
    return result;
  };
  const where = (): string =>
    evaluating
      ? `${name} evaluation after step ${taken}`
      : `${name} episode ${ended.number + 1} step ${taken - ended.step + 1}`;
  const working = work();
  try {
    final = await guarded(where, () => working);
    close({});
  } catch (error) {
    try {
      // An error from elsewhere leaves the step that is being made some time to come to its end.
      stopping ??= "error";
      const isOver = await Promise.race([
        working.then(
          () => true,
          () => true,
        ),
        delay(graceMs),
      ]);
      if (error instanceof EnvironmentError) {
        if (!isOver) giveUpStep();
        saveCheckpoint();
      }
      close({ failed: messageOf(error) });
    } catch {
      // The first error is the one to tell.
    }
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
  if (silent) return;
  if (training.progress) console.log();
  console.log(conclusion(final, pace.seconds, taken, best?.evaluation, training));
}

function evaluateAgent(
  { agent, evaluationEnvironment, name, stepTimeout }: Training,
  episodes: number,
  onEpisode?: (done: number) => void,
): Promise<Evaluation> {
  const { discount, rewardScale } = agent.settings;
  return evaluate(agent, evaluationEnvironment, {
    episodes,
    value: (observation) => agent.value(observation),
    discount,
    rewardScale,
    name,
    stepTimeout,
    ...(onEpisode && { onEpisode }),
  });
}

function conclusion(
  { meanReturn, standardError, episodes }: Evaluation,
  seconds: number,
  steps: number,
  best: RunState["best"] | undefined,
  { agent, directory }: Training,
): string {
  return [
    `return         ${plusMinus(meanReturn, standardError)}, mean ± standard error over ${whole(episodes)} fixed starts`,
    ...(best
      ? [
          `best           ${plusMinus(best.meanReturn, best.standardError)} over ${whole(best.episodes)}, after ${whole(best.step)} steps`,
        ]
      : []),
    `training       ${whole(steps)} steps in ${duration(seconds)}, ${whole(steps / seconds)} steps/s`,
    `fingerprint    ${agent.fingerprint()}`,
    `records        ${directory}`,
    `look at it     npx ddpg report ${inShell(directory)}`,
    `               npx ddpg evaluate ${inShell(directory)}`,
  ].join("\n");
}
