// `ddpg benchmark`: trains several tasks with several seeds, each run in its own process, and summarizes them. After an
// interruption it continues: a run with a record is not repeated, and a run with a checkpoint is resumed.

import * as os from "node:os";
import * as path from "node:path";
import { type Command, Option } from "commander";
import { fail, InputError, suggest } from "../../base/expect.ts";
import { largest } from "../../base/numbers.ts";
import type { PresetName } from "../../ddpg/config.ts";
import { attempt, makeDirectory } from "../../node/files.ts";
import { isExclusive } from "../../node/outside/kinds.ts";
import type { OutsideOptions } from "../../node/outside/options.ts";
import { isComplete } from "../../node/run-files.ts";
import { environments, suites, suiteTasks } from "../../tasks.ts";
import { runChildren } from "../run/children.ts";
import { backendFor, type ComputeFlags, computeOptions, explanations } from "../run/compute.ts";
import { runOptions } from "../run/run-options.ts";
import { type ChildRun, parseSeeds, settle } from "../run/seeds.ts";
import { exit } from "../terminal/exit.ts";
import { exitCodes } from "../terminal/exit-codes.ts";
import { duration, short, whole } from "../terminal/numbers.ts";
import {
  addSettingOptions,
  chosenSettings,
  inShell,
  milliseconds,
  presetName,
  wholeNumber,
} from "../terminal/options.ts";
import { print, printError, printWarning, stdout } from "../terminal/output.ts";
import { addOutsideOptions, chosenOutsideOptions } from "../terminal/outside-options.ts";
import { checkWritable, writeFiles } from "../terminal/write-files.ts";
import { argumentsOf, keep, unrecordedRuns, type Wanted, wantedRuns } from "./plan.ts";
import { type BenchmarkRecord, finalReturn, readRecords } from "./records.ts";

interface BenchmarkFlags extends Omit<ComputeFlags, "threads">, OutsideOptions {
  tasks?: string[];
  suite?: (typeof suites)[number];
  seeds: number[];
  steps?: number;
  preset?: PresetName;
  jobs?: number;
  out?: string;
  runs?: string;
  checkSteps?: number;
  stepTimeout?: number;
  progress: boolean;
}

const anySuite = new Intl.ListFormat("en", { type: "disjunction" }).format(suites);

interface BenchmarkRun extends ChildRun {
  readonly wanted: Wanted;
}

export function addBenchmarkCommand(program: Command): void {
  const command = program
    .command("benchmark")
    .summary("train several tasks with several seeds, and compare with published results")
    .description(
      "Trains several tasks with several seeds, each run in its own process, and draws a table and curves beside " +
        "published results. Started again, it continues where it was stopped.",
    )
    .option(
      "--tasks <list>",
      "environments as of ddpg train, such as Hopper-v5,Ant-v5, gymnasium:Hopper-v5 or exec:./simulator [those of --suite]",
      parseTasks,
    )
    .option("--suite <name>", `the tasks of a suite: ${anySuite} [gymnasium]`, parseSuite)
    .addOption(
      new Option("--seeds <list>", "seeds such as 1..5 or 1,3,7").argParser(parseSeeds).default([1, 2, 3], "1..3"),
    )
    .option("--steps <n>", "environment steps of each run [the task's]", wholeNumber("--steps", 1))
    .option(
      "--preset <name>",
      "settings to start from, without the task's own settings [the task's preset, with them]",
      presetName,
    )
    .option(
      "--jobs <n>",
      "how many runs at the same time [the machine's cores; 1 for what is at a port]",
      wholeNumber("--jobs", 1),
    )
    .option("--out <dir>", "directory for a small record of each run, table and curves [benchmark]")
    .option("--runs <dir>", "directory for the runs themselves, with checkpoints [runs inside --out]")
    .addOption(runOptions.checkSteps())
    .addOption(runOptions.stepTimeout())
    .option("--no-progress", "print only when a run starts and finishes")
    .addOption(computeOptions.arithmetic("that of a task's records, or fused where it is possible"))
    .addOption(computeOptions.backend())
    .addOption(computeOptions.simd());
  addOutsideOptions(command);
  addSettingOptions(command, "Settings of the algorithm");
  command
    .addHelpText(
      "after",
      `
Examples:
  ddpg benchmark --tasks Pendulum-v1 --seeds 1..8
  ddpg benchmark --seeds 1                       one seed of Gymnasium's tasks in MuJoCo: hours
  ddpg benchmark --suite dm_control --out benchmark/dm_control
  ddpg benchmark --tasks exec:./simulator,./cart.js --steps 50000
  ddpg benchmark --tasks Hopper-v5 --actor-learning-rate 0.0001 --out benchmark/slow`,
    )
    .action((flags: BenchmarkFlags) => benchmark(flags, program.opts().verbose === true));
}

function parseTasks(text: string): string[] {
  return [...new Set(text.split(",").map((name) => name.trim()))];
}

function parseSuite(text: string): (typeof suites)[number] {
  const found = suites.find((name) => name === text);
  return found ?? fail("--suite", anySuite, text, suggest(text, suites));
}

