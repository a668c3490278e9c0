/* store/embedded/embedded.c -- the backend in one process: the engine decides, SQLite
 * remembers. No answer that a request waits for touches the disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/obj.h"
#include "store/embedded/inside.h"

struct sl_embedded *sl_embedded_of(struct sl_backend *backend)
{
    struct sl_embedded *b = SL_CONTAINER(backend, struct sl_embedded, backend);

    SL_OBJ_CHECK(b, SL_EMBEDDED_MAGIC);
    return b;
}

int64_t sl_embedded_now_us(struct sl_embedded *b)
{
    return sl_net_onward_us(b->net, &b->ahead_us);
}

int64_t sl_embedded_turn_us(struct sl_embedded *b)
{
    return (int64_t)sl_net_now(b->net) * 1000 + b->ahead_us;
}

void sl_embedded_advance(struct sl_backend *backend, int64_t us)
{
    struct sl_embedded *b = sl_embedded_of(backend);

    (void)sl_embedded_now_us(b);
    b->ahead_us += us;
}

/* ---- answers from memory ---- */

struct soon { /* an answer on its way to the end of the turn */
    struct sl_op op;
    struct sl_task task;
    struct sl_embedded *b; /* up */
    sl_store_done_fn *done;
    void *ctx; /* up: the waiter's */
    enum sl_err err;
    const struct sl_quota_ask *ask; /* up: of an admission, which is decided there; or NULL */
    struct sl_quota_answer *answer; /* up */
};

static struct sl_mem_shelf shelf = {.size = sizeof(struct soon), .most = 64};

static void answer(struct sl_task *t)
{
    struct soon *s = SL_CONTAINER(t, struct soon, task);
    sl_store_done_fn *done = s->done;
    void *ctx = s->ctx;
    enum sl_err err = s->err;

    if (s->ask != NULL) {
        sl_engine_admit(s->b->engine, s->ask, 1, sl_embedded_now_us(s->b), s->answer);
        sl_lane_soon(s->b); /* an account may have begun */
    }
    if (!sl_op_close(&s->op))
        done = NULL;
    sl_mem_give(&shelf, s);
    if (done != NULL)
        done(ctx, err);
}

/* An admission that nobody waits for has taken nothing: it was not decided. */
static void forget(struct sl_op *op)
{
    struct soon *s = SL_CONTAINER(op, struct soon, op);

    sl_task_cancel(&s->task);
    op->magic = SL_OBJ_DEAD;
    sl_mem_give(&shelf, s);
}

static struct soon *begin(struct sl_embedded *b, enum sl_err err, SL_BACKEND_WAIT)
{
    struct soon *s = sl_mem_take_zeroed(&shelf);

    s->b = b;
    s->done = done;
    s->ctx = ctx;
    s->err = err;
    sl_task_init(&s->task, answer);
    sl_op_open(&s->op, slot, forget);
    sl_net_defer(b->net, &s->task);
    return s;
}

void sl_embedded_say(struct sl_embedded *b, enum sl_err err, SL_BACKEND_WAIT)
{
    (void)begin(b, err, slot, done, ctx);
}

static void start(struct sl_backend *b, SL_BACKEND_WAIT)
{
    sl_embedded_say(sl_embedded_of(b), SL_OK, slot, done, ctx); /* all was read when it was made */
}

static bool is_up(const struct sl_backend *backend)
{
    return SL_CONTAINER(backend, const struct sl_embedded, backend)->up;
}

static void admit(struct sl_backend *b, const struct sl_quota_ask *ask, struct sl_quota_answer *out,
                  SL_BACKEND_WAIT)
{
    struct soon *s = begin(sl_embedded_of(b), SL_OK, slot, done, ctx);

    s->ask = ask;
    s->answer = out;
}

static void renew(struct sl_backend *backend, struct sl_str tenant, const struct sl_hold *holds,
                  size_t n, SL_BACKEND_WAIT)
{
    struct sl_embedded *b = sl_embedded_of(backend);
    int64_t now_us = sl_embedded_now_us(b);

    for (size_t i = 0; i < n; i++)
        sl_engine_renew(b->engine, tenant, &holds[i], now_us);
    sl_embedded_say(b, SL_OK, slot, done, ctx);
}

static void give_back(struct sl_backend *backend, struct sl_str tenant, const struct sl_hold *hold)
{
    struct sl_embedded *b = sl_embedded_of(backend);

    sl_engine_give_back(b->engine, tenant, hold, sl_embedded_now_us(b));
}

static void grow(struct sl_backend *backend, const struct sl_quota_ask *ask, int64_t more_micro,
                 struct sl_quota_answer *out, SL_BACKEND_WAIT)
{
    struct sl_embedded *b = sl_embedded_of(backend);
    bool ok = sl_engine_grow(b->engine, ask, more_micro, 1, sl_embedded_now_us(b), out);

    sl_embedded_say(b, ok ? SL_OK : SL_ERR_CREDITS, slot, done, ctx);
}

static void beat(struct sl_backend *backend, struct sl_str instance, struct sl_beat *out,
                 SL_BACKEND_WAIT)
{
    struct sl_embedded *b = sl_embedded_of(backend);

    (void)instance; /* the only one */
    *out = (struct sl_beat){1, b->revision, b->has_epoch, sl_embedded_now_us(b)};
    sl_embedded_say(b, SL_OK, slot, done, ctx);
}

