/* The two layers put together. What is found in Redis enters memory, what is put
 * goes to both. */
#include "store/cache.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/obj.h"
#include "net/tls.h"
#include "store/cache/cached.h"
#include "store/cache/far.h"
#include "store/cache/s3fifo.h"

#define CACHE_MAGIC 0x534c4341u

struct sl_cache {
    uint32_t magic;
    struct sl_net *net;    /* up */
    struct sl_s3fifo *mem; /* owns */
    struct sl_far *far;    /* owns */
    uint64_t entry_max, hits, misses;
    struct sl_metric *bytes; /* shared: gauge of the memory layer */
};

static void on_found(void *ctx, const uint8_t key[SL_CACHE_KEY], struct sl_cached *value)
{
    struct sl_cache *c = ctx;

    sl_cached_arrive(value, c->net);
    sl_s3fifo_put(c->mem, key, value);
}

struct sl_cache *sl_cache_new(struct sl_net *net, const struct sl_cache_conf *conf,
                              struct sl_metrics *metrics, char *why, size_t cap)
{
    struct sl_cache *c = sl_mem_new(sizeof *c);
    struct sl_far_conf far = {.cache = conf, .found = on_found, .ctx = c, .metrics = metrics};
    struct sl_str layer = SL_STR("memory");

    c->magic = CACHE_MAGIC;
    c->net = net;
    c->entry_max = conf->entry_max;
    c->far = sl_far_new(net, &far, why, cap);
    if (c->far == NULL) {
        sl_mem_free(c);
        return NULL;
    }
    c->mem = sl_s3fifo_new(conf->memory);
    c->bytes =
        sl_metric_series(sl_metric_family(metrics, SL_METRIC_GAUGE, "sluice_cache_bytes",
                                          "Bytes of cached answers, by layer.", "layer", NULL),
                         &layer);
    return c;
}

void sl_cache_configure(struct sl_cache *c, const struct sl_cache_conf *conf)
{
    SL_OBJ_CHECK(c, CACHE_MAGIC);
    c->entry_max = conf->entry_max;
    sl_s3fifo_resize(c->mem, conf->memory);
    sl_far_configure(c->far, conf->entry_max);
}

void sl_cache_end(struct sl_cache **pc)
{
    struct sl_cache *c = *pc;

    *pc = NULL;
    if (c == NULL)
        return;
    SL_OBJ_CHECK(c, CACHE_MAGIC);
    sl_far_end(&c->far); /* calls on_found() no more */
    sl_s3fifo_end(&c->mem);
    c->magic = SL_OBJ_DEAD;
    sl_mem_free(c);
}

/* What memory has and time allows; the layer's own. */
static struct sl_cached *look(struct sl_cache *c, const uint8_t key[SL_CACHE_KEY], bool stale)
{
    struct sl_cached *v = sl_s3fifo_get(c->mem, key);

    if (v != NULL && sl_cached_is_gone(v, c->net)) {
        sl_s3fifo_drop(c->mem, key);
        v = NULL;
    }
    return v != NULL && (stale || sl_cached_is_fresh(v, c->net)) ? v : NULL;
}

struct sl_cached *sl_cache_peek(struct sl_cache *c, const uint8_t key[SL_CACHE_KEY], bool stale)
{
    struct sl_cached *v;

    SL_OBJ_CHECK(c, CACHE_MAGIC);
    v = look(c, key, stale);
    c->hits += v != NULL;
    c->misses += v == NULL;
    return v != NULL ? sl_cached_share(v) : NULL;
}

struct sl_cached *sl_cache_again(struct sl_cache *c, const uint8_t key[SL_CACHE_KEY])
{
    struct sl_cached *v;

    SL_OBJ_CHECK(c, CACHE_MAGIC);
    v = look(c, key, false);
    c->hits += v != NULL;
    return v != NULL ? sl_cached_share(v) : NULL;
}

/* lint: budgets an op over an array: keys, places, and who waits */
void sl_cache_get_start(struct sl_cache *c, const uint8_t (*keys)[SL_CACHE_KEY], size_t n,
                        struct sl_cached **out, struct sl_op **slot, sl_store_done_fn *done,
                        void *ctx)
{
    struct sl_far_ask ask = {.keys = keys, .n = n, .out = out};

    SL_OBJ_CHECK(c, CACHE_MAGIC);
    sl_far_get_start(c->far, &ask, slot, done, ctx);
}

bool sl_cache_certificate(const struct sl_cache *c, struct sl_tls_certificate *out)
{
    SL_OBJ_CHECK(c, CACHE_MAGIC);
    return sl_far_certificate(c->far, out);
}

