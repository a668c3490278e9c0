/* cli/import/models.c -- model_list: each entry is a deployment of the model it names. Those
 * of one name are one model of ours with several targets; those that are asked at one place
 * with one key share a provider. */
#include "cli/import/import.h"

#include "base/text.h"
#include "policy/money.h"
#include "policy/route.h"

#include <stdio.h>

#define NAME_MAX_BYTES 200
#define WEIGHT_MAX 1000000

struct known {
    const char *key;
    const char *why; /* it is not carried over; NULL: it is, or it changes no request */
};

#define LIMIT                                                                                      \
    "a target has no limit of its own here; `max_concurrency` of its provider bounds requests at " \
    "once"

static const struct known of_params[] = {
    {"model", NULL},
    {"api_key", NULL},
    {"api_base", NULL},
    {"base_url", NULL},
    {"custom_llm_provider", NULL},
    {"organization", NULL},
    {"headers", NULL},
    {"extra_headers", NULL},
    {"weight", NULL},
    {"order", NULL},
    {"timeout", NULL},
    {"max_tokens", NULL},
    {"input_cost_per_token", NULL},
    {"output_cost_per_token", NULL},
    {"cache_read_input_token_cost", NULL},
    {"cache_creation_input_token_cost", NULL},
    {"drop_params", NULL}, /* what another protocol lacks is left out anyway */
    {"stream", NULL},
    {"rpm", NULL},
    {"tpm", NULL},
    {"api_version", NULL},
    {"max_parallel_requests", LIMIT},
    {"stream_timeout", "`timeouts.first_byte` and `timeouts.stream_total` bound streams here"},
    {"max_retries", "tries of all targets together are `retry.attempts`"},
    {"temperature", "a request is passed on as it came; let clients send it"},
    {"top_p", "a request is passed on as it came; let clients send it"},
    {NULL, NULL},
};
static const struct known of_info[] = {
    {"id", NULL},
    {"mode", NULL},
    {"base_model", NULL},
    {"description", NULL},
    {"max_tokens", NULL},
    {"max_input_tokens", NULL},
    {"max_output_tokens", NULL},
    {"input_cost_per_token", NULL},
    {"output_cost_per_token", NULL},
    {"cache_read_input_token_cost", NULL},
    {"cache_creation_input_token_cost", NULL},
    {"access_groups", "give keys `scopes: [\"models:NAME\"]`"},
    {"team_id", "give that team's keys `scopes: [\"models:NAME\"]`"},
    {NULL, NULL},
};
static const struct known of_entry[] = {
    {"model_name", NULL}, {"litellm_params", NULL}, {"model_info", NULL},
    {"rpm", LIMIT},       {"tpm", LIMIT},           {NULL, NULL},
};

/* Whatever of the map is not known, or can't be had here. */
static void name_rest(struct sl_import *im, const struct sl_node *map, const struct known *known)
{
    for (const struct sl_node *c = map != NULL ? map->first : NULL; c != NULL; c = c->next) {
        const struct known *k = known;

        while (k->key != NULL && !sl_str_eq(c->key, sl_str_of(k->key)))
            k++;
        if (k->key == NULL && !sl_str_starts(c->key, SL_STR("supports_")))
            sl_import_say(im, c, "is not carried over");
        else if (k->key != NULL && k->why != NULL)
            sl_import_say(im, c, "is not carried over: %s", k->why);
    }
}

/* ---- providers ---- */

static struct sl_str join(struct sl_import *im, struct sl_str a, const char *b)
{
    struct sl_str out = sl_arena_printf(&im->arena, "%.*s%s", SL_STR_ARGS(a), b);

    return out.p != NULL ? out : a;
}

static struct sl_str less(struct sl_str s, const char *end)
{
    if (sl_str_ends(s, sl_str_of(end)))
        s.n -= strlen(end);
    return s;
}

