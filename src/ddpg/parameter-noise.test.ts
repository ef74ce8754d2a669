import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { decodeSafetensors, encodeSafetensors } from "../base/safetensors.ts";
import { createReferenceKernels } from "../kernels/reference.ts";
import { networkTensors } from "../nn/network.ts";
import { Parameters } from "../nn/parameters.ts";
import { actorShape } from "./actor.ts";
import { settingsFrom } from "./config.ts";
import { Ddpg } from "./ddpg.ts";
import { initialize } from "./initialization.ts";
import { ParameterNoise, PerturbedActor } from "./parameter-noise.ts";

const spaces = { observationSize: 3, actionLow: [-2, -1], actionHigh: [2, 3] };
const options = { preset: "small", warmupSteps: 0, noise: "parameter", finalLayerBound: 0.3 } as const;

/** Observations that an episode could have. */
function observation(random: Random): number[] {
  return [random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1)];
}

for (const noiseScale of [0.05, 0.3]) {
  // The rule makes as many distances shorter as longer, so their root mean square is a little above the aim.
  test(`the actions end up ${noiseScale} half-ranges from the actor's, within 20 %, wherever the size starts`, async () => {
    const agent = await Ddpg.create(spaces, { ...options, noiseScale });
    const random = new Random(1);
    let [squares, count] = [0, 0];
    for (let step = 0; step < 40_000; step++) {
      if (step % 100 === 0) agent.endEpisode();
      const s = observation(random);
      const a = agent.explore(s);
      if (step < 20_000) continue;
      const mu = agent.act(s);
      squares += ((a[0] - mu[0]) / 2) ** 2 + ((a[1] - mu[1]) / 2) ** 2;
      count += 2;
    }
    const distance = Math.sqrt(squares / count);
    assert.ok(Math.abs(distance / noiseScale - 1) < 0.2, `${distance}`);
  });
}

test("in an episode an observation always has the same action; the next episode has another perturbation, each body its own", async () => {
  const agent = await Ddpg.create(spaces, options);
  const s = [0.1, -0.5, 0.9];
  const first = agent.explore(s);
  assert.deepEqual(agent.explore(s), first);
  assert.notDeepEqual(first, agent.act(s));
  const other = agent.explore(s, 1);
  assert.notDeepEqual(other, first);
  agent.endEpisode();
  assert.notDeepEqual(agent.explore(s), first);
  assert.deepEqual(agent.explore(s, 1), other);
  const again = await Ddpg.create(spaces, options);
  assert.deepEqual(again.explore(s), first);
});

test("weights and biases are perturbed, scales and shifts of a normalization are not, and the actor keeps its parameters", () => {
  const settings = settingsFrom("small", { normalization: "batch", actorHiddenSizes: [5] });
  const shape = actorShape(settings, 3, 2);
  const kernels = createReferenceKernels(Float64Array, "portable");
  const parameters = new Parameters(kernels, networkTensors(shape), false);
  initialize(parameters, shape, settings, new Random(1));
  const before = parameters.values.slice();
  const perturbed = new PerturbedActor(kernels, shape, parameters);
  const direction = perturbed.direction(new Random(2));
  for (const { kind, start, end } of parameters.tensors) {
    const isMoved = kind === "weights" || kind === "biases";
    assert.equal(
      direction.subarray(start, end).every((x) => x !== 0),
      isMoved,
      kind,
    );
    assert.equal(
      direction.subarray(start, end).some((x) => x !== 0),
      isMoved,
      kind,
    );
  }
  const still = Float64Array.from(perturbed.act([1, 2, 3], direction, 0).data);
  assert.notDeepEqual(Float64Array.from(perturbed.act([1, 2, 3], direction, 0.1).data), still);
  assert.deepEqual(parameters.values, before);
});

test("its state is checked when it is restored", () => {
  const noise = new ParameterNoise(Float64Array.of(0.3, 0.4), new Random(1), null);
  assert.equal(noise.size, Math.sqrt(0.125));
  noise.restore(Float64Array.of(3, 0.2, 1, 49));
  assert.deepEqual([...noise.save()], [3, 0.2, 1, 49]);
  for (const [state, field] of [
    [[0.5, 0.2, 1, 4], "[0]: expected a whole number of at least 0, got 0.5"],
    [[1, -0.2, 1, 4], "[1]: expected a number from 0 to 10, got -0.2"],
    [[1, 0.2, -1, 4], "[2]: expected a number of at least 0, got -1"],
    [[1, 0.2, 1, 50], "[3]: expected a whole number from 0 to 49, got 50"],
  ] as const) {
    const message = `noises${field}.`;
    assert.throws(() => noise.restore(Float64Array.from(state), "noises"), { name: "InputError", message });
  }
  assert.throws(() => noise.sample(), /there is no actor/);
});

test("a body that came after another was forgotten keeps its perturbations in a loaded agent", async () => {
  const agent = await Ddpg.create(spaces, options);
  const s = [0.1, -0.5, 0.9];
  agent.explore(s, "a");
  agent.forget("a");
  agent.explore(s, "b");
  const bytes = agent.save();
  const loaded = await Ddpg.load(bytes, spaces);
  assert.deepEqual(loaded.save(), bytes);
  for (let episode = 0; episode < 2; episode++) {
    for (const body of ["b", 0, "c"]) assert.deepEqual(loaded.explore(s, body), agent.explore(s, body), `${body}`);
    for (const each of [agent, loaded]) each.endEpisode("b");
  }
  const contents = decodeSafetensors(bytes, "test");
  const counters = JSON.parse(contents.metadata.get("counters") ?? "");
  assert.deepEqual(counters.generations, [0, 1]);
  for (const generations of [[0], [0, 2], [0, -1], 1]) {
    contents.metadata.set("counters", JSON.stringify({ ...counters, generations }));
    const message = /^Ddpg\.load counters generations: expected 2 whole numbers of at most 1, got /;
    await assert.rejects(Ddpg.load(encodeSafetensors(contents), spaces), { name: "InputError", message });
  }
});
