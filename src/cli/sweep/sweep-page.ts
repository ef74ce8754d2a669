// The report of a sweep: a page, its main figure alone, and a table.
import { fromStart } from "../../node/starting-folder.ts";
import { minSeedsForInterval, type Point, type SeedStatistic, statisticName } from "../../training/aggregate.ts";
import {
  compose,
  drawCurves,
  drawDistribution,
  format,
  markMeanings,
  page as pageTheme,
  paper,
  type Theme,
  trueMinus,
} from "../report/figures.ts";
import { document, Html, html, htmlTable } from "../report/html.ts";
import { textCell } from "../report/report-data.ts";
import { drawing } from "../report/report-page.ts";
import { readRun } from "../report/reported-run.ts";
import { count, short } from "../terminal/numbers.ts";
import type { CellSummary, Level, SweepSummary } from "./summary.ts";

/** The most cells in a figure. The table has all. */
const maxRows = 12;
const maxCurves = 6;

/** The report as one HTML document. */
export function page(summary: SweepSummary): string {
  const { record, names, cells, best, sensitivities } = summary;
  const runs = cells.flatMap((each) => each.runs);
  const open = runs.filter(({ state }) => state !== "complete" && state !== "failed").length;
  const failed = cells.reduce((sum, each) => sum + each.failed, 0);
  const title = `${record.environment}: ${count(cells.length, "combination")} of settings, ${count(runs.length, "run")}`;
  const notes = [
    ...(open > 0 ? [`${count(open, "run")} of ${runs.length} not complete, and not in the figures.`] : []),
    ...(failed > 0 ? [`${count(failed, "run")} failed. Their returns are unknown, so they are in no mean.`] : []),
    ...overlapNote(summary),
  ];
  return document(
    title,
    html`<h1>${title}</h1>
<p class="muted">${format(record.steps)} steps each, ${record.arithmetic} arithmetic</p>
${
  best &&
  html`<dl>
<div><dt>best settings</dt><dd>${nameOf(summary, best)}</dd></div>
<div><dt>return</dt><dd>${returnOf(best)} <small>${best.statistic?.name}</small></dd></div>
<div><dt>runs complete</dt><dd>${format(runs.length - open - failed)} <small>of ${format(runs.length)}</small></dd></div>
</dl>`
}
${drawing(
  (theme, width) => mainFigure(summary, theme, width),
  `A dot is the final mean return of a run. The ${statisticName} has its 95 % percentile-bootstrap interval from ${minSeedsForInterval} seeds on.`,
)}
${notes.map((note) => html`<p class="note">${note}</p>`)}
<h2>Combinations</h2>
${htmlTable(
  ["rank", ...names, "seeds", "failed", "return", "95 % interval"],
  cells.map((each, i) => [
    `${i + 1}`,
    ...each.values,
    `${each.finals.length} of ${each.runs.length}`,
    `${each.failed}`,
    returnOf(each),
    intervalOf(each),
  ]),
)}
<h2>Sensitivity</h2>
<p>The ${statisticName} over all runs with one value of a setting, whatever their other settings. The spread is the largest of a setting minus the smallest.</p>
${htmlTable(
  ["setting", "spread", "best value", "worst value"],
  sensitivities.map(({ name, levels, spread }) => {
    const sorted = levels
      .filter(({ statistic }) => statistic)
      .sort((a, b) => (b.statistic?.value ?? 0) - (a.statistic?.value ?? 0));
    const [first, last] = [sorted[0], sorted[sorted.length - 1]].map((level) => levelText(level));
    return [name, spread === undefined ? "–" : trueMinus(short(spread)), first, last];
  }),
)}
<div class="panels">${sensitivities.map(({ name, levels }) => panel(name, levels))}</div>
<h2>Runs</h2>
${htmlTable(
  ["run", ...names, "seed", "state", "return", "fingerprint"],
  cells.flatMap(({ runs, values }) =>
    runs.map(({ id, seed, state, final, result }) => [
      id,
      ...values,
      `${seed}`,
      state,
      final === undefined ? "–" : trueMinus(short(final)),
      html`<code>${result?.fingerprint ?? ""}</code>`,
    ]),
  ),
)}`,
  );
}

/** The main figure as a standalone SVG. */
export function figure(summary: SweepSummary): string {
  return `${mainFigure(summary, paper, 780)}\n`;
}

