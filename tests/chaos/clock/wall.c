/* A wall clock that can be wrong, for a process of any language: LD_PRELOAD it; the file CHAOS_WALL holds eight bytes,
   by how many seconds the clock is off (a double). Monotonic clocks are not, as with a real jump. libfaketime does the
   same, but a broker under it needs a whole core for doing nothing. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile double *off;
static int (*plain)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
  plain = dlsym(RTLD_NEXT, "clock_gettime");
  const char *name = getenv("CHAOS_WALL");
  int file = name ? open(name, O_RDONLY) : -1;
  void *at = file < 0 ? MAP_FAILED : mmap(0, sizeof(double), PROT_READ, MAP_SHARED, file, 0);
  off = at == MAP_FAILED ? 0 : at;
}

int clock_gettime(clockid_t id, struct timespec *ts) {
  if (!plain) begin();
  int failed = plain(id, ts);
  if (!failed && off && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) ts->tv_sec += (time_t)*off;
  return failed;
}

int gettimeofday(struct timeval *tv, void *zone) {
  struct timespec ts;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &ts)) return -1;
  tv->tv_sec = ts.tv_sec;
  tv->tv_usec = ts.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *at) {
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  if (at) *at = ts.tv_sec;
  return ts.tv_sec;
}
