/* A prompt against the lists that hold for its tenant: what is counted, what is refused. */
#include "gateway/words/lists.h"

#include "base/json.h"
#include "gateway/inside.h"
#include "llm/said.h"

static bool holds_for(const struct sl_word_list *list, struct sl_str tenant)
{
    for (size_t i = 0; i < list->tenants_n; i++)
        if (sl_str_eq(list->tenants[i], tenant))
            return true;
    return list->tenants_n == 0;
}

static uint64_t lists_of(const struct sl_req *r)
{
    uint64_t lists = 0;

    for (size_t i = 0; i < r->conf->word_lists_n; i++)
        if (holds_for(&r->conf->word_lists[i], r->key->tenant))
            lists |= UINT64_C(1) << i;
    return lists;
}

/* Runs without an escape go on as they are: a JSON text's are UTF-8 already. */
static void on_text(void *ctx, struct sl_str inner)
{
    struct sl_words_seek *s = ctx;

    while (inner.n > 0) {
        ptrdiff_t plain = sl_str_find_byte(inner, '\\');
        uint32_t code = 0;
        size_t n;

        sl_words_feed(s, sl_str_first(inner, plain < 0 ? inner.n : (size_t)plain));
        if (plain < 0)
            break;
        inner = sl_str_from(inner, (size_t)plain);
        n = sl_json_char(inner, &code);
        if (n == 0)
            break;
        sl_words_char(s, code);
        inner = sl_str_from(inner, n);
    }
    sl_words_rest(s);
}

static void count(const struct sl_req *r, const struct sl_words_seek *s)
{
    const struct sl_gateway_families *f = &r->gw->f;

    for (size_t i = 0; i < r->conf->word_lists_n; i++) {
        const struct sl_word_list *list = &r->conf->word_lists[i];

        if (s->count[i] == 0)
            continue;
        if (list->is_intent)
            sl_metric_add(sl_metric_series(f->intents, &list->name), 1);
        else
            sl_metric_add(sl_metric_series(f->words, &list->name), s->count[i]);
    }
}

enum sl_state sl_lists_look(struct sl_req *r)
{
    struct sl_words_seek s;
    uint64_t lists;

    if (r->conf->words == NULL || r->ep == SL_EP_COUNT_TOKENS)
        return SL_ST_ROUTE;
    lists = lists_of(r);
    if (lists == 0)
        return SL_ST_ROUTE;
    sl_words_begin(&s, r->conf->words, lists);
    sl_said_each((struct sl_str){r->body, r->body_n}, on_text, &s);
    if (r->explain == NULL)
        count(r, &s);
    for (size_t i = 0; i < r->conf->word_lists_n; i++) {
        const struct sl_word_list *list = &r->conf->word_lists[i];

        if (list->blocks && s.count[i] > 0)
            return sl_req_refuse(r, SL_ERR_WORDS, 0,
                                 "Request blocked: the prompt holds a word of list %.*s, which "
                                 "tenant %.*s may not send; change the prompt, or ask your "
                                 "administrator.",
                                 SL_STR_ARGS(list->name), SL_STR_ARGS(r->key->tenant));
    }
    return SL_ST_ROUTE;
}
