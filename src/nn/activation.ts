import type { Matrix } from "../kernels/matrix.ts";
import type { Layer, LayerKind, LayerSpec, Place } from "./layer.ts";
import { allocateMatrix } from "./parameters.ts";

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

/** y = tanh x with the term p · mean(x²) in the loss, over all elements: keeps x, which y overwrites. */
class PenalizedTanh extends InPlace {
  readonly #kept: Matrix;
  readonly #factor: number;

  constructor(place: Place, factor: number) {
    const { kernels } = place;
    super(
      place,
      (x) => kernels.tanh(x),
      (g, y) => kernels.tanhGradient(g, y),
    );
    this.#kept = allocateMatrix(kernels, this.output.rows, this.output.columns);
    this.#factor = factor;
  }

  get penalty(): number {
    const { rows, columns } = this.#kept;
    let squares = 0;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) squares += this.#kept.at(i, j) * this.#kept.at(i, j);
    }
    return (this.#factor * squares) / (rows * columns);
  }

  override forward(): void {
    this.#kept.data.set(this.output.data);
    super.forward();
  }

  override backward(g: Matrix): Matrix {
    super.backward(g);
    const { rows, columns } = this.#kept;
    const slope = (2 * this.#factor) / (rows * columns);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) g.set(i, j, g.at(i, j) + slope * this.#kept.at(i, j));
    }
    return g;
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
  needsOutput: true,
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

/** y = tanh x; ∂L/∂x = ∂L/∂y · (1 − y²), plus 2 p x / (B J) with a penalty p. */
export const tanh: LayerKind<Spec<"tanh">> = {
  needsOutput: true,
  ...withoutTensors,
  build: ({ penalty = 0 }, place) => {
    if (penalty > 0 && place.learns) return new PenalizedTanh(place, penalty);
    const { kernels } = place;
    return new InPlace(
      place,
      (x) => kernels.tanh(x),
      (g, y) => kernels.tanhGradient(g, y),
    );
  },
};
