import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix, Vector } from "../kernels/matrix.ts";
import { allocateMatrix, type Parameters, type TensorShape } from "./parameters.ts";

/** How batch normalisation counts. */
export interface BatchNormOptions {
  /** ε under the root, against a variance of 0. */
  epsilon: number;
  /** running ← keep · running + (1 − keep) · batch. */
  keep: number;
}

/**
 * Batch normalisation (Ioffe & Szegedy, arXiv 1502.03167) over J columns, with a learned scale γ and shift β: learning
 * uses the minibatch's mean and variance, acting and the targets use running averages of them.
 */
export class BatchNorm {
  /** y [B, J]; reused by the next call of `forward`. */
  readonly output: Matrix;
  readonly #kernels: Kernels;
  readonly #options: BatchNormOptions;
  readonly #average: { readonly rate: number };
  readonly #shiftIsIdle: boolean;
  readonly #scale: Vector;
  readonly #shift: Vector;
  readonly #runningMean: Vector;
  readonly #runningVariance: Vector;
  readonly #learning: {
    normalized: Matrix;
    inverseDeviation: Vector;
    mean: Vector;
    variance: Vector;
    scaleGradient: Vector;
    shiftGradient: Vector;
  } | null;

  /**
   * `shiftIsIdle` says that a bias-free dense layer and another normalisation follow at once: they take off whatever β
   * adds, so that ∂L/∂β is 0. Rounding would leave some 1e-8 of it, and Adam would make steps of α from that.
   */
  constructor(
    kernels: Kernels,
    parameters: Parameters,
    name: string,
    size: number,
    shiftIsIdle: boolean,
    options: BatchNormOptions,
    batchSize: number,
    learns: boolean,
  ) {
    this.#kernels = kernels;
    this.#options = options;
    this.#average = { rate: 1 - options.keep };
    this.#shiftIsIdle = shiftIsIdle;
    this.output = allocateMatrix(kernels, batchSize, size);
    this.#scale = parameters.value(`${name}.scale`).data;
    this.#shift = parameters.value(`${name}.shift`).data;
    this.#runningMean = parameters.value(`${name}.runningMean`).data;
    this.#runningVariance = parameters.value(`${name}.runningVariance`).data;
    const vector = () => allocateMatrix(kernels, 1, size).data;
    this.#learning = learns
      ? {
          normalized: allocateMatrix(kernels, batchSize, size),
          inverseDeviation: vector(),
          mean: vector(),
          variance: vector(),
          scaleGradient: parameters.gradient(`${name}.scale`).data,
          shiftGradient: parameters.gradient(`${name}.shift`).data,
        }
      : null;
  }

  static tensors(name: string, size: number): TensorShape[] {
    return [
      { name: `${name}.scale`, kind: "scale", rows: 1, columns: size },
      { name: `${name}.shift`, kind: "shift", rows: 1, columns: size },
    ];
  }

  static statistics(name: string, size: number): TensorShape[] {
    return [
      { name: `${name}.runningMean`, kind: "mean", rows: 1, columns: size },
      { name: `${name}.runningVariance`, kind: "variance", rows: 1, columns: size },
    ];
  }

  /** By the batch's statistics where a network learns, else by the running averages. */
  forward(x: Matrix, batchStatistics: boolean): Matrix {
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
    return this.output;
  }

  /** In place: g = ∂L/∂y becomes ∂L/∂x; writes ∂L/∂γ and ∂L/∂β. Belongs to a `forward` by batch statistics. */
  backward(g: Matrix): void {
    const learning = this.#learning;
    if (!learning) throw new Error("BatchNorm.backward: this network does not learn");
    this.#kernels.batchNormGradient(
      g,
      learning.scaleGradient,
      learning.shiftGradient,
      learning.normalized,
      learning.inverseDeviation,
      this.#scale,
    );
    if (this.#shiftIsIdle) learning.shiftGradient.fill(0);
  }

  /** Moves the running averages towards the last batch's statistics. */
  updateStatistics(): void {
    if (!this.#learning) throw new Error("BatchNorm.updateStatistics: this network does not learn");
    this.#kernels.softUpdate(this.#runningMean, this.#learning.mean, this.#average);
    this.#kernels.softUpdate(this.#runningVariance, this.#learning.variance, this.#average);
  }
}
