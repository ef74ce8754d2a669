import type { Saved } from "../base/saved.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import { Adam, type AdamOptions } from "../nn/adam.ts";
import type { Activation, LayerSpec, NetworkShape } from "../nn/layer.ts";
import { Network, networkTensors } from "../nn/network.ts";
import { Parameters } from "../nn/parameters.ts";
import type { Settings } from "./config.ts";

// Shapes: B batch, O observation, A action, J output.

/** A network that does not learn by itself; it follows one that does. */
export class Target {
  readonly shape: NetworkShape;
  readonly parameters: Parameters;
  protected readonly network: Network;
  readonly #learns: boolean;

  constructor(kernels: Kernels, shape: NetworkShape, batchSize: number, learns = false) {
    this.shape = shape;
    this.parameters = new Parameters(kernels, networkTensors(shape), learns);
    this.network = new Network(kernels, shape, this.parameters, batchSize, learns);
    this.#learns = learns;
  }

  /** The result of the last `forward`: [B, J]; reused by the next call. */
  get output(): Matrix {
    return this.network.output;
  }

  /**
   * Returns the output [B, J] for observations [B, O] and, in a critic, actions [B, A]; reused by the next call. With
   * batch normalization, a network that learns uses the statistics of the minibatch and a target uses running averages.
   */
  forward(observation: Matrix, action: Matrix | null = null): Matrix {
    return this.network.forward(observation, action, this.#learns);
  }
}

/** A network that learns, with its optimizer. `batchSize`: the rows of its pass; those of a minibatch if absent. */
export class Learner extends Target {
  readonly adam: Adam;

  constructor(
    kernels: Kernels,
    shape: NetworkShape,
    settings: Settings,
    learningRate: number,
    regularization: Pick<AdamOptions, "weightDecay" | "maxGradientNorm">,
    batchSize = settings.batchSize,
  ) {
    super(kernels, shape, batchSize, true);
    const { adamBeta1: beta1, adamBeta2: beta2, adamEpsilon: epsilon, decoupledWeightDecay } = settings;
    const options = { learningRate, beta1, beta2, epsilon, decoupledWeightDecay, ...regularization };
    this.adam = new Adam(kernels, this.parameters, options);
  }

  /** The Euclidean norm of the last step's gradient, without L2 and before clipping. */
  get gradientNorm(): number {
    return this.adam.gradientNorm;
  }

  /** What the running averages of batch normalization depend on beside the parameters. */
  get averages(): Saved {
    return this.network;
  }

  /** Continues from parameters that were copied from a trained network, running averages included. */
  takeStatistics(): void {
    this.network.takeStatistics();
  }

  /** ∂L/∂output [B, J]; write it before calling `descendFrom`. */
  protected get outputGradient(): Matrix {
    const g = this.network.outputGradient;
    if (!g) throw new Error("Learner: this network does not learn");
    return g;
  }

  /**
   * Takes one step of Adam down the loss with the gradient `outputGradient`. Throws a NotFiniteError that names the
   * network `name` and the tensor if a gradient is not finite.
   */
  protected descendFrom(name: string): void {
    this.network.backward();
    this.network.updateStatistics();
    this.adam.step(name);
  }
}

/**
 * Returns the hidden layers of a network: each is dense, normalized and activated. Batch normalization is only where
 * `isBatchNormalized` says so.
 */
export function hiddenLayers(
  settings: Settings,
  sizes: readonly number[],
  activations: readonly Activation[],
  isBatchNormalized: (layer: number) => boolean,
): LayerSpec[][] {
  return sizes.map((units, index) => {
    const name = `layer${index + 1}`;
    const isBatch = settings.normalization === "batch" && isBatchNormalized(index);
    const activation = activations[activations.length === 1 ? 0 : index];
    return [
      // Batch normalization would remove the bias again. Layer normalization removes only what all units share.
      { kind: "dense", name, units, bias: !isBatch },
      ...(isBatch ? [batchNormalization(settings, `${name}.norm`)] : []),
      ...(settings.normalization === "layer" ? [layerNormalization(settings, `${name}.norm`)] : []),
      ...(activation === "linear" ? [] : [{ kind: activation }]),
    ];
  });
}

/**
 * Returns the layers before the first dense one: with batch normalization, the observation is normalized (paper §3).
 */
export function inputLayers(settings: Settings): LayerSpec[] {
  return settings.normalization === "batch" ? [batchNormalization(settings, "input.norm")] : [];
}

function layerNormalization({ layerNormEpsilon: epsilon }: Settings, name: string): LayerSpec {
  return { kind: "layerNorm", name, epsilon };
}

function batchNormalization(settings: Settings, name: string): LayerSpec {
  const { batchNormEpsilon: epsilon, batchNormKeep: keep, batchNormStatistics: statistics } = settings;
  return { kind: "batchNorm", name, epsilon, keep, statistics };
}