async function benchmark(flags: BenchmarkFlags, verbose: boolean): Promise<void> {
  const { seeds, steps, preset, arithmetic, out = "benchmark", progress } = flags;
  if (flags.tasks && flags.suite)
    throw new InputError({ where: "--suite", expected: "either --tasks or --suite", got: "both" });
  const tasks = flags.tasks ?? suiteTasks[flags.suite ?? "gymnasium"];
  const alone = tasks.find(isExclusive);
  if (alone !== undefined && (flags.jobs ?? 1) > 1)
    fail("--jobs", `1 with ${alone}, which one process at a time can have`, `${flags.jobs}`);
  const records = readRecords(out);
  const wishes = {
    ...{ tasks, seeds, steps, preset, arithmetic, out, stepTimeout: milliseconds(flags.stepTimeout) },
    options: chosenOutsideOptions(flags),
    changes: chosenSettings({ ...flags }),
    runs: flags.runs ?? path.join(out, "runs"),
    warn: printWarning,
    onLine: printError,
  };
  const wanted = await wantedRuns(wishes, records);
  const unrecorded = await unrecordedRuns(out, records, wanted, (text) => printError(`ddpg: ${text}`));
  const untrained = unrecorded.filter(({ directory }) => !isComplete(directory));
  // What a child would refuse is refused before the first starts. Each explanation is printed once.
  const { say, ...explained } = explanations(verbose, false);
  const lines = new Set<string>();
  for (const arithmetic of new Set(untrained.map(({ arithmetic }) => arithmetic)))
    await backendFor({ ...flags, arithmetic }, { ...explained, say: (line) => lines.add(line) });
  for (const line of lines) say(line);
  // Others have been made to learn their sizes.
  const own = unrecorded.map(({ task }) => task).filter((task) => Object.hasOwn(environments, task));
  for (const task of new Set(own)) await (await environments[task].create()).close?.();
  const hint = "Choose another with --out.";
  attempt(out, "a directory that can be written", () => makeDirectory(path.resolve(out)), hint);
  checkWritable(path.join(out, tableFile), hint);

  const most = alone === undefined ? (flags.jobs ?? os.availableParallelism()) : 1;
  const jobs = Math.min(most, Math.max(1, unrecorded.length));
  const summary = (record: BenchmarkRecord): string => {
    const { seconds, steps } = record;
    return `${short(finalReturn(record))} after ${duration(seconds)}, ${whole(steps / seconds)} steps/s`;
  };
  print(`Recorded in ${out}: ${whole(wanted.length - unrecorded.length)} of ${whole(wanted.length)} runs.`);
  const drawn = progress && stdout.isTTY;
  const width = largest(unrecorded.map(({ name }) => name.length));
  // A run may be finished although its record was lost.
  const unmade = unrecorded.filter((each) => {
    const isMade = isComplete(each.directory);
    if (isMade) print(`${each.name.padEnd(width)}  ${summary(keep(each, jobs))}`);
    return !isMade;
  });
  const computed = (["backend", "simd"] as const).flatMap((name) => (flags[name] ? [`--${name}`, flags[name]] : []));
  const shown = [...(verbose ? ["--verbose"] : []), ...(drawn ? [] : ["--no-progress"])];
  const limited = flags.stepTimeout === undefined ? [] : ["--step-timeout", `${flags.stepTimeout}`];
  const alike = ["--threads", "1", ...computed, ...limited, "--as-child", ...shown];
  const checked = flags.checkSteps === undefined ? [] : ["--check-steps", `${flags.checkSteps}`];
  const runs = unmade.map((each): BenchmarkRun => {
    const own = argumentsOf(each);
    const args = [...own, ...alike, ...(own[0] === "train" ? checked : [])];
    return { label: each.name.padEnd(width), args, seed: each.seed, directory: each.directory, wanted: each };
  });
  const warned = new Set<string>();
  const signal = await runChildren(runs, {
    jobs,
    progress,
    onStart: ({ label, args }) => {
      if (!drawn) print(`${label}  ${args[0] === "resume" ? "resumed" : "started"}`);
    },
    onWarning: ({ wanted: { task } }, warning) => {
      if (!warned.has(`${task} ${warning}`)) printWarning(`${task}: ${warning}`);
      warned.add(`${task} ${warning}`);
    },
    onEnd: (run, end) => {
      let why = settle(run, end);
      // A run that failed to start or resume tells us nothing about the settings, so it leaves no record.
      if (run.end === "complete" || run.result?.failed !== undefined) {
        try {
          const record = keep(run.wanted, jobs, why);
          if (!why) print(`${run.label}  ${summary(record)}`);
        } catch (error) {
          // A run that cannot be read or written does not affect the others.
          if (!(error instanceof InputError)) throw error;
          why ||= error.message;
          run.end = "failed";
        }
      }
      if (why) printError(`ddpg: ${run.wanted.name}: ${why}`.split("\n"));
    },
  });
  await draw(out);
  const failed = runs.filter(({ end }) => end === "failed");
  const open = runs.filter(({ end }) => end === "stopped" || end === undefined);
  const names = (those: typeof runs): string => those.map(({ wanted }) => wanted.name).join(", ");
  if (failed.length > 0) {
    const directories = failed.map(({ directory }) => inShell(directory)).join(" ");
    print(["", `Failed: ${names(failed)}. To run them again, remove ${directories}.`]);
  }
  if (open.length > 0) print(["", `Not complete: ${names(open)}. The same command continues them.`]);
  if (signal) exit(exitCodes[signal]);
  if (failed.length + open.length > 0) process.exitCode = 1;
}

const tableFile = "benchmark.md";

/** Writes the table and curves of all recorded runs, and prints the table. */
async function draw(out: string): Promise<void> {
  const records = readRecords(out);
  if (records.length === 0) return;
  // Loaded only here, so that the other commands do not wait for the plotting library.
  const { curves, page, resultsTable } = await import("./page.ts");
  const [text, picture] = [tableFile, "curves.svg"].map((name) => path.join(out, name));
  writeFiles(
    [
      [text, page(records)],
      [picture, `${curves(records)}\n`],
    ],
    "Choose another directory with --out.",
  );
  print(["", ...resultsTable(records).split("\n"), "", `Wrote ${inShell(text)} and ${inShell(picture)}.`]);
}
