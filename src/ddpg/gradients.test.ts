import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { type Matrix, readMatrix } from "../kernels/matrix.ts";
import { createReferenceKernels } from "../kernels/reference.ts";
import { numericalGradient, relativeError } from "../nn/check-gradients.ts";
import { Network } from "../nn/network.ts";
import { type Settings, settingsFrom } from "./config.ts";
import { type Critic, criticShape, JointCritic } from "./critic.ts";
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

const sizes: Partial<Settings> = { actorHiddenSizes: [7, 5], criticHiddenSizes: [6, 5], normalization: "none" };
const support = { criticAtoms: 9, criticSupport: 2 };
cases.push(
  ["two critics, smoothed targets", { ...sizes, critics: 2, targetNoiseScale: 0.3 }],
  ["Huber loss, with errors on both sides of 1", { ...sizes, criticLoss: "huber" }],
  ["categorical critic", { ...sizes, criticLoss: "categorical", ...support }],
  [
    "two categorical critics, batch normalization",
    { ...sizes, normalization: "batch", criticLoss: "categorical", ...support, critics: 2 },
  ],
  [
    "joint batch normalization, action at layer 2",
    { ...sizes, normalization: "batch", batchNormPass: "joint", batchNormEpsilon: 0.01 },
  ],
  [
    "joint batch normalization with plain statistics, tanh and linear, action with the observation",
    {
      ...sizes,
      criticHiddenSizes: [6, 5, 4],
      criticActivations: ["linear", "tanh", "relu"],
      actionEntersLayer: 1,
      ...{ normalization: "batch", batchNormPass: "joint", batchNormStatistics: "plain" },
    },
  ],
  [
    "joint batch normalization, two categorical critics, smoothed targets",
    {
      ...sizes,
      normalization: "batch",
      batchNormPass: "joint",
      criticLoss: "categorical",
      ...support,
      critics: 2,
      targetNoiseScale: 0.3,
    },
  ],
  ["pre-activation penalty", { ...sizes, preactivationPenalty: 0.7 }],
  ["pre-activation penalty, batch normalization", { ...sizes, normalization: "batch", preactivationPenalty: 0.7 }],
);

for (const [name, changes] of cases) {
  test(`every gradient is within 1e-6 of central differences in Float64: ${name}`, () => {
    const agent = agentWith(changes);
    const { actor, critic, minibatch, settings } = agent;
    agent.update();

    const { y } = agent;
    const N = y.length;
    for (const [each, learner] of agent.critics.entries()) {
      const { parameters } = learner;
      const criticLoss = (): number => {
        const output = recordedOutput(agent, learner);
        let sum = 0;
        for (let i = 0; i < N; i++) sum += minibatch.weight[i] * rowLoss(agent, output, i);
        return sum / N;
      };
      const analytic = new Map(parameters.tensors.map((t) => [t.name, readMatrix(parameters.gradient(t.name))]));
      for (const [tensor, gradient] of analytic) {
        const numerical = numericalGradient(parameters.value(tensor), criticLoss);
        const error = relativeError(gradient, numerical);
        assert.ok(error < 1e-6, `critic ${each} ${tensor}: ${error}`);
      }
    }

    const actorLoss = (): number => {
      const action = actor.forward(minibatch.observation);
      let loss = 0;
      for (const value of valuesIn(agent, action)) loss -= value / N;
      const squares = readMatrix(action).map((a) => Math.atanh(a) * Math.atanh(a));
      const mean = squares.reduce((sum, square) => sum + square, 0) / squares.length;
      return loss + settings.preactivationPenalty * mean;
    };
    for (const { name: tensor } of actor.parameters.tensors) {
      const gradient = readMatrix(actor.parameters.gradient(tensor));
      const numerical = numericalGradient(actor.parameters.value(tensor), actorLoss);
      const error = relativeError(gradient, numerical);
      assert.ok(error < 1e-6, `actor ${tensor}: ${error}`);
    }

    const value = (): number => valuesIn(agent, minibatch.action).reduce((sum, each) => sum + each, 0);
    critic.values(minibatch.observation, minibatch.action);
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

/** The outputs of a critic that its loss compares with y: with a joint pass, those of the first half of its rows. */
function recordedOutput({ minibatch, targetActor }: Ddpg, critic: Critic): Matrix {
  const { observation, action } = minibatch;
  if (!(critic instanceof JointCritic)) return critic.forward(observation, action);
  critic.nextValues(minibatch, targetActor.output);
  return critic.output.rowRange(0, observation.rows);
}

/** Q of each row at these actions, as the actor's loss reads it: with a joint pass, under the running averages. */
function valuesIn(agent: Ddpg, action: Matrix): number[] {
  const { critic, minibatch, settings } = agent;
  const { observation } = minibatch;
  let output: Matrix;
  if (critic instanceof JointCritic) {
    const shape = criticShape(settings, observation.columns, action.columns);
    const kernels = createReferenceKernels(Float64Array);
    output = new Network(kernels, shape, critic.parameters, observation.rows, false).forward(
      observation,
      action,
      false,
    );
  } else output = critic.forward(observation, action);
  return Array.from({ length: observation.rows }, (_, i) => valueIn(agent, output, i));
}

/** Q of a row of a critic's output, by its definition. */
function valueIn({ settings }: Ddpg, output: Matrix, i: number): number {
  if (settings.criticLoss !== "categorical") return output.at(i, 0);
  const probabilities = softmax(output, i);
  const { criticAtoms, criticSupport } = settings;
  return probabilities.reduce((sum, p, k) => sum + p * ((2 * k) / (criticAtoms - 1) - 1) * criticSupport, 0);
}

/** The loss of a row, by its definition. */
function rowLoss({ settings, y, targets }: Ddpg, output: Matrix, i: number): number {
  const difference = Math.abs(y[i] - output.at(i, 0));
  switch (settings.criticLoss) {
    case "squared":
      return difference * difference;
    case "huber":
      return difference < 1 ? (difference * difference) / 2 : difference - 1 / 2;
    case "categorical": {
      const K = settings.criticAtoms;
      const wanted = targets.distribution.subarray(i * K, (i + 1) * K);
      return -softmax(output, i).reduce((sum, p, k) => sum + wanted[k] * Math.log(p), 0);
    }
  }
}

function softmax(output: Matrix, i: number): number[] {
  const powers = Array.from({ length: output.columns }, (_, k) => Math.exp(output.at(i, k)));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
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
  const { observation, action, nextObservation, reward, discount, weight } = agent.minibatch;
  for (const matrix of [observation, action, nextObservation]) {
    for (let i = 0; i < matrix.data.length; i++) matrix.data[i] = random.uniform(-1, 1);
  }
  for (let i = 0; i < reward.length; i++) reward[i] = random.uniform(-1.5, 1.5);
  for (let i = 0; i < weight.length; i++) weight[i] = random.uniform(0.2, 1.8);
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
