/* Batches of spans, and the one that is on its way. */
#include "gateway/otlp/otlp.h"

#include "base/grow.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "gateway/inside.h"
#include "gateway/push/post.h"

#define BATCH_BYTES ((size_t)4 << 20) /* collectors refuse what is much larger */

struct batch {
    struct sl_list node;
    struct sl_grow text; /* spans, with commas between them */
    size_t spans;
    bool full;
};

struct sl_otlp {
    struct sl_gateway *gw;  /* up */
    struct sl_list batches; /* the first one may be on its way, the last one may be open */
    size_t spans, bytes;    /* of all batches */
    unsigned tries;         /* of the first one */
    bool hurries;
    bool lost;                    /* the last batch was, and that was said */
    struct sl_timer timer;        /* to the next POST */
    struct sl_gateway_conf *conf; /* shared: its receiver is called */
    struct sl_post post;
    char head[1024]; /* of a body: whose spans these are */
};

static const struct sl_otlp_conf *conf_of(const struct sl_otlp *o)
{
    return o->gw->conf->otlp;
}

static struct batch *batch_at(struct sl_list *node)
{
    return SL_CONTAINER(node, struct batch, node);
}

static void count(struct sl_otlp *o, const char *result, size_t n)
{
    struct sl_str label = sl_str_of(result);

    if (n > 0)
        sl_metric_add(sl_metric_series(o->gw->f.otlp, &label), (double)n);
}

/* ---- batches ---- */

static void drop_first(struct sl_otlp *o)
{
    struct batch *b = batch_at(o->batches.next);

    sl_list_unlink(&b->node);
    o->spans -= b->spans;
    o->bytes -= b->text.n;
    o->tries = 0;
    sl_grow_fini(&b->text);
    sl_mem_free(b);
}

static void drop_all(struct sl_otlp *o, const char *result)
{
    count(o, result, o->spans);
    while (!sl_list_is_empty(&o->batches))
        drop_first(o);
}

/* One that is on its way is closed: its bytes must not move. */
static struct batch *open_batch(struct sl_otlp *o)
{
    struct batch *b = sl_list_is_empty(&o->batches) ? NULL : batch_at(o->batches.prev);

    if (b != NULL && !b->full)
        return b;
    b = sl_mem_try(sizeof *b);
    if (b == NULL)
        return NULL;
    *b = (struct batch){.spans = 0};
    sl_list_init(&b->node);
    sl_grow_init(&b->text, BATCH_BYTES);
    sl_list_push_back(&o->batches, &b->node);
    return b;
}

/* False: no memory for it, or the batch is as large as it may be. */
static bool put(struct batch *b, struct sl_str span)
{
    char *at = sl_grow_room(&b->text, span.n + 1);

    if (at == NULL) {
        b->full = true; /* what is in it goes all the same */
        return false;
    }
    if (b->text.n > 0) {
        *at++ = ',';
        b->text.n++;
    }
    memcpy(at, span.p, span.n);
    b->text.n += span.n;
    b->spans++;
    return true;
}

static bool keep(struct sl_otlp *o, struct sl_str span)
{
    struct batch *b;

    for (int i = 0; i < 2; i++) { /* the second time into a fresh one */
        b = open_batch(o);
        if (b == NULL)
            return false;
        if (put(b, span))
            break;
        if (b->spans == 0)
            return false;
        b = NULL;
    }
    if (b == NULL)
        return false;
    o->spans++;
    o->bytes += span.n + (b->spans > 1);
    b->full = b->spans >= conf_of(o)->batch;
    return true;
}

/* ---- one POST ---- */

