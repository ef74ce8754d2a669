// A run's files in the command line's formats: together in one folder they are a run that it can read.
import { version } from "../package.json";
import { formatRecord } from "../src/training/metrics.ts";
import { evaluationPlan, presetOf, settingsOf } from "./experiment.ts";
import type { PageRun, State } from "./session.ts";

/** `config.json`, without a Node version. `touched`: the user moved the training body, so no run repeats it. */
export function configOf({ experiment, step, isTouched }: State): string {
  const { task: environment, seed, steps, arithmetic, isFromTrained } = experiment;
  const config = {
    format: "ddpg-run-1",
    environment,
    preset: presetOf(experiment),
    seed,
    // The user may have continued the run past its planned end.
    steps: Math.max(steps, step),
    settings: settingsOf(experiment),
    arithmetic,
    evaluation: { ...evaluationPlan(experiment), finalEpisodes: 1000 },
    ...(isFromTrained && { from: true }),
    versions: { ddpg: version, node: "none", platform: "browser" },
    ...(isTouched ? { touched: true } : {}),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** `metrics.jsonl`: one record per line. */
export function metricsOf({ records }: PageRun): string {
  return records.map(formatRecord).join("");
}

/** Downloads a file. `type` is its MIME type. */
export function save(name: string, content: BlobPart, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  // By then the browser has read the file.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
