// The settings that a sweep tries: every combination of lists of values, or draws from lists and ranges.
import { expect, fail, InputError } from "../../base/expect.ts";
import { exp, log } from "../../base/math.ts";
import { Random } from "../../base/random.ts";
import { parseSetting, type Settings, settingFlag, settingNames, showSetting } from "../../ddpg/config.ts";
import { suggestSetting } from "../../ddpg/other-names.ts";
import { whole } from "../terminal/numbers.ts";
import { numberOf } from "../terminal/options.ts";

type Name = keyof Settings;
type Value = Settings[Name];

/** The settings of a cell, of those that the sweep varies. The runs of a cell differ only by their seed. */
export type Cell = Partial<Settings>;

/** Numbers between two ends, both included. */
export interface Range {
  readonly low: number;
  readonly high: number;
  readonly scale: "log" | "uniform";
  readonly isWhole: boolean;
}

/** A setting that is varied, with its values or its range. `where` names it in errors. */
export interface Axis {
  readonly name: Name;
  readonly where: string;
  readonly values: readonly Value[] | Range;
}

/** More is probably a typing mistake. */
const maxCells = 10_000;

/** Digits of a drawn number. They suffice, and a person can type them. */
const drawnDigits = 4;

/**
 * Parses `actorLearningRate=1e-4,1e-3`, or several settings: `actorLearningRate=1e-4,1e-3,batchSize=64,128`. A range is
 * `actorLearningRate=1e-5..1e-2`. Within a value that is a list, `/` stands for the comma.
 */
export function parseGrid(text: string, flag: string): Axis[] {
  const lists: { name: Name; texts: string[] }[] = [];
  for (const part of text.split(",")) {
    const [, named, value] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
    if (named !== undefined) lists.push({ name: settingNamed(named.trim(), flag), texts: [value] });
    else if (lists.length > 0) lists[lists.length - 1].texts.push(part);
    else fail(flag, "a setting and its values, such as actorLearningRate=1e-4,1e-3", text);
  }
  return lists.map(({ name, texts }) => {
    const own = texts.map((each) => each.trim().replaceAll("/", ","));
    return axisOf(name, own, `${flag} ${name}`);
  });
}

/** The setting that a text names: actorLearningRate, actor-learning-rate or --actor-learning-rate. */
export function settingNamed(text: string, where: string): Name {
  const flag = `--${text.replace(/^--/, "")}`;
  const name = settingNames.find((each) => each === text || settingFlag(each) === flag);
  const hint = name === undefined ? suggestSetting(text.replace(/^--/, ""), settingNames) : "";
  expect(name !== undefined, where, "names of settings, as ddpg train --help lists them", text, hint);
  return name;
}

/** The axis of a setting from its values as they are typed, or from a single range. */
export function axisOf(name: Name, texts: readonly string[], where: string): Axis {
  const range = texts.length === 1 ? rangeOf(name, texts[0], where) : undefined;
  if (range) return { name, where, values: range };
  const values = texts.map((text) => parseSetting(name, text, where));
  const shown = values.map(showSetting);
  const twice = shown.find((value, i) => shown.indexOf(value) !== i);
  expect(twice === undefined, where, "every value once", twice, "Remove one of the two.");
  return { name, where, values };
}

function rangeOf(name: Name, text: string, where: string): Range | undefined {
  const [, from, to, kind] = /^(.*?)\.\.(.*?)(?::(.*))?$/.exec(text) ?? [];
  if (from === undefined) return undefined;
  const [low, high] = [from, to].map(numberOf);
  const form = "a range such as 1e-5..1e-2, 1e-5..1e-2:log or 0..1:uniform";
  expect(low < high && (kind === undefined || kind === "log" || kind === "uniform"), where, form, text);
  for (const end of [low, high]) parseSetting(name, `${end}`, where);
  expect(kind !== "log" || low > 0, where, "a range above 0, because it is logarithmic", text);
  // Rates and sizes of noise differ by factors, so that a wide range is one of magnitudes.
  const scale = kind ?? (low > 0 && high >= 10 * low ? "log" : "uniform");
  return { low, high, scale, isWhole: isWhole(name, low, high) };
}

