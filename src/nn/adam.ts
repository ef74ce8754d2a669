import { expect } from "../base/expect.ts";
import type { Saved } from "../base/saved.ts";
import type { AdamStep, Kernels } from "../kernels/kernels.ts";
import type { Matrix, Vector } from "../kernels/matrix.ts";
import { type Parameters, type TensorShape, view } from "./parameters.ts";

/** The constants of Adam, with the symbols of Kingma & Ba, Algorithm 1. */
export interface AdamOptions {
  /** α, the step size. */
  learningRate: number;
  /** β₁, the decay of the first moment. */
  beta1: number;
  /** β₂, the decay of the second moment. */
  beta2: number;
  /** ε, added to √v̂ outside the root. */
  epsilon: number;
  /** L2 regularization: weightDecay · w is added to the gradients of weights, but not of biases, scales and shifts. */
  weightDecay: number;
  /** λ, decoupled decay (Loshchilov & Hutter, AdamW): weights ← (1 − α λ) · weights before each step. Default: 0. */
  decoupledWeightDecay?: number;
  /** A longer gradient, over all tensors and without L2, is scaled down to this Euclidean norm. Default 0: no limit. */
  maxGradientNorm?: number;
}

/** Subnormal moments are set to 0 every this many steps, because processors compute slowly with subnormal numbers. */
const flushEvery = 256;

