// `ddpg train --seeds`: trains one task with several seeds, each in its own process, and summarizes them.

import * as fs from "node:fs";
import * as path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect, InputError } from "../../base/expect.ts";
import { largest } from "../../base/numbers.ts";
import type { Arithmetic } from "../../kernels/kernels.ts";
import { outsideOptionNames } from "../../node/outside/options.ts";
import { files, isComplete } from "../../node/run-files.ts";
import { expectOwnConfig } from "../../node/same-run.ts";
import { fromHere, fromStart } from "../../node/starting-folder.ts";
import { shortHash } from "../../node/trusted-file.ts";
import { type RunConfig, type RunResult, readConfig, readResult } from "../../node.ts";
import { seedStatistic } from "../../training/aggregate.ts";
import { arithmeticOf } from "../../training/run.ts";
import { isBestWorse } from "../terminal/best.ts";
import { exit } from "../terminal/exit.ts";
import { exitCodes } from "../terminal/exit-codes.ts";
import { duration, plusMinus, short, whole } from "../terminal/numbers.ts";
import { inShell } from "../terminal/options.ts";
import { print, printError, stdout } from "../terminal/output.ts";
import { table } from "../terminal/table.ts";
import { type ChildCommand, type ChildEnd, runChildren } from "./children.ts";

/** More is probably a typing mistake. */
const maxSeeds = 1000;

/** Parses `1..8`, `1,3,7` or `1..3,8`. Each seed may appear once; the order is kept. */
export function parseSeeds(text: string): number[] {
  const check = (good: boolean, hint = ""): void => expect(good, "--seeds", "seeds such as 1..8 or 1,3,7", text, hint);
  const seeds = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^\s*(\d+)(?:\.\.(\d+))?\s*$/.exec(part);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    check(Number.isSafeInteger(first) && Number.isSafeInteger(last));
    check(first <= last, "Write the smaller one first.");
    check(seeds.size + last - first < maxSeeds, `At most ${whole(maxSeeds)} at once.`);
    for (let seed = first; seed <= last; seed++) {
      check(!seeds.has(seed), `${seed} appears twice.`);
      seeds.add(seed);
    }
  }
  return [...seeds];
}

/** A command line that names the arithmetic, so that it gives the same bits on every machine. */
export function namingArithmetic(args: readonly string[], arithmetic: Arithmetic): readonly string[] {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  if (args.slice(0, end).some((arg) => /^--arithmetic(=|$)/.test(arg))) return args;
  return [...args.slice(0, end), "--arithmetic", arithmetic, ...args.slice(end)];
}

/**
 * A child's command line: the parent's, except for the options about several seeds. Each child has one thread by
 * default.
 */
export function seedArguments(args: readonly string[], seed: number, directory: string, drawn: boolean): string[] {
  const kept: string[] = [];
  let i = 0;
  for (; i < args.length && args[i] !== "--"; i++) {
    const [, flag, value] = /^--(seeds|jobs|out)(=.*)?$/s.exec(args[i]) ?? [];
    if (flag === undefined) kept.push(args[i]);
    else if (value === undefined) i++;
  }
  if (!drawn) kept.push("--no-progress");
  if (!kept.some((arg) => /^--threads(=|$)/.test(arg))) kept.push("--threads", "1");
  return [...kept, "--seed", `${seed}`, "--out", directory, "--as-child", ...args.slice(i)];
}

/** A command line with other seeds. */
export function otherSeeds(args: readonly string[], seeds: readonly number[]): string[] {
  const kept = args.filter((arg, i) => !/^--seeds(=|$)/.test(arg) && args[i - 1] !== "--seeds");
  const end = kept.includes("--") ? kept.indexOf("--") : kept.length;
  return [...kept.slice(0, end), "--seeds", seeds.join(","), ...kept.slice(end)];
}

/** The options with a value that `resume` has, too. */
const resumed: readonly string[] = [
  ...["checkpoint-every", "step-timeout", "backend", "simd", "threads"],
  ...outsideOptionNames,
];

/** Of a command line, the options for a child that do not decide its run. */
export function childOptions(args: readonly string[], drawn: boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i < args.length && args[i] !== "--"; i++) {
    if (args[i] === "--verbose") kept.push(args[i]);
    const [, flag, value] = /^--([a-z-]+)(=.*)?$/s.exec(args[i]) ?? [];
    if (flag === undefined || !resumed.includes(flag)) continue;
    kept.push(args[i]);
    if (value === undefined) kept.push(args[++i]);
  }
  if (!drawn) kept.push("--no-progress");
  if (!kept.some((arg) => /^--threads(=|$)/.test(arg))) kept.push("--threads", "1");
  return kept;
}

/**
 * The command line of a child that resumes a seed: of the parent's options, those that `resume` has. The others are in
 * the run's configuration. `environment` is the path of the module, which the parent has loaded.
 */
