/* Admission on Redis: asked, read, given back when nobody waits any more. Requests that one
 * turn of the loop has, and that are alike (of one key, by the same terms), go in one call of
 * the script: most of its time is that of the call. */
#include "store/redis/admit.h"

#define TOGETHER 32 /* requests of one call: a script must be short */
#define LOOKED_AT 8 /* batches that a request may join */

/* ---- a batch ---- */

struct waiting { /* one request */
    struct sl_op op;
    struct sl_redis_batch *batch; /* up */
    size_t at;                    /* its place there */
    bool waits;
    unsigned took;               /* known once the batch is answered */
    struct sl_quota_answer *out; /* up: while it waits */
    sl_store_done_fn *done;
    void *ctx; /* up: the waiter's */
};

/* Enough of admissions to give them back. */
struct taken {
    struct sl_redis *r; /* up */
    char tenant[SL_REDIS_NAME + 1], key_id[SL_REDIS_NAME + 1];
    bool leased[SL_LEVEL__COUNT], account[SL_LEVEL__COUNT], bursts[SL_LEVEL__COUNT], light;
    char user[SL_QUOTA_USER]; /* where it is limited */
    size_t n;
    struct {
        char id[SL_QUOTA_ID];
        int64_t reserve_micro;
    } of[TOGETHER];
};

struct sl_redis_batch {
    struct sl_list node; /* of r->batches */
    struct sl_task task; /* sends it when the turn ends */
    struct sl_op *op;    /* owns: the call under way */
    bool sent, telling, refused;
    char record_id[SL_REDIS_NAME + 1];
    int64_t numbers[SL_ADMIT_NUMBERS];
    struct taken taken;
    struct waiting *of[TOGETHER]; /* owns */
};

static void end(struct sl_redis_batch *b)
{
    sl_task_cancel(&b->task);
    sl_op_cancel(&b->op);
    sl_list_unlink(&b->node);
    for (size_t i = 0; i < b->taken.n; i++)
        sl_mem_free(b->of[i]);
    sl_mem_free(b);
}

void sl_redis_drop_batches(struct sl_redis *r)
{
    while (!sl_list_is_empty(&r->batches))
        end(SL_CONTAINER(r->batches.next, struct sl_redis_batch, node));
}

/* ---- answered ---- */

static void give_back(const struct taken *t, size_t i, unsigned took)
{
    struct sl_hold hold = {.key_id = sl_str_of(t->key_id), .booked = (took & SL_ADMIT_BOOKED) != 0};

    memcpy(hold.id, t->of[i].id, sizeof hold.id);
    memcpy(hold.bursts, t->bursts, sizeof hold.bursts);
    hold.light = t->light;
    if ((took & SL_ADMIT_LEASED) != 0) {
        memcpy(hold.leased, t->leased, sizeof hold.leased);
        memcpy(hold.user, t->user, sizeof hold.user);
    }
    if ((took & SL_ADMIT_RESERVED) != 0) {
        hold.reserved_micro = t->of[i].reserve_micro;
        memcpy(hold.account, t->account, sizeof hold.account);
    }
    if (took != 0)
        sl_redis_give_back(&t->r->base, sl_str_of(t->tenant), &hold);
}

/* What nobody waits for any more is given back. */
static bool read_answers(struct sl_script_call *c, const redisReply *reply)
{
    struct sl_redis_batch *b = c->out;
    struct sl_quota_answer a;

    if (!sl_admit_is_answer(reply, b->taken.n))
        return false;
    for (size_t i = 0; i < b->taken.n; i++) {
        struct waiting *w = b->of[i];

        if (!sl_admit_read(reply, i, &a, &w->took))
            return false;
        if (w->waits)
            *w->out = a;
        else
            give_back(&b->taken, i, w->took);
    }
    return true;
}

/* Nobody knows whether they were admitted: what they may have taken is given back, but for
 * what buckets had, which has no id. */
