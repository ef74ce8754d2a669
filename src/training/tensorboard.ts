import { concatenate } from "../base/bytes.ts";
import { crc32c } from "../base/crc32c.ts";
import { Message } from "../base/protobuf.ts";
import type { Settings } from "../ddpg/config.ts";
import type { EpisodeRecord, MetricsRecord } from "./metrics.ts";

/** Of so many episodes `rollout/…` is the mean, as elsewhere. */
const window = 100;

// The numbers of the fields of event.proto and summary.proto (github.com/tensorflow/tensorboard, compat/proto).
const event = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const START = 1;

/** A run's records as events for TensorBoard, with the tags that its users know. Times are seconds since 1970. */
export class TensorBoardEvents {
  readonly #firstUpdate: number;
  readonly #episodes: EpisodeRecord[] = [];

  /** `earlier` are the records of a run that goes on. */
  constructor(settings: Pick<Settings, "warmupSteps" | "batchSize">, earlier: readonly MetricsRecord[] = []) {
    this.#firstUpdate = Math.max(settings.warmupSteps, settings.batchSize);
    for (const record of earlier) this.#values(record);
  }

  /** What a file begins with. A run that goes on after step `resumed` takes back what an earlier file says of later ones. */
  begin(seconds: number, resumed?: number): Uint8Array {
    const version = record(new Message().double(event.wallTime, seconds).text(event.fileVersion, "brain.Event:2"));
    if (resumed === undefined) return version;
    const restart = new Message().double(event.wallTime, seconds).integer(event.step, resumed + 1);
    return concatenate([version, record(restart.message(event.sessionLog, new Message().integer(1, START)))]);
  }

  /** The bytes that a record adds to the file. */
  add(metrics: MetricsRecord, seconds: number): Uint8Array {
    const summary = new Message();
    for (const [tag, value] of Object.entries(this.#values(metrics))) {
      summary.message(1, new Message().text(1, tag).float(2, value));
    }
    const message = new Message().double(event.wallTime, seconds).integer(event.step, metrics.step);
    return record(message.message(event.summary, summary));
  }

  #values(metrics: MetricsRecord): Record<string, number> {
    if (metrics.type === "evaluation") {
      return { "eval/mean_reward": metrics.meanReturn, "eval/mean_ep_length": metrics.meanLength };
    }
    if (metrics.type === "diagnostics") {
      return {
        "train/critic_loss": metrics.criticLoss,
        "train/actor_loss": metrics.actorLoss,
        // One after every step, once there is enough to learn from.
        "train/n_updates": Math.max(0, metrics.step - this.#firstUpdate + 1),
      };
    }
    if (this.#episodes.push(metrics) > window) this.#episodes.shift();
    const mean = (field: "return" | "length") =>
      this.#episodes.reduce((sum, episode) => sum + episode[field], 0) / this.#episodes.length;
    return {
      "rollout/ep_rew_mean": mean("return"),
      "rollout/ep_len_mean": mean("length"),
      ...(metrics.seconds > 0 && { "time/fps": metrics.step / metrics.seconds }),
    };
  }
}

/** An event as a TFRecord: its length (8 bytes, little-endian), a checksum of that, the event, a checksum of that. */
function record(message: Message): Uint8Array {
  const data = message.encode();
  const bytes = new Uint8Array(12 + data.length + 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length, true);
  view.setUint32(8, masked(crc32c(bytes.subarray(0, 8))), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(data)), true);
  return bytes;
}

/** As the format has it: a checksum of data that holds its own checksum would be of little use. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
