// Step 4 beyond the paper: noise on the target actor's action, the lower of two target critics, and the projection of a
// categorical critic.
import type { Random } from "../base/random.ts";
import type { Matrix } from "../kernels/matrix.ts";
import type { Settings } from "./config.ts";
import type { Critic } from "./critic.ts";
import { Categorical, type CriticHead, type CriticTarget } from "./critic-loss.ts";
import type { Minibatch } from "./replay-buffer.ts";

// Shapes: N rows in the minibatch, A action, K atoms.

/** What gives y its next value: a target critic, or a critic whose one pass has both (s, a) and the next pair. */
export interface NextCritic {
  /** Reads the outputs of the next pair. */
  readonly nextHead: CriticHead;
  /** Returns the values of s′ and an action [B]; reused by the next call. */
  nextValues(minibatch: Minibatch, nextAction: Matrix): Float64Array;
}

/** What the critics learn from a minibatch. */
export class Targets implements CriticTarget {
  readonly y: Float64Array;
  readonly distribution: Float64Array;
  /** minⱼ Q′ⱼ(s′, μ′(s′)) [N] of the last update. */
  readonly nextValue: Float64Array;
  /** How many of the N rows had a y beyond ±`criticSupport`, which the projection clipped; 0 unless categorical. */
  clippedRows = 0;
  readonly #critics: readonly NextCritic[];
  /** What reads the critics' outputs, if they are categorical. */
  readonly #heads: readonly Categorical[];
  readonly #settings: Settings;
  readonly #random: Random;
  /** The index of the critic with the lowest value in each row: [N]. */
  readonly #lowest: Uint8Array;

  /** `random` is the stream of the noise on the target actor's action. */
  constructor(settings: Settings, critics: readonly NextCritic[], random: Random) {
    const { batchSize, criticLoss, criticAtoms } = settings;
    this.#settings = settings;
    this.#critics = critics;
    this.#heads = critics.flatMap(({ nextHead }) => (nextHead instanceof Categorical ? [nextHead] : []));
    this.#random = random;
    this.y = new Float64Array(batchSize);
    this.nextValue = new Float64Array(batchSize);
    this.distribution = new Float64Array(criticLoss === "categorical" ? batchSize * criticAtoms : 0);
    this.#lowest = new Uint8Array(batchSize);
  }

  /**
   * Replaces μ′(s′) [N, A] by clip(μ′(s′) + clip(σ 𝒩(0, 1), ±c), ±1), with σ = `targetNoiseScale` and c =
   * `targetNoiseClip` (TD3). Draws nothing if σ is 0.
   */
  smooth(action: Matrix): void {
    const { targetNoiseScale: scale, targetNoiseClip: clip } = this.#settings;
    if (scale === 0) return;
    for (let i = 0; i < action.rows; i++) {
      for (let j = 0; j < action.columns; j++) {
        const noise = Math.min(clip, Math.max(-clip, scale * this.#random.normal()));
        action.set(i, j, Math.min(1, Math.max(-1, action.at(i, j) + noise)));
      }
    }
  }

  /** Returns the lowest of the critics' values of s′ and an action, row by row: [N]; reused by the next call. */
  lowest(minibatch: Minibatch, nextAction: Matrix): Float64Array {
    const { nextValue } = this;
    for (let j = 0; j < this.#critics.length; j++) {
      const values = this.#critics[j].nextValues(minibatch, nextAction);
      for (let i = 0; i < values.length; i++) {
        // A value that is not a number stays, so that it is noticed.
        if (j > 0 && (values[i] >= nextValue[i] || Number.isNaN(nextValue[i]))) continue;
        nextValue[i] = values[i];
        this.#lowest[i] = j;
      }
    }
    return nextValue;
  }

  /**
   * For a categorical critic: moves each of the K returns z of the critic with the lowest value to r + γ z, clips it to
   * the support, and divides its probability between the two neighboring atoms (C51, Algorithm 1). y becomes the mean
   * of this distribution. Does nothing for other losses.
   */
  project({ reward, discount }: Minibatch): void {
    const { y, distribution } = this;
    if (distribution.length === 0) return;
    const { criticAtoms: K, criticSupport: support } = this.#settings;
    const spacing = (2 * support) / (K - 1);
    distribution.fill(0);
    this.clippedRows = 0;
    for (let i = 0; i < y.length; i++) {
      if (Math.abs(y[i]) > support) this.clippedRows++;
      const { data: p, rowStride } = this.#heads[this.#lowest[i]].probabilities;
      const from = i * rowStride;
      const to = i * K;
      // Counted in atoms, r + γ z of atom k is at first + γ k.
      const gamma = discount[i];
      const first = (reward[i] + support * (1 - gamma)) / spacing;
      let mean = 0;
      for (let k = 0; k < K; k++) {
        const position = Math.min(K - 1, Math.max(0, first + gamma * k));
        const below = Math.min(K - 2, Math.floor(position));
        const above = p[from + k] * (position - below);
        distribution[to + below] += p[from + k] - above;
        distribution[to + below + 1] += above;
        mean += p[from + k] * (position * spacing - support);
      }
      y[i] = mean;
    }
  }

  /** Writes maxⱼ |y − Qⱼ| of each row to `out` [N]: what the priority of a transition is made of. */
  absoluteErrors(out: Float64Array, critics: readonly Critic[]): void {
    for (let i = 0; i < out.length; i++) {
      out[i] = 0;
      for (const { head } of critics) out[i] = Math.max(out[i], Math.abs(this.y[i] - head.values[i]));
    }
  }
}
