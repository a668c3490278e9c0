/* gateway/live/live.c -- a look at what is under way, and an operator's stop. */
#include "gateway/live/live.h"

#include "gateway/inside.h"
#include "gateway/live/halt.h"
#include "gateway/relay/relay.h"

static struct sl_str text_of(struct sl_str s)
{
    return s.p != NULL ? s : SL_STR("");
}

static void look(const struct sl_req *r, struct sl_live *out)
{
    uint64_t now = sl_net_now_us(r->gw->net);

    *out = (struct sl_live){.id = {r->id, sizeof r->id},
                            .phase = sl_req_phase(r),
                            .key = text_of(r->key_id),
                            .model = text_of(r->asked),
                            .endpoint = sl_endpoint_name(r->ep),
                            .streams = r->streams,
                            .headless = r->headless,
                            .age_ms = (now - r->t.begin) / 1000,
                            .bytes_in = r->body_n,
                            .attempts = r->attempts};
    out->tenant = r->key != NULL ? text_of(r->key->tenant) : SL_STR("");
    out->provider = r->provider != NULL ? text_of(r->provider->name) : SL_STR("");
    if (r->x != NULL) {
        out->client = sl_exch_peer(r->x);
        out->bytes_out = sl_exch_bytes_out(r->x);
    }
    if (r->t.first > r->t.begin)
        out->first_ms = (r->t.first - r->t.begin + 999) / 1000;
}

bool sl_live_next(struct sl_gateway *g, const struct sl_list **at, struct sl_live *out)
{
    *at = *at == NULL ? g->requests.next : (*at)->next;
    if (*at == &g->requests)
        return false;
    look(SL_CONTAINER(*at, struct sl_req, node), out);
    return true;
}

bool sl_live_stop(struct sl_gateway *g, struct sl_str id)
{
    for (struct sl_list *at = g->requests.next; at != &g->requests; at = at->next) {
        struct sl_req *r = SL_CONTAINER(at, struct sl_req, node);

        if (!sl_str_eq(id, (struct sl_str){r->id, sizeof r->id}))
            continue;
        if (!sl_halt_can(r))
            return false;
        sl_req_event(r, SL_EVT_HALT);
        return true;
    }
    return false;
}

/* ---- the end ---- */

bool sl_halt_can(const struct sl_req *r)
{
    return r->state < SL_ST_REPLY && r->final_ms == 0;
}

enum sl_state sl_halt(struct sl_req *r)
{
    if (!sl_halt_can(r))
        return r->state;
    sl_call_end(&r->call);
    sl_op_cancel(&r->token_op);
    r->error = SL_ERR_STOPPED;
    r->ending = SL_END_STOPPED;
    if (r->headless)
        return SL_ST_ACCOUNT;
    if (r->committed)
        return sl_relay_break(r, SL_ERR_STOPPED,
                              SL_STR("An operator of this gateway has ended this answer."));
    return sl_req_refuse(r, SL_ERR_STOPPED, 0,
                         "An operator of this gateway has ended this request; ask them before you "
                         "send it again.");
}
