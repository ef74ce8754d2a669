import * as fs from "node:fs";
import * as path from "node:path";
import { largest } from "../base/numbers.ts";
import type { Settings } from "../ddpg/config.ts";
import type { MetricsRecord } from "../training/metrics.ts";
import { TensorBoardEvents } from "../training/tensorboard.ts";

/** The name of an event file. Its group is the time, in seconds. */
export const eventFileName = /^events\.out\.tfevents\.(\d+\.\d{3})\.ddpg$/;

/** A file of TensorBoard events in a run's directory. Flushed events stay readable if the process is killed. */
export class EventFile {
  readonly path: string;
  readonly #events: TensorBoardEvents;
  readonly #file: number;
  #pending: Uint8Array[];

  /** Creates a new file. A resumed run gives the step it resumes from and its records up to there. */
  constructor(directory: string, settings: Settings, resumed?: { step: number; records: Iterable<MetricsRecord> }) {
    // TensorBoard reads the files of a directory in the order of their names. The clock may stand still or have been set
    // back, so the new name follows the existing ones.
    const taken = fs.readdirSync(directory).map((name) => Number(eventFileName.exec(name)?.[1] ?? 0));
    const seconds = Math.max(Date.now() / 1000, largest([0, ...taken]) + 0.001);
    this.path = path.join(directory, `events.out.tfevents.${seconds.toFixed(3)}.ddpg`);
    this.#events = new TensorBoardEvents(settings, resumed?.records);
    this.#pending = [this.#events.begin(seconds, resumed?.step)];
    this.#file = fs.openSync(this.path, "ax");
  }

  add(record: MetricsRecord): void {
    this.#pending.push(this.#events.add(record, Date.now() / 1000));
  }

  /** Writes the events that `add` has buffered. */
  flush(): void {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    fs.appendFileSync(this.#file, bytes);
  }

  /** Closes the file without flushing. Call it last. */
  close(): void {
    fs.closeSync(this.#file);
  }
}
