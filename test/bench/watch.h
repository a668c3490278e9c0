/* watch.h -- what processes have used so far, read from /proc. */
#ifndef BENCH_WATCH_H
#define BENCH_WATCH_H

#include <stddef.h>
#include <stdint.h>

#define WATCH_MAX 16

struct watch {
    long pids[WATCH_MAX];
    size_t n;
};

/* Nanoseconds on a processor, all threads, user and system together. */
uint64_t watch_cpu_ns(const struct watch *w);
/* Resident memory in KiB. */
uint64_t watch_rss_kib(const struct watch *w);

#endif
