/* base/mem.h -- the one seam to the allocator.
 *
 * sl_mem_new() never returns NULL: small objects abort on failure. What grows
 * with input goes through sl_mem_try(), which may return NULL and whose caller
 * answers with an error. Tests make the n-th sl_mem_try() fail.
 */
#ifndef SL_BASE_MEM_H
#define SL_BASE_MEM_H

#include "base/str.h"

void *sl_mem_new(size_t n);                   /* zeroed */
SL_MUST void *sl_mem_try(size_t n);           /* not zeroed */
SL_MUST void *sl_mem_try_zeroed(size_t n);    /* large ones by the kernel, page by page */
SL_MUST void *sl_mem_grow(void *p, size_t n); /* as realloc; NULL leaves p valid */
void sl_mem_free(void *p);
char *sl_mem_dup(struct sl_str s); /* zero-terminated copy; aborts on failure */

/* Blocks of one size that come and go with every request: what is given back is
 * kept for the next one, up to `most`, because a turn ends as many requests as it
 * began and the C library remembers fewer. One thread only: _Thread_local where
 * threads of the pool come by, who may give to the loop what they took. Under
 * AddressSanitizer nothing is kept, so that it sees every use after free. */
struct sl_mem_shelf {
    size_t size; /* bytes of a block */
    unsigned most;
    unsigned n;
    struct sl_mem_kept *kept; /* owns */
};
SL_MUST void *sl_mem_take(struct sl_mem_shelf *s); /* as sl_mem_try() of its size */
void *sl_mem_take_zeroed(struct sl_mem_shelf *s);  /* as sl_mem_new() of it */
void sl_mem_give(struct sl_mem_shelf *s, void *p);

/* Overwrites in a way the compiler keeps: for secrets. */
void sl_mem_wipe(void *p, size_t n);

/* For a long-lived process on one thread: freed memory stays at hand (up to
 * 32 MiB) instead of going back to the kernel and being faulted in again with
 * each large body; one heap. Once, at start. */
void sl_mem_tune(void);

/* Tests: the n-th call of try/grow from now on fails, once; 0 switches it off.
 * Also read at start from the environment variable SLUICE_FAIL_ALLOC. */
void sl_mem_fail_at(uint64_t n);
uint64_t sl_mem_tries(void); /* calls of try/grow so far */

#endif
