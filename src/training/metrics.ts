import { expect, fail } from "../base/expect.ts";
import { joinNumbers } from "../base/numbers.ts";
import { type Diagnostics, type DiagnosticsName, diagnosticsNames } from "../ddpg/diagnostics.ts";

/** An episode of training, with exploration noise. */
export interface EpisodeRecord {
  /** Tells this record from the others. */
  type: "episode";
  /** Environment steps since training began; the episode's last one. */
  step: number;
  /** From 1. */
  episode: number;
  /** Σ r, undiscounted and unscaled. */
  return: number;
  /** Time steps. */
  length: number;
  /** Whether the task ended the episode; otherwise a time limit did. */
  terminated: boolean;
  /** Time spent on training so far, evaluations excluded. */
  seconds: number;
}

/** Noise-free episodes from fixed starts. */
export interface EvaluationRecord {
  /** Tells this record from the others. */
  type: "evaluation";
  /** Environment steps since training began. */
  step: number;
  /** How many episodes were run. */
  episodes: number;
  /** Mean of Σ r over the episodes, undiscounted and unscaled. */
  meanReturn: number;
  /** Of the mean; NaN for a single episode. */
  standardError: number;
  /** Mean number of time steps. */
  meanLength: number;
  /** Mean of Q(s₀, μ(s₀)) minus the discounted return that followed, in scaled rewards. */
  valueBias: number;
  /** Seconds of training until then, without evaluations. */
  seconds: number;
}

/** Means over the updates since the last such record. */
export interface DiagnosticsRecord extends Record<DiagnosticsName, number> {
  /** Tells this record from the others. */
  type: "diagnostics";
  /** Environment steps since training began. */
  step: number;
  /** Updates since training began. Files from before 0.2 do not have it. */
  updates?: number;
  /** Per action dimension, the share of the minibatch where |μ(s)| > 0.99. */
  saturation: number[];
}

/** A line of a run's `metrics.jsonl`. */
export type MetricsRecord = EpisodeRecord | EvaluationRecord | DiagnosticsRecord;

const fields: Readonly<Record<MetricsRecord["type"], readonly string[]>> = {
  episode: ["step", "episode", "return", "length", "seconds"],
  evaluation: ["step", "episodes", "meanReturn", "standardError", "meanLength", "valueBias", "seconds"],
  diagnostics: ["step", ...diagnosticsNames],
};

/** The record as a line of `metrics.jsonl`, newline included. JSON has no NaN: it becomes null. */
export function formatRecord(record: MetricsRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/**
 * The records of a whole file. Ignores a last line without a newline: the run was killed while it wrote. Throws an
 * InputError that begins with `where` and the line's number.
 */
export function parseRecords(text: string, where: string): MetricsRecord[] {
  const lines = text.split("\n");
  lines.pop();
  return lines.map((line, i) => parseRecord(line, `${where} line ${i + 1}`));
}

/** The record of one line, without its newline. Throws an InputError that begins with `where`. */
export function parseRecord(line: string, where: string): MetricsRecord {
  let record: Partial<MetricsRecord> & Record<string, unknown>;
  try {
    record = JSON.parse(line);
  } catch {
    fail(where, "one JSON object", line.slice(0, 40), "Remove the line.");
  }
  const names = typeof record?.type === "string" && Object.hasOwn(fields, record.type) && fields[record.type];
  expect(names !== false, `${where} type`, `one of ${Object.keys(fields).join(", ")}`, record?.type);
  for (const name of names) {
    if (record[name] === null) record[name] = Number.NaN;
    expect(typeof record[name] === "number", `${where} ${name}`, "a number", record[name]);
  }
  if (record.type === "episode")
    expect(typeof record.terminated === "boolean", `${where} terminated`, "true or false", record.terminated);
  if (record.type === "diagnostics") {
    const numbers = Array.isArray(record.saturation) && record.saturation.every((share) => typeof share === "number");
    expect(numbers, `${where} saturation`, "a list of numbers", record.saturation);
    const { updates } = record;
    expect(
      updates === undefined || Number.isSafeInteger(updates),
      `${where} updates`,
      "a whole number, or nothing",
      updates,
    );
  }
  return record as MetricsRecord;
}

/** Averages what the updates measure, between two records. */
export class DiagnosticsMeans {
  /** Updates since the last record. */
  count = 0;
  readonly #sums = new Float64Array(diagnosticsNames.length);
  readonly #saturation: Float64Array;

  constructor(actionSize: number) {
    this.#saturation = new Float64Array(actionSize);
  }

  /** How many numbers `save` returns: the count, a sum for each name, a sum for each action dimension. */
  static stateSize(actionSize: number): number {
    return 1 + diagnosticsNames.length + actionSize;
  }

  add(diagnostics: Diagnostics): void {
    this.count++;
    for (let i = 0; i < diagnosticsNames.length; i++) this.#sums[i] += diagnostics[diagnosticsNames[i]];
    for (let i = 0; i < this.#saturation.length; i++) this.#saturation[i] += diagnostics.saturation[i];
  }

  /** The count and the sums: [stateSize]; a new array. */
  save(): Float64Array {
    return joinNumbers([[this.count], this.#sums, this.#saturation]);
  }

  /** Restores what `save` returned. */
  restore(state: Float64Array): void {
    const saturation = 1 + diagnosticsNames.length;
    this.count = state[0];
    this.#sums.set(state.subarray(1, saturation));
    this.#saturation.set(state.subarray(saturation));
  }

  /** The means as a record; the sums start at 0 again. Call it only after an update. `updates` is the agent's count. */
  take(step: number, updates: number): DiagnosticsRecord {
    const n = this.count;
    const means = Object.fromEntries(diagnosticsNames.map((name, i) => [name, this.#sums[i] / n]));
    const saturation = Array.from(this.#saturation, (sum) => sum / n);
    this.count = 0;
    this.#sums.fill(0);
    this.#saturation.fill(0);
    return { type: "diagnostics", step, updates, ...(means as Record<DiagnosticsName, number>), saturation };
  }
}
