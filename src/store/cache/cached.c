/* Values and their holders, and the envelope they have in Redis. */
#include "store/cache/cached.h"

#include <assert.h>
#include <endian.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/obj.h"

static const struct sl_str mark = SL_STR_INIT("slc1");

struct sl_cached *sl_cached_new(size_t n)
{
    struct sl_cached *c = sl_mem_try(sizeof *c + n);

    if (c == NULL)
        return NULL;
    *c = (struct sl_cached){.holders = 1, .n = n};
    return c;
}

struct sl_cached *sl_cached_share(struct sl_cached *c)
{
    SL_CHECK(c->holders > 0);
    c->holders++;
    return c;
}

void sl_cached_drop(struct sl_cached **pc)
{
    struct sl_cached *c = *pc;

    *pc = NULL;
    if (c == NULL)
        return;
    SL_CHECK(c->holders > 0);
    if (--c->holders == 0)
        sl_mem_free(c);
}

static uint64_t until(const struct sl_cached *c, int64_t unix_ms, const struct sl_net *net)
{
    int64_t left = unix_ms - sl_net_unix_ms(net), most = unix_ms - c->stored_unix_ms;

    left = left < most ? left : most;
    return sl_net_now(net) + (left > 0 ? (uint64_t)left : 0);
}

void sl_cached_arrive(struct sl_cached *c, const struct sl_net *net)
{
    c->fresh_until_ms = until(c, c->fresh_until_unix_ms, net);
    c->gone_ms = until(c, c->gone_unix_ms, net);
}

bool sl_cached_is_fresh(const struct sl_cached *c, const struct sl_net *net)
{
    return sl_net_unix_ms(net) < c->fresh_until_unix_ms && sl_net_now(net) < c->fresh_until_ms;
}

bool sl_cached_is_gone(const struct sl_cached *c, const struct sl_net *net)
{
    return sl_net_unix_ms(net) >= c->gone_unix_ms || sl_net_now(net) >= c->gone_ms;
}

static void put(char **at, uint64_t v)
{
    v = htole64(v);
    memcpy(*at, &v, sizeof v);
    *at += sizeof v;
}

static uint64_t take(const char **at)
{
    uint64_t v;

    memcpy(&v, *at, sizeof v);
    *at += sizeof v;
    return le64toh(v);
}

/* Eight bytes a step, each step a bijection of what was before, so that no change
 * of one word goes unseen. The factor is the 64-bit golden ratio. */
static uint64_t sum_of(struct sl_str s)
{
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    const char *at = s.p, *end = s.p + (s.n & ~(size_t)7);
    uint64_t h = s.n, rest = 0;

    while (at < end) {
        h = (h ^ take(&at)) * factor;
        h ^= h >> 29;
    }
    memcpy(&rest, at, s.n & 7);
    h = (h ^ le64toh(rest)) * factor;
    return h ^ (h >> 32);
}

/* The header's place is before the bytes, so that nothing is copied. */
static_assert(offsetof(struct sl_cached, bytes) ==
                  offsetof(struct sl_cached, header) + SL_CACHED_HEADER,
              "one text in all");

struct sl_str sl_cached_pack(struct sl_cached *c)
{
    char *text = (char *)c + offsetof(struct sl_cached, header), *at = text;
    uint32_t n = htole32((uint32_t)c->n);

    if (c->n > UINT32_MAX)
        return (struct sl_str){NULL, 0};
    memcpy(at, mark.p, mark.n);
    at += mark.n;
    memcpy(at, &n, sizeof n);
    at += sizeof n;
    put(&at, (uint64_t)c->stored_unix_ms);
    put(&at, (uint64_t)c->fresh_until_unix_ms);
    put(&at, (uint64_t)c->gone_unix_ms);
    put(&at, sum_of((struct sl_str){c->bytes, c->n}));
    return (struct sl_str){text, SL_CACHED_HEADER + c->n};
}

struct sl_cached *sl_cached_unpack(struct sl_str packed)
{
    struct sl_str value = sl_str_from(packed, SL_CACHED_HEADER);
    const char *at = packed.p + mark.n;
    struct sl_cached *c;
    uint32_t n;

    if (packed.n < SL_CACHED_HEADER || !sl_str_starts(packed, mark))
        return NULL;
    memcpy(&n, at, sizeof n);
    at += sizeof n;
    if (le32toh(n) != value.n)
        return NULL;
    c = sl_cached_new(value.n);
    if (c == NULL)
        return NULL;
    c->stored_unix_ms = (int64_t)take(&at);
    c->fresh_until_unix_ms = (int64_t)take(&at);
    c->gone_unix_ms = (int64_t)take(&at);
    memcpy(c->bytes, value.p, value.n);
    if (take(&at) != sum_of(value) || c->stored_unix_ms < 0 ||
        c->stored_unix_ms > c->fresh_until_unix_ms || c->fresh_until_unix_ms > c->gone_unix_ms)
        sl_cached_drop(&c);
    return c;
}
