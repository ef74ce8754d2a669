// Running normalization of observations and of rewards: what moves it, where it is applied, and what keeps it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeSafetensors, encodeSafetensors, type Safetensors, tensorOf } from "../base/safetensors.ts";
import type { Environment } from "../environment/environment.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { toModule } from "../export/module.ts";
import { evaluate, evaluateAgent } from "../training/evaluate.ts";
import { go, without, withPause } from "./agent-state.case.ts";
import { type Settings, settingsFrom } from "./config.ts";
import { Ddpg } from "./ddpg.ts";
import { Policy } from "./policy.ts";
import { RewardNormalization } from "./reward-normalization.ts";

const spaces = { observationSize: 2, actionLow: [-1], actionHigh: [1] };
const both = { observationNormalization: true, rewardNormalization: true, rewardScale: 1 } as const;
const sizes = { actorHiddenSizes: [12, 8], criticHiddenSizes: [12, 8], batchSize: 16, warmupSteps: 20 };

function create(changes: Partial<Settings> = {}): Promise<Ddpg> {
  return Ddpg.create(spaces, { preset: "small", arithmetic: "portable", ...sizes, ...both, ...changes });
}

/** The agent's running statistics, as its file has them. */
function statisticsOf(agent: Ddpg): unknown {
  const { observationNormalization, rewardNormalization } = agent;
  return [observationNormalization?.save(), rewardNormalization?.save(), rewardNormalization?.bodies];
}

/** Numbers around a large offset, with very different scales. */
const observationOf = (step: number): [number, number] => [293 + Math.sin(step), 1e-3 * Math.cos(3 * step)];

function observe(agent: Ddpg, steps: number, offset = 0): void {
  for (let step = offset; step < offset + steps; step++)
    agent.observe(observationOf(step), [0.1], Math.sin(step / 2) * 50, observationOf(step + 1), false);
}

/** The mean and the variance, by their definitions. */
function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
}

function near(got: number, wanted: number, bound: number, name: string): void {
  assert.ok(Math.abs(got - wanted) <= bound * Math.max(1, Math.abs(wanted)), `${name}: ${got}, not ${wanted}`);
}

test("observations are normalized by the mean and the variance over all training steps, where they act and where they are learned from", async () => {
  const agent = await create({ observationScale: [0.5, 100], observationOffset: [10, 0] });
  observe(agent, 100);
  const { observationNormalization: normalization, units, minibatch, samplingRandom, replayBuffer } = agent;
  assert.ok(normalization);
  const scaled = (step: number): Float32Array => {
    const out = new Float32Array(2);
    units.scaleObservation(out, observationOf(step), "test");
    return out;
  };
  const expected = (step: number, i: number): number => {
    const { mean, variance } = moments(Array.from({ length: 100 }, (_, each) => scaled(each)[i]));
    return (scaled(step)[i] - mean) / Math.sqrt(variance + 1e-8);
  };
  agent.act(observationOf(7));
  for (const i of [0, 1]) near(agent.policy.observation.at(0, i), expected(7, i), 1e-5, `acting, number ${i}`);

  // The rows stay as they were; the sample is normalized.
  const [random, other] = [samplingRandom.save(), await create()];
  const rows = Array.from({ length: minibatch.reward.length }, () => samplingRandom.integer(replayBuffer.size));
  samplingRandom.restore(random);
  agent.learn();
  for (const [row, step] of rows.entries()) {
    for (const i of [0, 1]) {
      near(minibatch.observation.at(row, i), expected(step, i), 1e-5, `s, row ${row}, number ${i}`);
      near(minibatch.nextObservation.at(row, i), expected(step + 1, i), 1e-5, `s′, row ${row}, number ${i}`);
    }
  }
  const [first] = replayBuffer.observations(1000);
  assert.deepEqual(first, scaled(0));
  assert.equal(other.steps, 0);
});

test("a number that never changes becomes exactly 0, and one that hardly ever did is clipped to ±10; before the first step nothing is normalized", async () => {
  const agent = await create();
  agent.act([3, -0.5]);
  assert.deepEqual([...agent.policy.observation.data.subarray(0, 2)], [3, -0.5]);
  for (let step = 0; step < 50; step++) agent.observe([293.15, step], [0], 0, [293.15, step + 1], false);
  agent.act([293.15, 24.5]);
  assert.deepEqual([...agent.policy.observation.data.subarray(0, 2)], [0, 0]);
  agent.act([294, -1e30]);
  assert.deepEqual([...agent.policy.observation.data.subarray(0, 2)], [10, -10]);
});

