/* The layer in Redis: its link, its breaker, what is written and deleted. */
#include "store/cache/inside.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/measure.h"
#include "store/redis/reply.h"

#define TICK_MS 1000
#define INFO_TICKS 5
#define TELL_MS 2000 /* for what nobody waits for */

struct sl_str sl_far_name(const struct sl_far *f, const uint8_t key[SL_CACHE_KEY],
                          char out[SL_FAR_NAME])
{
    memcpy(out, f->prefix, f->prefix_n);
    sl_str_hex(key, SL_CACHE_KEY, out + f->prefix_n);
    return (struct sl_str){out, f->prefix_n + 2 * SL_CACHE_KEY};
}

/* ---- up or not ---- */

static bool is_open(const struct sl_far *f)
{
    return f->strikes >= SL_STORE_STRIKES;
}

bool sl_far_certificate(const struct sl_far *f, struct sl_tls_certificate *out)
{
    return f->link != NULL && sl_redis_link_certificate(f->link, out);
}

bool sl_far_is_up(const struct sl_far *f)
{
    return f->link != NULL && sl_redis_link_is_up(f->link) && !is_open(f);
}

static void show(struct sl_far *f)
{
    sl_metric_set(f->up, sl_far_is_up(f) ? 1 : 0);
}

void sl_far_note(struct sl_far *f, bool well)
{
    if (well) {
        if (!is_open(f))
            f->strikes = 0;
        return;
    }
    if (!sl_redis_link_is_up(f->link))
        return; /* that is known */
    if (++f->strikes == SL_STORE_STRIKES)
        sl_log(SL_LOG_WARN, "store", SL_STR("cache"),
               "Redis at %s is slow or fails: skipped until it answers again",
               sl_redis_link_where(f->link));
    show(f);
}

/* ---- asked now and then ---- */

static void on_info(void *ctx, enum sl_err e, const redisReply *reply)
{
    struct sl_far *f = ctx;
    struct sl_redis_memory m;

    sl_far_note(f, e == SL_OK);
    if (e == SL_OK && sl_redis_memory_read(reply, &m))
        f->full = sl_redis_memory_is_full(&m) && (f->shared || !sl_redis_memory_evicts(&m));
}

static void on_probe(void *ctx, enum sl_err e, const redisReply *reply)
{
    struct sl_far *f = ctx;

    if (e != SL_OK || reply->type == REDIS_REPLY_ERROR)
        return;
    f->strikes = 0;
    show(f);
    sl_log(SL_LOG_INFO, "store", SL_STR("cache"), "Redis at %s answers again",
           sl_redis_link_where(f->link));
}

static void ask(struct sl_far *f, struct sl_str a, struct sl_str b, sl_redis_reply_fn *done)
{
    struct sl_str args[2] = {a, b};
    struct sl_redis_command c = {.args = args, .n = 2, .deadline_ms = f->timeout_ms};

    if (f->poll == NULL)
        sl_redis_link_start(f->link, &c, &f->poll, done, f);
}

static void on_state(void *ctx, bool up)
{
    struct sl_far *f = ctx;

    f->strikes = 0;
    if (up) {
        sl_far_drop_again(f, true);
        ask(f, SL_STR("INFO"), SL_STR("memory"), on_info);
    }
    show(f);
}

/* ---- writing ---- */

static void on_written(void *ctx, const void *note, const redisReply *reply)
{
    struct sl_far *f = ctx;

    (void)note;
    if (reply->type == REDIS_REPLY_ERROR && sl_str_starts(sl_str_of(reply->str), SL_STR("OOM ")))
        f->full = true;
}

/* ---- values that nobody can read ---- */

static size_t place_of(const struct sl_far *f, const uint8_t key[SL_CACHE_KEY])
{
    size_t i = 0;

    while (i < f->suspects_n && memcmp(f->suspects[i], key, SL_CACHE_KEY) != 0)
        i++;
    return i;
}

void sl_far_suspect(struct sl_far *f, const uint8_t key[SL_CACHE_KEY])
{
    if (f->suspects_n < SL_FAR_SUSPECTS && place_of(f, key) == f->suspects_n)
        memcpy(f->suspects[f->suspects_n++], key, SL_CACHE_KEY);
}

/* Nothing more is to be known of it. */
static void clear(struct sl_far *f, const uint8_t key[SL_CACHE_KEY])
{
    size_t i = place_of(f, key);

    if (i < f->suspects_n)
        memmove(f->suspects[i], f->suspects[--f->suspects_n], SL_CACHE_KEY);
}

/* Also while look-ups are skipped: it may be for this very value. */
static void on_length(void *ctx, const void *note, const redisReply *reply)
{
    struct sl_far *f = ctx;
    char name[SL_FAR_NAME];
    struct sl_str args[2] = {SL_STR("DEL"), sl_far_name(f, note, name)};
    struct sl_redis_command c = {.args = args, .n = 2, .deadline_ms = TELL_MS};

    clear(f, note);
    if (reply->type != REDIS_REPLY_INTEGER ||
        reply->integer <= (long long)(SL_CACHED_HEADER + f->entry_max))
        return;
    f->counts.bad++;
    sl_redis_link_tell(f->link, &c);
}

/* Each until it is answered: the connection may end once more before that. */
static void measure_suspects(struct sl_far *f)
{
    char name[SL_FAR_NAME];

    for (size_t i = 0; i < f->suspects_n; i++) {
        const uint8_t *key = f->suspects[i];
        struct sl_str args[2] = {SL_STR("STRLEN"), sl_far_name(f, key, name)};
        struct sl_redis_command c = {.args = args,
                                     .n = 2,
                                     .deadline_ms = TELL_MS,
                                     .late = on_length,
                                     .late_ctx = f,
                                     .note = key,
                                     .note_n = SL_CACHE_KEY};

        sl_redis_link_tell(f->link, &c);
    }
}

