import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import { allocateMatrix, type Parameters, type TensorShape } from "./parameters.ts";

/**
 * A dense layer over one or two inputs: z = x W + b, or z = x Wₓ + a Wₐ + b where a second input joins. The rows of Wₓ
 * and Wₐ lie under each other in one matrix W [I + A, J], as if x and a had been concatenated.
 *
 * Backward, from g = ∂L/∂z [B, J]: ∂L/∂W = xᵀ g · ∂L/∂b = Σ g over the batch · ∂L/∂x = g Wᵀ.
 */
export class Dense {
  /** z [B, J]; reused by the next call of `forward`. */
  readonly output: Matrix;
  readonly #kernels: Kernels;
  readonly #weights: readonly Matrix[];
  readonly #weightGradients: readonly Matrix[];
  readonly #transposedWeights: readonly Matrix[];
  readonly #bias: Matrix | null;
  readonly #biasGradient: Matrix | null;
  #inputs: readonly Matrix[] = [];

  /** `inputSizes` are I and, where there is a second input, A. `learns` allots what `backward` needs. */
  constructor(
    kernels: Kernels,
    parameters: Parameters,
    name: string,
    inputSizes: readonly number[],
    outputSize: number,
    hasBias: boolean,
    batchSize: number,
    learns: boolean,
  ) {
    this.#kernels = kernels;
    this.output = allocateMatrix(kernels, batchSize, outputSize);
    const split = (matrix: Matrix): Matrix[] => {
      const first = matrix.rowRange(0, inputSizes[0]);
      return inputSizes.length === 1 ? [first] : [first, matrix.rowRange(inputSizes[0], matrix.rows)];
    };
    this.#weights = split(parameters.value(`${name}.weights`));
    this.#weightGradients = learns ? split(parameters.gradient(`${name}.weights`)) : [];
    this.#transposedWeights = learns ? inputSizes.map((size) => allocateMatrix(kernels, outputSize, size)) : [];
    this.#bias = hasBias ? parameters.value(`${name}.biases`) : null;
    this.#biasGradient = hasBias && learns ? parameters.gradient(`${name}.biases`) : null;
  }

  static tensors(name: string, inputSizes: readonly number[], outputSize: number, hasBias: boolean): TensorShape[] {
    const rows = inputSizes.reduce((sum, size) => sum + size, 0);
    const weights: TensorShape = { name: `${name}.weights`, kind: "weights", rows, columns: outputSize };
    return hasBias ? [weights, { name: `${name}.biases`, kind: "biases", rows: 1, columns: outputSize }] : [weights];
  }

  forward(inputs: readonly Matrix[]): Matrix {
    this.#inputs = inputs;
    for (let k = 0; k < inputs.length; k++) {
      this.#kernels.multiply(this.output, inputs[k], this.#weights[k], k > 0 ? this.output : this.#bias);
    }
    return this.output;
  }

  /** Writes ∂L/∂W and ∂L/∂b. */
  parameterGradients(g: Matrix): void {
    for (let k = 0; k < this.#inputs.length; k++) {
      this.#kernels.multiply(this.#weightGradients[k], this.#inputs[k].transposed, g, null);
    }
    if (this.#biasGradient) this.#kernels.sumRows(this.#biasGradient.data, g);
  }

  /** Writes the gradient of input k: out = g Wₖᵀ. Leaves the parameters' gradients alone. */
  inputGradient(out: Matrix, k: number, g: Matrix): void {
    this.#kernels.transpose(this.#transposedWeights[k], this.#weights[k]);
    this.#kernels.multiply(out, g, this.#transposedWeights[k], null);
  }
}
