import type { Matrix } from "../kernels/matrix.ts";
import type { Layer, LayerKind, LayerSpec, Place } from "./layer.ts";

/** A layer that overwrites the output of the layer below: it needs no memory of its own. */
class InPlace implements Layer {
  readonly output: Matrix;
  readonly #apply: (x: Matrix) => void;
  readonly #applyGradient: (g: Matrix, y: Matrix) => void;

  constructor(place: Place, apply: (x: Matrix) => void, applyGradient: (g: Matrix, y: Matrix) => void) {
    if (!place.below) throw new Error("Network: an activation overwrites its input, so it cannot be the first layer.");
    this.output = place.below;
    this.#apply = apply;
    this.#applyGradient = applyGradient;
  }

  forward(): void {
    this.#apply(this.output);
  }

  backward(g: Matrix): Matrix {
    this.#applyGradient(g, this.output);
    return g;
  }

  inputGradient(g: Matrix): Matrix {
    return this.backward(g);
  }
}

type Spec<Kind> = Extract<LayerSpec, { kind: Kind }>;

const withoutTensors = {
  tensors: () => [],
  statistics: () => [],
  averagesSize: () => 0,
  outputSizes: (_: LayerSpec, inputSizes: readonly number[]) => inputSizes,
};

/** y = max(0, x); ∂L/∂x = ∂L/∂y where y > 0, else 0. */
export const relu: LayerKind<Spec<"relu">> = {
  ...withoutTensors,
  build: (_, place) => {
    const { kernels } = place;
    return new InPlace(
      place,
      (x) => kernels.relu(x),
      (g, y) => kernels.reluGradient(g, y),
    );
  },
};

/** y = tanh x; ∂L/∂x = ∂L/∂y · (1 − y²). */
export const tanh: LayerKind<Spec<"tanh">> = {
  ...withoutTensors,
  build: (_, place) => {
    const { kernels } = place;
    return new InPlace(
      place,
      (x) => kernels.tanh(x),
      (g, y) => kernels.tanhGradient(g, y),
    );
  },
};
