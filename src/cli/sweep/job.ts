// A run of a sweep as a job: what decides it, its id, and the command line that makes it. A job is plain data, so that
// another process or machine can take it.
import { createHash } from "node:crypto";
import { presets, type Settings, settingFlag, settingNames, showSetting } from "../../ddpg/config.ts";
import type { RunConfig } from "../../node.ts";
import { arithmeticOf } from "../../training/run.ts";

/** The hexadecimal digits of a cell's id: enough for ten thousand cells, and short in a table. */
const idDigits = 12;

export interface Job {
  /** The cell's id and the seed. The same job has the same id everywhere. */
  readonly id: string;
  readonly config: RunConfig;
}

/**
 * The id of all runs that differ only by their seed: a hash of the environment, the settings, the steps and the arithmetic.
 * Only settings that differ from the paper's count, so that a setting of a later version does not change the id.
 */
export function cellId(config: RunConfig): string {
  const { environment, environmentOptions, steps, environments = 1, settings } = config;
  const changed = settingNames
    .map((name) => [name, showSetting(settings[name])] as const)
    .filter(([name, value]) => value !== showSetting(presets.paper[name]))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const options = environmentOptions === undefined ? [] : [environmentOptions];
  const deciding = JSON.stringify([environment, steps, environments, arithmeticOf(config), changed, ...options]);
  return createHash("sha256").update(deciding).digest("hex").slice(0, idDigits);
}

export function jobOf(config: RunConfig): Job {
  return { id: jobId(cellId(config), config.seed), config };
}

export function jobId(cell: string, seed: number): string {
  return `${cell}-seed${seed}`;
}

/** The arguments of `ddpg` that start a job. They name everything that decides it, and leave nothing to defaults. */
export function trainArguments({ config }: Job, environment: string, directory: string): string[] {
  const { preset, seed, steps, settings, evaluation } = config;
  const base: Settings = presets[preset];
  const changed = settingNames.filter((name) => showSetting(settings[name]) !== showSetting(base[name]));
  const { every, episodes, finalEpisodes, fewerIfSlow } = evaluation;
  return [
    ...["train", environment, "--preset", preset, "--seed", `${seed}`, "--steps", `${steps}`],
    ...["--arithmetic", arithmeticOf(config), "--evaluate-every", `${every}`, "--evaluate-episodes", `${episodes}`],
    ...(fewerIfSlow ? [] : ["--episodes", `${finalEpisodes}`]),
    // A custom environment was checked before the first job started.
    ...["--check-steps", "0", "--out", directory],
    ...changed.map((name) => `${settingFlag(name)}=${showSetting(settings[name])}`),
  ];
}
