// Follows a run's directory and sends its contents and additions as events to viewers. It relies only on the files, so
// it needs no agreement with the process that writes them: a run may end, be resumed, be moved away and come back.
import * as fs from "node:fs";
import * as path from "node:path";
import { messageOf } from "../../base/expect.ts";
import { isLocked } from "../../node/lock.ts";
import { files, openRunFile, readConfig, readResult, statusOf } from "../../node/run-files.ts";
import type { RunConfig, RunEvent, RunResult, RunStatus } from "../../training/run.ts";

/**
 * How often the directory is checked, in ms. It is polled, because file system notifications differ between systems and
 * are sometimes missing.
 */
const pollMs = 250;

/** Bytes of records to read at once. */
const maxBytes = 65_536;

/** The files of a run's directory that viewers may see. */
export const shownFiles: readonly string[] = [files.config, files.metrics, files.result, files.policy, files.best];

/** The state of the directory at one poll. */
interface Look {
  begin: { run: string; config: RunConfig } | null;
  /** A string that changes whenever `config.json` is written. */
  config: string;
  status: RunStatus;
}

/** A viewer, and what it has already received. */
interface Viewer {
  /** Returns whether there is room for more. */
  send(event: RunEvent): boolean;
  isFull: boolean;
  /** A string that identifies the files that the records came from. */
  source: string;
  /** Bytes of `metrics.jsonl` that were sent. */
  bytes: number;
  /** The status that was sent last, as a string. */
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

