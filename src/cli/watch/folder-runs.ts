// The runs of an overview that are on disk: those that the command names, and those inside of folders, also when they begin
// later. The files are the only connection to the processes that train.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { InputError, messageOf } from "../../base/expect.ts";
import { refusal } from "../../node/files.ts";
import { expectDirectory, files, readConfig, statusOf, versionOf } from "../../node/run-files.ts";
import type { OverviewRow } from "../../training/runs-overview.ts";
import { groupsOf } from "../report/groups.ts";
import { cellName } from "../sweep/matrix.ts";
import { readSweep, runsFolder, runsOf, type SweepRecord, sweepFile } from "../sweep/record.ts";
import { countsText } from "../sweep/status.ts";
import { cut, maxRuns, type OverviewRun, type RunsSource } from "./overview.ts";
import { RunSummary } from "./run-summary.ts";

/** How deep runs may be in a folder: `train --seeds --out` makes runs/NAME/seed1, and a sweep NAME/runs/ID. */
const maxDepth = 3;

/** Folders that are searched. More are probably not meant. */
const maxFolders = 5000;

/** The shortest time between two looks at all files, in ms. */
const pollMs = 500;

/** Looking takes at most this share of the time: a folder may be on a slow network. */
const shareOfTime = 0.2;

/** Time for reading records in a look, in ms. The rest follows in the next ones. */
const readMs = 150;

/** Bytes of a run that are read before the others have their turn. */
const readBytes = 2 ** 20;

/** Where a run is, and what is known of it before it has files. */
interface Found {
  readonly directory: string;
  readonly name: string;
  readonly sweep?: { readonly group: string; readonly seed: number; readonly record: SweepRecord };
}

export class FolderRuns implements RunsSource {
  readonly place: string;
  readonly opening = "";
  readonly runs = new Map<string, OverviewRun>();
  problem = "";
  readonly #places: readonly string[];
  readonly #followed = new Map<string, RunSummary>();
  /** The run that is read first in the next look: the last one ended before its turn. */
  #next = 0;
  #groups: ReadonlyMap<string, { readonly name: string; readonly index: number }> = new Map();
  #groupCount = 0;
  #groupsKey = "";
  readonly #sweeps: Sweeps = new Map();
  #changed: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Throws an InputError unless each place is a run, a sweep or a folder that holds some. */
  constructor(places: readonly string[]) {
    this.#places = places;
    this.place = places.join(", ");
    for (const place of places) expectRuns(place);
  }

  directoryOf(id: string): string | undefined {
    return this.runs.get(id)?.row.canOpen ? this.#followed.get(id)?.directory : undefined;
  }

  start(changed: () => void): void {
    this.#changed = changed;
    this.#poll();
  }

