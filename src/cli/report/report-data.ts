// A report as data: every record as a CSV table, and what the page shows as JSON.
import { printable } from "../../base/printable.ts";
import { eachMetric } from "../../node/run-files.ts";
import { type Point, type SeedStatistic, summarizeCurves } from "../../training/aggregate.ts";
import { finalStatistic, groupsOf, type RunGroup, stateOf } from "./groups.ts";
import type { ReportedRun } from "./reported-run.ts";

const lineEnd = "\r\n"; // as RFC 4180 wants it

/**
 * Every record of the runs as a CSV table with a row for each value. The files are read again, one record at a time, so that
 * a table of any length takes little memory.
 */
export function* csv(runs: readonly ReportedRun[]): Generator<Uint8Array, void, void> {
  let text = `run,environment,seed,kind,step,name,value${lineEnd}`;
  for (const run of runs) {
    const { environment, seed } = run.config;
    const start = `${textCell(run.directory)},${textCell(environment)},${seed}`;
    for (const { type, step, ...fields } of recordsOf(run)) {
      for (const [name, value] of valuesOf(fields)) {
        text += `${start},${type},${step},${textCell(name)},${numberCell(value)}${lineEnd}`;
      }
      if (text.length < 65_536) continue;
      yield Buffer.from(text);
      text = "";
    }
  }
  yield Buffer.from(text);
}

/** A record of any kind: it has numbers by name. */
interface AnyRecord {
  readonly type: string;
  readonly step: number;
}

/** The records of a run, and then its final evaluation. */
function* recordsOf({ directory, result }: ReportedRun): Generator<AnyRecord, void, void> {
  yield* eachMetric(directory);
  if (result?.evaluation) yield { type: "final", step: result.steps, ...result.evaluation };
}

/** The numbers of a record by name, such as `meanReturn`, `info.landed` and `saturation[0]`. */
function* valuesOf(fields: object): Generator<[name: string, value: number], void, void> {
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "number" || typeof value === "boolean") yield [name, Number(value)];
    else if (value === null) yield [name, Number.NaN];
    else if (Array.isArray(value)) for (const [i, item] of value.entries()) yield [`${name}[${i}]`, Number(item)];
    else if (name === "info") for (const key in value) yield [`${name}.${key}`, Number(value[key])];
  }
}

/** The shortest text that reads back as the same number. NaN is an empty cell, which pandas reads as NaN. */
function numberCell(value: number): string {
  return Number.isNaN(value) ? "" : String(value);
}

/**
 * A text as a cell. A spreadsheet would compute a text that starts with = + - or @. It gets an apostrophe in front, and so
 * does a text that starts with an apostrophe: removing the first apostrophe always gives the text back. Control characters,
 * line breaks and characters that reverse the direction of writing become U+FFFD.
 */
export function textCell(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
  // Some spreadsheets take the full-width forms for the same characters.
  const safe = /^\s*['=+\-@\uff1d\uff0b\uff0d\uff20]/.test(plain) ? `'${plain}` : plain;
  return /[",]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * What the page shows, as JSON with a line for each group and each run. Long curves are thinned as on the page. A number
 * that is not finite is null.
 */
export function* json(runs: readonly ReportedRun[]): Generator<Uint8Array, void, void> {
  const groups = groupsOf(runs);
  yield Buffer.from('{"format":"ddpg-report-1",\n"groups":[');
  yield* lines(groups, groupData);
  yield Buffer.from('],\n"runs":[');
  yield* lines(runs, (run) =>
    runData(
      run,
      groups.findIndex((group) => group.runs.includes(run)),
    ),
  );
  yield Buffer.from("]}\n");
}

/** The items of a JSON array, without its brackets. Only one of them is text at a time. */
function* lines<T>(items: readonly T[], data: (item: T) => object): Generator<Uint8Array, void, void> {
  for (const [i, item] of items.entries())
    yield Buffer.from(`${i > 0 ? "," : ""}\n${printable(JSON.stringify(data(item)))}`);
}

/** A statistic. One without an interval has null for it. */
function statisticData({ name, seeds, value, interval }: SeedStatistic): object {
  return { name, seeds, value, interval: interval ?? null };
}

function groupData(group: RunGroup): object {
  const { name, environment, runs } = group;
  const curves = runs
    .map(({ evaluations }) => evaluations.map(({ step, meanReturn }): Point => [step, meanReturn]))
    .filter((curve) => curve.length > 0);
  const final = finalStatistic(group);
  return {
    name,
    environment,
    preset: runs[0].config.preset,
    seeds: runs.map(({ config }) => config.seed),
    final: final ? statisticData(final) : null,
    curve: summarizeCurves(curves).map(({ step, ...statistic }) => ({ step, ...statisticData(statistic) })),
  };
}

function runData(run: ReportedRun, group: number): object {
  const { directory, config, result, evaluations, evaluationsEach, episodes, episodesEach, diagnostics } = run;
  return {
    run: directory,
    group, // its index
    state: stateOf(result) || "complete",
    config,
    result: result ?? null,
    evaluationsEach,
    evaluations: evaluations.map(({ type, ...fields }) => fields),
    episodesEach,
    episodes,
    diagnostics: diagnostics.map(({ type, ...fields }) => fields),
  };
}
