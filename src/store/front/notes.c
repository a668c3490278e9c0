/* store/front/notes.c -- what became of single requests. */
#include "store/front/inside.h"

static bool fits(struct sl_str tenant, const struct sl_note *n)
{
    return tenant.n > 0 && n->id.n > 0 && n->id.n <= SL_STORE_NOTE_NAME &&
           n->other.n <= SL_STORE_NOTE_NAME && n->doc.n > 0 && n->doc.n <= SL_STORE_NOTE_MAX;
}

void sl_store_note(struct sl_store *s, struct sl_str tenant, const struct sl_note *note)
{
    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    if (fits(tenant, note) && sl_store_is_asked(s))
        s->b->ops->note(s->b, tenant, note);
}

/* lint: budgets whose, by which name, and who waits */
void sl_store_noted_start(struct sl_store *s, struct sl_str tenant, struct sl_str name,
                          struct sl_noted *out, struct sl_op **slot, sl_store_done_fn *done,
                          void *ctx)
{
    const struct sl_step_waiter w = {slot, done, ctx};
    struct sl_step *st;

    SL_OBJ_CHECK(s, SL_STORE_MAGIC);
    st = sl_step_new(s, sizeof *st, SL_STORE_NOTED, s->timeout_ms, &w);
    out->n = 0;
    if (name.n == 0 || name.n > SL_STORE_NOTE_NAME)
        sl_step_tell_later(st, SL_OK);
    else if (sl_store_is_asked(s))
        s->b->ops->noted(s->b, tenant, name, out, &st->below, sl_step_on_done, st);
    else
        sl_step_tell_later(st, SL_ERR_STORE);
}
