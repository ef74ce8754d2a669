// What `ddpg benchmark` keeps of a run: one small file of JSON, which outlives the run's directory.
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, InputError } from "../../base/expect.ts";
import { type PresetName, type Settings, storedSettings } from "../../ddpg/config.ts";
import { attempt, text } from "../../node/files.ts";
import { replaceFile } from "../../node/replace-file.ts";
import { mean, type Point } from "../../training/aggregate.ts";

/** What the reader below understands; it moves when the meaning does. */
const format = "ddpg-benchmark-1";

/** How many of the last evaluations a run is judged by. */
export const judgedBy = 10;

export interface BenchmarkRecord {
  readonly environment: string;
  readonly preset: PresetName;
  readonly seed: number;
  /** Environment steps. */
  readonly steps: number;
  readonly settings: Settings;
  /** Of the program that began the run; ends in «-dirty» after changes. */
  readonly commit?: string;
  /** Likewise. */
  readonly versions: { readonly ddpg: string; readonly node: string; readonly platform: string };
  /** The processor's name, and how many runs shared the machine. */
  readonly machine: string;
  /** Of training, without evaluations. */
  readonly seconds: number;
  readonly fingerprint: string;
  /** Episodes of each evaluation, noise-free and from fixed starts. */
  readonly episodes: number;
  /** Their mean returns. */
  readonly evaluations: readonly Point[];
  /** Why the run failed: it has no return, and counts as a seed that failed until it is made again. */
  readonly failed?: string;
}

/** The mean of a run's last evaluations: of ten, or of those there are. */
export function finalReturn({ evaluations }: Pick<BenchmarkRecord, "evaluations">): number {
  return mean(evaluations.slice(-judgedBy).map(([, value]) => value));
}

export function recordFile(folder: string, task: string, seed: number): string {
  return path.join(folder, `${task}-seed${seed}.json`);
}

/** Writes a record in one step. */
export function writeRecord(file: string, record: BenchmarkRecord): void {
  // A line for what a person looks up, and one for the curve.
  const { evaluations, ...rest } = record;
  const head = JSON.stringify({ format, ...rest }).slice(0, -1);
  replaceFile(file, [Buffer.from(`${head},\n"evaluations":${JSON.stringify(evaluations)}}\n`)]);
}

/** A record, checked; undefined where there is no such file. Throws an InputError that names the field. */
export function readRecord(file: string): BenchmarkRecord | undefined {
  const content = attempt(file, "a record of a benchmark", () =>
    fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined,
  );
  if (content === undefined) return undefined;
  const wayOut = "Remove it: ddpg benchmark writes it again.";
  let value: Partial<BenchmarkRecord> & { format?: unknown };
  try {
    value = JSON.parse(content) ?? {};
  } catch (error) {
    throw new InputError(`${file}: expected JSON, got something else (${text(error)}). ${wayOut}`);
  }
  expect(value.format === format, `${file} format`, `"${format}"`, value.format, wayOut);
  const { environment, seed, steps, settings, seconds, evaluations } = value;
  expect(typeof environment === "string", `${file} environment`, "a name", environment, wayOut);
  expect(Number.isSafeInteger(seed), `${file} seed`, "a whole number", seed, wayOut);
  const own = path.basename(recordFile("", environment, Number(seed)));
  const name = path.basename(file);
  expect(name === own, file, `the name ${own}, by what it holds`, name, wayOut);
  expect(Number.isSafeInteger(steps), `${file} steps`, "a whole number", steps, wayOut);
  const stored = storedSettings(settings, `${file} settings`);
  // A run may fail before its first step.
  const isTime = typeof seconds === "number" && (seconds > 0 || (seconds === 0 && value.failed !== undefined));
  expect(isTime, `${file} seconds`, "a number above 0", seconds, wayOut);
  const good =
    Array.isArray(evaluations) &&
    (evaluations.length > 0 || value.failed !== undefined) &&
    evaluations.every((point) => Array.isArray(point) && point.length === 2 && point.every(Number.isFinite));
  expect(good, `${file} evaluations`, "pairs of a step and a return", evaluations, wayOut);
  return { ...(value as BenchmarkRecord), settings: stored };
}

/** All records of a folder, by task and seed. Other files are none of its business. */
export function readRecords(folder: string): BenchmarkRecord[] {
  const names = attempt(folder, "a directory", () => (fs.existsSync(folder) ? fs.readdirSync(folder) : []));
  return names
    .filter((name) => /-seed\d+\.json$/.test(name))
    .flatMap((name) => readRecord(path.join(folder, name)) ?? [])
    .sort((a, b) => (a.environment === b.environment ? a.seed - b.seed : a.environment < b.environment ? -1 : 1));
}
