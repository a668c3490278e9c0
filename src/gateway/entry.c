/* gateway/entry.c -- fields in a row, each with its length before it. */
#include "gateway/entry.h"

#include <assert.h>

#define COUNTS 6
#define FIXED (4 + 1 + 1 + 2 + 32 + 8 * COUNTS + 2 + 1 + 4)

static const char mark[4] = {'s', 'l', 'c', 'e'};

static_assert(SL_EP_MESSAGES == 1 && SL_EP_COUNT_TOKENS == 2 && SL_EP_CHAT == 3 &&
                  SL_EP_COMPLETIONS == 4 && SL_EP_RESPONSES == 5 && SL_EP_EMBEDDINGS == 6 &&
                  SL_EP_MODERATIONS == 7 && SL_EP_PROMPT == 8,
              "these numbers stand in caches");
static_assert(sizeof(((struct sl_entry *)0)->counts) == 8 * COUNTS, "all counts are written");

/* --- Usage ---------------------------------------------------------------------------- */

void sl_entry_set_usage(struct sl_entry *e, const struct sl_usage *u)
{
    const uint64_t counts[COUNTS] = {u->in,  u->cache_read, u->cache_write_5m, u->cache_write_1h,
                                     u->out, u->reasoning};

    memcpy(e->counts, counts, sizeof(counts));
    e->model = sl_str_of(u->model);
    e->stop = sl_str_of(u->stop);
}

static void copy_text(char *to, size_t cap, struct sl_str from)
{
    from = sl_str_first(from, cap - 1);
    if (from.n > 0)
        memcpy(to, from.p, from.n);
    to[from.n] = '\0';
}

void sl_entry_get_usage(const struct sl_entry *e, struct sl_usage *u)
{
    sl_usage_init(u);
    u->source = SL_USAGE_REPORTED;
    u->in = e->counts[0];
    u->cache_read = e->counts[1];
    u->cache_write_5m = e->counts[2];
    u->cache_write_1h = e->counts[3];
    u->out = e->counts[4];
    u->reasoning = e->counts[5];
    u->has_in = u->has_out = u->has_final = true;
    u->has_stop = e->stop.n > 0;
    copy_text(u->model, sizeof(u->model), e->model);
    copy_text(u->stop, sizeof(u->stop), e->stop);
}

/* --- Bytes ---------------------------------------------------------------------------- */

static char *put(char *p, uint64_t v, unsigned bytes)
{
    for (; bytes > 0; bytes--, v >>= 8)
        *p++ = (char)(v & 0xff);
    return p;
}

static char *put_text(char *p, struct sl_str s, unsigned bytes)
{
    p = put(p, s.n, bytes);
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

struct sl_cached *sl_entry_encode(const struct sl_entry *e)
{
    struct sl_cached *c;
    char *p;

    if (e->model.n > UINT16_MAX || e->stop.n > UINT8_MAX || e->body.n > UINT32_MAX)
        return NULL;
    c = sl_cached_new(FIXED + e->model.n + e->stop.n + e->body.n);
    if (c == NULL)
        return NULL;
    memcpy(c->bytes, mark, sizeof(mark));
    p = put(c->bytes + sizeof(mark), SL_ENTRY_SCHEMA, 1);
    p = put(p, (uint64_t)e->ep, 1);
    p = put(p, (uint64_t)e->status, 2);
    memcpy(p, e->sha256, sizeof(e->sha256));
    p += sizeof(e->sha256);
    for (size_t i = 0; i < COUNTS; i++)
        p = put(p, e->counts[i], 8);
    p = put_text(p, e->model, 2);
    p = put_text(p, e->stop, 1);
    (void)put_text(p, e->body, 4);
    return c;
}

/* Each takes its bytes off the front; false when there are not enough. */
static bool get(struct sl_str *in, unsigned bytes, uint64_t *v)
{
    if (in->n < bytes)
        return false;
    *v = 0;
    for (unsigned i = 0; i < bytes; i++)
        *v |= (uint64_t)(uint8_t)in->p[i] << (8 * i);
    *in = sl_str_from(*in, bytes);
    return true;
}

static bool get_text(struct sl_str *in, unsigned bytes, struct sl_str *s)
{
    uint64_t n;

    if (!get(in, bytes, &n) || n > in->n)
        return false;
    *s = sl_str_first(*in, (size_t)n);
    *in = sl_str_from(*in, (size_t)n);
    return true;
}

static bool get_head(struct sl_str *in, struct sl_entry *e)
{
    uint64_t schema, ep, status;

    if (!sl_str_starts(*in, (struct sl_str){mark, sizeof(mark)}))
        return false;
    *in = sl_str_from(*in, sizeof(mark));
    if (!get(in, 1, &schema) || schema < SL_ENTRY_OLDEST || schema > SL_ENTRY_SCHEMA ||
        !get(in, 1, &ep) || ep == SL_EP_NONE || ep > SL_EP_PROMPT || !get(in, 2, &status) ||
        status < 100 || status > 599 || in->n < sizeof(e->sha256))
        return false;
    e->ep = (enum sl_endpoint)ep;
    e->status = (int)status;
    memcpy(e->sha256, in->p, sizeof(e->sha256));
    *in = sl_str_from(*in, sizeof(e->sha256));
    return true;
}

bool sl_entry_decode(struct sl_str bytes, struct sl_entry *out)
{
    struct sl_entry e = {.ep = SL_EP_NONE};

    if (!get_head(&bytes, &e))
        return false;
    for (size_t i = 0; i < COUNTS; i++)
        if (!get(&bytes, 8, &e.counts[i]))
            return false;
    if (!get_text(&bytes, 2, &e.model) || !get_text(&bytes, 1, &e.stop) ||
        !get_text(&bytes, 4, &e.body) || bytes.n != 0)
        return false;
    *out = e;
    return true;
}
