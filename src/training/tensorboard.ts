import { concatenate } from "../base/bytes.ts";
import { crc32c } from "../base/crc32c.ts";
import { Message } from "../base/protobuf.ts";
import type { Settings } from "../ddpg/config.ts";
import type { DiagnosticsName } from "../ddpg/diagnostics.ts";
import { type Info, meanInfo } from "../environment/episode-info.ts";
import type { EpisodeRecord, MetricsRecord } from "./metrics.ts";

/** `rollout/…` is the mean over this many episodes, as in Stable-Baselines3. */
const window = 100;

// Field numbers from event.proto and summary.proto (github.com/tensorflow/tensorboard, compat/proto).
const event = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const START = 1;

/** Stable-Baselines3's tags for our diagnostics. */
const diagnosticsTags: Partial<Record<DiagnosticsName, string>> = {
  criticLoss: "train/critic_loss",
  actorLoss: "train/actor_loss",
};

/** Encodes a run's records as events for TensorBoard, with Stable-Baselines3's tags. Times are seconds since 1970. */
export class TensorBoardEvents {
  readonly #firstUpdate: number;
  readonly #episodes: EpisodeRecord[] = [];

  /** `earlier`: the records that a resumed run already has, read once from the first to the last. */
  constructor(settings: Pick<Settings, "warmupSteps" | "batchSize">, earlier: Iterable<MetricsRecord> = []) {
    this.#firstUpdate = Math.max(settings.warmupSteps, settings.batchSize);
    for (const record of earlier) this.#values(record);
  }

  /**
   * The start of a file. For a run resumed after step `resumed`, TensorBoard drops what earlier files say about later
   * steps.
   */
  begin(seconds: number, resumed?: number): Uint8Array {
    const version = record(new Message().double(event.wallTime, seconds).text(event.fileVersion, "brain.Event:2"));
    if (resumed === undefined) return version;
    const restart = new Message().double(event.wallTime, seconds).integer(event.step, resumed + 1);
    return concatenate([version, record(restart.message(event.sessionLog, new Message().integer(1, START)))]);
  }

  /** The bytes to append to the file for one record. */
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
      return {
        "eval/mean_reward": metrics.meanReturn,
        "eval/mean_ep_length": metrics.meanLength,
        ...infoValues("eval", metrics.info),
      };
    }
    if (metrics.type === "diagnostics") {
      const values = Object.entries(diagnosticsTags).map(([name, tag]) => [tag, metrics[name as DiagnosticsName]]);
      return {
        ...Object.fromEntries(values),
        // Records from before 0.2 do not count updates. There was one after every step once learning had started.
        "train/n_updates": metrics.updates ?? Math.max(0, metrics.step - this.#firstUpdate + 1),
      };
    }
    if (this.#episodes.push(metrics) > window) this.#episodes.shift();
    const mean = (field: "return" | "length") =>
      this.#episodes.reduce((sum, episode) => sum + episode[field], 0) / this.#episodes.length;
    return {
      "rollout/ep_rew_mean": mean("return"),
      "rollout/ep_len_mean": mean("length"),
      ...infoValues("rollout", meanInfo(this.#episodes.map(({ info }) => info))),
      ...(metrics.seconds > 0 && { "time/fps": metrics.step / metrics.seconds }),
    };
  }
}

function infoValues(group: "eval" | "rollout", info: Info = {}): Record<string, number> {
  return Object.fromEntries(Object.entries(info).map(([name, value]) => [`${group}/info_${name}`, value]));
}

/** Frames an event as a TFRecord: length (8 bytes, little-endian), the length's checksum, the event, its checksum. */
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

/** The format rotates and offsets CRCs, because the CRC of data that contains its own CRC detects little. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
