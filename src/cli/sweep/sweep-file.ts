// The file of `ddpg sweep --file`: what the command line says, as JSON.
import { expect, InputError } from "../../base/expect.ts";
import { parseJson } from "../../base/json.ts";
import { expectPreset, type PresetName, parseSetting, type Settings } from "../../ddpg/config.ts";
import { expectKnown } from "../../node/fields.ts";
import { attempt, maxTextBytes, readFile } from "../../node/files.ts";
import { parseSeeds } from "../run/seeds.ts";
import { type Axis, axisOf, type Cell, settingNamed, typed } from "./matrix.ts";

/** What a file may say. Flags of the command line count more. */
export interface SweepFile {
  readonly environment?: string;
  readonly preset?: PresetName;
  readonly steps?: number;
  readonly seeds?: number[];
  /** Settings of all runs. */
  readonly settings: Partial<Settings>;
  readonly grid: readonly Axis[];
  readonly random?: number;
  readonly randomSeed?: number;
  /** Combinations of settings, one by one. */
  readonly cells: readonly Cell[];
}

const names = ["environment", "preset", "steps", "seeds", "settings", "grid", "random", "randomSeed", "cells"];
const hint = "docs/scale.md shows such a file.";

/** Reads and checks a file. Throws an InputError that names the field. */
export function readSweepFile(file: string): SweepFile {
  const text = attempt(file, "a file of a sweep", () => readFile(file, maxTextBytes)).toString("utf8");
  const value = parseJson(text, file, hint);
  expectObject(value, file);
  expectKnown(value, file, names);
  const { environment, preset, steps, seeds, settings, grid, random, randomSeed, cells } = value;
  const isName = environment === undefined || typeof environment === "string";
  expect(isName, `${file} environment`, "an id or a path", environment, hint);
  if (preset !== undefined) InputError.within(file, () => expectPreset(preset));
  return {
    ...(environment !== undefined && { environment }),
    ...(preset !== undefined && { preset: preset as PresetName }),
    ...(steps !== undefined && { steps: wholeNumber(steps, `${file} steps`, 1) }),
    ...(seeds !== undefined && { seeds: seedsOf(seeds, `${file} seeds`) }),
    ...(random !== undefined && { random: wholeNumber(random, `${file} random`, 1) }),
    ...(randomSeed !== undefined && { randomSeed: wholeNumber(randomSeed, `${file} randomSeed`, 0) }),
    settings: settings === undefined ? {} : cellFrom(settings, `${file} settings`),
    grid: grid === undefined ? [] : axesFrom(grid, `${file} grid`),
    cells: cells === undefined ? [] : cellsFrom(cells, `${file} cells`),
  };
}

function wholeNumber(value: unknown, where: string, min: number): number {
  expect(Number.isSafeInteger(value) && Number(value) >= min, where, `a whole number of at least ${min}`, value, hint);
  return Number(value);
}

function seedsOf(value: unknown, where: string): number[] {
  const text = Array.isArray(value) ? value.join(",") : value;
  expect(typeof text === "string", where, "a list of seeds, or a text such as 1..5", value, hint);
  try {
    return parseSeeds(text);
  } catch (error) {
    throw error instanceof InputError ? error.at(where) : error;
  }
}

function cellFrom(value: unknown, where: string): Cell {
  expectObject(value, where);
  const entries = Object.entries(value).map(([text, each]) => {
    const name = settingNamed(text, where);
    return [name, parseSetting(name, typed(each), `${where} ${name}`)] as const;
  });
  const names = entries.map(([name]) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  expect(twice === undefined, where, "every setting once", twice);
  return Object.fromEntries(entries);
}

function cellsFrom(value: unknown, where: string): Cell[] {
  expect(Array.isArray(value) && value.length > 0, where, "a list of objects with settings", value, hint);
  return value.map((each, i) => cellFrom(each, `${where}[${i}]`));
}

function axesFrom(value: unknown, where: string): Axis[] {
  expectObject(value, where);
  return Object.entries(value).map(([text, values]) => {
    const name = settingNamed(text, where);
    const isSome = typeof values === "string" || (Array.isArray(values) && values.length > 0);
    expect(isSome, `${where} ${name}`, "a list of values, or a range such as 1e-5..1e-2", values, hint);
    return axisOf(name, typeof values === "string" ? [values] : values.map(typed), `${where} ${name}`);
  });
}

function expectObject(value: unknown, where: string): asserts value is Record<string, unknown> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  expect(isObject, where, "a JSON object", value, hint);
}
