// The raw kernels in AssemblyScript, 128-bit SIMD: ../../kernels.ts says what they compute, ../../signatures.ts lists
// their parameters. Pointers, strides, widths and sizes of vectors are in bytes; `rows`, `inner` and `columns` are counts.
// A width is a row's columns rounded up to 16 floats, so every loop covers whole vectors and the padding, and needs no
// code for edges. Only the last rows of a product may not fill a tile. The build writes `tile.ts`, the innermost loops:
// ../../../../scripts/tile.js.
//
// Products and sums are never fused or reordered. So WebAssembly defines every bit, and an element's bits depend only on
// its own row and column, not on the tile that it is in. The loops of a product are kept plain so that V8 can double their
// width.
//
// The memory is imported and never grows; the module has no data and no heap.

import { multiplyColumn, multiplyRow, multiplyTile, ROW, TILE } from "./tile";

const VECTOR: usize = 16;
const PAIR: usize = 2 * VECTOR;
const LINE: usize = 4 * VECTOR;
/** `adamChunkBytes` of ../../signatures.ts; a test compares them. */
const CHUNK: usize = 4 * 4096;
const ZERO = f32x4.splat(0);
const ONE = f32x4.splat(1);
const SMALLEST_NORMAL = f32x4.splat(1.1754943508222875e-38);

/**
 * C = start + A · B. If all rows start with the same numbers, `startStride` is 0. If all columns do too, `startsApart` is
 * false and `start` is one cache line.
 */
export function multiply(
  c: usize,
  cStride: usize,
  start: usize,
  startStride: usize,
  startsApart: bool,
  a: usize,
  aRowStride: usize,
  aColumnStride: usize,
  b: usize,
  bStride: usize,
  rows: i32,
  inner: i32,
  columns: i32,
): void {
  const width = ((<usize>columns + 15) & ~15) << 2;
  const bSize = <usize>inner * bStride;
  // The output of a critic and of many actors: the rest of its cache line is padding.
  for (; columns <= 4 && rows >= 8; rows -= 8) {
    multiplyColumn(c, cStride, start, startStride, a, aRowStride, aColumnStride, b, bStride, b + bSize);
    for (const end = c + 8 * cStride; c !== end; c += cStride) clear(c + VECTOR, width - VECTOR);
    start += 8 * startStride;
    a += 8 * aRowStride;
  }
  for (let j: usize = 0; j < width; j += TILE, b += TILE) {
    let cTile = c + j;
    let startTile = startsApart ? start + j : start;
    let aTile = a;
    for (let left = rows; left >= 4; left -= 4) {
      multiplyTile(cTile, cStride, startTile, startStride, aTile, aRowStride, aColumnStride, b, bStride, b + bSize);
      cTile += 4 * cStride;
      startTile += 4 * startStride;
      aTile += 4 * aRowStride;
    }
  }
  b -= width;
  const whole = <usize>(rows & ~3);
  c += whole * cStride;
  start += whole * startStride;
  a += whole * aRowStride;
  for (let left = rows & 3; left > 0; left--, c += cStride, start += startStride, a += aRowStride) {
    for (let j: usize = 0; j < width; j += ROW) {
      const startRow = startsApart ? start + j : start;
      multiplyRow(c + j, 0, startRow, 0, a, 0, aColumnStride, b + j, bStride, b + j + bSize);
    }
  }
}

/** out = xᵀ of x [rows, columns], in blocks of 4 × 4. `width` is the bytes of a row of out, including padding. */
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

export function sumRows(out: usize, x: usize, xStride: usize, rows: i32, width: usize): void {
  clear(out, width);
  for (let i = 0; i < rows; i++, x += xStride) {
    for (let p: usize = 0; p < width; p += PAIR) {
      const s0 = f32x4.add(v128.load(out + p), v128.load(x + p));
      const s1 = f32x4.add(v128.load(out + p, VECTOR), v128.load(x + p, VECTOR));
      v128.store(out + p, s0);
      v128.store(out + p, s1, VECTOR);
    }
  }
}

export function subtractRow(
  out: usize,
  outStride: usize,
  x: usize,
  xStride: usize,
  row: usize,
  rows: i32,
  width: usize,
): void {
  for (let i = 0; i < rows; i++, x += xStride, out += outStride) {
    for (let p: usize = 0; p < width; p += PAIR) {
      const d0 = f32x4.sub(v128.load(x + p), v128.load(row + p));
      const d1 = f32x4.sub(v128.load(x + p, VECTOR), v128.load(row + p, VECTOR));
      v128.store(out + p, d0);
      v128.store(out + p, d1, VECTOR);
    }
  }
}

