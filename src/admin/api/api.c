/* admin/api/api.c -- a call's life: its body, its answer, its end. */
#include "admin/api/handlers.h"
#include "admin/page/page.h"
#include "admin/page/play.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/doc.h"
#include "base/log.h"
#include "base/mem.h"

#define MESSAGE_BYTES 17000 /* a reload's faults are the longest */
#define PARAMETER_BYTES 4096

static const struct sl_str nobody = SL_STR_INIT("");

/* ---- the end ---- */

static void reap(struct sl_grave *g)
{
    struct sl_api *c = SL_CONTAINER(g, struct sl_api, grave);

    sl_arena_fini(&c->arena); /* handlers' frames may still have looked into it */
    c->magic = SL_OBJ_DEAD;
    sl_mem_free(c);
}

void sl_api_end(struct sl_api *c)
{
    SL_OBJ_CHECK(c, SL_API_MAGIC);
    sl_list_unlink(&c->node);
    sl_timer_stop(c->net, &c->limit);
    sl_op_cancel(&c->op);
    if (c->let_go != NULL)
        c->let_go(c);
    sl_buf_fini(&c->got);
    sl_out_fini(&c->out);
    sl_gateway_conf_drop(&c->conf);
    sl_exch_end(&c->exch);
    sl_net_bury(c->net, &c->grave, reap);
}

/* ---- the answer ---- */

static void add_header(struct sl_api *c, struct sl_headers *h, struct sl_str name,
                       struct sl_str value)
{
    if (!sl_headers_add(h, sl_exch_arena(c->exch), name, value))
        sl_log(SL_LOG_ERROR, "admin", nobody, "no memory for an answer's head");
}

static void send(struct sl_api *c, int status, struct sl_str allow)
{
    struct sl_headers h = {0};

    sl_timer_stop(c->net, &c->limit); /* from here on the server's stall limit holds */
    add_header(c, &h, SL_STR("content-type"), SL_STR("application/json"));
    add_header(c, &h, SL_STR("cache-control"), SL_STR("no-store"));
    add_header(c, &h, SL_STR("x-content-type-options"), SL_STR("nosniff"));
    if (status == 401)
        add_header(c, &h, SL_STR("www-authenticate"), SL_STR("Bearer"));
    if (c->cookie.n > 0 && status == 200)
        add_header(c, &h, SL_STR("set-cookie"), c->cookie);
    if (allow.n > 0)
        add_header(c, &h, SL_STR("allow"), allow);
    if (!sl_exch_start(c->exch, status, &h, true, c->out.bytes.len)) {
        sl_exch_abort(c->exch);
        sl_api_end(c);
        return;
    }
    if (sl_exch_head(c->exch)->method == SL_HEAD)
        sl_out_clear(&c->out);
    if (sl_admin_pump(c->exch, &c->out.bytes))
        sl_api_end(c);
}

static void write_error(struct sl_api *c, enum sl_err e, const char *param, struct sl_str message)
{
    struct sl_out *o = &c->out;

    sl_out_clear(o);
    sl_out_open(o, NULL, '{');
    sl_out_flag(o, "success", false);
    sl_out_text(o, "message", message);
    sl_out_open(o, "error", '{');
    sl_out_text(o, "message", message);
    sl_out_text(o, "code", sl_str_of(sl_err_name(e)));
    if (param != NULL)
        sl_out_text(o, "param", sl_str_of(param));
    else
        sl_out_null(o, "param");
    sl_out_close(o, '}');
    sl_out_close(o, '}');
    sl_out_end(o);
}

void sl_api_fail(struct sl_api *c, int status, enum sl_err e, const char *param, const char *fmt,
                 ...)
{
    char *message = sl_mem_new(MESSAGE_BYTES);
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(message, MESSAGE_BYTES, fmt, args);
    va_end(args);
    if (n > MESSAGE_BYTES - 1)
        n = MESSAGE_BYTES - 1;
    write_error(c, e, param, (struct sl_str){message, n > 0 ? (size_t)n : 0});
    sl_mem_free(message);
    send(c, status > 0 ? status : sl_err_status(e), nobody);
}

void sl_api_fail_why(struct sl_api *c, enum sl_err e, const char *why)
{
    ptrdiff_t colon = sl_str_find_byte(sl_str_of(why), ':');
    char name[64];

    if (colon <= 0 || (size_t)colon >= sizeof name) {
        sl_api_fail(c, 0, e, NULL, "%s", why);
        return;
    }
    memcpy(name, why, (size_t)colon);
    name[colon] = '\0';
    sl_api_fail(c, 0, e, name, "%s", why);
}

