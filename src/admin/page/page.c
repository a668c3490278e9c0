/* admin/page/page.c -- the files, and who a call comes from. */
#include "admin/page/page.h"

#include "base/log.h"
#include "net/tls.h"

#include "admin/page/web/app.js.h"
#include "admin/page/web/charts.js.h"
#include "admin/page/web/index.html.h"
#include "admin/page/web/keys.js.h"
#include "admin/page/web/lib.js.h"
#include "admin/page/web/money.js.h"
#include "admin/page/web/overview.js.h"
#include "admin/page/web/play.js.h"
#include "admin/page/web/style.css.h"
#include "admin/page/web/system.js.h"
#include "admin/page/web/tenants.js.h"
#include "admin/page/web/traffic.js.h"
#include "admin/page/web/trail.js.h"

#define FILE_OF(path, type, bytes)                                                                 \
    {                                                                                              \
        path, type,                                                                                \
        {                                                                                          \
            bytes, sizeof bytes - 1                                                                \
        }                                                                                          \
    }
#define JS "text/javascript; charset=utf-8"

static const struct sl_page_file files[] = {
    FILE_OF("/admin/", "text/html; charset=utf-8", index_html),
    FILE_OF("/admin/style.css", "text/css; charset=utf-8", style_css),
    FILE_OF("/admin/app.js", JS, app_js),
    FILE_OF("/admin/charts.js", JS, charts_js),
    FILE_OF("/admin/keys.js", JS, keys_js),
    FILE_OF("/admin/lib.js", JS, lib_js),
    FILE_OF("/admin/money.js", JS, money_js),
    FILE_OF("/admin/overview.js", JS, overview_js),
    FILE_OF("/admin/play.js", JS, play_js),
    FILE_OF("/admin/system.js", JS, system_js),
    FILE_OF("/admin/tenants.js", JS, tenants_js),
    FILE_OF("/admin/traffic.js", JS, traffic_js),
    FILE_OF("/admin/trail.js", JS, trail_js),
};

const struct sl_page_file *sl_page_find(struct sl_str path)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (sl_str_eq(path, sl_str_of(files[i].path)))
            return &files[i];
    return NULL;
}

bool sl_page_headers(struct sl_headers *h, struct sl_arena *a)
{
    static const char *const lines[][2] = {
        {"content-security-policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
         "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"},
        {"x-content-type-options", "nosniff"},
        {"x-frame-options", "DENY"},
        {"referrer-policy", "no-referrer"},
        {"cross-origin-opener-policy", "same-origin"},
        {"cross-origin-resource-policy", "same-origin"},
    };

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!sl_headers_add(h, a, sl_str_of(lines[i][0]), sl_str_of(lines[i][1])))
            return false;
    return true;
}

/* ---- whose call it is ---- */

bool sl_page_is_key(const struct sl_admin *a, struct sl_str given)
{
    uint8_t digest[32];

    /* digests are compared, so that not even the key's length shows */
    sl_tls_sha256(given, digest);
    return sl_str_eq_secret((struct sl_str){(const char *)digest, 32},
                            (struct sl_str){(const char *)a->key_digest, 32}) &&
           a->has_key;
}

bool sl_page_is_foreign(const struct sl_request_head *head)
{
    struct sl_str site = sl_headers_get(&head->headers, SL_STR("sec-fetch-site"));
    struct sl_str origin = sl_headers_get(&head->headers, SL_STR("origin"));
    struct sl_str host = sl_headers_get(&head->headers, SL_STR("host"));

    if (site.n > 0 && !sl_str_eq(site, SL_STR("same-origin")) && !sl_str_eq(site, SL_STR("none")))
        return true;
    if (origin.n == 0)
        return false;
    if (sl_str_starts(origin, SL_STR("http://")))
        origin = sl_str_from(origin, 7);
    else if (sl_str_starts(origin, SL_STR("https://")))
        origin = sl_str_from(origin, 8);
    return !sl_str_eq_nocase(origin, host);
}

