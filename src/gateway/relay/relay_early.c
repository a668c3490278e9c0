/* RELAY, a stream that we stop ourselves: its protocol's own ending. */
#include "gateway/cache/reuse.h"
#include "gateway/relay/relay.h"
#include "llm/finish.h"

/* What followers get in the other form ends in the same way. */
static void fold(struct sl_req *r, struct sl_str events)
{
    struct sl_sse sse;
    size_t n;

    sl_sse_init(&sse);
    while (sl_sse_next(&sse, events, &n)) {
        sl_reuse_event(r, sl_str_first(events, n));
        events = sl_str_from(events, n);
    }
}

enum sl_state sl_relay_end_early(struct sl_req *r, struct sl_finish *f, enum sl_err why,
                                 enum sl_ending ending)
{
    struct sl_usage u = r->usage;
    struct sl_finish_ask ask = {.usage = &u,
                                .id = {r->id, sizeof r->id},
                                .model = r->served,
                                .now_unix_s = sl_net_unix_ms(r->gw->net) / 1000,
                                .refused = why == SL_ERR_WORDS};
    struct sl_finish_text t;

    sl_usage_settle(&u, r->body_n);
    if (sl_finish_write(f, &ask, &t) != SL_OK)
        return sl_relay_fail(r, SL_ERR_NO_MEMORY);
    sl_call_end(&r->call);
    r->error = why;
    r->ending = ending;
    fold(r, t.body);
    if (t.body.n > 0)
        sl_relay_send(r, &t.body, 1);
    if (t.usage.n > 0 && r->brings_usage)
        sl_relay_pass_usage(r, t.usage);
    if (t.last.n > 0)
        sl_relay_send(r, &t.last, 1);
    sl_exch_finish(r->x);
    return SL_ST_ACCOUNT;
}
