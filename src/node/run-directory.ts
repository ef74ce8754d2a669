// Writes the directory of a run.
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, InputError } from "../base/expect.ts";
import { encodeSafetensors, type Safetensors, safetensorsParts, tensorOf } from "../base/safetensors.ts";
import { formatRecord, type MetricsRecord } from "../training/metrics.ts";
import type { RunConfig, RunResult } from "../training/run.ts";
import type { SavedRun } from "../training/run-loop.ts";
import { EventFile } from "./event-file.ts";
import { attempt, makeDirectory } from "./files.ts";
import { expectUnlocked, takeLock } from "./lock.ts";
import { replaceFile, unfinished } from "./replace-file.ts";
import { type Checkpoint, files, format, readMetrics, type WhichPolicy, writeJson } from "./run-files.ts";

/** Throws an InputError unless a run can write its records to this directory. It must be new or empty. */
export function checkRunDirectory(directory: string): void {
  const where = `run directory ${directory}`;
  expectUnlocked(directory);
  const names = attempt(where, "a directory that can be written", () => {
    let existing = path.resolve(directory);
    while (!fs.existsSync(existing) && path.dirname(existing) !== existing) existing = path.dirname(existing);
    // If a parent is a file, this call throws the error: not a directory.
    fs.accessSync(existing + path.sep, fs.constants.W_OK | fs.constants.X_OK);
    return existing === path.resolve(directory) ? fs.readdirSync(directory) : [];
  });
  if (names.length > 0) {
    const some = names.length > 3 ? `${names.slice(0, 3).join(", ")}, …` : names.join(", ");
    const hint = names.includes(files.checkpoint) ? "Choose another, or resume that run." : "Choose another.";
    throw new InputError({ where, expected: "a new or empty directory", got: `one with ${some}`, hint });
  }
}

/** Writes the records of a run. Everything reaches the file at once or within a quarter of a second. */
export class RunDirectory {
  /** The directory, as given. */
  readonly path: string;
  /** The topmost directory that was created for it, if any. */
  readonly #made: string | undefined;
  readonly #unlock: () => void;
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
    checkRunDirectory(directory);
    return attempt(
      `run directory ${directory}`,
      "a directory that can be written",
      () => new RunDirectory(directory, config, undefined, start),
      "Choose another.",
    );
  }

  /** Resumes a run from its checkpoint. Records written after the checkpoint are removed. Throws as `create` does. */
  static resume(directory: string, config: RunConfig, checkpoint: Checkpoint): RunDirectory {
    return attempt(
      `run directory ${directory}`,
      "a directory that can be written",
      () => new RunDirectory(directory, config, checkpoint),
    );
  }

  /** Use `create` or `resume`: they check first. */
  private constructor(directory: string, config: RunConfig, checkpoint?: Checkpoint, start?: Uint8Array) {
    this.path = directory;
    this.#made = makeDirectory(path.resolve(directory));
    this.#unlock = this.#undoing(
      () => takeLock(directory),
      () => {},
    );
    const metrics = path.join(directory, files.metrics);
    // The flag "x" makes this fail if another run has taken the directory since the check.
    this.#metrics = this.#undoing(() => fs.openSync(metrics, checkpoint ? "r+" : "ax"), this.#unlock);
    this.#metricsBytes = checkpoint?.metricsBytes ?? 0;
    const undo = (): void => (checkpoint ? this.#releaseUnused() : this.discard());
    this.#undoing(() => {
      if (checkpoint) this.#rewind(checkpoint);
      const resumed = checkpoint && { step: checkpoint.steps, records: readMetrics(directory) };
      this.#events = new EventFile(directory, config.settings, resumed);
      writeJson(path.join(directory, files.config), config);
      if (start) replaceFile(path.join(directory, files.start), [start]);
    }, undo);
  }

  /** Restores the state at the checkpoint. */
  #rewind({ metricsBytes, bestPolicy }: Checkpoint): void {
    const size = fs.fstatSync(this.#metrics).size;
    const where = path.join(this.path, files.metrics);
    expect(size >= metricsBytes, where, `at least the ${metricsBytes} bytes recorded at the checkpoint`, size);
    fs.ftruncateSync(this.#metrics, metricsBytes);
    for (const name of [files.result, ...Object.values(files).map(unfinished)])
      fs.rmSync(path.join(this.path, name), { force: true });
    replaceFile(path.join(this.path, files.best), [encodeSafetensors(bestPolicy)]);
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
    this.#write(which === "best" ? files.best : files.policy, (file) => replaceFile(file, [bytes]));
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
      replaceFile(file, safetensorsParts({ tensors, metadata }));
    });
  }

  /** Writes `result.json`. */
  writeResult(result: RunResult): void {
    this.#write(files.result, (file) => writeJson(file, result));
  }

  /** Closes all files. Call it last. */
  close(): void {
    try {
      this.flush();
    } finally {
      this.#release();
    }
  }

  /** Removes everything that was created. Call it instead of `close`. */
  discard(): void {
    this.#releaseUnused();
    for (const name of Object.values(files)) fs.rmSync(path.join(this.path, name), { force: true });
    this.#removeMade();
  }

  /** Removes the event file if it has no events. */
  #releaseUnused(): void {
    this.#release();
    if (this.#events) fs.rmSync(this.#events.path, { force: true });
  }

  #release(): void {
    fs.closeSync(this.#metrics);
    this.#events?.close();
    this.#unlock();
  }

  /** Removes the directories that were created, as far as they are empty. */
  #removeMade(): void {
    for (let directory = path.resolve(this.path); this.#made; directory = path.dirname(directory)) {
      try {
        fs.rmdirSync(directory);
      } catch {
        return;
      }
      if (directory === this.#made) return;
    }
  }

  #write(name: string, action: (file: string) => void): void {
    const file = path.join(this.path, name);
    const hint = fs.existsSync(path.join(this.path, files.checkpoint))
      ? "Fix that, then resume the run."
      : "Nothing more of this run can be saved; train again.";
    attempt(file, "a file that can be written", () => action(file), hint);
  }
}
