import * as fs from "node:fs";
import * as path from "node:path";
import type { Command } from "commander";
import { expect } from "../../base/expect.ts";
import { attempt } from "../../node/files.ts";
import { files as runFiles } from "../../node/run-files.ts";
import { fromHere } from "../../node/starting-folder.ts";
import { print, printError, stdout } from "../terminal/output.ts";
import { type Content, writeFiles } from "../terminal/write-files.ts";
import { csv, json } from "./report-data.ts";
import { readRun } from "./reported-run.ts";

/** Where to write what. `true` and "-" stand for the standard output. */
export interface ReportOptions {
  readonly output?: string;
  readonly svg?: string;
  readonly csv?: string | true;
  readonly json?: string | true;
}

export function addReportCommand(program: Command): void {
  program
    .command("report")
    .summary("draw one run, or compare several, in one HTML file, or give their data")
    .description("Draws one run, or compares several, in one HTML file, or gives their data.")
    .argument("<run...>", "runs, or folders of runs; runs with equal settings are seeds of one group")
    .option("--output <file>", "the page; default: report.html in the run's directory, or here for several runs")
    .option("--svg <file>", "also write the main figure as an SVG file")
    .option("--csv [file]", "write every record as a table; without a file, or with -, to the standard output")
    .option("--json [file]", "write the groups, their statistics and the curves, likewise")
    .addHelpText(
      "after",
      `
With --csv or --json, the page is written only if --output says where. A file's name follows as --csv=NAME, or after the runs.

The table has the columns run, environment, seed, kind, step, name and value, and a row for each value of a record: kind is
episode, evaluation, diagnostics or final (the final evaluation), and name is return, meanReturn, info.landed and so on.
Nothing is thinned. A text that a spreadsheet would take for a formula (= + - @) or that starts with ' has a ' in front.

Examples:
  ddpg report runs                             compare the runs inside on one page
  ddpg report runs/* --csv curves.csv          pandas.read_csv("curves.csv")
  ddpg report runs/* --json | jq '.groups[].final'`,
    )
    .action(async (directories: string[], options: ReportOptions) => {
      const written = await report(directories, options);
      // The standard output may hold the data.
      const say = [options.csv, options.json].some(isStandardOutput) ? printError : print;
      for (const file of written) say(`Wrote ${file}`);
    });
}

function isStandardOutput(file: string | true | undefined): boolean {
  return file === true || file === "-";
}

/**
 * Reads the runs, makes the report and writes it. Returns the files written. Writes nothing unless every record could be
 * read and everything could be drawn.
 */
export async function report(directories: readonly string[], options: ReportOptions = {}): Promise<string[]> {
  const found = directories.flatMap(runsIn);
  const runs = [...new Map(found.map((directory) => [path.resolve(directory), directory])).values()].map(readRun);
  const data = [["--csv", options.csv, csv] as const, ["--json", options.json, json] as const].filter(
    ([, file]) => file !== undefined,
  );
  const usual = runs.length === 1 ? path.join(runs[0].directory, "report.html") : "report.html";
  const drawn = [
    ["--output", options.output ?? (data.length === 0 ? usual : undefined)] as const,
    ["--svg", options.svg] as const,
  ].filter((each): each is readonly ["--output" | "--svg", string] => each[1] !== undefined);
  checkTargets([...drawn, ...data], found);
  const contents: [string, Content][] = [];
  if (drawn.length > 0) {
    // Loaded only here, so that the other commands do not wait for the plotting library.
    const { page, figure } = await import("./report-page.ts");
    for (const [flag, file] of drawn) contents.push([file, flag === "--output" ? page(runs) : figure(runs)]);
  }
  for (const [, file, make] of data) if (typeof file === "string" && file !== "-") contents.push([file, make(runs)]);
  writeFiles(contents, "Choose another with --output, --svg, --csv or --json.");
  for (const [, file, make] of data) if (isStandardOutput(file)) await stdout.send(make(runs));
  return contents.map(([file]) => file);
}

/** How deep runs may be in a folder: `train --seeds --out` makes runs/NAME/seed1. */
const maxDepth = 3;

/** A run's directory, or the directories of the runs inside a folder, by name. */
function runsIn(directory: string): string[] {
  const inside = isRun(directory) ? [] : runsInside(directory, maxDepth);
  // If there are none, the error about the directory itself says what is missing.
  return inside.length > 0 ? inside : [directory];
}

function runsInside(folder: string, depth: number): string[] {
  if (depth === 0) return [];
  const entries = attempt(folder, "a run, or a folder of runs", () =>
    fs.statSync(fromHere(folder), { throwIfNoEntry: false })?.isDirectory()
      ? fs.readdirSync(fromHere(folder), { withFileTypes: true })
      : [],
  );
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  // seed2 comes before seed10.
  names.sort(new Intl.Collator("en", { numeric: true }).compare);
  return names
    .map((name) => path.join(folder, name))
    .flatMap((each) => (isRun(each) ? [each] : runsInside(each, depth - 1)));
}

function isRun(directory: string): boolean {
  return fs.existsSync(path.join(fromHere(directory), runFiles.config));
}

/** Refuses two outputs in one file, and files of the runs that would be replaced. */
function checkTargets(
  targets: readonly (readonly [flag: string, file: string | true | undefined, ...unknown[]])[],
  directories: readonly string[],
): void {
  const kept = directories.flatMap((run) => Object.values(runFiles).map((name) => path.resolve(run, name)));
  const taken = new Map<string, string>();
  for (const [flag, file] of targets) {
    if (file === undefined) continue;
    const place = file === true || file === "-" ? "the standard output" : path.resolve(file);
    const other = taken.get(place);
    const expected = other === "--output" ? "a file other than the page" : `a file other than that of ${other}`;
    expect(other === undefined, flag, expected, file === true ? "-" : file);
    expect(!kept.includes(place), flag, "a file other than the run's own", file);
    taken.set(place, flag);
  }
}
