// The losses of `criticLoss`, and what a critic's outputs mean under each of them.
import { exp, log } from "../base/math.ts";
import type { Matrix } from "../kernels/matrix.ts";
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
  /**
   * Writes ∂L/∂output [B, J] at the last `read`, and returns L, the mean over the rows of weight times the row's loss.
   */
  lossGradient(gradient: Matrix, target: CriticTarget, weight: Float64Array): number;
}

/** Returns J, the number of a critic's outputs. */
export function criticOutputs({ criticLoss, criticAtoms }: LossSettings): number {
  return criticLoss === "categorical" ? criticAtoms : 1;
}

/** Creates what reads the outputs of one critic for `rows` rows. */
export function createHead(settings: LossSettings, rows: number): CriticHead {
  switch (settings.criticLoss) {
    case "squared":
      return new Squared(rows);
    case "huber":
      return new Huber(rows);
    case "categorical":
      return new Categorical(settings, rows);
  }
}

/** Q is the only output; L = 1/B Σ wᵢ (yᵢ − Qᵢ)², so that ∂L/∂Qᵢ = 2/B wᵢ (Qᵢ − yᵢ). */
class Squared implements CriticHead {
  readonly values: Float64Array;

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

  lossGradient(gradient: Matrix, { y }: CriticTarget, weight: Float64Array): number {
    const B = gradient.rows;
    let sum = 0;
    for (let i = 0; i < B; i++) {
      const difference = this.values[i] - y[i];
      sum += weight[i] * (difference * difference);
      gradient.set(i, 0, weight[i] * ((2 / B) * difference));
    }
    return sum / B;
  }
}

/** As `Squared`, with the row's loss ½ δ² for |δ| ≤ 1 and |δ| − ½ beyond, where δ = Q − y: its slope is δ within ±1. */
class Huber extends Squared {
  override lossGradient(gradient: Matrix, { y }: CriticTarget, weight: Float64Array): number {
    const B = gradient.rows;
    let sum = 0;
    for (let i = 0; i < B; i++) {
      const difference = this.values[i] - y[i];
      const size = Math.abs(difference);
      sum += weight[i] * (size <= 1 ? 0.5 * difference * difference : size - 0.5);
      gradient.set(i, 0, (weight[i] / B) * Math.min(1, Math.max(-1, difference)));
    }
    return sum / B;
  }
}

/** Returns the K returns z that a categorical critic knows, evenly spaced from −s to s. */
export function atomsOf({ criticAtoms: K, criticSupport: s }: LossSettings): Float64Array {
  return Float64Array.from({ length: K }, (_, k) => -s + (2 * s * k) / (K - 1));
}

/**
 * The K outputs l are logits: p = softmax(l) is the probability of each return z, and Q = Σ p z (Bellemare et al., arXiv
 * 1707.06887). L = 1/B Σ wᵢ (−Σ q log p) for the target distribution q, so that ∂L/∂l = 1/B wᵢ (p − q);
 * ∂Q/∂l = p (z − Q).
 */
export class Categorical implements CriticHead {
  readonly values: Float64Array;
  /** p [B, K] of the outputs that `read` got, row by row. */
  readonly probabilities: Float64Array;
  readonly #atoms: Float64Array;
  /** log Σ eˡ [B] */
  readonly #logSums: Float64Array;
  #output: Matrix | null = null;

  constructor(settings: LossSettings, rows: number) {
    this.values = new Float64Array(rows);
    this.#logSums = new Float64Array(rows);
    this.#atoms = atomsOf(settings);
    this.probabilities = new Float64Array(rows * settings.criticAtoms);
  }

  read(output: Matrix): Float64Array {
    const { probabilities, values } = this;
    const atoms = this.#atoms;
    const { data, rowStride } = output;
    const K = atoms.length;
    this.#output = output;
    for (let i = 0; i < output.rows; i++) {
      const [from, to] = [i * rowStride, i * K];
      // The largest logit is subtracted, so that no exponential overflows.
      let largest = data[from];
      for (let k = 1; k < K; k++) if (data[from + k] > largest) largest = data[from + k];
      let sum = 0;
      for (let k = 0; k < K; k++) {
        const power = exp(data[from + k] - largest);
        probabilities[to + k] = power;
        sum += power;
      }
      const factor = 1 / sum;
      let value = 0;
      for (let k = 0; k < K; k++) {
        probabilities[to + k] *= factor;
        value += probabilities[to + k] * atoms[k];
      }
      values[i] = value;
      this.#logSums[i] = largest + log(sum);
    }
    return values;
  }

  valueGradient(gradient: Matrix): void {
    const atoms = this.#atoms;
    const K = atoms.length;
    for (let i = 0; i < gradient.rows; i++) {
      for (let k = 0; k < K; k++) {
        gradient.data[i * gradient.rowStride + k] = this.probabilities[i * K + k] * (atoms[k] - this.values[i]);
      }
    }
  }

  lossGradient(gradient: Matrix, { distribution }: CriticTarget, weight: Float64Array): number {
    const output = this.#output;
    if (!output) throw new Error("Categorical.lossGradient: call read first");
    const B = gradient.rows;
    const K = this.#atoms.length;
    let sum = 0;
    for (let i = 0; i < B; i++) {
      let crossEntropy = 0;
      for (let k = 0; k < K; k++) {
        const q = distribution[i * K + k];
        crossEntropy += q * (this.#logSums[i] - output.data[i * output.rowStride + k]);
        gradient.data[i * gradient.rowStride + k] = (weight[i] / B) * (this.probabilities[i * K + k] - q);
      }
      sum += weight[i] * crossEntropy;
    }
    return sum / B;
  }
}