export function resumeArguments(
  args: readonly string[],
  directory: string,
  drawn: boolean,
  environment: string | undefined,
): string[] {
  const kept = childOptions(args, drawn);
  if (environment !== undefined) kept.push("--environment", environment);
  return ["resume", directory, ...kept, "--as-child"];
}

/** What the directory of a seed holds of the run that is wanted there. */
export type Found = "nothing" | "checkpoint" | "result";

/** Whether a directory holds a run that may be continued. */
export function holdsRun(directory: string): boolean {
  const folder = fromStart(directory);
  return [files.config, files.checkpoint].every((name) => fs.existsSync(path.join(folder, name)));
}

/** What decides a run, by the fields of its configuration, apart from what its module contains. */
function deciding(config: RunConfig): Record<string, unknown> {
  const { environment, environmentModule, preset, seed, steps, environments, settings, evaluation } = config;
  const { untilReturn, from, environmentOptions } = config;
  const arithmetic = arithmeticOf(config);
  return {
    ...{ environment, environmentModule, preset, seed, steps, environments, arithmetic, settings, evaluation },
    ...{ untilReturn, from, environmentOptions },
  };
}

/** Looks at what an earlier command left of a run. Throws an InputError if it is another run. */
export function findRun(directory: string, wanted: RunConfig, start: Uint8Array | undefined): Found {
  // The checkpoint of a finished run may be gone: it is large.
  if (!holdsRun(directory) && !isComplete(fromHere(directory))) return "nothing";
  const hint = "Choose another --out.";
  const run = fromHere(directory);
  const config = readConfig(run);
  const found = deciding(config);
  for (const [field, here] of Object.entries(deciding(wanted))) {
    const there = found[field];
    expect(isDeepStrictEqual(here, there), `${directory} ${field}`, JSON.stringify(here) ?? "none", there, hint);
  }
  const [now, was] = [wanted, config].map(({ environmentSha256 }) => environmentSha256);
  if (now !== undefined && was !== undefined && now !== was) {
    const expected = `${shortHash(now)}, of the module as it is now`;
    throw new InputError({ where: `${directory} environmentSha256`, expected, got: shortHash(was), hint });
  }
  const isSameStart = !start || fs.readFileSync(path.join(run, files.start)).equals(start);
  expect(isSameStart, path.join(directory, files.start), "the policy of --from", "another", hint);
  expectOwnConfig(run, config);
  return isComplete(run) ? "result" : "checkpoint";
}

export interface SeedsOptions {
  readonly seeds: readonly number[];
  /** The path of the environment's module or its address outside of the process, if it has one. */
  readonly environment: string | undefined;
  /** That of all seeds. */
  readonly arithmetic: Arithmetic;
  /** The directory of each seed. */
  readonly directories: readonly string[];
  /** What each directory holds. */
  readonly found: readonly Found[];
  /** Whether the same command continues the seeds that do not finish, because it names the directories. */
  readonly continues: boolean;
  readonly jobs: number;
  readonly progress: boolean;
  warn(warning: string): void;
}

/** A run in its own process. */
export interface ChildRun extends ChildCommand {
  readonly seed: number;
  readonly directory: string;
  /** Undefined until it ends. */
  end?: ChildEnd["how"];
  /** The run's result, if it wrote one. */
  result?: RunResult;
}

/**
 * Trains all seeds and prints the results. The exit code becomes 1 if any run is not complete. A signal ends the
 * process when the children have closed their records.
 */
export async function trainSeeds(options: SeedsOptions): Promise<void> {
  const { seeds, environment, arithmetic, directories, found, continues, jobs, progress, warn } = options;
  const drawn = progress && stdout.isTTY;
  const width = largest(seeds.map((seed) => `${seed}`.length));
  const own = namingArithmetic(process.argv.slice(2), arithmetic);
  const runs = seeds.map((seed, i): ChildRun => {
    const directory = directories[i];
    const args =
      found[i] === "checkpoint"
        ? resumeArguments(own, directory, drawn, environment)
        : seedArguments(own, seed, directory, drawn);
    return { label: `seed ${String(seed).padStart(width)}`, args, seed, directory };
  });
  const started = performance.now();
  const unfinished = runs.filter((_, i) => found[i] !== "result");
  for (const run of runs.filter((_, i) => found[i] === "result")) {
    settle(run, { how: "complete", why: "" });
    if (progress) print(`${run.label}  ${ending(run)}`);
  }
  const signal = await runChildren(unfinished, {
    jobs,
    progress,
    onStart: ({ label, args, directory }) => {
      if (progress && !drawn)
        print(`${label}  ${args[0] === "resume" ? "resumed" : "started"}, records in ${directory}`);
    },
    onWarning: ({ seed }, warning) => warn(`seed ${seed}: ${warning}`),
    onEnd: (run, end) => {
      const why = settle(run, end);
      if (why) printError(`ddpg: seed ${run.seed}: ${why}`.split("\n"));
      else if (progress) print(`${run.label}  ${ending(run)}`);
    },
  });
  if (progress) print("");
  print(summary(runs, jobs, (performance.now() - started) / 1000));
  const left = runs.filter(({ end }) => end === "stopped" || end === undefined);
  if (left.length > 0 && continues) print("continue       The same command continues the seeds that are left.");
  else if (left.some(({ end }) => end === undefined)) {
    const waiting = left.filter(({ end }) => end === undefined).map(({ seed }) => seed);
    print(`not started    npx ddpg ${otherSeeds(own, waiting).map(inShell).join(" ")}`);
  }
  if (signal) exit(exitCodes[signal]);
  if (runs.some((run) => run.end !== "complete")) process.exitCode = 1;
}

