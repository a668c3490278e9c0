/* The table of tokens: fetching them in time, and who waits for one. */
#include "gateway/tokens/tokens.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "gateway/tokens/grant.h"
#include "http/client.h"
#include "net/timer.h"

struct entry {
    struct sl_list node;
    struct sl_grave grave;
    struct sl_tokens *t;                /* up */
    struct sl_gateway_conf *conf;       /* shared: `provider` lives in it */
    const struct sl_provider *provider; /* up: the snapshot's */
    bool named;                         /* by the configuration in force */
    struct sl_list waiters;
    struct sl_timer again; /* early, or after a failure */
    /* the token */
    struct sl_str token;   /* owns: or .p NULL */
    struct sl_str refresh; /* owns: one that the endpoint gave; .p NULL: the configuration's */
    uint64_t serial;       /* grows; 0 before the first one */
    uint64_t since_ms, until_ms;
    /* the last failure */
    unsigned failures; /* in a row */
    uint64_t rest_until_ms;
    char why[160];
    /* the call under way */
    struct sl_call *call;  /* owns */
    struct sl_str request; /* owns */
    struct sl_timer limit;
    char *body; /* owns: SL_GRANT_BODY_MAX bytes, while a call runs */
    size_t body_n;
    int status;
};

struct sl_tokens {
    struct sl_net *net;               /* up */
    struct sl_metric_family *fetched; /* up */
    struct sl_list entries;
    struct sl_list late; /* waiters that are told in the next turn that there is none */
    struct sl_task tell;
    size_t waiting;
};

struct waiter {
    struct sl_op op;
    struct sl_list node;
    struct sl_tokens *t; /* up */
    sl_tokens_done_fn *done;
    void *ctx; /* up: the request */
};

static uint64_t now_of(const struct sl_tokens *t)
{
    return sl_net_now(t->net);
}

/* ---- entries ---- */

static bool is_same(const struct entry *e, const struct sl_provider *p)
{
    return e->provider->oauth->print == p->oauth->print && sl_str_eq(e->provider->name, p->name);
}

static struct entry *find(const struct sl_tokens *t, const struct sl_provider *p)
{
    for (struct sl_list *at = t->entries.next; at != &t->entries; at = at->next)
        if (is_same(SL_CONTAINER(at, struct entry, node), p))
            return SL_CONTAINER(at, struct entry, node);
    return NULL;
}

static bool is_good(const struct entry *e)
{
    return e->token.p != NULL && now_of(e->t) < e->until_ms;
}

static void fire_again(struct sl_timer *timer);
static void fire_limit(struct sl_timer *timer);

static struct entry *find_or_make(struct sl_tokens *t, struct sl_gateway_conf *conf,
                                  const struct sl_provider *p)
{
    struct entry *e = find(t, p);

    if (e != NULL)
        return e;
    e = sl_mem_new(sizeof *e);
    e->t = t;
    e->conf = sl_gateway_conf_share(conf);
    e->provider = p;
    sl_list_init(&e->node);
    sl_list_init(&e->waiters);
    sl_timer_init(&e->again, fire_again);
    sl_timer_init(&e->limit, fire_limit);
    sl_list_push_back(&t->entries, &e->node);
    return e;
}

static void reap(struct sl_grave *g)
{
    sl_mem_free(SL_CONTAINER(g, struct entry, grave));
}

static void call_over(struct entry *e)
{
    sl_timer_stop(e->t->net, &e->limit);
    sl_call_end(&e->call);
    sl_grant_forget(&e->request);
    if (e->body != NULL)
        sl_mem_wipe(e->body, e->body_n);
    sl_mem_free(e->body);
    e->body = NULL;
}

static void end_entry(struct entry *e)
{
    struct sl_net *net = e->t->net;

    call_over(e);
    sl_timer_stop(net, &e->again);
    sl_grant_forget(&e->token);
    sl_grant_forget(&e->refresh);
    sl_list_unlink(&e->node);
    sl_gateway_conf_drop(&e->conf);
    sl_net_bury(net, &e->grave, reap);
}

/* ---- waiting ---- */

static void finish(struct waiter *w, enum sl_err e)
{
    sl_list_unlink(&w->node);
    w->t->waiting--;
    if (sl_op_close(&w->op))
        w->done(w->ctx, e);
    sl_mem_free(w);
}

/* A waiter's request may ask for a token again at once: those come to the next list. */
static void finish_all(struct sl_list *waiters, enum sl_err e)
{
    struct sl_list these;

    sl_list_move(&these, waiters);
    while (!sl_list_is_empty(&these))
        finish(SL_CONTAINER(these.next, struct waiter, node), e);
}

static void run_tell(struct sl_task *task)
{
    finish_all(&SL_CONTAINER(task, struct sl_tokens, tell)->late, SL_ERR_UP_TOKEN);
}

static void cancel_wait(struct sl_op *op)
{
    struct waiter *w = SL_CONTAINER(op, struct waiter, op);

    sl_list_unlink(&w->node);
    w->t->waiting--;
    sl_mem_free(w);
}

