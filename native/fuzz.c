// Runs the kernels of one instruction set with random sizes under AddressSanitizer: only what a call may read or write is
// not poisoned, and products, whose order is fixed, are compared bit for bit with plain loops. test/native.test.js compiles
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
  __asan_unpoison_memory_region(memory, MEMORY);
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

// A matrix with padded rows; its padding is zero. Strides may be longer than the rows.
struct matrix { uint32_t address, stride; int rows, columns; };
static struct matrix matrix(int rows, int columns) {
  struct matrix x = {0, padded(columns) + LINE * (randomBits() % 2), rows, columns};
  x.address = bytes((rows - 1) * x.stride + padded(columns));
  for (int i = 0; i < rows; i++) {
    float *row = (float *)(memory + x.address + i * x.stride);
    memset(row, 0, padded(columns));
    for (int j = 0; j < columns; j++) row[j] = number();
  }
  return x;
}
static float *element(struct matrix x, int i, int j) { return (float *)(memory + x.address + i * x.stride) + j; }

static void fail(const char *what, int rows, int inner, int columns) {
  fprintf(stderr, "%s differs at %d x %d x %d\n", what, rows, inner, columns);
  exit(1);
}

static void product(int fuse) {
  reset();
  const int rows = upTo(40), inner = upTo(20), columns = upTo(200), transposed = randomBits() % 2, from = randomBits() % 3;
  struct matrix a = transposed ? matrix(inner, rows) : matrix(rows, inner);
  struct matrix b = matrix(inner, columns), c = matrix(rows, columns), row = matrix(1, columns);
  const uint32_t zeros = bytes(LINE);
  memset(memory + zeros, 0, LINE);
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
  const uint32_t start = from == 0 ? zeros : from == 1 ? row.address : c.address;
  const uint32_t arguments[] = {
    c.address, c.stride, start, from == 2 ? c.stride : 0, from != 0,
    a.address, transposed ? 4 : a.stride, transposed ? a.stride : 4, b.address, b.stride, rows, inner, columns,
  };
  (fuse ? NAME(multiplyFused) : NAME(multiplyPortable))(memory, arguments);
  for (int i = 0; i < rows; i++) {
    if (memcmp(element(c, i, 0), expected + i * columns, sizeof *expected * columns)) {
      fail(fuse ? "multiplyFused" : "multiplyPortable", rows, inner, columns);
    }
    for (int j = columns; 4 * j < (int)padded(columns); j++) {
      if (*element(c, i, j) != 0) fail("the padding of a product", rows, inner, columns);
    }
  }
  free(expected);
}

static void others(void) {
  const int rows = upTo(40), columns = upTo(200);
  reset();
  struct matrix x = matrix(rows, columns), out = matrix(columns, rows);
  NAME(transpose)(memory, (uint32_t[]){out.address, out.stride, x.address, x.stride, rows, columns, padded(rows)});
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < columns; j++) {
      if (*element(out, j, i) != *element(x, i, j)) fail("transpose", rows, 0, columns);
    }
  }
  reset();
  x = matrix(rows, columns);
  const uint32_t sums = bytes(padded(columns));
  NAME(sumRows)(memory, (uint32_t[]){sums, x.address, x.stride, rows, padded(columns)});
  for (int j = 0; j < columns; j++) {
    float sum = 0;
    for (int i = 0; i < rows; i++) sum += *element(x, i, j);
    if (((float *)(memory + sums))[j] != sum) fail("sumRows", rows, 0, columns);
  }
  reset();
  x = matrix(rows, columns);
  const uint32_t width = (columns + 7) / 8 * 32;
  NAME(relu)(memory, (uint32_t[]){x.address, x.stride, rows, width});
  reset();
  x = matrix(rows, columns), out = matrix(rows, columns);
  NAME(reluGradient)(memory, (uint32_t[]){x.address, x.stride, out.address, out.stride, rows, width});
  reset();
  const uint32_t size = LINE * upTo(600);
  uint32_t vectors[4];
  for (int k = 0; k < 4; k++) {
    vectors[k] = bytes(size);
    for (uint32_t i = 0; i < size / 4; i++) ((float *)(memory + vectors[k]))[i] = fabsf(number());
  }
  const uint32_t numbers = bytes(LINE), squares = bytes(8 * ((size + 16383) / 16384));
  for (int k = 0; k < 8; k++) ((double *)(memory + numbers))[k] = 0.5;
  NAME(adam)(memory, (uint32_t[]){vectors[0], vectors[1], vectors[2], vectors[3], size, numbers, squares});
  NAME(flush)(memory, (uint32_t[]){vectors[0], size});
  NAME(softUpdate)(memory, (uint32_t[]){vectors[0], vectors[1], size, numbers});
}

int main(int count, char **words) {
  if (count != 3) return 2;
  state = strtoull(words[1], NULL, 10);
  memory = aligned_alloc(LINE, MEMORY);
  for (int left = atoi(words[2]); left > 0; left--) {
    product(0);
    product(1);
    others();
  }
  return 0;
}
