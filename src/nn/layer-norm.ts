import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix, Vector } from "../kernels/matrix.ts";
import type { Layer, LayerKind, LayerSpec, Place } from "./layer.ts";
import { allocateMatrix } from "./parameters.ts";

type Spec = Extract<LayerSpec, { kind: "layerNorm" }>;

/** What the backward pass needs beside what `forward` keeps. */
interface Learning {
  /** γ g: [B, J]. */
  readonly scaled: Matrix;
  readonly scaleGradient: Vector;
  readonly shiftGradient: Vector;
  /** Ones: [B]. */
  readonly ones: Vector;
  /** Receives what `batchNormGradient` gives beside the gradient: [B] each. */
  readonly unused: readonly [Vector, Vector];
}

/** With a mean and a variance of 0, this ε makes `batchNormRunning` multiply by exactly 1: y = γ x + β. */
const scaleAndShift = { epsilon: 1 };

/**
 * Layer normalization (Ba et al., arXiv 1607.06450) of rows of J columns, with a learned scale γ and shift β per column:
 * y = γ x̂ + β. x̂ is x minus the mean of its row, divided by √(v + ε), where v is the uncorrected variance over the row's
 * J numbers. A row's result depends on no other row, so acting and learning compute the same.
 *
 * A row is normalized as a column of the transposed matrix is by batch normalization, so every backend has the kernels. A
 * row's sums start at 0 and add its columns in their order, one at a time.
 *
 * Backward, from g = ∂L/∂y: ∂L/∂γ = Σ g x̂ and ∂L/∂β = Σ g over the batch. ∂L/∂x is, with h = γ g, for each row
 * (h − (Σ h + x̂ · Σ h x̂) / J) / √(v + ε), with sums over its columns.
 */
export class LayerNorm implements Layer {
  readonly output: Matrix;
  readonly #kernels: Kernels;
  readonly #options: { readonly epsilon: number };
  readonly #scale: Vector;
  readonly #shift: Vector;
  /** x̂: [B, J]. */
  readonly #normalized: Matrix;
  /** xᵀ or (γ g)ᵀ, and x̂ᵀ: [J, B]. */
  readonly #transposed: Matrix;
  readonly #normalizedRows: Matrix;
  /** Of each row: [B]. */
  readonly #inverseDeviation: Vector;
  readonly #mean: Vector;
  readonly #variance: Vector;
  /** Zeros: [B] and [J]. */
  readonly #rowZeros: Vector;
  readonly #zeros: Vector;
  readonly #learning: Learning | null;

  constructor({ name, epsilon }: Spec, { kernels, parameters, batchSize, learns, inputSizes }: Place) {
    const [size] = inputSizes;
    const vector = (length: number): Vector => allocateMatrix(kernels, 1, length).data;
    this.#kernels = kernels;
    this.#options = { epsilon };
    this.output = allocateMatrix(kernels, batchSize, size);
    this.#scale = parameters.value(`${name}.scale`).data;
    this.#shift = parameters.value(`${name}.shift`).data;
    this.#normalized = allocateMatrix(kernels, batchSize, size);
    this.#transposed = allocateMatrix(kernels, size, batchSize);
    this.#normalizedRows = allocateMatrix(kernels, size, batchSize);
    this.#inverseDeviation = vector(batchSize);
    this.#mean = vector(batchSize);
    this.#variance = vector(batchSize);
    this.#rowZeros = vector(batchSize);
    this.#zeros = vector(size);
    this.#learning = learns
      ? {
          scaled: allocateMatrix(kernels, batchSize, size),
          scaleGradient: parameters.gradient(`${name}.scale`).data,
          shiftGradient: parameters.gradient(`${name}.shift`).data,
          ones: vector(batchSize).fill(1, 0, batchSize),
          unused: [vector(batchSize), vector(batchSize)],
        }
      : null;
  }

  forward(x: Matrix): void {
    const zeros = this.#zeros;
    this.#kernels.transpose(this.#transposed, x);
    this.#kernels.batchNorm(
      this.#transposed,
      this.#normalizedRows,
      this.#inverseDeviation,
      this.#mean,
      this.#variance,
      this.#transposed,
      this.#rowZeros,
      this.#rowZeros,
      this.#options,
    );
    this.#kernels.transpose(this.#normalized, this.#normalizedRows);
    this.#kernels.batchNormRunning(
      this.output,
      this.#normalized,
      zeros,
      zeros,
      this.#scale,
      this.#shift,
      scaleAndShift,
    );
  }

  backward(g: Matrix): Matrix {
    const { scaleGradient, shiftGradient } = this.#expectLearning();
    this.#scaleGradient(g);
    // The inverse deviation of 0 clears g, which is no longer needed.
    this.#kernels.batchNormGradient(g, scaleGradient, shiftGradient, this.#normalized, this.#zeros, this.#scale);
    return this.#gradientOfScaled(g);
  }

  inputGradient(g: Matrix): Matrix {
    this.#scaleGradient(g);
    return this.#gradientOfScaled(g);
  }

  /** Computes γ g. */
  #scaleGradient(g: Matrix): void {
    const zeros = this.#zeros;
    this.#kernels.batchNormRunning(this.#expectLearning().scaled, g, zeros, zeros, this.#scale, zeros, scaleAndShift);
  }

  /** Writes ∂L/∂x to g from γ g. */
  #gradientOfScaled(g: Matrix): Matrix {
    const { scaled, ones, unused } = this.#expectLearning();
    const [scaleSums, sums] = unused;
    this.#kernels.transpose(this.#transposed, scaled);
    this.#kernels.batchNormGradient(
      this.#transposed,
      scaleSums,
      sums,
      this.#normalizedRows,
      this.#inverseDeviation,
      ones,
    );
    this.#kernels.transpose(g, this.#transposed);
    return g;
  }

  #expectLearning(): Learning {
    if (!this.#learning) throw new Error("LayerNorm: this network does not learn");
    return this.#learning;
  }
}

/** Layer normalization; see `LayerNorm`. */
export const layerNorm: LayerKind<Spec> = {
  tensors: ({ name }, [columns]) => [
    { name: `${name}.scale`, kind: "scale", rows: 1, columns, fill: 1 },
    { name: `${name}.shift`, kind: "shift", rows: 1, columns },
  ],
  statistics: () => [],
  outputSizes: (_, inputSizes) => inputSizes,
  averagesSize: () => 0,
  build: (spec, place) => new LayerNorm(spec, place),
};
