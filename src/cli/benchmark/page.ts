// The output of a benchmark: a table in Markdown, beside published results, and curves.
import { largest, smallest } from "../../base/numbers.ts";
import { printable } from "../../base/printable.ts";
import { type SeedStatistic, seedStatistic, statisticName } from "../../training/aggregate.ts";
import { compose, drawCurves, drawDistribution, paper, type Reference, trueMinus } from "../report/figures.ts";
import { short, whole } from "../terminal/numbers.ts";
import { type Best, baselines, type Figure, figuresFor, methods, published } from "./published.ts";
import { type BenchmarkRecord, finalReturn, judgedBy } from "./records.ts";

/** The results of a task over its seeds. */
interface Row {
  readonly task: string;
  readonly runs: readonly BenchmarkRecord[];
  /** The final return of each seed. Undefined for a seed that did not finish. */
  readonly finals: readonly (number | undefined)[];
  /** The returns of the seeds that finished, and their statistic, undefined if there are none. */
  readonly returns: readonly number[];
  readonly statistic: SeedStatistic | undefined;
  readonly failed: number;
  readonly dead: number;
}

/**
 * A seed has failed if it did not finish, or if it is below a fifth of the best figure of its row: our best seed or a
 * published result. Below a twentieth it is dead, and so is a seed whose actor had no gradient at the end. If the best
 * figure is negative, the limits are five and twenty times it.
 */
function unlucky(task: string, runs: Row["runs"], finals: Row["finals"]): Pick<Row, "failed" | "dead"> {
  const best = largest([...figuresFor(task), ...finals.map((value) => value ?? -Infinity)]);
  const below = (part: number) => (value: number | undefined) =>
    value === undefined || value < (best > 0 ? best / part : part * best);
  const isDead = finals.map((value, i) => below(20)(value) || runs[i].deadActor === true);
  return {
    failed: finals.filter((value, i) => below(5)(value) || isDead[i]).length,
    dead: finals.filter((value, i) => value !== undefined && isDead[i]).length,
  };
}

/** One row per task, in the order of `published`, then by name. */
function rows(records: readonly BenchmarkRecord[]): Row[] {
  const order = Object.keys(published);
  const tasks = [...new Set(records.map(({ environment }) => environment))].sort(
    (a, b) => (order.indexOf(a) + 1 || Infinity) - (order.indexOf(b) + 1 || Infinity),
  );
  return tasks.map((task) => {
    const runs = records.filter(({ environment }) => environment === task);
    const finals = runs.map((run) => (run.failed === undefined ? finalReturn(run) : undefined));
    const returns = finals.filter((value) => value !== undefined);
    const statistic = returns.length > 0 ? seedStatistic(returns) : undefined;
    return { task, runs, finals, returns, statistic, ...unlucky(task, runs, finals) };
  });
}

/** The file beside the picture of the curves: the table. */
export function page(records: readonly BenchmarkRecord[]): string {
  return `${resultsTable(records)}\n\n![Curves](curves.svg)\n`;
}

/** The table, an explanation, and the sources of its other figures. */
export function resultsTable(records: readonly BenchmarkRecord[]): string {
  const all = rows(records);
  const compared = all.some(({ task }) => published[task]);
  const notes: string[] = [];
  const lines = all.map(({ task, runs, finals, statistic, failed, dead }) => {
    const { ddpg, td3, best, differs } = published[task] ?? {};
    if (differs) notes.push(`${"*".repeat(notes.length + 1)} ${task}: ${differs}.`);
    const mark = differs ? ` ${"\\*".repeat(notes.length)}` : "";
    const interval = statistic?.interval ? ` [${statistic.interval.map(returnText).join(", ")}]` : "";
    return [
      `${task}${mark}`,
      [...new Set(runs.map(({ steps }) => whole(steps)))].join(", "),
      `${returnText(statistic?.value)}${interval}`,
      finals.map(returnText).join(", "),
      `${failed} of ${finals.length}${dead > 0 ? `, ${dead} dead` : ""}`,
      ...(compared ? [figure(ddpg), figure(td3), bestText(best)] : []),
    ];
  });
  const names = compared ? ["DDPG", "TD3", "best published"] : [];
  const used = [...new Set(all.flatMap(({ task }) => published[task]?.best?.method ?? []))];
  return [
    markdown([["task", "steps", "return", "each seed", "failed", ...names], ...lines]),
    "",
    `A run's return is the mean of its last ${judgedBy} noise-free evaluations; a task's return is the ${statisticName} over its seeds that finished${
      all.some(({ statistic }) => statistic?.interval) ? ", with a 95 % bootstrap interval from five seeds on" : ""
    }. A seed counts as failed below a fifth of the row's best figure (for negative returns, beyond five times it), or if it did not finish, and as dead below a twentieth or if its actor had no gradient at the end.`,
    ...(compared
      ? [
          "",
          `Others' figures, after 1,000,000 steps: the same measure, computed from the raw records, with the lowest and the highest seed in brackets; figures with ± are means and deviations as they were published. DDPG and TD3: [${baselines.name}](${baselines.url}), ${baselines.how}. Best published: ${used.map((name) => `[${name}](${methods[name].url}), ${methods[name].how}`).join("; ")}.`,
          ...notes.map((note) => `\n${note.replaceAll("*", "\\*")}`),
        ]
      : []),
  ].join("\n");
}

