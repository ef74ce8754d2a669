// The record of a sweep in its directory, sweep.json: which runs belong to it. It only grows, so that a later command can
// add settings and seeds.
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "../../base/expect.ts";
import { parseJson } from "../../base/json.ts";
import { largest } from "../../base/numbers.ts";
import { parseSetting, type Settings, settingNames, showSetting } from "../../ddpg/config.ts";
import { expectFields, expectKnown, type Fields } from "../../node/fields.ts";
import { attempt, makeDirectory, maxTextBytes, readFile } from "../../node/files.ts";
import { replaceFile } from "../../node/replace-file.ts";
import { fromStart } from "../../node/starting-folder.ts";
import type { RunConfig } from "../../node.ts";
import { jobId } from "./job.ts";
import { type Cell, typed } from "./matrix.ts";

/** The format that the reader below understands. It changes when the meaning does. */
const format = "ddpg-sweep-1";

/** The name of the record's file. */
export const sweepFile = "sweep.json";

export interface SweepCell {
  readonly id: string;
  /** The settings that the sweep varies. */
  readonly settings: Cell;
  readonly seeds: readonly number[];
}

export interface SweepRecord {
  readonly environment: string;
  readonly steps: number;
  readonly arithmetic: NonNullable<RunConfig["arithmetic"]>;
  readonly cells: readonly SweepCell[];
}

/** A run of a sweep. */
export interface SweepRun {
  readonly id: string;
  readonly cell: SweepCell;
  readonly seed: number;
  readonly directory: string;
}

/** The folder of a sweep's runs. */
export function runsFolder(sweep: string): string {
  return path.join(sweep, "runs");
}

export function runDirectory(sweep: string, id: string): string {
  return path.join(runsFolder(sweep), id);
}

/** All runs, in the order in which they are made: every cell gets its first seed before any gets its second. */
export function runsOf(sweep: string, { cells }: SweepRecord): SweepRun[] {
  const most = largest(cells.map(({ seeds }) => seeds.length));
  return Array.from({ length: most }, (_, i) =>
    cells.flatMap((cell) => {
      if (i >= cell.seeds.length) return [];
      const seed = cell.seeds[i];
      const id = jobId(cell.id, seed);
      return [{ id, cell, seed, directory: runDirectory(sweep, id) }];
    }),
  ).flat();
}

/** The settings that the cells name, in the order of the documentation. */
export function variedNames({ cells }: Pick<SweepRecord, "cells">): (keyof Settings)[] {
  return settingNames.filter((name) => cells.some(({ settings }) => name in settings));
}

const fields = {
  environment: "a name",
  steps: "a whole number above 0",
  arithmetic: "a text",
  cells: "an object",
} as const satisfies Fields<SweepRecord>;

const cellFields = { id: "a text", settings: "an object", seeds: "an object" } as const satisfies Fields<SweepCell>;

/** Reads and checks a sweep's record. Undefined if the directory has none. */
export function readSweep(directory: string): SweepRecord | undefined {
  const file = path.join(directory, sweepFile);
  const text = attempt(file, "the record of a sweep", () =>
    fs.existsSync(fromStart(file)) ? readFile(fromStart(file), maxTextBytes).toString("utf8") : undefined,
  );
  if (text === undefined) return undefined;
  return parseSweep(text, file, "The command that made the sweep writes it again if you remove it.");
}

/** Checks the text of a record. `file` begins errors. */
export function parseSweep(text: string, file: string, hint: string): SweepRecord {
  const value = parseJson(text, file, hint);
  expect(typeof value === "object" && value !== null, file, "a JSON object", value, hint);
  const { format: found } = value as { format?: unknown };
  expect(found === format, `${file} format`, `"${format}"`, found, "Another version of ddpg wrote it.");
  expectKnown(value, file, ["format", ...Object.keys(fields)]);
  expectFields<SweepRecord>(value, file, fields, hint);
  const { environment, steps, arithmetic, cells } = value;
  const isKnown = arithmetic === "fused" || arithmetic === "portable";
  expect(isKnown, `${file} arithmetic`, "fused or portable", arithmetic, hint);
  expect(Array.isArray(cells) && cells.length > 0, `${file} cells`, "a list of cells", cells, hint);
  const checked = cells.map((cell, i) => cellFrom(cell, `${file} cells[${i}]`, hint));
  return { environment, steps, arithmetic, cells: checked };
}

function cellFrom(value: unknown, where: string, hint: string): SweepCell {
  expect(typeof value === "object" && value !== null, where, "an object", value, hint);
  expectFields<SweepCell>(value, where, cellFields, hint);
  const { id, settings, seeds } = value;
  // It is part of a path.
  expect(/^[0-9a-f]{12}$/.test(id), `${where} id`, "12 hexadecimal digits", id, hint);
  const isSeeds = Array.isArray(seeds) && seeds.length > 0 && new Set(seeds).size === seeds.length;
  const good = isSeeds && seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0);
  expect(good, `${where} seeds`, "a list of different seeds", seeds, hint);
  expectKnown(settings, `${where} settings`, settingNames);
  const entries = Object.entries(settings).map(([name, value]) => {
    const known = name as keyof Settings;
    return [known, parseSetting(known, typed(value), `${where} settings ${name}`)];
  });
  return { id, settings: Object.fromEntries(entries), seeds };
}

/**
 * The record with what another command adds: cells, and seeds of cells that it has. Throws an InputError if they do not
 * belong together, because their returns could not be compared. `where` is a directory, or a server's address and a name.
 */
export function joined(
  where: string,
  earlier: SweepRecord | undefined,
  added: SweepRecord,
  hint = "Choose another --out.",
): SweepRecord {
  if (!earlier) return added;
  // A path is normalized. The address of a server has two slashes.
  const file = where.includes("://") ? `${where} ${sweepFile}` : path.join(where, sweepFile);
  for (const field of ["environment", "steps", "arithmetic"] as const) {
    expect(earlier[field] === added[field], `${file} ${field}`, String(added[field]), earlier[field], hint);
  }
  const cells = new Map(earlier.cells.map((cell) => [cell.id, cell]));
  for (const cell of added.cells) {
    const known = cells.get(cell.id);
    const seeds = [...new Set([...(known?.seeds ?? []), ...cell.seeds])];
    cells.set(cell.id, { ...cell, settings: { ...known?.settings, ...cell.settings }, seeds });
  }
  return { ...added, cells: [...cells.values()] };
}

/** Writes the record, unless it is there already: the tasks of an array job all have the same. */
export function writeSweep(directory: string, record: SweepRecord): void {
  const file = fromStart(path.join(directory, sweepFile));
  const text = sweepText(record);
  attempt(
    file,
    "a file that can be written",
    () => {
      makeDirectory(fromStart(directory));
      if (fs.existsSync(file) && readFile(file, maxTextBytes).toString("utf8") === text) return;
      replaceFile(file, [Buffer.from(text)]);
    },
    "Choose another with --out.",
  );
}

/** A record as the text of its file. */
export function sweepText(record: SweepRecord): string {
  const head = { format, environment: record.environment, steps: record.steps, arithmetic: record.arithmetic };
  const lines = record.cells.map((cell) => `\n${JSON.stringify(cell)}`).join(",");
  return `${JSON.stringify(head).slice(0, -1)},\n"cells":[${lines}]}\n`;
}

/** A cell's values of these settings, as they are typed. */
export function cellValues({ settings }: SweepCell, names: readonly (keyof Settings)[]): string[] {
  return names.map((name) => {
    const value = settings[name];
    return value === undefined ? "–" : showSetting(value);
  });
}
