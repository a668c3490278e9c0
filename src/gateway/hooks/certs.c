/* Everybody who is called by TLS, walked through: for the gauges, and for what is told. */
#include "gateway/hooks/certs.h"

#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "gateway/hooks/inside.h"
#include "gateway/inside.h"
#include "net/tls.h"

#define DAY_S 86400

struct sl_cert_told { /* the head of a uthash is a pointer to one */
    UT_hash_handle hh;
    int64_t ends_s; /* of the certificate that was told */
    int64_t told_s; /* since 1970 */
    size_t name_n;
    char name[]; /* kind and name, with a space between */
};

struct one {
    const char *kind; /* static: with `name` a setting, or whose setting it is */
    struct sl_str name;
    struct sl_tls_certificate is;
};
typedef void one_fn(void *ctx, const struct one *one);

/* ---- whom we call ---- */

struct walk {
    one_fn *fn;
    void *ctx; /* up */
};

static void see(const struct walk *w, const char *kind, struct sl_str name,
                const struct sl_origin *origin)
{
    struct one one = {.kind = kind, .name = name};

    if (sl_origin_certificate(origin, &one.is))
        w->fn(w->ctx, &one);
}

static void see_provider(const struct walk *w, const struct sl_provider *p)
{
    see(w, "provider", p->name, p->origin);
    if (p->oauth != NULL)
        see(w, "oauth2", p->name, p->oauth->origin);
    if (p->consul != NULL)
        see(w, "consul", p->consul->host_header, p->consul->origin);
}

static void see_stores(const struct walk *w, const struct sl_gateway *g)
{
    struct one store = {.kind = "store", .name = SL_STR("url")};
    struct one cache = {.kind = "store", .name = SL_STR("cache_url")};

    if (sl_store_certificate(g->store, &store.is))
        w->fn(w->ctx, &store);
    if (g->cache != NULL && g->conf->store.cache_url.n > 0 &&
        sl_cache_certificate(g->cache, &cache.is))
        w->fn(w->ctx, &cache);
}

static void each(const struct sl_gateway *g, one_fn *fn, void *ctx)
{
    const struct sl_gateway_conf *c = g->conf;
    const struct walk w = {fn, ctx};

    for (size_t i = 0; i < c->providers_n; i++)
        see_provider(&w, &c->providers[i]);
    if (c->enrol != NULL)
        see(&w, "consul", c->enrol->host_header, c->enrol->origin);
    if (c->hook != NULL)
        see(&w, "hooks", SL_STR("url"), c->hook->to.origin);
    if (c->top_up != NULL)
        see(&w, "hooks", SL_STR("auto_top_up"), c->top_up->to.origin);
    if (c->otlp != NULL)
        see(&w, "otlp", SL_STR("endpoint"), c->otlp->to.origin);
    if (c->pushgateway != NULL)
        see(&w, "pushgateway", SL_STR("url"), c->pushgateway->to.origin);
    see_stores(&w, g);
}

/* ---- gauges ---- */

static void set(void *ctx, const struct one *one)
{
    struct sl_gateway *g = ctx;
    struct sl_str labels[] = {sl_str_of(one->kind), one->name};

    sl_metric_set(sl_metric_series(g->f.certs, labels), (double)one->is.ends_s);
}

void sl_certs_refresh(struct sl_gateway *g)
{
    sl_metric_clear(g->f.certs);
    each(g, set, g);
}

/* ---- the event ---- */

static struct sl_cert_told *told_of(struct sl_hooks *h, const struct one *one)
{
    char place[512];
    struct sl_text t = sl_text_over(place, sizeof place);
    struct sl_cert_told *told = NULL;

    sl_text_printf(&t, "%s %.*s", one->kind, SL_STR_ARGS(one->name));
    HASH_FIND(hh, h->certs, place, t.n, told);
    if (told != NULL || HASH_COUNT(h->certs) >= SL_CERTS_MOST)
        return told;
    told = sl_mem_new(sizeof *told + t.n);
    memcpy(told->name, place, t.n);
    told->name_n = t.n;
    HASH_ADD_KEYPTR(hh, h->certs, told->name, told->name_n, told);
    return told;
}

static void tell(struct sl_hooks *h, const struct one *one, int64_t left_s)
{
    char place[1024];
    struct sl_text t = sl_text_over(place, sizeof place);
    int64_t days = left_s / DAY_S - (left_s % DAY_S < 0);

    sl_text_printf(&t, ",\"kind\":\"%s\",\"name\":", one->kind);
    sl_text_json(&t, one->name, 300);
    sl_text_add(&t, SL_STR(",\"subject\":"));
    sl_text_json(&t, sl_str_of(one->is.subject), 0);
    sl_text_add(&t, SL_STR(",\"ends\":\""));
    sl_text_time(&t, one->is.ends_s * 1000);
    sl_text_add(&t, SL_STR("\",\"days\":"));
    sl_text_i64(&t, days);
    sl_text_add(&t, SL_STR(",\"seen\":\""));
    sl_text_time(&t, one->is.seen_s * 1000);
    sl_text_byte(&t, '"');
    sl_hooks_tell(h, "certificate_expiring", sl_text_str(&t));
    if (days < 0)
        sl_log(SL_LOG_WARN, "gateway", one->name, "%s: a certificate has ended", one->kind);
    else
        sl_log(SL_LOG_WARN, "gateway", one->name, "%s: a certificate ends in %lld days", one->kind,
               (long long)days);
}

static void look(void *ctx, const struct one *one)
{
    struct sl_hooks *h = ctx;
    int64_t now_s = sl_net_unix_ms(h->gw->net) / 1000, left_s = one->is.ends_s - now_s;
    struct sl_cert_told *told;

    if (left_s >= (int64_t)(h->gw->conf->hook->certificate_left_ms / 1000))
        return;
    told = told_of(h, one);
    /* one that ends later is no news: servers of one service may each have their own */
    if (told == NULL || (told->ends_s <= one->is.ends_s && now_s < told->told_s + DAY_S))
        return;
    told->ends_s = one->is.ends_s;
    told->told_s = now_s;
    tell(h, one, left_s);
}

void sl_certs_look(struct sl_hooks *h)
{
    const struct sl_hook *hook = h->gw->conf->hook;

    if (hook != NULL && hook->certificate_left_ms > 0)
        each(h->gw, look, h);
}

void sl_certs_forget(struct sl_hooks *h)
{
    struct sl_cert_told *told, *next;

    HASH_ITER(hh, h->certs, told, next)
    {
        HASH_DEL(h->certs, told);
        sl_mem_free(told);
    }
}