static struct sl_str url_of(struct sl_import *im, const struct sl_import_vendor *v,
                            const struct sl_node *params)
{
    const struct sl_node *n = sl_node_get(params, "api_base");
    struct sl_str url;

    if (n == NULL)
        n = sl_node_get(params, "base_url");
    if (n == NULL || n->text.n == 0)
        return v->url != NULL ? sl_str_of(v->url) : (struct sl_str){"", 0};
    url = less(sl_import_value(im, n), "/");
    switch (v->base) {
    case SL_IMPORT_PLUS_V1: return join(im, less(url, "/v1"), "/v1");
    case SL_IMPORT_LESS_V1: return less(less(url, "/messages"), "/v1");
    case SL_IMPORT_AZURE: return join(im, less(url, "/openai/v1"), "/openai/v1");
    case SL_IMPORT_AS_IS: break;
    }
    return url;
}

static struct sl_str key_of(struct sl_import *im, const struct sl_import_vendor *v,
                            const struct sl_node *params)
{
    const struct sl_node *n = sl_node_get(params, "api_key");

    if (n != NULL && n->text.n > 0 && !sl_node_is_null(n)) {
        if (!sl_str_starts(n->text, SL_STR("os.environ/")))
            sl_import_say(im, n,
                          "this key stands in the file as it is, there and here; `sluice seal`, "
                          "or a variable, keeps it out");
        return sl_import_value(im, n);
    }
    if (v->env == NULL)
        return (struct sl_str){"", 0};
    return sl_arena_printf(&im->arena, "${%s}", v->env);
}

/* The same headers, in the same order? */
static bool is_same_map(const struct sl_node *a, const struct sl_node *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    a = a->first;
    b = b->first;
    while (a != NULL && b != NULL && sl_str_eq(a->key, b->key) && sl_str_eq(a->text, b->text)) {
        a = a->next;
        b = b->next;
    }
    return a == NULL && b == NULL;
}

static bool is_same(const struct sl_import_provider *a, const struct sl_import_provider *b)
{
    return a->vendor == b->vendor && sl_str_eq(a->url, b->url) && sl_str_eq(a->key, b->key) &&
           sl_str_eq(a->organization, b->organization) && a->timeout_ms == b->timeout_ms &&
           is_same_map(a->headers, b->headers);
}

static struct sl_import_provider *provider_of(struct sl_import *im,
                                              const struct sl_import_provider *like)
{
    struct sl_import_provider *p;
    unsigned of_vendor = 1;

    for (p = im->providers; p != NULL; p = p->next) {
        if (is_same(p, like))
            return p;
        of_vendor += p->vendor == like->vendor;
    }
    p = sl_import_alloc(im, sizeof *p);
    *p = *like;
    p->next = NULL;
    if (of_vendor == 1)
        p->name = sl_str_of(like->vendor->prefix);
    else
        p->name = sl_arena_printf(&im->arena, "%s-%u", like->vendor->prefix, of_vendor);
    if (im->providers == NULL)
        im->providers = p;
    else
        im->last_provider->next = p;
    im->last_provider = p;
    return p;
}

/* ---- numbers ---- */

static uint64_t count_of(struct sl_import *im, const struct sl_node *map, const char *key)
{
    const struct sl_node *n = sl_node_get(map, key);
    uint64_t v = 0;

    if (n == NULL || sl_node_is_null(n))
        return 0;
    if (!sl_str_to_u64(n->text, &v) || v > 1000000000)
        sl_import_say(im, n, "is not carried over: it is no whole number");
    return v <= 1000000000 ? v : 0;
}

/* Dollars a token as micro-dollars a million tokens; either of two maps may say it. */
static int64_t price_of(struct sl_import *im, const struct sl_node *params,
                        const struct sl_node *info, const char *key)
{
    const struct sl_node *n = sl_node_get(params, key);
    int64_t v;

    if (n == NULL)
        n = sl_node_get(info, key);
    if (n == NULL || sl_node_is_null(n))
        return -1;
    if (sl_money_parse(n->text, 12, &v) && v >= 0 && v <= 1000000000000)
        return v;
    sl_import_say(im, n,
                  "is not carried over: it must be dollars a token, at most twelve decimals");
    return -1;
}

