import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix, Vector } from "../kernels/matrix.ts";
import type { Layer, LayerKind, LayerSpec, Place } from "./layer.ts";
import { allocateMatrix } from "./parameters.ts";

type Spec = Extract<LayerSpec, { kind: "batchNorm" }>;

/** What `forward` with batch statistics keeps for the backward pass, and where that writes. */
interface Learning {
  readonly normalized: Matrix;
  readonly inverseDeviation: Vector;
  readonly mean: Vector;
  readonly variance: Vector;
  readonly scaleGradient: Vector;
  readonly shiftGradient: Vector;
  /** Receives the parameters' gradients when only the input's gradient is wanted. */
  readonly unused: readonly [Vector, Vector];
}

/**
 * Batch normalization (Ioffe & Szegedy, arXiv 1502.03167) of J columns, with a learned scale γ and shift β: y = γ x̂ +
 * β. While learning, x̂ is x normalized by the mean and variance of the minibatch. Acting and the target networks use
 * running averages of the two: running ← keep · running + (1 − keep) · batch.
 */
export class BatchNorm implements Layer {
  readonly output: Matrix;
  readonly #kernels: Kernels;
  readonly #options: { readonly epsilon: number };
  readonly #average: { readonly rate: number };
  /**
   * Whether a dense layer and another normalization follow directly. The second normalization removes whatever β adds,
   * so ∂L/∂β would be 0 in exact arithmetic. Rounding leaves about 1e-8 of it, which Adam would turn into steps of full
   * size.
   */
  readonly #shiftIsIdle: boolean;
  readonly #scale: Vector;
  readonly #shift: Vector;
  readonly #runningMean: Vector;
  readonly #runningVariance: Vector;
  readonly #learning: Learning | null;

  constructor({ name, epsilon, keep }: Spec, place: Place) {
    const { kernels, parameters, batchSize, learns, inputSizes, next } = place;
    const [size] = inputSizes;
    this.#kernels = kernels;
    this.#options = { epsilon };
    this.#average = { rate: 1 - keep };
    this.#shiftIsIdle = next[0] === "dense" && next[1] === "batchNorm";
    this.output = allocateMatrix(kernels, batchSize, size);
    this.#scale = parameters.value(`${name}.scale`).data;
    this.#shift = parameters.value(`${name}.shift`).data;
    this.#runningMean = parameters.value(`${name}.runningMean`).data;
    this.#runningVariance = parameters.value(`${name}.runningVariance`).data;
    const vector = (): Vector => allocateMatrix(kernels, 1, size).data;
    this.#learning = learns
      ? {
          normalized: allocateMatrix(kernels, batchSize, size),
          inverseDeviation: vector(),
          mean: vector(),
          variance: vector(),
          scaleGradient: parameters.gradient(`${name}.scale`).data,
          shiftGradient: parameters.gradient(`${name}.shift`).data,
          unused: [vector(), vector()],
        }
      : null;
  }

  forward(x: Matrix, batchStatistics: boolean): void {
    const learning = this.#learning;
    if (batchStatistics && learning) {
      this.#kernels.batchNorm(
        this.output,
        learning.normalized,
        learning.inverseDeviation,
        learning.mean,
        learning.variance,
        x,
        this.#scale,
        this.#shift,
        this.#options,
      );
    } else {
      this.#kernels.batchNormRunning(
        this.output,
        x,
        this.#runningMean,
        this.#runningVariance,
        this.#scale,
        this.#shift,
        this.#options,
      );
    }
  }

  /** Requires that the last `forward` used batch statistics. */
  backward(g: Matrix): Matrix {
    const { scaleGradient, shiftGradient } = this.#expectLearning();
    this.#gradient(g, scaleGradient, shiftGradient);
    if (this.#shiftIsIdle) shiftGradient.fill(0);
    return g;
  }

  inputGradient(g: Matrix): Matrix {
    const [scaleGradient, shiftGradient] = this.#expectLearning().unused;
    this.#gradient(g, scaleGradient, shiftGradient);
    return g;
  }

  updateStatistics(): void {
    const { mean, variance } = this.#expectLearning();
    this.#kernels.softUpdate(this.#runningMean, mean, this.#average);
    this.#kernels.softUpdate(this.#runningVariance, variance, this.#average);
  }

  #gradient(g: Matrix, scaleGradient: Vector, shiftGradient: Vector): void {
    const { normalized, inverseDeviation } = this.#expectLearning();
    this.#kernels.batchNormGradient(g, scaleGradient, shiftGradient, normalized, inverseDeviation, this.#scale);
  }

  #expectLearning(): Learning {
    if (!this.#learning) throw new Error("BatchNorm: this network does not learn");
    return this.#learning;
  }
}

/** Batch normalization; see `BatchNorm`. */
export const batchNorm: LayerKind<Spec> = {
  tensors: ({ name }, [columns]) => [
    { name: `${name}.scale`, kind: "scale", rows: 1, columns, fill: 1 },
    { name: `${name}.shift`, kind: "shift", rows: 1, columns },
  ],
  statistics: ({ name }, [columns]) => [
    { name: `${name}.runningMean`, kind: "mean", rows: 1, columns },
    { name: `${name}.runningVariance`, kind: "variance", rows: 1, columns, fill: 1 },
  ],
  outputSizes: (_, inputSizes) => inputSizes,
  build: (spec, place) => new BatchNorm(spec, place),
};
