/* store/embedded/lane.c -- entries on their way to SQLite and back.
 *
 *   queue ─► (end of the turn, or the timer) ─► job: entries, and what is unsaved
 *         ─► a thread: one transaction ─► loop: engine told, done called
 *
 * A job that failed gives back what it was to write; the next one tries again.
 */
#include "base/log.h"
#include "base/obj.h"
#include "store/embedded/inside.h"

#include <stdio.h>

#define END_US 3000000
#define QUEUE_MAX 4096 /* entries of a lane */

/* ---- and back ---- */

static void set_up(struct sl_embedded *b, bool up)
{
    if (up == b->up)
        return;
    b->up = up;
    if (up)
        sl_log(SL_LOG_INFO, "store", sl_str_of(b->where), "the store can be written again");
    else
        sl_log(SL_LOG_ERROR, "store", sl_str_of(b->where),
               "the store can't be written: %s. Settled requests wait in memory; see that the "
               "disk has room and the file is writable",
               b->write.db->trouble);
}

static void give_back(struct sl_embedded *b, struct sl_job *job)
{
    for (size_t i = 0; i < job->accounts_n; i++)
        sl_engine_unsave(b->engine, job->accounts[i].tenant, job->accounts[i].key_id);
    sl_tally_merge(&b->tally, &job->rows);
}

static void note_seqs(const struct sl_job *job)
{
    for (size_t i = 0; i < job->seqs_n; i++) {
        const struct sl_saved_seq *saved = &job->seqs[i];

        if (saved->of->written < saved->number)
            saved->of->written = saved->number;
    }
}

static void free_entry(struct sl_entry *n)
{
    sl_arena_fini(&n->arena);
    sl_mem_free(n);
}

/* The file has it; now memory and the waiter hear of it. A waiter may do anything
 * but end the store. */
static void finish_entry(struct sl_embedded *b, struct sl_entry *n, bool ok)
{
    enum sl_err err = n->err != SL_OK ? n->err : ok ? SL_OK : SL_ERR_STORE;

    sl_list_unlink(&n->node);
    if (err == SL_OK)
        sl_entry_tell_engine(b, n);
    if (sl_op_close(&n->op) && !b->ended) {
        if (err == SL_OK)
            sl_entry_tell_waiter(b, n);
        n->done(n->ctx, err);
    }
    free_entry(n);
}

static void finish_job(void *ctx)
{
    struct sl_job *job = ctx;
    struct sl_lane *lane = job->lane;
    struct sl_embedded *b = lane->b;

    lane->job = NULL;
    if (lane->writes) {
        if (job->ok)
            note_seqs(job);
        else
            give_back(b, job);
        set_up(b, job->ok);
    }
    while (!sl_list_is_empty(&job->entries))
        finish_entry(b, SL_CONTAINER(job->entries.next, struct sl_entry, node), job->ok);
    sl_job_end(&job);
    if (b->ended)
        return;
    if (lane->now)
        sl_net_defer(b->net, &lane->kick);
    else if (lane->writes)
        sl_lane_soon(b);
}

/* ---- beginning ---- */

static bool has_unsaved(const struct sl_embedded *b)
{
    return b->tally.rows != NULL || sl_engine_has_unsaved(b->engine);
}

static struct sl_job *new_job(struct sl_lane *lane)
{
    lane->job = sl_job_new(lane);
    if (lane->job->whole)
        return lane->job;
    /* as one that failed */
    (void)snprintf(lane->db->trouble, sizeof lane->db->trouble, "no memory");
    finish_job(lane->job);
    return NULL;
}

static void begin(struct sl_lane *lane)
{
    struct sl_embedded *b = lane->b;

    /* A job looks again when it is through, and the end writes what is left by itself. */
    if (lane->job != NULL || b->ended)
        return;
    if (lane->writes) {
        sl_timer_stop(b->net, &b->timer);
        b->since_ms = 0;
    }
    if (new_job(lane) != NULL)
        sl_work_start(b->net, sl_job_run, lane->job, &lane->work, finish_job, NULL);
}

static void kick(struct sl_task *t)
{
    begin(SL_CONTAINER(t, struct sl_lane, kick));
}

void sl_lane_fire(struct sl_timer *t)
{
    begin(&SL_CONTAINER(t, struct sl_embedded, timer)->write);
}

/* Counted from the first line that waits, also when it came while a job was under way. */
void sl_lane_soon(struct sl_embedded *b)
{
    uint64_t now = sl_net_now(b->net), waited;

    if (!has_unsaved(b) && sl_list_is_empty(&b->write.queue))
        return;
    if (b->since_ms == 0)
        b->since_ms = now;
    if (b->write.job != NULL || sl_timer_is_armed(&b->timer))
        return;
    waited = now - b->since_ms;
    if (!b->up)
        sl_timer_start(b->net, &b->timer, SL_EMBEDDED_RETRY_MS);
    else
        sl_timer_start(b->net, &b->timer,
                       waited < SL_EMBEDDED_COMMIT_MS ? SL_EMBEDDED_COMMIT_MS - waited : 0);
}

void sl_lane_init(struct sl_lane *lane, struct sl_embedded *b, bool writes)
{
    lane->b = b;
    lane->writes = writes;
    sl_list_init(&lane->queue);
    sl_task_init(&lane->kick, kick);
}

bool sl_lane_has_room(const struct sl_lane *lane)
{
    return lane->queue_n < QUEUE_MAX;
}

void sl_lane_add(struct sl_lane *lane, struct sl_entry *n)
{
    sl_list_push_back(&lane->queue, &n->node);
    lane->queue_n++;
    if (n->kind == SL_ENTRY_APPLY || n->kind == SL_ENTRY_KEEP_TIP) {
        sl_lane_soon(lane->b);
        return;
    }
    lane->now = true;
    sl_net_defer(lane->b->net, &lane->kick);
}

/* ---- the end ---- */

static bool wait_for(struct sl_lane *lane, uint64_t until_us)
{
    while (lane->job != NULL && sl_net_now_us(lane->b->net) < until_us)
        sl_net_turn(lane->b->net, 10);
    return lane->job == NULL;
}

static void silence(struct sl_lane *lane)
{
    sl_task_cancel(&lane->kick);
    while (!sl_list_is_empty(&lane->queue))
        finish_entry(lane->b, SL_CONTAINER(lane->queue.next, struct sl_entry, node), false);
}

bool sl_lane_end(struct sl_embedded *b)
{
    uint64_t until_us = sl_net_now_us(b->net) + END_US;
    bool through = wait_for(&b->write, until_us) && wait_for(&b->read, until_us);

    sl_timer_stop(b->net, &b->timer);
    silence(&b->write);
    silence(&b->read);
    if (!through)
        return false;
    if (has_unsaved(b) && new_job(&b->write) != NULL) {
        sl_job_run(b->write.job);
        finish_job(b->write.job);
    }
    return true;
}
