/* The cache as one request sees it: may it, what is there, what is kept. */
#include "gateway/cache/reuse.h"

#include <stdlib.h>

#include "base/text.h"
#include "gateway/cache/batch.h"
#include "gateway/cache/flight.h"
#include "gateway/cache/others.h"
#include "gateway/inside.h"
#include "gateway/quota/pass.h"
#include "gateway/quota/keys.h"
#include "llm/prompt.h"
#include "net/tls.h"
#include "policy/canon.h"
#include "policy/normal.h"

#define ARENA_SPARE 65536 /* beside trees and turned-over answers */

/* ---- may it? ---- */

static bool has_items(enum sl_endpoint ep)
{
    return ep == SL_EP_MODERATIONS || ep == SL_EP_EMBEDDINGS;
}

static bool has_answers(enum sl_endpoint ep)
{
    return ep == SL_EP_MESSAGES || ep == SL_EP_CHAT || ep == SL_EP_COMPLETIONS ||
           ep == SL_EP_RESPONSES || ep == SL_EP_PROMPT;
}

/* What the client asks of caches on the way. */
static void read_directives(struct sl_req *r)
{
    const struct sl_headers *h = &r->head->headers;
    struct sl_reuse *u = r->reuse;
    uint64_t seconds;

    for (size_t i = 0; i < h->n; i++) {
        struct sl_str rest = h->v[i].value, one;

        if (!sl_str_eq_nocase(h->v[i].name, SL_STR("cache-control")))
            continue;
        while (sl_str_split(&rest, ',', &one)) {
            one = sl_str_trim(one);
            if (sl_str_eq_nocase(one, SL_STR("no-store")))
                u->look = u->keep = false;
            else if (sl_str_eq_nocase(one, SL_STR("no-cache")))
                u->look = false;
            else if (sl_str_starts_nocase(one, SL_STR("max-age=")) &&
                     sl_str_to_u64(sl_str_from(one, 8), &seconds))
                u->max_age_ms = seconds < INT64_MAX / 1000 ? seconds * 1000 : UINT64_MAX;
        }
    }
}

/* `known`: that very body was found to be harmless before. */
static void decide(struct sl_req *r, bool known)
{
    struct sl_reuse *u = r->reuse;
    struct sl_str body = {r->body, r->body_n};

    u->why = known ? NULL : sl_canon_refusal(sl_str_of(sl_endpoint_name(r->ep)), body);
    if (u->why != NULL)
        return;
    u->look = u->keep = true;
    read_directives(r);
    if (u->look || u->keep)
        u->result = SL_REUSE_MISS;
    else
        u->why = "cache-control: no-store";
}

/* ---- the digest ---- */

/* The normalised text is what is judged, too: it takes the body's place. */
static enum sl_err normalise(struct sl_req *r)
{
    struct sl_str body = {r->body, r->body_n}, out;
    unsigned which = (unsigned)sl_caching_leaf(r->reuse->rules.normal);
    enum sl_err e;

    if (which == 0)
        return SL_OK;
    e = sl_normal_body(body, which, &r->reuse->arena, &out);
    if (e != SL_OK || out.p == body.p)
        return e;
    return sl_req_replace_body(r, out);
}

/* Both decides and digests: what is known by its bytes needs neither anew. */
static enum sl_err judge_answer(struct sl_req *r)
{
    struct sl_reuse *u = r->reuse;
    bool plain = sl_caching_leaf(u->rules.normal) == 0;
    struct sl_canon c;
    struct sl_digest d = {.md5 = {0}};
    bool known;
    enum sl_err e;

    if (!sl_reuse_canon(r, &c))
        return SL_ERR_CEILING;
    known =
        plain && sl_digests_recall(&r->gw->digests, &c, (struct sl_str){r->body, r->body_n}, &d);
    decide(r, known);
    if (u->result == SL_REUSE_BYPASS)
        return SL_OK;
    e = normalise(r);
    if (e == SL_OK && !known)
        e = sl_reuse_digest(r, &c, &d);
    if (e == SL_OK && !known && plain)
        sl_digests_note(&r->gw->digests, &d);
    memcpy(u->md5, d.md5, sizeof u->md5);
    memcpy(u->sha256, d.sha256, sizeof u->sha256);
    if (e == SL_OK && u->look)
        sl_others_find(r, &c);
    return e;
}

