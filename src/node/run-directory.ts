// Writes the directory of a run.
import * as fs from "node:fs";
import * as path from "node:path";
import { InputError, messageOf } from "../base/expect.ts";
import { encodeSafetensors, type Safetensors, safetensorsParts, tensorOf } from "../base/safetensors.ts";
import { formatRecord, type MetricsRecord } from "../training/metrics.ts";
import type { RunConfig, RunResult } from "../training/run.ts";
import type { SavedRun } from "../training/run-loop.ts";
import { EventFile, eventFileName } from "./event-file.ts";
import { attempt, makeDirectory, refusal } from "./files.ts";
import { expectUnlocked, expectUnlockedNow, isLockName, type Lock, takeLock } from "./lock.ts";
import { replaceFile, unfinished } from "./replace-file.ts";
import { type Checkpoint, eachMetric, files, format, readConfig, type WhichPolicy, writeJson } from "./run-files.ts";
import { fromHere, fromStart } from "./starting-folder.ts";

/**
 * Throws an InputError unless a run can write its records to this directory: a new or empty one, or one that
 * `isUnstarted`, with the same `start`. Watching a lock takes some seconds; it then calls `notice` with the reason.
 */
export async function checkRunDirectory(
  directory: string,
  start?: Uint8Array,
  notice?: (text: string) => void,
): Promise<void> {
  await expectUnlocked(directory, notice);
  expectFree(directory, start);
}

/** The same without a look at the lock. */
function expectFree(directory: string, start: Uint8Array | undefined): void {
  const where = `run directory ${directory}`;
  const folder = fromStart(directory);
  const names = attempt(where, "a directory that can be written", () => {
    let existing = folder;
    while (!fs.existsSync(existing) && path.dirname(existing) !== existing) existing = path.dirname(existing);
    // If a parent is a file, this call throws the error: not a directory.
    fs.accessSync(existing + path.sep, fs.constants.W_OK | fs.constants.X_OK);
    return existing === folder ? fs.readdirSync(folder) : [];
  });
  if (names.length === 0) return;
  if (isUnstarted(directory, (bytes) => start !== undefined && bytes.equals(start))) return;
  const some = names.length > 3 ? `${names.slice(0, 3).join(", ")}, …` : names.join(", ");
  const hint = names.includes(files.checkpoint)
    ? "Choose another, or resume that run."
    : isUnstarted(directory)
      ? "That run ended before its first step. Remove it, or choose another."
      : "Choose another.";
  throw new InputError({ where, expected: "a new or empty directory", got: `one with ${some}`, hint });
}

/** What a run that is killed before its first checkpoint may leave besides its whole files. */
const unstarted: readonly string[] = [files.config, files.best, files.start, files.checkpoint].map(unfinished);

/** The records of the evaluation before the first step are shorter. */
const maxUnstartedBytes = 65_536;

/**
 * Whether a directory holds nothing but the files of a run that ended before its first checkpoint. Nothing is lost if
 * they are removed, except perhaps the policy that the actor started as: `isKnown` is asked about its bytes. A policy
 * without the run's records and configuration beside it may be the only copy of one.
 */
export function isUnstarted(directory: string, isKnown: (start: Buffer) => boolean = () => true): boolean {
  const folder = fromStart(directory);
  try {
    const own = fs.readdirSync(folder).filter((name) => !isLockName(name));
    const isOwn = (name: string): boolean => {
      const file = path.join(folder, name);
      if (!fs.lstatSync(file).isFile()) return false;
      if (name === files.metrics || name === files.config || eventFileName.test(name)) return true;
      if (!own.includes(files.metrics)) return false;
      if (unstarted.includes(name)) return true;
      if (!own.includes(files.config)) return false;
      return name === files.best || (name === files.start && isKnown(fs.readFileSync(file)));
    };
    if (!own.every(isOwn)) return false;
    if (own.includes(files.config)) readConfig(folder);
    // The last two that `#removeUnstarted` removes.
    if (!own.includes(files.metrics)) return own.every((name) => name === files.config);
    if (fs.statSync(path.join(folder, files.metrics)).size > maxUnstartedBytes) return false;
    return [...eachMetric(folder)].every(({ step }) => step === 0);
  } catch (error) {
    // Then something is not as this program left it.
    if (error instanceof InputError || refusal(error) !== undefined) return false;
    throw error;
  }
}

/**
 * What to do about a run that cannot be resumed because it `isUnstarted`. Undefined if it is not. `flags` are those that only
 * the command names.
 */
export function unstartedHint(directory: string, shown: string, flags = ""): string | undefined {
  if (!isUnstarted(directory) || fs.readdirSync(fromStart(directory)).length === 0) return undefined;
  const hasConfig = fs.existsSync(path.join(fromStart(directory), files.config));
  const again = hasConfig ? `Start it again: npx ddpg train --config ${shown} --out ${shown}${flags}` : "Train again.";
  return `That run ended before its first step, so there is nothing to resume. ${again}`;
}

