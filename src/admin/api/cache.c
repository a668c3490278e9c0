/* admin/api/cache.c -- cached answers: how many, one of them, and none of them any more.
 *
 * POST cache/purge with one of {"tenant"}, {"model"}, {"version"}: a generation number in
 * the names of all their answers grows, on every instance within 1 s; what was cached is
 * not found again. With {"text"} (a moderation's or embedding's) or {"body"} (of a
 * request): those entries alone. POST cache/get takes the latter, and shows them. */
#include "admin/api/handlers.h"

#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "gateway/cache/probe.h"
#include "gateway/cache/purged.h"
#include "gateway/entry.h"
#include "gateway/quota/keys_records.h"

static const struct sl_str nobody = SL_STR_INIT("");

struct asked {
    struct sl_str tenant, model, version, endpoint, text; /* unescaped */
    struct sl_str body, headers;                          /* JSON */
    struct sl_tenant of;
    struct sl_probe_names names;
    struct sl_cached *got[SL_PROBE_NAMES]; /* shared */
    bool far[SL_PROBE_NAMES];
    char switch_id[SL_KEYS_PURGE_ID];
    const char *kind; /* of a purge by generation */
    struct sl_str name;
};

/* ---- how many ---- */

void sl_cache_show(struct sl_api *c)
{
    struct sl_cache *cache = sl_gateway_cache(c->admin->gateway);
    struct sl_cache_counts n = {0};
    struct sl_out *o = &c->out;

    if (cache != NULL)
        n = sl_cache_count(cache);
    sl_api_begin(c);
    sl_out_open(o, NULL, '{');
    sl_out_open(o, "memory", '{');
    sl_out_count(o, "entries", n.entries);
    sl_out_count(o, "bytes", n.bytes);
    sl_out_count(o, "bytes_max", c->conf->cache.memory);
    sl_out_count(o, "hits", n.hits);
    sl_out_count(o, "misses", n.misses);
    sl_out_count(o, "evicted", n.evicted);
    sl_out_close(o, '}');
    sl_out_open(o, "redis", '{');
    sl_out_flag(o, "up", cache != NULL && sl_cache_has_far(cache));
    sl_out_count(o, "hits", n.far_hits);
    sl_out_count(o, "misses", n.far_misses);
    sl_out_count(o, "errors", n.far_errors);
    sl_out_count(o, "bad", n.far_bad);
    sl_out_close(o, '}');
    sl_out_close(o, '}');
    sl_api_done(c);
}

/* ---- the body ---- */

static bool wrong(struct sl_api *c, const char *name, const char *wish)
{
    sl_api_fail(c, 0, SL_ERR_BAD_FIELD, name, "%s: %s", name, wish);
    return false;
}

static bool read_member(struct sl_api *c, struct asked *a, struct sl_str key, struct sl_str value)
{
    struct {
        const char *name;
        struct sl_str *to; /* up: in `a` */
        enum sl_json_type type;
    } const members[] = {
        {"tenant", &a->tenant, SL_JSON_STRING},   {"model", &a->model, SL_JSON_STRING},
        {"version", &a->version, SL_JSON_STRING}, {"endpoint", &a->endpoint, SL_JSON_STRING},
        {"text", &a->text, SL_JSON_STRING},       {"body", &a->body, SL_JSON_OBJECT},
        {"headers", &a->headers, SL_JSON_OBJECT}};
    char name[48];

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char *text;
        size_t n = 0;

        if (!sl_json_key_is(key, sl_str_of(members[i].name)))
            continue;
        if (sl_json_type_of(value) != members[i].type)
            return wrong(c, members[i].name,
                         members[i].type == SL_JSON_STRING ? "must be a text"
                                                           : "must be an object");
        *members[i].to = value;
        if (members[i].type == SL_JSON_OBJECT)
            return true;
        text = sl_arena_alloc(&c->arena, value.n + 1);
        if (text == NULL || !sl_json_unescape(value, text, value.n, &n)) {
            sl_api_no_memory(c);
            return false;
        }
        *members[i].to = (struct sl_str){text, n};
        return true;
    }
    snprintf(name, sizeof name, "%.*s", SL_STR_ARGS(sl_str_first(key, 40)));
    return wrong(c, name, "no such member here");
}

static struct asked *read_body(struct sl_api *c)
{
    struct asked *a = sl_arena_zalloc(&c->arena, sizeof *a);
    struct sl_str key, value;
    size_t pos = 0;

    if (a == NULL) {
        sl_api_no_memory(c);
        return NULL;
    }
    if (!sl_api_is_object(c))
        return NULL;
    a->tenant = a->model = a->version = a->endpoint = a->text = nobody;
    c->note = a;
    while (sl_json_next_member(c->body, &pos, &key, &value))
        if (!read_member(c, a, key, value))
            return NULL;
    return a;
}

/* ---- which entries ---- */

