import * as fs from "node:fs";
import * as path from "node:path";
import type { Command } from "commander";
import { expect, InputError } from "../../base/expect.ts";
import { readConfig, readMetrics, readResult } from "../../node.ts";
import { writeFiles } from "../terminal/write-files.ts";
import type { ReportedRun } from "./report-page.ts";

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

function readRun(directory: string): ReportedRun {
  const config = readConfig(directory);
  const metrics = readMetrics(directory);
  const evaluations = metrics.filter((record) => record.type === "evaluation");
  const episodes = metrics.filter((record) => record.type === "episode");
  if (evaluations.length + episodes.length === 0) {
    const where = path.join(directory, "metrics.jsonl");
    const expected = "at least one episode or evaluation";
    throw new InputError({ where, expected, got: "none", hint: "Train for longer." });
  }
  const diagnostics = metrics.filter((record) => record.type === "diagnostics");
  // A run that is still training, or was killed, has no result.
  const ended = fs.existsSync(path.join(directory, "result.json"));
  return { directory, config, evaluations, episodes, diagnostics, ...(ended && { result: readResult(directory) }) };
}