export function relu(x: usize, xStride: usize, rows: i32, width: usize): void {
  for (let i = 0; i < rows; i++, x += xStride) {
    // pmax returns its first operand unless it is smaller, so NaN stays.
    for (let p: usize = 0; p < width; p += PAIR) {
      const y0 = f32x4.pmax(v128.load(x + p), ZERO);
      const y1 = f32x4.pmax(v128.load(x + p, VECTOR), ZERO);
      v128.store(x + p, y0);
      v128.store(x + p, y1, VECTOR);
    }
  }
}

export function reluGradient(g: usize, gStride: usize, y: usize, yStride: usize, rows: i32, width: usize): void {
  for (let i = 0; i < rows; i++, g += gStride, y += yStride) {
    for (let p: usize = 0; p < width; p += PAIR) {
      const d0 = v128.and(v128.load(g + p), f32x4.gt(v128.load(y + p), ZERO));
      const d1 = v128.and(v128.load(g + p, VECTOR), f32x4.gt(v128.load(y + p, VECTOR), ZERO));
      v128.store(g + p, d0);
      v128.store(g + p, d1, VECTOR);
    }
  }
}

export function tanh(x: usize, xStride: usize, rows: i32, width: usize): void {
  for (let i = 0; i < rows; i++, x += xStride) {
    for (let p: usize = 0; p < width; p += VECTOR) v128.store(x + p, tanh4(v128.load(x + p)));
  }
}

// With a = |x|. Up to 0.625: tanh a ≈ a + a s P(s), s = a², P of degree 4. Above: 1 − 2 / (E + 1), E = e²ᵃ = 2ⁿ eʳ,
// n = round(2a / ln 2), eʳ ≈ 1 + r + r² R(r), R of degree 4. P and R minimize the largest relative error
// (4.4e-9 and 3.1e-9: below rounding). Above 9.011 tanh rounds to 1. Worst error over all floats: 1.34 units in
// the last place; it never decreases.
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

  const e = power4(f32x4.nearest(f32x4.mul(a, f32x4.splat(2.8853900817779268))), f32x4.add(a, a));
  const large = f32x4.sub(ONE, f32x4.div(f32x4.splat(2), f32x4.add(e, ONE)));

  const y = v128.bitselect(small, large, f32x4.le(a, f32x4.splat(0.625)));
  return v128.or(v128.bitselect(ONE, y, f32x4.gt(a, f32x4.splat(9.011))), sign);
}

/** eˣ = 2ⁿ e^(x − n ln 2), where n is x / ln 2 to the nearest whole number, from −126 to 127. */
function power4(n: v128, x: v128): v128 {
  // ln 2 in two parts: n times the first is exact.
  const r = f32x4.sub(
    f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375))),
    f32x4.mul(n, f32x4.splat(-2.1219444005469057e-4)),
  );
  let q = f32x4.splat(0.0013814602);
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(0.0083687152));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(0.0416683879));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(0.1666652065));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(0.4999999345));
  q = f32x4.add(f32x4.add(f32x4.mul(q, f32x4.mul(r, r)), r), ONE);
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(q, power);
}

/** eˣ for x ≤ 0; 0 below −87, where Float32 has no more normal numbers. NaN stays. */
function exp4(x: v128): v128 {
  const a = f32x4.max(x, f32x4.splat(-87));
  const e = power4(f32x4.nearest(f32x4.mul(a, f32x4.splat(1.4426950408889634))), a);
  return v128.andnot(e, f32x4.lt(x, f32x4.splat(-87)));
}

