import { joinNumbers } from "../base/numbers.ts";
import type { Matrix } from "../kernels/matrix.ts";
import type { Critic } from "./critic.ts";

/** The names of an update's scalar measurements, in the order in which files hold them. */
export const diagnosticsNames = [
  "criticLoss",
  "meanValue",
  "actorLoss",
  "criticGradientNorm",
  "actorGradientNorm",
] as const;

export type DiagnosticsName = (typeof diagnosticsNames)[number];

/**
 * Measurements of one update. With two critics, their numbers are means over both. With `actorDelay`, the actor's are
 * those of the last update that moved it, and 0 before the first. The minibatch is the rows that were drawn: with
 * `replayPriority`, these are not a uniform sample.
 */
export class Diagnostics implements Record<DiagnosticsName, number> {
  /** L = 1/B Σ w (y − Q(s, a))², or that of `criticLoss`, before the update and without L2. w is each row's weight, usually 1. */
  criticLoss = 0;
  /** The mean of Q(s, a) over the minibatch. */
  meanValue = 0;
  /** −1/B Σ Q(s, μ(s)), after the critic's update and before the actor's, plus the pre-activation penalty. */
  actorLoss = 0;
  /** The Euclidean norm of the critic loss's gradient, without L2 and before clipping. */
  criticGradientNorm = 0;
  /** The Euclidean norm of the gradient of the actor's loss. */
  actorGradientNorm = 0;
  /**
   * The fraction of the minibatch with |μ(s)| > 0.99, for each action dimension: [A]. Near 1 the policy has stopped
   * learning.
   */
  readonly saturation: Float64Array;

  /** @internal The length of what `saveActor` returns. */
  static actorStateSize(actionSize: number): number {
    return 2 + actionSize;
  }

  constructor(actionSize: number) {
    this.saturation = new Float64Array(actionSize);
  }

  /** @internal Returns the actor's numbers, which an update that does not move the actor leaves as they are; a fresh array. */
  saveActor(): Float64Array {
    return joinNumbers([[this.actorLoss, this.actorGradientNorm], this.saturation]);
  }

  /** @internal Restores what `saveActor` returned. */
  restoreActor(state: Float64Array): void {
    [this.actorLoss, this.actorGradientNorm] = state;
    this.saturation.set(state.subarray(2));
  }

  /** @internal Reads the critics' losses and values of Q(s, a), after `compare`. */
  readCritics(critics: readonly Critic[]): void {
    this.criticLoss = 0;
    this.meanValue = 0;
    for (let j = 0; j < critics.length; j++) {
      const { head } = critics[j];
      let sum = 0;
      for (let i = 0; i < head.values.length; i++) sum += head.values[i];
      this.criticLoss += head.loss / critics.length;
      this.meanValue += sum / head.values.length / critics.length;
    }
  }

  /** @internal Reads the norms of the critics' gradients, after `descend`. */
  readCriticGradients(critics: readonly Critic[]): void {
    this.criticGradientNorm = 0;
    for (const { gradientNorm } of critics) this.criticGradientNorm += gradientNorm / critics.length;
  }

  /** @internal Computes the actor's loss and the saturation from Q(s, μ(s)) [B], μ(s) [B, A] and the pre-activation penalty. */
  readActor(value: Float64Array, action: Matrix, penalty: number): void {
    let sum = 0;
    for (let i = 0; i < value.length; i++) sum += value[i];
    this.actorLoss = penalty - sum / value.length;
    for (let j = 0; j < action.columns; j++) {
      let saturated = 0;
      for (let i = 0; i < action.rows; i++) if (Math.abs(action.at(i, j)) > 0.99) saturated++;
      this.saturation[j] = saturated / action.rows;
    }
  }
}