void sl_api_no_memory(struct sl_api *c)
{
    sl_api_fail(c, 0, SL_ERR_NO_MEMORY, NULL, "out of memory; try again, or ask for less");
}

void sl_api_fail_foreign(struct sl_api *c)
{
    sl_api_fail(c, 403, SL_ERR_SCOPE, NULL,
                "this call comes from another page: `origin` must name this `host` (a proxy before "
                "it has to pass `host` on), and what the dashboard changes needs `" SL_PAGE_HEADER
                "`");
}

bool sl_api_is_fine(struct sl_api *c, enum sl_err e)
{
    if (e == SL_OK)
        return true;
    if (e == SL_ERR_STORE)
        sl_api_fail(c, 0, e, NULL,
                    "the store is away or too slow, nothing was changed that it did not confirm; "
                    "look at GET /admin/api/store and try again");
    else if (e == SL_ERR_CEILING)
        sl_api_fail(c, 503, e, NULL,
                    "the store holds as much of that as it takes, nothing was changed; switches "
                    "make room when they end");
    else
        sl_api_fail(c, 0, e, NULL, "%s", sl_err_text(e));
    return false;
}

void sl_api_begin(struct sl_api *c)
{
    sl_out_clear(&c->out);
    sl_out_open(&c->out, NULL, '{');
    sl_out_flag(&c->out, "success", true);
    sl_out_text(&c->out, "message", nobody);
    sl_out_name(&c->out, SL_STR("data"));
}

void sl_api_next(struct sl_api *c, struct sl_str cursor)
{
    if (cursor.n > 0)
        sl_out_text(&c->out, "next", cursor);
    else
        sl_out_null(&c->out, "next");
}

void sl_api_done(struct sl_api *c)
{
    sl_out_close(&c->out, '}');
    sl_out_end(&c->out);
    if (c->out.cut)
        sl_api_fail(c, 503, SL_ERR_NO_MEMORY, NULL,
                    "the answer is too large; ask for fewer with `limit`, or narrower");
    else
        send(c, 200, nobody);
}

/* ---- the request ---- */

struct sl_str sl_api_decode(struct sl_api *c, struct sl_str s)
{
    char *out = sl_arena_alloc(&c->arena, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; out != NULL && i < s.n; i++) {
        uint8_t byte = (uint8_t)s.p[i];

        if (s.p[i] == '%') {
            if (i + 2 >= s.n || !sl_str_unhex((struct sl_str){s.p + i + 1, 2}, &byte, 1))
                return (struct sl_str){NULL, 0};
            i += 2;
        }
        out[n++] = s.p[i] == '+' ? ' ' : (char)byte;
    }
    return (struct sl_str){out, n};
}

/* One parameter's place in the query, still encoded. */
static bool find_parameter(struct sl_str query, struct sl_str name, struct sl_str *value)
{
    struct sl_str pair;

    while (sl_str_split(&query, '&', &pair)) {
        if (pair.n >= name.n && sl_str_starts(pair, name) &&
            (pair.n == name.n || pair.p[name.n] == '=')) {
            *value = sl_str_from(pair, name.n + 1);
            return true;
        }
    }
    return false;
}

bool sl_api_query(struct sl_api *c, const char *name, struct sl_str *out)
{
    struct sl_str raw = {"", 0};

    *out = nobody;
    if (!find_parameter(sl_exch_head(c->exch)->query, sl_str_of(name), &raw))
        return true;
    *out = sl_api_decode(c, raw);
    if (out->p != NULL && out->n <= PARAMETER_BYTES)
        return true;
    sl_api_fail(c, 0, SL_ERR_BAD_FIELD, name, "%s: must be percent-encoded text", name);
    return false;
}

bool sl_api_limit(struct sl_api *c, uint64_t usual, uint64_t most, uint64_t *out)
{
    struct sl_str text;

    *out = usual;
    if (!sl_api_query(c, "limit", &text))
        return false;
    if (text.n == 0 || (sl_str_to_u64(text, out) && *out > 0 && *out <= most))
        return true;
    sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "limit", "limit: must be a number from 1 to %llu",
                (unsigned long long)most);
    return false;
}

