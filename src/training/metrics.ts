import { expect, fail } from "../base/expect.ts";
import { joinNumbers } from "../base/numbers.ts";
import { type Diagnostics, type DiagnosticsName, diagnosticsNames } from "../ddpg/diagnostics.ts";
import { checkStoredInfo } from "../environment/environment-calls.ts";

/** A training episode, with exploration noise. */
export interface EpisodeRecord {
  /** The kind of record. */
  type: "episode";
  /** Environment steps since training began, up to the end of the episode. */
  step: number;
  /** Number of the episode, from 1. */
  episode: number;
  /** Σ r, undiscounted and unscaled. */
  return: number;
  /** Number of time steps. */
  length: number;
  /** Whether the task ended the episode. Otherwise a time limit did. */
  terminated: boolean;
  /** `Episode.info`. Absent if the environment gives none. */
  info?: Readonly<Record<string, number>>;
  /** Seconds spent on training so far, evaluations excluded. */
  seconds: number;
}

/** Noise-free episodes from fixed starts. */
export interface EvaluationRecord {
  /** The kind of record. */
  type: "evaluation";
  /** Environment steps since training began. */
  step: number;
  /** Number of episodes. */
  episodes: number;
  /** Mean of Σ r over the episodes, undiscounted and unscaled. */
  meanReturn: number;
  /** Standard error of the mean. NaN for a single episode. */
  standardError: number;
  /** Mean number of time steps. */
  meanLength: number;
  /** Mean of Q(s₀, μ(s₀)) minus the discounted return that followed, in scaled rewards. */
  valueBias: number;
  /** `Evaluation.info`. Absent if the environment gives none. */
  info?: Readonly<Record<string, number>>;
  /** Seconds spent on training so far, evaluations excluded. */
  seconds: number;
}

/** Means over the updates since the last such record. */
export interface DiagnosticsRecord extends Record<DiagnosticsName, number> {
  /** The kind of record. */
  type: "diagnostics";
  /** Environment steps since training began. */
  step: number;
  /** Updates since training began. Files from before 0.2 do not have it. */
  updates?: number;
  /** For each action dimension, the share of the minibatch where |μ(s)| > 0.99. */
  saturation: number[];
}

/** A line of a run's `metrics.jsonl`. */
export type MetricsRecord = EpisodeRecord | EvaluationRecord | DiagnosticsRecord;

/** The fields that count something. */
const counts: readonly string[] = ["step", "episode", "length", "episodes"];

const fields: Readonly<Record<MetricsRecord["type"], readonly string[]>> = {
  episode: ["step", "episode", "return", "length", "seconds"],
  evaluation: ["step", "episodes", "meanReturn", "standardError", "meanLength", "valueBias", "seconds"],
  diagnostics: ["step", ...diagnosticsNames],
};

/** The record as a line of `metrics.jsonl`, newline included. JSON has no NaN: it becomes null. */
export function formatRecord(record: MetricsRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Parses one line, without its newline. Throws an InputError that starts with `where`. */
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
    const value = record[name];
    if (counts.includes(name))
      expect(Number.isSafeInteger(value) && Number(value) >= 0, `${where} ${name}`, "a whole number", value);
    // JSON has null for numbers that are not finite; 1e999 would be read as one.
    else expect(value === null || Number.isFinite(value), `${where} ${name}`, "a number", value);
    if (value === null) record[name] = Number.NaN;
  }
  if (record.type === "episode")
    expect(typeof record.terminated === "boolean", `${where} terminated`, "true or false", record.terminated);
  if (record.type !== "diagnostics" && record.info !== undefined) checkStoredInfo(record.info, `${where} info`);
  if (record.type === "diagnostics") {
    const numbers = Array.isArray(record.saturation) && record.saturation.every(Number.isFinite);
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

/** Averages the diagnostics of the updates between two records. */
export class DiagnosticsMeans {
  /** Updates since the last record. */
  count = 0;
  readonly #sums = new Float64Array(diagnosticsNames.length);
  readonly #saturation: Float64Array;

  constructor(actionSize: number) {
    this.#saturation = new Float64Array(actionSize);
  }

  /** The length of what `save` returns: the count, a sum for each name, and a sum for each action dimension. */
  static stateSize(actionSize: number): number {
    return 1 + diagnosticsNames.length + actionSize;
  }

  add(diagnostics: Diagnostics): void {
    this.count++;
    for (let i = 0; i < diagnosticsNames.length; i++) this.#sums[i] += diagnostics[diagnosticsNames[i]];
    for (let i = 0; i < this.#saturation.length; i++) this.#saturation[i] += diagnostics.saturation[i];
  }

  /** The count and the sums, as a new array: [stateSize]. */
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

  /**
   * Returns the means as a record and resets the sums. Call it only after an update. `updates` is the agent's count.
   */
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
