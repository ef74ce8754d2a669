// `ddpg sweep report`: compares the settings of a sweep in a page, a figure and a table, which are written beside its runs.
import * as path from "node:path";
import type { Command } from "commander";
import { fromStart } from "../../node/starting-folder.ts";
import type { SeedStatistic } from "../../training/aggregate.ts";
import { count, short } from "../terminal/numbers.ts";
import { inShell } from "../terminal/options.ts";
import { print } from "../terminal/output.ts";
import { table } from "../terminal/table.ts";
import { writeFiles } from "../terminal/write-files.ts";
import type { SweepRecord } from "./record.ts";
import { countsText, expectSweep } from "./status.ts";
import { type SweepSummary, summarize } from "./summary.ts";

/** The most cells that the terminal shows. */
const maxShown = 12;

export function addReportCommand(sweep: Command): void {
  sweep
    .command("report")
    .argument("<dir>", "a sweep's directory")
    .summary("compare the settings of a sweep")
    .description(
      "Compares the settings of a sweep by its complete runs, in report.html, sweep.svg and sweep.csv in its directory. " +
        "ddpg sweep does the same when it ends.",
    )
    .addHelpText(
      "after",
      `
A cell is a combination of settings. Its return is the interquartile mean over its seeds of the final evaluation's mean
return, from five seeds on with a 95 % bootstrap interval. A setting's spread is the largest minus the smallest
interquartile mean over all runs with one of its values, whatever their other settings.

The table has a row of each kind: run (one run), cell, and level (all runs with one value of one setting).`,
    )
    .action(async (directory: string) => {
      if (!(await reportSweep(directory, expectSweep(directory))))
        print(`No run in ${inShell(directory)} is complete yet.`);
    });
}

/** Writes the report and prints its main figures. Does nothing, and returns false, if no run is complete. */
export async function reportSweep(directory: string, record: SweepRecord): Promise<boolean> {
  const summary = summarize(directory, record);
  if (!summary.best) return false;
  // Loaded only here, so that the other commands do not wait for the plotting library.
  const { csv, figure, page } = await import("./sweep-page.ts");
  const [html, svg, data] = ["report.html", "sweep.svg", "sweep.csv"].map((name) => path.join(directory, name));
  const contents: [string, string][] = [
    [fromStart(html), page(summary)],
    [fromStart(svg), figure(summary)],
    [fromStart(data), csv(summary)],
  ];
  writeFiles(contents, "The sweep's directory must be one that can be written.");
  print([...linesOf(summary), "", `Wrote ${[html, svg, data].map(inShell).join(", ")}`]);
  return true;
}

function linesOf({ names, cells, best, sensitivities }: SweepSummary): string[] {
  const rows = cells
    .slice(0, maxShown)
    .map(({ values, runs, finals, failed, statistic }) => [
      ...values,
      `${finals.length} of ${runs.length}${failed > 0 ? `, ${failed} failed` : ""}`,
      ...statisticCells(statistic),
    ]);
  const more = cells.length - rows.length;
  const spreads = sensitivities.flatMap(({ name, spread }) =>
    spread === undefined ? [] : [`${name} ${short(spread)}`],
  );
  return [
    ...table([[...names, "seeds", "return", "95 % interval"], ...rows], [names.length + 1]),
    ...(more > 0 ? [`… and ${count(more, "more combination")} below`] : []),
    "",
    `best           ${names.map((name, i) => `${name} ${best?.values[i]}`).join(", ") || "the only one"}`,
    ...(spreads.length > 0 ? [`spread         ${spreads.join(", ")}`] : []),
    `runs           ${countsText(cells.flatMap(({ runs }) => runs))}`,
  ];
}

function statisticCells(statistic: SeedStatistic | undefined): [value: string, interval: string] {
  if (!statistic) return ["–", ""];
  return [short(statistic.value), statistic.interval?.map(short).join(" to ") ?? ""];
}