/* A misspelled parameter must not widen what is shown. */
static bool knows_parameters(struct sl_api *c)
{
    struct sl_str rest = sl_exch_head(c->exch)->query, pair, list, one;
    char name[64];

    while (sl_str_split(&rest, '&', &pair)) {
        struct sl_str is = {pair.p, 0};
        bool known = pair.n == 0;

        while (is.n < pair.n && pair.p[is.n] != '=')
            is.n++;
        list = sl_str_of(c->route->query);
        while (!known && sl_str_split(&list, ',', &one))
            known = sl_str_eq(one, is);
        if (known)
            continue;
        snprintf(name, sizeof name, "%.*s", SL_STR_ARGS(sl_str_first(is, 60)));
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, name,
                    "%s: not a parameter of this path, which takes %s", name,
                    c->route->query[0] != '\0' ? c->route->query : "none");
        return false;
    }
    return true;
}

bool sl_api_ask(struct sl_api *c, enum sl_ask_for what)
{
    enum sl_err e = sl_ask_read(c->body, what, sl_api_now(c), &c->arena, &c->ask);

    if (e != SL_OK)
        sl_api_fail_why(c, e, c->ask.why);
    return e == SL_OK;
}

bool sl_api_is_object(struct sl_api *c)
{
    struct sl_doc doc;
    enum sl_err e;
    bool object;

    if (c->body.n == 0)
        c->body = SL_STR("{}");
    e = sl_doc_read(&doc, c->body, SL_DOC_MAX(SL_API_BODY), 0);
    object = e == SL_OK && yyjson_is_obj(doc.root);
    sl_doc_fini(&doc);
    if (e == SL_ERR_NO_MEMORY)
        sl_api_no_memory(c);
    else if (!object)
        sl_api_fail(c, 0, SL_ERR_BAD_BODY, NULL, "the body must be a JSON object");
    return object;
}

int64_t sl_api_now(const struct sl_api *c)
{
    return sl_net_unix_ms(c->net);
}

static void run(struct sl_api *c)
{
    if (knows_parameters(c))
        c->route->run(c);
}

static struct sl_str whole_body(struct sl_api *c)
{
    size_t n = c->got.len, at = 0, parts_n;
    char *p = sl_arena_alloc(&c->arena, n + 1);
    struct sl_str parts[16];

    while (p != NULL && at < n) {
        parts_n = sl_buf_peek(&c->got, parts, 16);
        for (size_t i = 0; i < parts_n; i++) {
            memcpy(p + at, parts[i].p, parts[i].n);
            at += parts[i].n;
        }
        sl_buf_consume(&c->got, c->got.len - (n - at));
    }
    return (struct sl_str){p, n};
}

static void on_limit(struct sl_timer *t)
{
    struct sl_api *c = SL_CONTAINER(t, struct sl_api, limit);

    sl_op_cancel(&c->op);
    sl_api_fail(c, 503, SL_ERR_STORE, NULL,
                "this took too long; narrow it, or look at GET /admin/api/store");
}

/* ---- the server's events ---- */

static void on_exch_body(void *holder, struct sl_str piece)
{
    struct sl_api *c = holder;

    if (!sl_buf_append(&c->got, piece))
        c->got.max = 0; /* nothing more is taken; `whole` sees that */
}

/* A request to be explained has another one inside. */
static size_t body_max(const struct sl_api *c)
{
    return c->route->run == sl_explain_show ? SL_API_BODY + 2 * (size_t)c->conf->body_max
                                            : SL_API_BODY;
}

static void on_exch_whole(void *holder)
{
    struct sl_api *c = holder;
    enum sl_err e = sl_exch_body_error(c->exch);

    if (c->route == NULL || !c->route->body)
        return;
    if (e == SL_OK && c->got.max == 0)
        e = SL_ERR_NO_MEMORY;
    if (e != SL_OK) {
        sl_api_fail(c, 0, e, NULL, "%s (a body may have %zu bytes)", sl_err_text(e), body_max(c));
        return;
    }
    c->body = whole_body(c);
    if (c->body.p == NULL)
        sl_api_no_memory(c);
    else
        run(c);
}

static void on_exch_drain(void *holder)
{
    struct sl_api *c = holder;

    if (sl_exch_has_started(c->exch) && sl_admin_pump(c->exch, &c->out.bytes))
        sl_api_end(c);
}

static void on_exch_gone(void *holder, enum sl_err why)
{
    (void)why;
    sl_api_end(holder);
}

static const struct sl_exch_ops exch_ops = {
    .body = on_exch_body,
    .whole = on_exch_whole,
    .drain = on_exch_drain,
    .gone = on_exch_gone,
};