static void write_head(struct sl_otlp *o, const struct sl_otlp_conf *conf, struct sl_text *t)
{
    struct sl_store_state store;

    sl_store_look(o->gw->store, &store);
    sl_text_add(t, SL_STR("{\"resourceSpans\":[{\"resource\":{\"attributes\":["
                          "{\"key\":\"service.name\",\"value\":{\"stringValue\":"));
    sl_text_json(t, conf->service, 128);
    sl_text_add(t, SL_STR("}},{\"key\":\"service.version\",\"value\":{\"stringValue\":\"" SL_VERSION
                          "\"}},{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":"));
    sl_text_json(t, (struct sl_str){store.instance, sizeof store.instance}, 0);
    sl_text_add(t, SL_STR("}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"sluice\",\"version\":"
                          "\"" SL_VERSION "\"},\"spans\":["));
}

static void send(struct sl_otlp *o)
{
    const struct sl_otlp_conf *conf = conf_of(o);
    struct sl_text head = sl_text_over(o->head, sizeof o->head);
    struct batch *b;

    if (conf == NULL || sl_list_is_empty(&o->batches) || sl_post_is_busy(&o->post))
        return;
    sl_timer_stop(o->gw->net, &o->timer);
    b = batch_at(o->batches.next);
    b->full = true;
    write_head(o, conf, &head);
    o->conf = sl_gateway_conf_share(o->gw->conf);
    sl_post_start(&o->post, &conf->to,
                  &(struct sl_post_what){
                      .method = SL_STR("POST"),
                      .path = conf->to.path,
                      .type = SL_STR("application/json"),
                      .body = {sl_text_str(&head), sl_grow_str(&b->text), SL_STR("]}]}]}")}});
}

/* When the next one goes: at once when it is full, else when its time has come. */
static void go_on(struct sl_otlp *o)
{
    if (sl_list_is_empty(&o->batches) || sl_post_is_busy(&o->post))
        return;
    if (o->hurries || batch_at(o->batches.next)->full)
        send(o);
    else if (!sl_timer_is_armed(&o->timer))
        sl_timer_start(o->gw->net, &o->timer, conf_of(o)->every_ms);
}

/* `partialSuccess.rejectedSpans`: a text or a number; 0 where it says nothing. */
static size_t rejected(struct sl_str answer)
{
    struct sl_str all = {NULL, 0}, n;
    uint64_t number = 0;

    if (sl_json_is_object(answer))
        all = sl_json_get(answer, SL_STR("partialSuccess"));
    if (all.p == NULL || sl_json_type_of(all) != SL_JSON_OBJECT)
        return 0;
    n = sl_json_get(all, SL_STR("rejectedSpans"));
    if (n.p != NULL && n.n > 2 && sl_json_type_of(n) == SL_JSON_STRING)
        n = (struct sl_str){n.p + 1, n.n - 2};
    return n.p != NULL && sl_str_to_u64(n, &number) ? (size_t)number : 0;
}

static void taken(struct sl_otlp *o, struct sl_str answer)
{
    size_t spans = batch_at(o->batches.next)->spans, bad = rejected(answer);

    if (bad > spans)
        bad = spans;
    count(o, "rejected", bad);
    count(o, "sent", spans - bad);
    o->lost = false;
    drop_first(o);
}

static bool may_come_again(const struct sl_post_end *end)
{
    return end->status == 0 || end->status == 429 || end->status == 502 || end->status == 503 ||
           end->status == 504;
}

static uint64_t wait_ms(const struct sl_otlp *o, const struct sl_post_end *end)
{
    uint64_t wait = (uint64_t)SL_OTLP_BACKOFF_MS << o->tries;

    if (end->has_wait)
        return end->wait_ms < SL_OTLP_WAIT_MAX_MS ? end->wait_ms : SL_OTLP_WAIT_MAX_MS;
    return wait / 2 + sl_rand_u64() % (wait / 2);
}

/* Said once, until one is taken again. */
static void lose(struct sl_otlp *o, struct sl_str why)
{
    if (!o->lost)
        sl_log(SL_LOG_WARN, "gateway", (struct sl_str){"", 0},
               "otlp.endpoint did not take spans: %.*s; they are dropped, and counted in "
               "sluice_otlp_spans_total",
               SL_STR_ARGS(why));
    o->lost = true;
    count(o, "failed", batch_at(o->batches.next)->spans);
    drop_first(o);
}

static void on_post(void *ctx, const struct sl_post_end *end)
{
    struct sl_otlp *o = ctx;

    sl_gateway_conf_drop(&o->conf);
    if (sl_post_is_taken(end)) {
        taken(o, end->answer);
    } else if (may_come_again(end) && !o->hurries && o->tries + 1 < SL_OTLP_TRIES) {
        sl_timer_start(o->gw->net, &o->timer, wait_ms(o, end));
        o->tries++;
        return;
    } else {
        lose(o, end->why);
    }
    go_on(o);
}

static void fire(struct sl_timer *t)
{
    send(SL_CONTAINER(t, struct sl_otlp, timer));
}

/* ---- from outside ---- */

void sl_otlp_add(struct sl_otlp *o, struct sl_str span)
{
    const struct sl_otlp_conf *conf = conf_of(o);

    if (conf == NULL)
        return; /* a reload has taken it away meanwhile */
    if (span.p == NULL || o->spans >= conf->queue || span.n + 1 > SL_OTLP_BYTES - o->bytes ||
        !keep(o, span)) {
        count(o, "dropped", 1);
        return;
    }
    if (o->tries == 0) /* else its time is set */
        go_on(o);
}

void sl_otlp_hurry(struct sl_otlp *o)
{
    o->hurries = true;
    send(o);
}

bool sl_otlp_is_idle(const struct sl_otlp *o)
{
    return sl_list_is_empty(&o->batches);
}

void sl_otlp_reload(struct sl_otlp *o)
{
    if (conf_of(o) != NULL)
        return;
    sl_post_stop(&o->post);
    sl_gateway_conf_drop(&o->conf);
    sl_timer_stop(o->gw->net, &o->timer);
    drop_all(o, "dropped");
}

struct sl_otlp *sl_otlp_new(struct sl_gateway *g)
{
    struct sl_otlp *o = sl_mem_new(sizeof *o);

    o->gw = g;
    sl_list_init(&o->batches);
    sl_timer_init(&o->timer, fire);
    sl_post_init(&o->post, g->net, on_post, o);
    return o;
}

void sl_otlp_end(struct sl_otlp **po)
{
    struct sl_otlp *o = *po;

    *po = NULL;
    if (o == NULL)
        return;
    sl_post_stop(&o->post);
    sl_gateway_conf_drop(&o->conf);
    sl_timer_stop(o->gw->net, &o->timer);
    drop_all(o, "dropped");
    sl_mem_free(o);
}