/* A draw by `weight`, else by `rpm`, else by `tpm`: theirs, in thousandths. */
static uint64_t weight_of(struct sl_import *im, struct sl_import_model *m,
                          const struct sl_node *params)
{
    static const char *const keys[] = {"weight", "rpm", "tpm"};
    int64_t v;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct sl_node *n = sl_node_get(params, keys[i]);

        if (n == NULL || sl_node_is_null(n))
            continue;
        if (i > 0 && !im->shuffles) {
            sl_import_say(im, n, "is not carried over: " LIMIT);
            continue;
        }
        if (!sl_money_parse(n->text, 3, &v) || v < 0) {
            sl_import_say(im, n, "is not carried over: it is no number");
            continue;
        }
        m->has_weights = true;
        v = i == 2 ? v / 1000 : v; /* tokens are many */
        return v > (int64_t)WEIGHT_MAX * 1000 ? (uint64_t)WEIGHT_MAX * 1000 : (uint64_t)v;
    }
    return 1000;
}

/* ---- one entry ---- */

bool sl_import_is_name(struct sl_str s, bool pattern)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c <= ' ' || c == '"' || c == '\'' || c == '\\' || c == 0x7f ||
            (c == '*' && !(pattern && i + 1 == s.n)))
            return false;
    }
    return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

struct sl_import_model *sl_import_find(const struct sl_import *im, struct sl_str name)
{
    struct sl_import_model *m = im->models;

    while (m != NULL && !sl_str_eq(m->name, name))
        m = m->next;
    return m;
}

static struct sl_import_model *model_of(struct sl_import *im, const struct sl_node *name)
{
    struct sl_import_model *m = sl_import_find(im, name->text);

    if (m != NULL)
        return m;
    m = sl_import_alloc(im, sizeof *m);
    m->name = name->text;
    m->at = name;
    if (im->models == NULL)
        im->models = m;
    else
        im->last_model->next = m;
    im->last_model = m;
    return m;
}

/* What is asked for under a pattern is asked for there: their star may stand for another
 * part of the name, which can't be said here. */
static bool fits_pattern(struct sl_import *im, const struct sl_node *name, struct sl_str *there)
{
    if (!sl_str_ends(*there, SL_STR("*")))
        return true;
    if (sl_str_eq(*there, name->text) || sl_str_eq(name->text, SL_STR("*"))) {
        *there = (struct sl_str){"", 0};
        return true;
    }
    sl_import_say(im, name,
                  "this deployment is left out: %.*s becomes another name at the provider. A "
                  "pattern of ours keeps the name: write `name: \"%.*s\"`, and let clients ask "
                  "for the names after the slash",
                  SL_STR_ARGS(name->text), SL_STR_ARGS(*there));
    return false;
}

static void add_target(struct sl_import_model *m, struct sl_import_target *t)
{
    if (m->first == NULL)
        m->first = t;
    else
        m->last->next = t;
    m->last = t;
}

static struct sl_import_provider *place_of(struct sl_import *im, const struct sl_node *params,
                                           const struct sl_import_vendor *v)
{
    const struct sl_node *organization = sl_node_get(params, "organization");
    struct sl_import_provider like = {.vendor = v, .url = url_of(im, v, params)};

    if (like.url.n == 0) {
        sl_import_say(im, params, "this deployment is left out: %s needs an api_base", v->prefix);
        return NULL;
    }
    if (!sl_str_starts(like.url, SL_STR("http://")) &&
        !sl_str_starts(like.url, SL_STR("https://")) && !sl_str_starts(like.url, SL_STR("${"))) {
        sl_import_say(im, params,
                      "this deployment is left out: its api_base must begin with http:// or "
                      "https://");
        return NULL;
    }
    like.key = key_of(im, v, params);
    if (organization != NULL)
        like.organization = sl_import_value(im, organization);
    like.headers = sl_node_get(params, "extra_headers");
    if (like.headers == NULL)
        like.headers = sl_node_get(params, "headers");
    like.timeout_ms = sl_import_ms(im, sl_node_get(params, "timeout"));
    return provider_of(im, &like);
}

