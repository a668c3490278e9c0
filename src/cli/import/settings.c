/* cli/import/settings.c -- litellm_settings, router_settings, general_settings: what has a
 * place here, and what is to be done about the rest. */
#include "cli/import/import.h"

#include "policy/health/retry.h"

#define KEY_MIN 8 /* bytes of a key of ours */

typedef void setting_fn(struct sl_import *im, const struct sl_node *n);

struct setting {
    const char *key;
    setting_fn *take; /* NULL: it is not carried over */
    const char *why;  /* ... and that; NULL: it changes no request */
};

static void fine(struct sl_import *im, const struct sl_node *n)
{
    (void)im; /* the same here, or of no effect on requests */
    (void)n;
}

/* ---- tries and times ---- */

static void take_retries(struct sl_import *im, const struct sl_node *n)
{
    uint64_t v;

    if (!sl_str_to_u64(n->text, &v)) {
        sl_import_say(im, n, "is not carried over: it is no whole number");
        return;
    }
    if (v + 1 > SL_RETRY_ATTEMPTS_MAX)
        sl_import_say(im, n, "a request is tried at most %d times", SL_RETRY_ATTEMPTS_MAX);
    im->attempts = v + 1 > SL_RETRY_ATTEMPTS_MAX ? SL_RETRY_ATTEMPTS_MAX : v + 1;
}

static void take_timeout(struct sl_import *im, const struct sl_node *n)
{
    im->total_ms = sl_import_ms(im, n);
}

static void take_cooldown(struct sl_import *im, const struct sl_node *n)
{
    im->cooldown_ms = sl_import_ms(im, n);
    if (im->cooldown_ms > 3600000)
        im->cooldown_ms = 3600000;
}

static void take_strategy(struct sl_import *im, const struct sl_node *n)
{
    im->shuffles = sl_str_eq(n->text, SL_STR("simple-shuffle"));
    if (sl_str_eq(n->text, SL_STR("latency-based-routing")))
        im->strategy = SL_IMPORT_LATENCY;
    else if (sl_str_eq(n->text, SL_STR("cost-based-routing")))
        im->strategy = SL_IMPORT_COST;
    else if (!im->shuffles)
        sl_import_say(im, n,
                      "%.*s becomes `strategy: weighted`, a draw for each user; a target whose "
                      "places are taken is passed over",
                      SL_STR_ARGS(n->text));
}

/* ---- cache and Redis ---- */

static bool is_true(const struct sl_node *n)
{
    return n != NULL && sl_str_eq_nocase(n->text, SL_STR("true"));
}

/* redis://HOST:PORT of three members; a password goes beside it. */
static void take_redis(struct sl_import *im, const struct sl_node *host, const struct sl_node *port,
                       const struct sl_node *password, bool tls)
{
    if (im->redis_url.n > 0 || host == NULL || host->text.n == 0)
        return;
    im->redis_url = sl_arena_printf(
        &im->arena, "%s://%.*s:%.*s", tls ? "rediss" : "redis",
        SL_STR_ARGS(sl_import_value(im, host)),
        SL_STR_ARGS(port != NULL && port->text.n > 0 ? sl_import_value(im, port) : SL_STR("6379")));
    if (password != NULL && password->text.n > 0)
        im->redis_password = sl_import_value(im, password);
}

static void take_redis_url(struct sl_import *im, const struct sl_node *n)
{
    im->redis_url = sl_import_value(im, n);
}

static void take_cache(struct sl_import *im, const struct sl_node *n)
{
    im->cache = is_true(n);
}

static void take_cache_redis(struct sl_import *im, const struct sl_node *params)
{
    const struct sl_node *url = sl_node_get(params, "url");

    if (url == NULL)
        url = sl_node_get(params, "redis_url");
    if (url != NULL && im->redis_url.n == 0)
        im->redis_url = sl_import_value(im, url);
    take_redis(im, sl_node_get(params, "host"), sl_node_get(params, "port"),
               sl_node_get(params, "password"), is_true(sl_node_get(params, "ssl")));
    if (im->redis_url.n > 0)
        return;
    im->redis_url = SL_STR("redis://${REDIS_HOST}:${REDIS_PORT:-6379}"); /* as theirs does */
    im->redis_password = SL_STR("${REDIS_PASSWORD:-}");
}

