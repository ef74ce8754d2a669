// Runs the kernels of one instruction set with random sizes under AddressSanitizer: only what a call may read or write is
// not poisoned, and all results and their padding are compared bit for bit with plain loops. test/native.test.js compiles
// it. Arguments: the seed and the number of calls of each kernel.
#include <math.h>
#include <sanitizer/asan_interface.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOIN_(name, set) name##_##set
#define JOIN(name, set) JOIN_(name, set)
#define NAME(name) JOIN(name, SET)
#define KERNEL(name) void NAME(name)(char *memory, const uint32_t *arguments)
KERNEL(multiplyFused);
KERNEL(multiplyPortable);
KERNEL(transpose);
KERNEL(sumRows);
KERNEL(relu);
KERNEL(reluGradient);
KERNEL(adam);
KERNEL(flush);
KERNEL(softUpdate);
KERNEL(layerNorm);
KERNEL(layerNormGradient);
KERNEL(scaleAndShiftGradient);

#define MEMORY (16 << 20)
#define LINE 64
static char *memory;
static uint32_t used;
static uint64_t state;

static uint32_t randomBits(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return state >> 33;
}
static int upTo(int most) { return 1 + randomBits() % most; }
static float number(void) { return ((int32_t)randomBits() - (1 << 30)) / 1073741824.0f; }

// Poisons everything. The next operands are the only bytes that may be touched.
static void reset(void) {
  ASAN_POISON_MEMORY_REGION(memory, MEMORY);
  used = LINE;
}

static uint32_t bytes(uint32_t size) {
  const uint32_t address = used;
  used += (size + LINE - 1) / LINE * LINE + LINE;
  if (used > MEMORY) abort();
  ASAN_UNPOISON_MEMORY_REGION(memory + address, size);
  return address;
}

static uint32_t padded(int columns) { return (columns + 15) / 16 * LINE; }

// Special numbers among the others.
static float anyNumber(void) {
  static const float special[] = {-0.0f, 0, INFINITY, -INFINITY, NAN, 1e-39f, -1e-39f, 0x1p-126f, -0x1p-126f};
  return randomBits() % 8 ? number() : special[randomBits() % (sizeof special / sizeof *special)];
}

// A matrix with padded rows. Strides may be longer than the rows; what is between them must not be touched.
struct matrix { uint32_t address, stride; int rows, columns; };
static struct matrix matrixOf(int rows, int columns, float (*draw)(void)) {
  struct matrix x = {0, padded(columns) + LINE * (randomBits() % 2), rows, columns};
  x.address = bytes((rows - 1) * x.stride + padded(columns));
  for (int i = 0; i < rows; i++) {
    float *row = (float *)(memory + x.address + i * x.stride);
    memset(row, 0, padded(columns));
    for (int j = 0; j < columns; j++) row[j] = draw();
    if (i + 1 < rows) ASAN_POISON_MEMORY_REGION((char *)row + padded(columns), x.stride - padded(columns));
  }
  return x;
}
static struct matrix matrix(int rows, int columns) { return matrixOf(rows, columns, number); }

static float *element(struct matrix x, int i, int j) { return (float *)(memory + x.address + i * x.stride) + j; }

// What differed, each once.
static const char *failed[32];
static int failures;
static void fail(const char *what, int rows, int inner, int columns) {
  for (int i = 0; i < failures; i++) {
    if (strcmp(failed[i], what) == 0) return;
  }
  if (failures == sizeof failed / sizeof *failed) abort();
  failed[failures++] = what;
  fprintf(stderr, "%s differs at %d x %d x %d\n", what, rows, inner, columns);
}

static void same(const char *what, const float *actual, const float *expected, int count, struct matrix x) {
  if (memcmp(actual, expected, sizeof *expected * count)) fail(what, x.rows, 0, x.columns);
}

