import type { Saved } from "../base/saved.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import { relu, tanh } from "./activation.ts";
import { batchNorm } from "./batch-norm.ts";
import { Dense, dense } from "./dense.ts";
import type { Averages, Layer, LayerKind, LayerSpec, NetworkShape, Place } from "./layer.ts";
import { layerNorm } from "./layer-norm.ts";
import { allocateMatrix, type Parameters, type TensorShape } from "./parameters.ts";

type Kind = LayerSpec["kind"];

/** Every kind of layer; the compiler demands an entry for a new kind. `join` only adds an input to the next layer. */
const kinds: { readonly [K in Exclude<Kind, "join">]: LayerKind<Extract<LayerSpec, { kind: K }>> } = {
  dense,
  batchNorm,
  layerNorm,
  relu,
  tanh,
};

/** A layer with the numbers of columns of its inputs and its index in `shape.layers`. */
export interface PlacedLayer<Spec = Exclude<LayerSpec, { kind: "join" }>> {
  readonly spec: Spec;
  readonly inputSizes: readonly number[];
  readonly index: number;
}

/** Returns the layers of a network with the sizes of their inputs. Throws if a join does not precede a dense layer. */
export function placedLayers({ inputSize, layers }: NetworkShape): PlacedLayer[] {
  const placed: PlacedLayer[] = [];
  let inputSizes: readonly number[] = [inputSize];
  layers.forEach((spec, index) => {
    if (spec.kind === "join") {
      inputSizes = [...inputSizes, spec.size];
      return;
    }
    const isDense = spec.kind === "dense";
    if (inputSizes.length > 1 && !isDense) throw new Error(`Network: ${spec.kind} cannot follow a join; dense can.`);
    placed.push({ spec, inputSizes, index });
    inputSizes = kindOf(spec).outputSizes(spec, inputSizes);
  });
  return placed;
}

/** Returns the tensors of a network of this shape, first layer first: the learned ones and the running averages. */
export function networkTensors(shape: NetworkShape): { tensors: TensorShape[]; statistics: TensorShape[] } {
  const layers = placedLayers(shape);
  return {
    tensors: layers.flatMap(({ spec, inputSizes }) => kindOf(spec).tensors(spec, inputSizes)),
    statistics: layers.flatMap(({ spec, inputSizes }) => kindOf(spec).statistics(spec, inputSizes)),
  };
}

/** The `stateSize` of a network of this shape that learns. */
export function networkStateSize(shape: NetworkShape): number {
  let size = 0;
  for (const { spec, inputSizes } of placedLayers(shape)) size += kindOf(spec).averagesSize(spec, inputSizes);
  return size;
}

/** A network's forward and backward pass. Several networks may share the same parameters. */
export class Network implements Saved {
  /**
   * ∂L/∂output [B, J], to be set before `backward` or `sideGradient`, which overwrite it. Null if the network does not
   * learn.
   */
  readonly outputGradient: Matrix | null;
  /** The result of the last `forward`: [B, J]. */
  readonly output: Matrix;
  readonly #layers: readonly Layer[];
  /** The layer that the second input enters, with its index; null without a second input. */
  readonly #joined: { readonly layer: Dense; readonly index: number } | null;

  /** Builds a network for batches of `batchSize` rows. `learns`: allocate memory for gradients and batch statistics. */
  constructor(kernels: Kernels, shape: NetworkShape, parameters: Parameters, batchSize: number, learns: boolean) {
    const layers: Layer[] = [];
    let joined: { layer: Dense; index: number } | null = null;
    let belowLearns = false;
    let belowNeedsOutput = false;
    for (const { spec, inputSizes, index } of placedLayers(shape)) {
      const next = [1, 2].map((distance) => shape.layers[index + distance]?.kind);
      const below = layers.length > 0 ? layers[layers.length - 1].output : null;
      const place: Place = { kernels, parameters, batchSize, learns, inputSizes, below, belowLearns, next };
      const layer = kindOf(spec).build(spec, place);
      if (learns && layer.output === below && belowNeedsOutput)
        throw new Error(`Network: ${spec.kind} overwrites an activation below, which learns from it.`);
      if (inputSizes.length > 1 && layer instanceof Dense) joined = { layer, index: layers.length };
      layers.push(layer);
      belowNeedsOutput = kindOf(spec).needsOutput;
      belowLearns ||= kindOf(spec).tensors(spec, inputSizes).length > 0;
    }
    this.#layers = layers;
    this.#joined = joined;
    this.output = layers[layers.length - 1].output;
    this.outputGradient = learns ? allocateMatrix(kernels, batchSize, this.output.columns) : null;
  }

