// The losses of `criticLoss`, and what a critic's outputs mean under each of them.
import { log } from "../base/math.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { type Matrix, writeMatrix } from "../kernels/matrix.ts";
import { allocateMatrix } from "../nn/parameters.ts";
import type { Settings } from "./config.ts";

// Shapes: B batch, J outputs of a critic, K atoms.

type LossSettings = Pick<Settings, "criticLoss" | "criticAtoms" | "criticSupport">;

/** What the critics learn. */
export interface CriticTarget {
  /** y [B] */
  readonly y: Float64Array;
  /** The probability of each atom, [B, K] row by row, for a categorical critic; else empty. */
  readonly distribution: Float64Array;
}

/** Reads a critic's outputs [B, J] as values, and knows its loss. */
export interface CriticHead {
  /** Q(s, a) of the outputs that `read` got: [B]. */
  readonly values: Float64Array;
  /** Computes `values` [B] from outputs [B, J] and returns them; reused by the next call. */
  read(output: Matrix): Float64Array;
  /** Writes ∂Q/∂output [B, J] of each row at the last `read`. */
  valueGradient(gradient: Matrix): void;
  /** L at the last `lossGradient`. A field, because V8 allocates a number that a call returns. */
  loss: number;
  /** Writes ∂L/∂output [B, J] at the last `read`, and `loss` L, the mean over the rows of weight times the row's loss. */
  lossGradient(gradient: Matrix, target: CriticTarget, weight: Float64Array): void;
}

/** Returns J, the number of a critic's outputs. */
export function criticOutputs({ criticLoss, criticAtoms }: LossSettings): number {
  return criticLoss === "categorical" ? criticAtoms : 1;
}

/** Creates what reads the outputs of one critic for `rows` rows. */
export function createHead(settings: LossSettings, rows: number, kernels: Kernels): CriticHead {
  switch (settings.criticLoss) {
    case "squared":
      return new Squared(rows);
    case "huber":
      return new Huber(rows);
    case "categorical":
      return new Categorical(settings, rows, kernels);
  }
}

/** Q is the only output; L = 1/B Σ wᵢ (yᵢ − Qᵢ)², so that ∂L/∂Qᵢ = 2/B wᵢ (Qᵢ − yᵢ). */
class Squared implements CriticHead {
  readonly values: Float64Array;
  loss = 0;

  constructor(rows: number) {
    this.values = new Float64Array(rows);
  }

  read(output: Matrix): Float64Array {
    for (let i = 0; i < output.rows; i++) this.values[i] = output.at(i, 0);
    return this.values;
  }

  valueGradient(gradient: Matrix): void {
    for (let i = 0; i < gradient.rows; i++) gradient.set(i, 0, 1);
  }

  lossGradient(gradient: Matrix, { y }: CriticTarget, weight: Float64Array): void {
    const B = gradient.rows;
    let sum = 0;
    for (let i = 0; i < B; i++) {
      const difference = this.values[i] - y[i];
      sum += weight[i] * (difference * difference);
      gradient.set(i, 0, weight[i] * ((2 / B) * difference));
    }
    this.loss = sum / B;
  }
}

/** As `Squared`, with the row's loss ½ δ² for |δ| ≤ 1 and |δ| − ½ beyond, where δ = Q − y: its slope is δ within ±1. */
class Huber extends Squared {
  override lossGradient(gradient: Matrix, { y }: CriticTarget, weight: Float64Array): void {
    const B = gradient.rows;
    let sum = 0;
    for (let i = 0; i < B; i++) {
      const difference = this.values[i] - y[i];
      const size = Math.abs(difference);
      sum += weight[i] * (size <= 1 ? 0.5 * difference * difference : size - 0.5);
      gradient.set(i, 0, (weight[i] / B) * Math.min(1, Math.max(-1, difference)));
    }
    this.loss = sum / B;
  }
}

/** Returns the K returns z that a categorical critic knows, evenly spaced from −s to s. */
function atomsOf({ criticAtoms: K, criticSupport: s }: LossSettings): Float64Array {
  return Float64Array.from({ length: K }, (_, k) => -s + (2 * s * k) / (K - 1));
}

/**
 * The K outputs l are logits: p = softmax(l) is the probability of each return z, and Q = Σ p z (Bellemare et al., arXiv
 * 1707.06887). L = 1/B Σ wᵢ (−Σ q log p) for the target distribution q, so that ∂L/∂l = 1/B wᵢ (p − q);
 * ∂Q/∂l = p (z − Q).
 */
export class Categorical implements CriticHead {
  readonly values: Float64Array;
  loss = 0;
  /** p [B, K] of the outputs that `read` got. */
  readonly probabilities: Matrix;
  readonly #kernels: Kernels;
  readonly #atoms: Float64Array;
  /** The largest logit m of each row, and Σ e^(l − m): [B, 2]. */
  readonly #sums: Matrix;
  /** z [K, 1], and Q [B, 1]: their product with p. */
  readonly #returns: Matrix;
  readonly #product: Matrix;
  #output: Matrix | null = null;

  constructor(settings: LossSettings, rows: number, kernels: Kernels) {
    this.values = new Float64Array(rows);
    this.#kernels = kernels;
    this.#atoms = atomsOf(settings);
    this.#sums = allocateMatrix(kernels, rows, 2);
    // A sum that no kernel has written yet, as in the dry run, must have a logarithm.
    for (let i = 0; i < rows; i++) this.#sums.set(i, 1, 1);
    this.probabilities = allocateMatrix(kernels, rows, settings.criticAtoms);
    this.#returns = allocateMatrix(kernels, settings.criticAtoms, 1);
    writeMatrix(this.#returns, this.#atoms);
    this.#product = allocateMatrix(kernels, rows, 1);
  }

  read(output: Matrix): Float64Array {
    const { values } = this;
    this.#output = output;
    this.#kernels.softmax(this.probabilities, this.#sums, output);
    this.#kernels.multiply(this.#product, this.probabilities, this.#returns, null);
    for (let i = 0; i < values.length; i++) values[i] = this.#product.at(i, 0);
    return values;
  }

  valueGradient(gradient: Matrix): void {
    const { values } = this;
    const atoms = this.#atoms;
    const { data: p, rowStride } = this.probabilities;
    const { data: g, rowStride: gStride } = gradient;
    const K = atoms.length;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      const row = i * rowStride;
      const gRow = i * gStride;
      for (let k = 0; k < K; k++) g[gRow + k] = p[row + k] * (atoms[k] - value);
    }
  }

  lossGradient(gradient: Matrix, { distribution }: CriticTarget, weight: Float64Array): void {
    const output = this.#output;
    if (!output) throw new Error("Categorical.lossGradient: call read first");
    const { data: p, rowStride } = this.probabilities;
    const { data: g, rowStride: gStride } = gradient;
    const { data: logits, rowStride: logitStride } = output;
    const B = gradient.rows;
    const K = this.#atoms.length;
    let sum = 0;
    for (let i = 0; i < B; i++) {
      const row = i * rowStride;
      const gRow = i * gStride;
      const logitRow = i * logitStride;
      const factor = weight[i] / B;
      const logSum = this.#sums.at(i, 0) + log(this.#sums.at(i, 1));
      let crossEntropy = 0;
      for (let k = 0; k < K; k++) {
        const q = distribution[i * K + k];
        crossEntropy += q * (logSum - logits[logitRow + k]);
        g[gRow + k] = factor * (p[row + k] - q);
      }
      sum += weight[i] * crossEntropy;
    }
    this.loss = sum / B;
  }
}
