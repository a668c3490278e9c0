/* A look-up: one op for its waiter over the commands it takes, each an op of ours,
 * all written in one turn. What does not come in time is not there. */
#include "store/cache/inside.h"

#include "base/mem.h"

struct part {          /* one command */
    struct sl_op *op;  /* owns */
    struct look *look; /* up */
    size_t from, n;    /* its keys */
};

struct look {
    struct sl_op op;
    struct sl_list node;           /* of sl_far.looks */
    struct sl_task task;           /* when there is nothing to wait for */
    struct sl_far *far;            /* up */
    struct sl_cached **out;        /* up */
    uint8_t (*keys)[SL_CACHE_KEY]; /* owns */
    size_t n;
    sl_store_done_fn *done;
    void *ctx; /* up */
    uint64_t began_us;
    bool failed;
    size_t waiting, parts_n;
    struct part parts[];
};

static void forget(struct look *k)
{
    sl_list_unlink(&k->node);
    sl_task_cancel(&k->task);
    for (size_t i = 0; i < k->parts_n; i++)
        sl_op_cancel(&k->parts[i].op);
    sl_mem_free(k->keys);
    sl_mem_free(k);
}

static void cancel(struct sl_op *op)
{
    struct look *k = SL_CONTAINER(op, struct look, op);

    for (size_t i = 0; i < k->n; i++)
        sl_cached_drop(&k->out[i]);
    forget(k);
}

void sl_look_cancel_all(struct sl_far *f)
{
    while (!sl_list_is_empty(&f->looks)) {
        struct look *k = SL_CONTAINER(f->looks.next, struct look, node);

        sl_op_cancel(k->op.slot);
    }
}

static void finish(struct look *k)
{
    struct sl_far *f = k->far;

    for (size_t i = 0; i < k->n; i++) {
        if (k->out[i] == NULL) {
            f->counts.misses++;
            continue;
        }
        f->counts.hits++;
        f->conf.found(f->conf.ctx, k->keys[i], k->out[i]);
    }
    sl_list_unlink(&k->node);
    if (sl_op_close(&k->op))
        k->done(k->ctx, SL_OK);
    forget(k);
}

/* Known already, or not to be known. */
static void on_nothing(struct sl_task *t)
{
    struct look *k = SL_CONTAINER(t, struct look, task);

    sl_list_unlink(&k->node);
    if (sl_op_close(&k->op))
        k->done(k->ctx, SL_OK);
    forget(k);
}

static void part_done(struct look *k, bool well)
{
    struct sl_far *f = k->far;

    k->failed = k->failed || !well;
    if (--k->waiting > 0)
        return;
    sl_far_note(f, !k->failed);
    f->counts.errors += k->failed;
    sl_metric_observe(f->seconds, (double)(sl_net_now_us(f->net) - k->began_us) / 1e6);
    finish(k);
}

/* ---- values behind their envelope ---- */

static void take_value(struct look *k, size_t i, const redisReply *reply)
{
    struct sl_far *f = k->far;

    if (reply->type == REDIS_REPLY_NIL)
        return;
    if (reply->type == REDIS_REPLY_STRING && reply->len <= SL_CACHED_HEADER + f->entry_max)
        k->out[i] = sl_cached_unpack((struct sl_str){reply->str, reply->len});
    if (k->out[i] == NULL) {
        f->counts.bad++;
        sl_far_drop(f, k->keys[i]);
    } else if (k->out[i]->gone_unix_ms <= sl_net_unix_ms(f->net)) {
        sl_cached_drop(&k->out[i]); /* by our clock; Redis' will find it too */
    }
}

static void on_values(void *ctx, enum sl_err e, const redisReply *reply)
{
    struct part *p = ctx;
    bool well = e == SL_OK && reply->type == REDIS_REPLY_ARRAY && reply->elements == p->n;

    for (size_t i = 0; well && i < p->n; i++)
        take_value(p->look, p->from + i, reply->element[i]);
    part_done(p->look, well);
}

static void ask(struct look *k, struct part *p, const struct sl_str *args, size_t n,
                sl_redis_reply_fn *done)
{
    struct sl_redis_command c = {.args = args, .n = n, .deadline_ms = k->far->timeout_ms};

    p->look = k;
    k->waiting++;
    sl_redis_link_start(k->far->link, &c, &p->op, done, p);
}

