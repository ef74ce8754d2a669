// The files of a run's directory: what each holds, and how it is read and checked.
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, InputError } from "../base/expect.ts";
import { parseJson } from "../base/json.ts";
import { decodeSafetensors, type Safetensors, type Tensor } from "../base/safetensors.ts";
import { isNatsName } from "../base/nats-name.ts";
import { SavedAgent } from "../ddpg/agent-state.ts";
import { type Settings, storedSettings } from "../ddpg/config.ts";
import { checkPolicy, Policy } from "../ddpg/policy.ts";
import { expectTensor, finiteNumbers, parseObject } from "../ddpg/tensors.ts";
import { checkStoredInfo } from "../environment/environment-calls.ts";
import type { Arithmetic } from "../kernels/kernels.ts";
import { isActor } from "../training/actors/roster.ts";
import { DiagnosticsMeans, type MetricsRecord, parseRecord } from "../training/metrics.ts";
import type { FinalEvaluation, RunConfig, RunResult } from "../training/run.ts";
import type { RunState, SavedRun } from "../training/run-loop.ts";
import { expectMeans, readBest, readRunState } from "../training/run-state.ts";
import { allowFused } from "./allow-fused.ts";
import { expectFields, expectKnown, type Fields, pick, preset, versionsFields } from "./fields.ts";
import { attempt, kindOf, maxTextBytes, openFile, readFile, readSafetensors, refusal } from "./files.ts";
import { replaceFile } from "./replace-file.ts";

/** The format that the readers below understand. It changes when the meaning of the files changes. */
export const format = "ddpg-run-1";

export const files = {
  config: "config.json",
  metrics: "metrics.jsonl",
  policy: "policy.safetensors",
  best: "best.safetensors",
  start: "start.safetensors",
  checkpoint: "checkpoint.safetensors",
  result: "result.json",
} as const;

/** The file in a run's directory with the policy that its actor started as. */
export const startFile = files.start;

/** Which of a run's policies: that of the best evaluation during training, or the final one. */
export type WhichPolicy = "best" | "last";

/** A checkpoint after reading. */
export interface Checkpoint extends SavedRun {
  /** The whole file, for `Ddpg.load`. */
  bytes: Uint8Array;
  /** Length of `metrics.jsonl` in bytes when the checkpoint was written. */
  metricsBytes: number;
  /** The agent's settings. */
  settings: Settings;
  /** The seed of the agent. */
  seed: number;
  /** The arithmetic of the agent. */
  arithmetic: Arithmetic;
  /** Environment steps taken. */
  steps: number;
  /** The run's `config.json` when the checkpoint was written. */
  config?: RunConfig;
}

/** A copy that does not keep the whole file in memory. */
function copyOf(tensor: Tensor): Tensor {
  return { ...tensor, parts: tensor.parts.map((part) => part.slice()) };
}

/** The text `run` of a checkpoint. */
interface SavedState extends RunState {
  format: string;
  metricsBytes: number;
}

/**
 * Reads a run's checkpoint and checks it, except for the numbers of the networks and the replay buffer, which `Ddpg.load`
 * checks. Throws an InputError if there is no valid one.
 */
export function readCheckpoint(run: string): Checkpoint {
  expectPath(run, "readCheckpoint run");
  const where = path.join(run, files.checkpoint);
  const bytes = read(run, files.checkpoint, "Train again: ddpg train --config.");
  const contents = decodeSafetensors(bytes, where);
  const state = parseObject(contents.metadata, "run", where) as Partial<SavedState>;
  const field = `${where} run`;
  expect(state.format === format, `${field} format`, `"${format}"`, state.format);
  const agent = new SavedAgent(contents, where);
  expectFields<SavedState>(state, field, { metricsBytes: "a whole number" });
  const { metricsBytes } = state;
  const { actionSize } = agent.units;
  expectTensor(contents.tensors, "run.means", "F64", [DiagnosticsMeans.stateSize(actionSize)], where);
  const means = Float64Array.from(finiteNumbers(contents.tensors, "run.means", where));
  expectMeans(means, actionSize, agent.updates, `${where} run.means`);
  const bestTensors = [...contents.tensors].filter(([name]) => name.startsWith("best."));
  const bestTexts = Object.entries(parseObject(contents.metadata, "best", where)).map(([name, text]) => {
    expect(typeof text === "string", `${where} best ${name}`, "a text", text);
    return [name, text] as const;
  });
  const bestPolicy: Safetensors = {
    tensors: new Map(bestTensors.map(([name, tensor]) => [name.slice("best.".length), copyOf(tensor)])),
    metadata: new Map(bestTexts),
  };
  agent.units.expectSame(checkPolicy(bestPolicy, `${where} best`).units, `${where} best`);
  return {
    bytes,
    state: readRunState(state, agent.trainingSteps, field),
    metricsBytes,
    settings: agent.settings,
    seed: agent.seed,
    arithmetic: agent.arithmetic,
    steps: agent.trainingSteps,
    ...(contents.metadata.has("config") && {
      config: configFrom(parseObject(contents.metadata, "config", where), `${where} config`, ""),
    }),
    means,
    bestPolicy,
  };
}

