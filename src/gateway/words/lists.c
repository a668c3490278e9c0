/* A prompt against the lists that hold for its tenant: what is counted, what is refused. */
#include "gateway/words/lists.h"

#include "gateway/inside.h"
#include "gateway/words/feed.h"
#include "llm/said.h"

static bool holds_for(const struct sl_word_list *list, struct sl_str tenant)
{
    for (size_t i = 0; i < list->tenants_n; i++)
        if (sl_str_eq(list->tenants[i], tenant))
            return true;
    return list->tenants_n == 0;
}

static bool is_for(const struct sl_word_list *list, struct sl_str tenant, bool answers)
{
    return (answers ? list->answers : list->prompts) && holds_for(list, tenant);
}

static uint64_t lists_of(const struct sl_req *r, bool answers)
{
    uint64_t lists = 0;

    for (size_t i = 0; i < r->conf->word_lists_n; i++)
        if (is_for(&r->conf->word_lists[i], r->key->tenant, answers))
            lists |= UINT64_C(1) << i;
    return lists;
}

uint64_t sl_lists_blocking(const struct sl_req *r, uint64_t lists)
{
    for (size_t i = 0; i < r->conf->word_lists_n; i++)
        if (!r->conf->word_lists[i].blocks)
            lists &= ~(UINT64_C(1) << i);
    return lists;
}

static void on_text(void *ctx, struct sl_str inner, bool json)
{
    sl_feed_text(ctx, inner, json);
    sl_feed_rest(ctx);
}

void sl_lists_count(const struct sl_req *r, const uint32_t count[SL_WORDS_LISTS])
{
    const struct sl_gateway_families *f = &r->gw->f;

    for (size_t i = 0; i < r->conf->word_lists_n; i++) {
        const struct sl_word_list *list = &r->conf->word_lists[i];

        if (count[i] == 0)
            continue;
        if (list->is_intent)
            sl_metric_add(sl_metric_series(f->intents, &list->name), 1);
        else
            sl_metric_add(sl_metric_series(f->words, &list->name), count[i]);
    }
}

static bool has_text(enum sl_endpoint ep)
{
    return ep != SL_EP_EMBEDDINGS && ep != SL_EP_MODERATIONS;
}

enum sl_state sl_lists_look(struct sl_req *r)
{
    struct sl_feed f;
    uint64_t lists;

    if (r->conf->words == NULL || r->ep == SL_EP_COUNT_TOKENS)
        return SL_ST_ROUTE;
    if (has_text(r->ep))
        r->answer_lists = lists_of(r, true);
    lists = lists_of(r, false);
    if (lists == 0)
        return SL_ST_ROUTE;
    sl_feed_begin(&f, r->conf->words, lists);
    sl_said_each((struct sl_str){r->body, r->body_n}, on_text, &f);
    if (r->explain == NULL)
        sl_lists_count(r, f.seek.count);
    for (size_t i = 0; i < r->conf->word_lists_n; i++) {
        const struct sl_word_list *list = &r->conf->word_lists[i];

        if (list->blocks && f.seek.count[i] > 0)
            return sl_req_refuse(r, SL_ERR_WORDS, 0,
                                 "Request blocked: the prompt holds a word of list %.*s, which "
                                 "tenant %.*s may not send; change the prompt, or ask your "
                                 "administrator.",
                                 SL_STR_ARGS(list->name), SL_STR_ARGS(r->key->tenant));
    }
    return SL_ST_ROUTE;
}
