/* A batch: taken apart, looked up, put together again. */
#include "gateway/cache/batch.h"

#include "base/map.h"
#include "gateway/inside.h"
#include "gateway/quota/pass.h"
#include "net/tls.h"
#include "policy/normal.h"

struct seen {                   /* equal items of one batch are asked for once */
    const struct sl_want *want; /* up */
    UT_hash_handle hh;
};

static void run_tell(struct sl_task *t)
{
    sl_req_event(SL_CONTAINER(t, struct sl_batch, tell)->r, SL_EVT_FLIGHT);
}

/* ---- apart ---- */

static bool allot(struct sl_batch *b, struct sl_arena *a)
{
    b->want = sl_arena_zalloc(a, b->items * sizeof *b->want);
    b->place = sl_arena_zalloc(a, b->items * sizeof *b->place);
    b->md5 = sl_arena_alloc(a, b->items * sizeof *b->md5);
    b->asked = sl_arena_alloc(a, b->items * sizeof *b->asked);
    b->got = sl_arena_zalloc(a, b->items * sizeof *b->got);
    b->asked_want = sl_arena_alloc(a, b->items * sizeof *b->asked_want);
    return b->want != NULL && b->place != NULL && b->md5 != NULL && b->asked != NULL &&
           b->got != NULL && b->asked_want != NULL;
}

/* Digests item `i` into the next want; equal to an earlier one: that one is its place. */
static enum sl_err add_item(struct sl_batch *b, struct sl_str prefix, const struct sl_item *item,
                            size_t i, struct seen *memory, struct seen **seen)
{
    struct sl_reuse *u = b->r->reuse;
    unsigned normal = (unsigned)sl_caching_leaf(u->rules.normal);
    struct sl_want *w = &b->want[b->n];
    struct seen *before = NULL;
    struct sl_str text;
    enum sl_err e = SL_OK;

    w->raw = item->raw;
    if (normal != 0)
        e = sl_normal_item(item->raw, normal, &u->arena, &w->raw);
    if (e == SL_OK)
        e = sl_canon_item(prefix, w->raw, normal, &u->arena, &text);
    if (e != SL_OK)
        return e;
    sl_tls_sha256(text, w->sha256);
    HASH_FIND(hh, *seen, w->sha256, sizeof w->sha256, before);
    if (before != NULL) {
        b->place[i] = (size_t)(before->want - b->want);
        b->whole = false;
        return SL_OK;
    }
    sl_tls_md5(text, b->md5[b->n]);
    w->tokens = item->tokens;
    w->keep = u->keep && !item->by_url;
    w->batch = b;
    sl_list_init(&w->fellow);
    if (w->raw.p != item->raw.p)
        b->whole = false;
    memory[b->n].want = w;
    HASH_ADD_KEYPTR(hh, *seen, w->sha256, sizeof w->sha256, &memory[b->n]);
    b->place[i] = b->n++;
    return SL_OK;
}

static enum sl_err add_items(struct sl_batch *b, const struct sl_items *items)
{
    struct sl_req *r = b->r;
    struct seen *memory = sl_arena_zalloc(&r->reuse->arena, items->n * sizeof *memory);
    struct seen *seen = NULL;
    struct sl_canon c;
    struct sl_str prefix;
    enum sl_err e;

    if (memory == NULL)
        return SL_ERR_NO_MEMORY;
    if (!sl_reuse_canon(r, &c))
        return SL_ERR_CEILING;
    e = sl_canon_items(&c, (struct sl_str){r->body, r->body_n}, &r->reuse->arena, &prefix);
    for (size_t i = 0; i < items->n && e == SL_OK; i++)
        e = add_item(b, prefix, &items->at[i], i, memory, &seen);
    HASH_CLEAR(hh, seen);
    return e;
}

/* ---- known ones ---- */