// The padding of a matrix, or of one row.
static void zeros(const char *what, struct matrix x) {
  for (int i = 0; i < x.rows; i++) {
    for (int j = x.columns; 4 * j < (int)padded(x.columns); j++) {
      uint32_t bits;
      memcpy(&bits, element(x, i, j), 4);
      if (bits) fail(what, x.rows, 0, x.columns);
    }
  }
}

// Fills a matrix and its padding with what a kernel has to overwrite.
static struct matrix garbage(struct matrix x) {
  for (int i = 0; i < x.rows; i++) {
    for (int j = 0; 4 * j < (int)padded(x.columns); j++) *element(x, i, j) = 7;
  }
  return x;
}

static void product(int fuse) {
  reset();
  const int rows = upTo(40), inner = upTo(20), columns = upTo(200), transposed = randomBits() % 2, from = randomBits() % 3;
  struct matrix a = transposed ? matrix(inner, rows) : matrix(rows, inner);
  struct matrix b = matrix(inner, columns), c = matrix(rows, columns), row = matrix(1, columns);
  const uint32_t line = bytes(LINE);
  memset(memory + line, 0, LINE);
  float *expected = malloc(sizeof *expected * rows * columns);
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < columns; j++) {
      float sum = from == 0 ? 0 : from == 1 ? *element(row, 0, j) : *element(c, i, j);
      for (int k = 0; k < inner; k++) {
        const float x = transposed ? *element(a, k, i) : *element(a, i, k), y = *element(b, k, j);
        if (fuse) sum = fmaf(x, y, sum);
        else sum = sum + x * y;
      }
      expected[i * columns + j] = sum;
    }
  }
  const uint32_t start = from == 0 ? line : from == 1 ? row.address : c.address;
  const uint32_t arguments[] = {
    c.address, c.stride, start, from == 2 ? c.stride : 0, from != 0,
    a.address, transposed ? 4 : a.stride, transposed ? a.stride : 4, b.address, b.stride, rows, inner, columns,
  };
  (fuse ? NAME(multiplyFused) : NAME(multiplyPortable))(memory, arguments);
  for (int i = 0; i < rows; i++) {
    if (memcmp(element(c, i, 0), expected + i * columns, sizeof *expected * columns)) {
      fail(fuse ? "multiplyFused" : "multiplyPortable", rows, inner, columns);
    }
  }
  zeros("the padding of a product", c);
  free(expected);
}

static void overMatrices(void) {
  const int rows = upTo(40), columns = upTo(200);
  const uint32_t width = (columns + 7) / 8 * 32;
  reset();
  struct matrix x = matrixOf(rows, columns, anyNumber), out = garbage(matrix(columns, rows));
  NAME(transpose)(memory, (uint32_t[]){out.address, out.stride, x.address, x.stride, rows, columns, padded(rows)});
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < columns; j++) same("transpose", element(out, j, i), element(x, i, j), 1, x);
  }
  zeros("the padding of transpose", out);

  reset();
  x = matrix(rows, columns), out = garbage(matrix(1, columns));
  NAME(sumRows)(memory, (uint32_t[]){out.address, x.address, x.stride, rows, padded(columns)});
  for (int j = 0; j < columns; j++) {
    float sum = 0;
    for (int i = 0; i < rows; i++) sum += *element(x, i, j);
    same("sumRows", element(out, 0, j), &sum, 1, x);
  }
  zeros("the padding of sumRows", out);

  float *expected = malloc(sizeof *expected * rows * columns);
  reset();
  x = matrixOf(rows, columns, anyNumber);
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < columns; j++) {
      const float y = *element(x, i, j);
      expected[i * columns + j] = y < 0 ? 0 : y;
    }
  }
  NAME(relu)(memory, (uint32_t[]){x.address, x.stride, rows, width});
  for (int i = 0; i < rows; i++) same("relu", element(x, i, 0), expected + i * columns, columns, x);
  zeros("the padding of relu", x);

  reset();
  x = matrixOf(rows, columns, anyNumber);
  const struct matrix y = matrixOf(rows, columns, anyNumber);
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < columns; j++) expected[i * columns + j] = *element(y, i, j) > 0 ? *element(x, i, j) : 0;
  }
  NAME(reluGradient)(memory, (uint32_t[]){x.address, x.stride, y.address, y.stride, rows, width});
  for (int i = 0; i < rows; i++) same("reluGradient", element(x, i, 0), expected + i * columns, columns, x);
  zeros("the padding of reluGradient", x);
  free(expected);
}