const configFields = {
  environment: "a name",
  environmentModule: "a path, or nothing",
  environmentSha256: "64 hexadecimal digits, or nothing",
  environmentOptions: "an object, or nothing",
  preset,
  seed: "a whole number",
  steps: "a whole number above 0",
  environments: "a whole number above 1, or nothing",
  actors: "an object, or nothing",
  settings: "an object",
  arithmetic: "fused or portable, or nothing",
  evaluation: "an object",
  untilReturn: "a number, or nothing",
  from: "true, or nothing",
  versions: "an object",
  commit: "a text, or nothing",
} as const satisfies Fields<RunConfig>;

const evaluationFields = {
  every: "a whole number above 0",
  episodes: "a whole number above 0",
  finalEpisodes: "a whole number above 0",
  fewerIfSlow: "true, or nothing",
} as const satisfies Fields<RunConfig["evaluation"]>;

const resultFields = {
  environment: "a name",
  preset,
  seed: "a whole number",
  steps: "a whole number",
  trainingSeconds: "a number",
  stepsPerSecond: "a number, or null",
  threads: "a whole number",
  evaluation: "an object, or null",
  best: "an object, or nothing",
  bestEvaluation: "an object, or nothing",
  fingerprint: "16 hexadecimal digits",
  interrupted: "true, or nothing",
  failed: "what went wrong, or nothing",
} as const satisfies Fields<RunResult>;

const finalFields = {
  meanReturn: "a number, or null",
  standardError: "a number, or null",
  episodes: "a whole number",
  info: "an object, or nothing",
} as const satisfies Fields<FinalEvaluation>;