static enum sl_err judge_items(struct sl_req *r)
{
    decide(r, false);
    return r->reuse->result == SL_REUSE_BYPASS ? SL_OK : sl_batch_begin(r);
}

void sl_reuse_retarget(struct sl_req *r)
{
    struct sl_reuse *u = r->reuse;
    struct sl_canon c;
    struct sl_digest d;

    if (u == NULL || u->result == SL_REUSE_BYPASS)
        return;
    if (u->batch != NULL) {
        u->batch->foreign = true;
    } else if (!sl_reuse_canon(r, &c) || sl_reuse_digest(r, &c, &d) != SL_OK) {
        u->keep = false;
    } else {
        memcpy(u->md5, d.md5, sizeof u->md5);
        memcpy(u->sha256, d.sha256, sizeof u->sha256);
        u->name.n = 0; /* who finds it there goes by the prompt alone */
    }
}

void sl_reuse_forget(struct sl_req *r)
{
    if (r->reuse == NULL)
        return;
    sl_fold_end(&r->reuse->fold);
    r->reuse->folds = false;
}

/* ---- what is there? ---- */

/* A valid answer to this very request? Then it is the request's. */
static void consider(struct sl_req *r, struct sl_cached *c)
{
    struct sl_reuse *u = r->reuse;
    int64_t now = sl_net_unix_ms(r->gw->net);
    struct sl_entry e;

    if (c == NULL)
        return;
    if (!sl_entry_decode((struct sl_str){c->bytes, c->n}, &e) || e.ep != r->ep ||
        !sl_others_prove(u, e.sha256)) {
        sl_cached_drop(&c); /* another request's of the same name: MD5 collisions can be made */
        return;
    }
    if (sl_cached_is_fresh(c, r->gw->net) && u->found == NULL &&
        (u->max_age_ms == UINT64_MAX || now - c->stored_unix_ms <= (int64_t)u->max_age_ms)) {
        u->found = c;
        u->entry = e;
    } else if (u->stale == NULL && u->rules.serve_stale_ms > 0) {
        u->stale = c;
    } else {
        sl_cached_drop(&c);
    }
}

/* A value of any program's: ours only if it says whose answer it is. */
static void consider_named(struct sl_req *r, struct sl_cached *c)
{
    struct sl_usage *usage = sl_arena_alloc(r->arena, sizeof *usage);
    struct sl_reuse *u = r->reuse;
    int64_t age_ms = sl_net_unix_ms(r->gw->net) - c->stored_unix_ms;
    struct sl_str plain;

    if (usage == NULL ||
        (u->max_age_ms != UINT64_MAX &&
         (c->stored_unix_ms == 0 || age_ms > (int64_t)u->max_age_ms)) ||
        !sl_others_unshare(u, (struct sl_str){c->bytes, c->n}, &plain, usage)) {
        sl_cached_drop(&c);
        return;
    }
    u->found = c;
    u->entry = (struct sl_entry){.ep = r->ep, .status = 200, .body = plain};
    sl_entry_set_usage(&u->entry, usage);
}

/* In memory, unless the own name was found. */
static void look_at_others(struct sl_req *r)
{
    struct sl_reuse *u = r->reuse;

    for (size_t i = 0; u->name.n == 0 && u->found == NULL && i < u->others_n; i++)
        consider(r, sl_others_again(r, i));
}

/* Moderations, embeddings and prompts are asked for again and again. */
static bool is_usual(enum sl_endpoint ep)
{
    return has_items(ep) || ep == SL_EP_PROMPT;
}