static bool read_headers(struct sl_api *c, const struct asked *a, struct sl_headers *h)
{
    struct sl_str key, value;
    size_t pos = 0, n;

    while (a->headers.n > 0 && sl_json_next_member(a->headers, &pos, &key, &value)) {
        char *text = sl_arena_alloc(&c->arena, value.n + 1);

        if (text == NULL || !sl_json_unescape(value, text, value.n, &n) ||
            !sl_headers_add(h, &c->arena, key, (struct sl_str){text, n}))
            return wrong(c, "headers", "must be an object of texts");
    }
    /* what every client of that protocol sends */
    if (sl_headers_get(h, SL_STR("anthropic-version")).p == NULL &&
        sl_str_eq(a->endpoint, SL_STR("messages")) &&
        !sl_headers_add(h, &c->arena, SL_STR("anthropic-version"), SL_STR("2023-06-01")))
        return wrong(c, "headers", "are too many");
    return true;
}

/* A text alone is a moderation's input. */
static bool make_body(struct sl_api *c, struct asked *a)
{
    size_t cap = 6 * (a->text.n + a->model.n) + 64;
    char *place;
    struct sl_text t;

    if (a->endpoint.n == 0)
        a->endpoint = SL_STR("moderations");
    if (a->body.n > 0)
        return a->text.n == 0 || wrong(c, "text", "give either text or body");
    place = sl_arena_alloc(&c->arena, cap);
    if (place == NULL) {
        sl_api_no_memory(c);
        return false;
    }
    t = sl_text_over(place, cap);
    sl_text_add(&t, SL_STR("{"));
    if (a->model.n > 0) {
        sl_text_add(&t, SL_STR("\"model\":"));
        sl_text_json(&t, a->model, 0);
        sl_text_byte(&t, ',');
    }
    sl_text_add(&t, SL_STR("\"input\":"));
    sl_text_json(&t, a->text, 0);
    sl_text_byte(&t, '}');
    a->body = sl_text_str(&t);
    return true;
}

static bool find_names(struct sl_api *c)
{
    struct asked *a = c->note;
    struct sl_headers h = {0};
    struct sl_probe p = {.tenant = &a->of, .headers = &h};
    char why[200] = "";
    enum sl_err e;

    sl_find_lay_tenant(c, &c->tenant, &a->of);
    if (!make_body(c, a) || !read_headers(c, a, &h))
        return false;
    p.endpoint = a->endpoint;
    p.body = a->body;
    e = sl_probe_names(c->admin->gateway, &p, &c->arena, &a->names, why, sizeof why);
    if (e != SL_OK)
        sl_api_fail_why(c, e, why);
    return e == SL_OK;
}

/* ---- get ---- */

static void let_go(struct sl_api *c)
{
    struct asked *a = c->note;

    for (size_t i = 0; i < SL_PROBE_NAMES; i++)
        if (a->got[i] != NULL)
            sl_cached_drop(&a->got[i]);
}

static void write_entry(struct sl_api *c, const struct asked *a, size_t i)
{
    const struct sl_cached *got = a->got[i];
    struct sl_out *o = &c->out;
    struct sl_entry e;

    if (got == NULL || !sl_entry_decode((struct sl_str){got->bytes, got->n}, &e) ||
        memcmp(e.sha256, a->names.sha256[i], sizeof e.sha256) != 0) /* lint: secrets a request's */
        return;
    sl_out_open(o, NULL, '{');
    sl_out_text(o, "layer", a->far[i] ? SL_STR("redis") : SL_STR("memory"));
    sl_out_text(o, "served", a->names.served[i]);
    sl_out_text(o, "endpoint", sl_str_of(sl_endpoint_name(e.ep)));
    sl_out_number(o, "status", e.status);
    sl_out_number(o, "stored", got->stored_unix_ms / 1000);
    sl_out_number(o, "fresh_until", got->fresh_until_unix_ms / 1000);
    sl_out_flag(o, "stale", sl_api_now(c) >= got->fresh_until_unix_ms);
    sl_out_count(o, "bytes", got->n);
    sl_out_count(o, "input", e.counts[0]);
    sl_out_count(o, "output", e.counts[4]);
    sl_out_text(o, "answer", e.body);
    sl_out_close(o, '}');
}

static void on_far(void *ctx, enum sl_err e)
{
    struct sl_api *c = ctx;
    const struct asked *a = c->note;

    (void)e; /* a look-up that failed found nothing */
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '[');
    for (size_t i = 0; i < a->names.n; i++)
        write_entry(c, a, i);
    sl_out_close(&c->out, ']');
    sl_api_done(c);
}