static void refuse_path(struct sl_api *c, struct sl_str allow)
{
    if (sl_play_is_path(sl_exch_head(c->exch)->path)) {
        sl_api_fail(c, 400, SL_ERR_BAD_FIELD, "x-api-key",
                    "x-api-key: a request of the playground needs a tenant's key, and a gateway "
                    "that is not being shut down");
        return;
    }
    if (allow.n == 0) {
        sl_api_fail(c, 0, SL_ERR_NO_ROUTE, NULL,
                    "no such path; docs/operations.md lists those of the admin API, "
                    "GET /admin/api/token is one");
        return;
    }
    write_error(c, SL_ERR_BAD_METHOD, NULL, SL_STR("this path takes another method: see `allow`"));
    send(c, 405, allow);
}

static void want_body(struct sl_api *c)
{
    c->got.max = body_max(c);
    sl_exch_want_body(c->exch, c->got.max);
}

/* Who asks: the key's print and the address, or the socket. */
static struct sl_str actor_of(struct sl_api *c, enum sl_page_caller who)
{
    char print[8];

    if (who == SL_PAGE_OWNER)
        return SL_STR("the admin socket");
    sl_str_hex(c->admin->key_digest, sizeof print / 2, print);
    return sl_arena_printf(&c->arena, "%sadmin key %.8s from %.*s",
                           who == SL_PAGE_SESSION ? "dashboard, " : "", print,
                           SL_STR_ARGS(sl_exch_peer(c->exch)));
}

/* False: answered. */
static bool admits(struct sl_api *c, enum sl_page_caller who)
{
    if (who == SL_PAGE_FOREIGN)
        sl_api_fail_foreign(c);
    else if (who == SL_PAGE_BARRED)
        sl_api_fail(c, 0, SL_ERR_RATE, NULL,
                    "too many wrong admin keys from this address; try again in a minute");
    else if (who == SL_PAGE_NOBODY)
        sl_api_fail(c, 0, SL_ERR_NO_KEY, NULL, "Authentication failed: %s",
                    c->admin->has_key ? "send `authorization: Bearer` with the admin key; commands "
                                        "have it from -k, -c or SLUICE_ADMIN_KEY"
                                      : "no admin key is configured; set SLUICE_ADMIN_KEY or "
                                        "admin.key and restart");
    return who != SL_PAGE_FOREIGN && who != SL_PAGE_NOBODY && who != SL_PAGE_BARRED;
}

static void dispatch(struct sl_api *c)
{
    const struct sl_request_head *head = sl_exch_head(c->exch);
    char place[64];
    struct sl_text allow = sl_text_over(place, sizeof place);
    struct sl_str raw = {"", 0};
    enum sl_page_caller who = sl_page_caller(c->admin, c->exch);

    if (who == SL_PAGE_NOBODY)
        sl_page_note_nobody(c->admin, c->exch);
    c->route = sl_api_route(head->method, head->path, &raw, &allow);
    if ((c->route == NULL || !c->route->anybody) && !admits(c, who))
        return;
    if (c->route == NULL) {
        refuse_path(c, sl_text_str(&allow));
        return;
    }
    c->actor = actor_of(c, who);
    c->name = sl_api_decode(c, raw);
    if (c->actor.p == NULL || c->name.p == NULL) {
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "path", "path: must be percent-encoded text");
        return;
    }
    sl_timer_start(c->net, &c->limit,
                   1000 * (c->route->seconds > 0 ? c->route->seconds : SL_API_SECONDS));
    if (c->route->body && head->has_body)
        want_body(c);
    else
        run(c);
}

void sl_api_start(struct sl_admin *a, struct sl_exch *x)
{
    struct sl_api *c = sl_mem_new(sizeof *c);

    c->magic = SL_API_MAGIC;
    c->admin = a;
    c->net = a->net;
    c->store = sl_gateway_store(a->gateway);
    c->conf = sl_gateway_conf_hold(a->gateway);
    c->exch = x;
    sl_arena_init(&c->arena, SL_API_ARENA + 8 * (size_t)c->conf->body_max);
    sl_buf_init(&c->got, SL_API_BODY);
    sl_out_init(&c->out, SL_API_OUT);
    sl_timer_init(&c->limit, on_limit);
    sl_list_init(&c->node);
    sl_list_push_back(&a->calls, &c->node);
    sl_exch_take(x, &exch_ops, c);
    dispatch(c);
}