/* A price needs both; what embeds has no output. */
static void settle_price(struct sl_import *im, struct sl_import_target *t,
                         const struct sl_node *entry)
{
    const struct sl_node *mode = sl_node_at(entry, "model_info.mode");

    if (t->input >= 0 && t->output < 0 && mode != NULL &&
        sl_str_eq(mode->text, SL_STR("embedding")))
        t->output = 0;
    if (t->input >= 0 && t->output >= 0)
        return;
    if (t->input >= 0 || t->output >= 0 || t->cache_read >= 0 || t->cache_write >= 0)
        sl_import_say(im, entry,
                      "its price is not carried over: it needs both input_cost_per_token and "
                      "output_cost_per_token");
    t->input = t->output = t->cache_read = t->cache_write = -1;
}

static void add_numbers(struct sl_import *im, struct sl_import_model *m, struct sl_import_target *t,
                        const struct sl_node *entry)
{
    const struct sl_node *params = sl_node_get(entry, "litellm_params");
    const struct sl_node *info = sl_node_get(entry, "model_info");
    uint64_t most = count_of(im, params, "max_tokens");

    t->order = count_of(im, params, "order");
    t->weight_milli = weight_of(im, m, params);
    t->context = count_of(im, info, "max_input_tokens");
    t->input = price_of(im, params, info, "input_cost_per_token");
    t->output = price_of(im, params, info, "output_cost_per_token");
    t->cache_read = price_of(im, params, info, "cache_read_input_token_cost");
    t->cache_write = price_of(im, params, info, "cache_creation_input_token_cost");
    settle_price(im, t, entry);
    if (most > m->max_tokens)
        m->max_tokens = most;
}

static void entry(struct sl_import *im, const struct sl_node *e)
{
    const struct sl_node *name = sl_node_get(e, "model_name");
    const struct sl_node *params = sl_node_get(e, "litellm_params");
    const struct sl_node *model = sl_node_get(params, "model");
    const struct sl_import_vendor *v;
    struct sl_import_target *t;
    struct sl_import_model *m;
    struct sl_str there;

    if (name == NULL || model == NULL || model->kind != SL_NODE_SCALAR) {
        sl_import_say(im, e, "is left out: it needs model_name, and litellm_params with a model");
        return;
    }
    if (!sl_import_is_name(name->text, true)) {
        sl_import_say(im, name,
                      "this deployment is left out: a name has 1 to 200 bytes without blanks, "
                      "quotes and backslashes, and a star at its end only");
        return;
    }
    v = sl_import_vendor(model->text, sl_node_text(params, "custom_llm_provider"), &there);
    if (v == NULL) {
        sl_import_say(im, model,
                      "this deployment is left out: %.*s is not at a provider that speaks "
                      "Anthropic's or OpenAI's protocol, as far as is known",
                      SL_STR_ARGS(model->text));
        return;
    }
    if (!sl_import_is_name(there, true)) {
        sl_import_say(im, model, "this deployment is left out: that is no name of a model");
        return;
    }
    if (!fits_pattern(im, name, &there))
        return;
    t = sl_import_alloc(im, sizeof *t);
    t->provider = place_of(im, params, v);
    if (t->provider == NULL)
        return;
    t->model = there;
    m = model_of(im, name);
    add_numbers(im, m, t, e);
    add_target(m, t);
    if (sl_node_get(params, "api_version") != NULL && v->base == SL_IMPORT_AZURE)
        sl_import_say(im, sl_node_get(params, "api_version"),
                      "is not carried over: Azure is asked through its v1 API, which has none");
    name_rest(im, e, of_entry);
    name_rest(im, params, of_params);
    name_rest(im, sl_node_get(e, "model_info"), of_info);
}

void sl_import_models(struct sl_import *im)
{
    const struct sl_node *list = sl_node_get(im->root, "model_list");

    for (const struct sl_node *e = list != NULL ? list->first : NULL; e != NULL; e = e->next)
        entry(im, e);
}
