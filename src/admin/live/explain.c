/* POST explain: what would become of a request, on the state of this process and the store. */
#include "admin/live/explain.h"

#include "admin/api/handlers.h"

static const struct sl_str nobody = SL_STR_INIT("");

static void on_explained(void *ctx, const struct sl_explained *x)
{
    struct sl_api *c = ctx;

    sl_api_begin(c);
    sl_explain_write(&c->out, x);
    sl_api_done(c);
}

/* ---- the body ---- */

/* Without a tree: a prompt may be long. */
static bool is_object(struct sl_api *c)
{
    struct sl_json j;
    enum sl_err e;

    sl_json_init(&j);
    j.need_object = j.check_repeats = true;
    e = sl_json_feed(&j, c->body);
    if (e == SL_OK)
        e = sl_json_finish(&j);
    sl_json_fini(&j);
    if (e == SL_ERR_NO_MEMORY)
        sl_api_no_memory(c);
    else if (e != SL_OK)
        sl_api_fail(c, 0, SL_ERR_BAD_BODY, NULL, "the body must be a JSON object");
    return e == SL_OK;
}

static const char *const members[] = {"path", "headers", "body", "key", "tenant"};

static bool knows_members(struct sl_api *c)
{
    struct sl_str key, value;
    size_t pos = 0;

    while (sl_json_next_member(c->body, &pos, &key, &value)) {
        bool known = false;

        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
            known = known || sl_json_key_is(key, sl_str_of(members[i]));
        if (known)
            continue;
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, NULL,
                    "the body takes path, headers, body, and key or tenant; nothing else");
        return false;
    }
    return true;
}

/* A text, unescaped; empty where it is not there. False: answered. */
static bool text_of(struct sl_api *c, const char *name, struct sl_str *out)
{
    struct sl_str raw = sl_json_get(c->body, sl_str_of(name));
    char *p;

    *out = nobody;
    if (raw.p == NULL || sl_json_type_of(raw) == SL_JSON_NULL)
        return true;
    p = sl_arena_alloc(&c->arena, raw.n);
    if (p == NULL) {
        sl_api_no_memory(c);
        return false;
    }
    if (!sl_json_unescape(raw, p, raw.n, &out->n)) {
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, name, "%s: must be a text", name);
        return false;
    }
    out->p = p;
    return true;
}

static bool is_target(struct sl_str path)
{
    return path.n > 0 && path.p[0] == '/' && path.n <= SL_MESSAGE_TARGET_MAX &&
           sl_headers_value_ok(path) && sl_str_find_byte(path, ' ') < 0;
}

static bool add_header(struct sl_api *c, struct sl_str raw_name, struct sl_str raw_value,
                       struct sl_headers *h)
{
    char *p = sl_arena_alloc(&c->arena, raw_name.n + 2 + raw_value.n);
    struct sl_str name, value, quoted;

    if (p == NULL)
        return false;
    quoted = sl_arena_printf(&c->arena, "\"%.*s\"", SL_STR_ARGS(raw_name));
    if (quoted.p == NULL || !sl_json_unescape(quoted, p, raw_name.n + 2, &name.n))
        return false;
    name.p = p;
    value.p = p + raw_name.n + 2;
    return sl_json_unescape(raw_value, p + raw_name.n + 2, raw_value.n, &value.n) &&
           sl_headers_name_ok(name) && sl_headers_value_ok(value) &&
           sl_headers_add(h, &c->arena, name, value);
}

static bool headers_of(struct sl_api *c, struct sl_headers *h)
{
    struct sl_str raw = sl_json_get(c->body, SL_STR("headers")), name, value;
    size_t pos = 0;
    bool good = raw.p == NULL || sl_json_type_of(raw) == SL_JSON_OBJECT;

    while (good && raw.p != NULL && sl_json_next_member(raw, &pos, &name, &value))
        good = add_header(c, name, value, h);
    if (!good)
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "headers",
                    "headers: must be an object of texts that HTTP allows, at most %d",
                    SL_MESSAGE_HEADERS_MAX);
    return good;
}

/* An object goes as it stands, a text as what it says: any bytes can be asked about. */
static bool body_of(struct sl_api *c, struct sl_str *out)
{
    struct sl_str raw = sl_json_get(c->body, SL_STR("body"));

    if (raw.p == NULL || sl_json_type_of(raw) != SL_JSON_OBJECT)
        return text_of(c, "body", out);
    *out = raw;
    return true;
}

/* ---- whose it is ---- */

static void start(struct sl_api *c)
{
    sl_explain_start(c->admin->gateway, c->note, &c->op, on_explained, c);
}

static void on_key(struct sl_api *c)
{
    struct sl_explain_ask *ask = c->note;

    if (!c->key.has_sha256) {
        sl_api_fail(c, 0, SL_ERR_NO_ROUTE, "key",
                    "key: no key has that id or name, and it is no key's text; "
                    "GET /admin/api/token lists them");
        return;
    }
    ask->sha256 = c->key.sha256;
    start(c);
}

void sl_explain_show(struct sl_api *c)
{
    struct sl_explain_ask *ask = sl_arena_zalloc(&c->arena, sizeof *ask);
    struct sl_headers *h = sl_arena_zalloc(&c->arena, sizeof *h);

    if (ask == NULL || h == NULL) {
        sl_api_no_memory(c);
        return;
    }
    if (!is_object(c) || !knows_members(c) || !text_of(c, "path", &ask->target) ||
        !text_of(c, "key", &ask->key) || !text_of(c, "tenant", &ask->tenant) || !headers_of(c, h) ||
        !body_of(c, &ask->body))
        return;
    ask->headers = h;
    if (ask->target.n == 0)
        ask->target = SL_STR("/v1/messages");
    c->note = ask;
    if (!is_target(ask->target))
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "path", "path: must be a path, such as /v1/messages");
    else if (ask->key.n > 0 && ask->tenant.n > 0)
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "tenant", "tenant: give a key or a tenant, not both");
    else if (ask->key.n > 0 && !sl_explain_knows(c->admin->gateway, ask->key))
        sl_find_key(c, ask->key, on_key);
    else
        start(c);
}
