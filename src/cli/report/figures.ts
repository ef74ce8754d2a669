// Draws figures as SVG text: curves of runs, distributions over runs, and pages of them. Observable Plot draws the axes
// and marks.

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { largest, smallest } from "../../base/numbers.ts";
import { printable } from "../../base/printable.ts";
import {
  minSeedsForInterval,
  type Point,
  seedStatistic,
  statisticName,
  summarizeCurves,
} from "../../training/aggregate.ts";

/** Colors of a figure. */
export interface Theme {
  readonly foreground: string;
  readonly muted: string;
  /** Data colors, from Okabe & Ito (2008): distinguishable with color blindness. */
  readonly series: readonly string[];
  /** The background of a standalone figure. "none" lets the page's background show. */
  readonly ground: string;
}

/** For a standalone file: dark ink on a white background, so that any page can embed it. */
export const paper: Theme = {
  foreground: "#1f2328",
  muted: "#6a737d",
  series: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9"],
  ground: "#ffffff",
};

/** For an HTML page that defines these variables for light and dark. */
export const page: Theme = {
  foreground: "currentColor",
  muted: "var(--muted)",
  series: [
    "var(--series-1)",
    "var(--series-2)",
    "var(--series-3)",
    "var(--series-4)",
    "var(--series-5)",
    "var(--series-6)",
  ],
  ground: "none",
};

/** A dashed level to compare with. Its name is on the given side of the line. */
export interface Reference {
  readonly value: number;
  readonly name: string;
  readonly side?: "above" | "below";
}

interface Options {
  readonly theme: Theme;
  readonly width: number;
  readonly height?: number;
}

const fontSize = 12;
const dashes = ["none", "6 3", "2 3"];
// Room for the axes: Plot does not measure text.
const margins = { marginLeft: 58, marginRight: 36, marginTop: 30, marginBottom: 42 };

const { document } = parseHTML("<!doctype html><html></html>");

/** Runs of one kind, each a curve. */
export interface Group {
  readonly name: string;
  readonly runs: readonly (readonly Point[])[];
}

export interface CurvesOptions extends Options {
  readonly xLabel: string;
  readonly yLabel: string;
  readonly references?: readonly Reference[];
  /** Whether groups with an interval also show their runs. Groups without one always do. */
  readonly showRuns?: boolean;
  readonly yDomain?: readonly [number, number];
}

/**
 * Curves of groups of runs: the statistic over the runs of each, with its 95 % bootstrap interval if it has one, otherwise
 * with every run.
 */
export function drawCurves(groups: readonly Group[], options: CurvesOptions): string {
  const { theme, references = [] } = options;
  const marks: Plot.Markish[] = [];
  const keys: Key[] = [];
  const single = groups.length === 1;
  groups.forEach(({ name, runs }, index) => {
    const color = seriesColor(theme, index);
    const dash = dashes[Math.floor(index / theme.series.length) % dashes.length];
    const line = { x: "0", y: "1", stroke: color, strokeWidth: 2, strokeDasharray: dash };
    const count = runs.length;
    if (count === 0) return;
    if (count === 1) {
      marks.push(Plot.line(runs[0], { ...line, strokeWidth: 1.5 }));
      if (runs[0].length === 1) marks.push(Plot.dot(runs[0], { x: "0", y: "1", fill: color }));
      keys.push({ name, color, dash });
      return;
    }
    const summary = summarizeCurves(runs);
    const band = summary.flatMap(({ step, interval }) =>
      interval ? [{ step, low: interval[0], high: interval[1] }] : [],
    );
    if (band.length === 0 || options.showRuns) {
      const points = runs.flatMap((run, i) => run.map(([x, y]) => ({ x, y, run: i })));
      const opacity = count > 12 ? 0.22 : 0.4;
      marks.push(
        Plot.line(points, { x: "x", y: "y", z: "run", stroke: color, strokeWidth: 1, strokeOpacity: opacity }),
      );
      if (single) keys.push({ name: `each of ${count} seeds`, color, opacity, thin: true });
    }
    if (band.length > 0)
      marks.push(Plot.areaY(band, { x: "step", y1: "low", y2: "high", fill: color, fillOpacity: 0.25 }));
    marks.push(Plot.line(summary, { ...line, x: "step", y: "value" }));
    const label = `${summary[0]?.name ?? statisticName}${band.length > 0 ? ", 95 % interval" : ""}`;
    keys.push({ name: single ? label : name, color, dash, band: band.length > 0 });
  });
  return withLegend(
    keys,
    plot({ ...options, yGrid: true, marks: [...referenceLines(references, theme), ...marks] }),
    options,
  );
}

