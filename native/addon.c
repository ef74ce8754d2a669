// What Node loads, over Node-API: it says which instruction sets the processor has, and binds the kernels of one to a
// memory. A bound kernel takes the arguments of the raw kernel of its name and writes to the memory.
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Each kernel with the number of its parameters.
#define KERNELS(X) \
  X(multiplyFused, 13)    \
  X(multiplyPortable, 13) \
  X(transpose, 7)         \
  X(sumRows, 5)           \
  X(relu, 4)              \
  X(reluGradient, 6)      \
  X(adam, 7)              \
  X(flush, 2)             \
  X(softUpdate, 4)        \
  X(layerNorm, 13)        \
  X(layerNormGradient, 9) \
  X(scaleAndShiftGradient, 8)

#define MAX_ARGUMENTS 13

typedef void run(char *memory, const uint32_t *arguments);

struct kernel {
  const char *name;
  size_t count;
  run *run;
};

struct set {
  const char *name;
  int (*isSupported)(void);
  const struct kernel *kernels;
};

#define DECLARE(name, set) run name##_##set;
#define ENTRY(name, count, set) {#name, count, name##_##set},

#if defined(__x86_64__)

#define AVX512(name, count) DECLARE(name, avx512)
#define AVX2(name, count) DECLARE(name, avx2)
KERNELS(AVX512)
KERNELS(AVX2)
#undef AVX512
#undef AVX2
#define AVX512(name, count) ENTRY(name, count, avx512)
#define AVX2(name, count) ENTRY(name, count, avx2)
static const struct kernel avx512[] = {KERNELS(AVX512){0}};
static const struct kernel avx2[] = {KERNELS(AVX2){0}};
static int hasAvx512(void) { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma"); }
static int hasAvx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static const struct set sets[] = {{"avx512", hasAvx512, avx512}, {"avx2", hasAvx2, avx2}};

#else

#define NEON(name, count) DECLARE(name, neon)
KERNELS(NEON)
#undef NEON
#define NEON(name, count) ENTRY(name, count, neon)
static const struct kernel neon[] = {KERNELS(NEON){0}};
static int hasNeon(void) { return 1; }
static const struct set sets[] = {{"neon", hasNeon, neon}};

#endif

#define SETS (sizeof sets / sizeof *sets)

// Returns from a callback with a JavaScript error when a call of Node-API fails.
#define CHECK(call)                                       \
  do {                                                    \
    if ((call) != napi_ok) return failed(env, #call);     \
  } while (0)

static napi_value failed(napi_env env, const char *what) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && !pending) napi_throw_error(env, NULL, what);
  return NULL;
}

// A kernel over a memory. The reference keeps the memory alive.
struct bound {
  const struct kernel *kernel;
  char *memory;
  napi_ref view;
};

static void release(napi_env env, void *data, void *hint) {
  (void)hint;
  struct bound *bound = data;
  napi_delete_reference(env, bound->view);
  free(bound);
}

static napi_value call(napi_env env, napi_callback_info info) {
  napi_value values[MAX_ARGUMENTS];
  uint32_t arguments[MAX_ARGUMENTS];
  size_t given = MAX_ARGUMENTS;
  void *data;
  CHECK(napi_get_cb_info(env, info, &given, values, NULL, &data));
  const struct bound *bound = data;
  const size_t count = bound->kernel->count;
  // Threads pass every kernel as many arguments as the longest takes.
  if (given < count) return failed(env, "too few arguments for a native kernel");
  for (size_t i = 0; i < count; i++) CHECK(napi_get_value_uint32(env, values[i], &arguments[i]));
  bound->kernel->run(bound->memory, arguments);
  return NULL;
}

// bind(view, set): an object with the kernels of a set, over the memory of a Uint8Array that begins where it begins.
// Node-API gives the address of a typed array over any buffer, but that of a shared buffer itself in newer versions only.
static napi_value bind(napi_env env, napi_callback_info info) {
  napi_value values[2], object;
  size_t given = 2;
  CHECK(napi_get_cb_info(env, info, &given, values, NULL, NULL));
  if (given < 2) return failed(env, "bind needs a view of the memory and the name of an instruction set");
  void *memory;
  CHECK(napi_get_typedarray_info(env, values[0], NULL, NULL, &memory, NULL, NULL));
  char name[16];
  CHECK(napi_get_value_string_utf8(env, values[1], name, sizeof name, NULL));
  const struct kernel *kernel = NULL;
  for (size_t i = 0; i < SETS; i++) {
    if (strcmp(name, sets[i].name) == 0 && sets[i].isSupported()) kernel = sets[i].kernels;
  }
  if (!kernel) return failed(env, "this processor does not have the instruction set");
  CHECK(napi_create_object(env, &object));
  for (; kernel->name; kernel++) {
    napi_value function;
    struct bound *bound = malloc(sizeof *bound);
    if (!bound) return failed(env, "out of memory");
    *bound = (struct bound){kernel, memory, NULL};
    if (napi_create_reference(env, values[0], 1, &bound->view) != napi_ok ||
        napi_create_function(env, kernel->name, NAPI_AUTO_LENGTH, call, bound, &function) != napi_ok ||
        napi_add_finalizer(env, function, bound, release, NULL, NULL) != napi_ok) {
      free(bound);
      return failed(env, "bind");
    }
    CHECK(napi_set_named_property(env, object, kernel->name, function));
  }
  return object;
}

// `source` is a hash of what the addon was built from; `sets` are the names of the processor's instruction sets, the
// widest first.
NAPI_MODULE_INIT() {
  napi_value source, names, function;
  CHECK(napi_create_string_utf8(env, SOURCE, NAPI_AUTO_LENGTH, &source));
  CHECK(napi_set_named_property(env, exports, "source", source));
  CHECK(napi_create_array(env, &names));
  uint32_t count = 0;
  for (size_t i = 0; i < SETS; i++) {
    napi_value name;
    if (!sets[i].isSupported()) continue;
    CHECK(napi_create_string_utf8(env, sets[i].name, NAPI_AUTO_LENGTH, &name));
    CHECK(napi_set_element(env, names, count++, name));
  }
  CHECK(napi_set_named_property(env, exports, "sets", names));
  CHECK(napi_create_function(env, "bind", NAPI_AUTO_LENGTH, bind, NULL, &function));
  CHECK(napi_set_named_property(env, exports, "bind", function));
  return exports;
}
