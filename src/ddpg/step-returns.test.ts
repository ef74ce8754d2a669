import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { decodeSafetensors, encodeSafetensors, tensorOf } from "../base/safetensors.ts";
import type { Environment } from "../environment/environment.ts";
import { go, without, withPause } from "./agent-state.case.ts";
import { Ddpg } from "./ddpg.ts";

const gamma = 0.9;

/** A row as it is sampled. */
interface Row {
  readonly observation: number;
  readonly reward: number;
  readonly next: number;
  readonly discount: number;
}

const spaces = { observationSize: 1, actionLow: [-1], actionHigh: [1] };

async function create(returnSteps: number, options: object = {}): Promise<Ddpg> {
  const sizes = { actorHiddenSizes: [4], criticHiddenSizes: [4], batchSize: 200, replayCapacity: 1000 };
  return Ddpg.create(spaces, { preset: "small", ...sizes, rewardScale: 1, discount: gamma, returnSteps, ...options });
}

/** The different rows that are stored, by observation. */
function rowsOf({ replayBuffer, minibatch }: Ddpg): Row[] {
  const found = new Map<number, Row>();
  const random = new Random(1);
  for (let i = 0; i < 5 && replayBuffer.size > 0; i++) {
    replayBuffer.sample(minibatch, random);
    for (const [row, reward] of minibatch.reward.entries()) {
      const observation = minibatch.observation.at(row, 0);
      const [next, discount] = [minibatch.nextObservation.at(row, 0), minibatch.discount[row]];
      found.set(observation, { observation, reward, next, discount });
    }
  }
  return [...found.values()].sort((a, b) => a.observation - b.observation);
}

/** Observes the steps from `from` to `to` of a walk: s is the number of the step, r is 2ˢ. */
function walk(agent: Ddpg, from: number, to: number, ends: boolean, body = 0): void {
  for (let s = from; s < to; s++) agent.observe([s], [0], 2 ** s, [s + 1], ends && s === to - 1, body);
}

/** Σₖ γᵏ 2ˢ⁺ᵏ over `count` steps, rounded as a row is. */
function sum(s: number, count: number): number {
  let total = 0;
  for (let k = 0, factor = 1; k < count; k++, factor *= gamma) total += factor * 2 ** (s + k);
  return Math.fround(total);
}

test("a row has n rewards and γⁿ; where the task ends, the rest of the rewards and no value", async () => {
  const agent = await create(3);
  walk(agent, 0, 5, true);
  const powers = [1, gamma, gamma * gamma, gamma * gamma * gamma];
  assert.deepEqual(rowsOf(agent), [
    { observation: 0, reward: sum(0, 3), next: 3, discount: powers[3] },
    { observation: 1, reward: sum(1, 3), next: 4, discount: powers[3] },
    { observation: 2, reward: sum(2, 3), next: 5, discount: 0 },
    { observation: 3, reward: sum(3, 2), next: 5, discount: 0 },
    { observation: 4, reward: sum(4, 1), next: 5, discount: 0 },
  ]);
  agent.endEpisode();
  assert.deepEqual([agent.replayBuffer.stored, agent.steps], [5, 5]);
});

test("at a cut, a shorter row counts the value of the cut's observation by its own length", async () => {
  const agent = await create(3);
  walk(agent, 0, 4, false);
  assert.deepEqual([agent.replayBuffer.stored, agent.returns.waiting, agent.steps], [2, 2, 4]);
  agent.endEpisode();
  // The next episode does not continue the rows of the last one.
  walk(agent, 10, 11, true);
  assert.deepEqual(rowsOf(agent).slice(2), [
    { observation: 2, reward: sum(2, 2), next: 4, discount: gamma * gamma },
    { observation: 3, reward: sum(3, 1), next: 4, discount: gamma },
    { observation: 10, reward: sum(10, 1), next: 11, discount: 0 },
  ]);
});

test("each body has its own rows, and what a forgotten body did is kept", async () => {
  const agent = await create(2);
  for (const s of [0, 1, 2]) {
    walk(agent, s, s + 1, false, 0);
    walk(agent, 10 + s, 11 + s, false, 1);
  }
  agent.forget(1);
  agent.endEpisode(0);
  const row = (s: number, count: number) => ({
    ...{ observation: s, reward: sum(s, count), next: s + count, discount: count === 1 ? gamma : gamma * gamma },
  });
  assert.deepEqual(rowsOf(agent), [row(0, 2), row(1, 2), row(2, 1), row(10, 2), row(11, 2), row(12, 1)]);
});

test("rows that wait are saved: a loaded agent stores the same rows", async () => {
  const [whole, paused] = [await create(4), await create(4)];
  for (const agent of [whole, paused]) {
    walk(agent, 0, 6, false);
    walk(agent, 20, 22, false, 7);
  }
  const loaded = await Ddpg.load(paused.save(), spaces);
  assert.deepEqual(loaded.save(), paused.save());
  for (const agent of [whole, loaded]) {
    walk(agent, 6, 8, false);
    walk(agent, 22, 24, true, 7);
    agent.endEpisode();
  }
  assert.equal(loaded.replayBuffer.stored, 12);
  assert.deepEqual(loaded.save(), whole.save());
});

