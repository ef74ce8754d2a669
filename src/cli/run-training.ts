import type { Ddpg } from "../ddpg/ddpg.ts";
import type { Environment } from "../ddpg/environment.ts";
import { message } from "../ddpg/environment-calls.ts";
import { train } from "../ddpg/train.ts";
import { type RunConfig, RunDirectory, type RunResult } from "../node.ts";
import { type Evaluation, evaluate } from "../training/evaluate.ts";
import { DiagnosticsMeans, type EvaluationRecord } from "../training/metrics.ts";
import { report } from "./errors.ts";
import { guarded } from "./guard.ts";
import { inShell } from "./options.ts";
import { duration, Pace, plusMinus, Progress, type ProgressState, short, whole } from "./progress.ts";

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
  /** Whether to show how far it is. */
  progress: boolean;
  /** Gets that instead of the standard output, to which nothing is written then. */
  onProgress?: (state: ProgressState) => void;
  warn(warning: string): void;
}

/** As a shell says which signal ended a program. */
export const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** How many lines of diagnostics a run has. */
const diagnosticsLines = 100;

/** Trains, records, evaluates and says what came out. A signal closes the records and ends the process. */
export async function runTraining(training: Training): Promise<void> {
  const { agent, environment, name, config, directory, warn } = training;
  const { steps, evaluation: plan } = config;
  const silent = training.onProgress !== undefined;
  const means = new DiagnosticsMeans(agent.units.actionSize);
  const diagnosticsEvery = Math.max(1, Math.floor(steps / diagnosticsLines));
  let records: RunDirectory | undefined;
  let closed = false;
  let taken = 0;
  /** The last episode that ended, and when. */
  let ended = { number: 0, step: 0 };
  let evaluating = false;
  let lastEpisode = "";
  let lastEvaluation = "";
  let final: Evaluation | undefined;

  const pace = new Pace();
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

  const evaluateNow = async (): Promise<EvaluationRecord> => {
    pace.pause();
    const { episodes } = plan;
    evaluating = true;
    const { meanReturn, standardError, meanLength, valueBias = 0 } = await evaluateAgent(training, episodes);
    evaluating = false;
    lastEvaluation = `evaluation ${short(meanReturn)}`;
    const { seconds } = pace;
    return { type: "evaluation", step: taken, episodes, meanReturn, standardError, meanLength, valueBias, seconds };
  };

  /** Writes what is left to write, all that can be; the first error is thrown. Once. */
  const close = (ending: Pick<RunResult, "interrupted" | "failed">): void => {
    if (closed) return;
    closed = true;
    pace.pause();
    progress.stop(taken > 0);
    if (!records) return;
    if (taken === 0) {
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
    attempt(() => run.writePolicy(agent.policy.save()));
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
        fingerprint: agent.fingerprint(),
        ...(errors.length > 0 && { failed: message(errors[0]) }),
        ...ending,
      }),
    );
    attempt(() => run.close());
    if (errors.length > 0) throw errors[0];
    if (!final && !silent)
      console.log(`Ended after ${whole(taken)} of ${whole(steps)} steps. The records are in ${directory}.`);
  };

  const onSignal = (signal: keyof typeof exitCodes): never => {
    let code: number = exitCodes[signal];
    try {
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
  const signals = Object.keys(exitCodes) as (keyof typeof exitCodes)[];
  for (const signal of signals) process.on(signal, onSignal);
  const work = async (): Promise<Evaluation> => {
    // Before anything is written: an environment whose episodes never end is found out here.
    const untrained = await evaluateNow();
    records = RunDirectory.create(directory, config);
    records.append(untrained);
    pace.resume();
    for await (const { step, learned, episode, warnings } of train(agent, environment, { name })) {
      // After an error from elsewhere.
      if (closed) break;
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
      if (step % plan.every === 0 || step === steps) {
        records.append(await evaluateNow());
        pace.resume();
      }
      progress.advance(step);
      if (step === steps) break;
    }
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
  try {
    final = await guarded(where, work);
    close({});
  } catch (error) {
    try {
      close({ failed: message(error) });
    } catch {
      // The first error is the one to tell.
    }
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
  if (silent) return;
  if (training.progress) console.log();
  console.log(conclusion(final, pace.seconds, training));
}

function evaluateAgent(
  { agent, evaluationEnvironment, name }: Training,
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
    ...(onEpisode && { onEpisode }),
  });
}

function conclusion(
  { meanReturn, standardError, episodes }: Evaluation,
  seconds: number,
  { agent, config: { steps }, directory }: Training,
): string {
  return [
    `return         ${plusMinus(meanReturn, standardError)}, mean ± standard error over ${whole(episodes)} fixed starts`,
    `training       ${whole(steps)} steps in ${duration(seconds)}, ${whole(steps / seconds)} steps/s`,
    `fingerprint    ${agent.fingerprint()}`,
    `records        ${directory}`,
    `look at it     npx ddpg report ${inShell(directory)}`,
    `               npx ddpg evaluate ${inShell(directory)}`,
  ].join("\n");
}
