/* A cached answer's envelope: written once, read with suspicion. */
#include "gateway/entry.h"

#include "base/mem.h"

#define MARK "slce"
#define COUNTS 6

struct cursor {
    const char *p; /* up: what is read */
    size_t left;
    bool bad;
};

static char *put(char *at, struct sl_str s)
{
    if (s.n > 0)
        memcpy(at, s.p, s.n);
    return at + s.n;
}

static char *put_int(char *at, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        *at++ = (char)(v >> (8 * i) & 0xff);
    return at;
}

static struct sl_str take(struct cursor *c, size_t n)
{
    struct sl_str s = {c->p, n};

    if (n > c->left) {
        c->bad = true;
        return (struct sl_str){"", 0};
    }
    c->p += n;
    c->left -= n;
    return s;
}

static uint64_t take_int(struct cursor *c, size_t bytes)
{
    struct sl_str s = take(c, bytes);
    uint64_t v = 0;

    for (size_t i = 0; i < s.n; i++)
        v |= (uint64_t)(unsigned char)s.p[i] << (8 * i);
    return v;
}

void sl_entry_set_usage(struct sl_entry *e, const struct sl_usage *u)
{
    const uint64_t counts[COUNTS] = {u->in,  u->cache_read, u->cache_write_5m, u->cache_write_1h,
                                     u->out, u->reasoning};

    memcpy(e->counts, counts, sizeof counts);
    e->model = sl_str_of(u->model);
    e->stop = sl_str_of(u->stop);
}

static void copy_text(char *out, size_t cap, struct sl_str s)
{
    s = sl_str_first(s, cap - 1);
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
}

void sl_entry_get_usage(const struct sl_entry *e, struct sl_usage *u)
{
    u->in = e->counts[0];
    u->cache_read = e->counts[1];
    u->cache_write_5m = e->counts[2];
    u->cache_write_1h = e->counts[3];
    u->out = e->counts[4];
    u->reasoning = e->counts[5];
    copy_text(u->model, sizeof u->model, e->model);
    copy_text(u->stop, sizeof u->stop, e->stop);
}

struct sl_str sl_entry_encode(const struct sl_entry *e)
{
    struct sl_str model = sl_str_first(e->model, UINT16_MAX);
    struct sl_str stop = sl_str_first(e->stop, UINT8_MAX);
    size_t n = 4 + 1 + 1 + 2 + 32 + 8 * COUNTS + 2 + model.n + 1 + stop.n + 4 + e->body.n;
    char *whole = e->body.n <= UINT32_MAX ? sl_mem_try(n) : NULL;
    char *at = whole;

    if (whole == NULL)
        return (struct sl_str){NULL, 0};
    at = put(at, SL_STR(MARK));
    at = put_int(at, SL_ENTRY_SCHEMA, 1);
    at = put_int(at, (uint64_t)e->ep, 1);
    at = put_int(at, (uint64_t)e->status, 2);
    at = put(at, (struct sl_str){(const char *)e->sha256, sizeof e->sha256});
    for (int i = 0; i < COUNTS; i++)
        at = put_int(at, e->counts[i], 8);
    at = put(put_int(at, model.n, 2), model);
    at = put(put_int(at, stop.n, 1), stop);
    at = put(put_int(at, e->body.n, 4), e->body);
    return (struct sl_str){whole, (size_t)(at - whole)};
}

bool sl_entry_decode(struct sl_str bytes, struct sl_entry *out)
{
    struct cursor c = {bytes.p, bytes.n, false};
    struct sl_str mark = take(&c, 4), sha;
    uint64_t schema = take_int(&c, 1), ep = take_int(&c, 1);

    out->status = (int)take_int(&c, 2);
    sha = take(&c, sizeof out->sha256);
    if (c.bad || !sl_str_eq(mark, SL_STR(MARK)) || schema != SL_ENTRY_SCHEMA || ep >= SL_EP__COUNT)
        return false;
    out->ep = (enum sl_endpoint)ep;
    memcpy(out->sha256, sha.p, sha.n);
    for (int i = 0; i < COUNTS; i++)
        out->counts[i] = take_int(&c, 8);
    out->model = take(&c, take_int(&c, 2));
    out->stop = take(&c, take_int(&c, 1));
    out->body = take(&c, take_int(&c, 4));
    return !c.bad && c.left == 0;
}
