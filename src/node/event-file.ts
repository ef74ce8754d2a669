import * as fs from "node:fs";
import * as path from "node:path";
import type { Settings } from "../ddpg/config.ts";
import type { MetricsRecord } from "../training/metrics.ts";
import { TensorBoardEvents } from "../training/tensorboard.ts";

/** A file of TensorBoard events in a run's directory. Flushed events stay readable if the process is killed. */
export class EventFile {
  readonly path: string;
  readonly #events: TensorBoardEvents;
  readonly #file: number;
  #pending: Uint8Array[];

  /** Creates a new file. A resumed run gives the step it resumes from and its records up to there. */
  constructor(directory: string, settings: Settings, resumed?: { step: number; records: readonly MetricsRecord[] }) {
    // TensorBoard reads the files of a directory in the order of their names.
    const seconds = Date.now() / 1000;
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
