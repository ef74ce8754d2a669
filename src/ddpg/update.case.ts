import type { Backend } from "../kernels/backend.ts";
import { buildOver } from "../kernels/create.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { type Matrix, readMatrix } from "../kernels/matrix.ts";
import { referenceBackend } from "../kernels/reference.ts";
import { wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import type { Parameters } from "../nn/parameters.ts";
import { type Settings, settingsFrom } from "./config.ts";
import { Ddpg } from "./ddpg.ts";

// Replays the recorded updates of fixtures/update and fixtures/update-options. This code does not depend on which files
// there are.

interface Norm {
  scale: number[];
  shift: number[];
  runningMean?: number[];
  runningVariance?: number[];
}
interface Layer {
  weights: number[][];
  biases: number[] | null;
  norm?: Norm | null;
}
type RecordedNetwork = Layer[] | { inputNorm: Norm; layers: Layer[] };
type Networks = Record<"actor" | "critic" | "targetActor" | "targetCritic", RecordedNetwork>;
/** The networks of an agent with one critic or two. */
type ManyNetworks = Record<"actor" | "targetActor", RecordedNetwork> &
  Record<"critics" | "targetCritics", RecordedNetwork[]>;
interface Rows {
  observation: number[][];
  action: number[][];
  reward: number[];
  nextObservation: number[][];
}

/** The configuration that both kinds of file have. */
interface SharedConfig {
  observationSize: number;
  actionSize: number;
  hiddenSizes: number[];
  actionEntersLayer: number;
  batchSize: number;
  actorLearningRate: number;
  criticLearningRate: number;
  softUpdateRate: number;
  adam: { beta1: number; beta2: number; epsilon: number };
}

/** The contents of a file of fixtures/update, explained in fixtures/README.md. */
export interface UpdateFixture {
  name: string;
  config: SharedConfig & {
    discount: number;
    criticWeightDecay: number;
    batchNormalization?: { epsilon: number; keep: number };
  };
  initial: Networks;
  batches: (Rows & { terminated: number[] })[];
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

/** The contents of a file of fixtures/update-options. */
export interface OptionsFixture {
  name: string;
  config: SharedConfig & {
    critics: number;
    actorDelay: number;
    targetNoiseScale: number;
    targetNoiseClip: number;
    layerNormalization: { epsilon: number } | null;
    criticLoss: Settings["criticLoss"];
    atoms: number;
    support: number | null;
    preactivationPenalty: number;
  };
  initial: ManyNetworks;
  batches: (Rows & { discount: number[]; weight: number[]; targetNoise: number[][] })[];
  losses: { critics: number[]; actor: number | null }[];
  after: Record<string, ManyNetworks>;
  firstUpdate: {
    nextAction: number[][];
    y: number[] | number[][];
    values: number[][];
    absoluteErrors: number[];
    criticGradients: RecordedNetwork[];
  };
  firstActorUpdate: {
    update: number;
    actorGradients: RecordedNetwork;
    policyAction: number[][];
    actionGradient: number[][];
  };
}

/** Either kind of file, in the terms of our agent. Networks have our names. */
interface Recorded {
  config: SharedConfig;
  changes: Partial<Settings>;
  initial: Map<string, RecordedNetwork>;
  batches: (Rows & { discount: number[]; weight: number[]; targetNoise: number[][] })[];
  losses: OptionsFixture["losses"];
  after: Map<number, Map<string, RecordedNetwork>>;
  firstUpdate: Omit<OptionsFixture["firstUpdate"], "nextAction" | "absoluteErrors"> & {
    nextAction?: number[][];
    absoluteErrors?: number[];
  };
  firstActorUpdate: OptionsFixture["firstActorUpdate"];
}

function recordedOf(fixture: UpdateFixture | OptionsFixture): Recorded {
  return "critics" in fixture.config ? fromOptions(fixture as OptionsFixture) : fromUpdate(fixture as UpdateFixture);
}

function fromUpdate({ config, initial, batches, losses, after, firstUpdate }: UpdateFixture): Recorded {
  const { batchNormalization, discount, criticWeightDecay } = config;
  const changes: Partial<Settings> = {
    discount,
    criticWeightDecay,
    normalization: batchNormalization === undefined ? "none" : "batch",
  };
  if (batchNormalization) {
    changes.batchNormEpsilon = batchNormalization.epsilon;
    changes.batchNormKeep = batchNormalization.keep;
    // PyTorch's running averages start at 0 and 1 as well.
    changes.batchNormStatistics = "plain";
  }
  const networks = (recorded: Networks) => new Map(Object.entries(recorded));
  const { y, value, criticGradients, ...actor } = firstUpdate;
  return {
    config,
    changes,
    initial: networks(initial),
    batches: batches.map((rows) => ({
      ...rows,
      discount: rows.terminated.map((ended) => discount * (1 - ended)),
      weight: rows.reward.map(() => 1),
      targetNoise: [],
    })),
    losses: losses.map(({ critic, actor }) => ({ critics: [critic], actor })),
    after: new Map(Object.entries(after).map(([update, recorded]) => [Number(update), networks(recorded)])),
    firstUpdate: { y, values: [value], criticGradients: [criticGradients] },
    firstActorUpdate: { update: 1, ...actor },
  };
}

function fromOptions({ config, initial, after, ...same }: OptionsFixture): Recorded {
  const { critics, actorDelay, targetNoiseScale, targetNoiseClip, criticLoss, preactivationPenalty } = config;
  const changes: Partial<Settings> = {
    ...{ critics, actorDelay, targetNoiseScale, targetNoiseClip, criticLoss, preactivationPenalty },
    ...(criticLoss === "categorical" && { criticAtoms: config.atoms, criticSupport: config.support ?? 0 }),
    criticWeightDecay: 0,
    normalization: config.layerNormalization ? "layer" : "none",
    ...(config.layerNormalization && { layerNormEpsilon: config.layerNormalization.epsilon }),
  };
  const networks = ({ actor, targetActor, critics, targetCritics }: ManyNetworks) =>
    new Map([
      ["actor", actor],
      ["targetActor", targetActor],
      ...critics.map((critic, j): [string, RecordedNetwork] => [criticNames[j], critic]),
      ...targetCritics.map((critic, j): [string, RecordedNetwork] => [targetCriticNames[j], critic]),
    ]);
  return {
    ...same,
    config,
    changes,
    initial: networks(initial),
    after: new Map(Object.entries(after).map(([update, recorded]) => [Number(update), networks(recorded)])),
  };
}

const criticNames = ["critic", "critic2"];
const targetCriticNames = ["targetCritic", "targetCritic2"];

/** A recorded gradient smaller than this is 0 except for rounding. */
const zero = 1e-15;

/**
 * Replays the first `updates` updates of a recorded file and lists the tensors that differ: parameters by more than
 * `elements`; losses, and intermediate results of the first update, by more than `relative` times their tensor's
 * largest element.
 */
async function checkUpdateFixture(
  fixture: UpdateFixture | OptionsFixture,
  backend: Backend,
  tolerance: { elements: number; relative: number; updates: number },
): Promise<string[]> {
  const recorded = recordedOf(fixture);
  const { config, firstUpdate, firstActorUpdate } = recorded;
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
  const drift = (network: string, tensor: string, update: number): number => {
    const [gradients, rate] = /critic/i.test(network)
      ? [firstUpdate.criticGradients[/2$/.test(network) ? 1 : 0], config.criticLearningRate]
      : [firstActorUpdate.actorGradients, config.actorLearningRate];
    const source = tensor === "layer1.norm.runningMean" ? "input.norm.shift" : tensor;
    const gradient = tensors(gradients, false).find(([name]) => name === source)?.[1];
    if (!gradient || largest(gradient) > zero) return 0;
    return (update * rate * (10 * largest(gradient) + 1e-16)) / config.adam.epsilon;
  };
  const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const norm = (network: RecordedNetwork) =>
    Math.sqrt(tensors(network, false).reduce((sum, [, g]) => sum + g.reduce((s, x) => s + x * x, 0), 0));

  const agent = await buildOver(backend, (kernels) => agentFor(recorded, kernels));
  const { networks } = agent;
  if ([...networks.keys()].sort().join() !== [...recorded.initial.keys()].sort().join()) {
    throw new Error(`recorded networks ${[...recorded.initial.keys()]} are not ${[...networks.keys()]}`);
  }
  for (const [name, { parameters }] of networks) load(parameters, recorded.initial.get(name) ?? []);
  const compareGradients = (name: string, gradients: RecordedNetwork) => {
    const { parameters } = networks.get(name) ?? agent.actor;
    for (const [tensor, expected] of tensors(gradients, false))
      compareRelative(`${name} ${tensor} gradient`, readMatrix(parameters.gradient(tensor)), expected);
  };

  for (let update = 1; update <= tolerance.updates; update++) {
    const batch = recorded.batches[(update - 1) % recorded.batches.length];
    fill(agent.minibatch.observation, batch.observation);
    fill(agent.minibatch.action, batch.action);
    fill(agent.minibatch.nextObservation, batch.nextObservation);
    agent.minibatch.reward.set(batch.reward);
    agent.minibatch.discount.set(batch.discount);
    agent.minibatch.weight.set(batch.weight);
    const noise = batch.targetNoise.flat();
    agent.targetNoiseRandom.normal = () => noise.shift() ?? Number.NaN;

    const seen = spy(agent);
    const absoluteErrors = new Float64Array(config.batchSize);
    agent.update(absoluteErrors);
    const losses = recorded.losses[update - 1];
    const { criticLoss, actorLoss, meanValue, criticGradientNorm, actorGradientNorm } = agent.diagnostics;
    compareRelative(
      `update ${update} critic losses`,
      agent.critics.map(({ loss }) => loss),
      losses.critics,
    );
    compareRelative(`update ${update} critic loss`, [criticLoss], [mean(losses.critics)]);
    if (losses.actor !== null) compareRelative(`update ${update} actor loss`, [actorLoss], [losses.actor]);
    if (update === 1) {
      const { nextAction, y, values, absoluteErrors: errors, criticGradients } = firstUpdate;
      compareRelative("mean value", [meanValue], [mean(values.flat())]);
      compareRelative("critic gradient norm", [criticGradientNorm], [mean(criticGradients.map(norm))]);
      if (nextAction) compareRelative("nextAction", readMatrix(agent.targetActor.output), nextAction.flat());
      compareRelative("y", Array.isArray(y[0]) ? agent.targets.distribution : agent.y, y.flat());
      for (const [j, value] of values.entries()) compareRelative(`value ${j}`, seen.values[j], value);
      if (errors) compareRelative("absoluteErrors", absoluteErrors, errors);
      for (const [j, gradients] of criticGradients.entries()) compareGradients(criticNames[j], gradients);
    }
    if (update === firstActorUpdate.update) {
      const { actorGradients, policyAction, actionGradient } = firstActorUpdate;
      compareRelative("actor gradient norm", [actorGradientNorm], [norm(actorGradients)]);
      compareRelative("policyAction", seen.policyAction, policyAction.flat());
      compareRelative("actionGradient", seen.actionGradient, actionGradient.flat());
      compareGradients("actor", actorGradients);
    }
    for (const [name, network] of recorded.after.get(update) ?? []) {
      for (const [tensor, expected] of tensors(network, true)) {
        const bound = tolerance.elements + drift(name, tensor, update);
        const got = networks.get(name)?.parameters.read(tensor) ?? [];
        compare(`after ${update}: ${name} ${tensor}`, got, expected, bound);
      }
    }
  }
  return differences;
}

/**
 * Checks all recorded updates in Float64 with the reference kernels: within 1e-12, except for an idle shift's drift.
 */
export function checkUpdateFloat64(fixture: UpdateFixture | OptionsFixture): Promise<string[]> {
  const tolerance = { elements: 1e-12, relative: 1e-12, updates: fixture.losses.length };
  return checkUpdateFixture(fixture, referenceBackend(Float64Array), tolerance);
}

/**
 * Checks the updates in Float32 with WebAssembly up to the first that moves the actor, the first one with most settings:
 * parameters within 1e-6, the rest within 1e-5 of the largest.
 */
export function checkUpdateWasm(fixture: UpdateFixture | OptionsFixture): Promise<string[]> {
  const { update: updates } = recordedOf(fixture).firstActorUpdate;
  return checkUpdateFixture(fixture, wasmBackend, { elements: 1e-6, relative: 1e-5, updates });
}

function agentFor({ config, changes }: Recorded, kernels: Kernels): Ddpg {
  const { adam, hiddenSizes, observationSize, actionSize } = config;
  const settings = settingsFrom("paper", {
    actorHiddenSizes: hiddenSizes,
    criticHiddenSizes: hiddenSizes,
    actionEntersLayer: config.actionEntersLayer,
    batchSize: config.batchSize,
    actorLearningRate: config.actorLearningRate,
    criticLearningRate: config.criticLearningRate,
    softUpdateRate: config.softUpdateRate,
    adamBeta1: adam.beta1,
    adamBeta2: adam.beta2,
    adamEpsilon: adam.epsilon,
    ...changes,
  });
  const bounds = { actionLow: Array(actionSize).fill(-1), actionHigh: Array(actionSize).fill(1) };
  return new Ddpg(kernels, { observationSize, ...bounds }, settings, 1);
}

/** Copies what passes between the networks in one update, because the next forward pass overwrites it. */
function spy({ critics, actor }: Ddpg) {
  const nothing: ArrayLike<number> = [];
  const seen = { values: critics.map(() => nothing), policyAction: nothing, actionGradient: nothing };
  for (const [j, critic] of critics.entries()) {
    const descend = critic.descend.bind(critic);
    critic.descend = () => {
      seen.values[j] = critic.head.values.slice();
      return descend();
    };
  }
  const ascend = actor.ascend.bind(actor);
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
    const { runningMean, runningVariance } = norm;
    if (withStatistics && runningMean && runningVariance)
      list.push([`${name}.runningMean`, runningMean], [`${name}.runningVariance`, runningVariance]);
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
