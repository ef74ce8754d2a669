import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import { Adam } from "../nn/adam.ts";
import { Network, type NetworkShape } from "../nn/network.ts";
import { Parameters } from "../nn/parameters.ts";
import { adamOptions, batchNormOptions, perLayer } from "./actor.ts";
import type { Settings } from "./config.ts";

// B batch, O observation, A action.

/** Q's layers: hidden ones, the action entering at its layer, then one linear value. Paper §7. */
export function criticShape(settings: Settings, observationSize: number, actionSize: number): NetworkShape {
  const { criticHiddenSizes, criticActivations, actionEntersLayer } = settings;
  return {
    inputSize: observationSize,
    sideSize: actionSize,
    sideLayer: actionEntersLayer - 1,
    sizes: [...criticHiddenSizes, 1],
    activations: [...perLayer(criticActivations, criticHiddenSizes.length), "linear"],
    batchNorm: batchNormOptions(settings),
    normalizedLayers: actionEntersLayer - 1,
  };
}

/** Q(s, a), the value of acting so and following the policy after: from [B, O] and [B, A] to [B, 1]. */
export class Critic {
  readonly parameters: Parameters;
  readonly #network: Network;
  /** Null for a target. */
  readonly adam: Adam | null;

  /** A target does not learn. */
  constructor(kernels: Kernels, shape: NetworkShape, settings: Settings, learns: boolean) {
    const { criticLearningRate, criticWeightDecay } = settings;
    this.parameters = new Parameters(kernels, Network.tensors(shape), learns);
    this.#network = new Network(kernels, shape, this.parameters, settings.batchSize, learns);
    this.adam = learns
      ? new Adam(kernels, this.parameters, adamOptions(settings, criticLearningRate, criticWeightDecay))
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

  /** Q(s, a) [B, 1]; reused by the next call. With batch normalisation, by the minibatch's statistics where it learns. */
  forward(observation: Matrix, action: Matrix): Matrix {
    return this.#network.forward(observation, action, this.adam !== null);
  }

  /** One step down the loss, from ∂L/∂Q [B] at the last `forward`. */
  descend(lossGradient: ArrayLike<number>): void {
    const g = this.#network.outputGradient;
    if (!g || !this.adam) throw new Error("Critic.descend: this critic does not learn");
    for (let i = 0; i < g.rows; i++) g.data[i * g.rowStride] = lossGradient[i];
    this.#network.backward();
    this.#network.updateStatistics();
    this.adam.step("critic");
  }

  /** ∂Q/∂a [B, A] at the last `forward`, per row; reused by the next call. The critic's own gradients stay. */
  actionGradient(): Matrix {
    const g = this.#network.outputGradient;
    if (!g) throw new Error("Critic.actionGradient: this critic does not learn");
    for (let i = 0; i < g.rows; i++) g.data[i * g.rowStride] = 1;
    return this.#network.sideGradient();
  }
}