/* A cached result for this very item? The bytes are the cache's, so they are copied. */
static void consider(struct sl_batch *b, size_t i, struct sl_cached *c)
{
    struct sl_req *r = b->r;
    struct sl_want *w = &b->want[i];
    int64_t now = sl_net_unix_ms(r->gw->net);
    struct sl_entry e;

    if (c == NULL)
        return;
    if (sl_cached_is_fresh(c, r->gw->net) &&
        (r->reuse->max_age_ms == UINT64_MAX ||
         now - c->stored_unix_ms <= (int64_t)r->reuse->max_age_ms) &&
        sl_entry_decode((struct sl_str){c->bytes, c->n}, &e) && e.ep == r->ep &&
        memcmp(e.sha256, w->sha256, sizeof e.sha256) == 0) {
        w->result.raw = sl_arena_dup(&r->reuse->arena, e.body);
        w->result.tokens = e.counts[0];
        if (b->model.n == 0)
            b->model = sl_arena_dup(&r->reuse->arena, e.model);
        if (w->result.raw.p != NULL) {
            w->state = SL_WANT_KNOWN;
            b->hits++;
        }
    }
    sl_cached_drop(&c);
}

enum sl_err sl_batch_begin(struct sl_req *r)
{
    struct sl_reuse *u = r->reuse;
    struct sl_batch *b = sl_arena_zalloc(&u->arena, sizeof *b);
    struct sl_items items;
    enum sl_err e;

    if (b == NULL)
        return SL_ERR_NO_MEMORY;
    b->r = r;
    b->whole = true;
    sl_task_init(&b->tell, run_tell);
    e = sl_items_split((struct sl_str){r->body, r->body_n}, &u->arena, &items);
    if (e != SL_OK)
        return e;
    b->items = items.n;
    if (!allot(b, &u->arena))
        return SL_ERR_NO_MEMORY;
    e = add_items(b, &items);
    if (e != SL_OK)
        return e;
    u->batch = b;
    for (size_t i = 0; u->look && i < b->n; i++)
        if (b->want[i].keep)
            consider(b, i, sl_cache_peek(r->gw->cache, b->md5[i], false));
    return SL_OK;
}

bool sl_batch_is_known(const struct sl_batch *b)
{
    return b->hits == b->n;
}

static void on_look(void *ctx, enum sl_err e)
{
    (void)e;
    sl_req_event(ctx, SL_EVT_STORE);
}

bool sl_batch_look_far(struct sl_req *r)
{
    struct sl_batch *b = r->reuse->batch;

    if (!r->reuse->look || !sl_cache_has_far(r->gw->cache))
        return false;
    for (size_t i = 0; i < b->n; i++) {
        if (b->want[i].state == SL_WANT_KNOWN || !b->want[i].keep)
            continue;
        memcpy(b->asked[b->asked_n], b->md5[i], sizeof b->asked[0]);
        b->asked_want[b->asked_n++] = i;
    }
    if (b->asked_n == 0)
        return false;
    sl_cache_get_start(r->gw->cache, (const uint8_t(*)[SL_CACHE_KEY])b->asked, b->asked_n, b->got,
                       &r->reuse->op, on_look, r);
    return true;
}

/* While the store was asked other batches may have ended. */
void sl_batch_look_again(struct sl_req *r)
{
    struct sl_batch *b = r->reuse->batch;

    for (size_t i = 0; r->reuse->look && i < b->n; i++)
        if (b->want[i].state != SL_WANT_KNOWN && b->want[i].keep)
            consider(b, i, sl_cache_again(r->gw->cache, b->md5[i]));
}

void sl_batch_take(struct sl_req *r)
{
    struct sl_batch *b = r->reuse->batch;

    for (size_t i = 0; i < b->asked_n; i++) {
        consider(b, b->asked_want[i], b->got[i]);
        b->got[i] = NULL;
    }
    b->asked_n = 0;
}

void sl_batch_end(struct sl_req *r)
{
    struct sl_batch *b = r->reuse->batch;

    if (b == NULL)
        return;
    for (size_t i = 0; i < b->asked_n; i++)
        sl_cached_drop(&b->got[i]);
    for (size_t i = 0; i < b->n; i++)
        sl_want_leave(r->gw->wants, &b->want[i]);
    sl_task_cancel(&b->tell);
}

bool sl_batch_headers(struct sl_req *r, struct sl_headers *h)
{
    const struct sl_batch *b = r->reuse != NULL ? r->reuse->batch : NULL;
    struct sl_str value;

    if (b == NULL)
        return true;
    value = sl_arena_printf(r->arena, "%zu;hit=%zu;joined=%zu;sent=%zu", b->items, b->hits,
                            b->joined, b->sent);
    return value.p != NULL && sl_headers_add(h, r->arena, SL_STR("x-sluice-items"), value);
}