  /**
   * Returns the output [B, J] for the input [B, I] and the second input [B, A]; reused by the next call.
   * `batchStatistics`: batch normalization uses this batch instead of running averages.
   */
  forward(input: Matrix, side: Matrix | null, batchStatistics: boolean): Matrix {
    if (this.#joined) this.#joined.layer.side = side;
    let x = input;
    for (const layer of this.#layers) {
      layer.forward(x, batchStatistics);
      x = layer.output;
    }
    return x;
  }

  /** Computes the gradient of every parameter at the last `forward` from `outputGradient`; overwrites the old ones. */
  backward(): void {
    let g = this.outputGradient;
    if (!g) throw new Error("Network.backward: this network does not learn");
    for (let l = this.#layers.length - 1; l >= 0 && g; l--) g = this.#layers[l].backward(g);
  }

  /**
   * Returns the gradient of the second input [B, A] at the last `forward`, from `outputGradient`; reused by the next
   * call. Leaves the parameters' gradients unchanged.
   */
  sideGradient(): Matrix {
    let g = this.outputGradient;
    const index = this.#joined?.index ?? 0;
    for (let l = this.#layers.length - 1; l > index && g; l--) g = this.#layers[l].inputGradient(g);
    const gradient = g && this.#joined?.layer.sideGradient(g);
    if (!gradient) throw new Error("Network.sideGradient: this network has no second input, or does not learn");
    return gradient;
  }

  /** The sum of the layers' own terms of the loss at the last `forward`: 0 for most networks. */
  get penalty(): number {
    let sum = 0;
    for (const { penalty = 0 } of this.#layers) sum += penalty;
    return sum;
  }

  /** How many numbers of the layers' averages are not in a tensor: 0 for most networks. */
  get stateSize(): number {
    return this.#averages.reduce((sum, { stateSize }) => sum + stateSize, 0);
  }

  /** What the next running averages depend on beside the parameters, layer by layer. */
  save(): Float64Array {
    const state = new Float64Array(this.stateSize);
    let start = 0;
    for (const averages of this.#averages) {
      state.set(averages.save(), start);
      start += averages.stateSize;
    }
    return state;
  }

  restore(state: ArrayLike<number>, where = "Network.restore state"): void {
    const numbers = Float64Array.from(state);
    let start = 0;
    for (const averages of this.#averages) {
      averages.restore(numbers.subarray(start, start + averages.stateSize), where);
      start += averages.stateSize;
    }
  }

  /** Continues from parameters that were copied from a trained network, running averages included. */
  takeStatistics(): void {
    for (const averages of this.#averages) averages.takeTensors();
  }

  get #averages(): readonly Averages[] {
    return this.#layers.flatMap(({ averages }) => averages ?? []);
  }

  /** Moves the running averages toward the statistics of the last `forward`. */
  updateStatistics(): void {
    for (const layer of this.#layers) layer.updateStatistics?.();
  }
}

// Each entry takes its own spec, which the compiler cannot follow through a lookup by `kind`.
function kindOf<Spec extends Exclude<LayerSpec, { kind: "join" }>>({ kind }: Spec): LayerKind<Spec> {
  return kinds[kind] as unknown as LayerKind<Spec>;
}
