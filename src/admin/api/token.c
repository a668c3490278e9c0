/* admin/api/token.c -- a key shown, changed, revoked, reset, given credits. */
#include "admin/api/handlers.h"

/* ---- shown, with what is left ---- */

static void answer(struct sl_api *c)
{
    struct sl_tenant of;
    struct sl_key k;

    sl_find_lay_tenant(c, &c->tenant, &of);
    sl_find_lay_key(&c->key, &of, &k);
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '{');
    sl_show_key(c, &c->key, &k, &c->balance);
    sl_out_text(&c->out, "tenant_state", sl_subject_state(&c->tenant));
    sl_out_close(&c->out, '}');
    sl_api_done(c);
}

static void with_tenant(struct sl_api *c)
{
    struct sl_tenant *of = sl_arena_alloc(&c->arena, sizeof *of);
    struct sl_key k;

    if (of == NULL) {
        sl_api_no_memory(c);
        return;
    }
    sl_find_lay_tenant(c, &c->tenant, of);
    sl_find_lay_key(&c->key, of, &k);
    sl_books_balance(c, &k, of, answer);
}

static void show(struct sl_api *c)
{
    if (sl_find_has(c, &c->key))
        sl_find_tenant(c, c->key.tenant, with_tenant);
}

void sl_token_show(struct sl_api *c)
{
    sl_find_key(c, c->name, show);
}

/* ---- changed ---- */

static bool apply_patch(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    const struct sl_str *scopes = s->rev > 0 && s->doc.has_scopes ? s->doc.scopes : NULL;
    size_t n = scopes != NULL ? s->doc.scopes_n : 0;

    if (sl_str_eq(put->state, SL_STR("revoked"))) {
        sl_api_fail(c, 0, SL_ERR_CONFLICT, "id",
                    "id: key %.*s is revoked, for good; make a new one", SL_STR_ARGS(s->id));
        return false;
    }
    if (scopes == NULL && s->file_key != NULL) {
        scopes = s->file_key->scopes;
        n = s->file_key->scopes_n;
    }
    if (c->ask.state.n > 0)
        put->state = c->ask.state;
    return sl_change_patch(c, s, sl_ask_patch(&c->ask, scopes, n, &c->arena), put);
}

static void on_change(struct sl_api *c)
{
    if (sl_find_has(c, &c->key))
        sl_change_start(c, &c->key, apply_patch, "changed", show);
}

void sl_token_change(struct sl_api *c)
{
    if (sl_api_ask(c, SL_ASK_CHANGE_KEY))
        sl_find_key(c, c->name, on_change);
}

/* ---- revoked, reset ---- */

static bool apply_revoked(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    put->state = SL_STR("revoked");
    if (s->broken)
        put->doc = SL_STR("{}");
    return sl_change_patch(c, s, SL_STR("{}"), put);
}

static void on_revoke(struct sl_api *c)
{
    if (sl_find_has(c, &c->key))
        sl_change_start(c, &c->key, apply_revoked, "revoked", show);
}

void sl_token_revoke(struct sl_api *c)
{
    sl_find_key(c, c->name, on_revoke);
}

static bool apply_reset(struct sl_api *c, struct sl_subject *s, struct sl_record *put)
{
    put->state = SL_STR("active");
    put->doc = SL_STR("{}");
    return sl_change_patch(c, s, SL_STR("{}"), put);
}

static void on_reset(struct sl_api *c)
{
    if (!sl_find_has(c, &c->key))
        return;
    if (c->key.file_key == NULL)
        sl_api_fail(c, 0, SL_ERR_CONFLICT, "id",
                    "id: key %.*s is not in the configuration, there is nothing to go back to",
                    SL_STR_ARGS(c->key.id));
    else
        sl_change_start(c, &c->key, apply_reset, "reset to the configuration's", show);
}

void sl_token_reset(struct sl_api *c)
{
    sl_find_key(c, c->name, on_reset);
}

/* ---- credits ---- */

static void grant(struct sl_api *c)
{
    struct sl_tenant of;
    struct sl_key k;

    sl_find_lay_tenant(c, &c->tenant, &of);
    sl_find_lay_key(&c->key, &of, &k);
    sl_books_grant(c, &k, &of, show);
}

static void on_credits(struct sl_api *c)
{
    if (sl_find_has(c, &c->key))
        sl_find_tenant(c, c->key.tenant, grant);
}

void sl_token_credits(struct sl_api *c)
{
    if (sl_api_ask(c, SL_ASK_CREDITS))
        sl_find_key(c, c->name, on_credits);
}
