import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import type { LayerSpec, NetworkShape } from "../nn/layer.ts";
import { Network } from "../nn/network.ts";
import { allocateMatrix } from "../nn/parameters.ts";
import type { Settings } from "./config.ts";
import { type CriticHead, type CriticTarget, createHead, criticOutputs } from "./critic-loss.ts";
import { hiddenLayers, inputLayers, Learner, Target } from "./learner.ts";
import type { Minibatch } from "./replay-buffer.ts";
import type { NextCritic } from "./targets.ts";

// Shapes: B batch, O observation, A action, J outputs: 1, or the atoms of a categorical critic.

/**
 * Returns the layers of Q: the hidden layers, with the action joining at layer `actionEntersLayer`, then one linear
 * output, the value (paper §7), or the logits of a categorical critic.
 */
export function criticShape(settings: Settings, observationSize: number, actionSize: number): NetworkShape {
  const { criticHiddenSizes, criticActivations, actionEntersLayer, batchNormPass } = settings;
  // Only layers below the action are batch-normalized (paper §3), or all with a joint pass.
  const isNormalized = (index: number): boolean => batchNormPass === "joint" || index < actionEntersLayer - 1;
  const hidden = hiddenLayers(settings, criticHiddenSizes, criticActivations, isNormalized);
  const units = criticOutputs(settings);
  const value: LayerSpec[] = [{ kind: "dense", name: `layer${hidden.length + 1}`, units, bias: true }];
  const layers = [...hidden, value];
  layers[actionEntersLayer - 1].unshift({ kind: "join", size: actionSize });
  return { inputSize: observationSize, layers: [...inputLayers(settings), ...layers.flat()] };
}

/** Q′(s, a): a critic that does not learn by itself; it follows one that does. */
export class TargetCritic extends Target implements NextCritic {
  readonly nextHead: CriticHead;

  constructor(kernels: Kernels, shape: NetworkShape, settings: Settings) {
    super(kernels, shape, settings.batchSize);
    this.nextHead = createHead(settings, settings.batchSize, kernels);
  }

  /** Returns Q′(s′, a′) [B]; reused by the next call. */
  nextValues({ nextObservation }: Minibatch, nextAction: Matrix): Float64Array {
    return this.nextHead.read(this.forward(nextObservation, nextAction));
  }
}

/** Q(s, a), the value of taking action a and then following the policy: maps [B, O] and [B, A] to [B, J], read as [B]. */
export class Critic extends Learner {
  readonly head: CriticHead;
  readonly #name: string;

  constructor(kernels: Kernels, shape: NetworkShape, settings: Settings, name: string, passSize = settings.batchSize) {
    const { criticLearningRate, criticWeightDecay: weightDecay, criticGradientClip: maxGradientNorm } = settings;
    super(kernels, shape, settings, criticLearningRate, { weightDecay, maxGradientNorm }, passSize);
    this.head = createHead(settings, settings.batchSize, kernels);
    this.#name = name;
  }

  /** Returns Q(s, a) [B]; reused by the next call. */
  values(observation: Matrix, action: Matrix): Float64Array {
    return this.head.read(this.forward(observation, action));
  }

  /** Returns Q(s, a) [B] of a minibatch as step 5 reads it; reused by the next call. */
  recordedValues({ observation, action }: Minibatch, _nextAction: Matrix): Float64Array {
    return this.values(observation, action);
  }

  /** Computes `head.loss`, and ∂L/∂output for `descend`, between Q(s, a) and what the critic learns. `weight` [B]. */
  compare(observation: Matrix, action: Matrix, target: CriticTarget, weight: Float64Array): void {
    this.values(observation, action);
    this.head.lossGradient(this.outputGradient, target, weight);
  }

  /** Takes one step down the loss of the last `compare`. Throws a NotFiniteError like `Adam.step`. */
  descend(): void {
    this.descendFrom(this.#name);
  }

  /**
   * Returns ∂Q/∂a [B, A] of each row at the last `values`; reused by the next call. Leaves the critic's own gradients
   * unchanged.
   */
  actionGradient(): Matrix {
    this.head.valueGradient(this.outputGradient);
    return this.network.sideGradient();
  }
}

/**
 * Q(s, a) with a joint pass: one forward pass over the 2B rows [(s, a); (s′, a′)] normalizes both halves with the same
 * statistics (CrossNorm, arXiv 1902.05605; CrossQ, ICLR 2024). The first half learns from the values of the second, which
 * count as constants; the statistics depend on all rows, and the gradient passes through them. Elsewhere, as in the actor's
 * gradient, the critic uses its running averages.
 */
export class JointCritic extends Critic implements NextCritic {
  readonly nextHead: CriticHead;
  /** [2B, O] and [2B, A] */
  readonly #observation: Matrix;
  readonly #action: Matrix;
  /** The halves of the joint pass's output [B, J]. */
  readonly #output: Matrix;
  readonly #nextOutput: Matrix;
  readonly #outputGradient: Matrix;
  readonly #nextOutputGradient: Matrix;
  /** The same network for B rows: it uses the running averages. */
  readonly #running: Network;

  constructor(kernels: Kernels, shape: NetworkShape, settings: Settings, name: string) {
    const rows = settings.batchSize;
    super(kernels, shape, settings, name, 2 * rows);
    const actionSize = shape.layers.reduce((sum, layer) => sum + (layer.kind === "join" ? layer.size : 0), 0);
    this.nextHead = createHead(settings, rows, kernels);
    this.#observation = allocateMatrix(kernels, 2 * rows, shape.inputSize);
    this.#action = allocateMatrix(kernels, 2 * rows, actionSize);
    this.#output = this.output.rowRange(0, rows);
    this.#nextOutput = this.output.rowRange(rows, 2 * rows);
    this.#outputGradient = this.outputGradient.rowRange(0, rows);
    this.#nextOutputGradient = this.outputGradient.rowRange(rows, 2 * rows);
    this.#running = new Network(kernels, shape, this.parameters, rows, true);
  }

  /** Makes the joint pass; returns Q(s′, a′) [B], which the next call reuses. `head` has read Q(s, a). */
  nextValues({ observation, action, nextObservation }: Minibatch, nextAction: Matrix): Float64Array {
    join(this.#observation, observation, nextObservation);
    join(this.#action, action, nextAction);
    this.forward(this.#observation, this.#action);
    this.head.read(this.#output);
    return this.nextHead.read(this.#nextOutput);
  }

  override recordedValues(minibatch: Minibatch, nextAction: Matrix): Float64Array {
    this.nextValues(minibatch, nextAction);
    return this.head.values;
  }

  /** As in `Critic`, at the values of the last `nextValues`. */
  override compare(_observation: Matrix, _action: Matrix, target: CriticTarget, weight: Float64Array): void {
    this.#nextOutputGradient.data.fill(0);
    this.head.lossGradient(this.#outputGradient, target, weight);
  }

  /** Returns Q(s, a) [B] with the running averages; reused by the next call. */
  override values(observation: Matrix, action: Matrix): Float64Array {
    return this.head.read(this.#running.forward(observation, action, false));
  }

  override actionGradient(): Matrix {
    const gradient = this.#running.outputGradient;
    if (!gradient) throw new Error("JointCritic: this network does not learn");
    this.head.valueGradient(gradient);
    return this.#running.sideGradient();
  }
}

/** Writes the rows of two matrices one below the other. All three have the same padding. */
function join(out: Matrix, first: Matrix, second: Matrix): void {
  out.data.set(first.data);
  out.data.set(second.data, first.data.length);
}
