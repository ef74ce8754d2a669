import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { Matrix, readMatrix } from "../kernels/matrix.ts";
import { createReferenceKernels } from "../kernels/reference.ts";
import type { Threads } from "../kernels/wasm/threads.ts";
import { patientThreads } from "../node/patient-threads.case.ts";
import { presets, type Settings, settingsFrom } from "./config.ts";
import { Ddpg } from "./ddpg.ts";
import { Diagnostics } from "./diagnostics.ts";
import type { Target } from "./learner.ts";

const spaces = { observationSize: 2, actionLow: [-1, 10], actionHigh: [3, 20] };

test("targets start as copies of the networks, and networks differ between seeds", async () => {
  const agent = await Ddpg.create(spaces, { seed: 1, preset: "paper" });
  // Not deepEqual, which takes minutes to print the difference of arrays this long.
  const same = (a: Target, b: Target): boolean =>
    a.parameters.names.every((name) => equal(a.parameters.read(name), b.parameters.read(name)));
  assert.ok(same(agent.targetActor, agent.actor));
  assert.ok(same(agent.targetCritic, agent.critic));
  const other = await Ddpg.create(spaces, { seed: 2, preset: "paper" });
  assert.ok(!same(other.actor, agent.actor));
  assert.notEqual(other.fingerprint(), agent.fingerprint());
});

test("a plain number of threads is refused, because the program has to provide the threads", async () => {
  await assert.rejects(Ddpg.create(spaces, { threads: 2 as unknown as Threads }), {
    name: "InputError",
    message: "threads: expected those of nodeThreads, from ddpg/node, or of webThreads, got 2.",
  });
});

test("robust is the preset of an agent whose preset is not named", async () => {
  const agent = await Ddpg.create({ observationSize: 1, actionLow: [-1], actionHigh: [1] });
  assert.deepEqual(agent.settings, presets.robust);
});

for (const preset of ["paper", "standard"] as const) {
  test(`${preset}: two and three threads give the same parameters, losses and gradient norms as one, bit for bit`, async () => {
    const options = {
      preset,
      batchSize: 50,
      warmupSteps: 60,
      actorHiddenSizes: [400, 300],
      criticHiddenSizes: [400, 300],
    };
    const learned = async (count: number) => {
      const threads = patientThreads(count, 5000);
      const agent = await Ddpg.create(spaces, { ...options, threads });
      assert.equal(agent.threads, count);
      const random = new Random(2);
      const state = () => [random.uniform(-1, 1), random.uniform(-1, 1)];
      for (let i = 0; i < 60; i++) agent.observe(state(), [1, 15], random.uniform(-1, 1), state(), i % 7 === 0);
      const seen: number[][] = [];
      for (let i = 0; i < 10; i++) {
        assert.ok(agent.learn());
        const { saturation, ...numbers } = agent.diagnostics;
        seen.push([...Object.values(numbers), ...saturation, agent.value([0.1, 0.2]), ...agent.act([0.3, 0.4])]);
      }
      return { fingerprint: agent.fingerprint(), seen };
    };
    const one = await learned(1);
    assert.deepEqual(await learned(2), one);
    assert.deepEqual(await learned(3), one);
  });
}

test("the paper's initialization fills ±1/√fan-in, action included, and ±3e-3 in the last layers", async () => {
  const { actor, critic } = await Ddpg.create(spaces, { preset: "paper", normalization: "none" });
  const bounds: [Ddpg["actor"] | Ddpg["critic"], string, number][] = [
    [actor, "layer1.weights", 1 / Math.sqrt(2)],
    [actor, "layer1.biases", 1 / Math.sqrt(2)],
    [actor, "layer2.weights", 1 / Math.sqrt(400)],
    [actor, "layer3.weights", 3e-3],
    [critic, "layer1.weights", 1 / Math.sqrt(2)],
    [critic, "layer2.weights", 1 / Math.sqrt(402)],
    [critic, "layer2.biases", 1 / Math.sqrt(402)],
    [critic, "layer3.weights", 3e-3],
  ];
  for (const [network, name, bound] of bounds) {
    const values = network.parameters.read(name);
    const largest = Math.max(...values.map(Math.abs));
    assert.ok(largest <= bound * 1.000001 && largest > 0.97 * bound, `${name}: ${largest}, not ${bound}`);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    assert.ok(Math.abs(mean) < (4 * bound) / Math.sqrt(3 * values.length), `${name}: mean ${mean}`);
  }
});

