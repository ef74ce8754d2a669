// `ddpg sweep status`: every run of a sweep and how far it is.
import * as fs from "node:fs";
import * as path from "node:path";
import type { Command } from "commander";
import { InputError } from "../../base/expect.ts";
import { attempt, openFile, readAt } from "../../node/files.ts";
import { isLocked } from "../../node/lock.ts";
import { expectDirectory, files } from "../../node/run-files.ts";
import { fromStart } from "../../node/starting-folder.ts";
import { type RunResult, readResult } from "../../node.ts";
import { count, plusMinus, whole } from "../terminal/numbers.ts";
import { inShell } from "../terminal/options.ts";
import { print } from "../terminal/output.ts";
import { table } from "../terminal/table.ts";
import { cellValues, readSweep, runsOf, type SweepRecord, variedNames } from "./record.ts";

/** How far a run is. A stopped one has a checkpoint, and a waiting one has not begun. */
export type RunState = "complete" | "running" | "failed" | "stopped" | "waiting";

export interface RunStatus {
  readonly state: RunState;
  /** The last step that is recorded. */
  readonly step: number;
  /** Present if the run has ended in any way. */
  readonly result?: RunResult;
}

/** What a run's directory says, without reading all its records. */
export function statusOf(directory: string): RunStatus {
  const has = (name: string): boolean => fs.existsSync(fromStart(path.join(directory, name)));
  if (!has(files.config)) return { state: "waiting", step: 0 };
  const result = resultOf(directory);
  const ended = result !== undefined && { result };
  const step = result?.steps ?? lastStep(directory);
  if (isLocked(directory)) return { state: "running", step: lastStep(directory) };
  if (result?.failed !== undefined) return { state: "failed", step, ...ended };
  if (result?.evaluation && !result.interrupted) return { state: "complete", step, ...ended };
  return { state: has(files.checkpoint) ? "stopped" : "waiting", step, ...ended };
}

function resultOf(directory: string): RunResult | undefined {
  try {
    return readResult(fromStart(directory));
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** Bytes at the end of the records that are read: many records, unless an action has thousands of dimensions. */
const tailBytes = 65_536;

/** The step of the last whole record; 0 if there is none. */
function lastStep(directory: string): number {
  const file = fromStart(path.join(directory, files.metrics));
  if (!fs.existsSync(file)) return 0;
  const text = attempt(file, "a file of a run", () => {
    const descriptor = openFile(file);
    try {
      const { size } = fs.fstatSync(descriptor);
      return readAt(descriptor, Math.max(0, size - tailBytes), Math.min(size, tailBytes)).toString("utf8");
    } finally {
      fs.closeSync(descriptor);
    }
  });
  const steps = [...text.matchAll(/"step":(\d+)[^\n]*\n/g)];
  return Number(steps.at(-1)?.[1] ?? 0);
}

export function addStatusCommand(sweep: Command): void {
  sweep
    .command("status")
    .argument("<dir>", "a sweep's directory")
    .summary("show all runs of a sweep")
    .description("Shows all runs of a sweep: those that are complete, running, stopped, failed or waiting.")
    .action((directory: string) => status(directory));
}

/** Reads the record of a sweep that must be there. */
export function expectSweep(directory: string): SweepRecord {
  expectDirectory(directory);
  const record = readSweep(directory);
  if (record) return record;
  const hint = "ddpg sweep makes one.";
  throw new InputError({ where: directory, expected: "a sweep's directory", got: "one without sweep.json", hint });
}

function status(directory: string): void {
  const record = expectSweep(directory);
  const names = variedNames(record);
  const runs = runsOf(directory, record).map((run) => ({ ...run, ...statusOf(run.directory) }));
  const rows = runs.map(({ id, cell, seed, state, step, result }) => [
    id,
    ...cellValues(cell, names),
    `${seed}`,
    state,
    `${whole(step)} of ${whole(record.steps)}`,
    state === "complete" && result?.evaluation
      ? plusMinus(result.evaluation.meanReturn, result.evaluation.standardError)
      : "–",
    state === "complete" && result ? result.fingerprint : "–",
  ]);
  const head = ["run", ...names, "seed", "state", "steps", "return", "fingerprint"];
  print([`${record.environment}: ${count(runs.length, "run")} in ${inShell(directory)}`, ""]);
  print(table([head, ...rows], [names.length + 1, names.length + 3]));
  print(["", countsText(runs)]);
  for (const { id, state, result } of runs) if (state === "failed") print(`${id}: ${result?.failed}`);
}

const states: readonly RunState[] = ["complete", "running", "stopped", "failed", "waiting"];

/** "3 complete, 1 running, 2 waiting". */
export function countsText(runs: readonly Pick<RunStatus, "state">[]): string {
  const counts = states.map((name) => ({ name, count: runs.filter(({ state }) => state === name).length }));
  return counts.flatMap(({ name, count }) => (count > 0 ? [`${whole(count)} ${name}`] : [])).join(", ");
}
