import type { Matrix, Vector } from "./matrix.ts";

/**
 * The arithmetic of the networks: the contract that every implementation keeps, and the only documentation of each
 * kernel. `reference.ts` says it in plain loops; `wasm/` is the fast one. Outputs come first and are overwritten, never
 * accumulated, unless a kernel says so. Nothing is allocated by a kernel.
 *
 * Matrices are stored by rows. All but the A of `multiply` have a column stride of 1 and a row stride that is a
 * multiple of `rowMultiple`; a vector's allocation is rounded up likewise. What lies between `columns` and the row
 * stride, or after a vector's end, is padding: zero when allocated, and every kernel writes zeros there, so that the
 * fast kernels need no code for edges and the flat vectors of parameters may be walked as a whole.
 *
 * Fractions come and go as properties of an object: where an engine does not inline a call, each fraction among its
 * arguments or as its result is allocated anew.
 *
 * B is a batch's rows, I and J a layer's inputs and outputs, P a number of parameters.
 */
export interface Kernels {
  /** Every row stride is a multiple of this. */
  readonly rowMultiple: number;

  /** How many threads a call may be split over, 1 for most; it makes no difference to any bit. */
  readonly threads: number;

  /** `length` zeros, reachable by these kernels. Fails when the memory that was set up is used up. */
  allocate(length: number): Vector;

  /**
   * C [M, N] = A [M, K] · B [K, N] + start: a row [1, N] that is added to every row, C itself, or null for zeros. A alone
   * may have any strides (a transposed view, for one). A sum begins with `start` and goes on in the order of K.
   */
  multiply(c: Matrix, a: Matrix, b: Matrix, start: Matrix | null): void;

  /** out [J, I] = xᵀ of x [I, J]. Any sizes. */
  transpose(out: Matrix, x: Matrix): void;

  /** out [J] = the sum over the rows of x [B, J]; the gradient of a bias. */
  sumRows(out: Vector, x: Matrix): void;

  /** x ← max(0, x), in place. NaN stays NaN. */
  relu(x: Matrix): void;

  /** g ← g where y > 0, else 0: through y = relu(x), in place. */
  reluGradient(g: Matrix, y: Matrix): void;

  /** x ← tanh x, in place. Within 4 units in the last place of Float32 in the fast implementation. */
  tanh(x: Matrix): void;

  /** g ← g · (1 − y²): through y = tanh(x), in place. */
  tanhGradient(g: Matrix, y: Matrix): void;

  /**
   * Batch normalisation with the batch's own statistics, per column of x [B, J] (Ioffe & Szegedy, arXiv 1502.03167,
   * Algorithm 1): mean μ and uncorrected variance v (÷ B) over the rows, x̂ = (x − μ) / √(v + ε), y = γ x̂ + β.
   * Writes y, x̂ (`normalized`), 1/√(v + ε) (`inverseDeviation` [J]), μ (`mean` [J]) and v (`variance` [J]).
   */
  batchNorm(
    y: Matrix,
    normalized: Matrix,
    inverseDeviation: Vector,
    mean: Vector,
    variance: Vector,
    x: Matrix,
    scale: Vector,
    shift: Vector,
    options: { readonly epsilon: number },
  ): void;

  /** y = γ (x − mean) / √(variance + ε) + β with given statistics [J]. */
  batchNormRunning(
    y: Matrix,
    x: Matrix,
    mean: Vector,
    variance: Vector,
    scale: Vector,
    shift: Vector,
    options: { readonly epsilon: number },
  ): void;

  /**
   * Back through `batchNorm`, in place: on entry g [B, J] = ∂L/∂y, on return ∂L/∂x. Writes
   * ∂L/∂γ = Σ g x̂ and ∂L/∂β = Σ g (both [J], sums over the batch);
   * ∂L/∂x = γ · inverseDeviation · (g − (∂L/∂β + x̂ · ∂L/∂γ) / B).
   */
  batchNormGradient(
    g: Matrix,
    scaleGradient: Vector,
    shiftGradient: Vector,
    normalized: Matrix,
    inverseDeviation: Vector,
    scale: Vector,
  ): void;

  /**
   * Adam (Kingma & Ba, arXiv 1412.6980), in place over P parameters with g = gradient + weightDecay · parameter:
   * m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²,
   * parameter ← parameter − stepSize · m / (√v / correction + ε).
   */
  adam(parameters: Vector, gradients: Vector, m: Vector, v: Vector, step: AdamStep): void;

  /** x ← 0 where |x| < 2⁻¹²⁶, Float32's smallest normal number, in place: processors are slow with those below it. */
  flush(x: Vector): void;

  /** target ← rate · online + (1 − rate) · target, over P numbers; computed as target + rate · (online − target). */
  softUpdate(target: Vector, online: Vector, options: { readonly rate: number }): void;
}

/** The fractions of a step of `adam`. */
export interface AdamStep {
  /** α / (1 − β₁ᵗ). */
  stepSize: number;
  /** √(1 − β₂ᵗ). */
  correction: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** Written by the kernel: Σ gradient², without the decay; not finite when a gradient is not. */
  squares: number;
}
