/* One small request a target, when nobody else is there. */
#include "gateway/routing/ping.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/inside.h"
#include "gateway/queue/gate.h"
#include "gateway/routing/health.h"

#define ARENA_MAX (64u << 10)

struct sl_pings {
    struct sl_gateway *gw; /* up */
    struct sl_timer timer; /* looks for the next one; or the limit of the one under way */
    uint64_t until_ms;     /* what has not begun then is left out */
    /* the one under way */
    struct sl_call *call;               /* owns: or NULL */
    struct sl_gateway_conf *conf;       /* shared: `model` and `provider` live in it */
    const struct sl_model *model;       /* up: the snapshot's */
    const struct sl_provider *provider; /* up: the snapshot's */
    struct sl_str request;
    char *bytes; /* owns */
    int status;
};

enum turn { SENT, LATER, PASSED };

static uint64_t now_of(const struct sl_pings *p)
{
    return sl_net_now(p->gw->net);
}

static void count(struct sl_gateway *g, const struct sl_model *m, const struct sl_provider *p,
                  const char *result)
{
    struct sl_str labels[] = {m->name, p->name, sl_str_of(result)};

    sl_metric_add(sl_metric_series(g->f.pinged, labels), 1);
}

/* ---- its end ---- */

static void let_go(struct sl_pings *p)
{
    sl_call_end(&p->call);
    sl_timer_stop(p->gw->net, &p->timer);
    sl_mem_free(p->bytes);
    p->bytes = NULL;
    sl_gateway_conf_drop(&p->conf);
}

static void finish(struct sl_pings *p, const char *trouble)
{
    count(p->gw, p->model, p->provider, trouble == NULL ? "done" : "failed");
    if (trouble != NULL)
        sl_log(SL_LOG_WARN, "gateway", p->provider->name, "model %.*s was not warmed: %s",
               SL_STR_ARGS(p->model->name), trouble);
    let_go(p);
    sl_timer_start(p->gw->net, &p->timer, 0);
}

static void on_sent(void *holder)
{
    (void)holder;
}

static void on_head(void *holder, const struct sl_answer_head *head)
{
    ((struct sl_pings *)holder)->status = head->status;
}

static void on_body(void *holder, struct sl_str piece)
{
    (void)holder;
    (void)piece;
}

static void on_done(void *holder)
{
    struct sl_pings *p = holder;

    finish(p, p->status < 400 ? NULL : "its provider refused a request for one token");
}

static void on_fail(void *holder, enum sl_err why)
{
    finish(holder, sl_err_text(why));
}

static const struct sl_call_ops call_ops = {
    .sent = on_sent, .head = on_head, .body = on_body, .done = on_done, .fail = on_fail};

/* ---- its beginning ---- */

static struct sl_str body_for(struct sl_str model, struct sl_arena *a)
{
    struct sl_grow g;
    struct sl_str out;

    sl_grow_init(&g, ARENA_MAX / 4);
    sl_grow_add(&g, SL_STR("{\"model\":"));
    sl_grow_json(&g, model);
    sl_grow_add(&g, SL_STR(",\"max_tokens\":1,\"messages\":"
                           "[{\"role\":\"user\",\"content\":\"ping\"}]}"));
    return sl_grow_take(&g, a, &out) == SL_OK ? out : (struct sl_str){NULL, 0};
}

/* Head and body in one piece of its own memory. */
static bool write_request(struct sl_pings *p, struct sl_str model, struct sl_arena *a)
{
    struct sl_forward_to to = {.provider = p->provider,
                               .ep = (p->provider->speaks & SL_ANTHROPIC) != 0 ? SL_EP_MESSAGES
                                                                               : SL_EP_CHAT};
    struct sl_str body = body_for(model, a), head = {NULL, 0};

    if (body.p != NULL)
        head = sl_forward_own(p->gw, &to, body.n, a);
    p->bytes = head.p != NULL ? sl_mem_try(head.n + body.n) : NULL;
    if (p->bytes == NULL)
        return false;
    memcpy(p->bytes, head.p, head.n);
    memcpy(p->bytes + head.n, body.p, body.n);
    p->request = (struct sl_str){p->bytes, head.n + body.n};
    return true;
}