/** Whether a setting is a whole number: it then refuses what lies between two of its values. */
function isWhole(name: Name, low: number, high: number): boolean {
  if (!Number.isInteger(low) || !Number.isInteger(high)) return false;
  try {
    parseSetting(name, `${low + 0.5}`, "");
    return false;
  } catch (error) {
    if (error instanceof InputError) return true;
    throw error;
  }
}

/** What to draw: the number of cells, and the seed of the draws. */
export interface Draws {
  readonly cells: number;
  readonly seed: number;
  /** What errors call the number of cells. */
  readonly where: string;
}

/**
 * All cells: every combination of the values, the last setting varying fastest, or as many draws. Each of `given` is
 * combined with all of them. Throws an InputError for a setting that appears twice.
 */
export function cellsOf(axes: readonly Axis[], draws: Draws | undefined, given: readonly Cell[] = []): Cell[] {
  for (const [i, { name, where }] of axes.entries()) {
    const isTwice = axes.findIndex((axis) => axis.name === name) !== i || given.some((cell) => name in cell);
    expect(!isTwice, where, "every setting once", name, "Write all its values into one list.");
  }
  const varied = draws ? drawn(axes, draws) : combined(axes);
  const count = varied.length * Math.max(1, given.length);
  expect(count <= maxCells, "sweep", `at most ${whole(maxCells)} combinations of settings`, count);
  return given.length === 0 ? varied : given.flatMap((cell) => varied.map((each) => ({ ...cell, ...each })));
}

function combined(axes: readonly Axis[]): Cell[] {
  let cells: Cell[] = [{}];
  for (const { name, where, values } of axes) {
    if (isRange(values)) {
      const hint = "--random N draws N numbers from it.";
      throw new InputError({ where, expected: "values such as 1e-4,1e-3", got: "a range", hint });
    }
    const count = cells.length * values.length;
    expect(count <= maxCells, "sweep", `at most ${whole(maxCells)} combinations of settings`, count);
    cells = cells.flatMap((cell) => values.map((value) => ({ ...cell, [name]: value })));
  }
  return cells;
}

/**
 * Different cells, drawn one after another: a larger number of them begins with the same ones. Every setting has a stream of
 * its own, so that its draws do not depend on the other settings.
 */
function drawn(axes: readonly Axis[], { cells: count, seed, where }: Draws): Cell[] {
  expect(axes.length > 0, where, "settings to draw, as in --grid actorLearningRate=1e-5..1e-2", "none");
  expect(count <= maxCells, where, `at most ${whole(maxCells)}`, count);
  const streams = axes.map(({ name }) => new Random(seed).fork(name));
  const cells = new Map<string, Cell>();
  for (let tries = 0; cells.size < count; tries++) {
    const hint = "Draw fewer, or widen the ranges.";
    expect(tries < 100 * count, where, `at most ${cells.size}, because there are not more different ones`, count, hint);
    const cell = Object.fromEntries(axes.map(({ name, values }, i) => [name, drawnFrom(values, streams[i])]));
    const key = JSON.stringify(cell);
    if (!cells.has(key)) cells.set(key, cell);
  }
  return [...cells.values()];
}

function drawnFrom(values: Axis["values"], random: Random): Value {
  if (!isRange(values)) return values[random.integer(values.length)];
  const { low, high, scale, isWhole } = values;
  // Each whole number gets the part of the range that is nearest to it.
  const half = isWhole ? 0.5 : 0;
  const [start, end] = [low - half, high + half];
  const share = random.uniform();
  const number = scale === "log" ? exp(log(start) + share * (log(end) - log(start))) : start + share * (end - start);
  const rounded = isWhole ? Math.round(number) : Number(number.toPrecision(drawnDigits));
  return Math.min(high, Math.max(low, rounded));
}

function isRange(values: Axis["values"]): values is Range {
  return "low" in values;
}

/** A value from a JSON file, whose type is not known yet, as it is typed on the command line. */
export function typed(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join(",") : String(value);
}

/** A cell in words: "actorLearningRate 0.001, batchSize 64". */
export function cellName(cell: Cell): string {
  const parts = Object.entries(cell).map(([name, value]) => `${name} ${showSetting(value)}`);
  return parts.join(", ") || "no change";
}
