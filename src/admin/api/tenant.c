/* admin/api/tenant.c -- a tenant made, shown, changed, deleted, reset, given money. */
#include "admin/api/handlers.h"

/* ---- shown, with what is left ---- */

static void answer(struct sl_api *c)
{
    struct sl_tenant t;

    sl_find_lay_tenant(c, &c->tenant, &t);
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '{');
    sl_show_tenant(c, &c->tenant, &t, &c->balance);
    sl_out_close(&c->out, '}');
    sl_api_done(c);
}

static void show(struct sl_api *c)
{
    struct sl_tenant t;

    if (!sl_find_has(c, &c->tenant))
        return;
    sl_find_lay_tenant(c, &c->tenant, &t);
    sl_books_balance(c, NULL, &t, answer);
}

void sl_tenant_show(struct sl_api *c)
{
    sl_find_tenant(c, c->name, show);
}

/* ---- made, changed ---- */

static bool asks(const struct sl_api *c, struct sl_str member)
{
    return sl_json_get(c->ask.patch, member).p != NULL;
}

/* Plans, and the file for prompts, are the configuration's: what is not there would be
 * silently none. Of what went from it since, other changes are free: who is to be paused is. */
static bool has_what_it_needs(struct sl_api *c, const struct sl_record *put)
{
    struct sl_record_doc doc;
    char why[160];

    if (sl_record_read(put->doc, &c->arena, &doc, why, sizeof why) != SL_OK) {
        sl_api_no_memory(c);
        return false;
    }
    if (doc.plan.n > 0 && (asks(c, SL_STR("plan")) || sl_str_eq(c->ask.state, SL_STR("active"))) &&
        sl_tenants_plan(c->conf->tenants, doc.plan) == NULL)
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "plan", "plan: the configuration has no plan %.*s",
                    SL_STR_ARGS(doc.plan));
    else if (doc.log_prompts == 1 && asks(c, SL_STR("log_prompts")) && c->conf->kept.file.n == 0)
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "log_prompts",
                    "log_prompts: needs `prompts.file` in the configuration, where they are kept");
    else
        return true;
    return false;
}

static bool apply_patch(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    const struct sl_scopes file =
        s->file_tenant != NULL ? s->file_tenant->own.scopes : (struct sl_scopes){NULL, 0};
    bool own = s->rev > 0 && s->doc.has_scopes;
    struct sl_str patch = sl_ask_patch(&c->ask, own ? s->doc.scopes : file.at,
                                       own ? s->doc.scopes_n : file.n, &c->arena);

    if (c->ask.state.n > 0)
        put->state = c->ask.state;
    return sl_change_patch(c, s, patch, put) && has_what_it_needs(c, put);
}

static bool apply_made(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    put->state = SL_STR("active");
    put->doc = sl_arena_printf(&c->arena, "{\"created\":%lld}", (long long)(sl_api_now(c) / 1000));
    if (put->doc.p != NULL)
        return apply_patch(c, s, put);
    sl_api_no_memory(c);
    return false;
}

static void on_make(struct sl_api *c)
{
    const struct sl_subject *s = &c->tenant;

    if (!sl_subject_is_there(s))
        sl_change_start(c, &c->tenant, apply_made, "made", show);
    else if (sl_str_eq(sl_subject_state(s), SL_STR("deleted")))
        sl_api_fail(
            c, 0, SL_ERR_CONFLICT, "name",
            "name: %.*s is deleted; PATCH it with {\"state\":\"active\"}, and it comes back "
            "with its keys",
            SL_STR_ARGS(s->id));
    else
        sl_api_fail(c, 0, SL_ERR_CONFLICT, "name",
                    "name: there is a tenant %.*s; PATCH /admin/api/tenant/%.*s changes it",
                    SL_STR_ARGS(s->id), SL_STR_ARGS(s->id));
}

void sl_tenant_make(struct sl_api *c)
{
    if (sl_api_ask(c, SL_ASK_MAKE_TENANT))
        sl_find_tenant(c, c->ask.name, on_make);
}

static void on_change(struct sl_api *c)
{
    if (sl_find_has(c, &c->tenant))
        sl_change_start(c, &c->tenant, apply_patch, "changed", show);
}

