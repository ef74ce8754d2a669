// `ddpg train --seeds`: trains one task with several seeds, each in its own process, and summarizes them.

import * as fs from "node:fs";
import { expect, InputError } from "../../base/expect.ts";
import { largest } from "../../base/numbers.ts";
import { type RunResult, readResult } from "../../node.ts";
import { seedStatistic } from "../../training/aggregate.ts";
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

export interface SeedsOptions {
  readonly seeds: readonly number[];
  /** The directory of each seed. */
  readonly directories: readonly string[];
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
export async function trainSeeds({ seeds, directories, jobs, progress, warn }: SeedsOptions): Promise<void> {
  const drawn = progress && stdout.isTTY;
  const width = largest(seeds.map((seed) => `${seed}`.length));
  const runs = seeds.map((seed, i): ChildRun => {
    const directory = directories[i];
    const args = seedArguments(process.argv.slice(2), seed, directory, drawn);
    return { label: `seed ${String(seed).padStart(width)}`, args, seed, directory };
  });
  const started = performance.now();
  const signal = await runChildren(runs, {
    jobs,
    progress,
    onStart: ({ label, directory }) => {
      if (progress && !drawn) print(`${label}  started, records in ${directory}`);
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
  if (signal) exit(exitCodes[signal]);
  if (runs.some((run) => run.end !== "complete")) process.exitCode = 1;
}

/** Stores how a run ended, also from the result that it wrote. Returns why it failed, or "". */
export function settle(run: ChildRun, { how, why }: ChildEnd): string {
  try {
    run.result = readResult(run.directory);
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
      fs.existsSync(directory) ? directory : "–",
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
