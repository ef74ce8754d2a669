// A run of the overview, as its files say it. What did not change is not read again.
import { messageOf } from "../../base/expect.ts";
import { isLocked } from "../../node/lock.ts";
import { RunCurve } from "../../node/run-curve.ts";
import { files, readConfig, readResult, statusOf, versionOf } from "../../node/run-files.ts";
import type { RunConfig, RunResult } from "../../training/run.ts";
import type { CurvePoint, OverviewRow } from "../../training/runs-overview.ts";
import { failureOf, stateFrom } from "../sweep/status.ts";

/** Evaluations of a curve: more than a chart of many runs has pixels for. */
const mostPoints = 128;

/** What the files of a run say of it. */
type RunState = Pick<OverviewRow, "state" | "reason" | "step" | "last" | "best" | "final" | "seconds" | "canOpen">;

export class RunSummary {
  readonly directory: string;
  readonly #config: Cached<RunConfig>;
  readonly #result: Cached<RunResult>;
  readonly #curve: RunCurve;
  readonly #isOfSweep: boolean;
  #isRunning = false;
  /** Why a server set it aside. */
  #failure: string | undefined;
  #filesProblem = "";
  #recordsProblem = "";

  /** A run of a sweep that has no checkpoint waits for its next start. Others were stopped. */
  constructor(directory: string, isOfSweep: boolean) {
    this.directory = directory;
    this.#isOfSweep = isOfSweep;
    this.#config = new Cached(directory, files.config, readConfig);
    this.#result = new Cached(directory, files.result, readResult);
    this.#curve = new RunCurve(directory, mostPoints);
  }

  /** Undefined if the run has none that can be read. */
  get config(): RunConfig | undefined {
    return this.#config.value;
  }

  get configVersion(): string {
    return this.#config.version;
  }

  get points(): readonly CurvePoint[] {
    return this.#curve.points;
  }

  /** Reads the records that were added, up to about `maxBytes`. Returns whether that was all. */
  read(maxBytes: number): boolean {
    try {
      this.#recordsProblem = "";
      return this.#curve.read(maxBytes);
    } catch (error) {
      this.#recordsProblem = `${files.metrics}: ${messageOf(error)}`;
      return true;
    }
  }

  /** Looks at all files but the records. Do it before `read`: then a finished run has all of its records. */
  look(): void {
    this.#config.look();
    this.#result.look();
    this.#isRunning = false;
    this.#failure = undefined;
    this.#filesProblem = "";
    try {
      this.#isRunning = isLocked(this.directory);
      this.#failure = failureOf(this.directory);
    } catch (error) {
      this.#filesProblem = messageOf(error);
    }
  }

  /** What was found. Whatever is wrong with the files is part of the reason. */
  get state(): RunState {
    const result = this.#result.value;
    const { step, last, best, seconds, problem } = this.#curve;
    const state = stateFrom({
      isRunning: this.#isRunning,
      hasConfig: this.configVersion !== "",
      hasCheckpoint: !this.#isOfSweep || statusOf(this.directory, files.checkpoint) !== undefined,
      ...{ result, failure: this.#failure },
    });
    const why = state === "failed" ? (this.#failure ?? result?.failed ?? "") : "";
    const problems = [this.#config.problem, this.#result.problem, this.#filesProblem, this.#recordsProblem, problem];
    const isRunning = this.#isRunning;
    return {
      ...{ state, last, best, reason: [why, ...problems].filter(Boolean).join(" ") },
      step: isRunning ? step : (result?.steps ?? step),
      final: state === "complete" ? (result?.evaluation?.meanReturn ?? null) : null,
      seconds: isRunning ? seconds : (result?.trainingSeconds ?? seconds),
      canOpen: this.config !== undefined,
    };
  }
}

/** A file that is read again only when it changed. */
class Cached<T> {
  value: T | undefined;
  /** A string that changes when the file does; "" if there is none. */
  version = "";
  problem = "";
  readonly #directory: string;
  readonly #name: string;
  readonly #reader: (directory: string) => T;

  constructor(directory: string, name: string, reader: (directory: string) => T) {
    this.#directory = directory;
    this.#name = name;
    this.#reader = reader;
  }

  look(): void {
    try {
      const now = versionOf(statusOf(this.#directory, this.#name));
      if (now === this.version) return;
      this.version = now;
      this.problem = "";
      this.value = undefined;
      if (now !== "") this.value = this.#reader(this.#directory);
    } catch (error) {
      // The file is damaged, or was removed meanwhile.
      this.problem = messageOf(error);
    }
  }
}