static void balance(struct sl_backend *backend, struct sl_str tenant, struct sl_str key_id,
                    const struct sl_periods *now, struct sl_balance *out, SL_BACKEND_WAIT)
{
    struct sl_embedded *b = sl_embedded_of(backend);

    sl_engine_balance(b->engine, tenant, key_id, now, sl_embedded_now_us(b), out);
    sl_embedded_say(b, SL_OK, slot, done, ctx);
}

/* ---- life ---- */

static void reap(struct sl_grave *g)
{
    struct sl_embedded *b = SL_CONTAINER(g, struct sl_embedded, grave);

    b->magic = SL_OBJ_DEAD;
    sl_mem_free(b);
}

static void end(struct sl_backend **pb)
{
    struct sl_embedded *b;

    if (*pb == NULL)
        return;
    b = sl_embedded_of(*pb);
    *pb = NULL;
    b->ended = true;
    if (!sl_lane_end(b))
        return; /* what hangs in the pool will yet write into its memory */
    sl_db_end(&b->read.db);
    sl_db_end(&b->write.db); /* the last one copies the journal into the file */
    sl_tally_fini(&b->tally);
    sl_notes_fini(&b->notes);
    sl_engine_end(&b->engine);
    if (b->lock_fd >= 0)
        close(b->lock_fd);
    sl_net_bury(b->net, &b->grave, reap);
}

static const struct sl_backend_ops ops = {
    .name = "embedded",
    .start = start,
    .end = end,
    .is_up = is_up,
    .admit = admit,
    .apply = sl_entry_apply,
    .renew = renew,
    .give_back = give_back,
    .grow = grow,
    .beat = beat,
    .mark = sl_entry_mark,
    .key = sl_entry_key,
    .find = sl_entry_find,
    .list = sl_entry_list,
    .put = sl_entry_put,
    .balance = balance,
    .grant = sl_entry_grant,
    .usage = sl_entry_usage,
    .note = sl_notes_note,
    .noted = sl_notes_noted,
    .tip = sl_entry_tip,
    .keep_tip = sl_entry_keep_tip,
    .restore = sl_entry_restore,
    .restore_records = sl_entry_restore_records,
};

/* ---- the directory ---- */

static bool fail(char *why, size_t cap, const char *path, const char *what)
{
    (void)snprintf(why, cap, "%s %s: %s", path, what, strerror(errno));
    return false;
}

/* Balances are kept in memory: a second process would write its own over them. */
static bool lock(struct sl_embedded *b, struct sl_str dir, char *why, size_t cap)
{
    char path[sizeof b->where];

    (void)snprintf(path, sizeof path, "%.*s/store.lock", SL_STR_ARGS(dir));
    b->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (b->lock_fd < 0)
        return fail(why, cap, path, "can't be made");
    if (flock(b->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno != EWOULDBLOCK)
        return fail(why, cap, path, "can't be locked");
    (void)snprintf(why, cap,
                   "%.*s is in use by another process: stop that one, or choose another directory",
                   SL_STR_ARGS(dir));
    return false;
}

static bool open_dir(struct sl_embedded *b, struct sl_str dir, char *why, size_t cap)
{
    char path[sizeof b->where];
    int fd;

    if (dir.n + sizeof "/store.lock" > sizeof path) {
        (void)snprintf(why, cap, "the store's directory has a name of more than %zu bytes",
                       sizeof path - sizeof "/store.lock");
        return false;
    }
    (void)snprintf(path, sizeof path, "%.*s", SL_STR_ARGS(dir));
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail(why, cap, path, "can't be made");
    (void)snprintf(b->where, sizeof b->where, "%.*s/store.db", SL_STR_ARGS(dir));
    if (!lock(b, dir, why, cap))
        return false;
    /* SQLite gives the journal's files the same rights */
    fd = open(b->where, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(why, cap, b->where, "can't be opened");
    close(fd);
    b->write.db = sl_db_open(b->where, false, why, cap);
    b->read.db = b->write.db != NULL ? sl_db_open(b->where, true, why, cap) : NULL;
    return b->read.db != NULL;
}

static bool open_memory(struct sl_embedded *b, char *why, size_t cap)
{
    (void)snprintf(b->where, sizeof b->where, "memory");
    b->write.db = sl_db_open(NULL, false, why, cap);
    return b->write.db != NULL;
}

struct sl_backend *sl_embedded_new(struct sl_net *net, struct sl_str dir, char *why, size_t cap)
{
    struct sl_embedded *b = sl_mem_new(sizeof *b);
    struct sl_backend *backend = &b->backend;

    b->backend.ops = &ops;
    b->magic = SL_EMBEDDED_MAGIC;
    b->net = net;
    b->up = true;
    b->lock_fd = -1;
    b->engine = sl_engine_new();
    sl_notes_init(&b->notes);
    sl_timer_init(&b->timer, sl_lane_fire);
    sl_lane_init(&b->write, b, true);
    sl_lane_init(&b->read, b, false);
    if (!(dir.n > 0 ? open_dir(b, dir, why, cap) : open_memory(b, why, cap)) ||
        !sl_load(b, why, cap))
        end(&backend);
    return backend;
}