/* ---- how a call ends ---- */

static void count(const struct entry *e, const char *result)
{
    struct sl_str labels[] = {e->provider->name, sl_str_of(result)};

    sl_metric_add(sl_metric_series(e->t->fetched, labels), 1);
}

/* What nobody needs any more goes. */
static void sweep(struct entry *e)
{
    if (!e->named && e->call == NULL && sl_list_is_empty(&e->waiters))
        end_entry(e);
}

static void fail(struct entry *e)
{
    uint64_t rest = (uint64_t)SL_TOKENS_BACKOFF_MS << (e->failures < 5 ? e->failures : 5);

    if (rest > SL_TOKENS_BACKOFF_MAX_MS)
        rest = SL_TOKENS_BACKOFF_MAX_MS;
    rest -= sl_rand_u64() % (rest / 4); /* not all instances at the same moment */
    e->failures++;
    e->rest_until_ms = now_of(e->t) + rest;
    call_over(e);
    count(e, "failed");
    sl_log(SL_LOG_WARN, "gateway", e->provider->name,
           "no access token: %s; %s, asked again in %llu ms", e->why,
           is_good(e) ? "the last one is used on" : "the provider is down without it",
           (unsigned long long)rest);
    if (e->named)
        sl_timer_start(e->t->net, &e->again, rest);
    if (!is_good(e))
        finish_all(&e->waiters, SL_ERR_UP_TOKEN);
    else
        finish_all(&e->waiters, SL_OK);
    sweep(e);
}

static void fail_with(struct entry *e, const char *why)
{
    snprintf(e->why, sizeof e->why, "%s", why);
    fail(e);
}

static void take(struct entry *e, struct sl_grant *g)
{
    uint64_t now = now_of(e->t);
    uint64_t early = g->lives_ms / 2 < SL_TOKENS_EARLY_MS ? g->lives_ms / 2 : SL_TOKENS_EARLY_MS;

    sl_grant_forget(&e->token);
    e->token = g->token;
    if (g->refresh.p != NULL) {
        sl_grant_forget(&e->refresh);
        e->refresh = g->refresh;
    }
    e->serial++;
    e->since_ms = now;
    e->until_ms = now + g->lives_ms;
    e->failures = 0;
    e->rest_until_ms = 0;
    e->why[0] = '\0';
    call_over(e);
    count(e, "ok");
    sl_log(SL_LOG_DEBUG, "gateway", e->provider->name, "has an access token for %llu s",
           (unsigned long long)(g->lives_ms / 1000));
    if (e->named)
        sl_timer_start(e->t->net, &e->again, g->lives_ms - early);
    finish_all(&e->waiters, SL_OK);
    sweep(e);
}

/* ---- the call ---- */

static void on_call_sent(void *holder)
{
    (void)holder;
}

static void on_call_head(void *holder, const struct sl_answer_head *head)
{
    struct entry *e = holder;

    e->status = head->status;
}

static void on_call_body(void *holder, struct sl_str piece)
{
    struct entry *e = holder;

    if (piece.n > SL_GRANT_BODY_MAX - e->body_n) {
        fail_with(e, "its token endpoint's answer is too long");
        return;
    }
    memcpy(e->body + e->body_n, piece.p, piece.n);
    e->body_n += piece.n;
}

static void on_call_done(void *holder)
{
    struct entry *e = holder;
    struct sl_grant g;

    if (sl_grant_read(e->status, (struct sl_str){e->body, e->body_n}, &g, e->why, sizeof e->why))
        take(e, &g);
    else
        fail(e);
}

static void on_call_fail(void *holder, enum sl_err why)
{
    struct entry *e = holder;
    struct sl_str reason = sl_call_about(e->call).reason;

    snprintf(e->why, sizeof e->why, "its token endpoint failed: %s%s%.*s", sl_err_text(why),
             reason.n > 0 ? ": " : "", SL_STR_ARGS(sl_str_first(reason, 60)));
    fail(e);
}

static void fire_limit(struct sl_timer *timer)
{
    fail_with(SL_CONTAINER(timer, struct entry, limit),
              "its token endpoint did not answer in time");
}

static const struct sl_call_ops call_ops = {
    .sent = on_call_sent,
    .head = on_call_head,
    .body = on_call_body,
    .done = on_call_done,
    .fail = on_call_fail,
};

/* Without memory nothing is sent, and the limit ends it as a failure. */
static void fetch(struct entry *e)
{
    const struct sl_oauth *o = e->provider->oauth;
    struct sl_call_req req = {.parts = &e->request, .n = 1};
    bool ready;

    if (e->call != NULL || sl_timer_is_armed(&e->limit))
        return;
    sl_timer_stop(e->t->net, &e->again);
    e->request = sl_grant_request(o, e->refresh.p != NULL ? e->refresh : o->refresh_token);
    e->body = sl_mem_try(SL_GRANT_BODY_MAX);
    e->body_n = 0;
    e->status = 0;
    ready = e->request.p != NULL && e->body != NULL;
    sl_timer_start(e->t->net, &e->limit, ready ? SL_TOKENS_FETCH_MS : 0);
    if (ready)
        e->call = sl_call_start(o->origin, &req, &call_ops, e);
}

