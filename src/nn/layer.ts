import type { Saved } from "../base/saved.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import type { Parameters, TensorShape } from "./parameters.ts";

// Shapes: B rows of the batch, I columns of a layer's input, J columns of its output, A columns of the second input.

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
  /** Layer normalization; see `LayerNorm`. */
  | { readonly kind: "layerNorm"; readonly name: string; readonly epsilon: number }
  /** y = max(0, x) */
  | { readonly kind: "relu" }
  /** y = tanh x. `penalty` p: a network that learns adds p · mean(x²) to its loss. */
  | { readonly kind: "tanh"; readonly penalty?: number }
  /** The network's second input, of `size` columns, enters the dense layer that follows. */
  | { readonly kind: "join"; readonly size: number };

/** What is applied to each element of a dense layer's output; `linear` stands for nothing. */
export type Activation = "relu" | "tanh" | "linear";

/** A feedforward network: the number of columns of its first input, and its layers in the order of the forward pass. */
export interface NetworkShape {
  readonly inputSize: number;
  readonly layers: readonly LayerSpec[];
}

/** A layer that computes: its forward pass, and the backward pass through the last forward pass. */
export interface Layer {
  /** y [B, J]; reused by the next `forward`. */
  readonly output: Matrix;
  /** Computes y from x [B, I]. `batchStatistics`: normalize by this batch instead of running averages. */
  forward(x: Matrix, batchStatistics: boolean): void;
  /**
   * Propagates g = ∂L/∂y [B, J], which it may overwrite, back through the last `forward`. Overwrites the gradient of
   * every parameter. Returns ∂L/∂x [B, I], or null if no layer below needs it.
   */
  backward(g: Matrix): Matrix | null;
  /** Like `backward`, but leaves the parameters' gradients unchanged. */
  inputGradient(g: Matrix): Matrix | null;
  /** Moves running averages toward the statistics of the last batch. */
  updateStatistics?(): void;
  /** The layer's own term of the loss at the last `forward`, whose gradient `backward` adds; absent where it has none. */
  readonly penalty?: number;
  /** What the next running averages depend on beside the tensors; absent where they depend on nothing else. */
  readonly averages?: Averages | null;
}

/** Running averages in Float64. Their rounded values are tensors of the network. */
export interface Averages extends Saved {
  /** Continues from the averages that the tensors hold, as if many updates had made them. */
  takeTensors(): void;
}

/** What a layer is built from, and its position in the network. */
export interface Place {
  readonly kernels: Kernels;
  readonly parameters: Parameters;
  readonly batchSize: number;
  /** Whether to allocate memory for gradients and batch statistics. */
  readonly learns: boolean;
  /** The numbers of columns of its inputs: [I], or [I, A] where the second input joins. */
  readonly inputSizes: readonly number[];
  /** The output of the layer below, which a layer may overwrite unless an activation is below; null for the first layer. */
  readonly below: Matrix | null;
  /** Whether a layer below has parameters, so that the gradient has to reach it. */
  readonly belowLearns: boolean;
  /** The kinds of the two specs that follow, for layers whose gradient depends on them. */
  readonly next: readonly (LayerSpec["kind"] | undefined)[];
}

/** What one kind of layer adds to a network. */
export interface LayerKind<Spec extends LayerSpec> {
  /** Whether its gradient is computed from its output, which the layer above must therefore leave as it is. */
  readonly needsOutput: boolean;
  /** Returns the learned tensors, in the order of the flat vector. */
  tensors(spec: Spec, inputSizes: readonly number[]): TensorShape[];
  /** Returns the tensors that are running averages instead of being learned. */
  statistics(spec: Spec, inputSizes: readonly number[]): TensorShape[];
  /** Returns the numbers of columns of its outputs, which are the next layer's inputs. */
  outputSizes(spec: Spec, inputSizes: readonly number[]): readonly number[];
  /** The `stateSize` of its `averages` in a network that learns; 0 without. */
  averagesSize(spec: Spec, inputSizes: readonly number[]): number;
  /** Builds the layer at a position of a network. */
  build(spec: Spec, place: Place): Layer;
}
