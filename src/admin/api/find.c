/* admin/api/find.c -- keys and tenants, from the store and the configuration together.
 *
 * The store finds keys by digest, all else by name. Ids of keys are found in what this
 * process knows of the store's records, then in the configuration, and at last by going
 * through all of them: another instance may have made one just now. */
#include "admin/api/api.h"

#include "base/log.h"

static const struct sl_str nobody = SL_STR_INIT("");

bool sl_find_take(struct sl_api *c, struct sl_subject *s, const struct sl_record *rec)
{
    char why[160];
    enum sl_err e;

    s->id = sl_arena_dup(&c->arena, rec->id);
    s->tenant = rec->kind == SL_RECORD_KEY ? sl_arena_dup(&c->arena, rec->tenant) : s->id;
    s->state = sl_arena_dup(&c->arena, rec->state);
    s->text = sl_arena_dup(&c->arena, rec->doc);
    s->rev = rec->rev;
    if (s->id.p == NULL || s->tenant.p == NULL || s->state.p == NULL || s->text.p == NULL)
        return false;
    if (rec->kind == SL_RECORD_SWITCH)
        return true; /* its document is of another kind */
    if (rec->kind == SL_RECORD_KEY) {
        memcpy(s->sha256, rec->sha256, sizeof s->sha256);
        s->has_sha256 = true;
        (void)!sl_tenant_find(c->conf->tenants, s->sha256, 0, &s->file_key);
    }
    e = sl_record_read(s->text, &c->arena, &s->doc, why, sizeof why);
    s->broken = e != SL_OK && e != SL_ERR_NO_MEMORY;
    if (!s->broken)
        return e == SL_OK;
    sl_log(SL_LOG_ERROR, "admin", s->id, "its record can't be read (%s): reset or revoke it", why);
    return sl_record_read(SL_STR("{}"), &c->arena, &s->doc, why, sizeof why) == SL_OK;
}

/* ---- through all of them ---- */

static void read_page(struct sl_api *c);

static void on_page(void *ctx, enum sl_err e)
{
    struct sl_api *c = ctx;
    struct sl_subject *s = c->search.of;

    if (!sl_api_is_fine(c, e))
        return;
    for (size_t i = 0; i < c->page.n; i++) {
        if (!sl_str_eq(c->page.at[i].id, s->id))
            continue;
        if (sl_find_take(c, s, &c->page.at[i]))
            c->search.then(c);
        else
            sl_api_no_memory(c);
        return;
    }
    c->search.after = sl_arena_dup(&c->arena, c->page.next);
    if (c->search.after.p == NULL)
        sl_api_no_memory(c);
    else if (c->search.after.n == 0)
        c->search.then(c);
    else
        read_page(c);
}

static void read_page(struct sl_api *c)
{
    sl_store_list_start(c->store, c->search.of->kind, nobody, c->search.after, &c->page, &c->op,
                        on_page, c);
}

/* ---- one ---- */

static void on_record(void *ctx, enum sl_err e)
{
    struct sl_api *c = ctx;
    struct sl_subject *s = c->search.of;

    if (!sl_api_is_fine(c, e))
        return;
    if (c->page.n > 0 && !sl_find_take(c, s, &c->page.at[0]))
        sl_api_no_memory(c);
    else if (c->page.n > 0 || s->kind != SL_RECORD_KEY || s->file_key != NULL)
        c->search.then(c);
    else
        read_page(c);
}

static bool find_in_file(struct sl_api *c, struct sl_subject *s)
{
    const struct sl_key *k = NULL;
    const uint8_t *sha256;

    while ((k = sl_tenants_next_key(c->conf->tenants, k, &sha256)) != NULL) {
        if (!sl_str_eq(k->public_id, s->id))
            continue;
        memcpy(s->sha256, sha256, sizeof s->sha256);
        s->has_sha256 = true;
        s->file_key = k;
        s->tenant = k->tenant;
        return true;
    }
    return false;
}

static void begin(struct sl_subject *s, enum sl_record_kind kind, struct sl_str id)
{
    *s = (struct sl_subject){.kind = kind, .id = id, .tenant = id, .state = nobody};
}

void sl_find_key(struct sl_api *c, struct sl_str id, sl_api_fn *then)
{
    struct sl_subject *s = &c->key;
    struct sl_record rec;

    begin(s, SL_RECORD_KEY, id);
    s->tenant = nobody;
    if (sl_store_known(c->store, SL_RECORD_KEY, id, &rec)) {
        memcpy(s->sha256, rec.sha256, sizeof s->sha256);
        s->has_sha256 = true;
    } else {
        (void)find_in_file(c, s);
    }
    sl_find_again(c, s, then);
}

void sl_find_again(struct sl_api *c, struct sl_subject *s, sl_api_fn *then)
{
    c->search.of = s;
    c->search.then = then;
    c->search.after = nobody;
    if (s->kind != SL_RECORD_KEY)
        sl_store_find_start(c->store, s->kind, s->id, &c->page, &c->op, on_record, c);
    else if (s->has_sha256)
        sl_store_key_start(c->store, s->sha256, &c->page, &c->op, on_record, c);
    else
        read_page(c);
}

void sl_find_tenant(struct sl_api *c, struct sl_str name, sl_api_fn *then)
{
    begin(&c->tenant, SL_RECORD_TENANT, name);
    c->tenant.file_tenant = sl_tenants_get(c->conf->tenants, name);
    sl_find_again(c, &c->tenant, then);
}

bool sl_find_has(struct sl_api *c, const struct sl_subject *s)
{
    if (sl_subject_is_there(s))
        return true;
    if (s->kind == SL_RECORD_KEY)
        sl_api_fail(c, 0, SL_ERR_NO_ROUTE, "id",
                    "id: there is no key %.*s; GET /admin/api/token lists them",
                    SL_STR_ARGS(sl_str_first(s->id, 64)));
    else
        sl_api_fail(c, 0, SL_ERR_NO_ROUTE, "tenant",
                    "tenant: there is no tenant %.*s; GET /admin/api/tenant lists them, "
                    "POST /admin/api/tenant makes one",
                    SL_STR_ARGS(sl_str_first(s->id, 64)));
    return false;
}

/* ---- as requests have them ---- */

void sl_find_lay_tenant(const struct sl_api *c, const struct sl_subject *s, struct sl_tenant *out)
{
    /* a plan that went from the configuration leaves the tenant without one */
    (void)!sl_record_tenant(s->rev > 0 ? &s->doc : NULL, c->conf->tenants, s->id, sl_api_now(c),
                            out);
}

void sl_find_lay_key(const struct sl_subject *s, const struct sl_tenant *of, struct sl_key *out)
{
    sl_record_key(s->rev > 0 ? &s->doc : NULL, s->file_key, of, out);
    out->public_id = s->id;
}
