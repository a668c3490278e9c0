/* The exposition, told instead of asked for. */
#include "admin/push.h"

#include "admin/inside.h"
#include "base/grow.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/push/post.h"

struct sl_push {
    struct sl_admin *admin;          /* up */
    struct sl_metric_family *pushes; /* up */
    struct sl_timer timer;
    struct sl_gateway_conf *conf; /* shared: its receiver is called */
    struct sl_post post;
    struct sl_grow text; /* the exposition, while it is on its way */
    char path[1280];
    bool last; /* once more, and then no more */
    bool lost; /* that one failed was said */
};

static const struct sl_pushgateway_conf *conf_of(const struct sl_push *p)
{
    return sl_gateway_conf_now(p->admin->gateway)->pushgateway;
}

static void count(struct sl_push *p, const char *result)
{
    struct sl_str label = sl_str_of(result);

    sl_metric_add(sl_metric_series(p->pushes, &label), 1);
}

static void failed(struct sl_push *p, struct sl_str why)
{
    if (!p->lost)
        sl_log(SL_LOG_WARN, "admin", (struct sl_str){"", 0},
               "pushgateway.url did not take the metrics: %.*s; they are sent again with the "
               "next ones",
               SL_STR_ARGS(why));
    p->lost = true;
    count(p, "failed");
}

static void on_piece(void *ctx, struct sl_str piece)
{
    sl_grow_add(ctx, piece);
}

static struct sl_str path_of(struct sl_push *p, const struct sl_pushgateway_conf *conf)
{
    struct sl_text t = sl_text_over(p->path, sizeof p->path);
    struct sl_store_state store;

    sl_text_add(&t, conf->to.path);
    if (!conf->named) {
        sl_store_look(sl_gateway_store(p->admin->gateway), &store);
        sl_text_add(&t, SL_STR("/instance/"));
        sl_text_add(&t, (struct sl_str){store.instance, sizeof store.instance});
    }
    return sl_text_str(&t);
}

static void push(struct sl_push *p)
{
    const struct sl_pushgateway_conf *conf = conf_of(p);

    if (conf == NULL || sl_post_is_busy(&p->post))
        return;
    sl_process_refresh(p->admin);
    sl_metrics_write(p->admin->metrics, on_piece, &p->text);
    if (p->text.err != SL_OK) {
        failed(p, sl_str_of(sl_err_text(p->text.err)));
        sl_grow_fini(&p->text);
        return;
    }
    p->conf = sl_gateway_conf_hold(p->admin->gateway);
    sl_post_start(&p->post, &conf->to,
                  &(struct sl_post_what){.method = SL_STR("PUT"),
                                         .path = path_of(p, conf),
                                         .type = SL_STR("text/plain; version=0.0.4"),
                                         .body = {sl_grow_str(&p->text)}});
}

static void on_post(void *ctx, const struct sl_post_end *end)
{
    struct sl_push *p = ctx;

    sl_gateway_conf_drop(&p->conf);
    sl_grow_fini(&p->text);
    if (sl_post_is_taken(end)) {
        p->lost = false;
        count(p, "sent");
    } else {
        failed(p, end->why);
    }
    if (p->last) {
        p->last = false;
        push(p);
    }
}

static void fire(struct sl_timer *t)
{
    struct sl_push *p = SL_CONTAINER(t, struct sl_push, timer);

    sl_timer_start(p->admin->net, t, conf_of(p)->every_ms);
    push(p);
}

static void stop(struct sl_push *p)
{
    sl_timer_stop(p->admin->net, &p->timer);
    sl_post_stop(&p->post);
    sl_gateway_conf_drop(&p->conf);
    sl_grow_fini(&p->text);
}

void sl_push_reload(struct sl_push *p)
{
    if (conf_of(p) == NULL)
        stop(p);
    else
        sl_timer_start(p->admin->net, &p->timer, conf_of(p)->every_ms);
}

void sl_push_last(struct sl_push *p)
{
    sl_timer_stop(p->admin->net, &p->timer);
    p->last = sl_post_is_busy(&p->post);
    push(p);
}

bool sl_push_is_idle(const struct sl_push *p)
{
    return !sl_post_is_busy(&p->post);
}

struct sl_push *sl_push_new(struct sl_admin *a)
{
    struct sl_push *p = sl_mem_new(sizeof *p);

    p->admin = a;
    p->pushes = sl_metric_family(a->metrics, SL_METRIC_COUNTER, "sluice_pushes_total",
                                 "Expositions for pushgateway.url: sent, failed.", "result", NULL);
    sl_timer_init(&p->timer, fire);
    sl_post_init(&p->post, a->net, on_post, p);
    sl_grow_init(&p->text, SL_ADMIN_EXPOSITION);
    return p;
}

void sl_push_end(struct sl_push **pp)
{
    struct sl_push *p = *pp;

    *pp = NULL;
    if (p == NULL)
        return;
    stop(p);
    sl_mem_free(p);
}