export interface Evaluated {
  readonly evaluations: readonly { readonly step: number; readonly value: number; readonly error: number }[];
  /** The returns of training episodes, at their last steps. Each point is the mean of `each` episodes. */
  readonly episodes: readonly Point[];
  readonly each: number;
}

/** One run: noise-free evaluations with their standard error, over the returns of training episodes. */
export function drawRun(run: Evaluated, options: CurvesOptions): string {
  const { theme } = options;
  const [color] = theme.series;
  const error = { x: "step", y1: low, y2: high };
  const title = (d: { step: number; value: number; error: number }) =>
    `step ${format(d.step)}: ${format(d.value)} ± ${format(d.error)}`;
  const marks = [
    Plot.dot(run.episodes, { x: "0", y: "1", r: 1.8, fill: theme.muted, fillOpacity: 0.55 }),
    Plot.areaY(run.evaluations, { ...error, fill: color, fillOpacity: 0.25 }),
    ...(run.evaluations.length === 1 ? [Plot.ruleX(run.evaluations, { ...error, stroke: color })] : []),
    Plot.line(run.evaluations, { x: "step", y: "value", stroke: color, strokeWidth: 2 }),
    Plot.dot(run.evaluations, { x: "step", y: "value", r: 2.2, fill: color, title }),
  ];
  const keys: Key[] = [];
  if (run.evaluations.length > 0) keys.push({ name: "evaluation, ± standard error", color, band: true });
  const episodes = run.each === 1 ? "training episode" : `mean of ${run.each} training episodes`;
  if (run.episodes.length > 0) keys.push({ name: episodes, color: theme.muted, dot: true });
  return withLegend(
    keys,
    plot({ ...options, yGrid: true, marks: [...referenceLines(options.references ?? [], theme), ...marks] }),
    options,
  );
}

function low(d: { value: number; error: number }): number {
  return d.value - d.error;
}

function high(d: { value: number; error: number }): number {
  return d.value + d.error;
}

export interface DistributionOptions extends Options {
  readonly xLabel: string;
  readonly references?: readonly Reference[];
  readonly xDomain?: readonly [number, number];
}

/** What the marks below the dots of a distribution mean. */
export function markMeanings(sizes: readonly number[]): string {
  const intervals = sizes.some((size) => size >= minSeedsForInterval);
  return intervals ? `diamond and bar: ${statisticName}, 95 % interval` : `diamond: ${statisticName}`;
}

