import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import { BatchNorm, type BatchNormOptions } from "./batch-norm.ts";
import { Dense } from "./dense.ts";
import { allocateMatrix, type Parameters, type TensorShape } from "./parameters.ts";

/** What follows a dense layer: max(0, x), tanh x, or nothing. */
export type Activation = "relu" | "tanh" | "linear";

/** A feed-forward network, whose second input may join at a layer of its own. Layers count from 0 here. */
export interface NetworkShape {
  inputSize: number;
  /** Columns of the second input, 0 for none. */
  sideSize: number;
  /** The layer at which the second input joins: 0 beside the first input, 1 beside the first layer's output. */
  sideLayer: number;
  /** Units of every layer, the output's last. */
  sizes: readonly number[];
  activations: readonly Activation[];
  batchNorm: BatchNormOptions | null;
  /** With batch normalisation: the input and the first so many layers are normalised, none that sees the side input. */
  normalizedLayers: number;
}

interface Layer {
  dense: Dense;
  norm: BatchNorm | null;
  activation: Activation;
  /** After normalisation and activation: [B, J]. */
  output: Matrix;
  /** ∂L/∂output: [B, J]. */
  gradient: Matrix | null;
}

/** Layers with their forward pass and its derivative, over parameters that several networks may share. */
export class Network {
  /** ∂L/∂output [B, J]: set it, then call `backward` or `sideGradient`, which use it up. */
  readonly outputGradient: Matrix | null;
  /** What `forward` returns: [B, J]. */
  readonly output: Matrix;
  readonly #kernels: Kernels;
  readonly #shape: NetworkShape;
  readonly #layers: readonly Layer[];
  readonly #inputNorm: BatchNorm | null;
  readonly #inputGradient: Matrix | null;
  readonly #sideGradient: Matrix | null;
  // One list for each layer, filled anew by `forward`, so that an update allocates nothing.
  readonly #inputs: readonly Matrix[][];

  /** `learns` allots what gradients and batch statistics need. */
  constructor(kernels: Kernels, shape: NetworkShape, parameters: Parameters, batchSize: number, learns: boolean) {
    this.#kernels = kernels;
    this.#shape = shape;
    const { batchNorm, sizes, activations } = shape;
    const norm = (name: string, size: number, shiftIsIdle: boolean) =>
      batchNorm && new BatchNorm(kernels, parameters, name, size, shiftIsIdle, batchNorm, batchSize, learns);
    this.#inputNorm = norm("input.norm", shape.inputSize, isNormalized(shape, 0));
    this.#inputGradient = batchNorm && learns ? allocateMatrix(kernels, batchSize, shape.inputSize) : null;
    this.#layers = sizes.map((size, index) => {
      const name = `layer${index + 1}`;
      const normalized = isNormalized(shape, index);
      const dense = new Dense(
        kernels,
        parameters,
        name,
        inputSizes(shape, index),
        size,
        !normalized,
        batchSize,
        learns,
      );
      const shiftIsIdle = activations[index] === "linear" && isNormalized(shape, index + 1);
      const layerNorm = normalized ? norm(`${name}.norm`, size, shiftIsIdle) : null;
      return {
        dense,
        norm: layerNorm,
        activation: activations[index],
        output: (layerNorm ?? dense).output,
        gradient: learns ? allocateMatrix(kernels, batchSize, size) : null,
      };
    });
    this.#inputs = this.#layers.map(() => []);
    const last = this.#layers[this.#layers.length - 1];
    this.output = last.output;
    this.outputGradient = last.gradient;
    this.#sideGradient = learns && shape.sideSize > 0 ? allocateMatrix(kernels, batchSize, shape.sideSize) : null;
  }

  /** The tensors of a network of this shape, first layer first. */
  static tensors(shape: NetworkShape): { tensors: TensorShape[]; statistics: TensorShape[] } {
    const tensors: TensorShape[] = [];
    const statistics: TensorShape[] = [];
    const addNorm = (name: string, size: number) => {
      tensors.push(...BatchNorm.tensors(name, size));
      statistics.push(...BatchNorm.statistics(name, size));
    };
    if (shape.batchNorm) addNorm("input.norm", shape.inputSize);
    shape.sizes.forEach((size, index) => {
      const name = `layer${index + 1}`;
      const normalized = isNormalized(shape, index);
      tensors.push(...Dense.tensors(name, inputSizes(shape, index), size, !normalized));
      if (normalized) addNorm(`${name}.norm`, size);
    });
    return { tensors, statistics };
  }

  /** The output [B, J] for input [B, I] and side input [B, A]; reused by the next call. */
  forward(input: Matrix, side: Matrix | null, batchStatistics: boolean): Matrix {
    let x = this.#inputNorm ? this.#inputNorm.forward(input, batchStatistics) : input;
    for (let l = 0; l < this.#layers.length; l++) {
      const { dense, norm, activation, output } = this.#layers[l];
      this.#inputs[l][0] = x;
      if (side && l === this.#shape.sideLayer) this.#inputs[l][1] = side;
      dense.forward(this.#inputs[l]);
      norm?.forward(dense.output, batchStatistics);
      if (activation === "relu") this.#kernels.relu(output);
      else if (activation === "tanh") this.#kernels.tanh(output);
      x = output;
    }
    return this.output;
  }

  /** From `outputGradient`: the gradient of every parameter, by the last `forward`, overwritten. */
  backward(): void {
    for (let l = this.#layers.length - 1; l >= 0; l--) {
      const g = this.#throughActivation(l);
      this.#layers[l].norm?.backward(g);
      this.#layers[l].dense.parameterGradients(g);
      const below = l > 0 ? this.#layers[l - 1].gradient : this.#inputGradient;
      if (below) this.#layers[l].dense.inputGradient(below, 0, g);
    }
    if (this.#inputNorm && this.#inputGradient) this.#inputNorm.backward(this.#inputGradient);
  }

  /** From `outputGradient`: the gradient of the side input [B, A], and of nothing else; reused by the next call. */
  sideGradient(): Matrix {
    const out = this.#sideGradient;
    if (!out) throw new Error("Network.sideGradient: this network has no side input, or does not learn");
    for (let l = this.#layers.length - 1; ; l--) {
      const g = this.#throughActivation(l);
      const { dense } = this.#layers[l];
      if (l === this.#shape.sideLayer) {
        dense.inputGradient(out, 1, g);
        return out;
      }
      const below = this.#layers[l - 1].gradient;
      if (below) dense.inputGradient(below, 0, g);
    }
  }

  /** Moves the running averages towards the statistics of the last `forward`. */
  updateStatistics(): void {
    this.#inputNorm?.updateStatistics();
    for (const { norm } of this.#layers) norm?.updateStatistics();
  }

  #throughActivation(l: number): Matrix {
    const { gradient, activation, output } = this.#layers[l];
    if (!gradient) throw new Error("Network.backward: this network does not learn");
    if (activation === "relu") this.#kernels.reluGradient(gradient, output);
    else if (activation === "tanh") this.#kernels.tanhGradient(gradient, output);
    return gradient;
  }
}

function isNormalized(shape: NetworkShape, layer: number): boolean {
  return shape.batchNorm !== null && layer < shape.normalizedLayers;
}

/** The sizes of what enters a layer: one input, or two where the side input joins. */
export function inputSizes(shape: NetworkShape, layer: number): number[] {
  const size = layer === 0 ? shape.inputSize : shape.sizes[layer - 1];
  return layer === shape.sideLayer && shape.sideSize > 0 ? [size, shape.sideSize] : [size];
}
