// The runs that `ddpg benchmark` makes: how each is trained, what already exists of it, and the record it leaves.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect, fail, InputError } from "../../base/expect.ts";
import { type PresetName, type Settings, settingFlag, settingNames, showSetting } from "../../ddpg/config.ts";
import { Ddpg } from "../../ddpg/ddpg.ts";
import type { Arithmetic } from "../../kernels/kernels.ts";
import { attempt } from "../../node/files.ts";
import { expectUnlocked } from "../../node/lock.ts";
import { decidingOf, isExclusive, outsideAddress } from "../../node/outside/kinds.ts";
import { givenOptions, type OutsideOptions } from "../../node/outside/options.ts";
import { checkRunDirectory, isUnstarted } from "../../node/run-directory.ts";
import { eachMetric, files, inFileName, isComplete } from "../../node/run-files.ts";
import { expectOwnConfig } from "../../node/same-run.ts";
import { backToStart } from "../../node/starting-folder.ts";
import { shortHash } from "../../node/trusted-file.ts";
import { loadEnvironment, nodeBackend, type RunConfig, readConfig, readResult } from "../../node.ts";
import { customDefaults, settingsFor } from "../../tasks.ts";
import { arithmeticOf } from "../../training/run.ts";
import { closing, guarded } from "../environment/guard.ts";
import { portableWarning } from "../run/compute.ts";
import { whole } from "../terminal/numbers.ts";
import { asFlags } from "../terminal/options.ts";
import { outsideArguments } from "../terminal/outside-options.ts";
import { type BenchmarkRecord, recordFile, writeRecord } from "./records.ts";

/** Steps between two evaluations, and episodes per evaluation. */
const evaluateEvery = 10_000;
const episodes = 10;

/** The minimum number of evaluations in a run. */
const minEvaluations = 20;

/** The user's request. */
export interface Wishes {
  /** Ids, paths of modules, and addresses of environments outside of the process. */
  readonly tasks: readonly string[];
  readonly seeds: readonly number[];
  /** Steps of each run. The task's default if undefined. */
  readonly steps: number | undefined;
  readonly preset: PresetName | undefined;
  /** If undefined, that of the task's records or runs, and otherwise fused where it is possible. */
  readonly arithmetic: Arithmetic | undefined;
  /** Settings that differ from the preset. */
  readonly changes: Partial<Settings>;
  /** The options of environments outside of the process. */
  readonly options: OutsideOptions;
  /** How many ms an environment outside of the process may take for an answer. */
  readonly stepTimeout?: number | undefined;
  /** Directory for the records. */
  readonly out: string;
  /** Directory for the runs. */
  readonly runs: string;
  warn(warning: string): void;
  /** Gets what an environment outside of the process prints. */
  onLine?(line: string): void;
}

/** A requested run. */
export interface Wanted {
  readonly name: string;
  /** The environment as records and runs name it: of a module or a program, without the path. */
  readonly task: string;
  readonly seed: number;
  readonly steps: number;
  readonly settings: Settings;
  readonly arithmetic: Arithmetic;
  /** The options that decide what an environment outside of the process is; undefined if there are none. */
  readonly environmentOptions: Readonly<Record<string, unknown>> | undefined;
  /** The SHA-256 of the task's module or program, if it has one. */
  readonly environmentSha256: string | undefined;
  /** The arguments of `ddpg resume` that name the environment. */
  readonly named: readonly string[];
  /** The arguments of `ddpg` that start it. */
  readonly train: readonly string[];
  /** The file of its record. */
  readonly record: string;
  readonly directory: string;
}

/**
 * All runs, ordered so that every task gets its first seed before any gets its second: early results then cover all
 * tasks. `records` are those in `out`. Throws as the checks of settings do.
 */
