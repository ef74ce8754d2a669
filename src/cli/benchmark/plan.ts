// The runs that `ddpg benchmark` is to make: what each is trained for, what there is of it, and the record it leaves.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "../../base/expect.ts";
import { type PresetName, type Settings, settingFlag, settingNames, showSetting } from "../../ddpg/config.ts";
import { Ddpg } from "../../ddpg/ddpg.ts";
import { attempt } from "../../node/files.ts";
import { expectUnlocked } from "../../node/lock.ts";
import { checkRunDirectory } from "../../node/run-directory.ts";
import { files, isComplete } from "../../node/run-files.ts";
import { readConfig, readMetrics, readResult } from "../../node.ts";
import { environments, settingsFor } from "../../tasks.ts";
import { whole } from "../terminal/numbers.ts";
import { asFlags } from "../terminal/options.ts";
import { type BenchmarkRecord, readRecord, readRecords, recordFile, writeRecord } from "./records.ts";

/** Steps between two evaluations, and episodes of each. */
const evaluateEvery = 10_000;
const episodes = 10;

/** A run has at least so many evaluations. */
const minEvaluations = 20;

/** What was asked for. */
export interface Wishes {
  readonly tasks: readonly string[];
  readonly seeds: readonly number[];
  /** Of each run; else the task's. */
  readonly steps: number | undefined;
  readonly preset: PresetName | undefined;
  /** Settings that are not the preset's. */
  readonly changes: Partial<Settings>;
  /** Directory of the records. */
  readonly out: string;
  /** Directory of the runs. */
  readonly runs: string;
}

/** A run that is wanted. */
export interface Wanted {
  readonly name: string;
  readonly task: string;
  readonly seed: number;
  readonly steps: number;
  readonly settings: Settings;
  /** Arguments of `ddpg` that begin it. */
  readonly train: readonly string[];
  /** Of its small file. */
  readonly record: string;
  readonly directory: string;
}

/** All runs, one seed of every task first: what can be said early is said of all. Throws as the checks of settings do. */
export async function wantedRuns(wishes: Wishes): Promise<Wanted[]> {
  const { preset, changes, out, runs } = wishes;
  const plans: Pick<Wanted, "task" | "settings" | "steps">[] = [];
  for (const task of wishes.tasks) {
    const own = environments[task];
    const settings = await asFlags(async () => {
      const { settings } = settingsFor(own, preset, changes);
      // A number for each dimension may be too many for a task that comes hours later.
      await Ddpg.create(own, settings);
      return settings;
    });
    plans.push({ task, settings, steps: wishes.steps ?? own.steps });
  }
  const common = [
    ...(preset ? ["--preset", preset] : []),
    ...settingNames.flatMap((name) => {
      const value = changes[name];
      return value === undefined ? [] : [settingFlag(name), showSetting(value)];
    }),
    ...["--evaluate-episodes", `${episodes}`, "--episodes", `${episodes}`],
  ];
  return wishes.seeds.flatMap((seed) =>
    plans.map(({ task, settings, steps }): Wanted => {
      const directory = path.join(runs, `${task}-seed${seed}`);
      const every = Math.max(1, Math.min(evaluateEvery, Math.floor(steps / minEvaluations)));
      const own = ["--seed", `${seed}`, "--steps", `${steps}`, "--evaluate-every", `${every}`, "--out", directory];
      return {
        name: `${task} seed ${seed}`,
        ...{ task, seed, steps, settings, directory },
        train: ["train", task, ...own, ...common],
        record: recordFile(out, task, seed),
      };
    }),
  );
}

/**
 * Those without a record, or with one of a failure. Throws an InputError where there are records of these tasks, or
 * runs, that were made in another way: records of a task share a row.
 */
export function unrecordedRuns(out: string, wanted: readonly Wanted[]): Wanted[] {
  for (const { environment, seed, steps, settings } of readRecords(out)) {
    const same = wanted.find(({ task }) => task === environment);
    if (same) expectSame(recordFile(out, environment, seed), same, { steps, settings }, "Choose another --out.");
  }
  const unrecorded = wanted.filter(({ record }) => readRecord(record)?.failed !== undefined || !fs.existsSync(record));
  unrecorded.forEach(expectSameRun);
  return unrecorded;
}

/** Throws an InputError where the run's directory holds another run, or something else, or is another process's. */
function expectSameRun(wanted: Wanted): void {
  const { directory, seed } = wanted;
  if (!fs.existsSync(path.join(directory, files.config))) {
    checkRunDirectory(directory);
    return;
  }
  expectUnlocked(directory);
  const config = readConfig(directory);
  const hint = "Choose another --runs.";
  const goesOn = hasCheckpoint(wanted) || isComplete(directory);
  expect(goesOn, directory, "a run with a checkpoint", "one without", "Remove it, and the run starts over.");
  expect(config.seed === seed, `${directory} seed`, `${seed}`, config.seed, hint);
  expectSame(directory, wanted, config, hint);
}

/** What two runs of a task must have in common. */
type Comparable = Pick<Wanted, "steps" | "settings">;

function expectSame(where: string, wanted: Comparable, found: Comparable, hint: string): void {
  expect(found.steps === wanted.steps, `${where} steps`, whole(wanted.steps), found.steps, hint);
  for (const name of settingNames) {
    const value = showSetting(wanted.settings[name]);
    expect(value === showSetting(found.settings[name]), `${where} ${name}`, value, found.settings[name], hint);
  }
}

/** The arguments of `ddpg` that make a run, or go on with it. */
export function argumentsOf(wanted: Wanted): readonly string[] {
  return hasCheckpoint(wanted) ? ["resume", wanted.directory] : wanted.train;
}

function hasCheckpoint({ directory }: Wanted): boolean {
  return fs.existsSync(path.join(directory, files.checkpoint));
}

/**
 * Writes the record of a run that is complete, or of one that failed: then of how far it came. The checkpoint of the
 * former, by far the largest file, is of no more use.
 */
export function keep({ record, directory }: Wanted, jobs: number, failed = ""): BenchmarkRecord {
  const { environment, preset, seed, steps, settings, evaluation, commit, versions } = readConfig(directory);
  const { trainingSeconds, fingerprint } = readResult(directory);
  const made: BenchmarkRecord = {
    environment,
    preset,
    seed,
    steps,
    settings,
    ...(commit && { commit }),
    versions,
    machine: `${os.cpus()[0].model.trim()}, ${jobs === 1 ? "one run" : `${whole(jobs)} runs`} at a time`,
    seconds: trainingSeconds,
    fingerprint,
    episodes: evaluation.episodes,
    evaluations: readMetrics(directory).flatMap((each) =>
      each.type === "evaluation" ? [[each.step, Math.round(1000 * each.meanReturn) / 1000] as const] : [],
    ),
    ...(failed && { failed }),
  };
  attempt(record, "a file that can be written", () => writeRecord(record, made), "The same command writes it again.");
  if (!failed) fs.rmSync(path.join(directory, files.checkpoint), { force: true });
  return made;
}