static void ask_values(struct look *k, struct part *p, char *names)
{
    struct sl_str args[1 + SL_CACHE_GETS];

    args[0] = SL_STR("MGET");
    for (size_t i = 0; i < p->n; i++)
        args[1 + i] = sl_far_name(k->far, k->keys[p->from + i], names + i * SL_FAR_NAME);
    ask(k, p, args, 1 + p->n, on_values);
}

/* ---- a named value ---- */

static void on_named(void *ctx, enum sl_err e, const redisReply *reply)
{
    struct part *p = ctx;
    struct look *k = p->look;
    bool well = e == SL_OK && reply->type != REDIS_REPLY_ERROR;

    if (well && reply->type == REDIS_REPLY_STRING && reply->len <= k->far->entry_max) {
        k->out[0] = sl_cached_new(reply->len);
        if (k->out[0] != NULL)
            memcpy(k->out[0]->bytes, reply->str, reply->len);
    }
    part_done(k, well);
}

/* Comes behind the value, in the same write. */
static void on_left(void *ctx, enum sl_err e, const redisReply *reply)
{
    struct part *p = ctx;
    struct look *k = p->look;
    bool well = e == SL_OK && reply->type == REDIS_REPLY_INTEGER;

    if (k->out[0] != NULL && (!well || reply->integer <= 0))
        sl_cached_drop(&k->out[0]); /* gone meanwhile, or without an end: nobody's of ours */
    if (k->out[0] != NULL)
        k->out[0]->fresh_until_unix_ms = k->out[0]->gone_unix_ms =
            sl_net_unix_ms(k->far->net) + reply->integer;
    part_done(k, well);
}

/* ---- */

static size_t keys_of_a_part(const struct sl_far *f)
{
    size_t n = SL_FAR_REPLY / (f->entry_max + SL_CACHED_HEADER + 1);

    return n == 0 ? 1 : n < SL_CACHE_GETS ? n : SL_CACHE_GETS;
}

static struct look *new_look(struct sl_far *f, const struct sl_far_ask *want, size_t parts)
{
    struct look *k = sl_mem_new(sizeof *k + parts * sizeof k->parts[0]);

    k->far = f;
    k->out = want->out;
    k->n = want->n;
    k->parts_n = parts;
    k->began_us = sl_net_now_us(f->net);
    k->keys = sl_mem_new(want->n * SL_CACHE_KEY);
    memcpy(k->keys, want->keys, want->n * SL_CACHE_KEY);
    for (size_t i = 0; i < want->n; i++)
        k->out[i] = NULL;
    sl_task_init(&k->task, on_nothing);
    sl_list_init(&k->node);
    sl_list_push_back(&f->looks, &k->node);
    return k;
}

static void ask_all(struct look *k, const struct sl_far_ask *want, char *names)
{
    size_t each = keys_of_a_part(k->far);

    if (want->name.n > 0) {
        ask(k, &k->parts[0], (struct sl_str[]){SL_STR("GET"), want->name}, 2, on_named);
        ask(k, &k->parts[1], (struct sl_str[]){SL_STR("PTTL"), want->name}, 2, on_left);
        return;
    }
    for (size_t i = 0; i < k->parts_n; i++) {
        struct part *p = &k->parts[i];

        p->from = i * each;
        p->n = k->n - p->from < each ? k->n - p->from : each;
        ask_values(k, p, names);
    }
}

void sl_far_get_start(struct sl_far *f, const struct sl_far_ask *want, struct sl_op **slot,
                      sl_store_done_fn *done, void *ctx)
{
    size_t each = keys_of_a_part(f);
    size_t parts = want->name.n > 0 ? 2 : (want->n + each - 1) / each;
    bool goes = sl_far_is_up(f) && want->n > 0 && want->known == NULL;
    char *names = goes ? sl_mem_try(each * SL_FAR_NAME) : NULL;
    struct look *k;

    SL_CHECK(want->n <= SL_CACHE_GETS);
    k = new_look(f, want, names != NULL ? parts : 0);
    k->done = done;
    k->ctx = ctx;
    if (want->known != NULL)
        k->out[0] = sl_cached_share(want->known);
    sl_op_open(&k->op, slot, cancel);
    if (names != NULL)
        ask_all(k, want, names);
    else
        sl_net_defer(f->net, &k->task);
    sl_mem_free(names);
}