export async function wantedRuns(wishes: Wishes, records: readonly BenchmarkRecord[]): Promise<Wanted[]> {
  const { preset, changes, out, runs } = wishes;
  const plans: (Pick<Wanted, "task" | "settings" | "steps" | "arithmetic"> & TaskOf & { nameOrPath: string })[] = [];
  expectTaken(wishes);
  let usual: Arithmetic | undefined;
  for (const nameOrPath of wishes.tasks) {
    const own = await taskOf(nameOrPath, wishes);
    const { task } = own;
    const other = plans.find((each) => each.task === task)?.nameOrPath;
    if (other !== undefined)
      fail("--tasks", `environments with different names, not two that records call ${task}`, `${other},${nameOrPath}`);
    const settings = await asFlags(async () => {
      const { settings } = settingsFor(own.defaults, preset, changes);
      // A list with one value per dimension may have the wrong length for a task that would come hours later.
      if (own.sizes) await Ddpg.create(own.sizes, settings);
      return settings;
    });
    const given = wishes.arithmetic ?? earlierArithmetic(task, records, runs);
    if (given === undefined) usual ??= await usualArithmetic(wishes);
    const arithmetic = given ?? usual ?? "portable";
    plans.push({ ...own, nameOrPath, settings, arithmetic, steps: wishes.steps ?? own.defaults.steps });
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
    plans.map(({ nameOrPath, task, sha256, options, settings, steps, arithmetic }): Wanted => {
      const address = outsideAddress(nameOrPath);
      const given = outsideArguments(options);
      const directory = runDirectory(runs, task, seed);
      const every = Math.max(1, Math.min(evaluateEvery, Math.floor(steps / minEvaluations)));
      const own = ["--seed", `${seed}`, "--steps", `${steps}`, "--evaluate-every", `${every}`, "--out", directory];
      return {
        name: `${task} seed ${seed}`,
        ...{ task, seed, steps, settings, arithmetic, directory, environmentSha256: sha256 },
        environmentOptions: address && decidingOf(address.kind, options),
        // What only a run's file names would not be started.
        named: address || sha256 ? ["--environment", nameOrPath, ...given] : [],
        train: ["train", nameOrPath, ...given, ...own, "--arithmetic", arithmetic, ...common],
        record: recordFile(out, task, seed),
      };
    }),
  );
}

/** The options of environments outside of the process that a task takes. */
function optionsOf(task: string, options: OutsideOptions): OutsideOptions {
  const taken = outsideAddress(task)?.kind.options ?? [];
  return Object.fromEntries(
    givenOptions(options).flatMap((name) => (taken.includes(name) ? [[name, options[name]]] : [])),
  );
}

/** Throws an InputError for an option that none of the tasks takes. */
function expectTaken({ tasks, options }: Wishes): void {
  const taken = new Set(tasks.flatMap((task) => givenOptions(optionsOf(task, options))));
  const useless = givenOptions(options).find((name) => !taken.has(name));
  if (useless !== undefined) fail(`--${useless}`, "an option of one of the tasks", tasks.join(", "));
}

type TaskOf = Awaited<ReturnType<typeof taskOf>>;

/** What is known of a task. One that is not of the package is made for it, unless it waits for something that connects. */
async function taskOf(nameOrPath: string, { options: all, stepTimeout, onLine }: Wishes) {
  const options = optionsOf(nameOrPath, all);
  const where = (): string => `environment ${nameOrPath}`;
  const context = { stepTimeout, onLine };
  try {
    const loaded = await guarded(where, () => loadEnvironment(nameOrPath, options, context));
    const { name: task, sha256, defaults = customDefaults } = loaded;
    const common = { task, sha256, options };
    if (loaded.task) return { ...common, sizes: loaded.task, defaults: loaded.task };
    if (isExclusive(nameOrPath)) return { ...common, sizes: undefined, defaults };
    const sizes = await guarded(where, loaded.create);
    await closing(task, [sizes], async () => {});
    return { ...common, sizes, defaults };
  } finally {
    backToStart();
  }
}

