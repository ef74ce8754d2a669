// The kernels of ../../kernels.ts in AssemblyScript, 128-bit SIMD. Pointers, strides, widths and sizes of vectors are in
// bytes; `rows` and `inner` count. A width is a row's columns rounded up to 16 floats, so every loop walks whole
// vectors and whole padding, and nothing here knows an edge. Only the last rows of a product are short of a tile.
//
// No products and sums are fused or reordered: WebAssembly then fixes every bit, and an element's bits depend on its
// own row and column alone, not on which tile it fell into. A product's loops are kept plain for V8, which can then
// double their width.
//
// Memory is imported and never grown; the module has no data and no heap of its own.

const VECTOR: usize = 16;
const CHUNK: usize = 4 * 4096;
const ZERO = f32x4.splat(0);
const ONE = f32x4.splat(1);

/** C = A · B, tiles of 4 rows × 8 columns. `width`: bytes of a row of C and of B. */
export function multiply(
  c: usize,
  cStride: usize,
  a: usize,
  aRowStride: usize,
  aColumnStride: usize,
  b: usize,
  bStride: usize,
  rows: i32,
  inner: i32,
  width: usize,
  accumulate: bool,
): void {
  const whole = rows & ~3;
  const bSize = <usize>inner * bStride;
  for (let j: usize = 0; j < width; j += 2 * VECTOR) {
    let cTile = c + j;
    let aTile = a;
    for (let i = 0; i < whole; i += 4) {
      multiplyTile(cTile, cStride, aTile, aRowStride, aColumnStride, b + j, bStride, bSize, accumulate);
      cTile += 4 * cStride;
      aTile += 4 * aRowStride;
    }
  }
  for (let i = whole; i < rows; i++) {
    const cRow = c + <usize>i * cStride;
    const aRow = a + <usize>i * aRowStride;
    for (let j: usize = 0; j < width; j += 4 * VECTOR) {
      multiplyRow(cRow + j, aRow, aColumnStride, b + j, bStride, bSize, accumulate);
    }
  }
}

// Eight sums, two vectors of B and one of A at a time: V8 has fifteen registers, and a spilled sum halves the speed.
function multiplyTile(
  c0: usize,
  cStride: usize,
  a0: usize,
  aRowStride: usize,
  aColumnStride: usize,
  b: usize,
  bStride: usize,
  bSize: usize,
  accumulate: bool,
): void {
  const c1 = c0 + cStride;
  const c2 = c1 + cStride;
  const c3 = c2 + cStride;
  let a1 = a0 + aRowStride;
  let a2 = a1 + aRowStride;
  let a3 = a2 + aRowStride;
  let s00 = ZERO;
  let s01 = ZERO;
  let s10 = ZERO;
  let s11 = ZERO;
  let s20 = ZERO;
  let s21 = ZERO;
  let s30 = ZERO;
  let s31 = ZERO;
  if (accumulate) {
    s00 = v128.load(c0);
    s01 = v128.load(c0, VECTOR);
    s10 = v128.load(c1);
    s11 = v128.load(c1, VECTOR);
    s20 = v128.load(c2);
    s21 = v128.load(c2, VECTOR);
    s30 = v128.load(c3);
    s31 = v128.load(c3, VECTOR);
  }
  for (const end = b + bSize; b !== end; b += bStride) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, VECTOR);
    const x0 = v128.load32_splat(a0);
    s00 = f32x4.add(s00, f32x4.mul(x0, b0));
    s01 = f32x4.add(s01, f32x4.mul(x0, b1));
    const x1 = v128.load32_splat(a1);
    s10 = f32x4.add(s10, f32x4.mul(x1, b0));
    s11 = f32x4.add(s11, f32x4.mul(x1, b1));
    const x2 = v128.load32_splat(a2);
    s20 = f32x4.add(s20, f32x4.mul(x2, b0));
    s21 = f32x4.add(s21, f32x4.mul(x2, b1));
    const x3 = v128.load32_splat(a3);
    s30 = f32x4.add(s30, f32x4.mul(x3, b0));
    s31 = f32x4.add(s31, f32x4.mul(x3, b1));
    a0 += aColumnStride;
    a1 += aColumnStride;
    a2 += aColumnStride;
    a3 += aColumnStride;
  }
  v128.store(c0, s00);
  v128.store(c0, s01, VECTOR);
  v128.store(c1, s10);
  v128.store(c1, s11, VECTOR);
  v128.store(c2, s20);
  v128.store(c2, s21, VECTOR);
  v128.store(c3, s30);
  v128.store(c3, s31, VECTOR);
}