static void take_cache_params(struct sl_import *im, const struct sl_node *n)
{
    static const char *const known[] = {"type", "host",      "port", "password",
                                        "url",  "redis_url", "ssl",  "ttl"};
    struct sl_str type = sl_node_text(n, "type");
    const struct sl_node *ttl = sl_node_get(n, "ttl");

    if (type.n == 0 || sl_str_eq(type, SL_STR("redis")))
        take_cache_redis(im, n);
    else if (!sl_str_eq(type, SL_STR("local")))
        sl_import_say(im, n, "answers are cached in memory and in a Redis: type %.*s becomes that",
                      SL_STR_ARGS(type));
    if (ttl != NULL)
        im->cache_ttl_ms = sl_import_ms(im, ttl);
    for (const struct sl_node *c = n->first; c != NULL; c = c->next) {
        bool is_known = false;

        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            is_known = is_known || sl_str_eq(c->key, sl_str_of(known[i]));
        if (!is_known)
            sl_import_say(im, c, "is not carried over");
    }
}

/* ---- keys ---- */

static void take_master(struct sl_import *im, const struct sl_node *n)
{
    if (n->text.n == 0)
        return;
    if (!sl_str_starts(n->text, SL_STR("os.environ/")))
        sl_import_say(im, n,
                      "this key stands in the file as it is, there and here; `sluice seal`, or a "
                      "variable, keeps it out");
    im->master_key = sl_import_value(im, n);
    if (im->master_key.n < KEY_MIN || sl_str_find_byte(im->master_key, ' ') >= 0) {
        sl_import_say(im, n,
                      "is not carried over: a key has %d characters or more, none of them a "
                      "blank",
                      KEY_MIN);
        im->master_key.n = 0;
    }
}

#define IN_DATABASE                                                                                \
    "keys, teams and budgets in its database are not read: make them with `sluice tenant make` "   \
    "and `sluice key make`"
#define ELSEWHERE                                                                                  \
    "what happens here is in metrics, the access log and the trail: docs/operations.md"

static const struct setting of_litellm[] = {
    {"num_retries", take_retries, NULL},
    {"request_timeout", take_timeout, NULL},
    {"cache", take_cache, NULL},
    {"cache_params", take_cache_params, NULL},
    {"fallbacks", fine, NULL}, /* sl_import_names() */
    {"default_fallbacks", fine, NULL},
    {"drop_params", fine, NULL},
    {"set_verbose", fine, NULL},
    {"telemetry", fine, NULL},
    {"json_logs", fine, NULL},
    {"context_window_fallbacks", NULL,
     "give targets of one model a `context`: a request too long for one goes to a larger one"},
    {"content_policy_fallbacks", NULL, "a refusal is an answer here, and is passed on"},
    {"max_budget", NULL, "give the tenant a `budget: {monthly: N}`, once its models have prices"},
    {"budget_duration", NULL, "budgets are of a day or a month: `budget.daily`, `budget.monthly`"},
    {"success_callback", NULL, ELSEWHERE},
    {"failure_callback", NULL, ELSEWHERE},
    {"callbacks", NULL, ELSEWHERE},
    {NULL, NULL, NULL},
};
static const struct setting of_router[] = {
    {"num_retries", take_retries, NULL},
    {"timeout", take_timeout, NULL},
    {"cooldown_time", take_cooldown, NULL},
    {"routing_strategy", take_strategy, NULL},
    {"redis_url", take_redis_url, NULL},
    {"redis_host", fine, NULL}, /* take_router_redis() */
    {"redis_port", fine, NULL},
    {"redis_password", fine, NULL},
    {"fallbacks", fine, NULL},
    {"model_group_alias", fine, NULL},
    {"allowed_fails", NULL, "a breaker opens by the part that fails: `breaker.error_rate`"},
    {"enable_pre_call_checks", NULL,
     "give targets a `context`: a request too long for one goes to a larger one"},
    {"context_window_fallbacks", NULL,
     "give targets of one model a `context`: a request too long for one goes to a larger one"},
    {NULL, NULL, NULL},
};
static const struct setting of_general[] = {
    {"master_key", take_master, NULL},
    {"database_url", NULL, IN_DATABASE},
    {"store_model_in_db", NULL, "models in its database are not read: write them down here"},
    {"alerting", NULL, "conf/alerts.yml has rules for Prometheus"},
    {"max_parallel_requests", NULL, "give the tenant `limits: {concurrency: N}`"},
    {NULL, NULL, NULL},
};

static void take_section(struct sl_import *im, const char *name, const struct setting *all)
{
    const struct sl_node *map = sl_node_get(im->root, name);

    for (const struct sl_node *c = map != NULL ? map->first : NULL; c != NULL; c = c->next) {
        const struct setting *s = all;

        if (sl_node_is_null(c))
            continue;
        while (s->key != NULL && !sl_str_eq(c->key, sl_str_of(s->key)))
            s++;
        if (s->take != NULL)
            s->take(im, c);
        else if (s->why != NULL)
            sl_import_say(im, c, "is not carried over: %s", s->why);
        else
            sl_import_say(im, c, "is not carried over");
    }
}