/** Writes the records of a run. Everything reaches the file at once or within a quarter of a second. */
export class RunDirectory {
  /** The directory, as given. */
  readonly path: string;
  /** The same as an absolute path: an environment may change the working directory. */
  readonly #folder: string;
  /** The topmost directory that was created for it, if any. */
  readonly #made: string | undefined;
  readonly #lock: Lock;
  readonly #metrics: number;
  #events: EventFile | undefined;
  /** Length of `metrics.jsonl` in bytes. */
  #metricsBytes: number;
  #pending = "";
  #written = 0;

  /**
   * Creates the directory with its `config.json`, and the policy that the actor starts as, if given. Throws an
   * InputError if the directory is not empty, cannot be written, or is in use by another process.
   */
  static create(directory: string, config: RunConfig, start?: Uint8Array): RunDirectory {
    expectUnlockedNow(directory);
    expectFree(directory, start);
    return attempt(
      `run directory ${directory}`,
      "a directory that can be written",
      () => new RunDirectory(directory, config, undefined, start),
      "Choose another.",
    );
  }

  /**
   * Resumes a run from its checkpoint. Records written after the checkpoint are removed. If records from before it are
   * missing, it calls `warn` and continues without them. Throws as `create` does.
   */
  static resume(
    directory: string,
    config: RunConfig,
    checkpoint: Checkpoint,
    warn: (warning: string) => void = () => {},
  ): RunDirectory {
    return attempt(
      `run directory ${directory}`,
      "a directory that can be written",
      () => new RunDirectory(directory, config, checkpoint, undefined, warn),
    );
  }

