// The files of a run's directory: what each holds, and how it is read and checked.
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, InputError } from "../base/expect.ts";
import { decodeSafetensors, numbersOf, type Safetensors, type Tensor } from "../base/safetensors.ts";
import { presets, type Settings, storedSettings } from "../ddpg/config.ts";
import { Policy } from "../ddpg/policy.ts";
import { parseObject, parseSettings } from "../ddpg/tensors.ts";
import { type MetricsRecord, parseRecords } from "../training/metrics.ts";
import type { BestEvaluation, RunConfig, RunResult } from "../training/run.ts";
import { attempt, readFile, refusal, text } from "./files.ts";
import { replaceFile } from "./replace-file.ts";

/** What the readers below understand; it moves when the files' meaning does. */
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

/** In a run's directory: the policy that its actor began as. */
export const startFile = files.start;

/** Which of a run's policies: that of the best evaluation on the way, or the one at the end. */
export type WhichPolicy = "best" | "last";

/** What a checkpoint holds of a run beside its agent. */
export interface RunState {
  /** Time spent on training. */
  seconds: number;
  /** Steps between two records of diagnostics. */
  diagnosticsEvery: number;
  /** The last evaluation. */
  evaluation: { step: number; meanReturn: number };
  /** The best evaluation so far. */
  best: BestEvaluation;
}

/** A checkpoint that was read. */
export interface Checkpoint {
  /** For `Ddpg.load`. */
  bytes: Uint8Array;
  /** What the run itself keeps, beside the agent. */
  state: RunState;
  /** Bytes of `metrics.jsonl` that were written then. */
  metricsBytes: number;
  /** The agent's settings. */
  settings: Settings;
  /** Steps that were taken. */
  steps: number;
  /** The sums of diagnostics since the last record. */
  means: Float64Array;
  /** The policy of the best evaluation, as `Policy.contents` gives it. */
  bestPolicy: Safetensors;
}

/** Without the file that it is a view of. */
function copyOf(tensor: Tensor): Tensor {
  return { ...tensor, parts: tensor.parts.map((part) => part.slice()) };
}

/** A checkpoint's text `run`. */
interface SavedState extends RunState {
  format: string;
  metricsBytes: number;
}

const bestFields = {
  step: "a whole number",
  meanReturn: "a number",
  standardError: "a number, or null",
  episodes: "a whole number",
} as const;

/** A run's checkpoint, checked but for what `Ddpg.load` checks. Throws an InputError where there is no good one. */
export function readCheckpoint(run: string): Checkpoint {
  const where = path.join(run, files.checkpoint);
  const bytes = read(run, files.checkpoint, "Train again: ddpg train --config.");
  const contents = decodeSafetensors(bytes, where);
  const state = parseObject(contents.metadata, "run", where) as Partial<SavedState>;
  const field = `${where} run`;
  expect(state.format === format, `${field} format`, `"${format}"`, state.format);
  expectFields(state, field, {
    seconds: "a number",
    metricsBytes: "a whole number",
    diagnosticsEvery: "a whole number",
    evaluation: "an object",
    best: "an object",
  });
  const { seconds, metricsBytes, diagnosticsEvery, evaluation, best } = state;
  expectFields(evaluation, `${field} evaluation`, { step: "a whole number", meanReturn: "a number" });
  expectFields(best, `${field} best`, bestFields);
  const counters: { loop?: { step?: unknown } } = parseObject(contents.metadata, "counters", where);
  const means = contents.tensors.get("run.means");
  const known = means?.dtype === "F64" && means.shape.length === 1 && means.shape[0] > 6;
  expect(known, `${where} run.means`, "numbers as F64", means?.dtype);
  const bestTensors = [...contents.tensors].filter(([name]) => name.startsWith("best."));
  const bestTexts = Object.entries(parseObject(contents.metadata, "best", where)).map(([name, text]) => {
    expect(typeof text === "string", `${where} best ${name}`, "a text", text);
    return [name, text] as const;
  });
  return {
    bytes,
    state: { seconds, diagnosticsEvery: Math.max(1, diagnosticsEvery), evaluation, best },
    metricsBytes,
    settings: parseSettings(contents.metadata, where),
    steps: Number(counters.loop?.step ?? 0),
    means: Float64Array.from(numbersOf(means)),
    bestPolicy: {
      tensors: new Map(bestTensors.map(([name, tensor]) => [name.slice("best.".length), copyOf(tensor)])),
      metadata: new Map(bestTexts),
    },
  };
}

/** A run's `config.json`, checked. */
export function readConfig(run: string): RunConfig {
  const { value, where } = readJson<RunConfig>(run, files.config);
  expectFields(value, where, {
    environment: "a name",
    environmentModule: "a path, or nothing",
    preset: `one of ${Object.keys(presets).join(", ")}`,
    seed: "a whole number",
    steps: "a whole number",
    settings: "an object",
    evaluation: "an object",
    untilReturn: "a number, or nothing",
    from: "true, or nothing",
  });
  const whole = "a whole number";
  expectFields(value.evaluation, `${where} evaluation`, { every: whole, episodes: whole, finalEpisodes: whole });
  return { ...value, settings: storedSettings(value.settings, `${where} settings`) };
}

/** A run's `result.json`, checked. Throws an InputError when the run did not come to its end. */
export function readResult(run: string): RunResult {
  const { value, where } = readJson<RunResult>(run, files.result, "The run did not end; resume it.");
  expectFields(value, where, {
    steps: "a whole number",
    trainingSeconds: "a number",
    stepsPerSecond: "a number, or null",
    fingerprint: "16 hexadecimal digits",
    evaluation: "an object, or null",
    best: "an object, or nothing",
    failed: "what went wrong, or nothing",
  });
  if (value.best) expectFields(value.best, `${where} best`, bestFields);
  if (value.evaluation) {
    const within = `${where} evaluation`;
    expectFields(value.evaluation, within, {
      meanReturn: "a number, or null",
      standardError: "a number, or null",
      episodes: "a whole number",
    });
  }
  return value;
}