/** The name of an environment in the names of files and directories: an id may hold a `/`, and an address a `:`. */
export function inFileName(environment: string): string {
  return environment.replaceAll(/[\\/:*?"<>|]+/g, "-");
}

/** Reads and checks a run's `config.json`. */
export function readConfig(run: string): RunConfig {
  expectPath(run, "readConfig run");
  const hint = "Set it right in the file, or train again.";
  const { value, where } = readJson(run, files.config, hint);
  return configFrom(value, where, hint);
}

/**
 * A run's configuration from an object that came from a file. Throws an InputError for a field that is wrong, and for
 * an unknown one: it may be misspelled, or decide something that only a later version knows.
 */
export function configFrom(value: object, where: string, hint: string): RunConfig {
  expectFields<RunConfig>(value, where, configFields, hint);
  expectKnown(value, where, ["format", ...Object.keys(configFields)]);
  const { evaluation, versions, settings, actors } = value;
  expectFields<RunConfig["evaluation"]>(evaluation, `${where} evaluation`, evaluationFields, hint);
  expectKnown(evaluation, `${where} evaluation`, Object.keys(evaluationFields));
  expectFields<RunConfig["versions"]>(versions, `${where} versions`, versionsFields, hint);
  return {
    ...pick(value, configFields),
    settings: storedSettings(settings, `${where} settings`),
    evaluation: pick(evaluation, evaluationFields),
    ...(actors !== undefined && { actors: actorsFrom(actors, `${where} actors`, hint) }),
    versions: pick(versions, versionsFields),
  };
}

function actorsFrom(actors: object, where: string, hint: string): NonNullable<RunConfig["actors"]> {
  expectKnown(actors, where, ["channel", "run"]);
  const { channel, run }: { channel?: unknown; run?: unknown } = actors;
  expect(isNatsName(channel), `${where} channel`, "the name of a channel", channel, hint);
  expect(isActor(run), `${where} run`, "32 hexadecimal digits", run, hint);
  return { channel, run };
}

/** Reads and checks a run's `result.json`; leaves out fields that it does not know. Throws an InputError if the run has not finished. */
export function readResult(run: string): RunResult {
  expectPath(run, "readResult run");
  const hint = "Was it edited? ddpg resume writes it again, from the checkpoint.";
  const { value, where } = readJson(run, files.result, hint, "The run has not finished; resume it.");
  expectFields<RunResult>(value, where, resultFields, hint);
  const { evaluation, best, bestEvaluation } = value;
  return {
    ...pick(value, resultFields),
    evaluation: evaluation && finalFrom(evaluation, `${where} evaluation`, hint),
    ...(best && { best: readBest(best, `${where} best`, hint) }),
    ...(bestEvaluation && { bestEvaluation: finalFrom(bestEvaluation, `${where} bestEvaluation`, hint) }),
  };
}

function finalFrom(evaluation: object, where: string, hint: string): FinalEvaluation {
  expectFields<FinalEvaluation>(evaluation, where, finalFields, hint);
  if (evaluation.info !== undefined) checkStoredInfo(evaluation.info, `${where} info`);
  return pick(evaluation, finalFields);
}

/** Whether a run has finished, including its final evaluation. */
export function isComplete(run: string): boolean {
  try {
    const { evaluation, interrupted, failed } = readResult(run);
    return evaluation !== null && !interrupted && failed === undefined;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

/**
 * Reads a run's `metrics.jsonl`: training episodes, evaluations and diagnostics in the order of their steps. Millions of
 * records need gigabytes of memory: `eachMetric` reads one at a time.
 */
export function readMetrics(run: string): MetricsRecord[] {
  expectPath(run, "readMetrics run");
  return [...eachMetric(run)];
}

/** Bytes of records to read at once. */
const pieceBytes = 2 ** 20;

/** The longest line of records that is read. A saturation of a million action dimensions has this length. */
const maxLineBytes = 2 ** 24;

const newline = 10;

/**
 * Reads the records of a run's `metrics.jsonl` one after another, in bounded memory, up to byte `end` if given. Ignores
 * a last line without a newline, which means that the run was killed while it wrote. Throws an InputError with the
 * line's number if a line is not a record.
 */
export function* eachMetric(run: string, end = Number.POSITIVE_INFINITY): Generator<MetricsRecord, void, void> {
  expectDirectory(run);
  const file = path.join(run, files.metrics);
  const failed = "a file of a run";
  const descriptor = attempt(file, failed, () => openFile(file), directoryHint);
  try {
    const buffer = Buffer.allocUnsafeSlow(pieceBytes);
    let number = 0;
    // What has been read of the line that the last piece ended in.
    let started: Buffer[] = [];
    let startedBytes = 0;
    for (let position = 0; position < end; ) {
      const most = Math.min(buffer.length, end - position);
      const count = attempt(file, failed, () => fs.readSync(descriptor, buffer, 0, most, position));
      if (count === 0) return;
      position += count;
      let from = 0;
      for (let to = buffer.indexOf(newline); to >= 0 && to < count; to = buffer.indexOf(newline, from)) {
        const rest = buffer.subarray(from, to);
        const line = startedBytes > 0 ? Buffer.concat([...started, rest]) : rest;
        yield parseRecord(line.toString("utf8"), `${file} line ${++number}`);
        [started, startedBytes, from] = [[], 0, to + 1];
      }
      started.push(Buffer.from(buffer.subarray(from, count)));
      startedBytes += count - from;
      if (startedBytes <= maxLineBytes) continue;
      const expected = `a line of at most ${maxLineBytes / 2 ** 20} MiB`;
      throw new InputError({ where: `${file} line ${number + 1}`, expected, got: "a longer one" });
    }
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Reads a run's policy: the last one unless `which` is "best". */
export async function readPolicy(run: string, which: WhichPolicy = "last"): Promise<Policy> {
  expectPath(run, "readPolicy run");
  expect(which === "best" || which === "last", "readPolicy which", '"best" or "last"', which);
  const name = which === "best" ? files.best : files.policy;
  return loadPolicy(path.join(run, name), read(run, name, "The run has not finished; resume it."));
}

/** Reads the policy of a file, or the final policy of a run's directory. Returns the file's bytes, too. */
export async function readPolicyFile(file: string): Promise<{ policy: Policy; bytes: Uint8Array }> {
  expectPath(file, "readPolicyFile file");
  const where = `policy ${file}`;
  const isRun = attempt(where, "a policy's file", () => fs.statSync(file)).isDirectory();
  const full = isRun ? path.join(file, files.policy) : file;
  const bytes = attempt(`policy ${full}`, "a policy's file", () => readSafetensors(full, full));
  return { policy: await loadPolicy(full, bytes), bytes };
}

async function loadPolicy(file: string, bytes: Uint8Array): Promise<Policy> {
  allowFused();
  try {
    return await Policy.load(bytes);
  } catch (error) {
    throw error instanceof InputError ? error.within(`${file}:`) : error;
  }
}

function expectPath(value: unknown, where: string): void {
  expect(typeof value === "string", where, "a path", value);
}

/** Reads a JSON record of this format. The caller checks its fields. */
function readJson(run: string, name: string, editHint: string, missingHint?: string): { value: object; where: string } {
  const where = path.join(run, name);
  const text = read(run, name, missingHint).toString("utf8");
  const value = parseJson(text, where, "Is it a run's directory?", editHint);
  expect(typeof value === "object" && value !== null, where, "a JSON object", value, "Is it a run's directory?");
  const found = "format" in value ? value.format : undefined;
  expect(found === format, `${where} format`, `"${format}"`, found, "Another version of ddpg wrote it.");
  return { value, where };
}

const directoryHint = "Give the directory of a run.";

/** Throws an InputError unless there is a directory with this path. */
export function expectDirectory(run: string): void {
  const status = attempt(run, "a run's directory", () => fs.statSync(run), directoryHint);
  if (!status.isDirectory()) throw new InputError({ where: run, expected: "a run's directory", got: kindOf(status) });
}

function read(run: string, name: string, hint = directoryHint): Buffer {
  // Two errors: the directory is missing, or one of its files is.
  expectDirectory(run);
  const file = path.join(run, name);
  const isSafetensors = name.endsWith(".safetensors");
  const action = (): Buffer => (isSafetensors ? readSafetensors(file, file) : readFile(file, maxTextBytes));
  // The hint is about a file that is missing.
  return attempt(file, "a file of a run", action, fs.existsSync(file) ? "" : hint);
}

/** Stats of a regular file in a run's directory. Symbolic links are ignored, because they may point outside of it. */
export function statusOf(run: string, name: string): fs.Stats | undefined {
  try {
    const status = fs.lstatSync(path.join(run, name));
    return status.isFile() ? status : undefined;
  } catch (error) {
    if (refusal(error) === undefined) throw error;
    return undefined;
  }
}

/** A string that changes when such a file does; "" if there is none. Files are replaced, so the inode changes. */
export function versionOf(status: fs.Stats | undefined): string {
  return status ? `${status.ino}-${status.mtimeMs}-${status.size}` : "";
}

/** Opens such a file. Undefined if there is none. */
export function openRunFile(run: string, name: string): number | undefined {
  if (!statusOf(run, name)) return undefined;
  // Windows does not have this flag.
  const noLink = fs.constants.O_NOFOLLOW ?? 0;
  try {
    return openFile(path.join(run, name), noLink);
  } catch (error) {
    if (refusal(error) === undefined) throw error;
    return undefined;
  }
}

/** Writes a JSON record of this format. */
export function writeJson(file: string, value: object): void {
  const text = JSON.stringify({ format, ...value }, null, 2);
  // Lists of numbers or names are written on one line.
  const compact = text.replace(
    /\[\n([^[\]{}]*)\n\s*\]/g,
    (_, items: string) => `[${items.trim().replace(/\n\s*/g, " ")}]`,
  );
  replaceFile(file, [Buffer.from(`${compact}\n`)]);
}
