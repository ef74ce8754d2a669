// `ddpg benchmark`: several tasks with several seeds, each run in a process of its own, and what they say together. Cut
// off, it goes on where it was: a run that has its record is not made again, one that has a checkpoint is resumed.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Command } from "commander";
import { expect, InputError, suggest } from "../base/expect.ts";
import {
  type PresetName,
  settingFlag,
  settingNames,
  type Settings,
  settingsFrom,
  showSetting,
} from "../ddpg/config.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import { environments } from "../envs/index.ts";
import { readConfig, readMetrics, readResult } from "../node.ts";
import { attempt, makeDirectory } from "../node/files.ts";
import { files } from "../node/run-files.ts";
import {
  type BenchmarkRecord,
  finalReturn,
  readRecord,
  readRecords,
  recordFile,
  writeRecord,
} from "./benchmark-records.ts";
import { runChildren } from "./children.ts";
import { simdHelp, simdWidth } from "./engine.ts";
import { asFlags, chosenSettings, inShell, presetName, settingOptions, wholeNumber } from "./options.ts";
import { duration, short, whole } from "./progress.ts";
import { published } from "./published.ts";
import { exitCodes } from "./run-training.ts";
import { type ChildRun, parseSeeds, settle } from "./seeds.ts";
import { checkWritable, writeFiles } from "./write-files.ts";

/** Steps between two evaluations, and episodes of each. */
const evaluateEvery = 10_000;
const episodes = 10;

/** A run has at least so many evaluations. */
const fewestEvaluations = 20;

interface BenchmarkFlags {
  tasks?: string[];
  seeds: number[];
  steps?: number;
  preset?: PresetName;
  jobs?: number;
  out: string;
  runs?: string;
  simd?: string;
  progress: boolean;
}

/** A run that is wanted. */
interface Wanted {
  readonly task: string;
  readonly seed: number;
  readonly steps: number;
  readonly settings: Settings;
  /** Of its small file. */
  readonly record: string;
  readonly directory: string;
}

interface BenchmarkRun extends ChildRun {
  readonly wanted: Wanted;
}

export function addBenchmarkCommand(program: Command): void {
  const command = program
    .command("benchmark")
    .summary("several tasks with several seeds, beside what others published")
    .description(
      "Trains several tasks with several seeds, each run in a process of its own, and draws a table and curves beside\n" +
        "what others published. Started again, it goes on where it was cut.",
    )
    .option("--tasks <list>", 'ids of "ddpg environments", such as Hopper-v5,Ant-v5 [the ten in MuJoCo]', parseTasks)
    .option("--seeds <list>", "seeds such as 1..5 or 1,3,7 [1..3]", parseSeeds, [1, 2, 3])
    .option("--steps <n>", "environment steps of each run [the task's]", wholeNumber("--steps", 1))
    .option("--preset <name>", "settings to start from [the task's]", presetName)
    .option("--jobs <n>", "how many runs at the same time [the machine's cores]", wholeNumber("--jobs", 1))
    .option("--out <dir>", "directory for a small record of each run, table and curves", "benchmark")
    .option("--runs <dir>", "directory for the runs themselves, with checkpoints [runs in it]")
    .option("--no-progress", "only what begins and what ends")
    .option("--simd <bits>", simdHelp, simdWidth)
    .optionsGroup("Settings of the algorithm [default of the standard preset; of others that differ]:");
  for (const option of settingOptions()) command.addOption(option);
  command
    .addHelpText(
      "after",
      `
Examples:
  ddpg benchmark --tasks Pendulum-v1 --seeds 1..8
  ddpg benchmark --seeds 1                       one seed of every task in MuJoCo: hours
  ddpg benchmark --tasks Hopper-v5 --actor-learning-rate 0.0003 --out benchmark/slow`,
    )
    .action((flags: BenchmarkFlags) => benchmark(flags));
}

function parseTasks(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  const known = Object.keys(environments);
  for (const name of names)
    expect(known.includes(name), "--tasks", `ids of ${known.join(", ")}`, name, suggest(name, known));
  return [...new Set(names)];
}

