import { expect, InputError } from "../base/expect.ts";
import type { Diagnostics } from "../ddpg/diagnostics.ts";

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
  /** Whether the task ended; else a time limit cut the episode. */
  terminated: boolean;
  /** Time spent on training until then, without evaluations. */
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
  /** Mean of Q(s₀, μ(s₀)) minus what came, in scaled rewards. */
  valueBias: number;
  /** Seconds of training until then, without evaluations. */
  seconds: number;
}

/** Means over the updates since the last such record. */
export interface DiagnosticsRecord {
  /** Tells this record from the others. */
  type: "diagnostics";
  /** Environment steps since training began. */
  step: number;
  /** L = 1/N Σ (y − Q(s, a))², before the update and without L2. */
  criticLoss: number;
  /** Mean of Q(s, a), in scaled rewards. */
  meanValue: number;
  /** −1/N Σ Q(s, μ(s)), after the critic's update. */
  actorLoss: number;
  /** Euclidean norm of the gradient of the critic's loss, without L2. */
  criticGradientNorm: number;
  /** Euclidean norm of the policy gradient. */
  actorGradientNorm: number;
  /** Per action dimension, the share of the minibatch where |μ(s)| > 0.99. */
  saturation: number[];
}

/** A line of a run's `metrics.jsonl`. */
export type MetricsRecord = EpisodeRecord | EvaluationRecord | DiagnosticsRecord;

const fields: Readonly<Record<MetricsRecord["type"], readonly string[]>> = {
  episode: ["step", "episode", "return", "length", "seconds"],
  evaluation: ["step", "episodes", "meanReturn", "standardError", "meanLength", "valueBias", "seconds"],
  diagnostics: ["step", "criticLoss", "meanValue", "actorLoss", "criticGradientNorm", "actorGradientNorm"],
};

/** The record as a line with its end. NaN becomes null, for JSON has no other word. */
export function formatRecord(record: MetricsRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/**
 * The records of a whole file. A last line without an end is left out: the run was killed while it wrote. An
 * InputError begins with `where` and the line's number.
 */
export function parseRecords(text: string, where: string): MetricsRecord[] {
  const lines = text.split("\n");
  lines.pop();
  return lines.map((line, i) => parseRecord(line, `${where} line ${i + 1}`));
}

/** The record of a line, without its end. An InputError begins with `where`. */
export function parseRecord(line: string, where: string): MetricsRecord {
  let record: Partial<MetricsRecord> & Record<string, unknown>;
  try {
    record = JSON.parse(line);
  } catch {
    throw new InputError(`${where}: expected one JSON object, got "${line.slice(0, 40)}". Remove the line.`);
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
  }
  return record as MetricsRecord;
}

/** Averages what updates measure. */
export class DiagnosticsMeans {
  /** Updates since the last record. */
  updates = 0;
  readonly #sums = { criticLoss: 0, meanValue: 0, actorLoss: 0, criticGradientNorm: 0, actorGradientNorm: 0 };
  readonly #saturation: Float64Array;

  constructor(actionSize: number) {
    this.#saturation = new Float64Array(actionSize);
  }

  add(diagnostics: Diagnostics): void {
    const sums = this.#sums;
    this.updates++;
    sums.criticLoss += diagnostics.criticLoss;
    sums.meanValue += diagnostics.meanValue;
    sums.actorLoss += diagnostics.actorLoss;
    sums.criticGradientNorm += diagnostics.criticGradientNorm;
    sums.actorGradientNorm += diagnostics.actorGradientNorm;
    for (let i = 0; i < this.#saturation.length; i++) this.#saturation[i] += diagnostics.saturation[i];
  }

  /** The sums so far: [6 + A]; a fresh array. */
  save(): Float64Array {
    return Float64Array.of(
      this.updates,
      ...[this.#sums.criticLoss, this.#sums.meanValue, this.#sums.actorLoss],
      ...[this.#sums.criticGradientNorm, this.#sums.actorGradientNorm],
      ...this.#saturation,
    );
  }

  /** Goes on from there. */
  restore(state: Float64Array): void {
    this.updates = state[0];
    const [, criticLoss, meanValue, actorLoss, criticGradientNorm, actorGradientNorm] = state;
    Object.assign(this.#sums, { criticLoss, meanValue, actorLoss, criticGradientNorm, actorGradientNorm });
    this.#saturation.set(state.subarray(6));
  }

  /** The means as a record, and a new beginning. Only after an update. */
  take(step: number): DiagnosticsRecord {
    const sums = this.#sums;
    const n = this.updates;
    const record: DiagnosticsRecord = {
      type: "diagnostics",
      step,
      criticLoss: sums.criticLoss / n,
      meanValue: sums.meanValue / n,
      actorLoss: sums.actorLoss / n,
      criticGradientNorm: sums.criticGradientNorm / n,
      actorGradientNorm: sums.actorGradientNorm / n,
      saturation: Array.from(this.#saturation, (sum) => sum / n),
    };
    sums.criticLoss = sums.meanValue = sums.actorLoss = sums.criticGradientNorm = sums.actorGradientNorm = 0;
    this.#saturation.fill(0);
    this.updates = 0;
    return record;
  }
}
