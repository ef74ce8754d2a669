import type { Matrix } from "../kernels/matrix.ts";

/**
 * Returns the gradient of `loss` with respect to every element of `values`, row by row, by central differences
 * (L(x + h) − L(x − h)) / 2h. Hand-derived gradients are checked against it, in Float64. A fresh array; `values` are
 * restored.
 */
export function numericalGradient(values: Matrix, loss: () => number, h = 1e-5): Float64Array {
  const gradient = new Float64Array(values.rows * values.columns);
  for (let i = 0; i < values.rows; i++) {
    for (let j = 0; j < values.columns; j++) {
      const x = values.at(i, j);
      values.set(i, j, x + h);
      const above = loss();
      values.set(i, j, x - h);
      const below = loss();
      values.set(i, j, x);
      gradient[i * values.columns + j] = (above - below) / (2 * h);
    }
  }
  return gradient;
}

/** Returns ‖a − n‖ / (‖a‖ + ‖n‖), or 0 if ‖a‖ + ‖n‖ is below 2e-9: then rounding would dominate. */
export function relativeError(analytic: ArrayLike<number>, numerical: ArrayLike<number>): number {
  let [difference, a, n] = [0, 0, 0];
  for (let i = 0; i < numerical.length; i++) {
    difference += (analytic[i] - numerical[i]) * (analytic[i] - numerical[i]);
    a += analytic[i] * analytic[i];
    n += numerical[i] * numerical[i];
  }
  const size = Math.sqrt(a) + Math.sqrt(n);
  return size < 2e-9 ? 0 : Math.sqrt(difference) / size;
}