static void overVectors(void) {
  reset();
  const int count = 16 * upTo(600);
  const struct matrix p = matrix(1, count), g = matrix(1, count), m = matrix(1, count), v = matrix(1, count);
  for (int i = 0; i < count; i++) *element(v, 0, i) = fabsf(*element(v, 0, i));
  const int chunks = (count + 4095) / 4096;
  const uint32_t scalars = bytes(LINE), squares = bytes(8 * chunks);
  double *s = (double *)(memory + scalars);
  for (int k = 0; k < 8; k++) s[k] = fabsf(number());
  const float stepSize = s[0], inverse = s[1], beta1 = s[2], other1 = s[3], beta2 = s[4], other2 = s[5], epsilon = s[6];
  const float decay = s[7];
  float *expected = malloc(3 * sizeof *expected * count);
  float *newP = expected, *newM = expected + count, *newV = expected + 2 * count;
  double *sums = calloc(8 * chunks, sizeof *sums);
  for (int i = 0; i < count; i++) {
    const float old = *element(p, 0, i), gradient = *element(g, 0, i), total = gradient + decay * old;
    newM[i] = beta1 * *element(m, 0, i) + other1 * total;
    newV[i] = beta2 * *element(v, 0, i) + other2 * (total * total);
    newP[i] = old - (stepSize * newM[i]) / (sqrtf(newV[i]) * inverse + epsilon);
    sums[i / 4096 * 8 + i % 8] += (double)gradient * (double)gradient;
  }
  NAME(adam)(memory, (uint32_t[]){p.address, g.address, m.address, v.address, 4 * count, scalars, squares});
  same("adam's parameters", element(p, 0, 0), newP, count, p);
  same("adam's m", element(m, 0, 0), newM, count, p);
  same("adam's v", element(v, 0, 0), newV, count, p);
  for (int chunk = 0; chunk < chunks; chunk++) {
    const double *t = sums + 8 * chunk;
    const double sum = ((t[0] + t[2]) + (t[4] + t[6])) + ((t[1] + t[3]) + (t[5] + t[7]));
    if (((double *)(memory + squares))[chunk] != sum) fail("adam's squares", 1, 0, count);
  }

  for (int i = 0; i < count; i++) {
    const float target = *element(m, 0, i);
    expected[i] = target + stepSize * (*element(p, 0, i) - target);
  }
  NAME(softUpdate)(memory, (uint32_t[]){m.address, p.address, 4 * count, scalars});
  same("softUpdate", element(m, 0, 0), expected, count, p);

  for (int i = 0; i < count; i++) {
    const float x = anyNumber();
    *element(v, 0, i) = x;
    expected[i] = fabsf(x) < 0x1p-126f ? 0 : x;
  }
  NAME(flush)(memory, (uint32_t[]){v.address, 4 * count});
  same("flush", element(v, 0, 0), expected, count, p);
  free(expected);
  free(sums);
}

// The mean of a row: 16 sums of every 16th number, added in halves.
static float meanOf(const float *x, int columns) {
  float s[16] = {0};
  for (int j = 0; j < columns; j++) s[j % 16] += x[j];
  for (int half = 8; half >= 1; half /= 2) {
    for (int lane = 0; lane < half; lane++) s[lane] += s[lane + half];
  }
  return s[0] / (float)columns;
}