static void give_all_back(struct taken *t)
{
    memset(t->bursts, 0, sizeof t->bursts);
    for (size_t i = 0; i < t->n; i++)
        give_back(t, i, SL_ADMIT_LEASED | SL_ADMIT_RESERVED | SL_ADMIT_BOOKED);
}

/* Telling one may cancel another. */
static void on_answered(void *ctx, enum sl_err e)
{
    struct sl_redis_batch *b = ctx;

    if (e == SL_ERR_STORE)
        give_all_back(&b->taken);
    b->telling = true;
    for (size_t i = 0; i < b->taken.n; i++) {
        struct waiting *w = b->of[i];
        bool waits = w->waits;

        w->waits = false;
        if (waits && sl_op_close(&w->op))
            w->done(w->ctx, e);
    }
    end(b);
}

/* A reply after the call's own deadline: everyone has gone. */
static void on_late(void *ctx, const void *note, const redisReply *reply)
{
    struct taken t;
    struct sl_quota_answer a;
    unsigned took;

    (void)ctx;
    memcpy(&t, note, sizeof t);
    if (!sl_admit_is_answer(reply, t.n))
        return;
    for (size_t i = 0; i < t.n && sl_admit_read(reply, i, &a, &took); i++)
        give_back(&t, i, took);
}

static void cancel(struct sl_op *op)
{
    struct waiting *w = SL_CONTAINER(op, struct waiting, op);
    struct sl_redis_batch *b = w->batch;

    w->waits = false;
    if (b->telling)
        give_back(&b->taken, w->at, w->took);
}

/* ---- sent ---- */

/* Those that have gone meanwhile are left out. */
static void close_ranks(struct sl_redis_batch *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->taken.n; i++) {
        struct waiting *w = b->of[i];

        if (!w->waits) {
            sl_mem_free(w);
            continue;
        }
        w->at = n;
        b->taken.of[n] = b->taken.of[i];
        b->of[n++] = w;
    }
    b->taken.n = n;
}

static void push_all(struct sl_script_call *c, const struct sl_redis_batch *b)
{
    const struct sl_redis *r = b->taken.r;
    char text[SL_REDIS_BASE];
    struct sl_str base = sl_redis_base(r, sl_str_of(b->taken.tenant), text);

    sl_script_key(c, base, SL_STR("keys"));
    sl_script_key(c, sl_str_of(r->prefix), SL_STR("g:qps"));
    sl_script_arg(c, base);
    sl_script_arg(c, sl_str_of(b->taken.key_id));
    sl_script_arg(c, sl_str_of(b->record_id));
    sl_script_doubles(c, b->numbers, SL_ADMIT_NUMBERS);
    sl_script_arg(c, sl_redis_user(b->taken.user));
    for (size_t i = 0; i < b->taken.n; i++) {
        sl_script_arg(c, (struct sl_str){b->taken.of[i].id, SL_QUOTA_ID});
        sl_script_int(c, b->taken.of[i].reserve_micro);
    }
}

static void send(struct sl_task *task)
{
    struct sl_redis_batch *b = SL_CONTAINER(task, struct sl_redis_batch, task);
    struct sl_script_call *c;

    close_ranks(b);
    if (b->taken.n == 0) {
        end(b);
        return;
    }
    b->sent = true;
    c = sl_script_new(&b->taken.r->scripts, SL_SCRIPT_ADMIT);
    push_all(c, b);
    c->read = read_answers;
    c->out = b;
    c->late = on_late;
    c->note_n = sizeof b->taken;
    c->note = sl_mem_new(sizeof b->taken);
    memcpy(c->note, &b->taken, sizeof b->taken);
    if (b->refused)
        sl_script_refuse(c, SL_ERR_STORE_DATA);
    sl_script_send(c, &b->op, on_answered, b);
}

/* ---- asked ---- */

