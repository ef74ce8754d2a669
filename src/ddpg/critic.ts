import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import type { LayerSpec, NetworkShape } from "../nn/layer.ts";
import type { Settings } from "./config.ts";
import { type CriticHead, type CriticTarget, createHead, criticOutputs } from "./critic-loss.ts";
import { hiddenLayers, inputLayers, Learner, Target } from "./learner.ts";

// Shapes: B batch, O observation, A action, J outputs: 1, or the atoms of a categorical critic.

/**
 * Returns the layers of Q: the hidden layers, with the action joining at layer `actionEntersLayer`, then one linear
 * output, the value (paper §7), or the logits of a categorical critic.
 */
export function criticShape(settings: Settings, observationSize: number, actionSize: number): NetworkShape {
  const { criticHiddenSizes, criticActivations, actionEntersLayer } = settings;
  // Only layers below the action are batch-normalized (paper §3).
  const hidden = hiddenLayers(settings, criticHiddenSizes, criticActivations, (index) => index < actionEntersLayer - 1);
  const units = criticOutputs(settings);
  const value: LayerSpec[] = [{ kind: "dense", name: `layer${hidden.length + 1}`, units, bias: true }];
  const layers = [...hidden, value];
  layers[actionEntersLayer - 1].unshift({ kind: "join", size: actionSize });
  return { inputSize: observationSize, layers: [...inputLayers(settings), ...layers.flat()] };
}

/** Q′(s, a): a critic that does not learn by itself; it follows one that does. */
export class TargetCritic extends Target {
  readonly head: CriticHead;

  constructor(kernels: Kernels, shape: NetworkShape, settings: Settings) {
    super(kernels, shape, settings.batchSize);
    this.head = createHead(settings, settings.batchSize);
  }

  /** Returns Q′(s, a) [B]; reused by the next call. */
  values(observation: Matrix, action: Matrix): Float64Array {
    return this.head.read(this.forward(observation, action));
  }
}

/** Q(s, a), the value of taking action a and then following the policy: maps [B, O] and [B, A] to [B, J], read as [B]. */
export class Critic extends Learner {
  readonly head: CriticHead;
  /** L at the last `compare`. */
  loss = 0;
  readonly #name: string;

  constructor(kernels: Kernels, shape: NetworkShape, settings: Settings, name: string) {
    const { criticLearningRate, criticWeightDecay: weightDecay, criticGradientClip: maxGradientNorm } = settings;
    super(kernels, shape, settings, criticLearningRate, { weightDecay, maxGradientNorm });
    this.head = createHead(settings, settings.batchSize);
    this.#name = name;
  }

  /** Returns Q(s, a) [B]; reused by the next call. */
  values(observation: Matrix, action: Matrix): Float64Array {
    return this.head.read(this.forward(observation, action));
  }

  /** Computes `loss`, and ∂L/∂output for `descend`, between Q(s, a) and what the critic learns. `weight` [B]. */
  compare(observation: Matrix, action: Matrix, target: CriticTarget, weight: Float64Array): void {
    this.values(observation, action);
    this.loss = this.head.lossGradient(this.outputGradient, target, weight);
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
