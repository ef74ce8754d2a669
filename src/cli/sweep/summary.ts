// What a sweep found: the statistic of each cell over its seeds, the best cell, and how much each setting matters.
import { expect } from "../../base/expect.ts";
import { largest, smallest } from "../../base/numbers.ts";
import { type Settings, showSetting } from "../../ddpg/config.ts";
import { fromStart } from "../../node/starting-folder.ts";
import { type RunConfig, readConfig } from "../../node.ts";
import { type SeedStatistic, seedStatistic } from "../../training/aggregate.ts";
import { runsOf, type SweepCell, type SweepRecord, type SweepRun, variedNames } from "./record.ts";
import { type RunStatus, statusOf } from "./status.ts";

export interface SummaryRun extends SweepRun, RunStatus {
  /** The final mean return, if the run is complete and it is finite. */
  readonly final?: number;
}

export interface CellSummary {
  readonly cell: SweepCell;
  /** The values of the settings that differ, as they are typed. */
  readonly values: readonly string[];
  readonly runs: readonly SummaryRun[];
  /** The final returns of the runs that are complete. */
  readonly finals: readonly number[];
  readonly failed: number;
  /** Undefined if no run is complete. */
  readonly statistic: SeedStatistic | undefined;
}

/** All runs with one value of a setting, or with neighboring values, whatever their other settings. */
export interface Level {
  readonly label: string;
  readonly finals: readonly number[];
  readonly statistic: SeedStatistic | undefined;
}

export interface Sensitivity {
  readonly name: keyof Settings;
  readonly levels: readonly Level[];
  /** The largest statistic of a level minus the smallest. Undefined if fewer than two levels have a complete run. */
  readonly spread: number | undefined;
}

export interface SweepSummary {
  readonly record: SweepRecord;
  readonly names: readonly (keyof Settings)[];
  /** The best first. Those without a complete run are last. */
  readonly cells: readonly CellSummary[];
  /** The highest statistic among the cells without a failed run, or among all if each has one. */
  readonly best: CellSummary | undefined;
  /** The largest spread first. */
  readonly sensitivities: readonly Sensitivity[];
}

/** More values of a setting, which were drawn then, are put into as many groups of neighbors. */
const maxLevels = 6;
const groupsOfDrawn = 4;

/** Reads the results of all runs. Throws an InputError if a run is not the one that the record says. */
export function summarize(directory: string, record: SweepRecord): SweepSummary {
  const names = variedNames(record);
  const runs = runsOf(directory, record).map((run): SummaryRun => {
    const status = statusOf(run.directory);
    const final = status.state === "complete" ? status.result?.evaluation?.meanReturn : undefined;
    return { ...run, ...status, ...(final !== undefined && Number.isFinite(final) && { final }) };
  });
  const cells = record.cells.map((cell): CellSummary => {
    const own = runs.filter((run) => run.cell.id === cell.id);
    const settings = settingsOf(cell, own);
    const values = names.map((name) => showOf(settings[name]));
    const finals = own.flatMap(({ final }) => final ?? []);
    const failed = own.filter(
      ({ state, final }) => state === "failed" || (state === "complete" && final === undefined),
    );
    return { cell, values, runs: own, finals, failed: failed.length, statistic: statisticOf(finals) };
  });
  const ranked = cells.sort((a, b) => (b.statistic?.value ?? -Infinity) - (a.statistic?.value ?? -Infinity));
  const complete = ranked.filter(({ statistic }) => statistic);
  const sensitivities = names
    .map((name, i) => sensitivityOf(name, i, cells))
    .sort((a, b) => (b.spread ?? -1) - (a.spread ?? -1));
  return {
    record,
    names,
    cells: ranked,
    best: complete.find(({ failed }) => failed === 0) ?? complete[0],
    sensitivities,
  };
}

/** The settings of a cell as its runs have them: a cell of an earlier command may not name what a later one varies. */
function settingsOf(cell: SweepCell, runs: readonly SummaryRun[]): Partial<Settings> {
  // One that a server set aside has no files.
  const begun = runs.filter(({ state, error }) => state !== "waiting" && error === undefined);
  const configs = begun.map(({ directory }): [string, RunConfig] => [directory, readConfig(fromStart(directory))]);
  for (const [directory, { settings }] of configs) {
    for (const [name, value] of Object.entries(cell.settings)) {
      const found = settings[name as keyof Settings];
      const wanted = showOf(value);
      const hint = "Its config.json is not that of the sweep.";
      expect(showOf(found) === wanted, `${directory} settings ${name}`, wanted, found, hint);
    }
  }
  return configs[0]?.[1].settings ?? cell.settings;
}

function showOf(value: Settings[keyof Settings] | undefined): string {
  return value === undefined ? "–" : showSetting(value);
}

function statisticOf(finals: readonly number[]): SeedStatistic | undefined {
  return finals.length > 0 ? seedStatistic(finals) : undefined;
}

function sensitivityOf(name: keyof Settings, index: number, cells: readonly CellSummary[]): Sensitivity {
  const byValue = new Map<string, number[]>();
  for (const { values, finals } of cells)
    byValue.set(values[index], [...(byValue.get(values[index]) ?? []), ...finals]);
  const sorted = [...byValue].sort(([a], [b]) => Number(a) - Number(b) || (a < b ? -1 : 1));
  const isNumeric = sorted.every(([value]) => value !== "" && Number.isFinite(Number(value)));
  const grouped = isNumeric && sorted.length > maxLevels ? neighbors(sorted) : sorted;
  const levels = grouped.map(([label, finals]): Level => ({ label, finals, statistic: statisticOf(finals) }));
  const values = levels.flatMap(({ statistic }) => statistic?.value ?? []);
  return { name, levels, spread: values.length < 2 ? undefined : largest(values) - smallest(values) };
}

/** Groups of about as many neighboring values. */
function neighbors(sorted: readonly [string, number[]][]): [string, number[]][] {
  return Array.from({ length: groupsOfDrawn }, (_, i): [string, number[]] => {
    const [from, to] = [i, i + 1].map((part) => Math.round((part * sorted.length) / groupsOfDrawn));
    const some = sorted.slice(from, to);
    return [`${some[0][0]} to ${some[some.length - 1][0]}`, some.flatMap(([, finals]) => finals)];
  });
}
