import type { Matrix } from "../kernels/matrix.ts";

/** The names of an update's scalar measurements, in the order in which files hold them. */
export const diagnosticsNames = [
  "criticLoss",
  "meanValue",
  "actorLoss",
  "criticGradientNorm",
  "actorGradientNorm",
] as const;

export type DiagnosticsName = (typeof diagnosticsNames)[number];

/** Measurements of one update. */
export class Diagnostics implements Record<DiagnosticsName, number> {
  /** L = 1/B Σ (y − Q(s, a))², before the update and without L2. */
  criticLoss = 0;
  /** The mean of Q(s, a) over the minibatch. */
  meanValue = 0;
  /** −1/B Σ Q(s, μ(s)), after the critic's update and before the actor's. */
  actorLoss = 0;
  /** The Euclidean norm of the critic loss's gradient, without L2. */
  criticGradientNorm = 0;
  /** The Euclidean norm of the policy gradient. */
  actorGradientNorm = 0;
  /**
   * The fraction of the minibatch with |μ(s)| > 0.99, for each action dimension: [A]. Near 1 the policy has stopped
   * learning.
   */
  readonly saturation: Float64Array;

  constructor(actionSize: number) {
    this.saturation = new Float64Array(actionSize);
  }

  /** Computes the critic's loss and mean value from Q(s, a) [B, 1] and y [B]. */
  readCritic(value: Matrix, y: ArrayLike<number>): void {
    let squares = 0;
    let sum = 0;
    for (let i = 0; i < value.rows; i++) {
      const difference = value.at(i, 0) - y[i];
      squares += difference * difference;
      sum += value.at(i, 0);
    }
    this.criticLoss = squares / value.rows;
    this.meanValue = sum / value.rows;
  }

  /** Computes the actor's loss and the saturation from Q(s, μ(s)) [B, 1] and μ(s) [B, A]. */
  readActor(value: Matrix, action: Matrix): void {
    let sum = 0;
    for (let i = 0; i < value.rows; i++) sum += value.at(i, 0);
    this.actorLoss = -sum / value.rows;
    for (let j = 0; j < action.columns; j++) {
      let saturated = 0;
      for (let i = 0; i < action.rows; i++) if (Math.abs(action.at(i, j)) > 0.99) saturated++;
      this.saturation[j] = saturated / action.rows;
    }
  }
}
