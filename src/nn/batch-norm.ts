import { expect, expectNumbers } from "../base/expect.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix, Vector } from "../kernels/matrix.ts";
import type { Averages, Layer, LayerKind, LayerSpec, Place } from "./layer.ts";
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
  readonly zeros: Vector;
}

/**
 * Running averages of one layer, in Float64, with the weights that a true average of t minibatches has: with
 * w ← keep · w + 1 from 0, average ← average + (batch − average) / w. So the first minibatch sets them, and 1/w goes to
 * 1 − keep. Each is rounded to the tensor that acting and the targets use. In Float32 an average would stop some 50 units
 * in the last place short of a number that never changes.
 */
class CorrectedAverages implements Averages {
  readonly stateSize: number;
  readonly #keep: number;
  readonly #tensors: readonly [mean: Vector, variance: Vector];
  readonly #averages: readonly [mean: Float64Array, variance: Float64Array];
  #weight = 0;

  constructor(size: number, keep: number, mean: Vector, variance: Vector) {
    this.stateSize = 1 + 2 * size;
    this.#keep = keep;
    this.#tensors = [mean, variance];
    this.#averages = [new Float64Array(size), new Float64Array(size)];
  }

  /** Takes a minibatch in: its mean is `first` + `mean`. */
  add(first: Vector, mean: Vector, variance: Vector): void {
    this.#weight = this.#keep * this.#weight + 1;
    const rate = 1 / this.#weight;
    const [means, variances] = this.#averages;
    const [meanTensor, varianceTensor] = this.#tensors;
    for (let j = 0; j < means.length; j++) {
      means[j] += rate * (first[j] + mean[j] - means[j]);
      variances[j] += rate * (variance[j] - variances[j]);
      meanTensor[j] = means[j];
      varianceTensor[j] = variances[j];
    }
  }

  takeTensors(): void {
    // The weight after many updates; a number also where `keep` is 1.
    this.#weight = Math.min(1 / (1 - this.#keep), Number.MAX_SAFE_INTEGER);
    this.#averages.forEach((average, k) => {
      average.set(this.#tensors[k].subarray(0, average.length));
    });
  }

  /** w, the means and the variances. */
  save(): Float64Array {
    const [means, variances] = this.#averages;
    const state = new Float64Array(this.stateSize);
    state[0] = this.#weight;
    state.set(means, 1);
    state.set(variances, 1 + means.length);
    return state;
  }

  restore(state: ArrayLike<number>, where = "BatchNorm.restore state"): void {
    const [means, variances] = this.#averages;
    expectNumbers(state, this.stateSize, where);
    const [weight] = Array.from(state);
    const isWeight = weight === 0 || weight >= 1;
    expect(isWeight, `${where} weight`, "0, or a number of at least 1", weight);
    for (let j = 0; j < variances.length; j++) {
      const variance = state[1 + means.length + j];
      expect(variance >= 0, `${where} variance[${j}]`, "a number of at least 0", variance);
    }
    this.#weight = weight;
    for (let j = 0; j < means.length; j++) {
      means[j] = state[1 + j];
      variances[j] = state[1 + means.length + j];
    }
  }
}

/**
 * Batch normalization (Ioffe & Szegedy, arXiv 1502.03167) of J columns, with a learned scale γ and shift β: y = γ x̂ +
 * β. While learning, x̂ is x normalized by the mean and variance of the minibatch. Acting and the target networks use
 * running averages of the two: running ← keep · running + (1 − keep) · batch.
 *
 * With "corrected" statistics a column that never changes is normalized to exactly 0, whatever its value: the first row is
 * subtracted from every row before sums are rounded, and the averages are `CorrectedAverages`. With "plain" statistics,
 * the rule of versions before 0.2, the averages are in Float32 and start at 0 and 1.
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
  readonly averages: CorrectedAverages | null;
  /** The first row of the last minibatch, which is subtracted from all. */
  #first: Vector | null = null;
  #usedRunning = false;

  constructor({ name, epsilon, keep, statistics }: Spec, place: Place) {
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
    this.averages =
      learns && statistics === "corrected"
        ? new CorrectedAverages(size, keep, this.#runningMean, this.#runningVariance)
        : null;
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
          zeros: vector(),
        }
      : null;
  }

  forward(x: Matrix, batchStatistics: boolean): void {
    const learning = this.#learning;
    this.#usedRunning = !batchStatistics;
    if (batchStatistics && learning) {
      let input = x;
      if (this.averages) {
        this.#first = x.data;
        this.#kernels.subtractRow(this.output, x, x.data);
        input = this.output;
      }
      this.#kernels.batchNorm(
        this.output,
        learning.normalized,
        learning.inverseDeviation,
        learning.mean,
        learning.variance,
        input,
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

  /** Requires that the last `forward` used the statistics of the batch. */
  backward(g: Matrix): Matrix {
    const { scaleGradient, shiftGradient } = this.#expectLearning();
    this.#gradient(g, scaleGradient, shiftGradient);
    if (this.#shiftIsIdle) shiftGradient.fill(0);
    return g;
  }

  inputGradient(g: Matrix): Matrix {
    const { unused, zeros } = this.#expectLearning();
    const [scaleGradient, shiftGradient] = unused;
    // Running averages are constants: ∂L/∂x = γ g / √(variance + ε).
    if (this.#usedRunning)
      this.#kernels.batchNormRunning(g, g, zeros, this.#runningVariance, this.#scale, zeros, this.#options);
    else this.#gradient(g, scaleGradient, shiftGradient);
    return g;
  }

  updateStatistics(): void {
    const { mean, variance } = this.#expectLearning();
    if (this.averages && this.#first) {
      this.averages.add(this.#first, mean, variance);
      return;
    }
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
  needsOutput: false,
  tensors: ({ name }, [columns]) => [
    { name: `${name}.scale`, kind: "scale", rows: 1, columns, fill: 1 },
    { name: `${name}.shift`, kind: "shift", rows: 1, columns },
  ],
  statistics: ({ name }, [columns]) => [
    { name: `${name}.runningMean`, kind: "mean", rows: 1, columns },
    { name: `${name}.runningVariance`, kind: "variance", rows: 1, columns, fill: 1 },
  ],
  outputSizes: (_, inputSizes) => inputSizes,
  averagesSize: ({ statistics }, [size]) => (statistics === "corrected" ? 1 + 2 * size : 0),
  build: (spec, place) => new BatchNorm(spec, place),
};