test("the numpy preset's initialization is Glorot-uniform, with the action's own fan-in for its rows, and biases are 0", async () => {
  const { critic } = await Ddpg.create({ observationSize: 3, actionLow: [-2], actionHigh: [2] }, { preset: "numpy" });
  const weights = critic.parameters.value("layer2.weights");
  assert.deepEqual([weights.rows, weights.columns], [301, 600]);
  const largest = (from: number, to: number) =>
    readMatrix(weights.rowRange(from, to)).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  for (const [from, to, fanIn] of [
    [0, 300, 300],
    [300, 301, 1],
  ]) {
    const bound = Math.sqrt(6 / (fanIn + 600));
    assert.ok(largest(from, to) <= bound * 1.000001 && largest(from, to) > 0.97 * bound);
  }
  assert.ok(critic.parameters.read("layer2.biases").every((x) => x === 0));
});

test("actions are returned in the environment's units and stored in [−1, 1]", () => {
  const agent = float64Agent({ warmupSteps: 0, noise: "none", batchSize: 1, normalization: "none" });
  // A policy whose outputs are known: μ(s) = tanh(0) = 0 for one dimension, about 1 for the other.
  for (const name of ["layer3.weights", "layer3.biases"]) agent.actor.parameters.value(name).data.fill(0);
  agent.actor.parameters.value("layer3.biases").set(0, 1, 20);
  assert.deepEqual([...agent.act([0.1, 0.2])], [1, 20]);
  assert.deepEqual([...agent.explore([0.1, 0.2])], [1, 20]);
  agent.observe([0.1, 0.2], [3, 12.5], 1, [0.3, 0.4], false);
  agent.replayBuffer.sample(agent.minibatch, new Random(1));
  assert.deepEqual([...readMatrix(agent.minibatch.action)], [1, -0.5]);
});

test("explored actions stay within the bounds however large the noise, and reach both", () => {
  const agent = float64Agent({ warmupSteps: 0, noise: "gaussian", noiseScale: 5, normalization: "none" });
  const seen = Array.from({ length: 200 }, () => agent.explore([0.1, 0.2]));
  for (const [i, [low, high]] of [
    [0, [-1, 3]],
    [1, [10, 20]],
  ] as const) {
    assert.equal(Math.min(...seen.map((a) => a[i])), low);
    assert.equal(Math.max(...seen.map((a) => a[i])), high);
  }
});

test("noise has the given size in half-ranges of each dimension, within 5 %", () => {
  const agent = float64Agent({ warmupSteps: 0, noise: "gaussian", noiseScale: [0.1, 0.05], normalization: "none" });
  const mean = agent.act([0.1, 0.2]);
  const n = 20_000;
  let squares = [0, 0];
  for (let k = 0; k < n; k++) {
    const a = agent.explore([0.1, 0.2]);
    squares = squares.map((sum, i) => sum + (a[i] - mean[i]) * (a[i] - mean[i]));
  }
  assert.ok(Math.abs(Math.sqrt(squares[0] / n) / (0.1 * 2) - 1) < 0.05);
  assert.ok(Math.abs(Math.sqrt(squares[1] / n) / (0.05 * 5) - 1) < 0.05);
});

test("the end of an episode restarts the noise of that body only", () => {
  const agent = float64Agent({ warmupSteps: 0, noise: "decaying-offset", noiseScale: 0.5, normalization: "none" });
  const mean = agent.act([0, 0])[0];
  const offset = (body: number) => Math.round(1e4 * ((agent.explore([0, 0], body)[0] - mean) / 2)) / 1e4;
  assert.deepEqual([offset(0), offset(0), offset(1)], [0.5, 0.25, 0.5]);
  agent.endEpisode(0);
  assert.deepEqual([offset(0), offset(1)], [0.25, 0.25]);
});

test("warm-up actions are uniform over the bounds, and nothing is learned before its end", () => {
  const agent = float64Agent({ warmupSteps: 50, batchSize: 4, normalization: "none" });
  const before = agent.fingerprint();
  const actions: Float32Array[] = [];
  for (let step = 1; step <= 49; step++) {
    const action = agent.explore([0.1, 0.2]);
    actions.push(action);
    agent.observe([0.1, 0.2], action, 0, [0.1, 0.2], false);
    assert.equal(agent.learn(), false);
  }
  assert.equal(agent.fingerprint(), before);
  assert.ok(Math.min(...actions.map((a) => a[1])) < 11 && Math.max(...actions.map((a) => a[1])) > 19);
  agent.observe([0.1, 0.2], [0, 15], 0, [0.1, 0.2], false);
  assert.equal(agent.learn(), true);
  assert.equal(agent.updates, 1);
  assert.notEqual(agent.fingerprint(), before);
});