  /** Use `create` or `resume`: they check first. */
  private constructor(
    directory: string,
    config: RunConfig,
    checkpoint?: Checkpoint,
    start?: Uint8Array,
    warn: (warning: string) => void = () => {},
  ) {
    this.path = directory;
    this.#folder = fromStart(directory);
    this.#made = makeDirectory(this.#folder);
    this.#lock = this.#undoing(
      () => takeLock(directory),
      () => {},
    );
    const metrics = this.#file(files.metrics);
    const unlock = (): void => this.#lock.release();
    if (!checkpoint) this.#undoing(() => this.#removeUnstarted(start), unlock);
    // The flag "x" makes this fail if another run has taken the directory since the check.
    this.#metrics = this.#undoing(() => fs.openSync(metrics, checkpoint ? "r+" : "ax"), unlock);
    this.#metricsBytes = 0;
    const undo = (): void => (checkpoint ? this.#releaseUnused() : this.discard());
    this.#undoing(() => {
      if (checkpoint) this.#metricsBytes = this.#recordedBytes(checkpoint, warn);
      // Every record is read here, before anything is changed: one that cannot be read must cost nothing.
      const resumed = checkpoint && {
        step: checkpoint.steps,
        records: eachMetric(fromHere(directory), this.#metricsBytes),
      };
      this.#events = new EventFile(this.#folder, config.settings, resumed);
      if (checkpoint) this.#rewind(checkpoint);
      writeJson(this.#file(files.config), config);
      if (start) replaceFile(this.#file(files.start), [start]);
    }, undo);
  }

  /** The absolute path of a file in the directory. */
  #file(name: string): string {
    return path.join(this.#folder, name);
  }

  /** Removes what a run left that ended before its first step. */
  #removeUnstarted(start: Uint8Array | undefined): void {
    expectFree(this.path, start);
    // The configuration goes last: if this process is killed as well, the run can still be started again from it.
    const last: readonly string[] = [files.metrics, files.config];
    const names = fs.readdirSync(this.#folder).filter((name) => !isLockName(name));
    for (const name of [...names.filter((name) => !last.includes(name)), ...last])
      fs.rmSync(this.#file(name), { force: true });
  }

  /**
   * How many bytes of records belong to the checkpoint. A directory that was copied while its run was writing may have
   * older records than its checkpoint.
   */
  #recordedBytes({ metricsBytes }: Checkpoint, warn: (warning: string) => void): number {
    const { size } = fs.fstatSync(this.#metrics);
    if (size >= metricsBytes) return metricsBytes;
    let end = size;
    for (const byte = Buffer.alloc(1); end > 0; end--) {
      if (fs.readSync(this.#metrics, byte, 0, 1, end - 1) === 1 && byte[0] === newline) break;
    }
    const where = path.join(this.path, files.metrics);
    warn(
      `${where}: expected at least the ${metricsBytes} bytes recorded at the checkpoint, got ${size}. The run was probably ` +
        "copied while it was writing. It continues with the same results, but the records in between are missing.",
    );
    return end;
  }

  /** Restores the state at the checkpoint. */
  #rewind({ bestPolicy }: Checkpoint): void {
    fs.ftruncateSync(this.#metrics, this.#metricsBytes);
    for (const name of [files.result, ...Object.values(files).map(unfinished)])
      fs.rmSync(this.#file(name), { force: true });
    replaceFile(this.#file(files.best), [encodeSafetensors(bestPolicy)]);
  }

  #undoing<T>(action: () => T, undo: () => void): T {
    try {
      return action();
    } catch (error) {
      undo();
      this.#removeMade();
      throw error;
    }
  }

  /** Appends a line to `metrics.jsonl`, and an event for TensorBoard. */
  append(record: MetricsRecord): void {
    this.#pending += formatRecord(record);
    this.#events?.add(record);
    if (performance.now() - this.#written > 250) this.flush();
  }

  /** Writes what `append` has buffered. Throws an InputError also if the file was moved or removed. */
  flush(): void {
    // Written at most once: lines lost on a full disk must not follow later ones.
    const lines = Buffer.from(this.#pending);
    this.#pending = "";
    this.#written = performance.now();
    this.#write(files.metrics, (file) => {
      fs.statSync(file);
      for (let start = 0; start < lines.length; ) {
        const count = fs.writeSync(this.#metrics, lines, start, lines.length - start, this.#metricsBytes);
        this.#metricsBytes += count;
        start += count;
      }
    });
    const events = this.#events;
    if (events) this.#write(path.basename(events.path), () => events.flush());
  }

  /** Writes `policy.safetensors` or `best.safetensors`, from `Policy.save()`. */
  writePolicy(bytes: Uint8Array, which: WhichPolicy): void {
    this.#write(which === "best" ? files.best : files.policy, (file) =>
      replaceFile(file, [bytes], () => this.#lock.verify()),
    );
  }

  /**
   * Writes `checkpoint.safetensors`: an agent's contents, and the state of the run. The previous one stays until this
   * one is complete.
   */
  writeCheckpoint(agent: Safetensors, run: SavedRun, config: RunConfig): void {
    this.flush();
    const tensors = new Map(agent.tensors);
    tensors.set("run.means", tensorOf("F64", [run.means.length], run.means));
    for (const [name, tensor] of run.bestPolicy.tensors) tensors.set(`best.${name}`, tensor);
    const metadata = new Map(agent.metadata);
    metadata.set("run", JSON.stringify({ format, metricsBytes: this.#metricsBytes, ...run.state }));
    metadata.set("config", JSON.stringify(config));
    metadata.set("best", JSON.stringify(Object.fromEntries(run.bestPolicy.metadata)));
    this.#write(files.checkpoint, (file) => {
      // The records that the checkpoint refers to must be on the disk before it.
      fs.fsyncSync(this.#metrics);
      replaceFile(file, safetensorsParts({ tensors, metadata }), () => this.#lock.verify());
    });
  }

  /** Writes `result.json`. */
  writeResult(result: RunResult): void {
    this.#write(files.result, (file) => writeJson(file, result));
  }

  /**
   * Closes all files. Call it last. Throws if records cannot be written. Returns warnings about what else failed: by
   * then everything is on the disk.
   */
  close(): string[] {
    try {
      this.flush();
      this.#write(files.metrics, () => fs.fsyncSync(this.#metrics));
    } catch (error) {
      this.#release();
      throw error;
    }
    return this.#release();
  }

  /** Removes everything that was created. Call it instead of `close`. */
  discard(): void {
    const isOwn = this.#lock.isHeld();
    this.#releaseUnused();
    if (!isOwn) return;
    for (const name of Object.values(files)) fs.rmSync(this.#file(name), { force: true });
    this.#removeMade();
  }

  /** Removes the event file if it has no events. */
  #releaseUnused(): void {
    this.#release();
    if (this.#events) fs.rmSync(this.#events.path, { force: true });
  }

  /** Returns what failed. The lock is removed last, and even if a file cannot be closed. */
  #release(): string[] {
    const actions: [name: string, action: () => void][] = [
      [files.metrics, () => fs.closeSync(this.#metrics)],
      [path.basename(this.#events?.path ?? ""), () => this.#events?.close()],
      ["lock", () => this.#lock.release()],
    ];
    return actions.flatMap(([name, action]) => {
      try {
        action();
        return [];
      } catch (error) {
        return [`${path.join(this.path, name)}: could not be closed (${refusal(error) ?? messageOf(error)})`];
      }
    });
  }

  /** Removes the directories that were created, as far as they are empty. */
  #removeMade(): void {
    for (let directory = this.#folder; this.#made; directory = path.dirname(directory)) {
      try {
        fs.rmdirSync(directory);
      } catch {
        return;
      }
      if (directory === this.#made) return;
    }
  }

  /** Writes to a file of the directory, if this process still holds the lock. */
  #write(name: string, action: (file: string) => void): void {
    const hint = fs.existsSync(this.#file(files.checkpoint))
      ? "Fix that, then resume the run."
      : "Nothing more of this run can be saved; train again.";
    const write = (): void => {
      this.#lock.verify();
      action(this.#file(name));
    };
    attempt(path.join(this.path, name), "a file that can be written", write, hint);
  }
}

const newline = 10;