async function benchmark(flags: BenchmarkFlags): Promise<void> {
  const { seeds, out, progress } = flags;
  const tasks = flags.tasks ?? Object.keys(published);
  const runsDirectory = flags.runs ?? path.join(out, "runs");
  const changes = chosenSettings({ ...flags });
  // One seed of every task first: what can be said early is said of all.
  const wanted: Wanted[] = [];
  const plans = new Map<string, Awaited<ReturnType<typeof plan>>>();
  for (const seed of seeds) {
    for (const task of tasks) {
      const { steps, settings } = plans.get(task) ?? (await plan(task, flags, changes));
      plans.set(task, { steps, settings });
      const directory = path.join(runsDirectory, `${task}-seed${seed}`);
      wanted.push({ task, seed, steps, settings, record: recordFile(out, task, seed), directory });
    }
  }
  expectSameRecords(out, wanted);
  const open = wanted.filter(({ record }) => readRecord(record)?.failed !== undefined || !fs.existsSync(record));
  open.forEach(expectSameRun);
  for (const task of new Set(open.map(({ task }) => task))) await (await environments[task].create()).close?.();
  const wayOut = "Choose another with --out.";
  attempt(out, "a directory that can be written", () => makeDirectory(path.resolve(out)), wayOut);
  checkWritable(path.join(out, tableFile), wayOut);

  const jobs = Math.min(flags.jobs ?? os.availableParallelism(), Math.max(1, open.length));
  const told = (record: BenchmarkRecord): string => {
    const { seconds, steps } = record;
    return `${short(finalReturn(record))} after ${duration(seconds)}, ${whole(steps / seconds)} steps/s`;
  };
  console.log(`${whole(wanted.length)} runs, ${whole(wanted.length - open.length)} of them recorded in ${out}`);
  const drawn = progress && process.stdout.isTTY;
  const width = Math.max(...open.map(label).map(({ length }) => length));
  // A run may be complete and have lost its record.
  const unmade = open.filter((each) => {
    const isMade = isComplete(each.directory);
    if (isMade) console.log(`${label(each).padEnd(width)}  ${told(keep(each, jobs))}`);
    return !isMade;
  });
  const runs = unmade.map((each): BenchmarkRun => {
    const args = [...argumentsOf(each, flags, changes), ...(drawn ? [] : ["--no-progress"])];
    return { label: label(each).padEnd(width), args, seed: each.seed, directory: each.directory, wanted: each };
  });
  const warned = new Set<string>();
  const signal = await runChildren(runs, {
    jobs,
    progress,
    onStart: ({ label, args }) => {
      if (!drawn) console.log(`${label}  ${args[0] === "resume" ? "goes on" : "begins"}`);
    },
    onWarning: ({ wanted: { task } }, warning) => {
      if (!warned.has(`${task} ${warning}`)) console.error(`ddpg: warning: ${task}: ${warning}`);
      warned.add(`${task} ${warning}`);
    },
    onEnd: (run, end) => {
      let why = settle(run, end);
      if (run.end !== "stopped") {
        try {
          const record = keep(run.wanted, jobs, why);
          if (!why) console.log(`${run.label}  ${told(record)}`);
        } catch (error) {
          // One that cannot be read or written leaves the others alone.
          if (!(error instanceof InputError)) throw error;
          why ||= error.message;
          run.end = "failed";
        }
      }
      if (why) console.error(`ddpg: ${run.label.trim()}: ${why}`);
    },
  });
  await draw(out);
  const missing = runs.filter(({ end }) => end !== "complete");
  if (missing.length > 0) {
    const names = missing.map(({ label }) => label.trim()).join(", ");
    console.log(`\nNot complete: ${names}. The same command goes on with them.`);
  }
  if (signal) process.exit(exitCodes[signal]);
  if (missing.length > 0) process.exitCode = 1;
}

function label({ task, seed }: Wanted): string {
  return `${task} seed ${seed}`;
}

/** What a task is trained for and with. */
async function plan(task: string, { preset, steps }: BenchmarkFlags, changes: Partial<Settings>) {
  const own = environments[task];
  const settings = await asFlags(async () => {
    const chosen = settingsFrom(preset ?? own.preset, { ...(preset ? {} : own.settings), ...changes });
    // A number for each dimension may be too many for a task that comes hours later.
    await Ddpg.create(own, chosen);
    return chosen;
  });
  return { steps: steps ?? own.steps, settings };
}