// One row × 16 columns.
function multiplyRow(
  c: usize,
  a: usize,
  aColumnStride: usize,
  b: usize,
  bStride: usize,
  bSize: usize,
  accumulate: bool,
): void {
  let s0 = ZERO;
  let s1 = ZERO;
  let s2 = ZERO;
  let s3 = ZERO;
  if (accumulate) {
    s0 = v128.load(c);
    s1 = v128.load(c, VECTOR);
    s2 = v128.load(c, 2 * VECTOR);
    s3 = v128.load(c, 3 * VECTOR);
  }
  for (const end = b + bSize; b !== end; b += bStride) {
    const x = v128.load32_splat(a);
    s0 = f32x4.add(s0, f32x4.mul(x, v128.load(b)));
    s1 = f32x4.add(s1, f32x4.mul(x, v128.load(b, VECTOR)));
    s2 = f32x4.add(s2, f32x4.mul(x, v128.load(b, 2 * VECTOR)));
    s3 = f32x4.add(s3, f32x4.mul(x, v128.load(b, 3 * VECTOR)));
    a += aColumnStride;
  }
  v128.store(c, s0);
  v128.store(c, s1, VECTOR);
  v128.store(c, s2, 2 * VECTOR);
  v128.store(c, s3, 3 * VECTOR);
}

/** out = xᵀ of x [rows, columns], in blocks of 4 × 4. `width`: bytes of a row of out, its padding included. */
export function transpose(
  out: usize,
  outStride: usize,
  x: usize,
  xStride: usize,
  rows: i32,
  columns: i32,
  width: usize,
): void {
  for (let j = 0; j < columns; j += 4) {
    const left = columns - j;
    const o0 = out + <usize>j * outStride;
    const o1 = o0 + outStride;
    const o2 = o1 + outStride;
    const o3 = o2 + outStride;
    const xColumn = x + ((<usize>j) << 2);
    for (let p: usize = 0; p < width; p += VECTOR) {
      const i = <i32>(p >> 2);
      const xBlock = xColumn + <usize>i * xStride;
      const r0 = i < rows ? v128.load(xBlock) : ZERO;
      const r1 = i + 1 < rows ? v128.load(xBlock + xStride) : ZERO;
      const r2 = i + 2 < rows ? v128.load(xBlock + 2 * xStride) : ZERO;
      const r3 = i + 3 < rows ? v128.load(xBlock + 3 * xStride) : ZERO;
      const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
      const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
      const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      v128.store(o0 + p, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
      if (left > 1) v128.store(o1 + p, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
      if (left > 2) v128.store(o2 + p, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
      if (left > 3) v128.store(o3 + p, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
    }
  }
}

export function fillRows(out: usize, outStride: usize, row: usize, rows: i32, width: usize): void {
  for (let i = 0; i < rows; i++, out += outStride) {
    for (let p: usize = 0; p < width; p += VECTOR) v128.store(out + p, v128.load(row + p));
  }
}

export function sumRows(out: usize, x: usize, xStride: usize, rows: i32, width: usize): void {
  clear(out, width);
  for (let i = 0; i < rows; i++, x += xStride) {
    for (let p: usize = 0; p < width; p += VECTOR) {
      v128.store(out + p, f32x4.add(v128.load(out + p), v128.load(x + p)));
    }
  }
}

export function relu(x: usize, stride: usize, rows: i32, width: usize): void {
  for (let i = 0; i < rows; i++, x += stride) {
    // pmax keeps its first operand unless it is smaller: NaN stays.
    for (let p: usize = 0; p < width; p += VECTOR) v128.store(x + p, f32x4.pmax(v128.load(x + p), ZERO));
  }
}

export function reluGradient(g: usize, gStride: usize, y: usize, yStride: usize, rows: i32, width: usize): void {
  for (let i = 0; i < rows; i++, g += gStride, y += yStride) {
    for (let p: usize = 0; p < width; p += VECTOR) {
      v128.store(g + p, v128.and(v128.load(g + p), f32x4.gt(v128.load(y + p), ZERO)));
    }
  }
}

export function tanh(x: usize, stride: usize, rows: i32, width: usize): void {
  for (let i = 0; i < rows; i++, x += stride) {
    for (let p: usize = 0; p < width; p += VECTOR) v128.store(x + p, tanh4(v128.load(x + p)));
  }
}

// With a = |x|. Up to 0.625: tanh a ≈ a + a s P(s), s = a², P of degree 4. Above: 1 − 2 / (E + 1), E = e²ᵃ = 2ⁿ eʳ,
// n = round(2a / ln 2), eʳ ≈ 1 + r + r² R(r), R of degree 4. P and R are fitted for the least worst relative error
// (4.4e-9 and 3.1e-9: under rounding). Above 9.011 tanh rounds to 1. Worst error over all floats: 1.34 units in
// the last place; nowhere does it decrease.
function tanh4(x: v128): v128 {
  const sign = v128.and(x, i32x4.splat(0x80000000));
  const a = v128.xor(x, sign);

  const s = f32x4.mul(a, a);
  let p = f32x4.splat(-0.0057049874);
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(0.0206390876));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(-0.0537397152));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(0.133314422));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(-0.3333328194));
  const small = f32x4.add(a, f32x4.mul(a, f32x4.mul(s, p)));

  // ln 2 in two parts: n times the first is exact.
  const n = f32x4.nearest(f32x4.mul(a, f32x4.splat(2.8853900817779268)));
  const r = f32x4.sub(
    f32x4.sub(f32x4.add(a, a), f32x4.mul(n, f32x4.splat(0.693359375))),
    f32x4.mul(n, f32x4.splat(-2.1219444005469057e-4)),
  );
  let q = f32x4.splat(0.0013814602);
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(0.0083687152));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(0.0416683879));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(0.1666652065));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(0.4999999345));
  q = f32x4.add(f32x4.add(f32x4.mul(q, f32x4.mul(r, r)), r), ONE);
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  const e = f32x4.mul(q, power);
  const large = f32x4.sub(ONE, f32x4.div(f32x4.splat(2), f32x4.add(e, ONE)));

  const y = v128.bitselect(small, large, f32x4.le(a, f32x4.splat(0.625)));
  return v128.or(v128.bitselect(ONE, y, f32x4.gt(a, f32x4.splat(9.011))), sign);
}