/** Whether a run came to its end, its last evaluation included. */
export function isComplete(run: string): boolean {
  try {
    const { evaluation, interrupted, failed } = readResult(run);
    return evaluation !== null && !interrupted && failed === undefined;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

const checks: Readonly<Record<string, (value: unknown) => boolean>> = {
  "a name": (value) => typeof value === "string",
  "a path, or nothing": (value) => value === undefined || typeof value === "string",
  [`one of ${Object.keys(presets).join(", ")}`]: (value) => typeof value === "string" && Object.hasOwn(presets, value),
  "what went wrong, or nothing": (value) => value === undefined || typeof value === "string",
  "16 hexadecimal digits": (value) => typeof value === "string" && /^[0-9a-f]{16}$/.test(value),
  "a whole number": (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  "a number": (value) => typeof value === "number",
  // Of what is not finite, JSON makes null.
  "a number, or null": (value) => value === null || typeof value === "number",
  "an object": (value) => typeof value === "object" && value !== null,
  "an object, or nothing": (value) => value === undefined || (typeof value === "object" && value !== null),
  "a number, or nothing": (value) => value === undefined || typeof value === "number",
  "true, or nothing": (value) => value === undefined || value === true,
  "an object, or null": (value) => typeof value === "object",
};

/** Throws an InputError unless every field is what it is said to be, in the words of `checks`. */
function expectFields<T extends object>(
  value: Partial<T>,
  where: string,
  wanted: Partial<Record<keyof T & string, string>>,
): asserts value is T {
  for (const [name, kind] of Object.entries<string | undefined>(wanted)) {
    const field = value[name as keyof T];
    if (kind !== undefined) expect(checks[kind](field), `${where} ${name}`, kind, field);
  }
}

/** A run's `metrics.jsonl`: training episodes, evaluations and diagnostics in the order of their steps. */
export function readMetrics(run: string): MetricsRecord[] {
  const file = path.join(run, files.metrics);
  return parseRecords(read(run, files.metrics).toString("utf8"), file);
}

/** A run's policy. */
export function readPolicy(run: string, which: WhichPolicy): Promise<Policy> {
  const name = which === "best" ? files.best : files.policy;
  return loadPolicy(path.join(run, name), read(run, name, "The run did not end; resume it."));
}

/** The policy of a file, or that at the end of a run whose directory is named; and the file's bytes. */
export async function readPolicyFile(file: string): Promise<{ policy: Policy; bytes: Uint8Array }> {
  const where = `policy ${file}`;
  const isRun = attempt(where, "a policy's file", () => fs.statSync(file)).isDirectory();
  const full = isRun ? path.join(file, files.policy) : file;
  const bytes = attempt(`policy ${full}`, "a policy's file", () => readFile(full));
  return { policy: await loadPolicy(full, bytes), bytes };
}

async function loadPolicy(file: string, bytes: Uint8Array): Promise<Policy> {
  try {
    return await Policy.load(bytes);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${file}: ${error.message}`);
  }
}

/** A record of this format; the fields that matter are the caller's to check. */
function readJson<T>(run: string, name: string, wayOut?: string): { value: Partial<T>; where: string } {
  const where = path.join(run, name);
  const content = read(run, name, wayOut).toString("utf8");
  let value: Partial<T> & { format?: unknown };
  try {
    value = JSON.parse(content) ?? {};
  } catch (error) {
    throw new InputError(`${where}: expected JSON, got something else (${text(error)}). Is it a run's directory?`);
  }
  expect(value.format === format, `${where} format`, `"${format}"`, value.format, "Another version of ddpg wrote it.");
  return { value, where };
}

function read(run: string, name: string, wayOut = "Name the directory of a run."): Buffer {
  // Both are said by what is missing: the run, or one of its files.
  const status = attempt(run, "a run's directory", () => fs.statSync(run), "Name the directory of a run.");
  if (!status.isDirectory()) throw new InputError(`${run}: expected a run's directory, got a file.`);
  const file = path.join(run, name);
  return attempt(file, "a file of a run", () => readFile(file), wayOut);
}

/** A file of a run's directory, if it is a file of its own: what a link leads to is somebody else's. */
export function statusOf(run: string, name: string): fs.Stats | undefined {
  try {
    const status = fs.lstatSync(path.join(run, name));
    return status.isFile() ? status : undefined;
  } catch (error) {
    if (refusal(error) === undefined) throw error;
    return undefined;
  }
}

/** Opens such a file; undefined where there is none. */
export function openRunFile(run: string, name: string): number | undefined {
  if (!statusOf(run, name)) return undefined;
  // Windows has no such flag.
  const noLink = fs.constants.O_NOFOLLOW ?? 0;
  try {
    return fs.openSync(path.join(run, name), fs.constants.O_RDONLY | noLink);
  } catch (error) {
    if (refusal(error) === undefined) throw error;
    return undefined;
  }
}

/** Writes a record of this format. */
export function writeJson(file: string, value: object): void {
  const text = JSON.stringify({ format, ...value }, null, 2);
  // A list of numbers or names takes one line.
  const compact = text.replace(
    /\[\n([^[\]{}]*)\n\s*\]/g,
    (_, items: string) => `[${items.trim().replace(/\n\s*/g, " ")}]`,
  );
  replaceFile(file, [Buffer.from(`${compact}\n`)]);
}
