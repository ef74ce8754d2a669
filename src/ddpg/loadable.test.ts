// What an agent saves can be loaded.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { type BodyId, Ddpg, type DdpgOptions } from "./ddpg.ts";

const sizes = { observationSize: 2, actionLow: [0], actionHigh: [40] };
const tiny: DdpgOptions = {
  preset: "small",
  actorHiddenSizes: [4],
  criticHiddenSizes: [4],
  warmupSteps: 0,
  batchSize: 2,
};

test("any finite number and any text is a body's id, and keeps its own noise in a file", async () => {
  const ids: BodyId[] = [-14, 0.5, 1, "1", "", "__proto__", "constructor", "\ud800", "\0", "é", 1e21, 5e-324, -1e308];
  const agent = await Ddpg.create(sizes, { ...tiny, noise: "ornstein-uhlenbeck" });
  for (const id of ids) agent.observe([0, 0], agent.explore([0, 0], id), 1, [0, 0], false, id);
  assert.equal(agent.noises.size, 1 + ids.length);
  agent.explore([0, 0], -0);
  assert.equal(agent.noises.size, 1 + ids.length, "−0 is the body 0");
  const loaded = await Ddpg.load(agent.save(), sizes);
  assert.deepEqual([...loaded.noises.keys()], [0, ...ids]);
  for (const id of ids) assert.deepEqual(loaded.explore([0, 0], id), agent.explore([0, 0], id));
  assert.deepEqual(loaded.save(), agent.save());
  for (const id of [Number.NaN, Infinity, null, undefined, {}, 1n, true]) {
    const body = id as BodyId;
    if (id !== undefined) assert.throws(() => agent.explore([0, 0], body), { name: "InputError" });
    if (id !== undefined) assert.throws(() => agent.endEpisode(body), { name: "InputError" });
    assert.throws(() => agent.forget(body), { name: "InputError" });
  }
});

test("a forgotten body leaves nothing behind, and its id is a new body afterwards", async () => {
  const agent = await Ddpg.create(sizes, { ...tiny, noise: "gaussian" });
  const before = agent.save().length;
  const seen = new Set<number>();
  for (let i = 0; i < 50; i++) {
    seen.add(agent.explore([0, 0], "pooled")[0]);
    agent.explore([0, 0], i);
    agent.endEpisode(i);
    agent.forget(i);
    agent.forget("pooled");
  }
  assert.equal(seen.size, 50, "other random numbers each time");
  assert.deepEqual([...agent.noises.keys()], []);
  assert.ok(agent.save().length <= before + 32);
  const loaded = await Ddpg.load(agent.save(), sizes);
  assert.deepEqual(loaded.explore([0, 0], "pooled"), agent.explore([0, 0], "pooled"));
  assert.deepEqual(loaded.save(), agent.save());
});

test("the end of an episode of an unknown body creates no noise", async () => {
  const agent = await Ddpg.create(sizes, tiny);
  agent.endEpisode("never seen");
  assert.deepEqual([...agent.noises.keys()], [0]);
});

test("an agent that is not finite is not saved", async () => {
  const agent = await Ddpg.create(sizes, tiny);
  const good = agent.save();
  agent.critic.adam.moment("v", "layer1.biases").set(0, 2, Infinity);
  assert.throws(() => agent.save(), {
    name: "InputError",
    message:
      "Ddpg.save critic.adam.v.layer1.biases[2]: expected a finite number, got Infinity. The agent can no longer learn: load an earlier file.",
  });
  const again = await Ddpg.load(good, sizes);
  again.actor.parameters.value("layer1.biases").set(0, 0, Number.NaN);
  assert.throws(() => again.save(), {
    message: /^Ddpg\.save actor\.layer1\.biases\[0\]: expected a finite number, got/,
  });
});

test("whatever settings, spaces and bodies an agent was made with, its file loads and is saved again as it was", async () => {
  const random = new Random("loadable");
  const pick = <T>(...values: T[]): T => values[random.integer(values.length)];
  for (let round = 0; round < 60; round++) {
    const O = pick(1, 2, 7);
    const A = pick(1, 3);
    const low = Array.from({ length: A }, () => pick(-1, -0, -1e-30, -1e30, 0.1, -5));
    const high = low.map((x) => pick(x + 2e30, Math.abs(x) + 1, Math.fround(Math.abs(x) * 2 + 1e-3)));
    const spaces = {
      observationSize: O,
      actionLow: pick<ArrayLike<number>>(low, Float64Array.from(low)),
      actionHigh: high,
    };
    const agent = await Ddpg.create(spaces, {
      preset: pick("small", "standard", "paper"),
      ...{ seed: pick(0, 1, 2 ** 53 - 1), batchSize: pick(2, 3), warmupSteps: pick(0, 2), replayCapacity: pick(4, 50) },
      actorHiddenSizes: pick([3], [4, 2]),
      criticHiddenSizes: pick([3], [4, 2]),
      normalization: pick("batch", "none", "layer"),
      noise: pick(
        ...([
          "none",
          "gaussian",
          "pink",
          "parameter",
          "ornstein-uhlenbeck",
          "action-reverting",
          "decaying-offset",
        ] as const),
      ),
      noiseTheta: pick<number | number[]>(0.15, new Array(A).fill(1)),
      noiseMean: pick<number | number[]>(0, new Array(A).fill(-1.2)),
      noiseScale: pick<number | number[]>(0, 0.1, new Array(A).fill(0.3)),
      observationScale: pick<number | number[]>(1, 1e-12, new Array(O).fill(0.5)),
      observationOffset: pick<number | number[]>(-0, 5, new Array(O).fill(-3)),
      rewardScale: pick(1, 1e-12, 0.1),
    });
    const ids = [0, pick<BodyId>("a", -1, 0.1)];
    for (let step = 0; step < 9; step++) {
      const observation = Array.from({ length: O }, () => pick(0, -0, 1, -9));
      const body = pick(...ids);
      agent.observe(observation, agent.explore(observation, body), pick(0, -9), observation, pick(true, false), body);
      agent.learn();
      if (pick(true, false)) agent.endEpisode(body);
      if (random.integer(5) === 0) agent.forget(pick(...ids));
    }
    const bytes = agent.save();
    const loaded = await Ddpg.load(bytes, spaces);
    assert.deepEqual(loaded.save(), bytes, `round ${round}`);
  }
});