/** Throws an InputError where there are records of these tasks that were made in another way: they share a row. */
function expectSameRecords(out: string, wanted: readonly Wanted[]): void {
  const wayOut = "Choose another --out.";
  for (const { environment, seed, steps, settings } of readRecords(out)) {
    const same = wanted.find(({ task }) => task === environment);
    if (!same) continue;
    const where = recordFile(out, environment, seed);
    expect(steps === same.steps, `${where} steps`, whole(same.steps), steps, wayOut);
    expectSameSettings(where, same.settings, settings, wayOut);
  }
}

/** Whether a run came to its end, its last evaluation included. */
function isComplete(directory: string): boolean {
  if (!fs.existsSync(path.join(directory, files.result))) return false;
  const { evaluation, interrupted, failed } = readResult(directory);
  return evaluation !== null && !interrupted && failed === undefined;
}

/** Throws an InputError where the run's directory holds another run. */
function expectSameRun({ seed, steps, settings, directory }: Wanted): void {
  if (!fs.existsSync(path.join(directory, files.config))) return;
  const config = readConfig(directory);
  const wayOut = "Choose another --runs.";
  const goesOn = fs.existsSync(path.join(directory, files.checkpoint)) || isComplete(directory);
  expect(goesOn, directory, "a run with a checkpoint", "one without", "Remove it, and the run is made anew.");
  expect(config.seed === seed, `${directory} seed`, `${seed}`, config.seed, wayOut);
  expect(config.steps === steps, `${directory} steps`, whole(steps), config.steps, wayOut);
  expectSameSettings(directory, settings, config.settings, wayOut);
}

function expectSameSettings(where: string, wanted: Settings, found: Settings, wayOut: string): void {
  for (const name of settingNames) {
    const value = showSetting(wanted[name]);
    expect(value === showSetting(found[name]), `${where} ${name}`, value, found[name], wayOut);
  }
}

/** The command line that makes a run, or goes on with it. */
function argumentsOf({ task, seed, steps, directory }: Wanted, flags: BenchmarkFlags, changes: Partial<Settings>) {
  const simd = flags.simd ? ["--simd", flags.simd] : [];
  const child = ["--threads", "1", ...simd, "--as-child"];
  if (fs.existsSync(path.join(directory, files.checkpoint))) return ["resume", directory, ...child];
  const every = Math.max(1, Math.min(evaluateEvery, Math.floor(steps / fewestEvaluations)));
  return [
    "train",
    task,
    ...(flags.preset ? ["--preset", flags.preset] : []),
    ...settingNames.flatMap((name) => {
      const value = changes[name];
      return value === undefined ? [] : [settingFlag(name), showSetting(value)];
    }),
    ...["--seed", `${seed}`, "--steps", `${steps}`, "--out", directory],
    ...["--evaluate-every", `${every}`, "--evaluate-episodes", `${episodes}`, "--episodes", `${episodes}`],
    ...child,
  ];
}

/**
 * Writes the record of a run that is complete, or of one that failed: then of how far it came. The checkpoint of the
 * former, by far the largest file, is of no more use.
 */
function keep({ record, directory }: Wanted, jobs: number, failed = ""): BenchmarkRecord {
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

const tableFile = "benchmark.md";

/** Writes table and curves of all that is recorded there, and says the table. */
async function draw(out: string): Promise<void> {
  const records = readRecords(out);
  if (records.length === 0) return;
  // Loaded only here: the other commands need not wait for the plotting library.
  const { curves, page, table } = await import("./benchmark-page.ts");
  const [text, picture] = [tableFile, "curves.svg"].map((name) => path.join(out, name));
  writeFiles(
    [
      [text, page(records)],
      [picture, `${curves(records)}\n`],
    ],
    "Choose another directory with --out.",
  );
  console.log(`\n${table(records)}\n\nWrote ${inShell(text)} and ${inShell(picture)}.`);
}