static void fire_again(struct sl_timer *timer)
{
    fetch(SL_CONTAINER(timer, struct entry, again));
}

/* ---- what requests ask ---- */

struct sl_str sl_tokens_look(struct sl_tokens *t, const struct sl_provider *p, uint64_t *serial)
{
    const struct entry *e = find(t, p);

    *serial = 0;
    if (e == NULL || !is_good(e))
        return (struct sl_str){"", 0};
    *serial = e->serial;
    return e->token;
}

static bool is_under_way(const struct entry *e)
{
    return e->call != NULL || sl_timer_is_armed(&e->limit);
}

void sl_tokens_wait_start(struct sl_tokens *t, struct sl_gateway_conf *conf,
                          const struct sl_provider *p, struct sl_op **slot, sl_tokens_done_fn *done,
                          void *ctx)
{
    struct entry *e = find_or_make(t, conf, p);
    struct waiter *w = sl_mem_new(sizeof *w);

    w->t = t;
    w->done = done;
    w->ctx = ctx;
    sl_list_init(&w->node);
    sl_op_open(&w->op, slot, cancel_wait);
    if (!is_under_way(e) && now_of(t) >= e->rest_until_ms)
        fetch(e);
    if (!is_under_way(e) || t->waiting >= SL_TOKENS_WAITERS_MAX) {
        sl_list_push_back(&t->late, &w->node);
        sl_net_defer(t->net, &t->tell);
    } else {
        sl_list_push_back(&e->waiters, &w->node);
    }
    t->waiting++;
}

bool sl_tokens_refused(struct sl_tokens *t, const struct sl_provider *p, uint64_t serial)
{
    struct entry *e = find(t, p);

    if (e == NULL || serial != e->serial)
        return true; /* it was another token's fault */
    if (now_of(t) - e->since_ms < SL_TOKENS_YOUNG_MS)
        return false;
    sl_log(SL_LOG_INFO, "gateway", p->name, "refused its access token; another one is fetched");
    sl_grant_forget(&e->token);
    if (!is_under_way(e) && now_of(t) >= e->rest_until_ms)
        fetch(e);
    return is_under_way(e);
}

uint64_t sl_tokens_rest_ms(struct sl_tokens *t, const struct sl_provider *p)
{
    const struct entry *e = p->oauth != NULL ? find(t, p) : NULL;
    uint64_t now = now_of(t);

    if (e == NULL || is_good(e) || is_under_way(e) || now >= e->rest_until_ms)
        return 0;
    return e->rest_until_ms - now;
}

struct sl_str sl_tokens_why(struct sl_tokens *t, const struct sl_provider *p)
{
    const struct entry *e = p->oauth != NULL ? find(t, p) : NULL;

    return e != NULL ? sl_str_of(e->why) : (struct sl_str){"", 0};
}

/* ---- whole ---- */

struct sl_tokens *sl_tokens_new(struct sl_net *net, struct sl_metric_family *fetched)
{
    struct sl_tokens *t = sl_mem_new(sizeof *t);

    t->net = net;
    t->fetched = fetched;
    sl_list_init(&t->entries);
    sl_list_init(&t->late);
    sl_task_init(&t->tell, run_tell);
    return t;
}

static void name(struct sl_tokens *t, struct sl_gateway_conf *conf, const struct sl_provider *p)
{
    struct entry *e = find_or_make(t, conf, p);

    e->named = true;
    if (e->conf != conf) { /* a snapshot is not held for longer than it must be */
        sl_gateway_conf_drop(&e->conf);
        e->conf = sl_gateway_conf_share(conf);
        e->provider = p;
    }
    if (!sl_timer_is_armed(&e->again))
        fetch(e);
}

void sl_tokens_reload(struct sl_tokens *t, struct sl_gateway_conf *conf)
{
    struct sl_list *at, *next;

    for (at = t->entries.next; at != &t->entries; at = at->next)
        SL_CONTAINER(at, struct entry, node)->named = false;
    for (size_t i = 0; i < conf->providers_n; i++)
        if (conf->providers[i].oauth != NULL)
            name(t, conf, &conf->providers[i]);
    for (at = t->entries.next; at != &t->entries; at = next) {
        struct entry *e = SL_CONTAINER(at, struct entry, node);

        next = at->next;
        if (!e->named)
            sl_timer_stop(t->net, &e->again);
        sweep(e);
    }
}

void sl_tokens_end(struct sl_tokens **pt)
{
    struct sl_tokens *t = *pt;

    *pt = NULL;
    if (t == NULL)
        return;
    SL_CHECK(t->waiting == 0); /* their requests have ended before */
    sl_task_cancel(&t->tell);
    while (!sl_list_is_empty(&t->entries))
        end_entry(SL_CONTAINER(t->entries.next, struct entry, node));
    sl_mem_free(t);
}