  stop(): void {
    this.#changed = undefined;
    clearTimeout(this.#timer);
  }

  /** "3 complete, 9 waiting", from the files as they are now. */
  counts(): string {
    this.look();
    const rows = [...this.runs.values()].map(({ row }) => row);
    return countsText(rows);
  }

  #poll(): void {
    const started = performance.now();
    this.look();
    this.#changed?.();
    const took = performance.now() - started;
    if (this.#changed) this.#timer = setTimeout(() => this.#poll(), Math.max(pollMs, took * (1 / shareOfTime - 1)));
  }

  /** Looks at all files once. Returns whether all records were read; the rest follows in the next looks. */
  look(): boolean {
    const search = new Search(this.#sweeps);
    const found = this.#places.flatMap((place) => search.runsIn(place));
    const all = new Map(found.map((each) => [idOf(each.directory), each]));
    for (const id of this.#followed.keys()) {
      if (all.has(id)) continue;
      this.#followed.delete(id);
      this.runs.delete(id);
    }
    for (const [id, { directory, sweep }] of all) {
      const run = this.#followed.get(id) ?? new RunSummary(directory, sweep !== undefined);
      this.#followed.set(id, run);
      run.look();
    }
    const isAll = this.#read();
    this.#group(all);
    for (const [id, found] of all) this.#update(id, found);
    this.problem = cut([...search.problems].join(" "));
    return isAll;
  }

  #update(id: string, { name, sweep }: Found): void {
    const run = this.#followed.get(id);
    if (!run) return;
    const { config, points, state } = run;
    const group = this.#groups.get(id);
    const row: OverviewRow = {
      ...{ ...state, id, name: cut(name), reason: cut(state.reason) },
      environment: cut(config?.environment ?? sweep?.record.environment ?? ""),
      group: cut(group?.name ?? ""),
      groupIndex: group?.index ?? this.#groupCount,
      seed: config?.seed ?? sweep?.seed ?? null,
      steps: config?.steps ?? sweep?.record.steps ?? 0,
    };
    const before = this.runs.get(id);
    const isSame = JSON.stringify(before?.row) === JSON.stringify(row);
    if (before && isSame && before.points === points) return;
    this.runs.set(id, { row: before && isSame ? before.row : row, points });
  }

  /** Reads records until the time is over, of one run after another. Returns whether that was all. */
  #read(): boolean {
    const started = performance.now();
    const list = [...this.#followed.values()];
    let left = list.map((_, i) => (this.#next + i) % list.length);
    while (left.length > 0) {
      const more: number[] = [];
      for (const at of left) {
        // At least one is read, however slow the disk.
        if (at !== left[0] && performance.now() - started > readMs) {
          this.#next = at;
          return false;
        }
        if (!list[at].read(readBytes)) more.push(at);
      }
      if (more.length > 0 && performance.now() - started > readMs) {
        this.#next = more[0];
        return false;
      }
      left = more;
    }
    return true;
  }

  /** Names the groups of equal settings: those of a sweep as it does, others by what differs. */
  #group(all: ReadonlyMap<string, Found>): void {
    const key = [...all].map(([id, { sweep }]) => `${id} ${sweep?.group ?? this.#followed.get(id)?.configVersion}`);
    if (key.join("\n") === this.#groupsKey) return;
    this.#groupsKey = key.join("\n");
    const groups = new Map<string, { readonly name: string; readonly index: number }>();
    const indices = new Map<string, number>();
    const alone = [...all].flatMap(([id, { sweep, directory }]) => {
      const config = this.#followed.get(id)?.config;
      return sweep || !config ? [] : [{ id, directory, config }];
    });
    for (const [id, { sweep, directory }] of all) {
      if (!sweep) continue;
      const own = `${path.dirname(directory)} ${sweep.group}`;
      const index = indices.get(own) ?? indices.size;
      indices.set(own, index);
      groups.set(id, { name: sweep.group, index });
    }
    const others = groupsOf(alone);
    for (const [i, { name, runs }] of others.entries())
      for (const { id } of runs) groups.set(id, { name, index: indices.size + i });
    this.#groups = groups;
    this.#groupCount = indices.size + others.length;
  }
}

/** Whether a directory is a run's, as far as can be seen. */
function isRun(directory: string): boolean {
  return statusOf(directory, files.config) !== undefined;
}

/** Throws an InputError unless a path is a run's directory, a sweep's, or that of a folder that holds runs. */
function expectRuns(place: string): void {
  expectDirectory(place);
  const search = new Search(new Map());
  if (search.runsIn(place).length > 0) return;
  const [problem] = search.problems;
  if (problem !== undefined) throw new InputError(problem);
  // The error says which file of a run is missing.
  readConfig(place);
}

/** The records of sweeps, by folder, as they were read last. */
type Sweeps = Map<string, { readonly version: string; readonly record: SweepRecord | undefined }>;

/** Finds the runs in folders, in a bounded number of these. Links are not followed. */
class Search {
  readonly problems = new Set<string>();
  readonly #sweeps: Sweeps;
  #folders = 0;
  #count = 0;

  constructor(sweeps: Sweeps) {
    this.#sweeps = sweeps;
  }

  runsIn(place: string): Found[] {
    if (isRun(place)) return this.#counted([{ directory: place, name: place }]);
    return this.#inside(place, "", maxDepth);
  }

  #inside(place: string, below: string, depth: number): Found[] {
    const folder = path.join(place, below);
    const record = this.#sweepOf(folder);
    if (record) return this.#counted(this.#sweepRuns(folder, below, record));
    if (depth === 0) return [];
    return this.#subfolders(folder).flatMap((name) => {
      if (this.#isFull()) return [];
      const inside = path.join(below, name);
      const directory = path.join(place, inside);
      return isRun(directory) ? this.#counted([{ directory, name: inside }]) : this.#inside(place, inside, depth - 1);
    });
  }

  #sweepOf(folder: string): SweepRecord | undefined {
    const now = versionOf(statusOf(folder, sweepFile));
    if (now === "") return undefined;
    const known = this.#sweeps.get(folder);
    if (known?.version === now) return known.record;
    try {
      const record = readSweep(folder);
      this.#sweeps.set(folder, { version: now, record });
      return record;
    } catch (error) {
      this.problems.add(messageOf(error));
      return undefined;
    }
  }

  /** All runs of a sweep, also those that have not begun. What a link leads to is not the sweep's. */
  #sweepRuns(folder: string, below: string, record: SweepRecord): Found[] {
    const runs = runsFolder(folder);
    if (isLink(runs)) {
      this.problems.add(`${runs}: a link, which is not followed.`);
      return [];
    }
    // One more than are shown says that there are more. A record may name millions.
    const first = runsOf(folder, record).slice(0, maxRuns + 1);
    return first.flatMap(({ id, cell, seed, directory }) => {
      if (isLink(directory)) return [];
      return [{ directory, name: path.join(below, id), sweep: { group: cellName(cell.settings), seed, record } }];
    });
  }

  #subfolders(folder: string): string[] {
    this.#folders++;
    try {
      const entries = fs.readdirSync(folder, { withFileTypes: true });
      const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
      return names.filter((name) => !name.startsWith(".") && name !== "node_modules").sort(collator.compare);
    } catch (error) {
      const reason = refusal(error);
      if (reason === undefined) throw error;
      this.problems.add(`${folder}: ${reason}.`);
      return [];
    }
  }

  #counted(found: Found[]): Found[] {
    const room = Math.max(0, maxRuns - this.#count);
    this.#count += found.length;
    if (found.length > room) this.problems.add(`Only the first ${maxRuns} runs are shown.`);
    return found.slice(0, room);
  }

  #isFull(): boolean {
    if (this.#folders >= maxFolders) this.problems.add(`Only the first ${maxFolders} folders were searched for runs.`);
    return this.#folders >= maxFolders || this.#count > maxRuns;
  }
}

// seed2 comes before seed10.
const collator = new Intl.Collator("en", { numeric: true });

/** Whether a path is that of a link, as far as the system says. */
function isLink(place: string): boolean {
  try {
    return fs.lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  } catch (error) {
    if (refusal(error) === undefined) throw error;
    return false;
  }
}

/** The part of an address that stands for a directory. */
function idOf(directory: string): string {
  return createHash("sha256").update(path.resolve(directory)).digest("hex").slice(0, 16);
}