/** `columns` is where the padding begins, whose exponentials are not 0. Each row has its own line of `sums`. */
export function softmax(
  p: usize,
  pStride: usize,
  sums: usize,
  sumsStride: usize,
  x: usize,
  xStride: usize,
  rows: i32,
  columns: i32,
  width: usize,
): void {
  const end = (<usize>columns) << 2;
  const whole = end & ~(VECTOR - 1);
  for (let i = 0; i < rows; i++, p += pStride, sums += sumsStride, x += xStride) {
    let m = v128.load32_splat(x);
    for (let k: usize = 0; k < whole; k += VECTOR) m = f32x4.max(m, v128.load(x + k));
    for (let k = whole; k < end; k += 4) m = f32x4.max(m, v128.load32_splat(x + k));
    m = f32x4.max(m, v128.shuffle<f32>(m, m, 2, 3, 0, 1));
    m = f32x4.max(m, v128.shuffle<f32>(m, m, 1, 0, 3, 2));

    for (let k: usize = 0; k < width; k += VECTOR) v128.store(p + k, exp4(f32x4.sub(v128.load(x + k), m)));
    clearPadding(p, columns, width);
    let s = ZERO;
    for (let k: usize = 0; k < width; k += VECTOR) s = f32x4.add(s, v128.load(p + k));
    s = sumOfLanes(s);
    for (let k: usize = 0; k < width; k += VECTOR) v128.store(p + k, f32x4.div(v128.load(p + k), s));
    // Where the sum is NaN, the padding is as well.
    clearPadding(p, columns, width);

    clear(sums, 4 * VECTOR);
    f32.store(sums, f32x4.extract_lane(m, 0));
    f32.store(sums, f32x4.extract_lane(s, 0), 4);
  }
}

export function tanhGradient(g: usize, gStride: usize, y: usize, yStride: usize, rows: i32, width: usize): void {
  for (let i = 0; i < rows; i++, g += gStride, y += yStride) {
    for (let p: usize = 0; p < width; p += VECTOR) {
      const t = v128.load(y + p);
      v128.store(g + p, f32x4.mul(v128.load(g + p), f32x4.sub(ONE, f32x4.mul(t, t))));
    }
  }
}

/** `columns` is where the padding of inverseDeviation begins: without it, 1 / √ε would be written there. */
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
  clearPadding(inverseDeviation, columns, width);

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
  // Computing the root again in every row is twice as fast as going down the columns.
  for (let i = 0; i < rows; i++, x += xStride, y += yStride) {
    for (let p: usize = 0; p < width; p += VECTOR) {
      const d = f32x4.sub(v128.load(x + p), v128.load(mean + p));
      const n = f32x4.mul(d, inverseRoot(v128.load(variance + p), epsilon));
      v128.store(y + p, f32x4.add(f32x4.mul(v128.load(scale + p), n), v128.load(shift + p)));
    }
  }
}

