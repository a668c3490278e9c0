/* Time that is kept for a last resort: a target with a `reserve` of its own. */
#include "gateway/inside.h"
#include "gateway/routing/trial.h"

/* It has not been asked yet, and could be. */
static bool is_spare(struct sl_req *r, size_t i)
{
    const struct sl_trial *t = r->trial;
    const struct sl_candidate *c = &t->rank[i];

    return c->target->reserve_ms > 0 && !t->spent[i] && t->tries[i] == 0 &&
           sl_breaker_can_try(&sl_health_of(r->gw->healths, r->conf, c->model, c->target)->breaker,
                              &r->conf->providers[c->target->provider].breaker,
                              sl_net_now(r->gw->net));
}

uint64_t sl_trial_due(struct sl_req *r, size_t i)
{
    const struct sl_trial *t = r->trial;
    uint64_t due = r->total.due;

    if (t->rank[i].target->reserve_ms > 0)
        return due;
    for (size_t k = 0; k < t->n; k++) {
        uint64_t reserve = t->rank[k].target->reserve_ms;

        reserve = reserve < r->total.due ? reserve : r->total.due;
        if (k != i && is_spare(r, k) && r->total.due - reserve < due)
            due = r->total.due - reserve;
    }
    return due;
}

void sl_trial_watch(struct sl_req *r, uint64_t most_ms)
{
    uint64_t now = sl_net_now(r->gw->net), due = sl_trial_due(r, r->trial->at);

    sl_timer_stop(r->gw->net, &r->limit);
    if (due < r->total.due && (most_ms == 0 || due < now + most_ms))
        most_ms = due > now ? due - now : 1;
    if (most_ms > 0)
        sl_timer_start(r->gw->net, &r->limit, most_ms);
}
