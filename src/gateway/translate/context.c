/* `context` of a model or tenant: once, before anything looks at what is asked. */
#include "gateway/inside.h"

#include "base/mem.h"
#include "llm/shorten.h"

enum sl_err sl_context_fit(struct sl_req *r)
{
    struct sl_context rule = sl_context_least(r->model->context, r->key->of->context);
    struct sl_shorten s = {.max_tokens = rule.max_tokens, .keep_first = !rule.drop_first};
    struct sl_str body = {r->body, r->body_n}, out;
    enum sl_err e;

    if (rule.max_tokens == 0 || (r->ep != SL_EP_MESSAGES && r->ep != SL_EP_CHAT))
        return SL_OK;
    e = sl_shorten_body(body, &s, &out);
    if (e == SL_OK && out.p != NULL)
        e = sl_req_replace_body(r, out);
    sl_mem_free((char *)out.p);
    r->left_out = (uint32_t)s.dropped;
    r->messages = (uint32_t)s.messages; /* a body has room for fewer than 2^32 */
    return e;
}
