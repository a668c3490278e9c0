/* base/arena.h -- bump memory for one request, with a ceiling.
 *
 * Holder   The request. Everything allocated dies together in sl_arena_fini().
 * Memory   Chunks of SL_ARENA_CHUNK bytes (larger for larger wishes), aligned
 *          to 16. sl_arena_alloc() returns NULL beyond the ceiling or when the
 *          system has no memory: both are the caller's 413/503.
 */
#ifndef SL_BASE_ARENA_H
#define SL_BASE_ARENA_H

#include "base/str.h"

/* What the C library's allocator keeps in its fast lists on 64-bit machines. */
#define SL_ARENA_CHUNK 1024
#define SL_ARENA_ALIGN ((size_t)16)

struct sl_arena_chunk;

struct sl_arena {
    struct sl_arena_chunk *chunks; /* owns */
    char *at;                      /* both are aligned */
    char *end;
    size_t used;    /* bytes taken from the system */
    size_t ceiling; /* bytes */
    bool failed;    /* something was not given; asked once, after many of them */
    bool full;      /* and it was the ceiling that was met, not the system's memory */
};

void sl_arena_init(struct sl_arena *a, size_t ceiling);
void sl_arena_fini(struct sl_arena *a);
/* What sl_arena_alloc() does where the room at hand is not enough, or nothing is wanted. */
SL_MUST void *sl_arena_more(struct sl_arena *a, size_t n);
/* Not zeroed. */
SL_MUST static inline void *sl_arena_alloc(struct sl_arena *a, size_t n)
{
    char *p = a->at;

    if (n == 0 || n > (size_t)(a->end - p))
        return sl_arena_more(a, n);
    a->at += (n + SL_ARENA_ALIGN - 1) & ~(SL_ARENA_ALIGN - 1);
    return p;
}
SL_MUST void *sl_arena_zalloc(struct sl_arena *a, size_t n); /* zeroed */
/* A copy, with a terminating zero that the slice does not count. `ok` false on
 * NULL is reported by .p == NULL. */
SL_MUST struct sl_str sl_arena_dup(struct sl_arena *a, struct sl_str s);
SL_MUST struct sl_str sl_arena_printf(struct sl_arena *a, const char *fmt, ...) SL_PRINTF(2, 3);

#endif
