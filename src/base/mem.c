/* base/mem.c -- the allocator seam, with the failures that tests ask for.
 *
 * The counters are relaxed atomics because jobs in libuv's pool may allocate
 * too; a lost count matters to nobody, a data race would be undefined.
 */
#include "base/mem.h"

#include "base/obj.h"

#include <stdatomic.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define FAST ((size_t)1032) /* the longest block of glibc's lists for each thread */

static _Atomic uint64_t tries;
static _Atomic uint64_t fail_at; /* the value of `tries` that fails; 0: none */
static _Atomic bool env_read;

static void read_env(void)
{
    const char *z = getenv("SLUICE_FAIL_ALLOC");
    uint64_t n;

    atomic_store_explicit(&env_read, true, memory_order_relaxed);
    if (z != NULL && sl_str_to_u64(sl_str_of(z), &n))
        atomic_store_explicit(&fail_at, n, memory_order_relaxed);
}

/* Counts one call; true if it is the one that has to fail. */
static bool must_fail(void)
{
    uint64_t n, at;

    if (!atomic_load_explicit(&env_read, memory_order_relaxed))
        read_env();
    n = atomic_load_explicit(&tries, memory_order_relaxed) + 1;
    atomic_store_explicit(&tries, n, memory_order_relaxed);
    at = atomic_load_explicit(&fail_at, memory_order_relaxed);
    return at != 0 && at == n;
}

/* calloc() goes past those lists, which malloc() doesn't; but of large blocks it knows that
 * they are zero already. */
void *sl_mem_new(size_t n)
{
    void *p = n <= FAST ? malloc(n > 0 ? n : 1) : calloc(1, n);

    SL_CHECK(p != NULL);
    return n <= FAST ? memset(p, 0, n) : p;
}

void *sl_mem_try(size_t n)
{
    return must_fail() ? NULL : malloc(n > 0 ? n : 1);
}

void *sl_mem_try_zeroed(size_t n)
{
    return must_fail() ? NULL : calloc(1, n > 0 ? n : 1);
}

void *sl_mem_grow(void *p, size_t n)
{
    return must_fail() ? NULL : realloc(p, n > 0 ? n : 1);
}

void sl_mem_free(void *p)
{
    free(p);
}

#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1 /* clang's way of saying what gcc says so */
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
static bool keeps = false;
#else
static bool keeps = true;
#endif

struct sl_mem_kept {
    struct sl_mem_kept *next; /* owns */
};

static void *take_kept(struct sl_mem_shelf *s)
{
    struct sl_mem_kept *k = s->kept;

    if (k == NULL)
        return NULL;
    s->kept = k->next;
    s->n--;
    return k;
}

void *sl_mem_take(struct sl_mem_shelf *s)
{
    void *p;

    if (must_fail())
        return NULL;
    p = take_kept(s);
    return p != NULL ? p : malloc(s->size);
}

void *sl_mem_take_zeroed(struct sl_mem_shelf *s)
{
    void *p = take_kept(s);

    return p != NULL ? memset(p, 0, s->size) : sl_mem_new(s->size);
}

void sl_mem_give(struct sl_mem_shelf *s, void *p)
{
    struct sl_mem_kept *k = p;

    if (!keeps || s->n >= s->most) {
        sl_mem_free(p);
        return;
    }
    k->next = s->kept;
    s->kept = k;
    s->n++;
}

char *sl_mem_dup(struct sl_str s)
{
    char *z;

    SL_CHECK(s.n < SIZE_MAX);
    z = malloc(s.n + 1);
    SL_CHECK(z != NULL);
    if (s.n > 0)
        memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    return z;
}

void sl_mem_wipe(void *p, size_t n)
{
    if (n > 0)
        explicit_bzero(p, n);
}

void sl_mem_fail_at(uint64_t n)
{
    uint64_t now = atomic_load_explicit(&tries, memory_order_relaxed);

    atomic_store_explicit(&env_read, true, memory_order_relaxed);
    atomic_store_explicit(&fail_at, n > 0 ? now + n : 0, memory_order_relaxed);
}

uint64_t sl_mem_tries(void)
{
    return atomic_load_explicit(&tries, memory_order_relaxed);
}

void sl_mem_tune(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 4 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 32 << 20);
    (void)mallopt(M_TOP_PAD, 256 << 10);
    (void)mallopt(M_ARENA_MAX, 1);
}
