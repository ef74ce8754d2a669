import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { readMatrix } from "../kernels/matrix.ts";
import { createReferenceKernels } from "../kernels/reference.ts";
import { numericalGradient, relativeError } from "../nn/check-gradients.ts";
import { type Settings, settingsFrom } from "./config.ts";
import { Ddpg } from "./ddpg.ts";

// With learning rates of 0 the parameters stay where the gradients were computed.
const still = { actorLearningRate: 0, criticLearningRate: 0, criticWeightDecay: 0, batchSize: 6, finalLayerBound: 0.5 };

const cases: [string, Partial<Settings>][] = [
  ["relu, action at layer 2", { actorHiddenSizes: [7, 5], criticHiddenSizes: [7, 5], normalization: "none" }],
  [
    "relu, action with the observation",
    { actorHiddenSizes: [5], criticHiddenSizes: [6, 4], actionEntersLayer: 1, normalization: "none" },
  ],
  [
    "tanh and linear, three layers, action at the output layer",
    {
      actorHiddenSizes: [4, 5, 3],
      actorActivations: ["tanh", "linear", "relu"],
      criticHiddenSizes: [5, 4, 3],
      criticActivations: ["relu", "tanh", "linear"],
      actionEntersLayer: 4,
      normalization: "none",
    },
  ],
  ["no hidden layer", { actorHiddenSizes: [], criticHiddenSizes: [], actionEntersLayer: 1, normalization: "none" }],
  ["batch normalization as in the paper", { actorHiddenSizes: [7, 5], criticHiddenSizes: [7, 5] }],
  [
    "batch normalization with plain statistics",
    { actorHiddenSizes: [7, 5], criticHiddenSizes: [7, 5], batchNormStatistics: "plain" },
  ],
  [
    "batch normalization, linear layers, action at layer 3",
    {
      actorHiddenSizes: [5, 4],
      actorActivations: ["linear", "tanh"],
      criticHiddenSizes: [5, 4, 4],
      criticActivations: ["linear"],
      actionEntersLayer: 3,
    },
  ],
  ["layer normalization", { normalization: "layer", actorHiddenSizes: [7, 5], criticHiddenSizes: [7, 5] }],
  [
    "layer normalization, linear and tanh, action with the observation",
    {
      normalization: "layer",
      layerNormEpsilon: 0.3,
      actorHiddenSizes: [5, 4],
      actorActivations: ["linear", "tanh"],
      criticHiddenSizes: [5, 4, 4],
      criticActivations: ["linear", "relu", "tanh"],
      actionEntersLayer: 1,
    },
  ],
];

for (const [name, changes] of cases) {
  test(`every gradient is within 1e-6 of central differences in Float64: ${name}`, () => {
    const agent = agentWith(changes);
    const { actor, critic, minibatch } = agent;
    agent.update();

    const { y } = agent;
    const criticLoss = (): number => {
      const value = critic.forward(minibatch.observation, minibatch.action);
      return y.reduce((sum, yi, i) => sum + (yi - value.at(i, 0)) * (yi - value.at(i, 0)), 0) / y.length;
    };
    const analytic = new Map(
      critic.parameters.tensors.map((t) => [t.name, readMatrix(critic.parameters.gradient(t.name))]),
    );
    for (const [tensor, gradient] of analytic) {
      const numerical = numericalGradient(critic.parameters.value(tensor), criticLoss);
      const error = relativeError(gradient, numerical);
      assert.ok(error < 1e-6, `critic ${tensor}: ${error}`);
    }

    const actorLoss = (): number => {
      const action = actor.forward(minibatch.observation);
      const value = critic.forward(minibatch.observation, action);
      return -readMatrix(value).reduce((sum, q) => sum + q, 0) / y.length;
    };
    for (const { name: tensor } of actor.parameters.tensors) {
      const gradient = readMatrix(actor.parameters.gradient(tensor));
      const numerical = numericalGradient(actor.parameters.value(tensor), actorLoss);
      const error = relativeError(gradient, numerical);
      assert.ok(error < 1e-6, `actor ${tensor}: ${error}`);
    }

    const value = (): number =>
      readMatrix(critic.forward(minibatch.observation, minibatch.action)).reduce((sum, q) => sum + q, 0);
    value();
    const before = readMatrix(critic.parameters.gradient("layer1.weights"));
    const actionGradient = readMatrix(critic.actionGradient());
    assert.deepEqual(
      readMatrix(critic.parameters.gradient("layer1.weights")),
      before,
      "∂Q/∂a changed the critic's gradients",
    );
    const error = relativeError(actionGradient, numericalGradient(minibatch.action, value));
    assert.ok(error < 1e-6, `∂Q/∂a: ${error}`);
  });
}

test("a gradient off by one part in ten thousand is noticed", () => {
  const exact = Float64Array.of(1, -2, 3);
  assert.ok(
    relativeError(
      exact.map((x) => x * 1.0001),
      exact,
    ) > 1e-6,
  );
});

/** Creates an agent with random transitions and without any symmetry in its networks. */
function agentWith(changes: Partial<Settings>): Ddpg {
  const settings = settingsFrom("paper", { ...still, ...changes });
  const spaces = { observationSize: 3, actionLow: [-1, -1], actionHigh: [1, 1] };
  const agent = new Ddpg(createReferenceKernels(Float64Array), spaces, settings, 5);
  const random = new Random("gradients");
  const { observation, action, nextObservation, reward, discount } = agent.minibatch;
  for (const matrix of [observation, action, nextObservation]) {
    for (let i = 0; i < matrix.data.length; i++) matrix.data[i] = random.uniform(-1, 1);
  }
  for (let i = 0; i < reward.length; i++) reward[i] = random.uniform(-1, 1);
  discount.fill(settings.discount);
  discount[2] = 0;
  // The initial scales of 1 and shifts of 0 would hide a missing factor.
  for (const { parameters } of [agent.actor, agent.critic]) {
    for (const { name, kind } of parameters.tensors) {
      if (kind !== "scale" && kind !== "shift") continue;
      const matrix = parameters.value(name);
      for (let j = 0; j < matrix.columns; j++) matrix.set(0, j, random.uniform(0.5, 1.5));
    }
  }
  return agent;
}
