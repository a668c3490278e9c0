/* A gateway that is put together, asked one thing, and taken apart: it listens nowhere, its
 * store is memory, and it makes no call. */
#include "cli/explain.h"

#include <stdio.h>

#include "admin/live/explain.h"
#include "base/log.h"
#include "cli/source.h"
#include "conf/build.h"

#define OUT_MAX ((size_t)16 << 20)
#define WAIT_MS 10000
#define CLOSE_MS 1000

struct offline {
    struct sl_net *net;           /* owns */
    struct sl_metrics *metrics;   /* owns */
    struct sl_origins *origins;   /* owns */
    struct sl_conf *conf;         /* owns */
    struct sl_gateway_conf *made; /* shared */
    struct sl_store *store;       /* owns */
    struct sl_cache *cache;       /* owns */
    struct sl_gateway *gateway;   /* owns */
    struct sl_op *op;             /* owns */
    struct sl_grow *out;          /* up: the caller's */
    bool told;
};

static int fail(const char *why)
{
    fprintf(stderr, "sluice explain: %s\n", why);
    return SL_EXIT_FAILED;
}

static bool wait_for(struct offline *w)
{
    uint64_t from = sl_net_now(w->net);

    while (w->op != NULL && sl_net_now(w->net) - from < WAIT_MS)
        (void)sl_net_turn(w->net, 10);
    return w->op == NULL;
}

static void on_open(void *ctx, enum sl_err e)
{
    (void)ctx;
    (void)e; /* memory opens, or it can't be made */
}

static bool put_together(struct offline *w, char *why, size_t cap)
{
    const struct sl_cache_general *c = &w->made->cache;
    struct sl_store_conf store = w->made->store;
    struct sl_cache_conf cache = {.memory = c->memory,
                                  .entry_max = c->entry_max,
                                  .url = SL_STR("embedded:"),
                                  .shared = true,
                                  .prefix = store.prefix,
                                  .timeout_ms = store.timeout_ms};
    struct sl_gateway_parts parts = {.conf = w->made, .metrics = w->metrics, .still = true};

    store.url = SL_STR("embedded:");
    store.state_dir = store.cache_url = store.ca_file = SL_STR("");
    w->store = sl_store_new(w->net, &store, w->metrics, why, cap);
    if (w->store == NULL)
        return false;
    w->cache = sl_cache_new(w->net, &cache, w->metrics, why, cap);
    if (w->cache == NULL)
        return false;
    sl_store_start(w->store, &w->op, on_open, w);
    if (!wait_for(w))
        return false;
    parts.store = w->store;
    parts.cache = w->cache;
    w->gateway = sl_gateway_new(w->net, &parts);
    return true;
}

static void copy_out(struct sl_buf *bytes, struct sl_grow *out)
{
    struct sl_str part;

    while (sl_buf_peek(bytes, &part, 1) == 1) {
        sl_grow_add(out, part);
        sl_buf_consume(bytes, part.n);
    }
}

static void on_explained(void *ctx, const struct sl_explained *x)
{
    struct offline *w = ctx;
    struct sl_out o;

    sl_out_init(&o, OUT_MAX);
    sl_explain_write(&o, x);
    copy_out(&o.bytes, w->out);
    w->told = !o.cut && w->out->err == SL_OK;
    sl_out_fini(&o);
}

static int ask(struct offline *w, const struct sl_options *o, const struct sl_headers *headers,
               struct sl_str body)
{
    struct sl_explain_ask what = {
        .target = sl_str_of(o->path != NULL ? o->path : "/v1/messages"),
        .headers = headers,
        .body = body,
        .key = sl_str_of(o->key != NULL ? o->key : ""),
        .tenant = sl_str_of(o->tenant != NULL ? o->tenant : ""),
    };
    char why[512] = "the store did not open";

    if (!put_together(w, why, sizeof why))
        return fail(why);
    if (what.key.n > 0 && !sl_explain_knows(w->gateway, what.key))
        return fail("no key of the configuration has that id or name, and it is no key's text");
    sl_explain_start(w->gateway, &what, &w->op, on_explained, w);
    return wait_for(w) && w->told ? SL_EXIT_OK : fail("there was no answer");
}

static void take_apart(struct offline *w)
{
    uint64_t from;

    sl_op_cancel(&w->op);
    sl_gateway_end(&w->gateway);
    sl_cache_end(&w->cache);
    sl_store_end(&w->store);
    sl_gateway_conf_drop(&w->made);
    sl_origins_end(&w->origins);
    from = sl_net_now(w->net);
    while (sl_net_count(w->net).streams > 0 || sl_net_count(w->net).graves > 0)
        if (!sl_net_turn(w->net, 10) || sl_net_now(w->net) - from > CLOSE_MS)
            break;
    sl_metrics_end(&w->metrics);
    sl_conf_end(&w->conf);
    sl_net_end(&w->net);
}

int sl_explain_offline(const struct sl_options *o, const struct sl_headers *headers,
                       struct sl_str body, struct sl_grow *out)
{
    struct offline w = {.out = out, .net = sl_net_new()};
    int code = SL_EXIT_CONFIG;

    if (w.net == NULL)
        return fail("the event loop can't be made");
    sl_log_setup(SL_LOG_ERROR, true, NULL, NULL);
    w.origins = sl_origins_new(w.net);
    w.conf = sl_source_load(o->config);
    w.made = sl_build_snapshot(w.conf, w.origins, NULL);
    if (w.made != NULL) {
        sl_origins_commit(w.origins);
        w.metrics = sl_metrics_new(w.made->max_series);
        code = ask(&w, o, headers, body);
    } else {
        struct sl_str faults = sl_faults_text(&w.conf->faults);

        fprintf(stderr, "%.*s", SL_STR_ARGS(faults));
    }
    take_apart(&w);
    return code;
}
