// The kernels of an update that a profile shows to matter, for one instruction set. scripts/build-native.js compiles this
// text once for each, with SET as its name. src/kernels/kernels.ts says what the kernels compute, and
// src/kernels/signatures.ts lists their parameters. Strides, widths and sizes are in bytes; `rows`, `inner` and `columns`
// are counts. A width is a row's columns rounded up to whole vectors, and rows are padded to 64 bytes, so no loop needs
// code for a row's end.
//
// The bits are those of the WebAssembly kernels. The innermost step of `multiplyFused` is one fused multiply-add, that of
// `multiplyPortable` a multiplication and an addition. Nothing else is fused: the build passes -ffp-contract=off. Every sum
// of a product grows by one product at a time, in the order of `inner`.

#include <stddef.h>
#include <stdint.h>

#ifdef __has_builtin
#if __has_builtin(__builtin_shufflevector)
#define HAS_SHUFFLEVECTOR
#endif
#endif
#ifndef HAS_SHUFFLEVECTOR
#error "the native kernels need GCC 12 or newer, or clang"
#endif

#define JOIN_(name, set) name##_##set
#define JOIN(name, set) JOIN_(name, set)
// A kernel's name with that of the instruction set, such as relu_avx2.
#define NAME(name) JOIN(name, SET)

#if defined(__AVX512F__)

#include <immintrin.h>
typedef __m512 vec;
#define LANES 16
#define load(p) _mm512_loadu_ps(p)
#define store(p, v) _mm512_storeu_ps(p, v)
#define splat(x) _mm512_set1_ps(x)
#define fused(a, b, c) _mm512_fmadd_ps(a, b, c)
#define root(v) _mm512_sqrt_ps(v)
// Returns `x` where `a` > `b`, else zeros.
static inline vec whereGreater(vec a, vec b, vec x) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), x);
}
// Returns `x` where not `a` < `b`, else zeros.
static inline vec whereNotLess(vec a, vec b, vec x) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ), x);
}
static inline vec absolute(vec v) { return _mm512_abs_ps(v); }
// The rows and the vectors of a tile: 24 sums, three vectors of B and one of A in 32 registers.
#define TILE_ROWS 8
#define TILE_VECTORS 3

#elif defined(__AVX2__)

#include <immintrin.h>
typedef __m256 vec;
#define LANES 8
#define load(p) _mm256_loadu_ps(p)
#define store(p, v) _mm256_storeu_ps(p, v)
#define splat(x) _mm256_set1_ps(x)
#define fused(a, b, c) _mm256_fmadd_ps(a, b, c)
#define root(v) _mm256_sqrt_ps(v)
static inline vec whereGreater(vec a, vec b, vec x) { return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ), x); }
static inline vec whereNotLess(vec a, vec b, vec x) { return _mm256_andnot_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ), x); }
static inline vec absolute(vec v) { return _mm256_andnot_ps(splat(-0.0f), v); }
// 12 sums, two vectors of B, one of A and one product in 16 registers.
#define TILE_ROWS 6
#define TILE_VECTORS 2

#else

#include <arm_neon.h>
typedef float32x4_t vec;
#define LANES 4
#define load(p) vld1q_f32(p)
#define store(p, v) vst1q_f32(p, v)
#define splat(x) vdupq_n_f32(x)
#define fused(a, b, c) vfmaq_f32(c, a, b)
#define root(v) vsqrtq_f32(v)
static inline vec whereGreater(vec a, vec b, vec x) {
  return vreinterpretq_f32_u32(vandq_u32(vcgtq_f32(a, b), vreinterpretq_u32_f32(x)));
}
static inline vec whereNotLess(vec a, vec b, vec x) {
  return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), vcltq_f32(a, b)));
}
static inline vec absolute(vec v) { return vabsq_f32(v); }
// 24 sums, four vectors of B and one of A in 32 registers.
#define TILE_ROWS 6
#define TILE_VECTORS 4

#endif

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define VECTOR (4 * LANES)

// A float at an address of the memory.
#define at(bytes) ((float *)(memory + (bytes)))

struct product {
  char *c;
  intptr_t cStride;
  const char *start;
  intptr_t startStride;
  // Between the vectors of a row of `start`: 0 where all columns start alike, and `start` is one cache line.
  intptr_t startVector;
  const char *a;
  intptr_t aRowStride, aColumnStride;
  const char *b;
  intptr_t bStride;
  int32_t inner;
};