test("rewards are divided by max(√(var G + ε), max|G| / 5); G restarts at either end of an episode, for each body alone", async () => {
  const agent = await create({ discount: 0.9 });
  const { rewardNormalization } = agent;
  assert.ok(rewardNormalization);
  const s = [0, 0];
  /** By hand: G of each step. */
  const seen: number[] = [];
  const expectDivisor = (): void => {
    const { variance } = moments(seen);
    const largest = Math.max(...seen.map(Math.abs));
    near(rewardNormalization.divisor, Math.max(Math.sqrt(variance + 1e-8), largest / 5), 1e-12, `step ${seen.length}`);
  };
  const step = (reward: number, body: string, discounted: number, terminated = false): void => {
    agent.observe(s, [0], reward, s, terminated, body);
    seen.push(discounted);
    expectDivisor();
  };
  step(1, "a", 1);
  step(2, "a", 0.9 + 2);
  step(-4, "b", -4);
  step(3, "a", 0.9 * 2.9 + 3, true); // the task ended
  step(1, "a", 1);
  step(1, "b", 0.9 * -4 + 1);
  agent.endEpisode("b"); // a time limit cut it
  step(-30, "b", -30);
  agent.forget("a");
  step(5, "a", 5);
  assert.ok(Math.abs(rewardNormalization.divisor - 30 / 5) > 1, "the deviation decides here");
  for (let i = 0; i < 200; i++) {
    agent.observe(s, [0], 0, s, true);
    seen.push(0);
  }
  assert.equal(rewardNormalization.divisor, 30 / 5);

  agent.learn();
  const { reward } = agent.minibatch;
  const possible = [0, 1, 2, 3, -4, -30, 5].map((each) => each / 6);
  for (const value of reward) assert.ok(possible.includes(value), `${value}`);
  assert.equal(agent.rewardFactor, 1 / 6);
});

test("evaluation, acting, exploring and learning move nothing", async () => {
  const agent = await create();
  observe(agent, 100);
  const before = statisticsOf(agent);
  agent.act([1, 2]);
  agent.value([1, 2]);
  agent.explore([1, 2]);
  agent.learn();
  const environment: Environment = {
    ...spaces,
    reset: () => [5, 5],
    step: () => ({ observation: [6, 6], reward: 7, terminated: true }),
  };
  await evaluate(agent, environment, { episodes: 3 });
  await evaluateAgent(agent, environment, { episodes: 3 });
  assert.deepEqual(statisticsOf(agent), before);
});

test("the bias of the critic is measured in the rewards that it learns from", async () => {
  const agent = await create({ discount: 0.5 });
  observe(agent, 60);
  const environment: Environment = {
    ...spaces,
    reset: () => [293, 0],
    step: () => ({ observation: [293, 0], reward: 40, terminated: true }),
  };
  const { valueBias = Number.NaN } = await evaluateAgent(agent, environment, { episodes: 2 });
  near(valueBias, agent.value([293, 0]) - 40 * agent.rewardFactor, 1e-12, "bias");
  assert.notEqual(agent.rewardFactor, 1);
});

test("an agent that was saved in the middle of an episode and loaded continues with the same bits", async () => {
  for (const settings of [both, { ...both, normalization: "layer" }, { ...both, normalization: "batch" }]) {
    const whole = await without(() => new Pendulum(), { ...sizes, ...settings }, 420);
    for (const pause of [3, 200, 201, 399])
      assert.deepEqual(await withPause(() => new Pendulum(), { ...sizes, ...settings }, pause, 420), whole, `${pause}`);
  }
  const plain = await without(() => new Pendulum(), { ...sizes, rewardScale: 1 }, 420);
  const normalized = await without(() => new Pendulum(), { ...sizes, ...both }, 420);
  assert.notEqual(normalized.fingerprint, plain.fingerprint);
});

test("the returns of several bodies are saved", async () => {
  const agent = await create();
  for (const [i, body] of ["left", 7, "right"].entries()) agent.observe([1, i], [0], i + 1, [1, i], false, body);
  agent.endEpisode(7);
  const loaded = await Ddpg.load(agent.save(), spaces);
  assert.deepEqual(statisticsOf(loaded), statisticsOf(agent));
  for (const each of [agent, loaded]) each.observe([0, 0], [0], 1, [0, 0], false, "right");
  assert.deepEqual(statisticsOf(loaded), statisticsOf(agent));
});

test("a policy acts with the statistics of the moment in which it was saved: loaded, exported, or as a start", async () => {
  const agent = await create();
  observe(agent, 100);
  const [bytes, { source }] = [agent.policy.save(), toModule(agent.policy)];
  const expected = [0, 3, 8].map((step) => agent.act(observationOf(step)));
  observe(agent, 100, 1000);
  agent.observe([-500, 8], [0], 0, [0, 0], false);
  assert.notDeepEqual(
    [0, 3, 8].map((step) => agent.act(observationOf(step))),
    expected,
  );
  const policy = await Policy.load(bytes);
  const exported = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  const started = await create({ warmupSteps: 1000 });
  started.startFrom(policy);
  for (const actor of [policy, exported, started])
    assert.deepEqual(
      [0, 3, 8].map((step) => actor.act(observationOf(step))),
      expected,
    );
  // The statistics continue from those of 100 steps, and those of the policy stay.
  started.observe([0, 0], [0], 0, [0, 0], false);
  assert.equal(started.observationNormalization?.save()[0], 101);
  assert.equal(policy.normalization?.save()[0], 100);
  await assert.rejects(
    create({ observationNormalization: false }).then((other) => other.startFrom(policy)),
    {
      name: "InputError",
      message: /^Ddpg\.startFrom policy observationNormalization: expected false, got true/,
    },
  );
});