export function tanhGradient(g: usize, gStride: usize, y: usize, yStride: usize, rows: i32, width: usize): void {
  for (let i = 0; i < rows; i++, g += gStride, y += yStride) {
    for (let p: usize = 0; p < width; p += VECTOR) {
      const t = v128.load(y + p);
      v128.store(g + p, f32x4.mul(v128.load(g + p), f32x4.sub(ONE, f32x4.mul(t, t))));
    }
  }
}

/** `columns` says where the padding of inverseDeviation begins: 1 / √ε would be written there. */
export function batchNorm(
  y: usize,
  yStride: usize,
  normalized: usize,
  normalizedStride: usize,
  inverseDeviation: usize,
  mean: usize,
  variance: usize,
  x: usize,
  xStride: usize,
  scale: usize,
  shift: usize,
  numbers: usize,
  rows: i32,
  columns: i32,
  width: usize,
): void {
  const epsilon = <f32>f64.load(numbers);
  const count = f32x4.splat(<f32>rows);
  sumRows(mean, x, xStride, rows, width);
  for (let p: usize = 0; p < width; p += VECTOR) v128.store(mean + p, f32x4.div(v128.load(mean + p), count));

  clear(variance, width);
  let row = x;
  for (let i = 0; i < rows; i++, row += xStride) {
    for (let p: usize = 0; p < width; p += VECTOR) {
      const d = f32x4.sub(v128.load(row + p), v128.load(mean + p));
      v128.store(variance + p, f32x4.add(v128.load(variance + p), f32x4.mul(d, d)));
    }
  }
  for (let p: usize = 0; p < width; p += VECTOR) {
    const v = f32x4.div(v128.load(variance + p), count);
    v128.store(variance + p, v);
    v128.store(inverseDeviation + p, inverseRoot(v, epsilon));
  }
  for (let p = (<usize>columns) << 2; p < width; p += 4) f32.store(inverseDeviation + p, 0);

  for (let i = 0; i < rows; i++, x += xStride, normalized += normalizedStride, y += yStride) {
    for (let p: usize = 0; p < width; p += VECTOR) {
      const d = f32x4.sub(v128.load(x + p), v128.load(mean + p));
      const n = f32x4.mul(d, v128.load(inverseDeviation + p));
      v128.store(normalized + p, n);
      v128.store(y + p, f32x4.add(f32x4.mul(v128.load(scale + p), n), v128.load(shift + p)));
    }
  }
}

export function batchNormRunning(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  mean: usize,
  variance: usize,
  scale: usize,
  shift: usize,
  numbers: usize,
  rows: i32,
  width: usize,
): void {
  const epsilon = <f32>f64.load(numbers);
  // The root is taken anew in every row: twice as fast as walking down the columns.
  for (let i = 0; i < rows; i++, x += xStride, y += yStride) {
    for (let p: usize = 0; p < width; p += VECTOR) {
      const d = f32x4.sub(v128.load(x + p), v128.load(mean + p));
      const n = f32x4.mul(d, inverseRoot(v128.load(variance + p), epsilon));
      v128.store(y + p, f32x4.add(f32x4.mul(v128.load(scale + p), n), v128.load(shift + p)));
    }
  }
}