// C = start + A · B over `rows` rows of `vectors` vectors, both constant, so that the sums stay in registers.
INLINE void tile(int rows, int vectors, int fuse, const struct product p) {
  vec s[TILE_ROWS][8];
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < vectors; j++) {
      s[i][j] = load((const float *)(p.start + i * p.startStride + j * p.startVector));
    }
  }
  const char *a = p.a, *b = p.b;
  for (int32_t k = 0; k < p.inner; k++, a += p.aColumnStride, b += p.bStride) {
    vec y[8];
    UNROLL for (int j = 0; j < vectors; j++) y[j] = load((const float *)b + LANES * j);
    UNROLL for (int i = 0; i < rows; i++) {
      const vec x = splat(*(const float *)(a + i * p.aRowStride));
      UNROLL for (int j = 0; j < vectors; j++) {
        if (fuse) s[i][j] = fused(x, y[j], s[i][j]);
        else s[i][j] = s[i][j] + x * y[j];
      }
    }
  }
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < vectors; j++) store((float *)(p.c + i * p.cStride) + LANES * j, s[i][j]);
  }
}

static inline void advance(struct product *p, int rows) {
  p->c += rows * p->cStride;
  p->start += rows * p->startStride;
  p->a += rows * p->aRowStride;
}

// All rows of a block of columns.
INLINE void blockOfColumns(int vectors, int fuse, struct product p, int32_t rows) {
  for (; rows >= TILE_ROWS; rows -= TILE_ROWS, advance(&p, TILE_ROWS)) tile(TILE_ROWS, vectors, fuse, p);
  for (; rows >= 2; rows -= 2, advance(&p, 2)) tile(2, vectors, fuse, p);
  if (rows > 0) tile(1, vectors, fuse, p);
}

INLINE void multiply(int fuse, char *memory, const uint32_t *arguments) {
  const int32_t rows = arguments[10], columns = arguments[12];
  struct product p = {
    .c = memory + arguments[0],
    .cStride = arguments[1],
    .start = memory + arguments[2],
    .startStride = arguments[3],
    .startVector = arguments[4] ? VECTOR : 0,
    .a = memory + arguments[5],
    .aRowStride = arguments[6],
    .aColumnStride = arguments[7],
    .b = memory + arguments[8],
    .bStride = arguments[9],
    .inner = arguments[11],
  };
  for (int32_t left = (columns + 15) / 16 * (64 / VECTOR), vectors; left > 0; left -= vectors) {
    if (rows == 1 && left >= 8) {
      // One row has too few sums to keep the processor busy.
      vectors = 8;
      tile(1, 8, fuse, p);
    } else if (left >= TILE_VECTORS && left != TILE_VECTORS + 1) {
      vectors = TILE_VECTORS;
      blockOfColumns(TILE_VECTORS, fuse, p, rows);
    } else if (left >= 2) {
      vectors = 2;
      blockOfColumns(2, fuse, p, rows);
    } else {
      vectors = 1;
      blockOfColumns(1, fuse, p, rows);
    }
    p.c += VECTOR * vectors;
    p.start += p.startVector * vectors;
    p.b += VECTOR * vectors;
  }
}

void NAME(multiplyFused)(char *memory, const uint32_t *arguments) { multiply(1, memory, arguments); }

void NAME(multiplyPortable)(char *memory, const uint32_t *arguments) { multiply(0, memory, arguments); }

void NAME(sumRows)(char *memory, const uint32_t *arguments) {
  const uint32_t out = arguments[0], x = arguments[1], xStride = arguments[2], rows = arguments[3], width = arguments[4];
  for (uint32_t p = 0; p < width; p += 64) {
    vec s[64 / VECTOR];
    UNROLL for (int j = 0; j < 64 / VECTOR; j++) s[j] = splat(0);
    const char *row = memory + x + p;
    for (uint32_t i = 0; i < rows; i++, row += xStride) {
      UNROLL for (int j = 0; j < 64 / VECTOR; j++) s[j] = s[j] + load((const float *)row + LANES * j);
    }
    UNROLL for (int j = 0; j < 64 / VECTOR; j++) store(at(out + p) + LANES * j, s[j]);
  }
}

