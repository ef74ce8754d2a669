import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import type { Layer, LayerKind, LayerSpec, Place } from "./layer.ts";
import { allocateMatrix, type TensorShape } from "./parameters.ts";

type Spec = Extract<LayerSpec, { kind: "dense" }>;

/**
 * A dense layer over one or two inputs: z = x W + b, or z = x Wₓ + a Wₐ + b where a second input joins. The rows of Wₓ
 * and Wₐ are stacked in one matrix W [I + A, J], as if x and a had been concatenated.
 *
 * Backward, from g = ∂L/∂z [B, J]: ∂L/∂W = xᵀ g · ∂L/∂b = Σ g over the batch · ∂L/∂x = g Wᵀ.
 */
export class Dense implements Layer {
  readonly output: Matrix;
  /** The second input a [B, A] of the next `forward`, where one joins. */
  side: Matrix | null = null;
  readonly #kernels: Kernels;
  readonly #weights: readonly Matrix[];
  readonly #weightGradients: readonly Matrix[];
  readonly #bias: Matrix | null;
  readonly #biasGradient: Matrix | null;
  /** What the gradient of each input needs; null for an input whose gradient is never requested. */
  readonly #inputGradients: readonly ({ transposedWeights: Matrix; out: Matrix } | null)[];
  #x: Matrix | null = null;

  constructor({ name, units, bias }: Spec, place: Place) {
    const { kernels, parameters, batchSize, learns, inputSizes, belowLearns } = place;
    this.#kernels = kernels;
    this.output = allocateMatrix(kernels, batchSize, units);
    const split = (matrix: Matrix): Matrix[] => {
      const first = matrix.rowRange(0, inputSizes[0]);
      return inputSizes.length === 1 ? [first] : [first, matrix.rowRange(inputSizes[0], matrix.rows)];
    };
    this.#weights = split(parameters.value(`${name}.weights`));
    this.#weightGradients = learns ? split(parameters.gradient(`${name}.weights`)) : [];
    this.#bias = bias ? parameters.value(`${name}.biases`) : null;
    this.#biasGradient = bias && learns ? parameters.gradient(`${name}.biases`) : null;
    this.#inputGradients = inputSizes.map((size, k) =>
      learns && (k > 0 || belowLearns)
        ? {
            transposedWeights: allocateMatrix(kernels, units, size),
            out: allocateMatrix(kernels, batchSize, size),
          }
        : null,
    );
  }

  forward(x: Matrix): void {
    this.#x = x;
    this.#kernels.multiply(this.output, x, this.#weights[0], this.#bias);
    if (this.side) this.#kernels.multiply(this.output, this.side, this.#weights[1], this.output);
  }

  backward(g: Matrix): Matrix | null {
    if (!this.#x) throw new Error("Dense.backward: call forward first");
    this.#kernels.multiply(this.#weightGradients[0], this.#x.transposed, g, null);
    if (this.side) this.#kernels.multiply(this.#weightGradients[1], this.side.transposed, g, null);
    if (this.#biasGradient) this.#kernels.sumRows(this.#biasGradient.data, g);
    return this.inputGradient(g);
  }

  inputGradient(g: Matrix): Matrix | null {
    return this.#gradientOf(0, g);
  }

  /** Returns ∂L/∂a [B, A], the gradient of the second input, and leaves the parameters' gradients unchanged. */
  sideGradient(g: Matrix): Matrix | null {
    return this.#gradientOf(1, g);
  }

  #gradientOf(k: number, g: Matrix): Matrix | null {
    const gradient = this.#inputGradients[k];
    if (!gradient) return null;
    this.#kernels.transpose(gradient.transposedWeights, this.#weights[k]);
    this.#kernels.multiply(gradient.out, g, gradient.transposedWeights, null);
    return gradient.out;
  }
}

/** A fully connected layer; see `Dense`. */
export const dense: LayerKind<Spec> = {
  needsOutput: false,
  tensors({ name, units, bias }, inputSizes) {
    const rows = inputSizes.reduce((sum, size) => sum + size, 0);
    const weights: TensorShape = { name: `${name}.weights`, kind: "weights", rows, columns: units };
    return bias ? [weights, { name: `${name}.biases`, kind: "biases", rows: 1, columns: units }] : [weights];
  },
  statistics: () => [],
  averagesSize: () => 0,
  outputSizes: ({ units }) => [units],
  build: (spec, place) => new Dense(spec, place),
};
