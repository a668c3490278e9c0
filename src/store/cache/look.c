/* A look-up: one op for its waiter over the commands it takes, each an op of ours,
 * all written in one turn. What does not come in time is not there. */
#include "store/cache/inside.h"

#include "base/mem.h"

struct part {          /* one command */
    struct sl_op *op;  /* owns */
    struct look *look; /* up */
    size_t from, n;    /* its keys */
};

struct place { /* one key, and what was found */
    uint8_t key[SL_CACHE_KEY];
    struct sl_cached *value; /* shared */
};

struct look {
    struct sl_op op;
    struct sl_list node;    /* of sl_far.looks */
    struct sl_task task;    /* when there is nothing to wait for */
    struct sl_far *far;     /* up */
    struct sl_cached **out; /* up: written when done */
    struct place *places;   /* up: behind the parts */
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
    for (size_t i = 0; i < k->n; i++)
        sl_cached_drop(&k->places[i].value);
    sl_mem_free(k);
}

static void cancel(struct sl_op *op)
{
    forget(SL_CONTAINER(op, struct look, op));
}

void sl_look_cancel_all(struct sl_far *f)
{
    while (!sl_list_is_empty(&f->looks)) {
        struct look *k = SL_CONTAINER(f->looks.next, struct look, node);

        sl_op_cancel(k->op.slot);
    }
}

static void tell(struct look *k)
{
    sl_list_unlink(&k->node);
    for (size_t i = 0; i < k->n; i++) {
        k->out[i] = k->places[i].value;
        k->places[i].value = NULL;
    }
    if (sl_op_close(&k->op))
        k->done(k->ctx, SL_OK);
    forget(k);
}

static void finish(struct look *k)
{
    struct sl_far *f = k->far;

    for (size_t i = 0; i < k->n; i++) {
        struct place *at = &k->places[i];

        f->counts.misses += at->value == NULL;
        f->counts.hits += at->value != NULL;
        if (at->value != NULL)
            f->conf.found(f->conf.ctx, at->key, at->value);
    }
    tell(k);
}

/* Known already, or not to be known. */
static void on_nothing(struct sl_task *t)
{
    tell(SL_CONTAINER(t, struct look, task));
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

/* Another type under that name is no fault of Redis'. */
static bool is_well(enum sl_err e, const redisReply *reply)
{
    return e == SL_OK && (reply->type != REDIS_REPLY_ERROR ||
                          sl_str_starts(sl_str_of(reply->str), SL_STR("WRONGTYPE")));
}

/* What GET calls an error, for it is of another type, MGET calls absent. */
static void take_value(struct look *k, struct place *at, const redisReply *reply)
{
    struct sl_far *f = k->far;

    if (reply->type == REDIS_REPLY_NIL || reply->type == REDIS_REPLY_ERROR ||
        sl_far_is_dropped(f, at->key))
        return;
    if (reply->type == REDIS_REPLY_STRING && reply->len <= SL_CACHED_HEADER + f->entry_max)
        at->value = sl_cached_unpack((struct sl_str){reply->str, reply->len});
    if (at->value == NULL) {
        f->counts.bad++;
        sl_far_drop(f, at->key);
    } else if (at->value->gone_unix_ms <= sl_net_unix_ms(f->net)) {
        sl_cached_drop(&at->value); /* by our clock; Redis' will find it too */
    }
}

static void on_value(void *ctx, enum sl_err e, const redisReply *reply)
{
    struct part *p = ctx;
    struct place *at = &p->look->places[p->from];
    bool well = is_well(e, reply);

    if (well)
        take_value(p->look, at, reply);
    else
        sl_far_suspect(p->look->far, at->key);
    part_done(p->look, well);
}

static void on_values(void *ctx, enum sl_err e, const redisReply *reply)
{
    struct part *p = ctx;
    bool well = e == SL_OK && reply->type == REDIS_REPLY_ARRAY && reply->elements == p->n;

    for (size_t i = 0; i < p->n; i++)
        if (well)
            take_value(p->look, &p->look->places[p->from + i], reply->element[i]);
        else
            sl_far_suspect(p->look->far, p->look->places[p->from + i].key);
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

/* A single one by GET: its answer is no list. */
static void ask_values(struct look *k, struct part *p, char *names)
{
    struct sl_str args[1 + SL_CACHE_GETS];

    args[0] = p->n == 1 ? SL_STR("GET") : SL_STR("MGET");
    for (size_t i = 0; i < p->n; i++)
        args[1 + i] = sl_far_name(k->far, k->places[p->from + i].key, names + i * SL_FAR_NAME);
    ask(k, p, args, 1 + p->n, p->n == 1 ? on_value : on_values);
}

/* ---- a named value ---- */

#define LEFT_MOST_MS 31536000000 /* a year: memory forgets it long before */

static void on_named(void *ctx, enum sl_err e, const redisReply *reply)
{
    struct part *p = ctx;
    struct look *k = p->look;

    if (e == SL_OK && reply->type == REDIS_REPLY_STRING && reply->len <= k->far->entry_max) {
        k->places[0].value = sl_cached_new(reply->len);
        if (k->places[0].value != NULL)
            memcpy(k->places[0].value->bytes, reply->str, reply->len);
    }
    part_done(k, is_well(e, reply));
}

/* Comes behind the value, in the same write. It may be any number: whoever wrote the value
 * chose its end. */
static void on_left(void *ctx, enum sl_err e, const redisReply *reply)
{
    struct part *p = ctx;
    struct look *k = p->look;
    struct sl_cached **value = &k->places[0].value;
    bool has_end = e == SL_OK && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
    int64_t left = has_end && reply->integer < LEFT_MOST_MS ? reply->integer : LEFT_MOST_MS;

    if (*value != NULL && has_end)
        (*value)->fresh_until_unix_ms = (*value)->gone_unix_ms = sl_net_unix_ms(k->far->net) + left;
    else
        sl_cached_drop(value); /* gone meanwhile; or without an end, which none of ours is */
    part_done(k, is_well(e, reply));
}

/* ---- */

static size_t keys_of_a_part(const struct sl_far *f)
{
    size_t n = SL_FAR_REPLY / (f->entry_max + SL_CACHED_HEADER + 1);

    return n == 0 ? 1 : n < SL_CACHE_GETS ? n : SL_CACHE_GETS;
}

static struct look *new_look(struct sl_far *f, const struct sl_far_ask *want, size_t parts)
{
    struct look *k =
        sl_mem_new(sizeof *k + parts * sizeof(struct part) + want->n * sizeof(struct place));

    k->far = f;
    k->out = want->out;
    k->n = want->n;
    k->parts_n = parts;
    k->places = (void *)&k->parts[parts];
    k->began_us = sl_net_now_us(f->net);
    for (size_t i = 0; i < want->n; i++) {
        memcpy(k->places[i].key, want->keys[i], SL_CACHE_KEY);
        k->out[i] = NULL;
    }
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
    char few[4 * SL_FAR_NAME], *names = few;
    struct look *k;

    SL_CHECK(want->n <= SL_CACHE_GETS);
    if (goes && want->n > 4)
        names = sl_mem_try((want->n < each ? want->n : each) * SL_FAR_NAME);
    goes = goes && names != NULL;
    k = new_look(f, want, goes ? parts : 0);
    k->done = done;
    k->ctx = ctx;
    if (want->known != NULL)
        k->places[0].value = sl_cached_share(want->known);
    sl_op_open(&k->op, slot, cancel);
    if (goes)
        ask_all(k, want, names);
    else
        sl_net_defer(f->net, &k->task);
    if (names != few)
        sl_mem_free(names);
}
