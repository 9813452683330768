/* What the tests need of libnvidia-ml and libcuda: one GPU, whose power limit is in the file FAKE_GPU, and a log of
   the CUDA calls in FAKE_GPU.log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int known(const char *uuid) { return strcmp(uuid, "GPU-test") == 0; }

static FILE *state(const char *mode) { return fopen(getenv("FAKE_GPU"), mode); }

int nvmlInitWithFlags(unsigned flags) { return state("r") ? 0 : 9; /* driver not loaded */ }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 4 ? "Insufficient Permissions" : "Driver Not Loaded"; }
int nvmlDeviceGetCount_v2(unsigned *count) { return *count = 1, 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { return *device = (void *)1, index ? 2 : 0; }
int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) { return *device = (void *)1, known(uuid) ? 0 : 6; }
int nvmlDeviceGetUUID(void *device, char *uuid, unsigned size) { return snprintf(uuid, size, "GPU-test"), 0; }
int nvmlDeviceGetName(void *device, char *name, unsigned size) { return snprintf(name, size, "Test 1"), 0; }
int nvmlDeviceGetPowerManagementLimitConstraints(void *device, unsigned *low, unsigned *high) {
  return *low = 100000, *high = 400000, 0;
}
int nvmlDeviceGetPowerManagementLimit(void *device, unsigned *milliwatts) {
  return fscanf(state("r"), "%u", milliwatts) == 1 ? 0 : 999;
}
int nvmlDeviceSetPowerManagementLimit(void *device, unsigned milliwatts) {
  if (getenv("FAKE_GPU_DENIES")) return 4;
  FILE *file = state("w");
  fprintf(file, "%u", milliwatts);
  return fclose(file);
}
struct memory { unsigned long long total, free, used; };
int nvmlDeviceGetMemoryInfo(void *device, struct memory *memory) {
  *memory = (struct memory){80000000000ull, 20000000000ull, 60000000000ull};
  return 0;
}

static int told(const char *call, unsigned long long value) {
  char path[4096];
  snprintf(path, sizeof path, "%s.log", getenv("FAKE_GPU"));
  FILE *file = fopen(path, "a");
  fprintf(file, "%s %llu\n", call, value);
  return fclose(file);
}
int cuInit(unsigned flags) { return known(getenv("CUDA_VISIBLE_DEVICES")) ? 0 : 100; }
int cuDeviceGet(int *device, int ordinal) { return *device = 7, ordinal; }
int cuDevicePrimaryCtxRetain(void **context, int device) { return *context = (void *)8, device != 7; }
int cuCtxSetCurrent(void *context) { return context != (void *)8; }
int cuMemAlloc_v2(unsigned long long *pointer, size_t size) { return *pointer = 1ull << 40, told("alloc", size); }
int cuMemsetD8_v2(unsigned long long pointer, unsigned char value, size_t size) {
  return pointer == 1ull << 40 ? told("set", size) : 1;
}
int cuModuleLoadData(void **module, const char *image) { return *module = (void *)9, !strstr(image, ".entry spin("); }
int cuModuleGetFunction(void **function, void *module, const char *name) {
  return *function = (void *)10, module != (void *)9 || strcmp(name, "spin");
}
int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **values, void **extra) {
  if (function != (void *)10 || gy != 1 || gz != 1 || by != 1 || bz != 1 || shared || stream || extra) return 1;
  if (*(unsigned long long *)values[0] != 1ull << 40) return 1;
  return told("launch", (unsigned long long)gx * bx * *(unsigned *)values[1]);
}
int cuCtxSynchronize(void) { return 0; }
