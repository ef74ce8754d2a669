// Follows the evaluations of a run whose records may be growing, in bounded memory.
import * as fs from "node:fs";
import { messageOf } from "../base/expect.ts";
import { type EvaluationRecord, type MetricsRecord, parseRecord } from "../training/metrics.ts";
import type { CurvePoint } from "../training/runs-overview.ts";
import { Thinned } from "../training/thinned.ts";
import { files, openRunFile, statusOf } from "./run-files.ts";

/** Bytes of records to read at once. A longer line is no evaluation. */
const pieceBytes = 65_536;

/** Lines at the end of a piece that are searched for the time of the run. Diagnostics have none. */
const maxLastLines = 8;

const newline = 10;
const mark = '"type":"evaluation"';

export class RunCurve {
  /** The step of the newest record. */
  step = 0;
  /** Seconds spent on training until the newest record that says it. Null before the first. */
  seconds: number | null = null;
  /** The mean return of the newest evaluation. Null before the first, and if it is not finite. */
  last: number | null = null;
  /** The largest mean return of an evaluation. */
  best: number | null = null;
  /** What is wrong with a record, or "". */
  problem = "";
  readonly #run: string;
  readonly #mostPoints: number;
  #points: Thinned<CurvePoint>;
  #shown: readonly CurvePoint[] = [];
  /** Whether there are points that are not shown. */
  #hasMorePoints = false;
  #source = "";
  #bytes = 0;
  /** The size up to which nothing is left to read. */
  #readSize = 0;
  /** Whether the next byte is inside of a line that is too long. */
  #isInLongLine = false;

  /** Follows the records in a run's directory. Keeps `mostPoints` evaluations, an even number, and the newest. */
  constructor(run: string, mostPoints: number) {
    this.#run = run;
    this.#mostPoints = mostPoints;
    this.#points = thinned(mostPoints);
  }

  /** The evaluations that are kept. The same array until there are others. */
  get points(): readonly CurvePoint[] {
    return this.#shown;
  }

  /** Reads about `maxBytes` of what was added. Returns whether that was all. */
  read(maxBytes: number): boolean {
    const config = statusOf(this.#run, files.config);
    const status = statusOf(this.#run, files.metrics);
    // A resumed run is cut back to its checkpoint. It may have grown again since, but its config was written again.
    const own = `${config?.ino} ${config?.mtimeMs} ${status?.ino}`;
    if (own !== this.#source || (status?.size ?? 0) < this.#bytes) this.#restart(own);
    if (!status || status.size === this.#readSize) return true;
    const descriptor = openRunFile(this.#run, files.metrics);
    if (descriptor === undefined) return true;
    try {
      const { size } = fs.fstatSync(descriptor);
      const isAll = this.#readPieces(descriptor, size, maxBytes);
      if (isAll) this.#readSize = size;
      if (this.#hasMorePoints) this.#shown = this.#points.items;
      this.#hasMorePoints = false;
      return isAll;
    } finally {
      fs.closeSync(descriptor);
    }
  }

  #readPieces(descriptor: number, size: number, maxBytes: number): boolean {
    const end = this.#bytes + maxBytes;
    const piece = Buffer.allocUnsafe(pieceBytes);
    while (this.#bytes < size) {
      if (this.#bytes >= end) return false;
      const count = fs.readSync(descriptor, piece, 0, Math.min(pieceBytes, size - this.#bytes), this.#bytes);
      if (count === 0) return true;
      const whole = piece.subarray(0, count).lastIndexOf(newline) + 1;
      if (whole > 0) {
        const from = this.#isInLongLine ? piece.indexOf(newline) + 1 : 0;
        this.#isInLongLine = false;
        this.#take(piece.subarray(from, whole));
        this.#bytes += whole;
      } else if (count === pieceBytes) {
        this.#isInLongLine = true;
        this.#bytes += count;
      } else {
        // The rest of the line is not written yet.
        return true;
      }
    }
    return true;
  }

  /** Takes whole lines. */
  #take(lines: Buffer): void {
    for (let at = lines.indexOf(mark); at >= 0; at = lines.indexOf(mark, at)) {
      const start = lines.lastIndexOf(newline, at) + 1;
      at = lines.indexOf(newline, at);
      const record = this.#parsed(lines.subarray(start, at));
      if (record?.type === "evaluation") this.#add(record);
    }
    // The newest step, and the newest time.
    let hasStep = false;
    for (let end = lines.length, i = 0; end > 0 && i < maxLastLines; i++) {
      const start = end > 1 ? lines.lastIndexOf(newline, end - 2) + 1 : 0;
      const record = this.#parsed(lines.subarray(start, end - 1));
      end = start;
      if (!record) continue;
      if (!hasStep) this.step = record.step;
      hasStep = true;
      if (record.type === "diagnostics") continue;
      this.seconds = record.seconds;
      break;
    }
  }

  #add({ step, meanReturn }: EvaluationRecord): void {
    this.last = Number.isFinite(meanReturn) ? meanReturn : null;
    if (this.last === null) return;
    this.best = Math.max(this.best ?? -Infinity, meanReturn);
    this.#points.add([step, meanReturn]);
    this.#hasMorePoints = true;
  }

  #parsed(line: Buffer): MetricsRecord | undefined {
    try {
      return parseRecord(line.toString("utf8"), files.metrics);
    } catch (error) {
      this.problem ||= messageOf(error);
      return undefined;
    }
  }

  #restart(source: string): void {
    Object.assign(this, { step: 0, seconds: null, last: null, best: null, problem: "" });
    this.#source = source;
    this.#bytes = this.#readSize = 0;
    this.#isInLongLine = this.#hasMorePoints = false;
    this.#points = thinned(this.#mostPoints);
    this.#shown = [];
  }
}

/** A mean of evaluations is not an evaluation. The earlier of two is dropped, so that the newest one always remains. */
function thinned(most: number): Thinned<CurvePoint> {
  return new Thinned<CurvePoint>(most, (_, b) => b);
}