test("only a policy that version 0.1 would act wrongly with has a format that version 0.1 refuses", async () => {
  const stored = async (changes: Partial<Settings>): Promise<[string | undefined, string[]]> => {
    const agent = await create({ ...changes, rewardScale: 1 });
    const { metadata } = agent.policy.contents();
    return [metadata.get("format"), Object.keys(JSON.parse(metadata.get("settings") ?? ""))];
  };
  const names1 = [
    ...["actorHiddenSizes", "actorActivations", "batchNormalization", "batchNormEpsilon", "batchNormKeep"],
    ...["observationScale", "observationOffset"],
  ];
  for (const normalization of ["none", "batch"] as const)
    assert.deepEqual(await stored({ normalization, observationNormalization: false }), ["ddpg-policy-1", names1]);
  for (const changes of [{ normalization: "layer" }, { normalization: "none" }] as const) {
    const observationNormalization = changes.normalization === "none";
    const [format, names] = await stored({ ...changes, observationNormalization });
    assert.equal(format, "ddpg-policy-2");
    assert.deepEqual(
      names.filter((name) => !names1.includes(name)),
      ["normalization", "layerNormEpsilon", "observationNormalization"],
    );
  }
});

test("statistics that cannot be are refused with the field", async () => {
  const agent = await create();
  observe(agent, 5);
  const file = agent.save();
  const set =
    (name: string, index: number, value: number) =>
    ({ tensors }: Safetensors): void => {
      const { observationNormalization, rewardNormalization } = agent;
      const values = (name === "observationNormalization" ? observationNormalization : rewardNormalization)?.save();
      assert.ok(values);
      values[index] = value;
      tensors.set(name, tensorOf("F64", [values.length], values));
    };
  const changed = (bytes: Uint8Array, change: (contents: Safetensors) => void): Uint8Array => {
    const contents = decodeSafetensors(bytes, "test");
    change(contents);
    return encodeSafetensors(contents);
  };
  const cases: [(contents: Safetensors) => void, RegExp][] = [
    [set("observationNormalization", 0, 2.5), /observationNormalization count: expected a whole number/],
    [set("observationNormalization", 4, -1), /observationNormalization squares\[1\]: expected a number of at least 0/],
    [set("rewardNormalization", 0, -1), /rewardNormalization largest: expected a number of at least 0/],
    [set("rewardNormalization", 3, -1), /rewardNormalization squares\[0\]: expected a number of at least 0/],
    [({ tensors }) => tensors.delete("observationNormalization"), /observationNormalization: expected F64 \[5\]/],
    [({ tensors }) => tensors.delete("rewardNormalization"), /rewardNormalization: expected F64 \[5\]/],
  ];
  for (const [change, message] of cases)
    await assert.rejects(Ddpg.load(changed(file, change), spaces), { name: "InputError", message });
  for (const [change, message] of cases.filter(([, { source }]) => source.startsWith("observation")))
    await assert.rejects(Policy.load(changed(agent.policy.save(), change)), { name: "InputError", message });
  const counters = (text: string) => changed(file, ({ metadata }) => metadata.set("counters", text));
  const good = JSON.parse(decodeSafetensors(file, "test").metadata.get("counters") ?? "");
  for (const returns of [undefined, 1, [0, 0], [null]])
    await assert.rejects(Ddpg.load(counters(JSON.stringify({ ...good, returns })), spaces), {
      message: /counters returns: expected distinct ids of bodies/,
    });
});

test("a fixed scale of rewards and a running one exclude each other", () => {
  assert.throws(() => settingsFrom("small", { rewardNormalization: true }), {
    name: "InputError",
    message:
      "rewardScale: expected 1 with rewardNormalization, which finds the scale by itself, got 0.1. Leave it out, or set rewardNormalization to false.",
  });
  assert.equal(settingsFrom("small", { rewardNormalization: true, rewardScale: 1 }).rewardNormalization, true);
});

test("rewards that are all 0 stay 0", () => {
  const normalization = new RewardNormalization(0.99);
  assert.equal(normalization.divisor, 1);
  for (let step = 0; step < 5; step++) normalization.add(0, 0);
  const rewards = Float64Array.of(0, 0);
  normalization.apply(rewards);
  assert.deepEqual([...rewards], [0, 0]);
});

test("training with badly scaled numbers that are normalized does not warn of their scale", async () => {
  const environment: Environment = {
    ...spaces,
    reset: (random) => [random.uniform(0, 5000), random.uniform(-1, 1)],
    step: ([action]) => ({ observation: [2500 + 2500 * action, action], reward: 1000 * action, terminated: true }),
  };
  const warned = async (settings: Partial<Settings>): Promise<string[]> => {
    const warnings: string[] = [];
    const agent = await create({ ...settings, warmupSteps: 1100 });
    const trace: string[] = [];
    await go(agent, environment, 1001, trace);
    for (const line of trace) warnings.push(...JSON.parse(line)[0].warnings);
    return warnings;
  };
  assert.equal((await warned({ observationNormalization: false, rewardNormalization: false })).length, 2);
  assert.deepEqual(await warned({}), []);
});
