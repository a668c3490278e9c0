/* store/front/tip.c -- the last line of this instance's trail, told to the store about once a
 * second. Before the first time it is asked what it has: a line that is not in the trail any
 * more, or another one of its number, was cut off or written anew while no process ran. That is
 * said, and kept beside what comes. */
#include "base/log.h"
#include "store/front/inside.h"

#define EACH_MS 900 /* with beats each half second: once a second */

static struct sl_str name_of(const struct sl_store *s)
{
    return (struct sl_str){s->instance, sizeof s->instance};
}

static void judge(struct sl_store *s, bool there)
{
    struct sl_tips *t = &s->tips;

    t->asked = true;
    t->kept = (struct sl_tip){.lost = t->call.lost};
    if (there)
        return;
    t->kept.lost = t->call.number;
    sl_log(SL_LOG_ERROR, "store", name_of(s),
           "the trail in %.*s was cut: the store knows of its line %llu, which is not there; "
           "`sluice audit verify` says what is left",
           SL_STR_ARGS(sl_trail_dir(s->t)), (unsigned long long)t->call.number);
}

/* The line stands first in it, unless it is not there or can't be read. */
static void on_page(void *ctx, enum sl_err e)
{
    struct sl_store *s = ctx;
    struct sl_tips *t = &s->tips;
    struct sl_str rest = t->page.text, line;

    if (e != SL_ERR_NO_MEMORY) /* then at the next beat */
        judge(s, e == SL_OK && sl_str_split(&rest, '\n', &line) &&
                     sl_trail_line_is(line, t->call.number, t->call.mac));
}

/* The process before may have written more than it could tell. */
static void on_asked(void *ctx, enum sl_err e)
{
    struct sl_store *s = ctx;
    struct sl_tips *t = &s->tips;
    uint8_t mac[32];
    uint64_t found = sl_trail_found(s->t, mac);

    if (e != SL_OK)
        return; /* at the next beat */
    if (t->call.number == 0 || t->call.number >= found)
        judge(s, t->call.number == 0 ||
                     (t->call.number == found && memcmp(mac, t->call.mac, sizeof mac) == 0));
    else
        sl_trail_read_start(s->t, t->call.number - 1, &t->page, &t->op, on_page, s);
}

static void on_kept(void *ctx, enum sl_err e)
{
    struct sl_store *s = ctx;

    if (e == SL_OK)
        s->tips.kept = s->tips.call;
}

void sl_tips_on_beat(struct sl_store *s)
{
    struct sl_tips *t = &s->tips;
    uint64_t now = sl_net_now(s->net);

    if (s->t == NULL || t->op != NULL || !s->health.met)
        return;
    if (!t->asked) {
        s->b->ops->tip(s->b, name_of(s), &t->call, &t->op, on_asked, s);
        return;
    }
    t->call.lost = t->kept.lost;
    t->call.number = sl_trail_tip(s->t, t->call.mac);
    if (t->call.number == t->kept.number || now < t->next_ms)
        return;
    t->next_ms = now + EACH_MS;
    s->b->ops->keep_tip(s->b, name_of(s), &t->call, &t->op, on_kept, s);
}

void sl_tips_forget(struct sl_store *s)
{
    s->tips.kept.number = 0;
}

void sl_tips_fini(struct sl_store *s)
{
    sl_op_cancel(&s->tips.op);
}

void sl_store_tip_start(struct sl_store *s, struct sl_str instance, struct sl_tip *out,
                        struct sl_op **slot, sl_store_done_fn *done, void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct sl_step *st;

    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    st = sl_step_new(s, sizeof *st, SL_STORE_LIST, SL_STORE_ADMIN_MS, &w);
    *out = (struct sl_tip){.number = 0};
    if (sl_store_is_asked(s))
        s->b->ops->tip(s->b, instance, out, &st->below, sl_step_on_done, st);
    else
        sl_step_tell_later(st, SL_ERR_STORE);
}