/** A return, with the digits that `train` and `report` show. */
function returnText(value: number | undefined): string {
  return value === undefined ? "–" : trueMinus(short(value));
}

/** A published number with the digits that it was published with. */
function publishedText(value: number): string {
  return trueMinus(Number.isInteger(value) ? whole(value) : value.toFixed(1));
}

function figure(published: Figure | undefined): string {
  if (!published) return "–";
  const [value, ...ends] = published;
  return publishedText(value) + (ends.length > 0 ? ` [${ends.map((end = 0) => publishedText(end)).join(", ")}]` : "");
}

function bestText(best: Best | undefined): string {
  if (!best) return "–";
  const deviation = best.deviation === undefined ? "" : ` ± ${publishedText(best.deviation)}`;
  return `${publishedText(best.value)}${deviation}, ${best.method}`;
}

/** A Markdown table whose columns also align as plain text. */
function markdown(rows: readonly (readonly string[])[]): string {
  // A name is that of a record's file, which may be any text.
  const [head, ...body] = rows.map((row) => row.map((cell) => printable(cell).replaceAll("|", "\\|")));
  const widths = head.map((_, column) => largest([head, ...body].map((row) => row[column].length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...body.map(line)].join("\n");
}

/** One panel per task: curves of evaluations over steps, and a dot per seed for its final return. */
export function curves(records: readonly BenchmarkRecord[]): string {
  const width = 390;
  const panels = rows(records).map(({ task, runs, returns, failed }) => {
    const { ddpg, td3 } = published[task] ?? {};
    const levels = [
      ...(ddpg ? [{ value: ddpg[0], name: "DDPG, published" }] : []),
      ...(td3 ? [{ value: td3[0], name: "TD3, published" }] : []),
    ];
    const curves = runs.map(({ evaluations }) => evaluations).filter(({ length }) => length > 0);
    const drawn = levels.map(({ value }) => value).concat(curves.flatMap((points) => points.map(([, value]) => value)));
    const references = legible(levels, largest(drawn) - smallest(drawn));
    const plot = drawCurves([{ name: "", runs: curves }], {
      theme: paper,
      width,
      height: 240,
      xLabel: "environment steps",
      yLabel: "mean return of an evaluation",
      references,
      showRuns: true,
    });
    const dots = (): string =>
      drawDistribution([{ name: "", values: returns }], {
        theme: paper,
        width,
        height: 96,
        xLabel: `mean of the last ${judgedBy} evaluations; diamond: ${statisticName}`,
        references: references.map(({ value }) => ({ value, name: "" })),
      });
    const seeds = `${runs.length === 1 ? "one seed" : `${runs.length} seeds`}${failed > 0 ? `, ${failed} failed` : ""}`;
    return compose([[plot], returns.length > 0 ? [dots()] : []], {
      theme: { ...paper, ground: "none" },
      captions: [[task, seeds]],
    });
  });
  const pairs = panels.flatMap((_, i) => (i % 2 === 0 ? [panels.slice(i, i + 2)] : []));
  return compose(pairs, {
    theme: paper,
    padding: 12,
    gap: 14,
    title: "Returns of evaluations over steps, task by task",
  });
}

/** Up to two levels of a plot over `extent`. A name is a tenth of that high, so of two that are nearer, one is under its line. */
function legible(levels: readonly Reference[], extent: number): readonly Reference[] {
  const [first, second] = levels;
  if (!second || Math.abs(first.value - second.value) >= extent / 10) return levels;
  const [lower, upper] = first.value < second.value ? [first, second] : [second, first];
  return [upper, { ...lower, side: "below" }];
}