static void copy_name(char out[SL_REDIS_NAME + 1], struct sl_str name)
{
    name = sl_str_first(name, SL_REDIS_NAME);
    if (name.n > 0)
        memcpy(out, name.p, name.n);
    out[name.n] = '\0';
}

/* Requests of users that are not limited are alike. */
static void copy_user(char out[SL_QUOTA_USER], const struct sl_quota_ask *ask)
{
    enum sl_level whose;

    memset(out, 0, SL_QUOTA_USER);
    if (sl_quota_user_limit(ask, &whose) > 0)
        memcpy(out, ask->user, SL_QUOTA_USER);
}

static struct sl_redis_batch *new_batch(struct sl_redis *r, const struct sl_quota_ask *ask,
                                        const int64_t numbers[SL_ADMIT_NUMBERS])
{
    struct sl_redis_batch *b = sl_mem_new(sizeof *b);

    b->refused = !sl_redis_has_names(ask);
    b->taken.r = r;
    copy_name(b->taken.tenant, ask->tenant);
    copy_name(b->taken.key_id, ask->key_id);
    copy_name(b->record_id, sl_quota_record(ask));
    memcpy(b->numbers, numbers, sizeof b->numbers);
    b->taken.light = ask->light;
    copy_user(b->taken.user, ask);
    for (int l = 0; l < SL_LEVEL__COUNT; l++) {
        b->taken.leased[l] = sl_redis_terms(ask, l)->limits.concurrency > 0;
        b->taken.bursts[l] = sl_redis_terms(ask, l)->limits.burst > 0;
        b->taken.account[l] = sl_terms_has_budget(sl_redis_terms(ask, l));
    }
    sl_task_init(&b->task, send);
    sl_list_push_back(&r->batches, &b->node);
    sl_net_defer(r->net, &b->task);
    return b;
}

static bool is_like(const struct sl_redis_batch *b, const struct sl_quota_ask *ask,
                    const int64_t numbers[SL_ADMIT_NUMBERS], const char user[SL_QUOTA_USER])
{
    return !b->sent && !b->refused && sl_redis_has_names(ask) && b->taken.n < TOGETHER &&
           memcmp(b->numbers, numbers, sizeof b->numbers) == 0 &&
           memcmp(b->taken.user, user, SL_QUOTA_USER) == 0 &&
           sl_str_eq(sl_str_of(b->taken.tenant), ask->tenant) &&
           sl_str_eq(sl_str_of(b->taken.key_id), ask->key_id) &&
           sl_str_eq(sl_str_of(b->record_id), sl_quota_record(ask));
}

/* The newest come first: those that are under way are of no use. */
static struct sl_redis_batch *batch_for(struct sl_redis *r, const struct sl_quota_ask *ask)
{
    int64_t numbers[SL_ADMIT_NUMBERS];
    char user[SL_QUOTA_USER];
    const struct sl_list *at = r->batches.prev;

    sl_admit_numbers(ask, numbers);
    copy_user(user, ask);
    for (int i = 0; i < LOOKED_AT && at != &r->batches; i++, at = at->prev) {
        struct sl_redis_batch *b = SL_CONTAINER(at, struct sl_redis_batch, node);

        if (is_like(b, ask, numbers, user))
            return b;
    }
    return new_batch(r, ask, numbers);
}

void sl_redis_admit(struct sl_backend *backend, const struct sl_quota_ask *ask,
                    struct sl_quota_answer *out, SL_BACKEND_WAIT)
{
    struct sl_redis_batch *b = batch_for(sl_redis_of(backend), ask);
    struct waiting *w = sl_mem_new(sizeof *w);

    w->batch = b;
    w->waits = true;
    w->at = b->taken.n++;
    w->out = out;
    w->done = done;
    w->ctx = ctx;
    memcpy(b->taken.of[w->at].id, ask->id, sizeof ask->id);
    b->taken.of[w->at].reserve_micro = ask->reserve_micro;
    b->of[w->at] = w;
    sl_op_open(&w->op, slot, cancel);
}