/** The arithmetic of a task's records, or else of a run that an earlier command left, with any seed. */
function earlierArithmetic(task: string, records: readonly BenchmarkRecord[], runs: string): Arithmetic | undefined {
  const record = records.find(({ environment }) => environment === task);
  if (record) return arithmeticOf(record);
  const directory = runDirectories(runs, task).find(isStarted);
  return directory === undefined ? undefined : arithmeticOf(readConfig(directory));
}

/** The directories of a task's runs that exist, sorted by name. */
function runDirectories(runs: string, task: string): string[] {
  if (!fs.existsSync(runs)) return [];
  const names = attempt(runs, "a directory of runs", () => fs.readdirSync(runs), "Choose another --runs.");
  const prefix = `${inFileName(task)}-seed`;
  const own = names.filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)));
  return own.sort().map((name) => path.join(runs, name));
}

/** Fused where it is possible. Otherwise portable, with a warning. */
async function usualArithmetic({ warn }: Wishes): Promise<Arithmetic> {
  const { arithmetic, notFused } = await nodeBackend({ native: false, wide: false });
  if (notFused !== undefined) warn(portableWarning(notFused));
  return arithmetic;
}

function runDirectory(runs: string, task: string, seed: number): string {
  return path.join(runs, `${inFileName(task)}-seed${seed}`);
}

/** Whether a directory holds a run that has begun. */
function isStarted(directory: string): boolean {
  return fs.existsSync(path.join(directory, files.config)) && !isUnstarted(directory);
}

/**
 * The runs without a record, or with the record of a failure. Throws an InputError if there are records of these tasks,
 * or runs, that were made with other settings or steps, because the records of a task share a row.
 */
export async function unrecordedRuns(
  out: string,
  records: readonly BenchmarkRecord[],
  wanted: readonly Wanted[],
  notice: (text: string) => void,
): Promise<Wanted[]> {
  const finished = new Set<string>();
  for (const record of records) {
    const { environment, seed, failed } = record;
    const same = wanted.find(({ task }) => task === environment);
    if (!same) continue;
    const file = recordFile(out, environment, seed);
    expectSame(file, same, record, "Choose another --out.");
    if (failed === undefined) finished.add(file);
  }
  const unrecorded = wanted.filter(({ record }) => !finished.has(record));
  // All at once, because a lock may have to be watched for some seconds.
  await Promise.all(unrecorded.map((each) => expectSameRun(each, notice)));
  return unrecorded;
}

/** Throws an InputError if the run's directory holds another run or other files, or is in use by another process. */
async function expectSameRun(wanted: Wanted, notice: (text: string) => void): Promise<void> {
  const { directory, seed, task } = wanted;
  if (!isStarted(directory)) {
    await checkRunDirectory(directory, undefined, notice);
    return;
  }
  await expectUnlocked(directory, notice);
  const config = readConfig(directory);
  const hint = "Choose another --runs.";
  const canResume = hasCheckpoint(wanted) || isComplete(directory);
  expect(canResume, directory, "a run with a checkpoint", "one without", "Remove it, and the run starts over.");
  const { environment, environmentModule } = config;
  expect(environment === task, `${directory} environment`, `"${task}"`, environment, hint);
  if ((environmentModule === undefined) !== (wanted.environmentSha256 === undefined)) {
    const expected = wanted.environmentSha256 === undefined ? "none" : "the path of the task's file";
    fail(`${directory} environmentModule`, expected, environmentModule ?? "none", hint);
  }
  expect(config.seed === seed, `${directory} seed`, `${seed}`, config.seed, hint);
  const kind = outsideAddress(environment)?.kind;
  const environmentOptions = kind && decidingOf(kind, config.environmentOptions ?? {});
  expectSame(directory, wanted, { ...config, environmentOptions }, hint);
  expectOwnConfig(directory, config);
}

/** What the runs of a task must have in common. */
type Comparable = Pick<RunConfig, "steps" | "settings" | "arithmetic"> & {
  readonly environmentOptions?: Readonly<Record<string, unknown>> | undefined;
  readonly environmentSha256?: string | undefined;
};

