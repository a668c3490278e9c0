/* base/arena.c -- chunks in a chain, a pointer that moves through the first. */
#include "base/arena.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define KEPT 128                          /* chunks at hand for the requests to come */
#define WIDE ((size_t)2 * SL_ARENA_CHUNK) /* for a wish that is a little too long for one */

static _Thread_local struct sl_mem_shelf shelf = {.size = SL_ARENA_CHUNK, .most = KEPT};
static _Thread_local struct sl_mem_shelf wide_shelf = {.size = WIDE, .most = KEPT};

struct sl_arena_chunk {
    struct sl_arena_chunk *next; /* owns */
    size_t size;                 /* with this head */
    _Alignas(16) char data[];
};

static_assert(sizeof(struct sl_arena_chunk) % 16 == 0, "data begins aligned");
static_assert(sizeof(struct sl_arena_chunk) < SL_ARENA_CHUNK / 8, "chunks hold mostly data");

void sl_arena_init(struct sl_arena *a, size_t ceiling)
{
    *a = (struct sl_arena){.ceiling = ceiling};
}

static struct sl_mem_shelf *shelf_for(size_t size)
{
    return size == SL_ARENA_CHUNK ? &shelf : size == WIDE ? &wide_shelf : NULL;
}

static void give_chunk(struct sl_arena_chunk *c)
{
    struct sl_mem_shelf *s = shelf_for(c->size);

    if (s != NULL)
        sl_mem_give(s, c);
    else
        sl_mem_free(c);
}

void sl_arena_fini(struct sl_arena *a)
{
    while (a->chunks != NULL) {
        struct sl_arena_chunk *next = a->chunks->next;

        give_chunk(a->chunks);
        a->chunks = next;
    }
    sl_arena_init(a, a->ceiling);
}

static struct sl_arena_chunk *take_chunk(struct sl_arena *a, size_t size)
{
    struct sl_mem_shelf *s = shelf_for(size);
    struct sl_arena_chunk *c = NULL;

    if (a->used > a->ceiling || size > a->ceiling - a->used)
        a->full = true;
    else
        c = s != NULL ? sl_mem_take(s) : sl_mem_try(size);
    if (c == NULL) {
        a->failed = true;
        return NULL;
    }
    c->size = size;
    a->used += size;
    return c;
}

/* A wish that fills a chunk of its own goes behind the first one, so that the
 * room left in that stays in use; or before it, if more is left of its own. */
static void *alloc_alone(struct sl_arena *a, size_t n)
{
    size_t size =
        sizeof(struct sl_arena_chunk) + n <= WIDE ? WIDE : sizeof(struct sl_arena_chunk) + n;
    size_t left = size - sizeof(struct sl_arena_chunk) - n;
    struct sl_arena_chunk *c = take_chunk(a, size);

    if (c == NULL)
        return NULL;
    if (a->chunks == NULL || left > (size_t)(a->end - a->at)) {
        c->next = a->chunks;
        a->chunks = c;
        a->at = c->data + n;
        a->end = a->at + left;
    } else {
        c->next = a->chunks->next;
        a->chunks->next = c;
    }
    return c->data;
}

void *sl_arena_more(struct sl_arena *a, size_t n)
{
    struct sl_arena_chunk *c;

    if (n > SIZE_MAX - SL_ARENA_CHUNK)
        return NULL;
    n = n > 0 ? (n + SL_ARENA_ALIGN - 1) & ~(SL_ARENA_ALIGN - 1) : SL_ARENA_ALIGN;
    if (n > SL_ARENA_CHUNK - sizeof(*c))
        return alloc_alone(a, n);
    if (a->at == NULL || n > (size_t)(a->end - a->at)) {
        c = take_chunk(a, SL_ARENA_CHUNK);
        if (c == NULL)
            return NULL;
        c->next = a->chunks;
        a->chunks = c;
        a->at = c->data;
        a->end = (char *)c + SL_ARENA_CHUNK;
    }
    return sl_arena_alloc(a, n);
}

void *sl_arena_zalloc(struct sl_arena *a, size_t n)
{
    void *p = sl_arena_alloc(a, n);

    if (p != NULL)
        memset(p, 0, n);
    return p;
}

struct sl_str sl_arena_dup(struct sl_arena *a, struct sl_str s)
{
    char *p = s.n < SIZE_MAX ? sl_arena_alloc(a, s.n + 1) : NULL;

    if (p == NULL)
        return (struct sl_str){NULL, 0};
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct sl_str){p, s.n};
}

struct sl_str sl_arena_printf(struct sl_arena *a, const char *fmt, ...)
{
    char small[256];
    va_list args, again;
    char *p;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    p = n >= 0 ? sl_arena_alloc(a, (size_t)n + 1) : NULL;
    if (p != NULL && (size_t)n < sizeof(small))
        memcpy(p, small, (size_t)n + 1);
    else if (p != NULL)
        n = vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p != NULL ? (struct sl_str){p, (size_t)n} : (struct sl_str){NULL, 0};
}