void sl_tenant_change(struct sl_api *c)
{
    if (sl_api_ask(c, SL_ASK_CHANGE_TENANT))
        sl_find_tenant(c, c->name, on_change);
}

/* ---- deleted, reset ---- */

static bool apply_deleted(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    put->state = SL_STR("deleted");
    if (s->broken)
        put->doc = SL_STR("{}");
    return sl_change_patch(c, s, SL_STR("{}"), put);
}

static void on_delete(struct sl_api *c)
{
    if (sl_find_has(c, &c->tenant))
        sl_change_start(c, &c->tenant, apply_deleted, "deleted", show);
}

void sl_tenant_delete(struct sl_api *c)
{
    sl_find_tenant(c, c->name, on_delete);
}

static bool apply_reset(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    put->state = SL_STR("active");
    put->doc = SL_STR("{}");
    return sl_change_patch(c, s, SL_STR("{}"), put);
}

static void on_reset(struct sl_api *c)
{
    if (!sl_find_has(c, &c->tenant))
        return;
    if (c->tenant.file_tenant == NULL)
        sl_api_fail(c, 0, SL_ERR_CONFLICT, "tenant",
                    "tenant: %.*s is not in the configuration, there is nothing to go back to",
                    SL_STR_ARGS(c->tenant.id));
    else
        sl_change_start(c, &c->tenant, apply_reset, "reset to the configuration's", show);
}

void sl_tenant_reset(struct sl_api *c)
{
    sl_find_tenant(c, c->name, on_reset);
}

/* ---- money ---- */

static void on_credits(struct sl_api *c)
{
    struct sl_tenant t;

    if (!sl_find_has(c, &c->tenant))
        return;
    sl_find_lay_tenant(c, &c->tenant, &t);
    sl_books_grant(c, NULL, &t, show);
}

void sl_tenant_credits(struct sl_api *c)
{
    if (sl_api_ask(c, SL_ASK_CREDITS))
        sl_find_tenant(c, c->name, on_credits);
}

/* The budget that a raise goes over: what holds without one. */
static const struct sl_budget *budget_of(struct sl_api *c, const struct sl_subject *s,
                                         struct sl_tenant *t)
{
    struct sl_subject plain = *s;

    plain.doc.raise.until_unix_ms = 0;
    sl_find_lay_tenant(c, &plain, t);
    return &t->terms.budget;
}

static bool is_higher(struct sl_api *c, const char *name, int64_t now_micro, int64_t to_micro)
{
    if (to_micro == SL_UNSET || (now_micro > 0 && to_micro > now_micro))
        return true;
    sl_api_fail(c, 0, SL_ERR_CONFLICT, name,
                now_micro > 0
                    ? "%s: must be more than the budget of now"
                    : "%s: there is no such budget that could be raised; change the tenant first",
                name);
    return false;
}

static bool apply_raise(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    struct sl_record_doc wish;
    struct sl_tenant t;
    const struct sl_budget *now = budget_of(c, s, &t);
    struct sl_str until = sl_arena_printf(&c->arena, "{\"raise\":{\"until\":%lld}}",
                                          (long long)(c->ask.until_unix_ms / 1000));
    char why[160];

    if (until.p == NULL) {
        sl_api_no_memory(c);
        return false;
    }
    /* an earlier raise ends with this one */
    if (!sl_change_patch(c, s, SL_STR("{\"raise\":null}"), put) ||
        !sl_change_patch(c, s, until, put) || !sl_change_patch(c, s, c->ask.patch, put))
        return false;
    if (sl_record_read(put->doc, &c->arena, &wish, why, sizeof why) != SL_OK) {
        sl_api_no_memory(c);
        return false;
    }
    return is_higher(c, "daily", now->daily_micro, wish.raise.to.daily_micro) &&
           is_higher(c, "monthly", now->monthly_micro, wish.raise.to.monthly_micro);
}

static void on_raise(struct sl_api *c)
{
    if (sl_find_has(c, &c->tenant))
        sl_change_start(c, &c->tenant, apply_raise, "given a higher budget", show);
}

void sl_tenant_raise(struct sl_api *c)
{
    if (sl_api_ask(c, SL_ASK_RAISE))
        sl_find_tenant(c, c->name, on_raise);
}
