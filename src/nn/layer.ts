import type { Saved } from "../base/saved.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import type { Parameters, TensorShape } from "./parameters.ts";

// B batch, I columns of a layer's input, J columns of its output.

/**
 * One layer of a network, as plain data. A network is a list of these. Building, initializing, saving, exporting and
 * the gradient check all read the list, so that none of them has to guess a layer from the name of a tensor.
 */
export type LayerSpec =
  /** z = x W + b. The tensors are `<name>.weights` and, with a bias, `<name>.biases`. */
  | { readonly kind: "dense"; readonly name: string; readonly units: number; readonly bias: boolean }
  /** Batch normalization; see `BatchNorm`. */
  | {
      readonly kind: "batchNorm";
      readonly name: string;
      readonly epsilon: number;
      readonly keep: number;
      readonly statistics: "corrected" | "plain";
    }
  /** max(0, x) */
  | { readonly kind: "relu" }
  /** tanh x */
  | { readonly kind: "tanh" }
  /** The network's second input, of `size` columns, enters the dense layer that follows. */
  | { readonly kind: "join"; readonly size: number };

/** The kinds of layers that follow a dense layer element by element; `linear` stands for none. */
export type Activation = "relu" | "tanh" | "linear";

/** A feed-forward network: the columns of its first input, and its layers in the order of the forward pass. */
export interface NetworkShape {
  readonly inputSize: number;
  readonly layers: readonly LayerSpec[];
}

/** One layer at work: its forward pass, and the derivative of the last one. */
export interface Layer {
  /** y [B, J]; reused by the next `forward`. */
  readonly output: Matrix;
  /** Computes y from x [B, I]. `batchStatistics`: normalize by this batch, not by running averages. */
  forward(x: Matrix, batchStatistics: boolean): void;
  /**
   * Goes back through the last `forward`, from g = ∂L/∂y [B, J], which it may overwrite. Writes the gradient of every
   * parameter. Returns ∂L/∂x [B, I], or null where no layer below needs it.
   */
  backward(g: Matrix): Matrix | null;
  /** Like `backward`, but leaves the parameters' gradients alone. */
  inputGradient(g: Matrix): Matrix | null;
  /** Moves running averages towards the statistics of the last batch. */
  updateStatistics?(): void;
  /** What the next running averages depend on beside the tensors; absent where they depend on nothing else. */
  readonly averages?: Averages | null;
}

/** Running averages in Float64. Their rounded values are tensors of the network. */
export interface Averages extends Saved {
  /** Continues from the averages that the tensors hold, as if many updates had made them. */
  takeTensors(): void;
}

/** Where a layer stands in its network, and what it is built from. */
export interface Place {
  readonly kernels: Kernels;
  readonly parameters: Parameters;
  readonly batchSize: number;
  /** Whether to allocate what gradients and batch statistics need. */
  readonly learns: boolean;
  /** The columns of what enters: [I], or [I, A] where the second input joins. */
  readonly inputSizes: readonly number[];
  /** The output of the layer below; null for the first layer. */
  readonly below: Matrix | null;
  /** Whether a layer below has parameters, so that the gradient has to reach it. */
  readonly belowLearns: boolean;
  /** The kinds of the two specs that follow, for layers whose gradient depends on them. */
  readonly next: readonly (LayerSpec["kind"] | undefined)[];
}

/** What one kind of layer adds to a network. */
export interface LayerKind<Spec extends LayerSpec> {
  /** The tensors that are learned, in the order of the flat vector. */
  tensors(spec: Spec, inputSizes: readonly number[]): TensorShape[];
  /** The tensors that are averaged, not learned. */
  statistics(spec: Spec, inputSizes: readonly number[]): TensorShape[];
  /** The columns of what leaves. */
  outputSizes(spec: Spec, inputSizes: readonly number[]): readonly number[];
  /** The `stateSize` of its `averages` in a network that learns; 0 without. */
  averagesSize(spec: Spec, inputSizes: readonly number[]): number;
  build(spec: Spec, place: Place): Layer;
}
