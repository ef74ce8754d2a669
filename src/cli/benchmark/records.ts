// The records of `ddpg benchmark`: one small JSON file per run, which outlives the run's directory.
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, InputError } from "../../base/expect.ts";
import { parseJson } from "../../base/json.ts";
import { type PresetName, type Settings, storedSettings } from "../../ddpg/config.ts";
import type { Arithmetic } from "../../kernels/kernels.ts";
import { expectFields, type Fields, pick, preset, versionsFields } from "../../node/fields.ts";
import { attempt, maxTextBytes, readFile } from "../../node/files.ts";
import { replaceFile } from "../../node/replace-file.ts";
import { inFileName } from "../../node/run-files.ts";
import { mean, type Point } from "../../training/aggregate.ts";

/** The format that the reader below understands. It changes when the meaning does. */
const format = "ddpg-benchmark-1";

/** The final return of a run is the mean of this many last evaluations. */
export const judgedBy = 10;

export interface BenchmarkRecord {
  readonly environment: string;
  /** The options that decide what an environment outside of the process is. */
  readonly environmentOptions?: Readonly<Record<string, unknown>>;
  /** The SHA-256 of the environment's module or program, if it has one, in hexadecimal. */
  readonly environmentSha256?: string;
  readonly preset: PresetName;
  readonly seed: number;
  /** Environment steps. */
  readonly steps: number;
  readonly settings: Settings;
  /** How products were rounded. Absent in records from before 0.2, which are portable. */
  readonly arithmetic?: Arithmetic;
  /** Of the program that started the run. Ends in "-dirty" if there were changes. */
  readonly commit?: string;
  /** Of the program that started the run. */
  readonly versions: { readonly ddpg: string; readonly node: string; readonly platform: string };
  /** The processor's name, and how many runs shared the machine. */
  readonly machine: string;
  /** Seconds spent on training, without evaluations. */
  readonly seconds: number;
  readonly fingerprint: string;
  /** Episodes per evaluation, noise-free and from fixed starts. */
  readonly episodes: number;
  /** The mean return of each evaluation. */
  readonly evaluations: readonly Point[];
  /** The actor had no gradient at the end. Absent if it had one, and in records from before 0.2. */
  readonly deadActor?: true;
  /** Why the run failed. It has no return, and counts as a failed seed until it is repeated. */
  readonly failed?: string;
}

/** The mean of a run's last ten evaluations, or of all if there are fewer. */
export function finalReturn({ evaluations }: Pick<BenchmarkRecord, "evaluations">): number {
  return mean(evaluations.slice(-judgedBy).map(([, value]) => value));
}

export function recordFile(folder: string, task: string, seed: number): string {
  return path.join(folder, `${inFileName(task)}-seed${seed}.json`);
}

/** Writes a record atomically. */
export function writeRecord(file: string, record: BenchmarkRecord): void {
  // One part for people to read, and one line for the curve.
  const { evaluations, ...rest } = record;
  const head = JSON.stringify({ format, ...rest }).slice(0, -1);
  replaceFile(file, [Buffer.from(`${head},\n"evaluations":${JSON.stringify(evaluations)}}\n`)]);
}

const fields = {
  environment: "a name",
  environmentOptions: "an object, or nothing",
  environmentSha256: "64 hexadecimal digits, or nothing",
  preset,
  seed: "a whole number",
  steps: "a whole number",
  settings: "an object",
  arithmetic: "fused or portable, or nothing",
  commit: "a text, or nothing",
  versions: "an object",
  machine: "a text",
  seconds: "a number",
  fingerprint: "16 hexadecimal digits",
  episodes: "a whole number above 0",
  evaluations: "an object",
  deadActor: "true, or nothing",
  failed: "what went wrong, or nothing",
} as const satisfies Fields<BenchmarkRecord>;

/**
 * Reads and checks a record; leaves out fields that it does not know. Undefined if there is no such file. Throws an
 * InputError that names the field.
 */
export function readRecord(file: string): BenchmarkRecord | undefined {
  const content = attempt(file, "a record of a benchmark", () =>
    fs.statSync(file, { throwIfNoEntry: false }) ? readFile(file, maxTextBytes).toString("utf8") : undefined,
  );
  if (content === undefined) return undefined;
  const hint = "Remove it: ddpg benchmark writes it again.";
  const found = parseJson(content, file, hint);
  expect(typeof found === "object" && found !== null, file, "a JSON object", found, hint);
  const value: Partial<BenchmarkRecord> & { format?: unknown } = found;
  expect(value.format === format, `${file} format`, `"${format}"`, value.format, hint);
  expectFields<BenchmarkRecord>(value, file, fields, hint);
  const own = path.basename(recordFile("", value.environment, value.seed));
  const name = path.basename(file);
  expect(name === own, file, `the name ${own}, by what it holds`, name, hint);
  expectFields<BenchmarkRecord["versions"]>(value.versions, `${file} versions`, versionsFields, hint);
  const { seconds, evaluations, failed } = value;
  // A run may fail before its first step.
  const isTime = seconds > 0 || (seconds === 0 && failed !== undefined);
  expect(isTime, `${file} seconds`, "a number above 0", seconds, hint);
  const good =
    Array.isArray(evaluations) &&
    (evaluations.length > 0 || failed !== undefined) &&
    evaluations.every((point) => Array.isArray(point) && point.length === 2 && point.every(Number.isFinite));
  expect(good, `${file} evaluations`, "pairs of a step and a return", evaluations, hint);
  const settings = settingsOf(value.settings, `${file} settings`, hint);
  return { ...pick(value, fields), versions: pick(value.versions, versionsFields), settings };
}

/** Stored settings. An error of their reader, which does not know what file they are in, gets a hint. */
function settingsOf(value: unknown, where: string, hint: string): Settings {
  try {
    return storedSettings(value, where);
  } catch (error) {
    if (!(error instanceof InputError) || error.hint !== "") throw error;
    const { where, expected, got } = error;
    throw new InputError({ where, expected, got, hint });
  }
}

/** All records in a folder, by task and seed. Other files are ignored. */
export function readRecords(folder: string): BenchmarkRecord[] {
  const names = attempt(folder, "a directory", () => (fs.existsSync(folder) ? fs.readdirSync(folder) : []));
  return names
    .filter((name) => /-seed\d+\.json$/.test(name))
    .flatMap((name) => readRecord(path.join(folder, name)) ?? [])
    .sort((a, b) => (a.environment === b.environment ? a.seed - b.seed : a.environment < b.environment ? -1 : 1));
}