static void set(struct sl_far *f, struct sl_str name, struct sl_str value, uint64_t ms)
{
    char number[24];
    struct sl_text t = sl_text_over(number, sizeof number);
    struct sl_str args[5] = {SL_STR("SET"), name, value, SL_STR("PX")};
    struct sl_redis_command c = {
        .args = args, .n = 5, .deadline_ms = TELL_MS, .late = on_written, .late_ctx = f};

    sl_text_u64(&t, ms);
    args[4] = sl_text_str(&t);
    sl_redis_link_tell(f->link, &c);
}

static bool takes(const struct sl_far *f, size_t n)
{
    return sl_far_is_up(f) && !f->full && n <= f->entry_max;
}

void sl_far_put(struct sl_far *f, const uint8_t key[SL_CACHE_KEY], struct sl_cached *value)
{
    int64_t left = value->gone_unix_ms - sl_net_unix_ms(f->net);
    char name[SL_FAR_NAME];
    struct sl_str packed;

    if (left <= 0 || !takes(f, value->n))
        return;
    packed = sl_cached_pack(value);
    if (packed.p != NULL)
        set(f, sl_far_name(f, key, name), packed, (uint64_t)left);
}

void sl_far_put_named(struct sl_far *f, struct sl_str name, struct sl_str value, uint64_t ttl_ms)
{
    if (ttl_ms > 0 && takes(f, value.n))
        set(f, name, value, ttl_ms);
}

/* ---- life ---- */

static void on_tick(struct sl_timer *t)
{
    struct sl_far *f = SL_CONTAINER(t, struct sl_far, tick);

    sl_timer_start(f->net, &f->tick, TICK_MS);
    f->ticks++;
    if (!sl_redis_link_is_up(f->link))
        return;
    measure_suspects(f);
    sl_far_drop_again(f, false);
    if (is_open(f))
        ask(f, SL_STR("GET"), (struct sl_str){f->prefix, f->prefix_n}, on_probe); /* no value's */
    else if (f->ticks % INFO_TICKS == 0)
        ask(f, SL_STR("INFO"), SL_STR("memory"), on_info);
}

static bool begin(struct sl_far *f, const struct sl_cache_conf *conf, char *why, size_t cap)
{
    struct sl_redis_link_conf link = {
        .ca_file = conf->ca_file, .reply_max = 2 * SL_FAR_REPLY, .name = "cache"};

    if (conf->url.n == 0 || sl_str_starts(conf->url, SL_STR("embedded:")))
        return true;
    if (conf->prefix.n > SL_FAR_PREFIX) {
        (void)snprintf(why, cap, "store.prefix is longer than %d bytes", SL_FAR_PREFIX);
        return false;
    }
    f->url = sl_mem_new(sizeof *f->url);
    link.url = f->url;
    if (sl_redis_url_read(conf->url, f->url, why, cap) != SL_OK)
        return false;
    f->link = sl_redis_link_new(f->net, &link, why, cap);
    if (f->link == NULL)
        return false;
    f->up = sl_measure_up(f->conf.metrics, "cache");
    f->seconds = sl_measure_seconds(f->conf.metrics, "cache_get");
    sl_redis_link_on_state(f->link, on_state, f);
    sl_timer_start(f->net, &f->tick, TICK_MS);
    return true;
}

struct sl_far *sl_far_new(struct sl_net *net, const struct sl_far_conf *conf, char *why, size_t cap)
{
    struct sl_far *f = sl_mem_new(sizeof *f);

    f->magic = SL_FAR_MAGIC;
    f->net = net;
    f->conf = *conf;
    f->timeout_ms = conf->cache->timeout_ms;
    f->entry_max = conf->cache->entry_max;
    f->shared = conf->cache->shared;
    f->prefix_n = sl_str_first(conf->cache->prefix, SL_FAR_PREFIX).n;
    if (f->prefix_n > 0)
        memcpy(f->prefix, conf->cache->prefix.p, f->prefix_n);
    memcpy(f->prefix + f->prefix_n, "c:", 2);
    f->prefix_n += 2;
    sl_timer_init(&f->tick, on_tick);
    sl_list_init(&f->looks);
    if (!begin(f, conf->cache, why, cap))
        sl_far_end(&f);
    return f;
}

static void reap(struct sl_grave *g)
{
    struct sl_far *f = SL_CONTAINER(g, struct sl_far, grave);

    if (f->url != NULL)
        sl_mem_wipe(f->url, sizeof *f->url);
    sl_mem_free(f->url);
    f->magic = SL_OBJ_DEAD;
    sl_mem_free(f);
}

void sl_far_end(struct sl_far **pf)
{
    struct sl_far *f = *pf;

    *pf = NULL;
    if (f == NULL)
        return;
    SL_OBJ_CHECK(f, SL_FAR_MAGIC);
    sl_look_cancel_all(f);
    sl_op_cancel(&f->poll);
    sl_timer_stop(f->net, &f->tick);
    sl_redis_link_end(&f->link);
    sl_net_bury(f->net, &f->grave, reap);
}

void sl_far_configure(struct sl_far *f, uint64_t entry_max)
{
    f->entry_max = entry_max;
}

struct sl_far_counts sl_far_count(const struct sl_far *f)
{
    return f->counts;
}
