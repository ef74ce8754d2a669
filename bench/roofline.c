// A loop of multiply-adds that touches no memory, in the vectors and with the instructions of the native kernels. `SET` is
// an instruction set, as for native/kernels.c. The program takes a number of rounds, and prints a line for each measurement:
// the arithmetic, the number of independent sums, and GFLOP/s.

#include "../native/kernels.c"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__)
#define REGISTER(v) "+v"(v)
#else
#define REGISTER(v) "+w"(v)
#endif

// Not known to the compiler, so that it computes the sums.
static volatile float half = 0.5f;
static volatile float sink;

INLINE double rate(int sums, int fuse, long times) {
  vec s[16];
  const vec x = splat(half), y = splat(half);
  _Pragma("GCC unroll 16") for (int i = 0; i < sums; i++) s[i] = splat(half + (float)i);
  const double start = now();
  for (long k = 0; k < times; k++) {
    _Pragma("GCC unroll 16") for (int i = 0; i < sums; i++) {
      if (fuse) s[i] = fused(s[i], x, y);
      else s[i] = s[i] * x + y;
      // The compiler must not combine steps of the loop, or vectors.
      __asm__ volatile("" : REGISTER(s[i]));
    }
  }
  const double seconds = now() - start;
  float numbers[LANES];
  for (int i = 0; i < sums; i++) {
    store(numbers, s[i]);
    sink = numbers[0];
  }
  return 2e-9 * LANES * sums * (double)times / seconds;
}

// Makes measurements of about 20 ms.
#define MEASURE(sums)                                                        \
  for (int fuse = 0; fuse < 2; fuse++) {                                     \
    const double flops = 2.0 * LANES * sums;                                 \
    double found = fuse ? rate(sums, 1, 100000) : rate(sums, 0, 100000);     \
    const long times = (long)(0.02 * 1e9 * found / flops) + 1;               \
    for (int i = 0; i < rounds; i++) {                                       \
      found = fuse ? rate(sums, 1, times) : rate(sums, 0, times);            \
      printf("%s %d %.3f\n", fuse ? "fused" : "portable", sums, found);      \
    }                                                                        \
  }

int main(int count, char **words) {
  const int rounds = count > 1 ? atoi(words[1]) : 7;
  MEASURE(8)
  MEASURE(10)
  MEASURE(12)
  MEASURE(13)
  MEASURE(16)
  return 0;
}
