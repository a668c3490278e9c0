/* A call whose answer nobody gets. */
#include "gateway/routing/mirror.h"

#include "base/mem.h"
#include "base/rand.h"
#include "gateway/inside.h"
#include "gateway/translate/translate.h"

#define HEAD_ARENA (1u << 20)
#define PPM 1000000

struct sl_mirrors {
    struct sl_list list;
    size_t n, bytes;
};

struct mirror {
    struct sl_list node;
    struct sl_grave grave;
    struct sl_gateway *gw;              /* up */
    struct sl_gateway_conf *conf;       /* shared */
    const struct sl_provider *provider; /* up: the snapshot's */
    const struct sl_model *model;       /* up: the snapshot's */
    struct sl_call *call;               /* owns */
    struct sl_timer timer;
    uint64_t begin_us;
    bool good;           /* its status says so */
    struct sl_str parts; /* head and body */
    char *bytes;         /* owns */
};

struct sl_mirrors *sl_mirrors_new(void)
{
    struct sl_mirrors *m = sl_mem_new(sizeof *m);

    sl_list_init(&m->list);
    return m;
}

/* ---- its end ---- */

static void reap(struct sl_grave *g)
{
    sl_mem_free(SL_CONTAINER(g, struct mirror, grave));
}

static void end(struct mirror *m)
{
    struct sl_mirrors *all = m->gw->mirrors;

    sl_call_end(&m->call);
    sl_timer_stop(m->gw->net, &m->timer);
    sl_list_unlink(&m->node);
    all->n--;
    all->bytes -= m->parts.n;
    sl_mem_free(m->bytes);
    m->bytes = NULL;
    sl_gateway_conf_drop(&m->conf);
    sl_net_bury(m->gw->net, &m->grave, reap);
}

void sl_mirrors_end(struct sl_mirrors **pm)
{
    while (*pm != NULL && !sl_list_is_empty(&(*pm)->list))
        end(SL_CONTAINER((*pm)->list.next, struct mirror, node));
    sl_mem_free(*pm);
    *pm = NULL;
}

static void count(struct sl_gateway *g, const struct sl_model *model, const struct sl_provider *p,
                  struct sl_str result)
{
    struct sl_str labels[] = {model->name, p->name, result};

    sl_metric_add(sl_metric_series(g->f.mirrored, labels), 1);
}

static void finish(struct mirror *m, bool good)
{
    struct sl_str labels[] = {m->model->name, m->provider->name};
    double took_s = (double)(sl_net_now_us(m->gw->net) - m->begin_us) / 1e6;

    count(m->gw, m->model, m->provider, good ? SL_STR("done") : SL_STR("failed"));
    sl_metric_observe(sl_metric_series(m->gw->f.mirror_s, labels), took_s);
    end(m);
}

/* ---- the call's events ---- */

static void on_sent(void *holder)
{
    (void)holder;
}

static void on_head(void *holder, const struct sl_answer_head *head)
{
    ((struct mirror *)holder)->good = head->status < 400;
}

static void on_body(void *holder, struct sl_str piece)
{
    (void)holder;
    (void)piece;
}

static void on_done(void *holder)
{
    struct mirror *m = holder;

    finish(m, m->good);
}

static void on_fail(void *holder, enum sl_err why)
{
    (void)why;
    finish(holder, false);
}

static void on_late(struct sl_timer *t)
{
    finish(SL_CONTAINER(t, struct mirror, timer), false);
}

static const struct sl_call_ops call_ops = {
    .sent = on_sent, .head = on_head, .body = on_body, .done = on_done, .fail = on_fail};

/* ---- its beginning ---- */

static bool is_drawn(const struct sl_req *r)
{
    const struct sl_mirror_to *to = &r->model->mirror;
    unsigned own = (unsigned)sl_translation_protocol(r);

    return to->part_ppm > 0 && (to->speaks & own) != 0 && r->ep != SL_EP_COUNT_TOKENS &&
           r->ep != SL_EP_PROMPT && sl_rand_u64() % PPM < to->part_ppm;
}

static bool has_room(const struct sl_req *r, const struct sl_provider *p)
{
    const struct sl_mirrors *all = r->gw->mirrors;
    const struct sl_target to = {.provider = r->model->mirror.provider,
                                 .model = r->model->mirror.model};

    return sl_switched_rest_ms(&r->gw->switched, r->conf, r->model, &to) == 0 &&
           all->n < SL_MIRROR_MOST && all->bytes + r->body_n < SL_MIRROR_BYTES &&
           sl_origin_count(p->origin).queued == 0;
}

/* Head and body in one piece of its own memory. */
static bool copy(struct mirror *m, struct sl_req *r, struct sl_arena *a)
{
    const struct sl_mirror_to *to = &r->model->mirror;
    struct sl_body_wish wish = {.model = to->model.n > 0 ? to->model : r->asked,
                                .cut_ours = !m->provider->openrouter};
    struct sl_forward_to forward = {.provider = m->provider, .ep = r->ep};
    struct sl_str parts[SL_BODY_PARTS], head;
    uint64_t length = 0;
    size_t n = 0;

    if (m->provider->keys_n > 0)
        forward.key = (size_t)(sl_rand_u64() % m->provider->keys_n);
    if (sl_body_splice(r->inspect, (struct sl_str){r->body, r->body_n}, &wish, a, parts, &n,
                       &length) != SL_OK)
        return false;
    head = sl_forward_write(r, &forward, length, a);
    m->bytes = head.p != NULL ? sl_mem_try(head.n + (size_t)length) : NULL;
    if (m->bytes == NULL || (m->provider->oauth != NULL && forward.token == 0))
        return false;
    memcpy(m->bytes, head.p, head.n);
    m->parts = (struct sl_str){m->bytes, head.n};
    for (size_t i = 0; i < n; i++) {
        memcpy(m->bytes + m->parts.n, parts[i].p, parts[i].n);
        m->parts.n += parts[i].n;
    }
    return true;
}

static struct mirror *make(struct sl_req *r, const struct sl_provider *p)
{
    struct mirror *m = sl_mem_try(sizeof *m);
    struct sl_arena a;
    bool ok;

    if (m == NULL)
        return NULL;
    *m = (struct mirror){.gw = r->gw, .provider = p, .model = r->model};
    sl_arena_init(&a, HEAD_ARENA);
    ok = copy(m, r, &a);
    sl_arena_fini(&a);
    if (ok)
        return m;
    sl_mem_free(m->bytes);
    sl_mem_free(m);
    return NULL;
}

void sl_mirror_send(struct sl_req *r)
{
    const struct sl_provider *p = &r->conf->providers[r->model->mirror.provider];
    struct sl_mirrors *all = r->gw->mirrors;
    struct sl_call_req req;
    struct mirror *m;

    if (!is_drawn(r))
        return;
    m = has_room(r, p) ? make(r, p) : NULL;
    if (m == NULL) {
        count(r->gw, r->model, p, SL_STR("skipped"));
        return;
    }
    m->conf = sl_gateway_conf_share(r->conf);
    m->begin_us = sl_net_now_us(r->gw->net);
    sl_list_init(&m->node);
    sl_list_push_back(&all->list, &m->node);
    all->n++;
    all->bytes += m->parts.n;
    sl_timer_init(&m->timer, on_late);
    sl_timer_start(r->gw->net, &m->timer, p->timeouts.total);
    req = (struct sl_call_req){.parts = &m->parts, .n = 1, .stall_ms = p->timeouts.idle};
    m->call = sl_call_start(p->origin, &req, &call_ops, m);
}