test("observations and rewards are scaled for the networks", () => {
  const agent = float64Agent({
    observationScale: [10, 0.5],
    observationOffset: [1, -2],
    rewardScale: 0.1,
    batchSize: 1,
    normalization: "none",
  });
  agent.observe([1.5, 4], [0, 15], -30, [0.5, -2], true);
  agent.replayBuffer.sample(agent.minibatch, new Random(1));
  const { observation, nextObservation, reward, discount } = agent.minibatch;
  assert.deepEqual([...readMatrix(observation)], [5, 3]);
  assert.deepEqual([...readMatrix(nextObservation)], [-5, 0]);
  assert.deepEqual([reward[0], discount[0]], [-3, 0]);
});

test("invalid input is refused with the place, the expectation and the value", async () => {
  const agent = await Ddpg.create(spaces, { preset: "small" });
  const good = [0, 0];
  const refused: [() => unknown, string][] = [
    [() => agent.act([0]), "Policy.act observation: expected 2 numbers, got 1."],
    [() => agent.explore([0, Number.NaN]), "Ddpg.explore observation[1]: expected a finite number, got NaN."],
    [() => agent.observe(good, [0], 0, good, false), "Ddpg.observe action: expected 2 numbers, got 1."],
    [
      () => agent.observe(good, good, Infinity, good, false),
      "Ddpg.observe reward: expected a finite number, got Infinity.",
    ],
    [
      () => agent.observe(good, good, 0, [1e39, 0], false),
      "Ddpg.observe nextObservation[0]: expected a number that fits in Float32 after scaling, got 1e+39.",
    ],
    [() => agent.observe(good, good, 0, [0, 1, 2], false), "Ddpg.observe nextObservation: expected 2 numbers, got 3."],
  ];
  for (const [call, message] of refused) assert.throws(call, { name: "InputError", message });
  assert.equal(agent.replayBuffer.stored, 0);
});

test("invalid bounds and sizes are refused", async () => {
  const refused: [object, RegExp][] = [
    [{ ...spaces, observationSize: 0 }, /observationSize: expected a whole number above 0, got 0/],
    [{ ...spaces, actionHigh: [3, Infinity] }, /actionHigh\[1\]: expected a finite number, got Infinity/],
    [{ ...spaces, actionHigh: [-1, 20] }, /actionHigh\[0\]: expected more than actionLow\[0\] = -1, got -1/],
    [{ ...spaces, actionHigh: [3] }, /actionHigh: expected 2 bounds/],
  ];
  for (const [bad, message] of refused) {
    await assert.rejects(Ddpg.create(bad as typeof spaces), { name: "InputError", message });
  }
});

test("a loss that is not finite stops the update before it changes a network", async () => {
  const agent = await Ddpg.create(spaces, { preset: "small", warmupSteps: 0, batchSize: 1 });
  agent.observe([0, 0], [0, 15], 1e38, [0, 0], false);
  agent.observe([0, 0], [0, 15], 1e38, [0, 0], false);
  const before = agent.fingerprint();
  agent.minibatch.reward.fill(Number.NaN);
  agent.minibatch.observation.data.fill(0.1, 0, 2);
  assert.throws(() => agent.update(), { name: "NotFiniteError", message: /^critic loss: expected finite numbers/ });
  assert.equal(agent.fingerprint(), before);
  agent.minibatch.reward.fill(0);
  agent.targetCritic.parameters.value("layer2.biases").set(0, 3, Number.NaN);
  assert.throws(() => agent.update(), { message: /^targetCritic layer2\.biases: expected finite numbers/ });
});