test("a damaged file of rows that wait is refused with the field", async () => {
  const agent = await create(2);
  walk(agent, 0, 1, false);
  const file = decodeSafetensors(agent.save(), "file");
  const counters = JSON.parse(file.metadata.get("counters") ?? "");
  for (const [waiting, message] of [
    [[{ body: 0, rows: 2 }], /counters waiting\[0\] rows: expected a whole number from 1 to 1, returnSteps - 1, got 2/],
    [[{ body: [], rows: 1 }], /counters waiting\[0\] body: expected the id of a body/],
    [[{ body: 0 }], /counters waiting\[0\] rows: /],
    [[null], /counters waiting\[0\]: expected an object/],
    [
      [
        { body: 0, rows: 1 },
        { body: 0, rows: 1 },
      ],
      /counters waiting: expected distinct ids/,
    ],
    [
      [
        { body: 0, rows: 1 },
        { body: 1, rows: 1 },
      ],
      /stored: expected -1, the number of steps without those that wait/,
    ],
    [undefined, /stored: expected 1, the number of steps, got 0/],
  ] as const) {
    file.metadata.set("counters", JSON.stringify({ ...counters, waiting }));
    await assert.rejects(Ddpg.load(encodeSafetensors(file), spaces), { name: "InputError", message });
  }
  file.metadata.set("counters", JSON.stringify(counters));
  file.tensors.set("waiting", tensorOf("F64", [1, 3], [0, 2, 1]));
  const message = /waiting\[0\]: expected finite numbers in Float32, with actions from -1 to 1/;
  await assert.rejects(Ddpg.load(encodeSafetensors(file), spaces), { name: "InputError", message });
});

test("a sum of rewards that is too large for Float32 is refused at the step that makes it so, and nothing is stored", async () => {
  const agent = await create(2);
  agent.observe([0], [0], 3e38, [1], false);
  assert.throws(() => agent.observe([1], [0], 3e38, [2], false), {
    message: /^Ddpg\.observe reward: expected a number whose discounted sum over 2 steps fits in Float32 after scaling/,
  });
  assert.deepEqual([agent.replayBuffer.stored, agent.returns.waiting, agent.steps], [0, 1, 1]);
});

/** Calls `run` while no array of `length` or more numbers in Float64 can be allocated. */
function withLittleMemory(length: number, run: () => void): void {
  const all = Float64Array;
  globalThis.Float64Array = new Proxy(all, {
    construct(target, args, newTarget) {
      if (args[0] >= length) throw new RangeError("Array buffer allocation failed");
      return Reflect.construct(target, args, newTarget);
    },
  });
  try {
    run();
  } finally {
    globalThis.Float64Array = all;
  }
}

test("a step that the memory is too small for stores none of its rows; later it stores all, with the same bits", async () => {
  const options = { replayPriority: "proportional" };
  const [whole, short] = [await create(3, options), await create(3, options)];
  for (const agent of [whole, short]) walk(agent, 0, 4, false);
  const before = short.save();
  // The end of the task stores rows 2 to 4; the priorities of the first four fit in a tree of 8 numbers.
  withLittleMemory(16, () => {
    assert.throws(() => short.observe([4], [0], 16, [5], true), { message: /^replayCapacity: expected memory for/ });
  });
  assert.deepEqual(short.save(), before);
  for (const agent of [whole, short]) walk(agent, 4, 5, true);
  assert.deepEqual(short.save(), whole.save());

  // A loaded agent has the room of the rows that wait, so that a cut cannot fail.
  walk(short, 5, 10, false);
  const loaded = await Ddpg.load(short.save(), spaces);
  assert.doesNotThrow(() => withLittleMemory(16, () => loaded.endEpisode()));
  assert.equal(loaded.replayBuffer.stored, 10);
});

/**
 * Eight places in a row, of which an observation says the number. Whatever is done, a step leads to the next place and
 * pays 1; after the last one the task ends. So Q of place i is (1 − γ⁸⁻ⁱ) / (1 − γ). Episodes are cut after `limit` steps
 * and start somewhere.
 */
class Chain implements Environment {
  readonly observationSize = 8;
  readonly actionLow = [-1];
  readonly actionHigh = [1];
  readonly #limit: number;
  #place = 0;
  #steps = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  static value(place: number): number {
    return (1 - gamma ** (8 - place)) / (1 - gamma);
  }

  static at(place: number): number[] {
    return Array.from({ length: 8 }, (_, i) => (i === place ? 1 : 0));
  }

  reset(random: Random): number[] {
    this.#place = random.integer(8);
    this.#steps = 0;
    return Chain.at(this.#place);
  }

  step() {
    this.#place++;
    this.#steps++;
    const terminated = this.#place === 8;
    return { observation: Chain.at(this.#place), reward: 1, terminated, truncated: this.#steps === this.#limit };
  }

  save(): Float64Array {
    return Float64Array.of(this.#place, this.#steps);
  }

  restore(state: Float64Array): void {
    [this.#place, this.#steps] = state;
  }
}

const learning = {
  ...{ actorHiddenSizes: [8], criticHiddenSizes: [32], batchSize: 32, warmupSteps: 50, rewardScale: 1 },
  ...{ discount: gamma, criticLearningRate: 1e-2, softUpdateRate: 0.1 },
};

for (const returnSteps of [1, 3, 5]) {
  test(`${returnSteps} rewards to a row: Q of a chain whose episodes are cut is the closed form within 3 %`, async () => {
    const environment = new Chain(4);
    const agent = await Ddpg.create(environment, { preset: "small", ...learning, returnSteps });
    await go(agent, environment, 1500, []);
    for (let place = 0; place < 8; place++) {
      const [got, exact] = [agent.value(Chain.at(place)), Chain.value(place)];
      assert.ok(Math.abs(got / exact - 1) < 0.03, `place ${place}: ${got}, not ${exact}`);
    }
  });
}

test("paused at any step of an episode, learning from several rewards continues with the same bits", async () => {
  const settings = { ...learning, returnSteps: 3, replayCapacity: 60 };
  const whole = await without(() => new Chain(5), settings, 130);
  for (const pause of [1, 2, 3, 51, 52, 53, 100]) {
    assert.deepEqual(await withPause(() => new Chain(5), settings, pause, 130), whole, `${pause}`);
  }
});