static void look(struct sl_api *c)
{
    struct sl_cache *cache = sl_gateway_cache(c->admin->gateway);
    struct asked *a = c->note;
    bool all = true;

    if (!sl_find_has(c, &c->tenant) || !find_names(c))
        return;
    for (size_t i = 0; cache != NULL && i < a->names.n; i++) {
        a->got[i] = sl_cache_peek(cache, a->names.md5[i], true);
        all = all && a->got[i] != NULL;
    }
    c->let_go = let_go;
    if (all || cache == NULL || !sl_cache_has_far(cache)) {
        on_far(c, SL_OK);
        return;
    }
    for (size_t i = 0; i < a->names.n; i++) {
        if (a->got[i] != NULL)
            sl_cached_drop(&a->got[i]);
        a->far[i] = true;
    }
    sl_cache_get_start(cache, (const uint8_t(*)[SL_CACHE_KEY])a->names.md5, a->names.n, a->got,
                       &c->op, on_far, c);
}

static bool is_by_name(const struct asked *a)
{
    return a->text.n > 0 || a->body.n > 0;
}

void sl_cache_look(struct sl_api *c)
{
    struct asked *a = read_body(c);

    if (a == NULL)
        return;
    if (!is_by_name(a))
        (void)wrong(c, "text", "is missing: or give the whole request as body");
    else if (a->tenant.n == 0)
        (void)wrong(c, "tenant", "is missing: whose answers");
    else
        sl_find_tenant(c, a->tenant, look);
}

/* ---- purge ---- */

static void answer_purge(struct sl_api *c)
{
    const struct asked *a = c->note;

    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '{');
    sl_out_text(&c->out, "purged", sl_str_of(a->kind));
    if (is_by_name(a))
        sl_out_count(&c->out, "entries", a->names.n);
    else
        sl_out_text(&c->out, "name", a->name);
    sl_out_count(&c->out, "generation", c->other.rev);
    sl_out_close(&c->out, '}');
    sl_api_done(c);
}

/* The revision is the generation; the document is for people. */
static bool apply_generation(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    const struct asked *a = c->note;

    (void)s;
    put->state = SL_STR("active");
    put->doc = sl_arena_printf(&c->arena, "{\"created\":%lld}", (long long)(sl_api_now(c) / 1000));
    if (put->doc.p == NULL) {
        sl_api_no_memory(c);
        return false;
    }
    sl_log(SL_LOG_INFO, "admin", a->name, "cached answers of that %s purged by %.*s", a->kind,
           SL_STR_ARGS(c->actor));
    return true;
}

static void put_generation(struct sl_api *c)
{
    sl_change_start(c, &c->other, apply_generation, "purged", answer_purge);
}

static bool apply_texts(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    const struct asked *a = c->note;
    enum sl_err e =
        sl_purged_list(s->rev > 0 ? s->text : nobody, (const uint8_t(*)[SL_CACHE_KEY])a->names.md5,
                       a->names.n, sl_api_now(c) / 1000, &c->arena, &put->doc);

    put->state = SL_STR("active");
    if (e == SL_ERR_CEILING)
        sl_api_fail(c, 429, SL_ERR_RATE, NULL,
                    "too many texts were purged in the last %d s; try again then, or purge the "
                    "model",
                    SL_PURGED_KEEP_S);
    else if (e != SL_OK)
        sl_api_no_memory(c);
    return e == SL_OK;
}

static void put_texts(struct sl_api *c)
{
    sl_change_start(c, &c->other, apply_texts, "purged by text", answer_purge);
}

static void find_switch(struct sl_api *c, struct sl_str id, sl_api_fn *then)
{
    c->other = (struct sl_subject){.kind = SL_RECORD_SWITCH, .id = id, .tenant = id};
    sl_find_again(c, &c->other, then);
}

static void purge_names(struct sl_api *c)
{
    struct sl_cache *cache = sl_gateway_cache(c->admin->gateway);
    struct asked *a = c->note;

    if (!sl_find_has(c, &c->tenant) || !find_names(c))
        return;
    for (size_t i = 0; cache != NULL && i < a->names.n; i++)
        sl_cache_drop_key(cache, a->names.md5[i]); /* of Redis, too */
    a->kind = "text";
    find_switch(c, SL_STR(SL_PURGED_ID), put_texts);
}

static void purge_generation(struct sl_api *c, struct asked *a)
{
    const char *const kinds[] = {"tenant", "model", "version"};
    const struct sl_str names[] = {a->tenant, a->model, a->version};
    unsigned given = 0;

    for (size_t i = 0; i < 3; i++) {
        if (names[i].n == 0)
            continue;
        given++;
        a->kind = kinds[i];
        a->name = names[i];
    }
    if (given != 1)
        (void)wrong(c, "tenant",
                    "give one of tenant, model, version; or a text or body, with its tenant");
    else
        find_switch(c, sl_key_records_purge_id(sl_str_of(a->kind), a->name, a->switch_id),
                    put_generation);
}

void sl_cache_purge(struct sl_api *c)
{
    struct asked *a = read_body(c);

    if (a == NULL)
        return;
    if (!is_by_name(a))
        purge_generation(c, a);
    else if (a->tenant.n == 0)
        (void)wrong(c, "tenant", "is missing: whose answers");
    else
        sl_find_tenant(c, a->tenant, purge_names);
}