// max(0, x): NaN and −0 stay, as WebAssembly's pmax leaves them.
void NAME(relu)(char *memory, const uint32_t *arguments) {
  const uint32_t x = arguments[0], xStride = arguments[1], rows = arguments[2], width = arguments[3];
  for (uint32_t i = 0; i < rows; i++) {
    float *row = at(x + i * (size_t)xStride);
    for (uint32_t p = 0; p < width; p += VECTOR, row += LANES) store(row, whereNotLess(load(row), splat(0), load(row)));
  }
}

void NAME(reluGradient)(char *memory, const uint32_t *arguments) {
  const uint32_t g = arguments[0], gStride = arguments[1], y = arguments[2], yStride = arguments[3];
  const uint32_t rows = arguments[4], width = arguments[5];
  for (uint32_t i = 0; i < rows; i++) {
    float *gRow = at(g + i * (size_t)gStride), *yRow = at(y + i * (size_t)yStride);
    for (uint32_t p = 0; p < width; p += VECTOR, gRow += LANES, yRow += LANES) {
      store(gRow, whereGreater(load(yRow), splat(0), load(gRow)));
    }
  }
}

// The sum of squares in Float64: eight sums of every eighth number, added in pairs.
static double sumSquares(const float *x, size_t numbers) {
  double s[8] = {0};
  for (; numbers > 0; numbers -= 8, x += 8) {
    UNROLL for (int j = 0; j < 8; j++) s[j] += (double)x[j] * (double)x[j];
  }
  return ((s[0] + s[2]) + (s[4] + s[6])) + ((s[1] + s[3]) + (s[5] + s[7]));
}

#define CHUNK (4 * 4096)

void NAME(adam)(char *memory, const uint32_t *arguments) {
  const uint32_t size = arguments[4];
  const double *numbers = (const double *)(memory + arguments[5]);
  double *sums = (double *)(memory + arguments[6]);
  const vec stepSize = splat((float)numbers[0]), inverseCorrection = splat((float)numbers[1]);
  const vec beta1 = splat((float)numbers[2]), oneMinusBeta1 = splat((float)numbers[3]);
  const vec beta2 = splat((float)numbers[4]), oneMinusBeta2 = splat((float)numbers[5]);
  const vec epsilon = splat((float)numbers[6]), weightDecay = splat((float)numbers[7]);
  for (size_t start = 0; start < size; start += CHUNK) {
    const size_t count = (size - start < CHUNK ? size - start : CHUNK) / 4;
    float *restrict p = at(arguments[0] + start), *restrict m = at(arguments[2] + start), *restrict v = at(arguments[3] + start);
    const float *restrict gradients = at(arguments[1] + start);
    *sums++ = sumSquares(gradients, count);
    for (size_t i = 0; i < count; i += LANES) {
      const vec old = load(p + i), g = load(gradients + i) + weightDecay * old;
      const vec first = beta1 * load(m + i) + oneMinusBeta1 * g;
      const vec second = beta2 * load(v + i) + oneMinusBeta2 * (g * g);
      store(m + i, first);
      store(v + i, second);
      store(p + i, old - (stepSize * first) / (root(second) * inverseCorrection + epsilon));
    }
  }
}

void NAME(softUpdate)(char *memory, const uint32_t *arguments) {
  float *restrict target = at(arguments[0]);
  const float *restrict online = at(arguments[1]);
  const vec rate = splat((float)*(const double *)(memory + arguments[3]));
  for (size_t i = 0; i < arguments[2] / 4; i += LANES) {
    const vec t = load(target + i);
    store(target + i, t + rate * (load(online + i) - t));
  }
}

// NaN stays, because it is not less than anything.
void NAME(flush)(char *memory, const uint32_t *arguments) {
  float *x = at(arguments[0]);
  const vec smallest = splat(0x1p-126f);
  for (size_t i = 0; i < arguments[1] / 4; i += LANES) {
    const vec v = load(x + i);
    store(x + i, whereNotLess(absolute(v), smallest, v));
  }
}

typedef float four __attribute__((vector_size(16)));

#define LINE (64 / VECTOR)

// The mean of a row from 16 sums of every 16th number: they are added in halves.
INLINE vec meanOf(const vec *s, uint32_t columns) {
  _Alignas(64) float sums[16];
  UNROLL for (int j = 0; j < LINE; j++) store(sums + LANES * j, s[j]);
  const four *q = (const four *)sums;
  const four t = (q[0] + q[2]) + (q[1] + q[3]);
  return splat(((t[0] + t[2]) + (t[1] + t[3])) / (float)columns);
}

