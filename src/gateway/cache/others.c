/* What a request's answer is called: by the model that gives it, and by those whose answers
 * are as good.
 *
 * An answer stands under the name of the model that gave it, and never under another's. But
 * which target of a route stands first may be an accident of the moment: `latency` and
 * `cost` choose among targets that are one to the operator, affinity keeps a conversation
 * where it was, and one whose breaker is open is not asked at all. So the names of such
 * others are looked for, too. Not so under `weighted`, which keeps each user on a version.
 */
#include "gateway/cache/others.h"

#include <stdlib.h>

#include "base/text.h"
#include "gateway/cache/flight.h"
#include "gateway/inside.h"
#include "gateway/quota/keys.h"
#include "gateway/routing/trial.h"
#include "llm/prompt.h"
#include "net/tls.h"

#define BETAS 32

/* ---- the canonical request ---- */

static int by_text(const void *a, const void *b)
{
    const struct sl_str *x = a, *y = b;
    int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

    return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

/* Betas change answers: all lines of both vendors' headers, sorted. More of them than
 * anybody sends are no reason to mix answers up: the request is then not cached. */
bool sl_reuse_betas(const struct sl_headers *h, struct sl_arena *a, struct sl_str *out)
{
    struct sl_str all[BETAS], rest, one;
    struct sl_text t;
    size_t n = 0, bytes = 0;
    char *p;

    for (size_t i = 0; i < h->n; i++) {
        if (!sl_str_eq_nocase(h->v[i].name, SL_STR("anthropic-beta")) &&
            !sl_str_eq_nocase(h->v[i].name, SL_STR("openai-beta")))
            continue;
        rest = h->v[i].value;
        while (sl_str_split(&rest, ',', &one)) {
            if (n == BETAS)
                return false;
            all[n++] = sl_str_trim(one);
            bytes += one.n + 1;
        }
    }
    qsort(all, n, sizeof all[0], by_text);
    p = sl_arena_alloc(a, bytes + 1);
    if (p == NULL)
        return false;
    t = sl_text_over(p, bytes + 1);
    for (size_t i = 0; i < n; i++) {
        sl_text_add(&t, all[i]);
        sl_text_byte(&t, ',');
    }
    *out = sl_text_str(&t);
    return true;
}

bool sl_reuse_canon(struct sl_req *r, struct sl_canon *c)
{
    const struct sl_cache_rules *rules = &r->reuse->rules;

    *c = (struct sl_canon){
        .scope = rules->shared == 1 ? SL_STR("*") : r->key->tenant,
        .operation = sl_str_of(sl_endpoint_name(r->ep)),
        .model = r->served,
        .version = rules->version,
        .api_version = sl_headers_get(&r->head->headers, SL_STR("anthropic-version")),
        .normal = (unsigned)sl_caching_leaf(rules->normal),
    };
    sl_keys_generations(r->gw->keys, r->key->tenant, r->model->name, rules->version, c->generation);
    return sl_reuse_betas(&r->head->headers, &r->reuse->arena, &c->betas);
}

enum sl_err sl_reuse_digest(struct sl_req *r, const struct sl_canon *c, struct sl_digest *d)
{
    struct sl_str text;
    enum sl_err e =
        sl_canon_request(c, (struct sl_str){r->body, r->body_n}, &r->reuse->arena, &text);

    if (e != SL_OK)
        return e;
    sl_tls_sha256(text, d->sha256);
    sl_tls_md5(text, d->md5);
    return SL_OK;
}

/* ---- others ---- */

/* By the configuration alone: might candidate `i` stand first, or should it? */
static bool is_as_good(const struct sl_trial *t, size_t i)
{
    const struct sl_candidate *first = &t->rank[0], *c = &t->rank[i];

    if (c->target->priority != first->target->priority)
        return false;
    switch (c->model->strategy) {
    case SL_STRATEGY_LATENCY:
    case SL_STRATEGY_COST: return true;
    case SL_STRATEGY_PRIORITY: return c->target < first->target; /* as the file has them */
    case SL_STRATEGY_WEIGHTED: return false;
    }
    return false;
}

static bool is_known(const struct sl_reuse *u, const uint8_t sha256[32])
{
    for (size_t i = 0; i < u->others_n; i++)
        if (memcmp(u->others[i].sha256, sha256, 32) == 0)
            return true;
    return memcmp(u->sha256, sha256, 32) == 0;
}

/* One that can't be made is not looked for. */
static void add(struct sl_req *r, struct sl_canon *c, struct sl_str served)
{
    struct sl_reuse *u = r->reuse;
    struct sl_str body = {r->body, r->body_n};
    bool plain = sl_caching_leaf(u->rules.normal) == 0;
    struct sl_digest d = {.md5 = {0}};

    c->model = served;
    if (!plain || !sl_digests_recall(&r->gw->digests, c, body, &d)) {
        if (sl_reuse_digest(r, c, &d) != SL_OK)
            return;
        if (plain)
            sl_digests_note(&r->gw->digests, &d);
    }
    if (is_known(u, d.sha256))
        return;
    memcpy(u->others[u->others_n].md5, d.md5, sizeof d.md5);
    memcpy(u->others[u->others_n++].sha256, d.sha256, sizeof d.sha256);
}

void sl_others_find(struct sl_req *r, const struct sl_canon *first)
{
    struct sl_trial *t = r->trial;
    struct sl_canon c = *first;
    size_t asked = 0; /* who would be, now */

    if (t->n < 2)
        return;
    while (asked < t->n && !sl_trial_is_well(r, asked))
        asked++;
    for (size_t i = 1; i < t->n && r->reuse->others_n < SL_REUSE_OTHERS; i++)
        if (t->rank[i].model == r->model && !sl_str_eq(t->rank[i].served, r->served) &&
            (i == asked || is_as_good(t, i)))
            add(r, &c, t->rank[i].served);
}

bool sl_others_prove(const struct sl_reuse *u, const uint8_t sha256[32])
{
    return is_known(u, sha256);
}

bool sl_others_unshare(struct sl_reuse *u, struct sl_str shared, struct sl_str *plain,
                       struct sl_usage *usage)
{
    if (sl_prompt_unshare(shared, u->sha256, &u->arena, plain, usage))
        return true;
    for (size_t i = 0; i < u->others_n; i++)
        if (sl_prompt_unshare(shared, u->others[i].sha256, &u->arena, plain, usage))
            return true;
    return false;
}

struct sl_cached *sl_others_again(struct sl_req *r, size_t i)
{
    return sl_cache_again(r->gw->cache, r->reuse->others[i].md5);
}

void sl_others_look_far(struct sl_req *r, sl_store_done_fn *done)
{
    uint8_t keys[1 + SL_REUSE_OTHERS][SL_CACHE_KEY];
    struct sl_reuse *u = r->reuse;

    memcpy(keys[0], u->md5, SL_CACHE_KEY);
    for (size_t i = 0; i < u->others_n; i++)
        memcpy(keys[1 + i], u->others[i].md5, SL_CACHE_KEY);
    sl_cache_get_start(r->gw->cache, (const uint8_t(*)[SL_CACHE_KEY])keys, 1 + u->others_n, u->got,
                       &u->op, done, r);
}

struct sl_flight *sl_others_flight(struct sl_req *r)
{
    struct sl_reuse *u = r->reuse;
    struct sl_flight *f = sl_flight_find(r->gw->flights, u->sha256);

    for (size_t i = 0; f == NULL && i < u->others_n; i++)
        f = sl_flight_find(r->gw->flights, u->others[i].sha256);
    return f;
}