/** One row per group: a dot per run, and below them the statistic over the runs with its 95 % interval if it has one. */
export function drawDistribution(
  rows: readonly { readonly name: string; readonly values: readonly number[] }[],
  options: DistributionOptions,
): string {
  const { theme, references = [], width } = options;
  const named = rows.length > 1;
  const foot = 16; // below the dots, for the interval
  const head = named ? 20 : 4;
  const dots = rows.flatMap(({ name, values }, row) => values.map((value) => ({ value, row, name })));
  const all = dots.map(({ value }) => value).concat(references.map(({ value }) => value));
  const domain = options.xDomain ?? widen(smallest(all), largest(all));
  const highest = (radius: number) => largest(rows.map(({ values }) => pile(values, domain, width - 40, radius)));
  const around = margins.marginBottom + 14;
  const rowHeight = options.height
    ? (options.height - around) / rows.length
    : foot + head + Math.min(110, Math.max(14, highest(4)));
  let radius = 4;
  while (radius > 0.5 && highest(radius) > rowHeight - foot - head) radius -= 0.25;
  const intervals = rows.flatMap(({ values }, row) => {
    if (values.length === 0) return [];
    const { value: middle, interval: [low, high] = [middle, middle] } = seedStatistic(values);
    return [{ row, middle, low, high }];
  });
  const color = (d: { row: number }) => seriesColor(theme, d.row);
  const across = { fy: "row", y: 0 };
  const marks: Plot.Markish[] = [
    references.map(({ value, name }) => [
      Plot.ruleX([value], { stroke: theme.muted, strokeDasharray: "4 3", insetTop: head }),
      Plot.text([name], {
        x: () => value,
        frameAnchor: "top",
        lineAnchor: "bottom",
        textAnchor: value > (domain[0] + domain[1]) / 2 ? "end" : "start",
        dy: -2,
      }),
    ]),
    Plot.dot(
      dots,
      Plot.dodgeY({
        x: "value",
        fy: "row",
        anchor: "bottom",
        r: radius,
        padding: 0.2 * radius,
        dy: -foot,
        fill: color,
        fillOpacity: 0.75,
        title: (d: { value: number }) => format(d.value),
      }),
    ),
    Plot.link(intervals, {
      ...across,
      x1: "low",
      x2: "high",
      y1: 0,
      y2: 0,
      dy: -7,
      stroke: color,
      strokeWidth: 3,
      strokeOpacity: 0.5,
    }),
    Plot.dot(intervals, {
      ...across,
      x: "middle",
      dy: -7,
      symbol: "diamond",
      r: 4.5,
      fill: color,
      stroke: "none",
      title: (d: { middle: number }) => format(d.middle),
    }),
  ];
  if (named)
    marks.push(
      Plot.text(rows, {
        fy: (_: unknown, i: number) => i,
        text: "name",
        frameAnchor: "top-left",
        dy: 2,
        fontWeight: 600,
        fill: (_: unknown, i: number) => seriesColor(theme, i),
      }),
    );
  return plot({
    ...options,
    height: rowHeight * rows.length + around,
    marginLeft: 20,
    marginRight: 20,
    marginTop: 14,
    x: { domain },
    y: { domain: [0, 1], axis: null },
    fy: { axis: null, domain: rows.map((_, i) => i), padding: 0 },
    marks,
  });
}

/** The height of the tallest stack of dots of this radius. */
function pile(
  values: readonly number[],
  [start, end]: readonly [number, number],
  width: number,
  radius: number,
): number {
  const side = 2.2 * radius;
  const xs = values.map((value) => ((value - start) / (end - start)) * width).sort((a, b) => a - b);
  let [first, highest] = [0, 0];
  xs.forEach((x, i) => {
    while (x - xs[first] >= side) first++;
    highest = Math.max(highest, i + 1 - first);
  });
  return highest * side;
}

export interface LinesOptions extends Options {
  readonly xLabel: string;
  readonly yLabel: string;
  /** A level to compare with, such as 0. */
  readonly rule?: number;
  /** Whether to use a logarithmic scale whenever it is possible. */
  readonly logarithmic?: boolean;
  readonly yDomain?: readonly [number, number];
}

/** A small panel of lines over steps. A positive range of more than a hundredfold has a logarithmic scale. */
export function drawLines(
  lines: readonly { readonly name: string; readonly points: readonly Point[] }[],
  options: LinesOptions,
): string {
  const { theme } = options;
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value)).filter((value) => value - value === 0);
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) [least, most] = [Math.min(least, value), Math.max(most, value)];
  const free = options.yDomain === undefined && options.rule === undefined;
  const logarithmic = free && least > 0 && most > (options.logarithmic ? 3 : 100) * least;
  const marks: Plot.Markish[] = lines.flatMap(({ points }, i) => [
    Plot.line(points, {
      x: "0",
      y: "1",
      stroke: seriesColor(theme, i),
      strokeWidth: 1.5,
      strokeDasharray: dashes[Math.floor(i / theme.series.length) % dashes.length],
    }),
    ...(points.length === 1 ? [Plot.dot(points, { x: "0", y: "1", fill: seriesColor(theme, i) })] : []),
  ]);
  if (options.rule !== undefined)
    marks.unshift(Plot.ruleY([options.rule], { stroke: theme.muted, strokeDasharray: "4 3" }));
  const keys = lines.length > 1 ? lines.map(({ name }, i) => ({ name, color: seriesColor(theme, i) })) : [];
  const y = logarithmic ? logarithmicScale(least, most) : {};
  return withLegend(keys, plot({ height: 200, ...options, yGrid: true, y, marks }), options);
}

