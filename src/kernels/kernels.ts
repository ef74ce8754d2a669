import type { Matrix, Vector } from "./matrix.ts";

/**
 * The arithmetic of the networks: the contract that every implementation keeps, and the only documentation of each
 * kernel. `reference.ts` implements it in plain loops, `wasm/` makes it fast. Outputs come first and are overwritten,
 * never accumulated, unless a kernel says so. A kernel allocates nothing.
 *
 * Matrices are stored row by row. All except the A of `multiply` have a column stride of 1 and a row stride that is a
 * multiple of `rowMultiple`; a vector's allocation is rounded up likewise. What is between `columns` and the row stride,
 * or after a vector's end, is padding: it is zero when allocated, and every kernel writes zeros there. So the fast
 * kernels need no code for edges, and an optimizer can process all parameters as one flat vector.
 *
 * Non-integer scalars are passed in an options object: V8 heap-allocates a double argument or result of any call that it
 * does not inline.
 *
 * The order of a product's sum and the rounding of its steps are fixed, so every implementation gives the same bits. Every
 * other kernel rounds each of its operations, whatever the arithmetic: Adam, soft updates, activations, normalizations and
 * the sums over a batch never fuse a product and a sum. For layer normalization the order of its sums is fixed as well.
 *
 * B is the number of rows in a batch, I and J are a layer's inputs and outputs, P is a number of parameters.
 */
export interface Kernels {
  /** Every row stride is a multiple of this. */
  readonly rowMultiple: number;

  /** How many threads may share a call: 1 for most. The results have the same bits with any number. */
  readonly threads: number;

  /** How the steps of `multiply` are rounded. */
  readonly arithmetic: Arithmetic;

  /** Returns `length` zeros that these kernels can reach. Throws when their memory is used up. */
  allocate(length: number): Vector;

  /**
   * C [M, N] = A [M, K] · B [K, N] + start. `start` is a row [1, N] that is added to every row, or C itself, or null for
   * zeros. Only A may have any strides (a transposed view, for example). A sum starts with `start` and adds the products
   * in the order of K, one at a time: sum ← a · b + sum. This step is all that `arithmetic` decides: portable, the
   * product is rounded to the width of the numbers, and so is the sum; fused, a · b + sum is rounded once.
   */
  multiply(c: Matrix, a: Matrix, b: Matrix, start: Matrix | null): void;

  /** out [J, I] = xᵀ of x [I, J]. Any sizes. */
  transpose(out: Matrix, x: Matrix): void;

  /** out [J] = the sum over the rows of x [B, J]: the gradient of a bias. */
  sumRows(out: Vector, x: Matrix): void;

  /**
   * out [B, J] = x [B, J] − row [J], from every row. `row` may be the first row of x, in which case out must not be x. A
   * column whose numbers are all the same becomes exactly 0, whatever the number is.
   */
  subtractRow(out: Matrix, x: Matrix, row: Vector): void;

  /** x ← max(0, x), in place. NaN stays NaN. */
  relu(x: Matrix): void;

  /** g ← g where y > 0, else 0: through y = relu(x), in place. */
  reluGradient(g: Matrix, y: Matrix): void;

  /** x ← tanh x, in place. Within 4 units in the last place of Float32 in the fast implementation. */
  tanh(x: Matrix): void;

  /** g ← g · (1 − y²): through y = tanh(x), in place. */
  tanhGradient(g: Matrix, y: Matrix): void;

  /**
   * p [B, K] = softmax of each row of x [B, K]: p = e^(x − m) / S with m the row's largest number and S = Σ e^(x − m).
   * Writes m and S of each row to `sums` [B, 2], so that log p = x − m − log S. A row with NaN or ∞ becomes NaN. In the fast
   * implementation x − m is rounded, and a number more than 87 below m counts as −∞.
   */
  softmax(p: Matrix, sums: Matrix, x: Matrix): void;

  /**
   * Batch normalization with the batch's own statistics, per column of x [B, J] (Ioffe & Szegedy, arXiv 1502.03167,
   * Algorithm 1): mean μ and uncorrected variance v (÷ B) over the rows, x̂ = (x − μ) / √(v + ε), y = γ x̂ + β.
   * Writes y, x̂ (`normalized`), 1/√(v + ε) (`inverseDeviation` [J]), μ (`mean` [J]) and v (`variance` [J]). y may be x.
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

  /** y = γ (x − mean) / √(variance + ε) + β with given statistics [J]. y may be x. */
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
   * Layer normalization (Ba et al., arXiv 1607.06450), per row of x [B, J]: mean μ = Σ x / J and uncorrected variance
   * v = Σ (x − μ)² / J over the columns, r = 1 / √(v + ε), x̂ = (x − μ) r, y = γ x̂ + β, with γ and β per column. Writes y,
   * x̂ (`normalized`) and r (`inverseDeviation` [B]). y and x̂ may be x. x̂ may be y: then y remains.
   *
   * Σ over a row is a `rowSum`: 16 sums of every 16th column, each from 0 upwards, then added in halves: the sum of lane l
   * grows by that of lane l + 8, then by that of l + 4, l + 2 and l + 1. So vectors of every width give the same bits. Each
   * operation is rounded once, in the order of the formulas.
   */
  layerNorm(
    y: Matrix,
    normalized: Matrix,
    inverseDeviation: Vector,
    x: Matrix,
    scale: Vector,
    shift: Vector,
    options: { readonly epsilon: number },
  ): void;

  /**
   * Back through `layerNorm`, in place: on entry g [B, J] = ∂L/∂y, on return ∂L/∂x = r ((h − Σ h / J) − x̂ · (Σ h x̂ / J)) with
   * h = γ g and the sums of a row as in `layerNorm`.
   */
  layerNormGradient(g: Matrix, normalized: Matrix, inverseDeviation: Vector, scale: Vector): void;

  /** Of y = γ x̂ + β from g [B, J] = ∂L/∂y: ∂L/∂γ = Σ g x̂ and ∂L/∂β = Σ g (both [J]), sums over the rows in their order. */
  scaleAndShiftGradient(scaleGradient: Vector, shiftGradient: Vector, g: Matrix, normalized: Matrix): void;

  /**
   * Adam (Kingma & Ba, arXiv 1412.6980), in place over P parameters with g = gradient + weightDecay · parameter:
   * m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²,
   * parameter ← parameter − stepSize · m / (√v / correction + ε).
   */
  adam(parameters: Vector, gradients: Vector, m: Vector, v: Vector, step: AdamStep): void;

  /** x ← 0 where |x| < 2⁻¹²⁶, Float32's smallest normal number, in place. Processors are slow with smaller numbers. */
  flush(x: Vector): void;

  /** target ← rate · online + (1 − rate) · target, over P numbers; computed as target + rate · (online − target). */
  softUpdate(target: Vector, online: Vector, options: { readonly rate: number }): void;
}

/**
 * How the step sum ← a · b + sum of a product is rounded: `fused`, once, by the processor's fused multiply-add; `portable`,
 * after the product and after the sum, which every engine can do. The same seed gives the same bits with the same
 * arithmetic.
 */
export type Arithmetic = "fused" | "portable";

/** The kernels by name: the members of the contract that calculate. */
export type KernelName = Exclude<keyof Kernels, "rowMultiple" | "threads" | "arithmetic" | "allocate">;

/** The scalars of one step of `adam`. */
export interface AdamStep {
  /** α / (1 − β₁ᵗ). */
  stepSize: number;
  /** √(1 − β₂ᵗ). */
  correction: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** The kernel writes Σ gradient² here, without the decay. It is not finite when a gradient is not. */
  squares: number;
}
