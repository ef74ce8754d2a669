/**
 * Elementary functions in Float64 that give the same bits on every engine. They use only +, −, ×, ÷, √ and rounding,
 * whose results IEEE 754 specifies exactly; `Math.sin` and its like may differ between engines. The coefficients are
 * from fdlibm (Sun Microsystems, 1993) and, for tanh, from Cephes (S. Moshier, 1989). The stated errors are the largest
 * found in comparisons with 60-digit values.
 */

/** π, rounded to Float64. */
// biome-ignore lint/suspicious/noApproximativeNumericConstant: Math is used only for operations that IEEE 754 specifies
export const pi = 3.141592653589793;

const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);
const HIGH = 1; // index of the word with sign and exponent: JavaScript engines run on little-endian platforms

const LN2_HIGH = 0.6931471803691238; // 33 bits of ln 2, so that k · LN2_HIGH is exact
const LN2_LOW = 1.9082149292705877e-10;
const INVERSE_LN2 = 1 / (LN2_HIGH + LN2_LOW);

/** Returns eˣ. The error is under 0.9 ulp, for subnormal results too. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.782712893384) return Infinity;
  if (x < -745.1332191019411) return 0;
  // x = k ln 2 + r with |r| ≤ ln 2 / 2; e^r = 1 + r + r c / (2 − c), c = r − r² P(r²).
  const k = Math.floor(x * INVERSE_LN2 + 0.5);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const z = r * r;
  const p =
    0.16666666666666602 +
    z *
      (-0.0027777777777015593 + z * (6.613756321437934e-5 + z * (-1.6533902205465252e-6 + z * 4.1381367970572385e-8)));
  const c = r - z * p;
  return scale(1 - (low - (r * c) / (2 - c) - high), k);
}

/** Returns y · 2ᵏ, rounded once. */
function scale(y: number, k: number): number {
  if (k > 1023) return y * 2 * powerOfTwo(k - 1);
  if (k < -1021) return y * powerOfTwo(k + 1000) * powerOfTwo(-1000);
  return y * powerOfTwo(k);
}

/** Returns 2ᵏ for −1022 ≤ k ≤ 1023. */
function powerOfTwo(k: number): number {
  words[0] = 0;
  words[HIGH] = (k + 1023) << 20;
  return number[0];
}

/** Returns the natural logarithm of x: −∞ at 0, NaN below. The error is under 0.85 ulp. */
export function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return NaN;
  if (x === 0) return -Infinity;
  if (x === Infinity) return x;
  let k = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984;
    k = -54;
  }
  // x = 2^k (1 + f) with √½ < 1 + f < √2; log(1 + f) = f − f²/2 + s (f²/2 + R(s²)), s = f / (2 + f).
  number[0] = x;
  k += (words[HIGH] >>> 20) - 1023;
  words[HIGH] = (words[HIGH] & 0xfffff) | 0x3ff00000;
  if (number[0] > Math.sqrt(2)) {
    words[HIGH] -= 0x100000;
    k++;
  }
  const f = number[0] - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
  const odd = z * (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586)));
  const half = 0.5 * f * f;
  return k * LN2_HIGH - (half - (s * (half + even + odd) + k * LN2_LOW) - f);
}

/** Returns the hyperbolic tangent of x. The error is under 1.3 ulp. */
export function tanh(x: number): number {
  if (x === 0) return x; // keeps the sign of zero
  const size = Math.abs(x);
  if (size < 0.625) {
    const z = x * x;
    const p = (-0.9643991794250523 * z - 99.28772310019185) * z - 1614.6876844170845;
    const q = ((z + 112.81167849163293) * z + 2235.4883906010045) * z + 4844.063053251255;
    return x + x * z * (p / q);
  }
  const result = 1 - 2 / (exp(2 * size) + 1);
  return x < 0 ? -result : result;
}

/**
 * Returns the sine of x radians; NaN if x is infinite. The error is under 0.8 ulp for |x| ≤ 1,600,000. A larger x is
 * first reduced modulo the Float64 nearest to 2π, so the result belongs to an angle off by up to |x| · 4e-17.
 */
export function sin(x: number): number {
  const quadrant = reduce(x);
  const value = quadrant & 1 ? cosine(remainder, remainderLow) : sine(remainder, remainderLow);
  return quadrant & 2 ? -value : value;
}

/** Returns the cosine of x radians, with the same range and errors as `sin`. */
export function cos(x: number): number {
  const quadrant = reduce(x);
  const value = quadrant & 1 ? sine(remainder, remainderLow) : cosine(remainder, remainderLow);
  return (quadrant + 1) & 2 ? -value : value;
}

// Second result of `reduce`: x − n π/2 as the sum of two numbers. Returning an object would allocate.
let remainder = 0;
let remainderLow = 0;

/** Finds x = n π/2 + remainder + remainderLow with |remainder| ≤ π/4: sets the two remainders and returns n. */
function reduce(x: number): number {
  if (Math.abs(x) > 1.6e6) x %= 2 * pi;
  const n = Math.round(x * 0.6366197723675814);
  remainderLow = 0;
  remainder = x;
  if (n === 0) return 0;
  // π/2 is split into pieces of 33 bits, so that their products with n are exact, and so is each difference.
  const first = x - n * 1.5707963267341256;
  let product = n * 6.077100506303966e-11;
  let rest = first - product;
  let low = n * 2.0222662487959506e-21 - (first - rest - product);
  if (Math.abs(rest - low) < Math.abs(x) * 1.7763568394002505e-15) {
    // 49 bits cancelled: x is next to a multiple of π/2.
    const second = rest;
    product = n * 2.0222662487111665e-21;
    rest = second - product;
    low = n * 8.4784276603689e-32 - (second - rest - product);
  }
  remainder = rest - low;
  remainderLow = rest - remainder - low;
  return n;
}

/** Returns sin(x + y) for |x| ≤ π/4 and y far smaller than x: x + S1 x³ + … */
function sine(x: number, y: number): number {
  const z = x * x;
  const cube = z * x;
  const r =
    0.00833333333332249 +
    z *
      (-0.0001984126982985795 + z * (2.7557313707070068e-6 + z * (-2.5050760253406863e-8 + z * 1.58969099521155e-10)));
  return x - (z * (0.5 * y - cube * r) - y - cube * -0.16666666666666632);
}

/** Returns cos(x + y) for |x| ≤ π/4 and y far smaller than x: 1 − x²/2 + C1 x⁴ + … */
function cosine(x: number, y: number): number {
  const z = x * x;
  const r =
    z *
    (0.0416666666666666 +
      z *
        (-0.001388888888887411 +
          z *
            (2.480158728947673e-5 +
              z * (-2.7557314351390663e-7 + z * (2.087572321298175e-9 + z * -1.1359647557788195e-11)))));
  const half = 0.5 * z;
  const w = 1 - half;
  return w + (1 - w - half + (z * r - x * y));
}