const char *sl_reuse_off(const struct sl_req *r, struct sl_cache_rules *rules)
{
    *rules = r->model->cache;
    sl_caching_over(rules, &r->key->of->cache);
    if (!has_answers(r->ep) && !has_items(r->ep))
        return "answers of this endpoint are not cached";
    if (!sl_caching_is_on(rules, is_usual(r->ep)))
        return "the cache is off for this model and tenant";
    return r->gw->cache == NULL ? "there is no cache" : NULL;
}

bool sl_reuse_begin(struct sl_req *r)
{
    struct sl_cache_rules rules;
    struct sl_reuse *u;
    enum sl_err e;

    if (sl_reuse_off(r, &rules) != NULL)
        return true;
    u = sl_arena_zalloc(r->arena, sizeof *u);
    if (u == NULL)
        return false;
    r->reuse = u;
    u->rules = rules;
    if (rules.shared == 1)
        u->name = r->prompt_name;
    sl_arena_init(&u->arena, (1 + SL_REUSE_OTHERS) * ARENA_SPARE +
                                 8 * (r->conf->cache.entry_max + r->body_n) +
                                 SL_REUSE_OTHERS * 4 * r->body_n +
                                 (has_items(r->ep) ? 4 * SL_BATCH_ANSWER_MAX : 0));
    u->result = SL_REUSE_BYPASS;
    u->max_age_ms = UINT64_MAX;
    if (r->body_n > r->conf->cache.request_max) {
        u->why = "the body is longer than cache.request_max";
        return true;
    }
    e = has_items(r->ep) ? judge_items(r) : judge_answer(r);
    if (e != SL_OK) { /* what can't be told apart for sure is not cached */
        u->look = u->keep = false;
        u->result = SL_REUSE_BYPASS;
        u->why = "its canonical form can't be made";
        return e != SL_ERR_NO_MEMORY;
    }
    if (u->look && u->batch == NULL && u->name.n == 0) {
        consider(r, sl_cache_peek(r->gw->cache, u->md5, u->rules.serve_stale_ms > 0));
        look_at_others(r);
    }
    return true;
}

static void on_look(void *ctx, enum sl_err e)
{
    (void)e;
    sl_req_event(ctx, SL_EVT_STORE);
}

bool sl_reuse_look_far(struct sl_req *r)
{
    struct sl_reuse *u = r->reuse;

    if (u != NULL && u->batch != NULL)
        return sl_batch_look_far(r);
    if (u == NULL || !u->look || u->found != NULL)
        return false;
    if (u->name.n > 0) { /* memory has it, too, and answers the same way */
        sl_cache_get_named_start(r->gw->cache, u->name, u->got, &u->op, on_look, r);
        return true;
    }
    if (!sl_cache_has_far(r->gw->cache))
        return false;
    sl_others_look_far(r, on_look);
    return true;
}

void sl_reuse_take(struct sl_req *r)
{
    struct sl_reuse *u = r->reuse;

    if (u != NULL && u->batch != NULL)
        sl_batch_take(r);
    for (size_t i = 0; u != NULL && i <= SL_REUSE_OTHERS; i++) {
        struct sl_cached *c = u->got[i];

        u->got[i] = NULL;
        if (c == NULL)
            continue;
        u->far = true;
        if (u->name.n > 0)
            consider_named(r, c);
        else
            consider(r, c);
    }
}

/* While the store was asked a flight may have ended, and its answer been kept. */
static bool has_come(struct sl_req *r)
{
    struct sl_reuse *u = r->reuse;
    struct sl_cached *c;

    if (!u->look)
        return false;
    c = u->name.n > 0 ? sl_cache_again_named(r->gw->cache, u->name)
                      : sl_cache_again(r->gw->cache, u->md5);
    if (c != NULL && u->name.n > 0)
        consider_named(r, c);
    else
        consider(r, c);
    look_at_others(r);
    return u->found != NULL;
}

enum sl_state sl_reuse_miss(struct sl_req *r)
{
    struct sl_reuse *u = r->reuse;
    struct sl_flight *f;

