// `ddpg benchmark`: several tasks with several seeds, each run in a process of its own, and what they say together. Cut
// off, it goes on where it was: a run that has its record is not made again, one that has a checkpoint is resumed.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Command } from "commander";
import { expect, suggest } from "../base/expect.ts";
import {
  type PresetName,
  settingFlag,
  settingNames,
  type Settings,
  settingsFrom,
  showSetting,
} from "../ddpg/config.ts";
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
import { writeFiles } from "./write-files.ts";

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
  for (const seed of seeds) {
    for (const task of tasks) {
      const { steps, settings } = await plan(task, flags, changes);
      const directory = path.join(runsDirectory, `${task}-seed${seed}`);
      wanted.push({ task, seed, steps, settings, record: recordFile(out, task, seed), directory });
    }
  }
  const open = wanted.filter((run) => !isRecorded(run));
  open.forEach(expectSameRun);
  for (const task of new Set(open.map(({ task }) => task))) await (await environments[task].create()).close?.();
  attempt(out, "a directory that can be written", () => makeDirectory(path.resolve(out)), "Choose another with --out.");

  const jobs = Math.min(flags.jobs ?? os.availableParallelism(), Math.max(1, open.length));
  console.log(`${whole(wanted.length)} runs, ${whole(wanted.length - open.length)} of them recorded in ${out}`);
  const drawn = progress && process.stdout.isTTY;
  const width = Math.max(...open.map(label).map(({ length }) => length));
  const runs = open.map((each): BenchmarkRun => {
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
      const why = settle(run, end);
      if (why) console.error(`ddpg: ${run.label.trim()}: ${why}`);
      if (run.end !== "complete") return;
      const record = keep(run.wanted, jobs);
      const { seconds, steps } = record;
      console.log(
        `${run.label}  ${short(finalReturn(record))} after ${duration(seconds)}, ${whole(steps / seconds)} steps/s`,
      );
    },
  });
  await draw(out, tasks);
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
  const settings = await asFlags(() =>
    settingsFrom(preset ?? own.preset, { ...(preset ? {} : own.settings), ...changes }),
  );
  return { steps: steps ?? own.steps, settings };
}

/** Whether there is a record of this very run. Throws an InputError where there is one of another. */
function isRecorded({ task, seed, steps, settings, record }: Wanted): boolean {
  const found = readRecord(record);
  if (!found) return false;
  const wayOut = "Choose another --out.";
  expect(found.environment === task, `${record} environment`, task, found.environment, wayOut);
  expect(found.seed === seed, `${record} seed`, `${seed}`, found.seed, wayOut);
  expect(found.steps === steps, `${record} steps`, whole(steps), found.steps, wayOut);
  expectSameSettings(record, settings, found.settings, wayOut);
  return true;
}

/** Throws an InputError where the run's directory holds another run. */
function expectSameRun({ seed, steps, settings, directory }: Wanted): void {
  if (!fs.existsSync(path.join(directory, files.config))) return;
  const config = readConfig(directory);
  const wayOut = "Choose another --runs.";
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

/** Writes the record of a run that is complete. Its checkpoint, by far the largest file, is of no more use. */
function keep({ record, directory }: Wanted, jobs: number): BenchmarkRecord {
  const { environment, preset, seed, settings, evaluation, commit, versions } = readConfig(directory);
  const { steps, trainingSeconds, fingerprint } = readResult(directory);
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
  };
  writeRecord(record, made);
  fs.rmSync(path.join(directory, files.checkpoint), { force: true });
  return made;
}

/** Writes table and curves of all that is recorded there, and says the table. */
async function draw(out: string, tasks: readonly string[]): Promise<void> {
  const records = readRecords(out).filter(({ environment }) => tasks.includes(environment));
  if (records.length === 0) return;
  // Loaded only here: the other commands need not wait for the plotting library.
  const { curves, page, table } = await import("./benchmark-page.ts");
  const [text, picture] = ["benchmark.md", "curves.svg"].map((name) => path.join(out, name));
  writeFiles(
    [
      [text, page(records)],
      [picture, `${curves(records)}\n`],
    ],
    "Choose another directory with --out.",
  );
  console.log(`\n${table(records)}\n\nWrote ${inShell(text)} and ${inShell(picture)}.`);
}