/** The Adam optimizer (Kingma & Ba, arXiv 1412.6980, Algorithm 1) for the parameters of one network. */
export class Adam implements Saved {
  /** The length of the saved state: β₁ᵗ, β₂ᵗ and t. */
  static readonly stateSize = 3;
  readonly stateSize = Adam.stateSize;
  readonly #kernels: Kernels;
  /** The Euclidean norm of the last step's gradient over all tensors, without L2 and before clipping. */
  gradientNorm = 0;
  readonly #learningRate: number;
  readonly #step: AdamStep;
  readonly #maxGradientNorm: number;
  readonly #decay: { readonly rate: number };
  /** What decoupled decay moves weights toward; empty without it. */
  readonly #zeros: Vector;
  readonly #tensors: readonly {
    name: string;
    weightDecay: number;
    zeros: Vector;
    values: Vector;
    gradients: Vector;
    m: Vector;
    v: Vector;
  }[];
  // βᵗ as running products, because the results of `**` differ between engines.
  #beta1Power = 1;
  #beta2Power = 1;
  readonly #moments: readonly [m: Vector, v: Vector];
  readonly #parameters: Parameters;
  #steps = 0;

  constructor(kernels: Kernels, parameters: Parameters, options: AdamOptions) {
    this.#kernels = kernels;
    this.#parameters = parameters;
    const { learningRate, beta1, beta2, epsilon } = options;
    this.#learningRate = learningRate;
    this.#step = { stepSize: 0, correction: 1, beta1, beta2, epsilon, weightDecay: 0, squares: 0 };
    this.#maxGradientNorm = options.maxGradientNorm ?? 0;
    this.#decay = { rate: learningRate * (options.decoupledWeightDecay ?? 0) };
    const isDecayed = ({ kind }: TensorShape): boolean => this.#decay.rate > 0 && kind === "weights";
    const lengths = parameters.tensors.map((tensor) => (isDecayed(tensor) ? tensor.end - tensor.start : 0));
    this.#zeros = kernels.allocate(lengths.reduce((longest, length) => Math.max(longest, length), 0));
    const m = kernels.allocate(parameters.values.length);
    const v = kernels.allocate(parameters.values.length);
    this.#moments = [m, v];
    this.#tensors = parameters.tensors.map(({ name, kind, start, end }, index) => ({
      name,
      weightDecay: kind === "weights" ? options.weightDecay : 0,
      zeros: this.#zeros.subarray(0, lengths[index]),
      values: parameters.values.subarray(start, end),
      gradients: parameters.gradients.subarray(start, end),
      m: m.subarray(start, end),
      v: v.subarray(start, end),
    }));
  }

  /** The number of steps taken. */
  get steps(): number {
    return this.#steps;
  }

  /** Returns the first moment m or the second moment v of the tensor `name`, in its shape; a view. */
  moment(which: "m" | "v", name: string): Matrix {
    return view(this.#moments[which === "m" ? 0 : 1], this.#parameters.tensor(name));
  }

  /** Returns what the next step depends on besides parameters and moments: β₁ᵗ, β₂ᵗ and t. */
  save(): Float64Array {
    return Float64Array.of(this.#beta1Power, this.#beta2Power, this.#steps);
  }

  restore(state: ArrayLike<number>, where = "Adam.restore state"): void {
    const [power1, power2, steps] = Array.from(state);
    expect(Number.isSafeInteger(steps) && steps >= 0, `${where} t`, "a whole number of at least 0", steps);
    const { beta1, beta2 } = this.#step;
    const bounds = [
      ["β₁ᵗ", power1, beta1],
      ["β₂ᵗ", power2, beta2],
    ] as const;
    for (const [name, power, beta] of bounds) {
      // A step whose gradient overflowed has multiplied the powers, but is not counted.
      const max = steps === 0 ? 1 : beta;
      expect(power >= 0 && power <= max, `${where} ${name}`, `a number from 0 to ${max}`, power);
    }
    [this.#beta1Power, this.#beta2Power, this.#steps] = [power1, power2, steps];
  }

  /**
   * Takes one step down the gradients. Throws a NotFiniteError that names the tensor, after `where`, if a gradient is
   * not finite.
   */
  step(where: string): void {
    const step = this.#step;
    this.#beta1Power *= step.beta1;
    this.#beta2Power *= step.beta2;
    step.stepSize = this.#learningRate / (1 - this.#beta1Power);
    step.correction = Math.sqrt(1 - this.#beta2Power);
    const norm = this.#clip();
    let squares = 0;
    for (const { name, weightDecay, zeros, values, gradients, m, v } of this.#tensors) {
      // A soft update toward 0 at the rate α λ.
      if (zeros.length > 0) this.#kernels.softUpdate(values, zeros, this.#decay);
      step.weightDecay = weightDecay;
      this.#kernels.adam(values, gradients, m, v, step);
      // A gradient whose square overflows Float32 would leave v infinite and freeze its parameter forever.
      if (!(step.squares < 3e38)) throw new NotFiniteError(`${where} ${name} gradient`);
      squares += step.squares;
    }
    this.gradientNorm = norm ?? Math.sqrt(squares);
    // While a gradient stays 0, as for a dead unit, its moments keep shrinking toward the subnormal range.
    if (++this.#steps % flushEvery === 0) for (const moment of this.#moments) this.#kernels.flush(moment);
  }

  /**
   * Scales the gradient of all tensors together down to the largest norm, and returns the norm it had; null without a
   * limit. The sums are in Float64 and in the order of memory, where padding is 0, so every backend has the same bits.
   */
  #clip(): number | null {
    if (this.#maxGradientNorm === 0) return null;
    const { gradients } = this.#parameters;
    let squares = 0;
    for (let p = 0; p < gradients.length; p++) squares += gradients[p] * gradients[p];
    const norm = Math.sqrt(squares);
    const factor = this.#maxGradientNorm / norm;
    // The step reports a gradient that is not finite, by the name of its tensor.
    if (factor < 1 && norm < Infinity) for (let p = 0; p < gradients.length; p++) gradients[p] *= factor;
    return norm;
  }
}

/** A loss, gradient or parameter became NaN or infinite: the run cannot continue. */
export class NotFiniteError extends Error {
  override name = "NotFiniteError";

  /** `tensor`: the name of what is not finite. */
  constructor(tensor: string) {
    super(
      `${tensor}: expected finite numbers, got NaN or Infinity. Try lower learning rates, or scale observations and rewards.`,
    );
  }
}
