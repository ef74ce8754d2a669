// An actor acts as the learner would, with every preset and noise.
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "../../base/crc32c.ts";
import { InputError } from "../../base/expect.ts";
import { sizes } from "../../ddpg/agent-state.case.ts";
import { presets, settingChoices } from "../../ddpg/config.ts";
import { Ddpg, type DdpgOptions } from "../../ddpg/ddpg.ts";
import { learnFrom, type TransitionSource } from "../../ddpg/learn-from.ts";
import { TimeLimit } from "../../environment/time-limit.ts";
import { Pendulum } from "../../envs/pendulum.ts";
import { Acting } from "./acting.ts";
import type { FrameRow } from "./frame.ts";
import { type ActorTask, readProgress, readTask, taskText } from "./task.ts";
import { splitWeights, type Weights, WeightsJoiner } from "./weights.ts";

const run = "0f".repeat(16);

function taskOf({ settings }: Ddpg): ActorTask {
  return { run, environment: "Pendulum-v1", spaces: new Pendulum(), settings };
}

function weightsOf({ policy, updates, steps }: Ddpg): Weights {
  return { bytes: policy.save(), version: updates, step: steps };
}

/** Sends weights in parts of 200 bytes, in another order. */
function sent(weights: Weights): Weights {
  const joiner = new WeightsJoiner();
  const joined = splitWeights(weights, 1, 200)
    .reverse()
    .map((part) => joiner.add(part, "weights"));
  assert.ok(joined.slice(0, -1).every((each) => each === undefined));
  const last = joined.at(-1);
  assert.ok(last);
  return last;
}

async function take(acting: Acting, count: number): Promise<FrameRow[]> {
  const rows: FrameRow[] = [];
  for await (const row of acting.rows()) {
    rows.push(row);
    if (rows.length === count) break;
  }
  return rows;
}

/** Learns from rows of one body. */
async function learn(agent: Ddpg, rows: readonly FrameRow[]): Promise<void> {
  let next = 0;
  const source: TransitionSource = {
    next: () => ({ type: "step", body: 0, ...rows[next] }),
    taken: () => {
      next++;
    },
  };
  for await (const _ of learnFrom(agent, source)) if (next === rows.length) return;
}

/** The preset torcs is for three actions, and the pendulum has one. */
const fitting = Object.keys(presets).filter((preset) => preset !== "torcs");

const kinds: Record<string, DdpgOptions> = {
  ...Object.fromEntries(fitting.map((preset) => [`preset ${preset}`, { preset } as DdpgOptions])),
  ...Object.fromEntries(
    (settingChoices("noise") ?? []).map((noise) => [
      `noise ${noise}`,
      { preset: "small", noise, noiseScale: 0.2 } as DdpgOptions,
    ]),
  ),
  normalized: { preset: "small", observationNormalization: true, rewardNormalization: true, rewardScale: 1 },
};

for (const [name, options] of Object.entries(kinds)) {
  test(`weights and statistics of a learner give its own actions, and its noise is added: ${name}`, async () => {
    const usual = presets[options.preset ?? "small"];
    const [actorHiddenSizes, criticHiddenSizes] = [usual.actorHiddenSizes, usual.criticHiddenSizes].map((all) =>
      all.map(() => 8),
    );
    const layers = { actorHiddenSizes, criticHiddenSizes, batchSize: 16, replayCapacity: 1000 };
    const learner = await Ddpg.create(new Pendulum(), { ...options, ...sizes, ...layers, warmupSteps: 30 });
    const environment = new TimeLimit(new Pendulum(), 9);
    const task = readTask(taskText(taskOf(learner)), environment, "task", "Pendulum");
    const acting = await Acting.create(task, environment, { seed: 5, name: "Pendulum" });
    acting.take(sent(weightsOf(learner)), "weights");
    await learn(learner, await take(acting, 60));
    assert.ok(learner.updates > 0);
    acting.take(sent(weightsOf(learner)), "weights");
    assert.equal(acting.version, learner.updates);

    const still = await Acting.create(task, environment, { seed: 6, name: "Pendulum", noiseScale: 0 });
    still.take(sent(weightsOf(learner)), "weights");
    const [quiet, noisy] = [await take(still, 20), await take(acting, 20)];
    // Noise of this kind pulls the action, whatever its size.
    const pulls = learner.settings.noise === "action-reverting";
    for (const { observation, action } of pulls ? [] : quiet) assert.deepEqual(action, learner.act(observation), name);
    const differs = noisy.some(({ observation, action }) => action[0] !== learner.act(observation)[0]);
    assert.equal(differs, learner.settings.noise !== "none");
  });
}

