/* Names of cached answers, computed without a request. */
#include "gateway/cache/probe.h"

#include <stdio.h>

#include "base/json.h"
#include "gateway/cache/reuse.h"
#include "gateway/inside.h"
#include "gateway/quota/keys.h"
#include "llm/items.h"
#include "net/tls.h"
#include "policy/normal.h"

struct probing {
    struct sl_gateway *g;       /* up */
    const struct sl_probe *p;   /* up */
    struct sl_arena *a;         /* up */
    struct sl_probe_names *out; /* up: the caller's */
    enum sl_endpoint ep;
    const struct sl_model *model; /* up: the snapshot's */
    struct sl_str asked;
    struct sl_cache_rules rules;
    struct sl_canon canon;
    char *why; /* up */
    size_t cap;
};

static enum sl_err fail(struct probing *s, enum sl_err e, const char *what)
{
    snprintf(s->why, s->cap, "%s", what);
    return e;
}

static bool find_endpoint(struct probing *s)
{
    for (int ep = SL_EP_NONE + 1; ep < SL_EP__COUNT; ep++)
        if (sl_str_eq(s->p->endpoint, sl_str_of(sl_endpoint_name((enum sl_endpoint)ep))) &&
            sl_endpoint_dialect((enum sl_endpoint)ep) != NULL)
            s->ep = (enum sl_endpoint)ep;
    return s->ep != SL_EP_NONE;
}

static enum sl_err find_model(struct probing *s)
{
    char *name = sl_arena_alloc(s->a, SL_BODY_MODEL_MAX);
    struct sl_str raw = sl_json_get(s->p->body, SL_STR("model"));
    size_t n = 0;

    if (name == NULL)
        return fail(s, SL_ERR_NO_MEMORY, sl_err_text(SL_ERR_NO_MEMORY));
    if (raw.p != NULL && !sl_json_unescape(raw, name, SL_BODY_MODEL_MAX, &n))
        return fail(s, SL_ERR_BAD_FIELD, "model: must be a text");
    s->asked = (struct sl_str){name, n};
    if (raw.p == NULL && s->ep == SL_EP_MODERATIONS)
        s->asked = s->g->conf->default_moderations;
    s->model = s->asked.n > 0 ? sl_route_find(s->g->conf->routes, s->asked) : NULL;
    return s->model != NULL ? SL_OK : fail(s, SL_ERR_NO_MODEL, "model: is missing, or not known");
}

/* One more name, unless it is there already. */
static enum sl_err add(struct probing *s, struct sl_str text)
{
    struct sl_probe_names *out = s->out;
    uint8_t md5[SL_CACHE_KEY];

    sl_tls_md5(text, md5);
    for (size_t i = 0; i < out->n; i++)
        if (memcmp(out->md5[i], md5, sizeof md5) == 0)
            return SL_OK;
    if (out->n == SL_PROBE_NAMES)
        return fail(s, SL_ERR_CEILING, "body: too many items at once; take 64 or fewer");
    memcpy(out->md5[out->n], md5, sizeof md5);
    sl_tls_sha256(text, out->sha256[out->n]);
    out->served[out->n++] = s->canon.model;
    return SL_OK;
}

static enum sl_err add_request(struct probing *s)
{
    struct sl_str body = s->p->body, text;
    enum sl_err e = SL_OK;

    if (s->canon.normal != 0)
        e = sl_normal_body(body, s->canon.normal, s->a, &body);
    if (e == SL_OK)
        e = sl_canon_request(&s->canon, body, s->a, &text);
    return e == SL_OK ? add(s, text) : fail(s, e, sl_err_text(e));
}

static enum sl_err add_items(struct probing *s)
{
    struct sl_items items;
    struct sl_str prefix, raw, text;
    enum sl_err e = sl_items_split(s->p->body, s->a, &items);

    if (e == SL_OK)
        e = sl_canon_items(&s->canon, s->p->body, s->a, &prefix);
    if (e == SL_ERR_BAD_FIELD)
        return fail(s, e,
                    "body: has no `input` of items; say as `endpoint` what it is a request of "
                    "(moderations if not said)");
    if (e != SL_OK)
        return fail(s, e, sl_err_text(e));
    for (size_t i = 0; i < items.n && e == SL_OK; i++) {
        raw = items.at[i].raw;
        if (s->canon.normal != 0)
            e = sl_normal_item(raw, s->canon.normal, s->a, &raw);
        if (e == SL_OK)
            e = sl_canon_item(prefix, raw, s->canon.normal, s->a, &text);
        if (e == SL_OK)
            e = add(s, text);
        else
            (void)fail(s, e, sl_err_text(e));
    }
    return e;
}

static enum sl_err add_targets(struct probing *s)
{
    const struct sl_target *rank[SL_ROUTE_TARGETS_MAX];
    bool anthropic = sl_endpoint_dialect(s->ep) == &sl_dialect_anthropic;
    bool items = s->ep == SL_EP_MODERATIONS || s->ep == SL_EP_EMBEDDINGS;
    unsigned asked = sl_translate_has(s->ep) ? SL_ANTHROPIC | SL_OPENAI
                     : anthropic             ? SL_ANTHROPIC
                                             : SL_OPENAI;
    size_t n = sl_route_rank(s->model, (enum sl_protocol)asked, rank);
    enum sl_err e = SL_OK;

    for (size_t i = 0; i < n && e == SL_OK; i++) {
        s->canon.model = rank[i]->model.n > 0 ? rank[i]->model : s->asked;
        e = items ? add_items(s) : add_request(s);
    }
    return n > 0 ? e : fail(s, SL_ERR_NO_TARGET, "model: no provider of it has that endpoint");
}

enum sl_err sl_probe_names(struct sl_gateway *g, const struct sl_probe *p, struct sl_arena *a,
                           struct sl_probe_names *out, char *why, size_t cap)
{
    struct probing s = {.g = g, .p = p, .a = a, .out = out, .why = why, .cap = cap};
    const char *refusal;
    enum sl_err e;

    out->n = 0;
    if (!find_endpoint(&s))
        return fail(&s, SL_ERR_BAD_FIELD,
                    "endpoint: must be messages, chat, completions, responses, moderations or "
                    "embeddings");
    refusal = sl_canon_refusal(p->endpoint, p->body);
    if (refusal != NULL) {
        snprintf(why, cap, "body: is never cached: %s", refusal);
        return SL_ERR_BAD_FIELD;
    }
    e = find_model(&s);
    if (e != SL_OK)
        return e;
    s.rules = s.model->cache;
    sl_caching_over(&s.rules, &p->tenant->cache);
    s.canon = (struct sl_canon){
        .scope = s.rules.shared == 1 ? SL_STR("*") : p->tenant->own.name,
        .operation = p->endpoint,
        .version = s.rules.version,
        .api_version = sl_headers_get(p->headers, SL_STR("anthropic-version")),
        .normal = (unsigned)sl_caching_leaf(s.rules.normal),
    };
    sl_keys_generations(g->keys, p->tenant->own.name, s.model->name, s.rules.version,
                        s.canon.generation);
    if (!sl_reuse_betas(p->headers, a, &s.canon.betas))
        return fail(&s, SL_ERR_BAD_FIELD, "headers: more betas than are told apart");
    return add_targets(&s);
}
