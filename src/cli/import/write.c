/* cli/import/write.c -- the file of ours, in the order in which people read one. */
#include "cli/import/import.h"

#include "base/text.h"
#include "policy/money.h"
#include "policy/route.h"

#include <stdio.h>

static void put(struct sl_grow *o, const char *text)
{
    sl_grow_add(o, sl_str_of(text));
}

static void put_name(struct sl_grow *o, const char *before, struct sl_str value)
{
    put(o, before);
    sl_grow_json(o, value);
}

static void put_count(struct sl_grow *o, const char *before, uint64_t v, const char *after)
{
    put(o, before);
    sl_grow_u64(o, v);
    put(o, after);
}

static void put_span(struct sl_grow *o, const char *before, uint64_t ms, const char *after)
{
    bool whole = ms % 1000 == 0;

    put_count(o, before, whole ? ms / 1000 : ms, whole ? "s" : "ms");
    put(o, after);
}

/* ---- the whole gateway ---- */

static void put_general(const struct sl_import *im, struct sl_grow *o)
{
    put(o, "listen: 127.0.0.1:4000   # its port; 0.0.0.0 lets others in\n");
    if (im->master_key.n > 0) {
        put_name(o, "admin: {listen: \"127.0.0.1:9091\", key: ", im->master_key);
        put(o, "}\n");
    }
    if (im->redis_url.n > 0) {
        put_name(o, "store:\n  url: ", im->redis_url);
        if (im->redis_password.n > 0)
            put_name(o, "\n  password: ", im->redis_password);
        put(o, "\n");
    }
    if (im->total_ms > 0)
        put_span(o, "timeouts: {total: ", im->total_ms, "}\n");
    if (im->attempts > 0)
        put_count(o, "retry: {attempts: ", im->attempts, "}\n");
    if (im->cooldown_ms > 0)
        put_span(o, "breaker: {open: ", im->cooldown_ms, "}\n");
    if (im->cache && im->cache_ttl_ms > 0)
        put_span(o, "cache: {enabled: true, ttl: ", im->cache_ttl_ms, "}\n");
    else if (im->cache)
        put(o, "cache: {enabled: true}\n");
}

/* ---- providers ---- */

static void put_headers(struct sl_import *im, const struct sl_import_provider *p, struct sl_grow *o)
{
    bool any = p->organization.n > 0;

    if (!any && (p->headers == NULL || p->headers->first == NULL))
        return;
    put(o, "    headers: {");
    if (any)
        put_name(o, "OpenAI-Organization: ", p->organization);
    for (const struct sl_node *h = p->headers != NULL ? p->headers->first : NULL; h != NULL;
         h = h->next) {
        put_name(o, any ? ", " : "", h->key);
        put_name(o, ": ", sl_import_value(im, h));
        any = true;
    }
    put(o, "}\n");
}

static void put_provider(struct sl_import *im, const struct sl_import_provider *p,
                         struct sl_grow *o)
{
    put_name(o, "  - name: ", p->name);
    put(o, "\n    protocol: ");
    put(o, p->vendor->protocol);
    if (p->vendor->flavor != NULL) {
        put(o, "\n    flavor: ");
        put(o, p->vendor->flavor);
    }
    put_name(o, "\n    base_url: ", p->url);
    put(o, "\n");
    if (p->key.n > 0) {
        put_name(o, "    keys: [", p->key);
        put(o, "]\n");
    }
    if (p->vendor->base == SL_IMPORT_AZURE)
        put(o, "    auth: \"header:api-key\"\n");
    put_headers(im, p, o);
    if (p->timeout_ms > 0)
        put_span(o, "    timeouts: {total: ", p->timeout_ms, "}\n");
}

/* ---- models ---- */

static void put_rate(struct sl_grow *o, const char *name, int64_t micro, bool *any)
{
    char place[24];

    if (micro < 0)
        return;
    put(o, *any ? ", " : ", price: {");
    put(o, name);
    put(o, ": ");
    sl_grow_add(o, sl_money_print(micro, place));
    *any = true;
}

