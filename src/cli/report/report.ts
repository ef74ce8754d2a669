import * as fs from "node:fs";
import * as path from "node:path";
import type { Command } from "commander";
import { expect, InputError } from "../../base/expect.ts";
import { diagnosticsNames } from "../../ddpg/diagnostics.ts";
import { eachMetric } from "../../node/run-files.ts";
import { expectOwnConfig } from "../../node/same-run.ts";
import { readConfig, readResult } from "../../node.ts";
import type { DiagnosticsRecord, EvaluationRecord } from "../../training/metrics.ts";
import { Thinned } from "../../training/thinned.ts";
import { writeFiles } from "../terminal/write-files.ts";
import type { ReportedEpisode, ReportedRun } from "./report-page.ts";

/** Where to write the report. */
export interface ReportOptions {
  readonly output?: string;
  readonly svg?: string;
}

export function addReportCommand(program: Command): void {
  program
    .command("report")
    .description("draw one run, or compare several, in one HTML file")
    .argument("<run...>", "run directories; runs with equal settings are seeds of one group")
    .option("--output <file>", "the page; default: report.html in the run's directory, or here for several runs")
    .option("--svg <file>", "also write the main figure as an SVG file")
    .action(async (directories: string[], options: ReportOptions) => {
      for (const file of await report(directories, options)) console.log(`Wrote ${file}`);
    });
}

/**
 * Reads the runs, draws the report and writes it. Returns the files written. Writes nothing unless everything could be
 * drawn.
 */
export async function report(directories: readonly string[], options: ReportOptions = {}): Promise<string[]> {
  const runs = [...new Map(directories.map((directory) => [path.resolve(directory), directory])).values()].map(readRun);
  const output = options.output ?? (runs.length === 1 ? path.join(runs[0].directory, "report.html") : "report.html");
  const files = options.svg === undefined ? [output] : [output, options.svg];
  expect(
    new Set(files.map((file) => path.resolve(file))).size === files.length,
    "--svg",
    "a file other than the page",
    options.svg,
  );
  // Loaded only here, so that the other commands do not wait for the plotting library.
  const { page, figure } = await import("./report-page.ts");
  const contents = files.map((file) => (file === output ? page(runs) : figure(runs)));
  writeFiles(
    files.map((file, i) => [file, contents[i]]),
    "Choose another with --output or --svg.",
  );
  return files;
}

/** The most records of each kind that are kept in memory. Neighbors are joined beyond that. */
const most = { episodes: 32_768, evaluations: 4096, diagnostics: 4096 };

/** Reads a run in bounded memory: a run may have millions of records. */
function readRun(directory: string): ReportedRun {
  const config = readConfig(directory);
  expectOwnConfig(directory, config);
  const episodes = new Thinned<ReportedEpisode>(most.episodes, (a, b, weightOfA, weightOfB) => ({
    step: b.step,
    return: mean(a.return, b.return, weightOfA, weightOfB),
  }));
  // A mean of evaluations is not an evaluation. Drop the earlier of two, so that the last one always remains.
  const evaluations = new Thinned<EvaluationRecord>(most.evaluations, (_, b) => b);
  const diagnostics = new Thinned<DiagnosticsRecord>(most.diagnostics, meanDiagnostics);
  for (const record of eachMetric(directory)) {
    if (record.type === "evaluation") evaluations.add(record);
    else if (record.type === "episode") episodes.add({ step: record.step, return: record.return });
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