test("a policy that is not finite stops the update, and names the actor's tensor", () => {
  const agent = float64Agent({ batchSize: 2, normalization: "none" });
  agent.actor.parameters.value("layer2.biases").set(0, 1, Number.NaN);
  assert.throws(() => agent.update(), { message: /^actor layer2\.biases: expected finite numbers/ });
  assert.throws(() => agent.act([0, 0]), { message: /^the policy's action\[0\]: expected finite numbers/ });
});

test("annealing begins after the warm-up and reduces the noise to its final fraction", () => {
  const settings = { warmupSteps: 50, noiseAnnealSteps: 100, noiseFinalFraction: 0, normalization: "none" } as const;
  const agent = float64Agent({ ...settings, noise: "decaying-offset", noiseScale: 0.5 });
  const store = (steps: number) => {
    for (let i = 0; i < steps; i++) agent.observe([0, 0], [0, 15], 0, [0, 0], false);
  };
  const mean = agent.act([0, 0])[0];
  store(50);
  assert.ok(Math.abs((agent.explore([0, 0])[0] - mean) / 2 - 0.5) < 1e-6);
  store(50);
  assert.ok(Math.abs((agent.explore([0, 0])[0] - mean) / 2 - 0.25 / 2) < 1e-6);
  store(50);
  assert.equal(agent.explore([0, 0])[0], mean);
});

test("each body that shares an agent has its own noise, the same for the same seed", () => {
  const settings = { warmupSteps: 0, noise: "gaussian", normalization: "none" } as const;
  const [agent, again] = [float64Agent(settings), float64Agent(settings)];
  const first = agent.explore([0, 0], 0);
  assert.notDeepEqual(agent.explore([0, 0], 1), first);
  again.explore([0, 0], 1);
  assert.deepEqual(again.explore([0, 0], 0), first);
});

test("value is that of the online critic at the policy's action", () => {
  const agent = float64Agent({ batchSize: 4, warmupSteps: 0, criticLearningRate: 0.01, normalization: "none" });
  for (let i = 0; i < 30; i++) {
    agent.observe([i / 30, 1], agent.explore([i / 30, 1]), i, [0, 1], false);
    agent.learn();
  }
  const { observation, action } = agent.minibatch;
  agent.policy.forward([0.3, 0.7], "test").data.forEach((a, i) => {
    action.set(0, i, a);
  });
  [0.3, 0.7].forEach((x, i) => {
    observation.set(0, i, x);
  });
  assert.equal(agent.value([0.3, 0.7]), agent.critic.forward(observation, action).at(0, 0));
});

test("actions never leave the bounds, not even by rounding to Float32", () => {
  const bounds = { actionLow: [0.1, -0.7, 1e-60], actionHigh: [0.7, -0.1, 1] };
  const settings = settingsFrom("small", { warmupSteps: 0, noiseScale: 9 });
  const agent = new Ddpg(createReferenceKernels(Float64Array), { observationSize: 1, ...bounds }, settings, 1);
  for (let k = 0; k < 100; k++) {
    agent.explore([0]).forEach((a, i) => {
      assert.ok(a >= bounds.actionLow[i] && a <= bounds.actionHigh[i], `${a} of dimension ${i}`);
    });
  }
});

test("saturation counts |μ| > 0.99 over the rows, dimension by dimension", () => {
  const diagnostics = new Diagnostics(2);
  const action = new Matrix(Float64Array.of(1, 0, 0.995, 0.5, -1, 0, 0.98, -0.999), 4, 2);
  diagnostics.readActor(Float64Array.of(1, 2, 3, 6), action, 0);
  assert.deepEqual([...diagnostics.saturation], [0.75, 0.25]);
  assert.equal(diagnostics.actorLoss, -3);
});

test("L2 changes the critic's weights and not its biases", () => {
  const changes = { criticWeightDecay: 0.5, discount: 0, normalization: "none" } as const;
  const agent = float64Agent({ ...changes, batchSize: 1 });
  const { critic, minibatch } = agent;
  // With y = Q(s, a) the loss has no gradient, so every change comes from the decay.
  minibatch.reward[0] = critic.forward(minibatch.observation, minibatch.action).at(0, 0);
  const names = critic.parameters.tensors.map(({ name }) => name);
  const before = new Map(names.map((name) => [name, critic.parameters.read(name)]));
  agent.update();
  for (const name of names) {
    const moved = critic.parameters.read(name).some((x, i) => x !== before.get(name)?.[i]);
    assert.equal(moved, name.endsWith("weights"), name);
  }
});

test("the fingerprint is FNV-1a over all four networks: it depends on each of them and not on padding", async () => {
  const agent = await Ddpg.create(spaces, { preset: "small" });
  const same = float64Agent({}, "small");
  for (const network of ["actor", "critic", "targetActor", "targetCritic"] as const) {
    for (const name of agent[network].parameters.names) {
      same[network].parameters.write(name, agent[network].parameters.read(name));
    }
  }
  assert.equal(same.fingerprint(), agent.fingerprint());
  const bytes = [agent.actor, agent.critic, agent.targetActor, agent.targetCritic].flatMap(({ parameters }) =>
    parameters.names.flatMap((name) => [...new Uint8Array(Float32Array.from(parameters.read(name)).buffer)]),
  );
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  assert.equal(agent.fingerprint(), hash.toString(16).padStart(16, "0"));
  for (const network of ["actor", "critic", "targetActor", "targetCritic"] as const) {
    const { parameters } = same[network];
    const name = parameters.names[parameters.names.length - 1];
    const value = parameters.value(name).at(0, 0);
    parameters.value(name).set(0, 0, value + 1);
    assert.notEqual(same.fingerprint(), agent.fingerprint(), network);
    parameters.value(name).set(0, 0, value);
  }
});

function float64Agent(changes: Partial<Settings>, preset: "paper" | "small" = "paper"): Ddpg {
  const sizes = preset === "paper" ? { actorHiddenSizes: [8, 8], criticHiddenSizes: [8, 8] } : {};
  return new Ddpg(createReferenceKernels(Float64Array), spaces, settingsFrom(preset, { ...sizes, ...changes }), 1);
}

function equal(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}
