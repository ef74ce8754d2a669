// A run's files, in the command line's forms: put into one folder they are a run that it reads.
import { version } from "../package.json";
import { formatRecord } from "../src/training/metrics.ts";
import { evaluationPlan, presetOf, settingsOf } from "./experiment.ts";
import type { PageRun, State } from "./session.ts";

/** `config.json`. The versions say that no Node was there, and `touched` that the experiment alone does not give this run. */
export function configOf({ experiment, step, isTouched }: State): string {
  const { task: environment, seed, steps } = experiment;
  const config = {
    format: "ddpg-run-1",
    environment,
    preset: presetOf(experiment),
    seed,
    // It may have gone on after its end.
    steps: Math.max(steps, step),
    settings: settingsOf(experiment),
    evaluation: { ...evaluationPlan(experiment), finalEpisodes: 1000 },
    versions: { ddpg: version, node: "none", platform: "browser" },
    ...(isTouched ? { touched: true } : {}),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** `metrics.jsonl`. */
export function metricsOf({ records }: PageRun): string {
  return records.map(formatRecord).join("");
}

/** Hands a file to the person. */
export function save(name: string, content: BlobPart, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  // The browser has read it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