    if (u != NULL && u->batch != NULL) {
        sl_batch_look_again(r);
        return SL_ST_GATHER;
    }
    if (u == NULL || (!u->look && !u->keep))
        return SL_ST_TRY;
    if (has_come(r))
        return sl_follow_cached(r, u->found, SL_REUSE_HIT);
    f = u->look ? sl_others_flight(r) : NULL;
    if (f != NULL && !sl_flight_suits(f, r))
        f = NULL;
    if (f != NULL)
        u->result = SL_REUSE_JOINED;
    if (r->explain != NULL)
        return f != NULL ? SL_ST_FOLLOW : SL_ST_TRY;
    if (f != NULL) {
        sl_flight_join(f, r);
        return SL_ST_FOLLOW;
    }
    sl_flight_lead(r->gw->flights, r, u->sha256, r->conf->cache.entry_max);
    return SL_ST_TRY;
}

enum sl_state sl_reuse_unusable(struct sl_req *r)
{
    struct sl_reuse *u = r->reuse;

    u->result = SL_REUSE_MISS;
    u->playing = false;
    sl_cached_drop(&u->found);
    sl_usage_init(&r->usage);
    if (r->pass->answer.limit != SL_LIMIT_NONE) { /* a soft refusal: it was passed as a hit */
        r->pass->passed = false;
        return sl_pass_refuse(r);
    }
    sl_flight_lead(r->gw->flights, r, u->sha256, r->conf->cache.entry_max);
    return SL_ST_TRY;
}

/* ---- what is kept ---- */

void sl_reuse_event(struct sl_req *r, struct sl_str event)
{
    struct sl_reuse *u = r->reuse;

    if (u == NULL || !sl_flight_is_leader(r))
        return;
    if (!sl_flight_is_complete(r->flight)) { /* too large to be kept: it is not folded either */
        sl_reuse_spoil(r);
        return;
    }
    if (u->fold == NULL && !u->folds) {
        u->folds = true;
        u->fold = sl_fold_new(r->ep, r->conf->cache.entry_max);
    }
    if (u->fold != NULL)
        sl_fold_event(u->fold, event);
}

void sl_reuse_spoil(struct sl_req *r)
{
    if (r->reuse == NULL)
        return;
    r->reuse->folds = true;
    sl_fold_end(&r->reuse->fold);
}

/* Entries made together do not end together: the digest decides by how much sooner. */
uint64_t sl_reuse_ttl(const struct sl_req *r, const uint8_t md5[SL_CACHE_KEY])
{
    uint64_t ttl = sl_caching_leaf(r->reuse->rules.ttl_ms);
    uint64_t part = ((uint64_t)md5[0] << 8 | md5[1]) * r->conf->cache.jitter_ppm;

    return ttl - (uint64_t)((double)ttl * ((double)part / 65536e6));
}

/* For all that read there; never behind its time. */
static void store_named(struct sl_req *r, struct sl_str cached)
{
    struct sl_reuse *u = r->reuse;
    struct sl_str shared = sl_prompt_share(cached, u->rules.version, u->sha256, &u->arena);

    if (shared.p != NULL && shared.n <= r->conf->cache.entry_max)
        sl_cache_put_named(r->gw->cache, u->name, shared, sl_reuse_ttl(r, u->md5));
}

static void store(struct sl_req *r, struct sl_str plain)
{
    struct sl_reuse *u = r->reuse;
    struct sl_entry e = {.ep = r->ep, .status = 200, .body = plain};
    struct sl_cached *value;

    if (r->ep == SL_EP_PROMPT) /* it says of itself whether it is */
        e.body = sl_prompt_cached(plain, &u->arena);
    if (e.body.p == NULL)
        return;
    if (u->name.n > 0) {
        store_named(r, e.body);
        return;
    }
    memcpy(e.sha256, u->sha256, sizeof e.sha256);
    sl_entry_set_usage(&e, &r->usage);
    value = sl_entry_encode(&e);
    if (value != NULL)
        sl_cache_put(r->gw->cache, u->md5, &value, sl_reuse_ttl(r, u->md5),
                     sl_caching_leaf(u->rules.serve_stale_ms));
}

/* The whole answer in its plain form, wherever it stands; .p NULL: nowhere. */
static struct sl_str plain_of(struct sl_req *r, struct sl_str plain)
{
    struct sl_str out = {NULL, 0};