function expectSame(where: string, wanted: Comparable, found: Comparable, hint: string): void {
  expect(found.steps === wanted.steps, `${where} steps`, whole(wanted.steps), found.steps, hint);
  const [options, others] = [wanted, found].map(({ environmentOptions }) => JSON.stringify(environmentOptions ?? {}));
  if (options !== others)
    throw new InputError({ where: `${where} environmentOptions`, expected: options, got: others, hint });
  const [now, was] = [wanted, found].map(({ environmentSha256 }) => environmentSha256);
  if (now !== was) {
    const [wantedHash, got] = [now, was].map((hash) => (hash === undefined ? "none" : shortHash(hash)));
    const expected = now === undefined ? wantedHash : `${wantedHash}, of the file as it is now`;
    throw new InputError({ where: `${where} environmentSha256`, expected, got, hint });
  }
  const [arithmetic, made] = [wanted, found].map(arithmeticOf);
  if (made !== arithmetic)
    throw new InputError({ where: `${where} arithmetic`, expected: arithmetic, got: made, hint });
  for (const name of settingNames) {
    const value = showSetting(wanted.settings[name]);
    expect(value === showSetting(found.settings[name]), `${where} ${name}`, value, found.settings[name], hint);
  }
}

/** The arguments of `ddpg` that start or resume a run. */
export function argumentsOf(wanted: Wanted): readonly string[] {
  return hasCheckpoint(wanted) ? ["resume", wanted.directory, ...wanted.named] : wanted.train;
}

function hasCheckpoint({ directory }: Wanted): boolean {
  return fs.existsSync(path.join(directory, files.checkpoint));
}

/**
 * Writes the record of a run that finished, or of one that failed, up to where it stopped. Removes the checkpoint of a
 * finished run: it is by far the largest file and no longer needed.
 */
export function keep({ record, directory }: Wanted, jobs: number, failed = ""): BenchmarkRecord {
  const config = readConfig(directory);
  expectOwnConfig(directory, config);
  const { environment, environmentSha256, preset, seed, steps, settings, evaluation, commit, versions } = config;
  const kind = outsideAddress(environment)?.kind;
  const environmentOptions = kind && decidingOf(kind, config.environmentOptions ?? {});
  const { trainingSeconds, fingerprint } = readResult(directory);
  const made: BenchmarkRecord = {
    environment,
    ...(environmentOptions && { environmentOptions }),
    ...(environmentSha256 && { environmentSha256 }),
    preset,
    seed,
    steps,
    settings,
    arithmetic: arithmeticOf(config),
    ...(commit && { commit }),
    versions,
    machine: `${os.cpus()[0].model.trim()}, ${jobs === 1 ? "one run" : `${whole(jobs)} runs`} at a time`,
    seconds: trainingSeconds,
    fingerprint,
    episodes: evaluation.episodes,
    ...curveOf(directory),
    ...(failed && { failed }),
  };
  attempt(record, "a file that can be written", () => writeRecord(record, made), "The same command writes it again.");
  if (!failed) {
    try {
      fs.rmSync(path.join(directory, files.checkpoint), { force: true });
    } catch {
      // It only takes up space.
    }
  }
  return made;
}

/**
 * Steps and mean returns, and whether the actor's gradient was 0 in all updates of the last record. The records are read one
 * at a time, because there may be millions of episodes.
 */
function curveOf(directory: string): Pick<BenchmarkRecord, "evaluations" | "deadActor"> {
  const evaluations: (readonly [number, number])[] = [];
  let gradient = Number.NaN;
  for (const each of eachMetric(directory)) {
    if (each.type === "evaluation") evaluations.push([each.step, Math.round(1000 * each.meanReturn) / 1000]);
    if (each.type === "diagnostics") gradient = each.actorGradientNorm;
  }
  return { evaluations, ...(gradient === 0 && { deadActor: true }) };
}