static inline void clearPadding(float *row, uint32_t columns, uint32_t width) {
  for (uint32_t j = columns; j < width; j++) row[j] = 0;
}

// The operands of layer normalization or of its gradient, at a row.
struct rowsOfLayer {
  float *y, *normalized, *inverseDeviation;
  const float *x, *scale, *shift;
  size_t yStride, normalizedStride, xStride;
  uint32_t columns, width;
  vec epsilon;
};

// Several rows at a time, as a constant: the sums of a single one would wait for each other. A row's distances from the mean
// are in `normalized` until they are divided by the deviation. Less the mean, the padding would count in the variance.
INLINE void normalize(int rows, const struct rowsOfLayer l) {
  float *y[4], *normalized[4];
  const float *x[4];
  vec s[4][LINE], mean[4], inverse[4];
  UNROLL for (int i = 0; i < rows; i++) {
    y[i] = l.y + i * l.yStride;
    normalized[i] = l.normalized + i * l.normalizedStride;
    x[i] = l.x + i * l.xStride;
    UNROLL for (int j = 0; j < LINE; j++) s[i][j] = splat(0);
  }
  for (uint32_t p = 0; p < l.width; p += 16) {
    UNROLL for (int i = 0; i < rows; i++) {
      UNROLL for (int j = 0; j < LINE; j++) s[i][j] = s[i][j] + load(x[i] + p + LANES * j);
    }
  }
  UNROLL for (int i = 0; i < rows; i++) mean[i] = meanOf(s[i], l.columns);
  UNROLL for (int i = 0; i < rows; i++) {
    for (uint32_t p = 0; p < l.width; p += LANES) store(normalized[i] + p, load(x[i] + p) - mean[i]);
    clearPadding(normalized[i], l.columns, l.width);
    UNROLL for (int j = 0; j < LINE; j++) s[i][j] = splat(0);
  }
  for (uint32_t p = 0; p < l.width; p += 16) {
    UNROLL for (int i = 0; i < rows; i++) {
      UNROLL for (int j = 0; j < LINE; j++) {
        const vec d = load(normalized[i] + p + LANES * j);
        s[i][j] = s[i][j] + d * d;
      }
    }
  }
  UNROLL for (int i = 0; i < rows; i++) {
    inverse[i] = splat(1) / root(meanOf(s[i], l.columns) + l.epsilon);
    l.inverseDeviation[i] = inverse[i][0];
  }
  UNROLL for (int i = 0; i < rows; i++) {
    for (uint32_t p = 0; p < l.width; p += LANES) {
      const vec n = load(normalized[i] + p) * inverse[i];
      store(normalized[i] + p, n);
      store(y[i] + p, load(l.scale + p) * n + load(l.shift + p));
    }
    // Where the variance is NaN, the padding is as well.
    clearPadding(normalized[i], l.columns, l.width);
    clearPadding(y[i], l.columns, l.width);
  }
}

void NAME(layerNorm)(char *memory, const uint32_t *arguments) {
  struct rowsOfLayer l = {
    .y = at(arguments[0]),
    .yStride = arguments[1] / 4,
    .normalized = at(arguments[2]),
    .normalizedStride = arguments[3] / 4,
    .inverseDeviation = at(arguments[4]),
    .x = at(arguments[5]),
    .xStride = arguments[6] / 4,
    .scale = at(arguments[7]),
    .shift = at(arguments[8]),
    .epsilon = splat((float)*(const double *)(memory + arguments[9])),
    .columns = arguments[11],
    .width = arguments[12] / 4,
  };
  const uint32_t rows = arguments[10];
  for (uint32_t left = rows, done; left > 0; left -= done) {
    done = left >= 4 ? 4 : 1;
    if (done == 4) normalize(4, l);
    else normalize(1, l);
    l.y += done * l.yStride;
    l.normalized += done * l.normalizedStride;
    l.x += done * l.xStride;
    l.inverseDeviation += done;
  }
  for (uint32_t i = rows; i % 16 > 0; i++) *l.inverseDeviation++ = 0;
}