    if (plain.p != NULL)
        return plain;
    if (r->reuse->fold != NULL) {
        if (!sl_fold_is_whole(r->reuse->fold) ||
            sl_fold_finish(r->reuse->fold, &r->reuse->arena, &out) != SL_OK)
            return (struct sl_str){NULL, 0};
        return out;
    }
    if (!r->reuse->folds && sl_flight_is_complete(r->flight))
        return sl_flight_record(r->flight);
    return out;
}

static bool is_keepable(const struct sl_req *r, struct sl_str plain)
{
    if (r->raw_is_json && plain.p == r->raw_body.p)
        return sl_fold_keeps(r->ep, plain);
    return sl_fold_is_keepable(r->ep, plain);
}

void sl_reuse_finish(struct sl_req *r)
{
    struct sl_str plain;
    bool cut; /* by us, in its protocol's way: followers get it, nobody later */

    if (r->reuse == NULL || !sl_flight_is_leader(r))
        return;
    cut = (r->ending == SL_END_BUDGET || r->error == SL_ERR_WORDS) && r->committed;
    if ((r->ending != SL_END_DONE && !cut) || r->up_status != 200) {
        sl_flight_finish_failed(r->flight, r);
        return;
    }
    plain = plain_of(r, r->raw_body);
    if (plain.p != NULL && !cut && r->reuse->keep && is_keepable(r, plain))
        store(r, plain);
    sl_flight_finish_whole(r->flight, plain, r->ending);
}

/* ---- what the client is told ---- */

bool sl_reuse_is_ours(const struct sl_req *r)
{
    return r->reuse != NULL &&
           (r->reuse->result == SL_REUSE_HIT || r->reuse->result == SL_REUSE_JOINED ||
            r->reuse->result == SL_REUSE_STALE);
}

struct sl_str sl_reuse_name(enum sl_reuse_result result)
{
    static const struct sl_str names[] = {
        [SL_REUSE_BYPASS] = SL_STR_INIT("BYPASS"), [SL_REUSE_MISS] = SL_STR_INIT("MISS"),
        [SL_REUSE_HIT] = SL_STR_INIT("HIT"),       [SL_REUSE_JOINED] = SL_STR_INIT("JOINED"),
        [SL_REUSE_STALE] = SL_STR_INIT("STALE"),   [SL_REUSE_PARTIAL] = SL_STR_INIT("PARTIAL"),
    };

    return names[result];
}

bool sl_reuse_headers(struct sl_req *r, struct sl_headers *h)
{
    const struct sl_reuse *u = r->reuse;
    const struct sl_cached *c;
    char digits[24];
    struct sl_text age = sl_text_over(digits, sizeof digits);
    struct sl_str value;
    int64_t age_ms;

    if (u == NULL)
        return true;
    if (!sl_headers_add(h, r->arena, SL_STR("x-cache"), sl_reuse_name(u->result)))
        return false;
    c = u->result == SL_REUSE_STALE ? u->stale : u->found;
    if (c == NULL || c->stored_unix_ms == 0) /* another program's clock */
        return true;
    age_ms = sl_net_unix_ms(r->gw->net) - c->stored_unix_ms;
    sl_text_i64(&age, age_ms > 0 ? age_ms / 1000 : 0); /* another host's clock may be ahead */
    value = sl_arena_dup(r->arena, sl_text_str(&age));
    return value.p != NULL && sl_headers_add(h, r->arena, SL_STR("age"), value);
}

void sl_reuse_end(struct sl_req *r)
{
    struct sl_reuse *u = r->reuse;

    if (u == NULL)
        return;
    sl_op_cancel(&u->op);
    sl_batch_end(r);
    sl_cached_drop(&u->found);
    sl_cached_drop(&u->stale);
    for (size_t i = 0; i <= SL_REUSE_OTHERS; i++)
        sl_cached_drop(&u->got[i]);
    sl_fold_end(&u->fold);
    sl_arena_fini(&u->arena);
    r->reuse = NULL;
}
