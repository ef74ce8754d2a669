import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../base/expect.ts";
import type { Ddpg } from "../../ddpg/ddpg.ts";
import { ReplayMemoryError } from "../../ddpg/replay-buffer.ts";
import type { Environment } from "../../environment/environment.ts";
import { EnvironmentError } from "../../environment/environment-calls.ts";
import type { Checkpoint, RunConfig, RunResult } from "../../node.ts";
import { RunLoop } from "../../training/run-loop.ts";
import { guarded, rescuing } from "../environment/guard.ts";
import { report } from "../terminal/errors.ts";
import { exit, planExit } from "../terminal/exit.ts";
import { exitCodes, type Signal } from "../terminal/exit-codes.ts";
import type { ProgressState } from "../terminal/progress.ts";
import type { RunActors } from "./actors.ts";
import type { CheckpointClock } from "./checkpoints.ts";
import { type FinalEvaluations, planFinalEvaluation } from "./final-evaluation.ts";
import { RunDisplay } from "./run-display.ts";
import { RunRecords } from "./run-records.ts";
import { graceMs, StopSignals } from "./stop-signals.ts";

export interface RunTrainingOptions {
  agent: Ddpg;
  /** The environments to train on; none if the transitions come from `actors`. */
  environments: readonly Environment[];
  /** The environment to evaluate on. It must be another one, so that evaluations do not disturb training. */
  evaluationEnvironment: Environment;
  /** The environment's name in errors. */
  name: string;
  config: RunConfig;
  /** The actors whose transitions it learns from, instead of stepping environments. */
  actors?: RunActors | undefined;
  directory: string;
  checkpoints: CheckpointClock;
  /** The checkpoint to resume from, which the agent was loaded from. None for a new run. */
  checkpoint?: Checkpoint | undefined;
  /** The bytes of the policy that the actor started as. */
  start?: Uint8Array | undefined;
  /** Time limit in milliseconds for an answer of the environment. */
  stepTimeout?: number | undefined;
  /** Whether to show progress. */
  progress: boolean;
  /** Receives the progress. Nothing is then written to the standard output. */
  onProgress?: (state: ProgressState) => void;
  warn(warning: string): void;
}

/**
 * Trains, records, writes checkpoints, evaluates and prints the results. On a signal it writes a checkpoint, closes the
 * records and ends the process. The same signal again ends it at once.
 */
export async function runTraining(training: RunTrainingOptions): Promise<void> {
  const { agent, environments, evaluationEnvironment, name, config, checkpoints, checkpoint, stepTimeout } = training;
  const { actors } = training;
  const environment = environments.length === 1 ? environments[0] : environments;
  const loop = new RunLoop({
    ...{ agent, environment, evaluationEnvironment, name, stepTimeout, plan: config, saved: checkpoint },
    transitions: actors?.source,
    clock: () => performance.now(),
  });
  const firstStep = loop.step;
  const display = new RunDisplay(training, loop);
  const records = new RunRecords(training, loop);
  let hasFailed = false;

  if (actors) actors.onLine = (line) => display.note(line);
  const saveCheckpoint = (): void => {
    const before = records.savedStep;
    display.note(records.saveCheckpoint());
    if (records.savedStep !== before) actors?.checkpointed();
  };

  const close = (ending: Pick<RunResult, "interrupted" | "failed">, final?: FinalEvaluations): void => {
    actors?.sayRest();
    display.stop(loop.step > firstStep);
    if (records.close(ending, final) && !final) display.stopped(records.savedStep);
  };

  const leave = (signal: Signal): never => {
    let code: number = exitCodes[signal];
    try {
      try {
        loop.abandonStep();
      } finally {
        saveCheckpoint();
      }
      close({ interrupted: true });
    } catch (error) {
      code = report(error, false);
    }
    planExit(code);
    // They are asked to close, but not awaited.
    for (const each of [...environments, evaluationEnvironment]) {
      new Promise((resolve) => resolve(each.close?.())).catch(() => {});
    }
    exit(code);
  };
  const signals = new StopSignals({
    source: process,
    isStepping: () => loop.isStepping,
    leave,
    exit,
    setTimer: (callback, ms) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
  });

  const trainToTheEnd = async (): Promise<void> => {
    for await (const event of loop.events()) {
      // An error from elsewhere has already ended the run, without waiting for this step.
      if (records.isClosed) return;
      records.take(event);
      display.take(event);
      if (event.type === "failed") saveCheckpoint();
      if (event.type !== "ready" && event.type !== "ended") continue;
      if (loop.step === firstStep && !checkpoint) {
        await actors?.begin();
        if (records.isClosed) return;
      }
      const isStopping = event.type === "ended" || hasFailed || signals.received !== undefined;
      // A new run has a checkpoint from its start.
      if (loop.step === firstStep ? !checkpoint : isStopping || checkpoints.isDue(loop.step)) saveCheckpoint();
      actors?.ready();
      signals.stepEnded();
      if (hasFailed) return;
    }
    actors?.end();
  };
  const work = async (): Promise<FinalEvaluations> => {
    records.open();
    await trainToTheEnd();
    const { evaluation } = config;
    // A run that was resumed after its last step has not measured any.
    if (loop.secondsPerEpisode === undefined && evaluation.fewerIfSlow)
      await loop.evaluate(Math.min(evaluation.episodes, evaluation.finalEpisodes));
    const { secondsPerEpisode = 0, seconds: trainingSeconds } = loop;
    const policies = loop.hasOtherBest ? 2 : 1;
    const { episodes, notice } = planFinalEvaluation(evaluation, { trainingSeconds, secondsPerEpisode }, policies);
    display.note(notice);
    const advance = display.startFinalEvaluation(policies * episodes);
    const last = await loop.evaluate(episodes, advance);
    const best = await loop.evaluateBest(episodes, (done) => advance(episodes + done));
    return { last, best: best ?? last };
  };

  /** Saves and closes what can be saved and closed without waiting. The error is the one to report. */
  const fail = (error: unknown): void => {
    hasFailed = true;
    signals.ignore();
    try {
      if (error instanceof EnvironmentError || error instanceof ReplayMemoryError) {
        try {
          loop.abandonStep();
        } finally {
          saveCheckpoint();
        }
      }
    } catch {
      // What the environment itself could not save is not saved.
    }
    try {
      close({ failed: messageOf(error) });
    } catch {
      // Neither is what cannot be written.
    }
  };
  let first: { error: unknown } | undefined;
  const rescued = rescuing((error) => {
    first ??= { error };
    fail(first.error);
    return first.error;
  });

  const working = work();
  try {
    const final = await guarded(
      () => `${name} ${loop.place}`,
      () => working,
    );
    display.stop(false);
    close({}, final);
    display.conclude(final);
  } catch (error) {
    first = { error };
    hasFailed = true;
    signals.ignore();
    // After an error from elsewhere, a step in progress gets some time to finish.
    await Promise.race([working.catch(() => {}), delay(graceMs)]);
    fail(error);
    throw error;
  } finally {
    rescued();
    signals.close();
  }
}