void NAME(layerNormGradient)(char *memory, const uint32_t *arguments) {
  const size_t gStride = arguments[1], normalizedStride = arguments[3];
  const float *inverseDeviation = at(arguments[4]), *scale = at(arguments[5]);
  const uint32_t rows = arguments[6], columns = arguments[7], width = arguments[8] / 4;
  for (uint32_t i = 0; i < rows; i++) {
    float *g = at(arguments[0] + i * gStride);
    const float *normalized = at(arguments[2] + i * normalizedStride);
    vec s[LINE], t[LINE];
    UNROLL for (int j = 0; j < LINE; j++) s[j] = t[j] = splat(0);
    for (uint32_t p = 0; p < width; p += 16) {
      UNROLL for (int j = 0; j < LINE; j++) {
        const vec h = load(scale + p + LANES * j) * load(g + p + LANES * j);
        s[j] = s[j] + h;
        t[j] = t[j] + h * load(normalized + p + LANES * j);
      }
    }
    const vec mean = meanOf(s, columns), along = meanOf(t, columns), inverse = splat(inverseDeviation[i]);
    for (uint32_t p = 0; p < width; p += LANES) {
      const vec h = load(scale + p) * load(g + p);
      store(g + p, inverse * ((h - mean) - load(normalized + p) * along));
    }
    clearPadding(g, columns, width);
  }
}

// Both sums over the rows for `vectors` vectors of columns, a constant.
INLINE void scaleAndShift(int vectors, float *scale, float *shift, const char *g, size_t gStride, const char *normalized,
                          size_t normalizedStride, uint32_t rows) {
  vec s[4], t[4];
  UNROLL for (int j = 0; j < vectors; j++) s[j] = t[j] = splat(0);
  for (uint32_t i = 0; i < rows; i++, g += gStride, normalized += normalizedStride) {
    UNROLL for (int j = 0; j < vectors; j++) {
      const vec d = load((const float *)g + LANES * j);
      s[j] = s[j] + d * load((const float *)normalized + LANES * j);
      t[j] = t[j] + d;
    }
  }
  UNROLL for (int j = 0; j < vectors; j++) {
    store(scale + LANES * j, s[j]);
    store(shift + LANES * j, t[j]);
  }
}

void NAME(scaleAndShiftGradient)(char *memory, const uint32_t *arguments) {
  const uint32_t rows = arguments[6], width = arguments[7];
  for (uint32_t p = 0, done; p < width; p += done) {
    done = width - p >= 4 * VECTOR ? 4 * VECTOR : 64;
    float *scale = at(arguments[0] + p), *shift = at(arguments[1] + p);
    const char *g = memory + arguments[2] + p, *normalized = memory + arguments[4] + p;
    if (done == 4 * VECTOR) scaleAndShift(4, scale, shift, g, arguments[3], normalized, arguments[5], rows);
    else scaleAndShift(LINE, scale, shift, g, arguments[3], normalized, arguments[5], rows);
  }
}

// out = xᵀ in blocks of 16 columns of x and 4 rows: each line of x is read once. `arguments[6]` is the bytes of a row of
// out, including padding.
void NAME(transpose)(char *memory, const uint32_t *arguments) {
  const size_t outStride = arguments[1], xStride = arguments[3];
  const int32_t rows = arguments[4], columns = arguments[5], width = arguments[6] / 4;
  static const _Alignas(16) float zeros[16];
  for (int32_t j = 0; j < columns; j += 16) {
    const int32_t blocks = columns - j < 16 ? (columns - j + 3) / 4 : 4;
    for (int32_t i = 0; i < width; i += 4) {
      const float *r[4];
      UNROLL for (int k = 0; k < 4; k++) {
        r[k] = i + k < rows ? at(arguments[2] + (size_t)(i + k) * xStride + 4 * (size_t)j) : zeros;
      }
      char *out = memory + arguments[0] + (size_t)j * outStride + 4 * (size_t)i;
      for (int32_t block = 0; block < blocks; block++, out += 4 * outStride) {
        four v[4];
        UNROLL for (int k = 0; k < 4; k++) v[k] = *(const four *)(r[k] + 4 * block);
        const four low01 = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5);
        const four low23 = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5);
        const four high01 = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7);
        const four high23 = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
        const int32_t left = columns - j - 4 * block;
        *(four *)out = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
        if (left > 1) *(four *)(out + outStride) = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
        if (left > 2) *(four *)(out + 2 * outStride) = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
        if (left > 3) *(four *)(out + 3 * outStride) = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
      }
    }
  }
}