export function scaleAndShiftGradient(
  scaleGradient: usize,
  shiftGradient: usize,
  g: usize,
  gStride: usize,
  normalized: usize,
  normalizedStride: usize,
  rows: i32,
  width: usize,
): void {
  clear(scaleGradient, width);
  clear(shiftGradient, width);
  for (let i = 0; i < rows; i++, g += gStride, normalized += normalizedStride) {
    for (let p: usize = 0; p < width; p += VECTOR) {
      const d = v128.load(g + p);
      v128.store(shiftGradient + p, f32x4.add(v128.load(shiftGradient + p), d));
      const product = f32x4.mul(d, v128.load(normalized + p));
      v128.store(scaleGradient + p, f32x4.add(v128.load(scaleGradient + p), product));
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
  scaleAndShiftGradient(scaleGradient, shiftGradient, g, gStride, normalized, normalizedStride, rows, width);
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

/** `columns` is where the padding begins: less the mean, it would count in the variance. */
export function layerNorm(
  y: usize,
  yStride: usize,
  normalized: usize,
  normalizedStride: usize,
  inverseDeviation: usize,
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
  let i = 0;
  for (; i < rows; i++, x += xStride, normalized += normalizedStride, y += yStride, inverseDeviation += 4) {
    const mean = rowMean(x, columns, width);
    for (let p: usize = 0; p < width; p += VECTOR) v128.store(normalized + p, f32x4.sub(v128.load(x + p), mean));
    clearPadding(normalized, columns, width);
    const inverse = inverseRoot(meanProduct(normalized, normalized, columns, width), epsilon);
    f32.store(inverseDeviation, f32x4.extract_lane(inverse, 0));
    for (let p: usize = 0; p < width; p += VECTOR) {
      const n = f32x4.mul(v128.load(normalized + p), inverse);
      v128.store(normalized + p, n);
      v128.store(y + p, f32x4.add(f32x4.mul(v128.load(scale + p), n), v128.load(shift + p)));
    }
    // Where the variance is NaN, the padding is as well.
    clearPadding(normalized, columns, width);
    clearPadding(y, columns, width);
  }
  for (; i & 15; i++, inverseDeviation += 4) f32.store(inverseDeviation, 0);
}

export function layerNormGradient(
  g: usize,
  gStride: usize,
  normalized: usize,
  normalizedStride: usize,
  inverseDeviation: usize,
  scale: usize,
  rows: i32,
  columns: i32,
  width: usize,
): void {
  for (let i = 0; i < rows; i++, g += gStride, normalized += normalizedStride, inverseDeviation += 4) {
    const mean = meanProduct(scale, g, columns, width);
    for (let p: usize = 0; p < width; p += VECTOR) {
      v128.store(g + p, f32x4.mul(v128.load(scale + p), v128.load(g + p)));
    }
    const along = meanProduct(g, normalized, columns, width);
    const inverse = v128.load32_splat(inverseDeviation);
    for (let p: usize = 0; p < width; p += VECTOR) {
      const rest = f32x4.sub(f32x4.sub(v128.load(g + p), mean), f32x4.mul(v128.load(normalized + p), along));
      v128.store(g + p, f32x4.mul(inverse, rest));
    }
    clearPadding(g, columns, width);
  }
}

/** The mean of a row, in every lane: 16 sums of every 16th number, added in halves, divided by `columns`. */
function rowMean(x: usize, columns: i32, width: usize): v128 {
  let s0 = ZERO;
  let s1 = ZERO;
  let s2 = ZERO;
  let s3 = ZERO;
  for (const end = x + width; x !== end; x += LINE) {
    s0 = f32x4.add(s0, v128.load(x));
    s1 = f32x4.add(s1, v128.load(x, VECTOR));
    s2 = f32x4.add(s2, v128.load(x, 2 * VECTOR));
    s3 = f32x4.add(s3, v128.load(x, 3 * VECTOR));
  }
  return f32x4.div(sumOfLanes(f32x4.add(f32x4.add(s0, s2), f32x4.add(s1, s3))), f32x4.splat(<f32>columns));
}

/** The same of the products of two rows. */
function meanProduct(x: usize, y: usize, columns: i32, width: usize): v128 {
  let s0 = ZERO;
  let s1 = ZERO;
  let s2 = ZERO;
  let s3 = ZERO;
  for (const end = x + width; x !== end; x += LINE, y += LINE) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(x), v128.load(y)));
    s1 = f32x4.add(s1, f32x4.mul(v128.load(x, VECTOR), v128.load(y, VECTOR)));
    s2 = f32x4.add(s2, f32x4.mul(v128.load(x, 2 * VECTOR), v128.load(y, 2 * VECTOR)));
    s3 = f32x4.add(s3, f32x4.mul(v128.load(x, 3 * VECTOR), v128.load(y, 3 * VECTOR)));
  }
  return f32x4.div(sumOfLanes(f32x4.add(f32x4.add(s0, s2), f32x4.add(s1, s3))), f32x4.splat(<f32>columns));
}

function sumOfLanes(s: v128): v128 {
  s = f32x4.add(s, v128.shuffle<f32>(s, s, 2, 3, 0, 1));
  return f32x4.add(s, v128.shuffle<f32>(s, s, 1, 0, 3, 2));
}

/** Writes zeros behind the columns of a row. */
function clearPadding(row: usize, columns: i32, width: usize): void {
  for (let p = (<usize>columns) << 2; p < width; p += 4) f32.store(row + p, 0);
}

