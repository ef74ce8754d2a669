import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "../base/crc32c.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import type { DiagnosticsRecord, EpisodeRecord, EvaluationRecord } from "./metrics.ts";
import { TensorBoardEvents } from "./tensorboard.ts";

const settings = { warmupSteps: 1000, batchSize: 64 };

function episode(number: number, episodeReturn: number, length = 10): EpisodeRecord {
  return {
    type: "episode",
    step: 10 * number,
    episode: number,
    return: episodeReturn,
    length,
    terminated: true,
    seconds: number / 100,
  };
}

const diagnostics: DiagnosticsRecord = {
  type: "diagnostics",
  step: 1200,
  criticLoss: 0.5,
  meanValue: 0,
  actorLoss: -3,
  criticGradientNorm: 0,
  actorGradientNorm: 0,
  saturation: [],
};

const evaluation: EvaluationRecord = {
  type: "evaluation",
  step: 300,
  episodes: 10,
  meanReturn: -150,
  standardError: 1,
  meanLength: 200,
  valueBias: 0,
  seconds: 1,
};

/** The bytes of each event in a file. Checks the frames; the last one may be cut off. */
function unframe(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const events = [];
  let position = 0;
  while (position + 12 <= bytes.length) {
    const length = view.getUint32(position, true);
    assert.equal(view.getUint32(position + 4, true), 0);
    assert.equal(view.getUint32(position + 8, true), masked(bytes.subarray(position, position + 8)));
    if (position + 16 + length > bytes.length) break;
    const data = bytes.subarray(position + 12, position + 12 + length);
    assert.equal(view.getUint32(position + 12 + length, true), masked(data));
    events.push(data);
    position += 16 + length;
  }
  return events;
}

function masked(bytes: Uint8Array): number {
  const crc = BigInt(crc32c(bytes));
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

/** Tags and their values, parsed by their frames: 0x0a, length, 0x0a, length, tag, 0x15, value. */
function values(event: Uint8Array): Record<string, number> {
  const view = new DataView(event.buffer, event.byteOffset, event.byteLength);
  const found: Record<string, number> = {};
  for (const { index, 0: tag } of Buffer.from(event)
    .toString("latin1")
    .matchAll(/(rollout|eval|train|time)\/\w+/g)) {
    assert.equal(event[index - 1], tag.length);
    assert.equal(event[index + tag.length], 0x15);
    found[tag] = view.getFloat32(index + tag.length + 1, true);
  }
  return found;
}

test("a file starts with its version, in a frame with both checksums", () => {
  const bytes = new TensorBoardEvents(settings).begin(1.5);
  // Length 24 and its checksum as in every file that TensorFlow writes; wall time 1.5; the text "brain.Event:2".
  assert.equal(
    Buffer.from(bytes.subarray(0, -4)).toString("hex"),
    "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a32",
  );
  assert.equal(unframe(bytes).length, 1);
});

test("each kind of record has the tags of Stable-Baselines3", () => {
  const events = new TensorBoardEvents(settings);
  const of = (bytes: Uint8Array) => values(unframe(bytes)[0]);
  assert.deepEqual(of(events.add(evaluation, 0)), { "eval/mean_reward": -150, "eval/mean_ep_length": 200 });
  assert.deepEqual(of(events.add(diagnostics, 0)), {
    "train/critic_loss": 0.5,
    "train/actor_loss": -3,
    "train/n_updates": 201,
  });
  assert.deepEqual(of(events.add(episode(1, -3, 7), 0)), {
    "rollout/ep_rew_mean": -3,
    "rollout/ep_len_mean": 7,
    "time/fps": 1000,
  });
  assert.deepEqual(of(events.add(episode(2, -5, 9), 0)), {
    "rollout/ep_rew_mean": -4,
    "rollout/ep_len_mean": 8,
    "time/fps": 1000,
  });
});

test("rollout means are over the last hundred episodes, including those before a resumption", () => {
  const records = Array.from({ length: 150 }, (_, i) => episode(i + 1, i));
  const through = new TensorBoardEvents(settings);
  const [last] = records.map((record) => values(unframe(through.add(record, 0))[0])).slice(-1);
  assert.equal(last["rollout/ep_rew_mean"], 99.5);
  const resumed = new TensorBoardEvents(settings, records.slice(0, 120));
  const [again] = records
    .slice(120)
    .map((record) => values(unframe(resumed.add(record, 0))[0]))
    .slice(-1);
  assert.deepEqual(again, last);
});

test("the info of training episodes is averaged over those of the last hundred that have it", () => {
  const events = new TensorBoardEvents(settings, [{ ...episode(1, 0), info: { landed: 1, speed: 3 } }]);
  events.add(episode(2, 0), 0);
  const { "rollout/info_landed": landed, "rollout/info_speed": speed } = values(
    unframe(events.add({ ...episode(3, 0), info: { landed: 0 } }, 0))[0],
  );
  assert.deepEqual([landed, speed], [0.5, 3]);
});

test("a resumed run's file overrides what an earlier file says about later steps", () => {
  const events = unframe(new TensorBoardEvents(settings).begin(0, 299));
  assert.equal(events.length, 2);
  // Wall time 0, step 300, session log { status: START }.
  assert.equal(Buffer.from(events[1]).toString("hex"), "09000000000000000010ac023a020801");
});

test("a file that is cut off anywhere keeps every earlier event", () => {
  const events = new TensorBoardEvents(settings);
  const parts = [events.begin(0), events.add(evaluation, 1), events.add(diagnostics, 2)];
  const whole = Buffer.concat(parts);
  for (let end = 0; end <= whole.length; end++) {
    const complete = parts.filter((_, i) => Buffer.concat(parts.slice(0, i + 1)).length <= end).length;
    assert.equal(unframe(whole.subarray(0, end)).length, complete);
  }
});

test("the number of updates comes from the record", () => {
  const events = new TensorBoardEvents(settings);
  const { "train/n_updates": updates } = values(unframe(events.add({ ...diagnostics, updates: 77 }, 0))[0]);
  assert.equal(updates, 77);
});

test("for a record without a number of updates, it is the agent's count at that step", async () => {
  const agent = await Ddpg.create(
    { observationSize: 1, actionLow: [-1], actionHigh: [1] },
    { actorHiddenSizes: [2], criticHiddenSizes: [2], batchSize: 4, warmupSteps: 6, replayCapacity: 16 },
  );
  const events = new TensorBoardEvents(agent.settings);
  for (let step = 1; step <= 10; step++) {
    agent.observe([0], [0], 0, [0], false);
    agent.learn();
    const { "train/n_updates": updates } = values(unframe(events.add({ ...diagnostics, step }, 0))[0]);
    assert.equal(updates, agent.updates);
  }
});