export function batchNormGradient(
  g: usize,
  gStride: usize,
  scaleGradient: usize,
  shiftGradient: usize,
  normalized: usize,
  normalizedStride: usize,
  inverseDeviation: usize,
  scale: usize,
  rows: i32,
  width: usize,
): void {
  clear(scaleGradient, width);
  clear(shiftGradient, width);
  let gRow = g;
  let row = normalized;
  for (let i = 0; i < rows; i++, gRow += gStride, row += normalizedStride) {
    for (let p: usize = 0; p < width; p += VECTOR) {
      const d = v128.load(gRow + p);
      v128.store(shiftGradient + p, f32x4.add(v128.load(shiftGradient + p), d));
      const product = f32x4.mul(d, v128.load(row + p));
      v128.store(scaleGradient + p, f32x4.add(v128.load(scaleGradient + p), product));
    }
  }
  const share = f32x4.splat(1 / <f32>rows);
  for (let i = 0; i < rows; i++, g += gStride, normalized += normalizedStride) {
    for (let p: usize = 0; p < width; p += VECTOR) {
      const along = f32x4.mul(v128.load(normalized + p), v128.load(scaleGradient + p));
      const average = f32x4.mul(f32x4.add(v128.load(shiftGradient + p), along), share);
      const factor = f32x4.mul(v128.load(scale + p), v128.load(inverseDeviation + p));
      v128.store(g + p, f32x4.mul(factor, f32x4.sub(v128.load(g + p), average)));
    }
  }
}

/**
 * One step over `size` bytes. The squares are summed in Float64 by chunks of 4,096 numbers, so that whoever takes some of
 * the chunks finds the same sums: in each, four sums (every fourth number), added as (0 + 2) + (1 + 3), written to `sums`.
 */
export function adam(
  parameters: usize,
  gradients: usize,
  m: usize,
  v: usize,
  size: usize,
  numbers: usize,
  sums: usize,
): void {
  for (let p: usize = 0; p < size; p += CHUNK) {
    const chunk = min(CHUNK, size - p);
    f64.store(sums, adamChunk(parameters + p, gradients + p, m + p, v + p, chunk, numbers));
    sums += 8;
  }
}

function adamChunk(parameters: usize, gradients: usize, m: usize, v: usize, size: usize, numbers: usize): f64 {
  const stepSize = <f32>f64.load(numbers);
  const inverseCorrection = <f32>f64.load(numbers, 8);
  const beta1 = <f32>f64.load(numbers, 16);
  const oneMinusBeta1 = <f32>f64.load(numbers, 24);
  const beta2 = <f32>f64.load(numbers, 32);
  const oneMinusBeta2 = <f32>f64.load(numbers, 40);
  const epsilon = <f32>f64.load(numbers, 48);
  const weightDecay = <f32>f64.load(numbers, 56);
  let squaresLow = f64x2.splat(0);
  let squaresHigh = f64x2.splat(0);
  for (let p: usize = 0; p < size; p += VECTOR) {
    const gradient = v128.load(gradients + p);
    const low = f64x2.promote_low_f32x4(gradient);
    const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(gradient, gradient, 2, 3, 2, 3));
    squaresLow = f64x2.add(squaresLow, f64x2.mul(low, low));
    squaresHigh = f64x2.add(squaresHigh, f64x2.mul(high, high));

    const parameter = v128.load(parameters + p);
    const g = f32x4.add(gradient, f32x4.mul(f32x4.splat(weightDecay), parameter));
    const mNext = f32x4.add(f32x4.mul(f32x4.splat(beta1), v128.load(m + p)), f32x4.mul(f32x4.splat(oneMinusBeta1), g));
    const vNext = f32x4.add(
      f32x4.mul(f32x4.splat(beta2), v128.load(v + p)),
      f32x4.mul(f32x4.splat(oneMinusBeta2), f32x4.mul(g, g)),
    );
    v128.store(m + p, mNext);
    v128.store(v + p, vNext);
    const root = f32x4.mul(f32x4.sqrt(vNext), f32x4.splat(inverseCorrection));
    const step = f32x4.div(f32x4.mul(f32x4.splat(stepSize), mNext), f32x4.add(root, f32x4.splat(epsilon)));
    v128.store(parameters + p, f32x4.sub(parameter, step));
  }
  const squares = f64x2.add(squaresLow, squaresHigh);
  return f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1);
}

export function softUpdate(target: usize, online: usize, size: usize, numbers: usize): void {
  const rate = <f32>f64.load(numbers);
  for (let p: usize = 0; p < size; p += VECTOR) {
    const t = v128.load(target + p);
    const d = f32x4.sub(v128.load(online + p), t);
    v128.store(target + p, f32x4.add(t, f32x4.mul(f32x4.splat(rate), d)));
  }
}

function clear(vector: usize, size: usize): void {
  for (let p: usize = 0; p < size; p += VECTOR) v128.store(vector + p, ZERO);
}

function inverseRoot(variance: v128, epsilon: f32): v128 {
  return f32x4.div(ONE, f32x4.sqrt(f32x4.add(variance, f32x4.splat(epsilon))));
}