void sl_import_settings(struct sl_import *im)
{
    static const char *const sections[] = {"model_list", "litellm_settings", "router_settings",
                                           "general_settings"};
    const struct sl_node *router = sl_node_get(im->root, "router_settings");

    im->shuffles = true;
    take_section(im, "litellm_settings", of_litellm);
    take_section(im, "router_settings", of_router);
    take_section(im, "general_settings", of_general);
    take_redis(im, sl_node_get(router, "redis_host"), sl_node_get(router, "redis_port"),
               sl_node_get(router, "redis_password"), false);
    for (const struct sl_node *c = im->root->first; c != NULL; c = c->next) {
        bool known = false;

        for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
            known = known || sl_str_eq(c->key, sl_str_of(sections[i]));
        if (sl_str_eq(c->key, SL_STR("environment_variables")))
            sl_import_say(im, c, "set these in the environment of `sluice serve`, or in its .env");
        else if (!known)
            sl_import_say(im, c, "is not carried over");
    }
    if (im->master_key.n == 0)
        sl_import_say(im, im->root,
                      "there is no master_key: nobody may ask before a key was made, with `sluice "
                      "key make` or in `tenants`");
}

/* ---- models by their names: when all are there ---- */

static void add_fallback(struct sl_import *im, struct sl_import_model *m, const struct sl_node *to)
{
    const struct sl_import_model *other = sl_import_find(im, to->text);

    if (other == NULL || sl_str_ends(to->text, SL_STR("*"))) {
        sl_import_say(im, to, "is not carried over: no model of that name is here");
        return;
    }
    if (other == m)
        return;
    if (m->fallbacks_n == SL_IMPORT_FALLBACKS) {
        sl_import_say(im, to, "is not carried over: a model has at most %d fallbacks here",
                      SL_IMPORT_FALLBACKS);
        return;
    }
    m->fallbacks[m->fallbacks_n++] = to;
}

/* [{gpt-4o: [claude, mini]}, …] */
static void take_fallbacks(struct sl_import *im, const struct sl_node *list)
{
    for (const struct sl_node *e = list != NULL ? list->first : NULL; e != NULL; e = e->next) {
        if (e->kind != SL_NODE_MAP)
            sl_import_say(im, e, "is not carried over: a fallback is `MODEL: [MODEL, ...]`");
        for (const struct sl_node *of = e->first; of != NULL; of = of->next) {
            struct sl_import_model *m = sl_import_find(im, of->key);

            if (m == NULL)
                sl_import_say(im, of, "is not carried over: no model of that name is here");
            for (const struct sl_node *to = of->first; m != NULL && to != NULL; to = to->next)
                add_fallback(im, m, to);
        }
    }
}

static void take_alias(struct sl_import *im, const struct sl_node *alias)
{
    const struct sl_node *to = alias->kind == SL_NODE_MAP ? sl_node_get(alias, "model") : alias;
    struct sl_import_model *m = to != NULL ? sl_import_find(im, to->text) : NULL;

    if (m == NULL)
        sl_import_say(im, alias, "is not carried over: no model of that name is here");
    else if (!sl_import_is_name(alias->key, false))
        sl_import_say(im, alias,
                      "is not carried over: a name has no blanks, quotes, backslashes "
                      "and stars");
    else if (sl_import_find(im, alias->key) != NULL)
        sl_import_say(im, alias, "is not carried over: a model has this name already");
    else if (m->aliases_n == SL_IMPORT_FALLBACKS)
        sl_import_say(im, alias, "is not carried over: that are too many names of one model");
    else
        m->aliases[m->aliases_n++] = alias->key;
}

void sl_import_names(struct sl_import *im)
{
    const struct sl_node *alias = sl_node_at(im->root, "router_settings.model_group_alias");
    const struct sl_node *all = sl_node_at(im->root, "litellm_settings.default_fallbacks");

    take_fallbacks(im, sl_node_at(im->root, "router_settings.fallbacks"));
    take_fallbacks(im, sl_node_at(im->root, "litellm_settings.fallbacks"));
    for (struct sl_import_model *m = im->models; all != NULL && m != NULL; m = m->next)
        for (const struct sl_node *to = all->first; m->fallbacks_n == 0 && to != NULL;
             to = to->next)
            add_fallback(im, m, to);
    for (alias = alias != NULL ? alias->first : NULL; alias != NULL; alias = alias->next)
        take_alias(im, alias);
}