function mainFigure(summary: SweepSummary, theme: Theme, width: number): string {
  const { record, cells } = summary;
  const complete = cells.filter(({ finals }) => finals.length > 0);
  const shown = complete.slice(0, maxRows).map((each) => ({ name: nameOf(summary, each), values: each.finals }));
  const rows = [[drawDistribution(shown, { theme, width, xLabel: "final mean return" })]];
  const some = complete.length > shown.length ? `, the best ${shown.length} of ${complete.length}` : "";
  const mark = width < 600 ? "" : `; ${markMeanings(shown.map(({ values }) => values.length))}`;
  const captions: [string, string][] = [["Final evaluations", `one dot a seed${some}${mark}`]];
  const curves = complete
    .slice(0, maxCurves)
    .map((each) => ({ name: nameOf(summary, each), runs: curvesOf(each) }))
    .filter(({ runs }) => runs.length > 0);
  if (curves.length > 0) {
    const labels = { xLabel: "environment steps", yLabel: "mean return of an evaluation" };
    rows.push([drawCurves(curves, { theme, width, height: Math.min(400, Math.max(280, width / 2)), ...labels })]);
    captions.push(["Evaluations", complete.length > curves.length ? `of the best ${curves.length}` : ""]);
  }
  const title = `${record.environment}: final evaluations of ${count(complete.length, "combination")} of settings`;
  const padding = theme === paper ? 12 : 0;
  return compose(rows, { theme, title, captions, padding, gap: 10 });
}

function curvesOf({ runs }: CellSummary): Point[][] {
  return runs
    .filter(({ final }) => final !== undefined)
    .map(({ directory }) => readRun(fromStart(directory)).evaluations.map((e): Point => [e.step, e.meanReturn]))
    .filter((curve) => curve.length > 0);
}

function panel(name: string, levels: readonly Level[]): Html {
  const rows = levels
    .filter(({ finals }) => finals.length > 0)
    .map(({ label, finals }) => ({ name: label, values: finals }));
  if (rows.length === 0) return html``;
  const svg = drawDistribution(rows, { theme: pageTheme, width: 400, xLabel: "final mean return" });
  const titled = compose([[svg]], { theme: pageTheme, title: `${name}: final mean returns by value` });
  return html`<figure><h3>${name}</h3><div class="drawing">${new Html(titled)}</div></figure>\n`;
}

/** A best value that chance may have picked is not a finding. */
function overlapNote({ cells, best }: SweepSummary): string[] {
  const [low] = best?.statistic?.interval ?? [];
  if (best === undefined) return [];
  if (low === undefined)
    return [`Fewer than ${minSeedsForInterval} seeds are complete, too few for an interval: the order may be chance.`];
  const near = cells.filter((each) => each !== best && (each.statistic?.interval?.[1] ?? -Infinity) >= low).length;
  if (near === 0) return [];
  const [others, overlap] = near === 1 ? ["interval", "overlaps"] : ["intervals", "overlap"];
  return [`The ${others} of ${count(near, "other combination")} ${overlap} that of the best.`];
}

function nameOf({ names }: SweepSummary, { values }: CellSummary): string {
  return names.map((name, i) => `${name} ${values[i]}`).join(", ") || "no change";
}

function returnOf({ statistic }: CellSummary): string {
  return statistic ? trueMinus(short(statistic.value)) : "–";
}

function intervalOf({ statistic }: CellSummary): string {
  return statistic?.interval?.map((end) => trueMinus(short(end))).join(" to ") ?? "";
}

function levelText(level: Level | undefined): string {
  return level?.statistic ? `${level.label}: ${trueMinus(short(level.statistic.value))}` : "–";
}

const lineEnd = "\r\n"; // as RFC 4180 wants it

/** Runs, cells and levels as one table. What a row does not have is empty. */
export function csv({ names, cells, sensitivities }: SweepSummary): string {
  const after = ["seed", "state", "step", "runs", "failed", "return", "low", "high", "rank", "spread"] as const;
  type Row = { kind: string; cell?: string; values: readonly string[] } & {
    readonly [K in (typeof after)[number]]?: string | number | undefined;
  };
  const cellOf = (value: string | number | undefined): string =>
    typeof value === "string" ? textCell(value) : String(value ?? "");
  const line = (texts: readonly (string | number | undefined)[]): string => `${texts.map(cellOf).join(",")}${lineEnd}`;
  const rows: Row[] = cells.flatMap(({ cell, values, runs }) =>
    runs.map(({ seed, state, step, final }): Row => {
      return { kind: "run", cell: cell.id, values, seed, state, step, return: final };
    }),
  );
  for (const [i, { cell, values, finals, failed, statistic }] of cells.entries()) {
    const rank = statistic && i + 1;
    rows.push({ kind: "cell", cell: cell.id, values, runs: finals.length, failed, ...numbersOf(statistic), rank });
  }
  for (const { name, levels, spread } of sensitivities) {
    for (const { label, finals, statistic } of levels) {
      const values = names.map((each) => (each === name ? label : ""));
      rows.push({ kind: "level", values, runs: finals.length, ...numbersOf(statistic), spread });
    }
  }
  return [
    line(["kind", "cell", ...names, ...after]),
    ...rows.map((row) => line([row.kind, row.cell, ...row.values, ...after.map((name) => row[name])])),
  ].join("");
}

function numbersOf(statistic: SeedStatistic | undefined) {
  return { return: statistic?.value, low: statistic?.interval?.[0], high: statistic?.interval?.[1] };
}
