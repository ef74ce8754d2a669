import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import { Adam } from "../nn/adam.ts";
import { type Activation, Network, type NetworkShape } from "../nn/network.ts";
import { Parameters } from "../nn/parameters.ts";
import type { Settings } from "./config.ts";

// B batch, O observation, A action.

/** μ's layers: hidden ones, then tanh to [−1, 1]. Paper §7. */
export function actorShape(settings: Settings, observationSize: number, actionSize: number): NetworkShape {
  const { actorHiddenSizes, actorActivations } = settings;
  return {
    inputSize: observationSize,
    sideSize: 0,
    sideLayer: -1,
    sizes: [...actorHiddenSizes, actionSize],
    activations: [...perLayer(actorActivations, actorHiddenSizes.length), "tanh"],
    batchNorm: batchNormOptions(settings),
    normalizedLayers: actorHiddenSizes.length,
  };
}

/** μ(s), the policy: from observations [B, O] to actions [B, A] in [−1, 1]. */
export class Actor {
  readonly parameters: Parameters;
  readonly #network: Network;
  /** Null for a target. */
  readonly adam: Adam | null;

  /** An actor that learns has a `learningRate`; a target has none. */
  constructor(kernels: Kernels, shape: NetworkShape, settings: Settings, learns: boolean) {
    this.parameters = new Parameters(kernels, Network.tensors(shape), learns);
    this.#network = new Network(kernels, shape, this.parameters, settings.batchSize, learns);
    this.adam = learns
      ? new Adam(kernels, this.parameters, adamOptions(settings, settings.actorLearningRate, 0))
      : null;
  }

  /** Euclidean norm of the last step's gradient, L2 excluded; 0 for a target. */
  get gradientNorm(): number {
    return this.adam === null ? 0 : this.adam.gradientNorm;
  }

  /** What the last `forward` gave; reused by the next. */
  get output(): Matrix {
    return this.#network.output;
  }

  /** μ(s) [B, A]; reused by the next call. With batch normalisation, by the minibatch's statistics where it learns. */
  forward(observation: Matrix): Matrix {
    return this.#network.forward(observation, null, this.adam !== null);
  }

  /**
   * One step along the sampled policy gradient, 1/B Σ ∇ₐQ(s, a)|ₐ₌μ₍ₛ₎ ∇μ(s), from ∂Q/∂a [B, A] at the last `forward`.
   */
  ascend(actionGradient: Matrix): void {
    const g = this.#network.outputGradient;
    if (!g || !this.adam) throw new Error("Actor.ascend: this actor does not learn");
    // Adam descends, so what it gets is the gradient of −1/B Σ Q.
    for (let i = 0; i < g.rows; i++) {
      for (let j = 0; j < g.columns; j++) g.data[i * g.rowStride + j] = -actionGradient.at(i, j) / g.rows;
    }
    this.#network.backward();
    this.#network.updateStatistics();
    this.adam.step("actor");
  }
}

/** An activation for every hidden layer, from one that serves all or one for each. */
export function perLayer(activations: readonly Activation[], layers: number): Activation[] {
  return Array.from({ length: layers }, (_, index) => activations[activations.length === 1 ? 0 : index]);
}

export function batchNormOptions(settings: Settings): NetworkShape["batchNorm"] {
  if (!settings.batchNormalization) return null;
  return { epsilon: settings.batchNormEpsilon, keep: settings.batchNormKeep };
}

export function adamOptions(settings: Settings, learningRate: number, weightDecay: number) {
  const { adamBeta1, adamBeta2, adamEpsilon } = settings;
  return { learningRate, beta1: adamBeta1, beta2: adamBeta2, epsilon: adamEpsilon, weightDecay };
}
