/* Two forms of one field. */
#include "llm/session.h"

#include "base/json.h"

struct found {
    struct sl_str name; /* of the member */
    char *out;          /* up: the caller's */
    size_t n;
};

static const struct sl_str mark = SL_STR_INIT("_session_");

static bool pick(void *ctx, struct sl_str key)
{
    return sl_str_eq(key, ((const struct found *)ctx)->name);
}

static void take(void *ctx, const struct sl_json_member *m)
{
    struct found *f = ctx;

    if (m->value.p != NULL && !sl_json_unescape(m->value, f->out, SL_SESSION_MAX, &f->n))
        f->n = 0;
}

/* A client's text may be anything: it is JSON once the scanner says so. */
static struct sl_str of_json(struct sl_str user, struct sl_str name, char out[SL_SESSION_MAX])
{
    struct found f = {.name = name, .out = out};
    struct sl_json j;
    bool whole;

    sl_json_init(&j);
    j.member = take;
    j.pick = pick;
    j.ctx = &f;
    j.need_object = true;
    whole = sl_json_feed(&j, user) == SL_OK && sl_json_finish(&j) == SL_OK;
    sl_json_fini(&j);
    return (struct sl_str){out, whole ? f.n : 0};
}

struct sl_str sl_session_of(struct sl_str user, char out[SL_SESSION_MAX])
{
    ptrdiff_t at;

    if (user.n > 0 && user.p[0] == '{')
        return of_json(user, SL_STR("session_id"), out);
    at = sl_str_find(user, mark);
    if (at < 0)
        return (struct sl_str){out, 0};
    user = sl_str_first(sl_str_from(user, (size_t)at + mark.n), SL_SESSION_MAX);
    if (user.n > 0)
        memcpy(out, user.p, user.n);
    return (struct sl_str){out, user.n};
}

struct sl_str sl_session_user(struct sl_str user, char out[SL_SESSION_MAX])
{
    ptrdiff_t at = sl_str_find(user, mark);
    struct sl_str who;

    if (user.n > 0 && user.p[0] == '{') {
        who = of_json(user, SL_STR("account_uuid"), out);
        if (who.n == 0)
            who = of_json(user, SL_STR("device_id"), out);
        return who.n > 0 ? who : user;
    }
    return at > 0 ? sl_str_first(user, (size_t)at) : user;
}