test("actors with different seeds start and explore differently, and one with the same seed in the same way", async () => {
  const learner = await Ddpg.create(new Pendulum(), { preset: "small", ...sizes, warmupSteps: 0 });
  const rows = async (seed: number): Promise<string> => {
    const acting = await Acting.create(taskOf(learner), new Pendulum(), { seed, name: "Pendulum" });
    acting.take(weightsOf(learner), "weights");
    return JSON.stringify(await take(acting, 5));
  };
  assert.equal(await rows(1), await rows(1));
  assert.notEqual(await rows(1), await rows(2));
});

test("weights that are damaged or of another task are refused, and the last ones act on", async () => {
  const learner = await Ddpg.create(new Pendulum(), { preset: "small", ...sizes });
  const acting = await Acting.create(taskOf(learner), new Pendulum(), { seed: 1, name: "Pendulum" });
  const weights = weightsOf(learner);
  acting.take({ ...weights, version: 3 }, "weights");
  const damaged = weights.bytes.slice();
  damaged[damaged.length - 2] ^= 1;
  assert.throws(() => acting.take({ ...weights, bytes: damaged }, "weights"), InputError);
  const other = await Ddpg.create(new Pendulum(), { preset: "small", ...sizes, actorHiddenSizes: [5] });
  assert.throws(() => acting.take(weightsOf(other), "weights"), /weights settings: expected those of the task/);
  assert.equal(acting.version, 3);
  const parts = splitWeights(weights, 1, 300);
  const joiner = new WeightsJoiner();
  for (const at of [0, 9, 13, 17, 21, 60]) {
    const changed = parts[0].slice();
    changed[at] ^= 0x55;
    assert.throws(() => joiner.add(changed, "weights"), InputError, `${at}`);
  }
  // Parts of two editions are never joined.
  const later = splitWeights({ ...weights, version: 9 }, 2, 300);
  for (const part of parts.slice(0, -1)) assert.equal(joiner.add(part, "weights"), undefined);
  const joined = later.map((part) => joiner.add(part, "weights"));
  assert.deepEqual(joined.at(-1), { ...weights, version: 9 });
});

test("a task of another version, or with sizes and bounds of another environment, is refused with both", async () => {
  const task = taskOf(await Ddpg.create(new Pendulum(), { preset: "small", ...sizes }));
  const text = taskText(task);
  const wide = { observationSize: 3, actionLow: [-1], actionHigh: [1] };
  assert.throws(
    () => readTask(text, wide, "task", "mine"),
    /mine actionLow and actionHigh: expected .*\[\[-2\],\[2\]\].*as the learner has it, got .*\[\[-1\],\[1\]\]/,
  );
  assert.throws(
    () => readTask(text.replace("ddpg-actors-1", "ddpg-actors-2"), new Pendulum(), "task", "mine"),
    /task format/,
  );
  const huge = JSON.stringify({
    ...JSON.parse(text),
    settings: { ...task.settings, actorHiddenSizes: [16384, 16384] },
  });
  assert.throws(() => readTask(huge, new Pendulum(), "task", "mine"), /networks of at most 67108864 weights/);
  assert.throws(() => readProgress('{"run":"x"}', "progress"), /progress run/);
});

test("weights whose parts are larger than they say, and messages too short for a header, are refused at once", () => {
  const [first, second] = splitWeights({ bytes: new Uint8Array(300).fill(3), version: 1, step: 2 }, 1, 200);
  const lying = first.slice();
  const view = new DataView(lying.buffer);
  view.setUint32(20, 100, true);
  view.setUint32(8, crc32c(lying.subarray(12)), true);
  assert.throws(() => new WeightsJoiner().add(lying, "weights"), /weights size: expected 100 bytes, got 152/);
  assert.throws(() => new WeightsJoiner().add(first.subarray(0, 12), "weights"), InputError);
  const joiner = new WeightsJoiner();
  assert.equal(joiner.add(first, "weights"), undefined);
  assert.equal(joiner.add(first, "weights"), undefined);
  assert.equal(joiner.add(second, "weights")?.bytes.length, 300);
});
