/* admin/api/change.c -- a record written, again if others changed it meanwhile. */
#include "admin/api/api.h"

#include "base/log.h"

static void attempt(struct sl_api *c);

static const char *kind_of(const struct sl_subject *s)
{
    if (s->kind == SL_RECORD_TENANT)
        return "tenant";
    return sl_str_starts(s->id, SL_STR("purge.")) ? "cached answers" : "switch";
}

static void log_change(struct sl_api *c, const struct sl_subject *s)
{
    if (s->kind == SL_RECORD_KEY)
        sl_log(SL_LOG_INFO, "admin", s->id, "key of tenant %.*s %s by %.*s", SL_STR_ARGS(s->tenant),
               c->change.what, SL_STR_ARGS(c->actor));
    else
        sl_log(SL_LOG_INFO, "admin", s->id, "%s %s by %.*s", kind_of(s), c->change.what,
               SL_STR_ARGS(c->actor));
}

static void on_conflict(struct sl_api *c)
{
    if (c->ask.has_rev || ++c->change.tries >= SL_API_TRIES)
        sl_api_fail(c, 0, SL_ERR_CONFLICT, "rev",
                    "rev: somebody else has changed it meanwhile; read it again");
    else
        sl_find_again(c, c->change.of, attempt);
}

static void on_put(void *ctx, enum sl_err e)
{
    struct sl_api *c = ctx;
    struct sl_record put = c->change.put;

    if (e == SL_ERR_CONFLICT) {
        on_conflict(c);
        return;
    }
    if (!sl_api_is_fine(c, e))
        return;
    put.rev = c->page.n > 0 ? c->page.at[0].rev : put.rev + 1;
    if (!sl_find_take(c, c->change.of, &put)) {
        sl_api_no_memory(c);
        return;
    }
    sl_gateway_note_record(c->admin->gateway, &put);
    log_change(c, c->change.of);
    c->change.then(c);
}

static void attempt(struct sl_api *c)
{
    struct sl_subject *s = c->change.of;
    struct sl_record *put = &c->change.put;

    *put =
        (struct sl_record){.kind = s->kind,
                           .id = s->id,
                           .tenant = s->kind == SL_RECORD_KEY ? s->tenant : (struct sl_str){"", 0},
                           .rev = s->rev,
                           .state = sl_subject_state(s),
                           .doc = s->rev > 0 ? s->text : SL_STR("{}")};
    memcpy(put->sha256, s->sha256, sizeof put->sha256);
    if (c->ask.has_rev && c->ask.rev != s->rev) {
        sl_api_fail(c, 0, SL_ERR_CONFLICT, "rev", "rev: it is %llu now; read it again",
                    (unsigned long long)s->rev);
        return;
    }
    if (c->change.apply(c, s, put))
        sl_store_put_start(c->store, put, c->actor, &c->page, &c->op, on_put, c);
}

void sl_change_start(struct sl_api *c, struct sl_subject *s, sl_api_apply_fn *apply,
                     const char *what, sl_api_fn *then)
{
    c->change = (struct sl_api_change){.of = s, .apply = apply, .what = what, .then = then};
    attempt(c);
}

/* What an API changed of the file's lies over it, and goes with it. */
static bool mark(struct sl_api *c, const struct sl_subject *s, struct sl_str *doc)
{
    char why[160];

    if (!sl_subject_is_of_file(s))
        return true;
    return sl_record_merge(*doc, SL_STR("{\"of_file\":true}"), &c->arena, doc, why, sizeof why) ==
           SL_OK;
}

bool sl_change_patch(struct sl_api *c, struct sl_subject *s, struct sl_str patch,
                     struct sl_record *put)
{
    char why[300] = "";
    enum sl_err e;

    if (s->broken && sl_str_eq(put->doc, s->text)) {
        sl_api_fail(c, 0, SL_ERR_CONFLICT, "id",
                    "id: the record of %.*s can't be read here, perhaps a later version wrote it; "
                    "it can only be reset, revoked or deleted",
                    SL_STR_ARGS(s->id));
        return false;
    }
    if (patch.p == NULL || !mark(c, s, &put->doc)) {
        sl_api_no_memory(c);
        return false;
    }
    e = sl_record_merge(put->doc, patch, &c->arena, &put->doc, why, sizeof why);
    if (e == SL_OK)
        return true;
    sl_api_fail_why(c, e, why);
    return false;
}
