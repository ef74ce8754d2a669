import type { Backend } from "../kernels/backend.ts";
import { buildOver } from "../kernels/create.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { type Matrix, readMatrix } from "../kernels/matrix.ts";
import { referenceBackend } from "../kernels/reference.ts";
import { wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import type { Parameters } from "../nn/parameters.ts";
import { type Settings, settingsFrom } from "./config.ts";
import { Ddpg } from "./ddpg.ts";

// Replays the recorded updates of fixtures/update. This code does not depend on which files there are.

interface Norm {
  scale: number[];
  shift: number[];
  runningMean: number[];
  runningVariance: number[];
}
interface Layer {
  weights: number[][];
  biases: number[] | null;
  norm?: Norm | null;
}
type RecordedNetwork = Layer[] | { inputNorm: Norm; layers: Layer[] };
type Networks = Record<(typeof networkNames)[number], RecordedNetwork>;
interface Batch {
  observation: number[][];
  action: number[][];
  reward: number[];
  nextObservation: number[][];
  terminated: number[];
}

/** The contents of a file of fixtures/update, explained in fixtures/README.md. */
export interface UpdateFixture {
  name: string;
  config: {
    observationSize: number;
    actionSize: number;
    hiddenSizes: number[];
    actionEntersLayer: number;
    batchSize: number;
    actorLearningRate: number;
    criticLearningRate: number;
    softUpdateRate: number;
    discount: number;
    criticWeightDecay: number;
    adam: { beta1: number; beta2: number; epsilon: number };
    batchNormalization?: { epsilon: number; keep: number };
  };
  initial: Networks;
  batches: Batch[];
  losses: { critic: number; actor: number }[];
  after: Record<string, Networks>;
  firstUpdate: {
    y: number[];
    value: number[];
    criticGradients: RecordedNetwork;
    actorGradients: RecordedNetwork;
    policyAction: number[][];
    actionGradient: number[][];
  };
}

/** A recorded gradient smaller than this is 0 except for rounding. */
const zero = 1e-15;

const networkNames = ["actor", "critic", "targetActor", "targetCritic"] as const;

/**
 * Replays the first `updates` updates of a recorded file and lists the tensors that differ: parameters by more than
 * `elements`; losses, and intermediate results of the first update, by more than `relative` times their tensor's
 * largest element.
 */
async function checkUpdateFixture(
  fixture: UpdateFixture,
  backend: Backend,
  tolerance: { elements: number; relative: number; updates: number },
): Promise<string[]> {
  const differences: string[] = [];
  const compare = (where: string, got: ArrayLike<number>, expected: readonly number[], bound: number) => {
    if (got.length !== expected.length) differences.push(`${where}: ${got.length} numbers, not ${expected.length}`);
    for (let i = 0; i < expected.length; i++) {
      if (!(Math.abs(got[i] - expected[i]) <= bound)) {
        differences.push(`${where}[${i}]: ${got[i]}, not ${expected[i]} within ${bound}`);
        return;
      }
    }
  };
  const largest = (values: readonly number[]) => Math.max(...values.map(Math.abs));
  const compareRelative = (where: string, got: ArrayLike<number>, expected: readonly number[]) =>
    compare(where, got, expected, tolerance.relative * largest(expected) + zero);
  // Where batch normalization makes a gradient 0 in exact arithmetic, the recorded one is rounding noise. The recorded
  // Adam steps moved the parameter by that noise divided by ε, and the next layer's running mean followed.
  const drift = (network: (typeof networkNames)[number], tensor: string, update: number): number => {
    const { actorLearningRate, criticLearningRate, adam } = fixture.config;
    const [gradients, rate] = network.endsWith("ritic")
      ? [fixture.firstUpdate.criticGradients, criticLearningRate]
      : [fixture.firstUpdate.actorGradients, actorLearningRate];
    const source = tensor === "layer1.norm.runningMean" ? "input.norm.shift" : tensor;
    const gradient = tensors(gradients, false).find(([name]) => name === source)?.[1];
    if (!gradient || largest(gradient) > zero) return 0;
    return (update * rate * (10 * largest(gradient) + 1e-16)) / adam.epsilon;
  };

  const agent = await buildOver(backend, (kernels) => agentFor(fixture, kernels));
  for (const name of networkNames) load(agent[name].parameters, fixture.initial[name]);

  for (let update = 1; update <= tolerance.updates; update++) {
    const batch = fixture.batches[(update - 1) % fixture.batches.length];
    fill(agent.minibatch.observation, batch.observation);
    fill(agent.minibatch.action, batch.action);
    fill(agent.minibatch.nextObservation, batch.nextObservation);
    agent.minibatch.reward.set(batch.reward);
    agent.minibatch.discount.set(batch.terminated.map((ended) => agent.settings.discount * (1 - ended)));

    const seen = spy(agent);
    agent.update();
    const losses = fixture.losses[update - 1];
    compareRelative(`update ${update} critic loss`, [agent.diagnostics.criticLoss], [losses.critic]);
    compareRelative(`update ${update} actor loss`, [agent.diagnostics.actorLoss], [losses.actor]);
    if (update === 1) {
      const { y, value, criticGradients, actorGradients, policyAction, actionGradient } = fixture.firstUpdate;
      const mean = value.reduce((sum, q) => sum + q, 0) / value.length;
      const norm = (network: RecordedNetwork) =>
        Math.sqrt(tensors(network, false).reduce((sum, [, g]) => sum + g.reduce((s, x) => s + x * x, 0), 0));
      const { meanValue, criticGradientNorm, actorGradientNorm } = agent.diagnostics;
      compareRelative("mean value", [meanValue], [mean]);
      compareRelative("critic gradient norm", [criticGradientNorm], [norm(criticGradients)]);
      compareRelative("actor gradient norm", [actorGradientNorm], [norm(actorGradients)]);
      compareRelative("y", agent.y, y);
      compareRelative("value", seen.value, value);
      compareRelative("policyAction", seen.policyAction, policyAction.flat());
      compareRelative("actionGradient", seen.actionGradient, actionGradient.flat());
      for (const [name, recorded] of [
        ["critic", criticGradients],
        ["actor", actorGradients],
      ] as const) {
        for (const [tensor, expected] of tensors(recorded, false)) {
          compareRelative(`${name} ${tensor} gradient`, readMatrix(agent[name].parameters.gradient(tensor)), expected);
        }
      }
    }
    for (const name of networkNames) {
      const recorded = fixture.after[update]?.[name];
      if (!recorded) continue;
      for (const [tensor, expected] of tensors(recorded, true)) {
        const bound = tolerance.elements + drift(name, tensor, update);
        compare(`after ${update}: ${name} ${tensor}`, agent[name].parameters.read(tensor), expected, bound);
      }
    }
  }
  return differences;
}

/**
 * Checks all recorded updates in Float64 with the reference kernels: within 1e-12, except for an idle shift's drift.
 */
export function checkUpdateFloat64(fixture: UpdateFixture): Promise<string[]> {
  const tolerance = { elements: 1e-12, relative: 1e-12, updates: fixture.losses.length };
  return checkUpdateFixture(fixture, referenceBackend(Float64Array), tolerance);
}

/** Checks the first update in Float32 with WebAssembly: parameters within 1e-6, the rest within 1e-5 of the largest. */
export function checkUpdateWasm(fixture: UpdateFixture): Promise<string[]> {
  return checkUpdateFixture(fixture, wasmBackend, { elements: 1e-6, relative: 1e-5, updates: 1 });
}

function agentFor({ config }: UpdateFixture, kernels: Kernels): Ddpg {
  const { batchNormalization, adam, hiddenSizes, observationSize, actionSize, ...same } = config;
  const changes: Partial<Settings> = {
    actorHiddenSizes: hiddenSizes,
    criticHiddenSizes: hiddenSizes,
    actionEntersLayer: same.actionEntersLayer,
    batchSize: same.batchSize,
    actorLearningRate: same.actorLearningRate,
    criticLearningRate: same.criticLearningRate,
    softUpdateRate: same.softUpdateRate,
    discount: same.discount,
    criticWeightDecay: same.criticWeightDecay,
    adamBeta1: adam.beta1,
    adamBeta2: adam.beta2,
    adamEpsilon: adam.epsilon,
    normalization: batchNormalization === undefined ? "none" : "batch",
  };
  if (batchNormalization) {
    changes.batchNormEpsilon = batchNormalization.epsilon;
    changes.batchNormKeep = batchNormalization.keep;
    // PyTorch's running averages start at 0 and 1 as well.
    changes.batchNormStatistics = "plain";
  }
  const bounds = { actionLow: Array(actionSize).fill(-1), actionHigh: Array(actionSize).fill(1) };
  return new Ddpg(kernels, { observationSize, ...bounds }, settingsFrom("paper", changes), 1);
}

/** Copies what passes between the networks in one update, because the next forward pass overwrites it. */
function spy(agent: Ddpg): Record<"value" | "policyAction" | "actionGradient", ArrayLike<number>> {
  const nothing: ArrayLike<number> = [];
  const seen = { value: nothing, policyAction: nothing, actionGradient: nothing };
  const { critic, actor } = agent;
  const descend = critic.descend.bind(critic);
  const ascend = actor.ascend.bind(actor);
  critic.descend = (gradient) => {
    seen.value = readMatrix(critic.output);
    return descend(gradient);
  };
  actor.ascend = (gradient) => {
    seen.policyAction = readMatrix(actor.output);
    seen.actionGradient = readMatrix(gradient);
    return ascend(gradient);
  };
  return seen;
}

/** Lists the tensors of a recorded network under our names. */
function tensors(network: RecordedNetwork, withStatistics: boolean): [string, number[]][] {
  const list: [string, number[]][] = [];
  const addNorm = (name: string, norm: Norm) => {
    list.push([`${name}.scale`, norm.scale], [`${name}.shift`, norm.shift]);
    if (withStatistics) {
      list.push([`${name}.runningMean`, norm.runningMean], [`${name}.runningVariance`, norm.runningVariance]);
    }
  };
  const layers = Array.isArray(network) ? network : network.layers;
  if (!Array.isArray(network)) addNorm("input.norm", network.inputNorm);
  layers.forEach(({ weights, biases, norm }, index) => {
    list.push([`layer${index + 1}.weights`, weights.flat()]);
    if (biases) list.push([`layer${index + 1}.biases`, biases]);
    if (norm) addNorm(`layer${index + 1}.norm`, norm);
  });
  return list;
}

function load(parameters: Parameters, network: RecordedNetwork): void {
  const recorded = tensors(network, true);
  const names = recorded.map(([name]) => name).sort();
  if (names.join() !== [...parameters.names].sort().join()) {
    throw new Error(`recorded tensors ${names.join(" ")} are not ${parameters.names.join(" ")}`);
  }
  for (const [name, values] of recorded) parameters.write(name, values);
}

function fill(matrix: Matrix, rows: readonly (readonly number[])[]): void {
  rows.forEach((row, i) => {
    row.forEach((value, j) => {
      matrix.set(i, j, value);
    });
  });
}