/**
 * One step over `size` bytes. Each chunk of 4,096 numbers has its own sum of squares in `sums`, so that the sums do not
 * depend on which thread takes which chunks.
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
    f64.store(sums, sumSquares(gradients + p, chunk));
    sums += 8;
    adamChunk(parameters + p, gradients + p, m + p, v + p, chunk, numbers);
  }
}

function adamChunk(parameters: usize, gradients: usize, m: usize, v: usize, size: usize, numbers: usize): void {
  const stepSize = f32x4.splat(<f32>f64.load(numbers));
  const inverseCorrection = f32x4.splat(<f32>f64.load(numbers, 8));
  const beta1 = f32x4.splat(<f32>f64.load(numbers, 16));
  const oneMinusBeta1 = f32x4.splat(<f32>f64.load(numbers, 24));
  const beta2 = f32x4.splat(<f32>f64.load(numbers, 32));
  const oneMinusBeta2 = f32x4.splat(<f32>f64.load(numbers, 40));
  const epsilon = f32x4.splat(<f32>f64.load(numbers, 48));
  const weightDecay = f32x4.splat(<f32>f64.load(numbers, 56));
  for (let p: usize = 0; p < size; p += PAIR) {
    const p0 = v128.load(parameters + p);
    const p1 = v128.load(parameters + p, VECTOR);
    const g0 = f32x4.add(v128.load(gradients + p), f32x4.mul(weightDecay, p0));
    const g1 = f32x4.add(v128.load(gradients + p, VECTOR), f32x4.mul(weightDecay, p1));
    const m0 = f32x4.add(f32x4.mul(beta1, v128.load(m + p)), f32x4.mul(oneMinusBeta1, g0));
    const m1 = f32x4.add(f32x4.mul(beta1, v128.load(m + p, VECTOR)), f32x4.mul(oneMinusBeta1, g1));
    const v0 = f32x4.add(f32x4.mul(beta2, v128.load(v + p)), f32x4.mul(oneMinusBeta2, f32x4.mul(g0, g0)));
    const v1 = f32x4.add(f32x4.mul(beta2, v128.load(v + p, VECTOR)), f32x4.mul(oneMinusBeta2, f32x4.mul(g1, g1)));
    v128.store(m + p, m0);
    v128.store(m + p, m1, VECTOR);
    v128.store(v + p, v0);
    v128.store(v + p, v1, VECTOR);
    const d0 = f32x4.add(f32x4.mul(f32x4.sqrt(v0), inverseCorrection), epsilon);
    const d1 = f32x4.add(f32x4.mul(f32x4.sqrt(v1), inverseCorrection), epsilon);
    v128.store(parameters + p, f32x4.sub(p0, f32x4.div(f32x4.mul(stepSize, m0), d0)));
    v128.store(parameters + p, f32x4.sub(p1, f32x4.div(f32x4.mul(stepSize, m1), d1)), VECTOR);
  }
}

/** The sum of squares in Float64: eight sums of every eighth number, added in pairs. */
function sumSquares(x: usize, size: usize): f64 {
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let s2 = f64x2.splat(0);
  let s3 = f64x2.splat(0);
  for (const end = x + size; x !== end; x += PAIR) {
    const x0 = f64x2.promote_low_f32x4(v128.load64_zero(x));
    const x1 = f64x2.promote_low_f32x4(v128.load64_zero(x, 8));
    const x2 = f64x2.promote_low_f32x4(v128.load64_zero(x, 16));
    const x3 = f64x2.promote_low_f32x4(v128.load64_zero(x, 24));
    s0 = f64x2.add(s0, f64x2.mul(x0, x0));
    s1 = f64x2.add(s1, f64x2.mul(x1, x1));
    s2 = f64x2.add(s2, f64x2.mul(x2, x2));
    s3 = f64x2.add(s3, f64x2.mul(x3, x3));
  }
  const s = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3));
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}

/** NaN stays, because it is not less than anything. */
export function flush(x: usize, size: usize): void {
  for (const end = x + size; x !== end; x += VECTOR) {
    const v = v128.load(x);
    v128.store(x, v128.andnot(v, f32x4.lt(f32x4.abs(v), SMALLEST_NORMAL)));
  }
}

export function softUpdate(target: usize, online: usize, size: usize, numbers: usize): void {
  const rate = f32x4.splat(<f32>f64.load(numbers));
  for (let p: usize = 0; p < size; p += PAIR) {
    const t0 = v128.load(target + p);
    const t1 = v128.load(target + p, VECTOR);
    const d0 = f32x4.sub(v128.load(online + p), t0);
    const d1 = f32x4.sub(v128.load(online + p, VECTOR), t1);
    v128.store(target + p, f32x4.add(t0, f32x4.mul(rate, d0)));
    v128.store(target + p, f32x4.add(t1, f32x4.mul(rate, d1)), VECTOR);
  }
}

function clear(vector: usize, size: usize): void {
  for (let p: usize = 0; p < size; p += VECTOR) v128.store(vector + p, ZERO);
}

function inverseRoot(variance: v128, epsilon: f32): v128 {
  return f32x4.div(ONE, f32x4.sqrt(f32x4.add(variance, f32x4.splat(epsilon))));
}