/** A logarithmic scale between two powers of ten, with ticks at the powers between. */
function logarithmicScale(least: number, most: number): Plot.ScaleOptions {
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
  const apart = Math.ceil((last - first + 1) / 6);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(`1e${first + i}`));
  return { type: "log", domain: [ticks[0], ticks[ticks.length - 1]], ticks: ticks.filter((_, i) => i % apart === 0) };
}

interface PlotOptions extends Omit<Plot.PlotOptions, "width" | "height">, Options {
  readonly xLabel?: string;
  readonly yLabel?: string;
  readonly yGrid?: boolean;
  readonly yDomain?: readonly [number, number];
}

function plot(options: PlotOptions): string {
  const { theme, width, height = 340, xLabel, yLabel, yGrid = false, yDomain, x, y, ...rest } = options;
  const inner = width - (rest.marginLeft ?? margins.marginLeft);
  const element = Plot.plot({
    document,
    ...margins,
    ...rest,
    width,
    height,
    style: { fontSize: `${fontSize}px`, fontFamily: "system-ui, sans-serif" },
    x: {
      label: xLabel ?? null,
      labelAnchor: "center",
      labelArrow: "none",
      tickFormat: format,
      ticks: Math.max(3, Math.floor(inner / 90)),
      nice: !x?.domain,
      zero: !x?.domain, // time and episodes begin at 0
      ...x,
    },
    y: {
      label: yLabel ?? null,
      labelAnchor: "top",
      labelArrow: "none",
      tickFormat: format,
      tickSize: 0,
      ticks: Math.max(3, Math.floor(height / 55)),
      nice: !yDomain,
      grid: yGrid,
      ...(yDomain && { domain: yDomain }),
      ...y,
    },
  });
  return standalone(element, theme);
}

/**
 * The element as text, with everything that a standalone file needs, and without the style that would move it inside
 * another.
 */
function standalone(element: ReturnType<typeof Plot.plot>, theme: Theme): string {
  element.querySelector("style")?.remove();
  element.removeAttribute("class");
  element.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  element.setAttribute("xmlns:xlink", "http://www.w3.org/1999/xlink");
  element.setAttribute("color", theme.foreground);
  return shown(element.outerHTML);
}

function referenceLines(references: readonly Reference[], theme: Theme): Plot.Markish[] {
  return references.flatMap(({ value, name, side = "above" }) => [
    Plot.ruleY([value], { stroke: theme.foreground, strokeOpacity: 0.7, strokeDasharray: "5 3" }),
    Plot.text([name], { frameAnchor: "left", y: () => value, dx: 4, dy: side === "above" ? -8 : 8 }),
  ]);
}

interface Key {
  name: string;
  color: string;
  dash?: string;
  opacity?: number;
  band?: boolean;
  dot?: boolean;
  thin?: boolean;
}

