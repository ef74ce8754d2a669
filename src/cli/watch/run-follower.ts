// What a run's directory holds and what is added to it, as events for those who look on. The files say everything, so
// nothing has to be agreed with the process that writes them: a run may end, be resumed, moved away and come back.
import * as fs from "node:fs";
import * as path from "node:path";
import { InputError } from "../../base/expect.ts";
import { isLocked } from "../../node/lock.ts";
import { files, openRunFile, readConfig, readResult, statusOf } from "../../node/run-files.ts";
import type { RunConfig, RunEvent, RunStatus } from "../../training/run.ts";

/** How often the directory is looked at, in ms: a system's own notices differ, and some file systems give none. */
const pollMs = 250;

/** Bytes of records that are read at once. */
const maxBytes = 65_536;

/** What of a run's directory others get to see. */
export const shownFiles: readonly string[] = [files.config, files.metrics, files.result, files.policy, files.best];

/** What is known after a look. */
interface Look {
  begin: { run: string; config: RunConfig } | null;
  /** A word that changes whenever `config.json` is written. */
  config: string;
  status: RunStatus;
  /** The same as a text, to compare. */
  statusText: string;
}

/** Someone who looks on, and what they have got. */
interface Viewer {
  /** Says whether there is room for more. */
  send(event: RunEvent): boolean;
  isFull: boolean;
  /** A word for the files that it came from. */
  source: string;
  /** Of `metrics.jsonl`. */
  bytes: number;
  statusText: string;
}

export class RunFollower {
  readonly #run: string;
  readonly #viewers = new Set<Viewer>();
  #timer: NodeJS.Timeout | undefined;
  #look: Look | undefined;

  constructor(run: string) {
    this.#run = run;
  }

  /** Sends everything that is there, then what comes. After an answer of `false`, the rest waits for `goOn`. */
  follow(send: (event: RunEvent) => boolean): { goOn(): void; stop(): void } {
    const viewer: Viewer = { send, isFull: false, source: "", bytes: 0, statusText: "" };
    if (this.#viewers.size === 0) {
      this.#look = look(this.#run);
      this.#timer = setInterval(() => this.#poll(), pollMs);
    }
    this.#viewers.add(viewer);
    this.#bring(viewer);
    return {
      goOn: () => {
        viewer.isFull = false;
        this.#bring(viewer);
      },
      stop: () => {
        this.#viewers.delete(viewer);
        if (this.#viewers.size === 0) clearInterval(this.#timer);
      },
    };
  }

  #poll(): void {
    this.#look = look(this.#run);
    for (const viewer of this.#viewers) this.#bring(viewer);
  }

  /** Sends what a viewer has not got. How the run is comes last: one that has ended has all its records. */
  #bring(viewer: Viewer): void {
    if (!this.#look || viewer.isFull) return;
    const { config, begin, status, statusText } = this.#look;
    if (begin && !this.#bringRecords(viewer, config, begin)) return;
    if (viewer.statusText === statusText) return;
    viewer.statusText = statusText;
    viewer.isFull = !viewer.send({ name: "status", data: status });
  }

  /** Whether all of them went out. */
  #bringRecords(viewer: Viewer, config: string, begin: NonNullable<Look["begin"]>): boolean {
    const descriptor = openRunFile(this.#run, files.metrics);
    try {
      const { ino, size } = descriptor === undefined ? { ino: 0, size: 0 } : fs.fstatSync(descriptor);
      const source = `${config} ${ino}`;
      // A resumed run is cut back to its checkpoint. It may have grown again since, but its config was written anew.
      if (source !== viewer.source || size < viewer.bytes) {
        Object.assign(viewer, { source, bytes: 0, statusText: "" });
        viewer.isFull = !viewer.send({ name: "begin", data: begin });
      }
      while (descriptor !== undefined && viewer.bytes < size && !viewer.isFull) {
        const chunk = Buffer.allocUnsafe(Math.min(maxBytes, size - viewer.bytes));
        const count = fs.readSync(descriptor, chunk, 0, chunk.length, viewer.bytes);
        // The last line may still be written. One without an end is none of ours, and whoever reads it will say so.
        const lines = chunk.subarray(0, count).lastIndexOf("\n") + 1;
        const end = lines === 0 && count === maxBytes ? count : lines;
        if (end === 0) return true;
        viewer.bytes += end;
        viewer.isFull = !viewer.send({ name: "records", data: chunk.toString("utf8", 0, end) });
      }
      return !viewer.isFull;
    } finally {
      if (descriptor !== undefined) fs.closeSync(descriptor);
    }
  }
}

/** Looks at a run's directory. */
function look(run: string): Look {
  const problems: string[] = [];
  const read = <T>(name: string, reader: (run: string) => T): T | null => {
    try {
      return statusOf(run, name) ? reader(run) : null;
    } catch (error) {
      // Gone since, or damaged.
      if (!(error instanceof InputError)) throw error;
      problems.push(error.message);
      return null;
    }
  };
  const config = read(files.config, readConfig);
  const result = config && read(files.result, readResult);
  const ended = result !== null && result.evaluation !== null && !result.interrupted && result.failed === undefined;
  const phase = config === null ? "gone" : isLocked(run) ? "training" : ended ? "finished" : "stopped";
  const status: RunStatus = {
    phase,
    result,
    policy: config && newestPolicy(run, result !== null),
    files: shownFiles.filter((name) => statusOf(run, name)),
    problem: problems.join(" "),
  };
  return {
    begin: config && { run: path.basename(path.resolve(run)), config },
    config: version(statusOf(run, files.config)),
    status,
    statusText: JSON.stringify(status),
  };
}

/** Of a checkpoint, the networks are served under this name. */
export const networksFile = "networks.safetensors";

/** That of the end, with its critic where there is a checkpoint; while there is no end yet, the last that was written. */
function newestPolicy(run: string, hasEnded: boolean): RunStatus["policy"] {
  const candidates = [
    [files.checkpoint, networksFile],
    [hasEnded ? files.policy : files.best, hasEnded ? files.policy : files.best],
  ].flatMap(([source, file]) => {
    const status = statusOf(run, source);
    return status ? [{ file, status }] : [];
  });
  // The sort is stable: of the end, the first one.
  if (!hasEnded) candidates.sort((a, b) => b.status.mtimeMs - a.status.mtimeMs);
  const [newest] = candidates;
  return newest ? { file: newest.file, version: version(newest.status) } : null;
}

/** A word that changes with a file; files are replaced, so it is another one. */
function version(status: fs.Stats | undefined): string {
  return status ? `${status.ino}-${status.mtimeMs}-${status.size}` : "";
}
