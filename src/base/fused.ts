const double = new Float64Array(1);
/** The bits of `double` as one integer: the next larger magnitude has the next larger integer. */
const bits = new BigInt64Array(double.buffer);

/**
 * a · b + c for Float32 numbers, rounded once to Float32: the fused multiply-add of IEEE 754.
 *
 * The product of two Float32 numbers is exact in Float64, but the sum is rounded to Float64 first and to Float32 next, and
 * the first rounding may hide on which side of a halfway case the exact sum is. So the sum is rounded to odd: of the two
 * Float64 numbers around an inexact sum, the one with an odd last bit. It is on the same side of every Float32 number
 * and of every halfway case as the exact sum, because both have an even last bit in Float64, which has more than two bits
 * more. That also holds for subnormal results, which have fewer bits.
 */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  // Knuth's two-sum: `sum` + `rest` is exact. Nothing overflows, and `rest` is NaN if an argument is not finite.
  const other = sum - product;
  const rest = product - (sum - other) + (c - other);
  if (rest > 0 || rest < 0) {
    double[0] = sum;
    if ((bits[0] & 1n) === 0n) {
      bits[0] += rest > 0 === sum > 0 ? 1n : -1n;
      return Math.fround(double[0]);
    }
  }
  return Math.fround(sum);
}