static void put_target(const struct sl_import_model *m, const struct sl_import_target *t,
                       uint64_t priority, struct sl_grow *o)
{
    bool priced = false, whole = true;

    for (const struct sl_import_target *other = m->first; other != NULL; other = other->next)
        whole = whole && other->weight_milli % 1000 == 0;
    put_name(o, "      - {provider: ", t->provider->name);
    if (t->model.n > 0)
        put_name(o, ", model: ", t->model);
    if (priority > 0)
        put_count(o, ", priority: ", priority, "");
    if (m->has_weights)
        put_count(o, ", weight: ", whole ? t->weight_milli / 1000 : t->weight_milli, "");
    if (t->context > 0)
        put_count(o, ", context: ", t->context, "");
    put_rate(o, "input", t->input, &priced);
    put_rate(o, "output", t->output, &priced);
    put_rate(o, "cache_read", t->cache_read, &priced);
    put_rate(o, "cache_write", t->cache_write, &priced);
    put(o, priced ? "}}\n" : "}\n");
}

struct count {
    struct sl_import *im;            /* up */
    const struct sl_import_model *m; /* up */
    size_t n;
};

/* The targets of one model, `from` being the priority of its first. */
static uint64_t put_targets(struct count *c, const struct sl_import_model *of, uint64_t from,
                            struct sl_grow *o)
{
    uint64_t least = UINT64_MAX, most = 0;

    for (const struct sl_import_target *t = of->first; t != NULL; t = t->next)
        least = t->order < least ? t->order : least;
    for (const struct sl_import_target *t = of->first; t != NULL; t = t->next) {
        if (c->n == SL_ROUTE_TARGETS_MAX) {
            sl_import_say(c->im, c->m->at, "of its targets and fallbacks %d are carried over",
                          SL_ROUTE_TARGETS_MAX);
            break;
        }
        put_target(of, t, from + t->order - least, o);
        most = t->order - least > most ? t->order - least : most;
        c->n++;
    }
    return from + most + 1;
}

static void put_aliases(const struct sl_import_model *m, struct sl_grow *o)
{
    if (m->aliases_n == 0)
        return;
    put(o, "    aliases: [");
    for (size_t i = 0; i < m->aliases_n; i++)
        put_name(o, i > 0 ? ", " : "", m->aliases[i]);
    put(o, "]\n");
}

static void put_model(struct sl_import *im, const struct sl_import_model *m, struct sl_grow *o)
{
    static const char *const strategies[] = {[SL_IMPORT_WEIGHTED] = "weighted",
                                             [SL_IMPORT_LATENCY] = "latency",
                                             [SL_IMPORT_COST] = "cost"};
    struct count c = {im, m, 0};
    uint64_t next;

    put_name(o, "  - name: ", m->name);
    put(o, "\n");
    put_aliases(m, o);
    if (m->first != m->last) {
        put(o, "    strategy: ");
        put(o, strategies[im->strategy]);
        put(o, "\n");
    }
    if (m->max_tokens > 0)
        put_count(o, "    max_tokens_default: ", m->max_tokens, "\n");
    put(o, "    targets:\n");
    next = put_targets(&c, m, 0, o);
    for (size_t i = 0; i < m->fallbacks_n && c.n < SL_ROUTE_TARGETS_MAX; i++)
        next = put_targets(&c, sl_import_find(im, m->fallbacks[i]->text), next, o);
}

void sl_import_write(struct sl_import *im, struct sl_grow *o)
{
    put(o, "# Written by `sluice import litellm`; look it over: sluice check FILE\n");
    put_general(im, o);
    put(o, "providers:\n");
    for (const struct sl_import_provider *p = im->providers; p != NULL; p = p->next)
        put_provider(im, p, o);
    put(o, "models:\n");
    for (const struct sl_import_model *m = im->models; m != NULL; m = m->next)
        put_model(im, m, o);
    if (im->master_key.n == 0)
        return;
    put_name(o, "tenants:\n  - name: imported\n    keys: [{name: master, key: ", im->master_key);
    put(o, "}]\n");
}
