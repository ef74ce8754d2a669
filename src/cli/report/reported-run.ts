// What a report knows of a run, read in bounded memory.
import * as fs from "node:fs";
import * as path from "node:path";
import { InputError } from "../../base/expect.ts";
import { diagnosticsNames } from "../../ddpg/diagnostics.ts";
import { eachMetric } from "../../node/run-files.ts";
import { expectOwnConfig } from "../../node/same-run.ts";
import { readConfig, readResult } from "../../node.ts";
import type { DiagnosticsRecord, EpisodeRecord, EvaluationRecord } from "../../training/metrics.ts";
import type { RunConfig, RunResult } from "../../training/run.ts";
import { Thinned } from "../../training/thinned.ts";

/** Where an episode ended, and its return; or the last step and the mean return of several episodes. */
export interface ReportedEpisode {
  readonly step: number;
  readonly return: number;
  /** For each name of the episodes' info: the sum of its values, and their number. */
  readonly info?: ReadonlyMap<string, readonly [sum: number, count: number]>;
}

/** The contents of a run's directory. */
export interface ReportedRun {
  /** The directory, as given. */
  readonly directory: string;
  readonly config: RunConfig;
  /** One of every `evaluationsEach` evaluations, and the last one. */
  readonly evaluations: readonly EvaluationRecord[];
  readonly evaluationsEach: number;
  /** Each is the mean of `episodesEach` training episodes. */
  readonly episodes: readonly ReportedEpisode[];
  readonly episodesEach: number;
  readonly diagnostics: readonly DiagnosticsRecord[];
  /** Absent while the run is training, or if it was killed. */
  readonly result?: RunResult;
}

/** The most records of each kind that are kept in memory. Neighbors are joined beyond that. */
const most = { episodes: 32_768, evaluations: 4096, diagnostics: 4096 };

/** Reads a run in bounded memory: a run may have millions of records. */
export function readRun(directory: string): ReportedRun {
  const config = readConfig(directory);
  expectOwnConfig(directory, config);
  const episodes = new Thinned<ReportedEpisode>(most.episodes, (a, b, weightOfA, weightOfB) => ({
    step: b.step,
    return: mean(a.return, b.return, weightOfA, weightOfB),
    ...((a.info || b.info) && { info: sumInfo(a.info, b.info) }),
  }));
  // A mean of evaluations is not an evaluation. Drop the earlier of two, so that the last one always remains.
  const evaluations = new Thinned<EvaluationRecord>(most.evaluations, (_, b) => b);
  const diagnostics = new Thinned<DiagnosticsRecord>(most.diagnostics, meanDiagnostics);
  for (const record of eachMetric(directory)) {
    if (record.type === "evaluation") evaluations.add(record);
    else if (record.type === "episode") episodes.add(reportedEpisode(record));
    else diagnostics.add(record);
  }
  if (evaluations.items.length + episodes.items.length === 0) {
    const where = path.join(directory, "metrics.jsonl");
    const expected = "at least one episode or evaluation";
    throw new InputError({ where, expected, got: "none", hint: "Train for longer." });
  }
  // A run that is still training, or was killed, has no result.
  const ended = fs.existsSync(path.join(directory, "result.json"));
  return {
    directory,
    config,
    evaluations: evaluations.items,
    evaluationsEach: evaluations.each,
    episodes: episodes.items,
    episodesEach: episodes.each,
    diagnostics: diagnostics.items,
    ...(ended && { result: readResult(directory) }),
  };
}

function reportedEpisode({ step, return: sum, info }: EpisodeRecord): ReportedEpisode {
  if (!info) return { step, return: sum };
  return { step, return: sum, info: new Map(Object.entries(info).map(([name, value]) => [name, [value, 1]])) };
}

function sumInfo(a: ReportedEpisode["info"] = new Map(), b: typeof a = new Map()): typeof a {
  const sums = new Map(a);
  for (const [name, [sum, count]] of b) {
    const [earlier, earlierCount] = sums.get(name) ?? [0, 0];
    sums.set(name, [earlier + sum, earlierCount + count]);
  }
  return sums;
}

function mean(a: number, b: number, weightOfA: number, weightOfB: number): number {
  return (a * weightOfA + b * weightOfB) / (weightOfA + weightOfB);
}

function meanDiagnostics(
  a: DiagnosticsRecord,
  b: DiagnosticsRecord,
  weightOfA: number,
  weightOfB: number,
): DiagnosticsRecord {
  const joined: DiagnosticsRecord = { ...b };
  for (const name of diagnosticsNames) joined[name] = mean(a[name], b[name], weightOfA, weightOfB);
  joined.saturation = b.saturation.map((share, i) => mean(a.saturation[i] ?? share, share, weightOfA, weightOfB));
  return joined;
}
