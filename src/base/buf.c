/* base/buf.c -- a chain of chunks; bytes enter at the tail, leave at the head. */
#include "base/buf.h"

#include "base/mem.h"
#include "base/obj.h"

#define FIRST_STEP ((size_t)512)
#define SMALL ((size_t)2048) /* with its head */

struct sl_buf_chunk {
    struct sl_buf_chunk *next; /* owns */
    size_t at;                 /* first byte queued */
    size_t end;                /* behind the last byte queued */
    size_t cap;
    char data[];
};

#define SMALL_CAP (SMALL - sizeof(struct sl_buf_chunk))
#define TINY (FIRST_STEP + sizeof(struct sl_buf_chunk))
#define LARGE (SL_BUF_CHUNK + sizeof(struct sl_buf_chunk))

/* Nearly every queue is one record or one short answer for one turn, and a turn has more of them
 * than the C library has fast lists for. */
static _Thread_local struct sl_mem_shelf tiny = {.size = TINY, .most = 128};
static _Thread_local struct sl_mem_shelf small = {.size = SMALL, .most = 128};
static _Thread_local struct sl_mem_shelf large = {.size = LARGE, .most = 16};

static struct sl_mem_shelf *shelf_for(size_t cap)
{
    return cap == FIRST_STEP     ? &tiny
           : cap == SMALL_CAP    ? &small
           : cap == SL_BUF_CHUNK ? &large
                                 : NULL;
}

void sl_buf_init(struct sl_buf *b, size_t max)
{
    *b = (struct sl_buf){.max = max};
}

/* Bytes that may still be queued; `max` may have been lowered meanwhile. */
static size_t allowance(const struct sl_buf *b)
{
    return b->max > b->len ? b->max - b->len : 0;
}

static void free_chunk(struct sl_buf_chunk *c)
{
    struct sl_mem_shelf *shelf = shelf_for(c->cap);

    if (shelf != NULL)
        sl_mem_give(shelf, c);
    else
        sl_mem_free(c);
}

static void free_chain(struct sl_buf_chunk *c)
{
    while (c != NULL) {
        struct sl_buf_chunk *next = c->next;

        free_chunk(c);
        c = next;
    }
}

void sl_buf_fini(struct sl_buf *b)
{
    free_chain(b->head);
    sl_buf_init(b, b->max);
}

static struct sl_buf_chunk *new_chunk(size_t cap)
{
    struct sl_mem_shelf *shelf = shelf_for(cap);
    struct sl_buf_chunk *c = shelf != NULL ? sl_mem_take(shelf) : sl_mem_try(sizeof(*c) + cap);

    if (c != NULL) {
        c->next = NULL;
        c->at = c->end = 0;
        c->cap = cap;
    }
    return c;
}

/* How large the next chunk should be for `n` bytes still to come. */
static size_t chunk_size(const struct sl_buf *b, size_t n)
{
    if (b->head != NULL || n > SL_BUF_CHUNK - FIRST_STEP)
        return SL_BUF_CHUNK;
    if (n > FIRST_STEP && n <= SMALL_CAP)
        return SMALL_CAP;
    return n > 0 ? (n + FIRST_STEP - 1) / FIRST_STEP * FIRST_STEP : FIRST_STEP;
}

static void link_chain(struct sl_buf *b, struct sl_buf_chunk *first, struct sl_buf_chunk *last)
{
    if (b->tail != NULL)
        b->tail->next = first;
    else
        b->head = first;
    b->tail = last;
}

/* Chunks for `due` more bytes; all of them, or the queue stays as it was. */
static bool extend(struct sl_buf *b, size_t due)
{
    struct sl_buf_chunk *first = new_chunk(chunk_size(b, due)), *last = first, *c = first;

    while (c != NULL && due > c->cap) {
        due -= c->cap;
        c = last->next = new_chunk(SL_BUF_CHUNK);
        last = c != NULL ? c : last;
    }
    if (c == NULL)
        free_chain(first);
    else
        link_chain(b, first, last);
    return c != NULL;
}

/* From chunk `c` on, where there is room for all of it. Returns the last one that was used. */
static struct sl_buf_chunk *fill(struct sl_buf_chunk *c, struct sl_str s)
{
    while (s.n > 0) {
        struct sl_str part;

        while (c->end == c->cap)
            c = c->next;
        part = sl_str_first(s, c->cap - c->end);
        memcpy(c->data + c->end, part.p, part.n);
        c->end += part.n;
        s = sl_str_from(s, part.n);
    }
    return c;
}

bool sl_buf_append_all(struct sl_buf *b, const struct sl_str *parts, size_t n)
{
    struct sl_buf_chunk *c = b->tail;
    size_t room = c != NULL ? c->cap - c->end : 0, total = 0;

    for (size_t i = 0; i < n; i++)
        total += parts[i].n;
    if (total > allowance(b) || (total > room && !extend(b, total - room)))
        return false;
    c = c != NULL ? c : b->head;
    for (size_t i = 0; i < n; i++)
        c = fill(c, parts[i]);
    b->len += total;
    return true;
}

bool sl_buf_append(struct sl_buf *b, struct sl_str s)
{
    return sl_buf_append_all(b, &s, 1);
}

size_t sl_buf_peek(const struct sl_buf *b, struct sl_str *out, size_t n)
{
    size_t i = 0;

    for (struct sl_buf_chunk *c = b->head; c != NULL && i < n; c = c->next)
        if (c->end > c->at)
            out[i++] = (struct sl_str){c->data + c->at, c->end - c->at};
    return i;
}

void sl_buf_consume(struct sl_buf *b, size_t n)
{
    SL_CHECK(n <= b->len);
    b->len -= n;
    while (n > 0) {
        struct sl_buf_chunk *c = b->head;
        size_t part = c->end - c->at < n ? c->end - c->at : n;

        c->at += part;
        n -= part;
        if (c->at == c->end && c->next != NULL) {
            b->head = c->next;
            free_chunk(c);
        }
    }
    if (b->len == 0)
        sl_buf_fini(b);
}

char *sl_buf_reserve(struct sl_buf *b, size_t n, size_t *got)
{
    struct sl_buf_chunk *c = b->tail;
    size_t room;

    if (n > allowance(b))
        return NULL;
    if (c == NULL || c->cap - c->end < n || c->cap == c->end) {
        c = new_chunk(n > SL_BUF_CHUNK ? n : chunk_size(b, n));
        if (c == NULL)
            return NULL;
        link_chain(b, c, c);
    }
    room = c->cap - c->end;
    *got = room < allowance(b) ? room : allowance(b);
    return c->data + c->end;
}

void sl_buf_commit(struct sl_buf *b, size_t n)
{
    SL_CHECK(b->tail != NULL && n <= b->tail->cap - b->tail->end);
    b->tail->end += n;
    b->len += n;
    if (b->len == 0)
        sl_buf_fini(b);
}
