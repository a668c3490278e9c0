/* count_tokens at a provider that has no such thing. Before a conversation is compacted
 * clients ask for its size; a near number serves them better than an error. */
#include "gateway/translate/translate.h"

#include "llm/estimate.h"

bool sl_translation_counts(const struct sl_req *r)
{
    return r->ep == SL_EP_COUNT_TOKENS && r->provider != NULL && sl_translation_is_due(r);
}

enum sl_state sl_translation_count(struct sl_req *r)
{
    uint64_t n = sl_estimate_input((struct sl_str){r->body, r->body_n});

    if (!r->conf->estimate_tokens)
        return sl_req_refuse(r, SL_ERR_NOT_DONE, 0,
                             "No provider of model %.*s counts tokens, and estimates are switched "
                             "off here (estimate_tokens).",
                             SL_STR_ARGS(r->asked));
    r->raw_body = sl_arena_printf(r->arena, "{\"input_tokens\":%llu}", (unsigned long long)n);
    if (r->raw_body.p == NULL)
        return sl_req_refuse(r, SL_ERR_NO_MEMORY, 0, "Out of memory; try again.");
    r->reply_status = 200;
    return SL_ST_REPLY;
}