bool sl_cache_has_far(const struct sl_cache *c)
{
    SL_OBJ_CHECK(c, CACHE_MAGIC);
    return sl_far_is_up(c->far);
}

/* False: it is not kept. No TTL is longer than a century, so that sums of times hold. */
static bool date(const struct sl_cache *c, struct sl_cached *v, uint64_t ttl_ms, uint64_t stale_ms)
{
    const uint64_t most = UINT64_C(100) * 365 * 24 * 3600 * 1000;

    if (v->n > c->entry_max || ttl_ms == 0)
        return false;
    v->stored_unix_ms = sl_net_unix_ms(c->net);
    v->fresh_until_unix_ms = v->stored_unix_ms + (int64_t)(ttl_ms < most ? ttl_ms : most);
    v->gone_unix_ms = v->fresh_until_unix_ms + (int64_t)(stale_ms < most ? stale_ms : most);
    sl_cached_arrive(v, c->net);
    return true;
}

void sl_cache_put(struct sl_cache *c, const uint8_t key[SL_CACHE_KEY], struct sl_cached **value,
                  uint64_t ttl_ms, uint64_t stale_ms)
{
    SL_OBJ_CHECK(c, CACHE_MAGIC);
    SL_CHECK((*value)->holders == 1);
    if (date(c, *value, ttl_ms, stale_ms)) {
        sl_s3fifo_put(c->mem, key, *value);
        sl_far_put(c->far, key, *value);
    }
    sl_cached_drop(value);
}

void sl_cache_drop_key(struct sl_cache *c, const uint8_t key[SL_CACHE_KEY])
{
    SL_OBJ_CHECK(c, CACHE_MAGIC);
    sl_s3fifo_drop(c->mem, key);
    sl_far_drop(c->far, key);
}

/* ---- named values: in memory under a digest of the name ---- */

static void key_of(struct sl_str name, uint8_t key[SL_CACHE_KEY])
{
    uint8_t digest[32];

    sl_tls_sha256(name, digest);
    memcpy(key, digest, SL_CACHE_KEY);
}

void sl_cache_put_named(struct sl_cache *c, struct sl_str name, struct sl_str value,
                        uint64_t ttl_ms)
{
    struct sl_cached *v = value.n <= c->entry_max ? sl_cached_new(value.n) : NULL;
    uint8_t key[SL_CACHE_KEY];

    SL_OBJ_CHECK(c, CACHE_MAGIC);
    if (v == NULL)
        return;
    if (value.n > 0)
        memcpy(v->bytes, value.p, value.n);
    if (date(c, v, ttl_ms, 0)) {
        key_of(name, key);
        sl_s3fifo_put(c->mem, key, v);
        sl_far_put_named(c->far, name, value, ttl_ms);
    }
    sl_cached_drop(&v);
}

void sl_cache_get_named_start(struct sl_cache *c, struct sl_str name, struct sl_cached **out,
                              struct sl_op **slot, sl_store_done_fn *done, void *ctx)
{
    uint8_t key[1][SL_CACHE_KEY];
    struct sl_far_ask ask = {.keys = (const uint8_t(*)[SL_CACHE_KEY])key, .n = 1, .out = out};
    struct sl_cached *v;

    SL_OBJ_CHECK(c, CACHE_MAGIC);
    key_of(name, key[0]);
    v = look(c, key[0], false);
    ask.name = name;
    ask.known = v;
    c->hits += v != NULL;
    c->misses += v == NULL;
    sl_far_get_start(c->far, &ask, slot, done, ctx);
}

struct sl_cached *sl_cache_again_named(struct sl_cache *c, struct sl_str name)
{
    uint8_t key[SL_CACHE_KEY];

    key_of(name, key);
    return sl_cache_again(c, key);
}

struct sl_cache_counts sl_cache_count(const struct sl_cache *c)
{
    struct sl_s3fifo_counts m = sl_s3fifo_count(c->mem);
    struct sl_far_counts f = sl_far_count(c->far);

    return (struct sl_cache_counts){.bytes = m.bytes,
                                    .entries = m.entries,
                                    .evicted = m.evicted,
                                    .hits = c->hits,
                                    .misses = c->misses,
                                    .far_hits = f.hits,
                                    .far_misses = f.misses,
                                    .far_errors = f.errors,
                                    .far_bad = f.bad};
}

void sl_cache_refresh_metrics(struct sl_cache *c)
{
    SL_OBJ_CHECK(c, CACHE_MAGIC);
    sl_metric_set(c->bytes, (double)sl_s3fifo_count(c->mem).bytes);
}