/** Puts a legend above a plot, in as many rows as it needs. */
function withLegend(keys: readonly Key[], figure: string, { theme, width }: Options): string {
  if (keys.length === 0 || (keys.length === 1 && keys[0].name === "")) return figure;
  const rowHeight = 20;
  const start = 3;
  let [x, row] = [start, 0];
  const items = keys.map(({ name, color, dash = "none", opacity = 1, band, dot, thin }) => {
    const text = shorten(name, width - start - 40);
    const length = 32 + textWidth(text) + 18;
    if (x > start && x + length > width) [x, row] = [start, row + 1];
    const y = row * rowHeight + 12;
    const sample = [
      band ? `<rect x="${x}" y="${y - 6}" width="24" height="12" fill="${color}" fill-opacity="0.25"/>` : "",
      dot
        ? `<circle cx="${x + 12}" cy="${y}" r="2.5" fill="${color}" fill-opacity="0.7"/>`
        : `<path d="M${x},${y}h24" stroke="${color}" stroke-width="${thin ? 1 : 2}" stroke-opacity="${opacity}" stroke-dasharray="${dash}"/>`,
      `<text x="${x + 31}" y="${y}" dy="0.35em">${escapeText(text)}</text>`,
    ];
    x += length;
    return sample.join("");
  });
  const height = (row + 1) * rowHeight + 4;
  const legend = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-size="${fontSize}" font-family="system-ui, sans-serif" fill="currentColor" color="${theme.foreground}">${items.join("")}</svg>`;
  return compose([[legend], [figure]], { theme });
}

interface ComposeOptions {
  readonly theme: Theme;
  readonly title?: string;
  readonly padding?: number;
  readonly gap?: number;
  /** The caption above each row, in bold, with an optional plain part. */
  readonly captions?: readonly (readonly [bold: string, plain?: string])[];
}

/** Composes rows of figures into one SVG, on the theme's background. `title` is for screen readers. */
export function compose(
  rows: readonly (readonly string[])[],
  { theme, title, padding = 0, gap = 0, captions = [] }: ComposeOptions,
): string {
  let [y, width] = [padding, 0];
  const parts: string[] = [];
  rows.forEach((row, index) => {
    if (index > 0) y += gap;
    if (captions[index]) {
      const [bold, plain = ""] = captions[index].map(escapeText);
      const text = `<tspan font-weight="600">${bold}</tspan>${plain && ` <tspan font-size="${fontSize}">${plain}</tspan>`}`;
      parts.push(`<text x="${padding + 3}" y="${y + 14}">${text}</text>`);
      y += 26;
    }
    let [x, tallest] = [padding, 0];
    for (const figure of row) {
      const size = figureSize(figure);
      parts.push(figure.replace("<svg ", `<svg x="${x}" y="${y}" `));
      x += size.width;
      tallest = Math.max(tallest, size.height);
    }
    width = Math.max(width, x + padding);
    y += tallest;
  });
  const height = y + padding;
  const ground =
    theme.ground === "none" ? "" : `<rect width="${width}" height="${height}" rx="6" fill="${theme.ground}"/>`;
  const name = title ? `<title>${escapeText(title)}</title>` : "";
  const role = title ? ' role="img"' : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"${role} font-size="${fontSize + 1}" font-family="system-ui, sans-serif" fill="currentColor" color="${theme.foreground}">${name}${ground}${parts.join("")}</svg>`;
}

function figureSize(figure: string): { width: number; height: number } {
  const head = figure.slice(0, figure.indexOf(">"));
  const size = (name: string) => Number(new RegExp(` ${name}="([\\d.]+)"`).exec(head)?.[1]);
  return { width: size("width"), height: size("height") };
}

/** A number as an axis shows it: grouped thousands, a real minus sign, no more digits than needed. */
export function format(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e9)) return value.toExponential(1).replace(".0", "").replaceAll("-", "−");
  const digits = size >= 100 ? 1 : 4;
  return trueMinus(value.toLocaleString("en-US", { maximumFractionDigits: digits }));
}

/** Replaces the hyphen of a number's text by a minus sign, and drops it before a zero. */
export function trueMinus(text: string): string {
  return text.replace(/^-(?=[0.]+$)/, "").replace("-", "−");
}

/** Escapes text for SVG and HTML, between tags and in attributes. */
export function escapeText(text: unknown): string {
  return shown(String(text))
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** Shows control characters as escapes, except for line breaks and tabs, and replaces what else XML forbids. */
function shown(text: string): string {
  return text.replace(/[^\n\t]+/g, printable).replace(/[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
}

function seriesColor(theme: Theme, index: number): string {
  return theme.series[index % theme.series.length];
}

function textWidth(text: string): number {
  return text.length * fontSize * 0.54;
}

function shorten(text: string, width: number): string {
  const most = Math.floor(width / (fontSize * 0.54));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function widen(low: number, high: number): [number, number] {
  const margin = high > low ? 0.05 * (high - low) : Math.max(1, 0.05 * Math.abs(high));
  return [low - margin, high + margin];
}
