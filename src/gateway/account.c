/* ACCOUNT: every request passes here once, whatever became of it. */
#include "gateway/inside.h"

#define OTHER SL_STR("other")
#define NONE SL_STR("none")

enum sl_state sl_step_account(struct sl_req *r, enum sl_ev ev)
{
    (void)ev;
    r->t.end = sl_net_now_us(r->gw->net);
    if (r->target != NULL)
        sl_usage_settle(&r->usage, r->body_n);
    sl_account_metrics(r);
    sl_accesslog_write(r);
    return SL_ST_DEAD;
}

static double seconds(uint64_t from, uint64_t to)
{
    return from != 0 && to > from ? (double)(to - from) / 1e6 : 0.0;
}

static void count_tokens(struct sl_req *r, struct sl_str tenant, struct sl_str model)
{
    const struct sl_usage *u = &r->usage;
    const struct {
        struct sl_str direction, kind;
        uint64_t n;
    } rows[] = {
        {SL_STR("in"), SL_STR("input"), u->in},
        {SL_STR("in"), SL_STR("cache_read"), u->cache_read},
        {SL_STR("in"), SL_STR("cache_write"), u->cache_write_5m + u->cache_write_1h},
        {SL_STR("out"), SL_STR("output"), u->out},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sl_str v[] = {tenant, model, rows[i].direction, rows[i].kind};

        if (rows[i].n > 0)
            sl_metric_add(sl_metric_series(r->gw->f.tokens, v), (double)rows[i].n);
    }
}

static void observe_times(struct sl_req *r, struct sl_str model, struct sl_str provider)
{
    struct sl_str v[] = {model, provider};
    struct sl_str auth = SL_STR("auth"), route = SL_STR("route"), relay = SL_STR("relay");

    sl_metric_observe(sl_metric_series(r->gw->f.duration, v), seconds(r->t.begin, r->t.end));
    if (r->t.first != 0)
        sl_metric_observe(sl_metric_series(r->gw->f.ttft, v), seconds(r->t.begin, r->t.first));
    sl_metric_observe(sl_metric_series(r->gw->f.overhead, &auth), seconds(r->t.begin, r->t.authed));
    sl_metric_observe(sl_metric_series(r->gw->f.overhead, &route),
                      seconds(r->t.whole, r->t.started));
    if (r->t.first != 0)
        sl_metric_observe(sl_metric_series(r->gw->f.overhead, &relay),
                          seconds(r->t.head, r->t.first));
}

/* Label values come from the configuration, or are "other": a client's model
 * name under a pattern must not grow the table. */
void sl_account_metrics(struct sl_req *r)
{
    struct sl_str tenant = r->key != NULL ? r->key->tenant : NONE;
    struct sl_str model = r->model != NULL ? r->model->name : NONE;
    struct sl_str provider = r->provider != NULL ? r->provider->name : NONE;
    struct sl_str status = OTHER;
    char digits[8];
    struct sl_str v[5];

    if (r->ep == SL_EP_HEALTH || r->ep == SL_EP_HELLO)
        return;
    if (r->status >= 100 && r->status <= 999) {
        digits[0] = (char)('0' + r->status / 100);
        digits[1] = (char)('0' + r->status / 10 % 10);
        digits[2] = (char)('0' + r->status % 10);
        status = (struct sl_str){digits, 3};
    }
    v[0] = tenant;
    v[1] = model;
    v[2] = provider;
    v[3] = r->ep == SL_EP_NONE ? NONE : sl_str_of(sl_endpoint_name(r->ep));
    v[4] = status;
    sl_metric_add(sl_metric_series(r->gw->f.requests, v), 1);
    v[0] = sl_str_of(sl_ending_name(r->ending));
    v[1] = provider;
    sl_metric_add(sl_metric_series(r->gw->f.endings, v), 1);
    if (r->target == NULL)
        return;
    count_tokens(r, tenant, model);
    observe_times(r, model, provider);
}