/** Stores how a run ended, also from the result that it wrote. Returns why it failed, or "". */
export function settle(run: ChildRun, { how, why }: ChildEnd): string {
  try {
    run.result = readResult(fromStart(run.directory));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
  // A signal may arrive when everything is done, and a process may exit with code 0 before it has done anything.
  const complete = how !== "failed" && run.result?.evaluation && !run.result.failed;
  run.end = complete ? "complete" : how === "complete" ? "failed" : how;
  return run.end === "failed" ? why || "ended without a result" : "";
}

function ending({ end, result, directory }: ChildRun): string {
  return end === "complete" && result
    ? `${returnOf(result.evaluation)}, best ${returnOf(result.bestEvaluation)}  ${whole(result.stepsPerSecond)} steps/s  ${directory}`
    : `${end} ${afterSteps(result)}`;
}

/** The line with the statistic over the seeds that are complete, or no line. */
export function statisticLines(returns: readonly number[]): string[] {
  if (returns.length === 0) return [];
  const { name, value, interval } = seedStatistic(returns);
  const ends = interval ? `; 95 % bootstrap interval ${interval.map(short).join(" to ")}` : "";
  return [`return         ${short(value)}, ${name}${ends}`];
}

function summary(runs: readonly ChildRun[], jobs: number, seconds: number): string[] {
  const complete = runs.filter(({ end }) => end === "complete");
  const returns = complete.flatMap(({ result }) => result?.evaluation?.meanReturn ?? []);
  const of = (count: number): string => `${whole(count)} of ${whole(runs.length)}`;
  const worse = complete.filter(({ result }) => result && isBestWorse(result)).length;
  const without = (name: string, end: ChildRun["end"]): string[] => {
    const seeds = runs.filter((run) => run.end === end).map(({ seed }) => seed);
    return seeds.length === 0 ? [] : [`${name.padEnd(15)}${of(seeds.length)} seeds: ${seeds.join(", ")}`];
  };
  const readable = runs.filter(({ end, result }) => end !== "failed" && result).map(({ directory }) => directory);
  return [
    ...tableOf(runs),
    "",
    ...statisticLines(returns),
    ...(worse > 0 ? [`best           worse than the last policy over the final starts in ${of(worse)} seeds`] : []),
    `time           ${duration(seconds)}, ${jobs === 1 ? "one seed" : `${whole(jobs)} seeds`} at a time`,
    ...without("failed", "failed"),
    ...without("stopped", "stopped"),
    ...without("not started", undefined),
    ...runs
      .filter(({ end, result }) => end === "stopped" && result)
      .map(({ directory }) => `resume         npx ddpg resume ${inShell(directory)}`),
    ...(readable.length > 0 ? [`report         npx ddpg report ${readable.map(inShell).join(" ")}`] : []),
  ];
}

/** The runs that have started, one line each. */
function tableOf(runs: readonly ChildRun[]): string[] {
  const rows = runs
    .filter(({ end }) => end !== undefined)
    .map(({ seed, end, result, directory }) => [
      `${seed}`,
      end === "complete" && result ? returnOf(result.evaluation) : `${end} ${afterSteps(result)}`,
      end === "complete" && result ? returnOf(result.bestEvaluation) : "–",
      result ? whole(result.stepsPerSecond) : "–",
      result ? result.fingerprint : "–",
      fs.existsSync(fromStart(directory)) ? directory : "–",
    ]);
  if (rows.length === 0) return [];
  rows.unshift(["seed", "return, last", "return, best", "steps/s", "fingerprint", "records"]);
  return table(rows, [0, 3]);
}

function returnOf(evaluation: RunResult["evaluation"] | undefined): string {
  return evaluation ? plusMinus(evaluation.meanReturn, evaluation.standardError) : "–";
}

function afterSteps(result: RunResult | undefined): string {
  return result ? `after ${whole(result.steps)} steps` : "without a result";
}
