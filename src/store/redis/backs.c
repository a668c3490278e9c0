/* Given back on Redis: what one turn gives back goes in one call a tenant. A call that got no
 * answer, or was refused, is made again when Redis answers, since nobody knows what it did:
 * hold.lua goes by id, so that twice is once. */
#include "base/log.h"
#include "store/redis/backend.h"

#define TENANTS_MAX 8   /* whose holds are gathered */
#define AGAIN_MAX 256   /* holds of one round, so that a Redis that came back is not flooded */
#define AGAIN_MS 100    /* between two rounds */
#define COUNTS_MS 60000 /* a window of requests: leases and reservations end before */
#define SAY_MS 10000

struct back { /* one request's */
    struct sl_list node;
    uint64_t since_ms;
    struct sl_hold hold; /* its key id is in `text` */
    size_t tenant_n;
    char text[]; /* tenant, key id */
};

struct call { /* of one tenant, what one turn of the loop gives back */
    struct sl_list node;
    struct sl_redis *r; /* up */
    struct sl_op *op;   /* owns: once it is sent */
    struct sl_list of;  /* owns */
    size_t n;
};

static struct sl_str tenant_of(const struct back *one)
{
    return (struct sl_str){one->text, one->tenant_n};
}

static void forget(struct sl_redis *r, struct back *one)
{
    sl_list_unlink(&one->node);
    r->backs.n--;
    sl_mem_free(one);
}

static void forget_all(struct sl_redis *r, struct sl_list *of)
{
    while (!sl_list_is_empty(of))
        forget(r, SL_CONTAINER(of->next, struct back, node));
}

/* ---- sent ---- */

/* What went into a bucket has no id. */
static void keep(struct sl_redis *r, struct back *one)
{
    memset(one->hold.bursts, 0, sizeof one->hold.bursts);
    sl_list_unlink(&one->node);
    sl_list_push_back(&r->backs.kept, &one->node);
    if (!sl_timer_is_armed(&r->backs.again))
        sl_timer_start(r->net, &r->backs.again, AGAIN_MS);
}

static void end_call(struct call *c)
{
    sl_op_cancel(&c->op);
    forget_all(c->r, &c->of);
    sl_list_unlink(&c->node);
    sl_mem_free(c);
}

static void on_answered(void *ctx, enum sl_err e)
{
    struct call *c = ctx;

    while (e == SL_ERR_STORE && !sl_list_is_empty(&c->of))
        keep(c->r, SL_CONTAINER(c->of.next, struct back, node));
    end_call(c);
}

static void send_call(struct sl_redis *r, struct call *c)
{
    struct sl_script_call *s =
        sl_redis_holds(r, tenant_of(SL_CONTAINER(c->of.next, struct back, node)), SL_STR("back"));

    for (const struct sl_list *at = c->of.next; at != &c->of; at = at->next)
        sl_redis_push_hold(s, &SL_CONTAINER(at, struct back, node)->hold);
    sl_script_send(s, &c->op, on_answered, c);
}

/* Each is off the list before it is sent: sending it asks for this again. */
void sl_redis_send_backs(void *ctx)
{
    struct sl_redis *r = ctx;
    struct sl_list *node;

    sl_task_cancel(&r->backs.send);
    while ((node = sl_list_pop_front(&r->backs.gathered)) != NULL) {
        sl_list_push_back(&r->backs.sent, node);
        send_call(r, SL_CONTAINER(node, struct call, node));
    }
}

static void on_turn_end(struct sl_task *t)
{
    sl_redis_send_backs(SL_CONTAINER(t, struct sl_redis, backs.send));
}

/* ---- gathered ---- */

static struct call *call_of(struct sl_redis *r, struct sl_str tenant)
{
    size_t n = 0;
    struct call *c;

    for (const struct sl_list *at = r->backs.gathered.next; at != &r->backs.gathered;
         at = at->next, n++) {
        c = SL_CONTAINER(at, struct call, node);
        if (c->n < SL_BACKEND_HOLDS &&
            sl_str_eq(tenant_of(SL_CONTAINER(c->of.next, struct back, node)), tenant))
            return c;
    }
    if (n >= TENANTS_MAX)
        sl_redis_send_backs(r);
    c = sl_mem_new(sizeof *c);
    c->r = r;
    sl_list_init(&c->of);
    sl_list_push_back(&r->backs.gathered, &c->node);
    return c;
}

