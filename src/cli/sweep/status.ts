// `ddpg sweep status`: every run of a sweep and how far it is.
import * as fs from "node:fs";
import * as path from "node:path";
import type { Command } from "commander";
import { InputError } from "../../base/expect.ts";
import { attempt, openFile, readAt, readFile } from "../../node/files.ts";
import { isLocked } from "../../node/lock.ts";
import { expectDirectory, files } from "../../node/run-files.ts";
import { fromStart } from "../../node/starting-folder.ts";
import { type RunResult, readResult } from "../../node.ts";
import { count, plusMinus, whole } from "../terminal/numbers.ts";
import { inShell } from "../terminal/options.ts";
import { print } from "../terminal/output.ts";
import { addServerOptions, chosenServer, expectNoServer, type ServerFlags } from "../terminal/server-options.ts";
import { table } from "../terminal/table.ts";
import { cellValues, readSweep, runsOf, type SweepRecord, type SweepRun, variedNames } from "./record.ts";

/** How far a run is. A stopped one has a checkpoint, and a waiting one has not begun. */
export type RunState = "complete" | "running" | "failed" | "stopped" | "waiting";

export interface RunStatus {
  readonly state: RunState;
  /** The last step that is recorded. */
  readonly step: number;
  /** Present if the run has ended in any way. */
  readonly result?: RunResult;
  /** Why it failed, if a server set it aside. */
  readonly error?: string;
}

/** The file beside a run's directory that says why a server set it aside. */
export function failureFile(directory: string): string {
  return `${fromStart(directory)}.failed.txt`;
}

/** Letters of it that are read. */
const maxFailureBytes = 65_536;

/** What a run's directory says, without reading all its records. */
export function statusOf(directory: string): RunStatus {
  const has = (name: string): boolean => fs.existsSync(fromStart(path.join(directory, name)));
  const failure = failureOf(directory);
  const hasConfig = has(files.config);
  const result = hasConfig ? resultOf(directory) : undefined;
  const isRunning = hasConfig && isLocked(directory);
  const state = stateFrom({ isRunning, hasConfig, hasCheckpoint: has(files.checkpoint), result, failure });
  if (!hasConfig) return { state, step: 0, ...(failure !== undefined && { error: failure }) };
  if (state === "running") return { state, step: lastStep(directory) };
  const step = result?.steps ?? lastStep(directory);
  const isSetAside = state === "failed" && result?.failed === undefined && failure !== undefined;
  return { state, step, ...(result && { result }), ...(isSetAside && { error: failure }) };
}

/** How far a run is, from what its files say. A result counts also if the configuration cannot be read. */
export function stateFrom(found: {
  /** Whether a process holds its lock. */
  readonly isRunning: boolean;
  readonly hasConfig: boolean;
  readonly hasCheckpoint: boolean;
  readonly result: RunResult | undefined;
  /** Why a server set it aside. */
  readonly failure: string | undefined;
}): RunState {
  const { isRunning, hasConfig, hasCheckpoint, result, failure } = found;
  if (isRunning) return "running";
  if (hasConfig && result?.failed !== undefined) return "failed";
  if (hasConfig && result?.evaluation && !result.interrupted) return "complete";
  if (failure !== undefined) return "failed";
  return hasConfig && hasCheckpoint ? "stopped" : "waiting";
}

/** Why a server set a run aside; undefined if it did not. */
export function failureOf(directory: string): string | undefined {
  const file = failureFile(directory);
  if (!fs.existsSync(file)) return undefined;
  const read = (): string => readFile(file, maxFailureBytes).toString("utf8").trim();
  return attempt(file, "the reason of a failure", read);
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

interface StatusFlags extends ServerFlags {
  readonly server?: string;
}

export function addStatusCommand(sweep: Command): void {
  const command = sweep
    .command("status")
    .argument("[dir]", "a sweep's directory; with --server, the name of a sweep there [all]")
    .summary("show all runs of a sweep")
    .description("Shows all runs of a sweep: those that are complete, running, stopped, failed or waiting.")
    .option("--server <address>", "show the sweeps of a NATS server, as they are now");
  addServerOptions(command);
  command.action(async (directory: string | undefined) => {
    // The command above has the same options, and takes them.
    const { server, ...flags } = command.optsWithGlobals<StatusFlags>();
    if (server !== undefined) {
      // Loaded only here, because the other commands need no server.
      const { serverStatus } = await import("./nats/server-status.ts");
      await serverStatus(chosenServer(server, flags), directory);
      return;
    }
    expectNoServer(flags);
    if (directory === undefined) {
      const hint = 'See "ddpg sweep status --help".';
      throw new InputError({ where: "sweep status", expected: "<dir>", got: "nothing", hint });
    }
    status(directory);
  });
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
  const runs = runsOf(directory, record).map((run) => ({ ...run, ...statusOf(run.directory) }));
  const shown = runs.map(({ result, ...run }): ShownRun => {
    const { evaluation, fingerprint = "" } = result ?? {};
    return {
      ...run,
      ...(evaluation && { outcome: { ...evaluation, fingerprint } }),
      ...(result?.failed && run.error === undefined && { error: result.failed }),
    };
  });
  printRuns(record, inShell(directory), shown);
}

/** A run as the table has it. */
export interface ShownRun extends Omit<RunStatus, "result">, Omit<SweepRun, "directory"> {
  readonly outcome?: {
    readonly meanReturn: number;
    readonly standardError: number | null;
    readonly fingerprint: string;
  };
  readonly worker?: string;
}

/** Prints a table of runs. `place` says where the sweep is. */
export function printRuns(record: SweepRecord, place: string, runs: readonly ShownRun[]): void {
  const names = variedNames(record);
  const hasWorkers = runs.some(({ worker }) => worker !== undefined);
  const rows = runs.map(({ id, cell, seed, state, step, outcome, worker }) => [
    id,
    ...cellValues(cell, names),
    `${seed}`,
    state,
    `${whole(step)} of ${whole(record.steps)}`,
    state === "complete" && outcome ? plusMinus(outcome.meanReturn, outcome.standardError) : "–",
    state === "complete" && outcome ? outcome.fingerprint : "–",
    ...(hasWorkers ? [worker ?? "–"] : []),
  ]);
  const head = ["run", ...names, "seed", "state", "steps", "return", "fingerprint", ...(hasWorkers ? ["worker"] : [])];
  print([`${record.environment}: ${count(runs.length, "run")} in ${place}`, ""]);
  print(table([head, ...rows], [names.length + 1, names.length + 3]));
  print(["", countsText(runs)]);
  for (const { id, state, error } of runs) if (state === "failed") print(`${id}: ${error}`);
}

const states: readonly RunState[] = ["complete", "running", "stopped", "failed", "waiting"];

/** "3 complete, 1 running, 2 waiting". */
export function countsText(runs: readonly Pick<RunStatus, "state">[]): string {
  const counts = states.map((name) => ({ name, count: runs.filter(({ state }) => state === name).length }));
  return counts.flatMap(({ name, count }) => (count > 0 ? [`${whole(count)} ${name}`] : [])).join(", ");
}