static void normalizations(void) {
  reset();
  const int rows = upTo(40), columns = upTo(200), inPlace = randomBits() % 2, learns = randomBits() % 2;
  const struct matrix x = matrix(rows, columns), y = inPlace ? x : garbage(matrix(rows, columns));
  const struct matrix n = learns ? garbage(matrix(rows, columns)) : y, g = matrix(rows, columns);
  const struct matrix scale = matrix(1, columns), shift = matrix(1, columns), inverse = garbage(matrix(1, rows));
  const uint32_t scalars = bytes(LINE);
  *(double *)(memory + scalars) = 0.01;
  float *expected = malloc(4 * sizeof *expected * rows * columns), *inverses = malloc(sizeof *inverses * rows);
  float *newY = expected, *newN = newY + rows * columns, *newG = newN + rows * columns, *row = newG + rows * columns;
  for (int i = 0; i < rows; i++, newY += columns, newN += columns) {
    const float mean = meanOf(element(x, i, 0), columns);
    for (int j = 0; j < columns; j++) newN[j] = *element(x, i, j) - mean;
    for (int j = 0; j < columns; j++) row[j] = newN[j] * newN[j];
    inverses[i] = 1 / sqrtf(meanOf(row, columns) + 0.01f);
    for (int j = 0; j < columns; j++) {
      newN[j] = newN[j] * inverses[i];
      newY[j] = *element(scale, 0, j) * newN[j] + *element(shift, 0, j);
    }
  }
  newY -= rows * columns, newN -= rows * columns;
  NAME(layerNorm)(memory, (uint32_t[]){y.address, y.stride, n.address, n.stride, inverse.address, x.address, x.stride,
                                       scale.address, shift.address, scalars, rows, columns, padded(columns)});
  for (int i = 0; i < rows; i++) {
    same("layerNorm", element(y, i, 0), newY + i * columns, columns, x);
    if (learns) same("layerNorm's normalized rows", element(n, i, 0), newN + i * columns, columns, x);
  }
  same("layerNorm's deviations", element(inverse, 0, 0), inverses, rows, x);
  zeros("the padding of layerNorm", y);
  zeros("the padding of normalized rows", n);
  zeros("the padding of deviations", inverse);

  const struct matrix scaleSum = garbage(matrix(1, columns)), shiftSum = garbage(matrix(1, columns));
  NAME(scaleAndShiftGradient)(memory, (uint32_t[]){scaleSum.address, shiftSum.address, g.address, g.stride, n.address,
                                                   n.stride, rows, padded(columns)});
  for (int j = 0; j < columns; j++) {
    float scales = 0, shifts = 0;
    for (int i = 0; i < rows; i++) {
      scales += *element(g, i, j) * *element(n, i, j);
      shifts += *element(g, i, j);
    }
    same("the gradient of the scale", element(scaleSum, 0, j), &scales, 1, x);
    same("the gradient of the shift", element(shiftSum, 0, j), &shifts, 1, x);
  }
  zeros("the padding of the gradient of the scale", scaleSum);
  zeros("the padding of the gradient of the shift", shiftSum);

  for (int i = 0; i < rows; i++) {
    float *out = newG + i * columns;
    for (int j = 0; j < columns; j++) out[j] = *element(scale, 0, j) * *element(g, i, j);
    for (int j = 0; j < columns; j++) row[j] = out[j] * *element(n, i, j);
    const float mean = meanOf(out, columns), along = meanOf(row, columns);
    for (int j = 0; j < columns; j++) out[j] = inverses[i] * ((out[j] - mean) - *element(n, i, j) * along);
  }
  NAME(layerNormGradient)(memory, (uint32_t[]){g.address, g.stride, n.address, n.stride, inverse.address, scale.address,
                                               rows, columns, padded(columns)});
  for (int i = 0; i < rows; i++) same("layerNormGradient", element(g, i, 0), newG + i * columns, columns, x);
  zeros("the padding of layerNormGradient", g);
  free(expected);
  free(inverses);
}

int main(int count, char **words) {
  if (count != 3) return 2;
  state = strtoull(words[1], NULL, 10);
  memory = aligned_alloc(LINE, MEMORY);
  for (int left = atoi(words[2]); left > 0; left--) {
    product(0);
    product(1);
    overMatrices();
    overVectors();
    normalizations();
  }
  return failures > 0;
}