/* Cookies are a host's, whatever the port: each listener's has a name of its own. */
static struct sl_str cookie_name(const struct sl_admin *a, char place[32])
{
    struct sl_text t = sl_text_over(place, 32);

    sl_text_printf(&t, "sluice_admin_%u=", (unsigned)sl_server_port(a->server));
    return sl_text_str(&t);
}

struct sl_str sl_page_cookie(const struct sl_admin *a, const struct sl_request_head *head)
{
    struct sl_str rest = sl_headers_get(&head->headers, SL_STR("cookie")), pair;
    char place[32];
    struct sl_str name = cookie_name(a, place);

    while (sl_str_split(&rest, ';', &pair)) {
        pair = sl_str_trim(pair);
        if (sl_str_starts(pair, name))
            return sl_str_from(pair, name.n);
    }
    return (struct sl_str){"", 0};
}

struct sl_str sl_page_set_cookie(const struct sl_admin *a, const struct sl_request_head *head,
                                 struct sl_str id, struct sl_arena *arena)
{
    struct sl_str scheme = sl_headers_get(&head->headers, SL_STR("x-forwarded-proto"));
    char place[32];
    struct sl_str name = cookie_name(a, place);

    return sl_arena_printf(arena, "%.*s%.*s; Path=/admin/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
                           SL_STR_ARGS(name), SL_STR_ARGS(id), id.n > 0 ? SL_SESSION_SECONDS : 0,
                           sl_str_eq(scheme, SL_STR("https")) ? "; Secure" : "");
}

#define AUTHORIZATION SL_STR("authorization")

static bool has_key(const struct sl_admin *a, const struct sl_request_head *head)
{
    struct sl_str given = sl_headers_get(&head->headers, AUTHORIZATION);

    return sl_headers_count(&head->headers, AUTHORIZATION) == 1 &&
           sl_str_starts_nocase(given, SL_STR("bearer ")) &&
           sl_page_is_key(a, sl_str_trim(sl_str_from(given, 7)));
}

static bool may_try(const struct sl_admin *a, const struct sl_exch *x)
{
    uint64_t wait = 0;

    return sl_headers_get(&sl_exch_head(x)->headers, AUTHORIZATION).p == NULL ||
           sl_session_may_try(&a->sessions, SL_SESSION_BEARER, sl_exch_peer(x), sl_net_now(a->net),
                              &wait);
}

void sl_page_note_nobody(struct sl_admin *a, const struct sl_exch *x)
{
    if (sl_headers_get(&sl_exch_head(x)->headers, AUTHORIZATION).p == NULL)
        return;
    if (sl_session_note_wrong(&a->sessions, SL_SESSION_BEARER, sl_exch_peer(x), sl_net_now(a->net)))
        sl_log(SL_LOG_WARN, "admin", (struct sl_str){"", 0},
               "%d wrong admin keys within a minute from %.*s: no further one is looked at for "
               "the rest of it",
               SL_SESSION_CALLS, SL_STR_ARGS(sl_exch_peer(x)));
}

enum sl_page_caller sl_page_caller(const struct sl_admin *a, const struct sl_exch *x)
{
    const struct sl_request_head *head = sl_exch_head(x);
    bool reads = head->method == SL_GET || head->method == SL_HEAD;

    if (sl_page_is_foreign(head))
        return SL_PAGE_FOREIGN;
    if (a->is_unix)
        return SL_PAGE_OWNER;
    if (!may_try(a, x))
        return SL_PAGE_BARRED;
    if (has_key(a, head))
        return SL_PAGE_KEY;
    if (!sl_session_is_open(&a->sessions, sl_page_cookie(a, head), sl_net_now(a->net)))
        return SL_PAGE_NOBODY;
    if (!reads && sl_headers_get(&head->headers, SL_STR(SL_PAGE_HEADER)).n == 0)
        return SL_PAGE_FOREIGN;
    return SL_PAGE_SESSION;
}
