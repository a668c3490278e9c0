/* base/grow.c -- a block that doubles, and remembers if it could not. */
#include "base/grow.h"

#include "base/mem.h"
#include "base/text.h"

#define FIRST 256

void sl_grow_init(struct sl_grow *g, size_t max)
{
    *g = (struct sl_grow){.max = max};
}

void sl_grow_fini(struct sl_grow *g)
{
    sl_mem_free(g->p);
    sl_grow_init(g, g->max);
}

static bool grow(struct sl_grow *g, size_t need)
{
    size_t cap = g->cap > 0 ? g->cap : FIRST;
    char *p;

    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : 2 * cap;
    if (cap > g->max)
        cap = g->max;
    p = sl_mem_grow(g->p, cap);
    if (p == NULL) {
        g->err = SL_ERR_NO_MEMORY;
        return false;
    }
    g->p = p;
    g->cap = cap;
    return true;
}

char *sl_grow_room(struct sl_grow *g, size_t n)
{
    if (g->err != SL_OK)
        return NULL;
    if (n > g->max - g->n) {
        g->err = SL_ERR_CEILING;
        return NULL;
    }
    if ((n > g->cap - g->n || g->p == NULL) && !grow(g, g->n + n))
        return NULL;
    return g->p + g->n;
}

void sl_grow_add(struct sl_grow *g, struct sl_str s)
{
    char *at = s.n > 0 ? sl_grow_room(g, s.n) : NULL;

    if (at == NULL)
        return;
    memcpy(at, s.p, s.n);
    g->n += s.n;
}

void sl_grow_byte(struct sl_grow *g, char c)
{
    sl_grow_add(g, (struct sl_str){&c, 1});
}

void sl_grow_u64(struct sl_grow *g, uint64_t v)
{
    char digits[20];
    struct sl_text t = sl_text_over(digits, sizeof(digits));

    sl_text_u64(&t, v);
    sl_grow_add(g, sl_text_str(&t));
}

/* Escapes at most this much at a time, so that room is asked for near what is
 * needed; cut where a character begins. */
static struct sl_str next_piece(struct sl_str s)
{
    size_t n = 256;

    if (s.n <= n)
        return s;
    while (n > 252 && ((uint8_t)s.p[n] & 0xc0) == 0x80)
        n--;
    return sl_str_first(s, n);
}

void sl_grow_escaped(struct sl_grow *g, struct sl_str s)
{
    while (s.n > 0) {
        struct sl_str piece = next_piece(s);
        char place[6 * 256 + 2];
        struct sl_text t = sl_text_over(place, sizeof(place));

        sl_text_json(&t, piece, 0);
        sl_grow_add(g, (struct sl_str){place + 1, t.n - 2});
        s = sl_str_from(s, piece.n);
    }
}

void sl_grow_json(struct sl_grow *g, struct sl_str s)
{
    sl_grow_byte(g, '"');
    sl_grow_escaped(g, s);
    sl_grow_byte(g, '"');
}

enum sl_err sl_grow_take(struct sl_grow *g, struct sl_arena *a, struct sl_str *out)
{
    enum sl_err err = g->err;

    if (err == SL_OK) {
        *out = sl_arena_dup(a, sl_grow_str(g));
        if (out->p == NULL)
            err = SL_ERR_NO_MEMORY;
    }
    sl_grow_fini(g);
    return err;
}