static void gather(struct sl_redis *r, struct back *one)
{
    struct call *c = call_of(r, tenant_of(one));

    sl_list_push_back(&c->of, &one->node);
    c->n++;
    sl_net_defer(r->net, &r->backs.send);
}

static bool is_over(const struct sl_redis *r, const struct back *one)
{
    return sl_net_now(r->net) - one->since_ms > COUNTS_MS;
}

/* Those that came first were kept first, or nearly. */
static bool has_room(struct sl_redis *r)
{
    struct sl_backs *b = &r->backs;
    uint64_t now = sl_net_now(r->net);

    while (b->n >= SL_REDIS_BACKS && !sl_list_is_empty(&b->kept) &&
           is_over(r, SL_CONTAINER(b->kept.next, struct back, node)))
        forget(r, SL_CONTAINER(b->kept.next, struct back, node));
    if (b->n < SL_REDIS_BACKS)
        return true;
    if (b->said_ms == 0 || now - b->said_ms > SAY_MS)
        sl_log(SL_LOG_WARN, "store", SL_STR("store"),
               "%d requests wait for Redis to take back what they held; what others hold ends by "
               "itself, %d s after its last renewal",
               SL_REDIS_BACKS, SL_QUOTA_LEASE_MS / 1000);
    b->said_ms = now;
    return false;
}

void sl_redis_give_back(struct sl_backend *backend, struct sl_str tenant,
                        const struct sl_hold *hold)
{
    struct sl_redis *r = sl_redis_of(backend);
    struct back *one;

    if (tenant.n == 0 || !has_room(r))
        return;
    one = sl_mem_new(sizeof *one + tenant.n + hold->key_id.n);
    one->since_ms = sl_net_now(r->net);
    one->hold = *hold;
    one->hold.key_id.p = one->text + tenant.n;
    one->tenant_n = tenant.n;
    memcpy(one->text, tenant.p, tenant.n);
    if (hold->key_id.n > 0)
        memcpy(one->text + tenant.n, hold->key_id.p, hold->key_id.n);
    sl_list_init(&one->node);
    r->backs.n++;
    gather(r, one);
}

/* ---- again ---- */

void sl_redis_backs_again(struct sl_redis *r)
{
    struct sl_list *kept = &r->backs.kept;

    for (int i = 0; i < AGAIN_MAX && !sl_list_is_empty(kept); i++) {
        struct back *one = SL_CONTAINER(kept->next, struct back, node);

        if (is_over(r, one)) {
            forget(r, one);
            continue;
        }
        sl_list_unlink(&one->node);
        gather(r, one);
    }
    if (!sl_list_is_empty(kept))
        sl_timer_start(r->net, &r->backs.again, AGAIN_MS);
}

static void on_again(struct sl_timer *t)
{
    struct sl_redis *r = SL_CONTAINER(t, struct sl_redis, backs.again);

    if (sl_redis_link_is_up(r->link)) /* else when it is */
        sl_redis_backs_again(r);
}

void sl_redis_backs_init(struct sl_redis *r)
{
    sl_list_init(&r->backs.gathered);
    sl_list_init(&r->backs.sent);
    sl_list_init(&r->backs.kept);
    sl_task_init(&r->backs.send, on_turn_end);
    sl_timer_init(&r->backs.again, on_again);
}

static void end_calls(struct sl_list *of)
{
    while (!sl_list_is_empty(of))
        end_call(SL_CONTAINER(of->next, struct call, node));
}

void sl_redis_backs_fini(struct sl_redis *r)
{
    sl_task_cancel(&r->backs.send);
    sl_timer_stop(r->net, &r->backs.again);
    end_calls(&r->backs.gathered);
    end_calls(&r->backs.sent);
    forget_all(r, &r->backs.kept);
}
