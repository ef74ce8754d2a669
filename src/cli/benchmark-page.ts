// What a benchmark shows: a table in Markdown, beside what others published, and curves.
import { Random } from "../base/random.ts";
import { bootstrapInterval, interquartileMean } from "../training/aggregate.ts";
import { type BenchmarkRecord, finalReturn, judgedBy } from "./benchmark-records.ts";
import { compose, drawCurves, drawDistribution, paper, runsForInterval, trueMinus } from "./figures.ts";
import { whole } from "./progress.ts";
import { bestPublished, type Figure, published, sources } from "./published.ts";

/** What the seeds of a task say together. */
interface Row {
  readonly task: string;
  readonly runs: readonly BenchmarkRecord[];
  /** Of each seed. */
  readonly finals: readonly number[];
  readonly middle: number;
  /** How many seeds failed; undefined where nothing says what is good. */
  readonly failed: number;
}

/**
 * A seed has failed below a fifth of the row's best: of the best published figure without noise or of our own middle,
 * whichever is higher; where returns are negative, beyond five times the best.
 */
function failedSeeds(finals: readonly number[], best: number): number {
  const worst = best > 0 ? best / 5 : 5 * best;
  return finals.filter((value) => value < worst).length;
}

/** By task, in the order of `published`, then by name. */
function rows(records: readonly BenchmarkRecord[]): Row[] {
  const order = Object.keys(published);
  const tasks = [...new Set(records.map(({ environment }) => environment))].sort(
    (a, b) => (order.indexOf(a) + 1 || Infinity) - (order.indexOf(b) + 1 || Infinity),
  );
  return tasks.map((task) => {
    const runs = records.filter(({ environment }) => environment === task);
    const finals = runs.map(finalReturn);
    const middle = interquartileMean(finals);
    return { task, runs, finals, middle, failed: failedSeeds(finals, Math.max(middle, bestPublished(task) ?? middle)) };
  });
}

/** What is written beside the picture of the curves: the table. */
export function page(records: readonly BenchmarkRecord[]): string {
  return `${table(records)}\n\n![Curves](curves.svg)\n`;
}

/** The table, what it means, and where its other figures come from. */
export function table(records: readonly BenchmarkRecord[]): string {
  const all = rows(records);
  const compared = all.some(({ task }) => published[task]);
  const notes: string[] = [];
  const lines = all.map(({ task, runs, finals, middle, failed }) => {
    const { figures = [], differs } = published[task] ?? {};
    if (differs) notes.push(`${"*".repeat(notes.length + 1)} ${task}: ${differs}.`);
    const mark = differs ? ` ${"\\*".repeat(notes.length)}` : "";
    const [low, high] = finals.length < runsForInterval ? [] : bootstrapInterval(finals, new Random(0));
    const interval = low === undefined || high === undefined ? "" : ` [${returnText(low)}, ${returnText(high)}]`;
    return [
      `${task}${mark}`,
      [...new Set(runs.map(({ steps }) => whole(steps)))].join(", "),
      `${returnText(middle)}${interval}`,
      finals.map(returnText).join(", "),
      `${failed} of ${finals.length}`,
      ...(compared ? sources.map((_, i) => figure(figures[i] ?? null)) : []),
    ];
  });
  const names = compared ? sources.map(({ name }) => name) : [];
  return [
    markdown([["task", "steps", "return", "each seed", "failed", ...names], ...lines]),
    "",
    `A run's return is the mean of its last ${judgedBy} noise-free evaluations; of the seeds, the interquartile mean${
      all.some(({ finals }) => finals.length >= runsForInterval) ? " with a 95 % bootstrap interval" : ""
    }. A seed has failed below a fifth of the row's best figure (for negative returns, beyond five times it).`,
    ...(compared
      ? [
          "",
          `Others' figures, after 1,000,000 steps: ${sources.map(({ name, url, how }) => `[${name}](${url}), ${how}`).join("; ")}.`,
          ...notes.map((note) => `\n${note.replaceAll("*", "\\*")}`),
        ]
      : []),
  ].join("\n");
}

/** A return: a decimal below 100, none above. */
function returnText(value: number): string {
  return trueMinus(Math.abs(value) < 100 ? value.toFixed(1) : whole(value));
}

function figure(published: Figure | null): string {
  if (!published) return "–";
  const [mean, deviation] = published;
  return deviation === undefined ? returnText(mean) : `${returnText(mean)} ± ${returnText(deviation)}`;
}

/** A table whose columns stand below each other as text, too. */
function markdown([head, ...body]: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((row) => row[column].length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...body.map(line)].join("\n");
}

/** A panel a task: curves of evaluations over steps, and a dot a seed for what it came to. */
export function curves(records: readonly BenchmarkRecord[]): string {
  const width = 390;
  const panels = rows(records).map(({ task, runs, finals, failed }) => {
    const best = bestPublished(task);
    const name = "best published, without noise";
    const plot = drawCurves([{ name: "", runs: runs.map(({ evaluations }) => evaluations) }], {
      theme: paper,
      width,
      height: 240,
      xLabel: "environment steps",
      yLabel: "mean return of an evaluation",
      references: best === undefined ? [] : [{ value: best, name }],
      showRuns: true,
    });
    const dots = drawDistribution([{ name: "", values: finals }], {
      theme: paper,
      width,
      height: 96,
      xLabel: `mean of the last ${judgedBy} evaluations`,
      references: best === undefined ? [] : [{ value: best, name: "" }],
    });
    const seeds = `${finals.length === 1 ? "one seed" : `${finals.length} seeds`}${failed > 0 ? `, ${failed} failed` : ""}`;
    return compose([[plot], [dots]], { theme: { ...paper, ground: "none" }, captions: [[task, seeds]] });
  });
  const pairs = panels.flatMap((_, i) => (i % 2 === 0 ? [panels.slice(i, i + 2)] : []));
  return compose(pairs, {
    theme: paper,
    padding: 12,
    gap: 14,
    title: "Returns of evaluations over steps, task by task",
  });
}
