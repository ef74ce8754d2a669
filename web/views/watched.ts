// The status of a run on disk in words, its counters, and its files.
import { printable } from "../../src/base/printable.ts";
import { environments } from "../../src/tasks.ts";
import type { MetricsRecord } from "../../src/training/metrics.ts";
import type { RunConfig, RunStatus } from "../../src/training/run.ts";
import { isSimulated, type Watched } from "../run-source.ts";
import { mapsOf, type Session } from "../session.ts";
import type { Store } from "../store.ts";
import { find, setText, short, whole } from "./text.ts";

const fileHelp: Readonly<Record<string, string>> = {
  "config.json": "the settings and the seed",
  "metrics.jsonl": "episodes, evaluations and diagnostics, one per line",
  "result.json": "the result",
  "policy.safetensors": "the policy at the end",
  "best.safetensors": "the policy of the best evaluation",
};

/** The parts that work from the start, even before the run's data arrives. */
export function watchedView(store: Store<Watched>): void {
  store.subscribe(({ run, config, status, isConnected, problem }, before) => {
    find("#lost").hidden = isConnected;
    const wrong = status?.problem || problem;
    find("#problem").hidden = wrong === "";
    setText(find("#problem-text"), wrong);
    if (config && config !== before.config) showConfig(run, config);
    if (status !== before.status && status) showFiles(status);
    const words = status ? inWords(status, config) : "";
    setText(find("#hint"), words);
    setText(find("#status"), words);
    // Tests and style sheets read these.
    Object.assign(document.documentElement.dataset, { connected: String(isConnected), phase: status?.phase ?? "" });
  });
}

/** The parts that need a run. */
export function watchedNumbersView(session: Session): void {
  session.store.subscribe((state) => {
    const { step, stepsPerSecond, episode, experiment, fingerprint } = state;
    const { records } = state.run;
    const hasValue = mapsOf(state)?.value !== null;
    find("#no-value").hidden = hasValue;
    find("#map-value").hidden = find("#legend-value").hidden = !hasValue;
    const returns = records.flatMap((record) => (record.type === "evaluation" ? [record.meanReturn] : []));
    document.documentElement.dataset.step = String(step);
    setText(find("#steps"), whole(step));
    setText(find("#rate"), stepsPerSecond > 0 ? whole(stepsPerSecond) : "–");
    setText(find("#episodes"), whole(episode));
    setText(find("#evaluation"), short(returns.at(-1) ?? Number.NaN));
    setText(find("#best"), short(returns.reduce((best, each) => Math.max(best, each), -Infinity)));
    showHealth(records, state.phase === "playing" ? (experiment.steps - step) / stepsPerSecond : Number.NaN);
    find("#fingerprint-line").hidden = fingerprint === null;
    setText(find("#fingerprint"), fingerprint ?? "");
    const progress = find<HTMLProgressElement>("#progress");
    progress.max = experiment.steps;
    progress.value = Math.min(step, experiment.steps);
  });
}

/** The newest diagnostics, and the time until the end in s, if there is one. */
function showHealth(records: readonly MetricsRecord[], left: number): void {
  const diagnostics = records.findLast((record) => record.type === "diagnostics");
  const evaluation = records.findLast((record) => record.type === "evaluation");
  const saturation = diagnostics?.saturation ?? [];
  const mean = saturation.reduce((sum, each) => sum + each, 0) / saturation.length;
  setText(find("#left"), Number.isFinite(left) && left >= 0 ? time(left) : "–");
  setText(find("#critic-loss"), short(diagnostics?.criticLoss ?? Number.NaN));
  setText(find("#value-bias"), short(evaluation?.valueBias ?? Number.NaN));
  setText(find("#saturation"), Number.isFinite(mean) ? `${whole(100 * mean)} %` : "–");
}

/** A time in its two largest units. */
function time(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${whole(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

function showConfig(run: string, config: RunConfig): void {
  const { environment, preset, seed, steps, evaluation } = config;
  document.title = `${printable(run)} – ddpg watch`;
  setText(find("#run"), run);
  setText(find("#run-what"), `${environment}, preset ${preset}, seed ${seed}, ${whole(steps)} steps`);
  setText(
    find("#learning-what"),
    "The return is the sum of an episode's rewards: higher is better. Line: evaluations without noise, averaged over " +
      `${whole(evaluation.episodes)} fixed starts, every ${whole(evaluation.every)} steps. ` +
      "Circles: training episodes, with noise.",
  );
  const whose = Object.hasOwn(environments, environment) ? environment : "a custom environment";
  setText(
    find("#no-scene"),
    isSimulated(config)
      ? ""
      : `This page cannot simulate ${whose}, so it shows only the records. If it has a scene, name its module to see the body: ddpg watch ${run} --environment <path>.`,
  );
}

function inWords({ phase, result, problem }: RunStatus, config: RunConfig | null): string {
  const steps = result && config ? ` after ${whole(result.steps)} of ${whole(config.steps)} steps` : "";
  const goesOn = "Run ddpg resume to continue it; this page will follow.";
  if (phase === "training") return "Training in another process. This page follows it.";
  if (phase === "gone" && problem !== "") return "This page continues when the problem is solved.";
  if (phase === "gone") return "The run's directory has no run anymore. This page continues when the run is back.";
  if (phase === "stopped" && result?.failed) return `Stopped by an error${steps}: ${result.failed} ${goesOn}`;
  if (phase === "stopped") return `Stopped early${steps}. ${goesOn}`;
  const { meanReturn, standardError, episodes } = result?.evaluation ?? {};
  const spread = typeof standardError === "number" ? ` ± ${short(standardError)}` : "";
  const mean = `${short(meanReturn ?? Number.NaN)}${spread}`;
  return `Finished: ${mean}, mean return ± standard error over ${whole(episodes ?? 0)} fixed starts.`;
}

function showFiles({ files }: RunStatus): void {
  find("#files").replaceChildren(
    ...files.map((name) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `./run/${name}`;
      link.download = name;
      link.textContent = name;
      item.append(link, ` ${fileHelp[name]}`);
      return item;
    }),
  );
}