static void send(struct sl_pings *p, const struct sl_model *m, const struct sl_target *target)
{
    struct sl_call_req req = {.parts = &p->request, .n = 1};
    struct sl_arena a;
    bool ok;

    p->conf = sl_gateway_conf_share(p->gw->conf);
    p->model = m;
    p->provider = &p->conf->providers[target->provider];
    p->status = 0;
    sl_arena_init(&a, ARENA_MAX);
    ok = write_request(p, target->model.n > 0 ? target->model : m->name, &a);
    sl_arena_fini(&a);
    if (!ok) {
        finish(p, sl_err_text(SL_ERR_NO_MEMORY));
        return;
    }
    req.stall_ms = p->provider->timeouts.idle;
    p->call = sl_call_start(p->provider->origin, &req, &call_ops, p);
    sl_timer_start(p->gw->net, &p->timer, p->provider->timeouts.first_byte);
}

/* Others are there, or it can't be asked yet. */
static bool gives_way(struct sl_pings *p, const struct sl_model *m, const struct sl_target *target)
{
    struct sl_gateway *g = p->gw;
    const struct sl_provider *to = &g->conf->providers[target->provider];
    uint64_t token = 1;

    if (to->oauth != NULL)
        (void)sl_tokens_look(g->tokens, to, &token);
    return token == 0 || sl_gate_count(sl_gate_of(g->gates, to)).taken > 0 ||
           sl_switched_rest_ms(&g->switched, g->conf, m, target) > 0;
}

static enum turn try_target(struct sl_pings *p, const struct sl_model *m,
                            const struct sl_target *target)
{
    struct sl_health *h = sl_health_of(p->gw->healths, p->gw->conf, m, target);

    if (h->pinged || (m->is_pattern && target->model.n == 0))
        return PASSED;
    if (gives_way(p, m, target)) {
        if (now_of(p) < p->until_ms)
            return LATER;
        h->pinged = true;
        count(p->gw, m, &p->gw->conf->providers[target->provider], "skipped");
        return PASSED;
    }
    h->pinged = true;
    send(p, m, target);
    return SENT;
}

static enum turn try_model(struct sl_pings *p, const struct sl_model *m)
{
    enum turn all = PASSED;

    for (size_t i = 0; m->warm_ping && i < m->targets_n; i++) {
        enum turn one = try_target(p, m, &m->targets[i]);

        if (one == SENT)
            return SENT;
        if (one == LATER)
            all = LATER;
    }
    return all;
}

static void next(struct sl_pings *p)
{
    const struct sl_routes *routes = p->gw->conf->routes;
    bool later = false;

    for (size_t i = 0; i < sl_routes_count(routes); i++) {
        enum turn one = try_model(p, sl_routes_at(routes, i));

        if (one == SENT)
            return;
        later = later || one == LATER;
    }
    if (later)
        sl_timer_start(p->gw->net, &p->timer, SL_PING_LOOK_MS);
}

static void fire(struct sl_timer *t)
{
    struct sl_pings *p = SL_CONTAINER(t, struct sl_pings, timer);

    if (p->call != NULL)
        finish(p, "its provider did not answer in time");
    else if (!p->gw->draining)
        next(p);
}

/* ---- whole ---- */

struct sl_pings *sl_pings_new(struct sl_gateway *g)
{
    struct sl_pings *p = sl_mem_new(sizeof *p);

    p->gw = g;
    sl_timer_init(&p->timer, fire);
    return p;
}

void sl_pings_begin(struct sl_pings *p)
{
    p->until_ms = now_of(p) + SL_PING_PATIENCE_MS;
    if (p->call == NULL)
        sl_timer_start(p->gw->net, &p->timer, 0);
}

void sl_pings_end(struct sl_pings **pp)
{
    struct sl_pings *p = *pp;

    *pp = NULL;
    if (p == NULL)
        return;
    let_go(p);
    sl_mem_free(p);
}
