// Layer normalization: what it computes, its recorded update, and its independence of the other rows. `gradients.test.ts`
// compares its derivatives with central differences.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { settingsFrom } from "../ddpg/config.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import { buildOver } from "../kernels/create.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { type Matrix, readMatrix } from "../kernels/matrix.ts";
import { createReferenceKernels } from "../kernels/reference.ts";
import { wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { Network, networkTensors } from "./network.ts";
import { allocateMatrix, Parameters } from "./parameters.ts";

const shape = { inputSize: 37, layers: [{ kind: "layerNorm", name: "norm", epsilon: 0.01 }] } as const;

function build(kernels: Kernels, rows: number): { network: Network; parameters: Parameters; x: Matrix } {
  const parameters = new Parameters(kernels, networkTensors(shape), false);
  const random = new Random("layer norm");
  for (const { name, columns } of parameters.tensors)
    parameters.write(
      name,
      Array.from({ length: columns }, () => random.normal()),
    );
  const x = allocateMatrix(kernels, rows, 37);
  for (let i = 0; i < rows; i++) for (let j = 0; j < 37; j++) x.set(i, j, 3 + (i + 1) * random.normal());
  return { network: new Network(kernels, shape, parameters, rows, false), parameters, x };
}

test("each row gets mean 0 and variance 1, then the scale and the shift; ε is inside the root", () => {
  const { network, parameters, x } = build(createReferenceKernels(Float64Array), 5);
  const y = network.forward(x, null, false);
  const [scale, shift] = [parameters.read("norm.scale"), parameters.read("norm.shift")];
  for (let i = 0; i < 5; i++) {
    const row = Array.from({ length: 37 }, (_, j) => x.at(i, j));
    const mean = row.reduce((sum, value) => sum + value) / 37;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 37;
    row.forEach((value, j) => {
      const expected = (scale[j] * (value - mean)) / Math.sqrt(variance + 0.01) + shift[j];
      assert.ok(Math.abs(y.at(i, j) - expected) < 1e-13, `row ${i}, column ${j}`);
    });
  }
});

test("a row alone has the bits that it has among others; padding stays 0", async () => {
  const all = await buildOver(wasmBackend, (kernels) => build(kernels, 20));
  const one = await buildOver(wasmBackend, (kernels) => build(kernels, 1));
  const y = all.network.forward(all.x, null, false);
  assert.deepEqual(
    y.data.filter((_, index) => index % y.rowStride >= 37),
    new Float32Array(20 * (y.rowStride - 37)),
  );
  for (let i = 0; i < 20; i++) {
    for (let j = 0; j < 37; j++) one.x.set(0, j, all.x.at(i, j));
    assert.deepEqual(readMatrix(one.network.forward(one.x, null, false)), readMatrix(y.rowRange(i, i + 1)), `row ${i}`);
  }
});

interface RecordedLayer {
  weights: number[][];
  biases: number[];
  norm: { scale: number[]; shift: number[] } | null;
}

/** The recorded numbers of a network by our names. */
function* tensorsOf(layers: readonly RecordedLayer[]): Generator<[name: string, numbers: number[]]> {
  for (const [index, { weights, biases, norm }] of layers.entries()) {
    const name = `layer${index + 1}`;
    yield [`${name}.weights`, weights.flat()];
    yield [`${name}.biases`, biases];
    if (norm) yield [`${name}.norm.scale`, norm.scale];
    if (norm) yield [`${name}.norm.shift`, norm.shift];
  }
}

/** Asserts that two lists are equal within 1e-12 of the largest number. */
function expectNear(got: ArrayLike<number>, wanted: readonly number[], name: string): void {
  assert.equal(got.length, wanted.length, name);
  const bound = 1e-12 * Math.max(...wanted.map(Math.abs));
  for (const [i, value] of wanted.entries())
    assert.ok(Math.abs(got[i] - value) <= bound, `${name}[${i}]: ${got[i]}, not ${value}`);
}

test("the first update is the one that PyTorch recorded: values, targets and every gradient", () => {
  const file = join(process.env.DDPG_FIXTURES ?? "fixtures", "update-options/layer-norm-huber.json");
  const { config, initial, batches, firstUpdate, firstActorUpdate } = JSON.parse(fs.readFileSync(file, "utf8"));
  const { observationSize, hiddenSizes, actionEntersLayer, batchSize, actorLearningRate, criticLearningRate } = config;
  const { epsilon } = config.layerNormalization;
  const settings = settingsFrom("paper", {
    ...{ actorHiddenSizes: hiddenSizes, criticHiddenSizes: hiddenSizes, actionEntersLayer, batchSize },
    ...{ actorLearningRate, criticLearningRate, criticWeightDecay: 0 },
    ...{ normalization: "layer", criticLoss: "huber", layerNormEpsilon: epsilon },
  });
  const spaces = { observationSize, actionLow: [-1], actionHigh: [1] };
  const agent = new Ddpg(createReferenceKernels(Float64Array), spaces, settings, 1);
  const { actor, critic, targetActor, targetCritic, minibatch } = agent;
  const networks = { actor, critic, targetActor, targetCritic };
  const layers = { ...initial, critic: initial.critics[0], targetCritic: initial.targetCritics[0] };
  for (const [name, { parameters }] of Object.entries(networks)) {
    const recorded = [...tensorsOf(layers[name])];
    assert.deepEqual(recorded.map(([tensor]) => tensor).sort(), [...parameters.names].sort());
    for (const [tensor, numbers] of recorded) parameters.write(tensor, numbers);
  }
  const [batch] = batches;
  const { observation, action, nextObservation } = minibatch;
  for (const [matrix, rows] of [
    [observation, batch.observation],
    [action, batch.action],
    [nextObservation, batch.nextObservation],
  ] as const)
    for (let i = 0; i < batchSize; i++) rows[i].forEach((value: number, j: number) => void matrix.set(i, j, value));

  const nextAction = targetActor.forward(nextObservation);
  expectNear(readMatrix(nextAction), firstUpdate.nextAction.flat(), "μ′(s′)");
  const nextValue = targetCritic.forward(nextObservation, nextAction);
  const y = Array.from({ length: batchSize }, (_, i) => batch.reward[i] + batch.discount[i] * nextValue.at(i, 0));
  expectNear(y, firstUpdate.y, "y");
  // The recorded loss is Huber's with threshold 1, and each row has a weight.
  const target = { y: Float64Array.from(y), distribution: new Float64Array(0) };
  critic.compare(observation, action, target, Float64Array.from(batch.weight));
  expectNear(critic.head.values, firstUpdate.values[0], "Q");
  critic.descend();
  for (const [tensor, numbers] of tensorsOf(firstUpdate.criticGradients[0]))
    expectNear(readMatrix(critic.parameters.gradient(tensor)), numbers, `critic ${tensor}`);

  assert.equal(firstActorUpdate.update, 1);
  const policyAction = actor.forward(observation);
  expectNear(readMatrix(policyAction), firstActorUpdate.policyAction.flat(), "μ(s)");
  critic.forward(observation, policyAction);
  const actionGradient = critic.actionGradient();
  expectNear(readMatrix(actionGradient), firstActorUpdate.actionGradient.flat(), "∂Q/∂a");
  actor.ascend(actionGradient);
  for (const [tensor, numbers] of tensorsOf(firstActorUpdate.actorGradients))
    expectNear(readMatrix(actor.parameters.gradient(tensor)), numbers, `actor ${tensor}`);
});