  /** Sends everything that exists, then additions. After `send` returns false, the rest waits for `resume`. */
  follow(send: (event: RunEvent) => boolean): { resume(): void; stop(): void } {
    const viewer: Viewer = { send, isFull: false, source: "", bytes: 0, statusText: "" };
    if (this.#viewers.size === 0) {
      this.#look = look(this.#run);
      this.#timer = setInterval(() => this.#poll(), pollMs);
    }
    this.#viewers.add(viewer);
    this.#bring(viewer);
    return {
      resume: () => {
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

  /** Sends what a viewer has not received yet. The status comes last, so that a finished run has all its records. */
  #bring(viewer: Viewer): void {
    if (!this.#look || viewer.isFull) return;
    const { config, begin, status } = this.#look;
    let { problem } = status;
    try {
      if (begin && !this.#bringRecords(viewer, config, begin)) return;
    } catch (error) {
      problem = `${problem} ${files.metrics}: ${messageOf(error)}`.trim();
    }
    const data = { ...status, problem };
    const statusText = JSON.stringify(data);
    if (viewer.statusText === statusText) return;
    viewer.statusText = statusText;
    viewer.isFull = !viewer.send({ name: "status", data });
  }

  /** Returns whether all records were sent. */
  #bringRecords(viewer: Viewer, config: string, begin: NonNullable<Look["begin"]>): boolean {
    const descriptor = openRunFile(this.#run, files.metrics);
    try {
      const { ino, size } = descriptor === undefined ? { ino: 0, size: 0 } : fs.fstatSync(descriptor);
      const source = `${config} ${ino}`;
      // A resumed run is cut back to its checkpoint. It may have grown again since, but its config was rewritten.
      if (source !== viewer.source || size < viewer.bytes) {
        Object.assign(viewer, { source, bytes: 0, statusText: "" });
        viewer.isFull = !viewer.send({ name: "begin", data: begin });
      }
      while (descriptor !== undefined && viewer.bytes < size && !viewer.isFull) {
        const chunk = Buffer.allocUnsafe(Math.min(maxBytes, size - viewer.bytes));
        const count = fs.readSync(descriptor, chunk, 0, chunk.length, viewer.bytes);
        // The last line may be incomplete: the rest is not written yet. A line longer than the buffer is sent in parts.
        const lines = chunk.subarray(0, count).lastIndexOf("\n") + 1;
        const end = lines === 0 && count === maxBytes ? lastLetter(chunk) : lines;
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

/** Where the last letter of UTF-8 text begins, which may be incomplete. */
function lastLetter(bytes: Uint8Array): number {
  let start = bytes.length - 1;
  while (start > bytes.length - 4 && (bytes[start] & 0xc0) === 0x80) start--;
  return start;
}

/** Reads the state of a run's directory. Whatever is wrong with it becomes the status's problem. */
function look(run: string): Look {
  try {
    return lookAt(run);
  } catch (error) {
    const nothing = { phase: "gone", result: null, policy: null, files: [] } as const;
    return { begin: null, config: "", status: { ...nothing, problem: messageOf(error) } };
  }
}

function lookAt(run: string): Look {
  const problems: string[] = [];
  const read = <T>(name: string, reader: (run: string) => T): T | null => {
    try {
      return statusOf(run, name) ? reader(run) : null;
    } catch (error) {
      // The file was removed meanwhile, or is damaged.
      problems.push(messageOf(error));
      return null;
    }
  };
  const config = read(files.config, () => shownConfig(readConfig(run)));
  const result = config && read(files.result, () => shownResult(readResult(run)));
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
  };
}

/** What a viewer needs of `config.json`. Its other fields may hold anything, of any depth and size. */
function shownConfig(config: RunConfig): RunConfig {
  const { environment, environmentModule, preset, seed, steps, settings, arithmetic, evaluation } = config;
  const { environments, untilReturn, from } = config;
  const { every, episodes, finalEpisodes } = evaluation;
  return {
    environment: short(environment),
    ...(environmentModule !== undefined && { environmentModule: short(environmentModule) }),
    ...{ preset, seed, steps, settings, evaluation: { every, episodes, finalEpisodes } },
    ...(arithmetic && { arithmetic }),
    ...(environments !== undefined && { environments }),
    ...(untilReturn !== undefined && { untilReturn }),
    ...(from && { from }),
    versions: { ddpg: "", node: "", platform: "" },
  };
}

/** What a viewer needs of `result.json`. */
function shownResult(result: RunResult): RunResult {
  const { environment, preset, seed, steps, trainingSeconds, stepsPerSecond, threads, fingerprint } = result;
  const { evaluation, best, interrupted, failed } = result;
  return {
    ...{ environment: short(environment), preset, seed, steps, trainingSeconds, stepsPerSecond, threads, fingerprint },
    evaluation: evaluation && {
      meanReturn: evaluation.meanReturn,
      standardError: evaluation.standardError,
      episodes: evaluation.episodes,
    },
    ...(best && { best }),
    ...(interrupted && { interrupted }),
    ...(failed !== undefined && { failed: short(failed) }),
  };
}

/** A text of a file, cut to a length that a page can show. */
function short(text: string): string {
  const most = 1000;
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** The name under which the networks of a checkpoint are served. */
export const networksFile = "networks.safetensors";

/** The policy to show of a run as its files are now. */
export function newestPolicyOf(run: string): RunStatus["policy"] {
  return newestPolicy(run, statusOf(run, files.result) !== undefined);
}

/**
 * The policy to show: the final one, preferably from the checkpoint, which also has the critic. While the run has not
 * ended, the one written last.
 */
function newestPolicy(run: string, hasEnded: boolean): RunStatus["policy"] {
  const candidates = [
    [files.checkpoint, networksFile],
    [hasEnded ? files.policy : files.best, hasEnded ? files.policy : files.best],
  ].flatMap(([source, file]) => {
    const status = statusOf(run, source);
    return status ? [{ file, status }] : [];
  });
  // A finished run keeps the order above.
  if (!hasEnded) candidates.sort((a, b) => b.status.mtimeMs - a.status.mtimeMs);
  const [newest] = candidates;
  return newest ? { file: newest.file, version: version(newest.status) } : null;
}

/** A string that changes when a file does. Files are replaced, so the inode changes. */
export function version(status: fs.Stats | undefined): string {
  return status ? `${status.ino}-${status.mtimeMs}-${status.size}` : "";
}
