/* POST, GET, DELETE session: in, whether, and out of the dashboard. */
#include "admin/api/handlers.h"

#include "admin/page/page.h"
#include "base/doc.h"
#include "base/log.h"

static void answer(struct sl_api *c, bool is_in)
{
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '{');
    sl_out_flag(&c->out, "open", is_in);
    sl_out_flag(&c->out, "has_key", c->admin->has_key || c->admin->is_unix);
    sl_out_flag(&c->out, "socket", c->admin->is_unix);
    sl_out_text(&c->out, "version", SL_STR(SL_VERSION));
    sl_out_text(&c->out, "config", (struct sl_str){c->admin->hash, sizeof c->admin->hash});
    sl_out_close(&c->out, '}');
    sl_api_done(c);
}

void sl_session_show(struct sl_api *c)
{
    enum sl_page_caller who = sl_page_caller(c->admin, c->exch);

    answer(c, who != SL_PAGE_NOBODY && who != SL_PAGE_FOREIGN && who != SL_PAGE_BARRED);
}

static struct sl_str read_key(struct sl_api *c)
{
    struct sl_doc doc;
    struct sl_str key = {"", 0};
    yyjson_val *v;

    if (sl_doc_read(&doc, c->body, SL_DOC_MAX(SL_API_BODY), 0) != SL_OK)
        return key;
    v = yyjson_obj_get(doc.root, "key");
    if (yyjson_is_str(v))
        key = sl_arena_dup(&c->arena, sl_str_trim(sl_doc_str(v)));
    sl_doc_fini(&doc);
    return key;
}

static void refuse(struct sl_api *c)
{
    sl_log(SL_LOG_WARN, "admin", (struct sl_str){"", 0},
           "wrong key at the dashboard's login from %.*s", SL_STR_ARGS(sl_exch_peer(c->exch)));
    (void)sl_session_note_wrong(&c->admin->sessions, SL_SESSION_LOGIN, sl_exch_peer(c->exch),
                                sl_net_now(c->net));
    sl_api_fail(c, 0, SL_ERR_NO_KEY, NULL, "Authentication failed: %s",
                c->admin->has_key ? "this is not the admin key; it stands in admin.key or "
                                    "SLUICE_ADMIN_KEY where the gateway was started"
                                  : "no admin key is configured; set SLUICE_ADMIN_KEY or "
                                    "admin.key and restart");
}

void sl_session_make(struct sl_api *c)
{
    const struct sl_request_head *head = sl_exch_head(c->exch);
    uint64_t now = sl_net_now(c->net), wait = 0;
    char id[SL_SESSION_ID];
    struct sl_str key;

    if (sl_page_is_foreign(head)) {
        sl_api_fail_foreign(c);
        return;
    }
    if (!sl_session_may_try(&c->admin->sessions, SL_SESSION_LOGIN, sl_exch_peer(c->exch), now,
                            &wait)) {
        sl_api_fail(c, 0, SL_ERR_RATE, NULL,
                    "too many wrong keys from this address; try again in %llu seconds",
                    (unsigned long long)(wait / 1000 + 1));
        return;
    }
    key = read_key(c);
    if (key.n == 0 || !sl_page_is_key(c->admin, key)) {
        refuse(c);
        return;
    }
    sl_session_open(&c->admin->sessions, now, id);
    c->cookie = sl_page_set_cookie(c->admin, head, (struct sl_str){id, sizeof id}, &c->arena);
    if (c->cookie.p == NULL) {
        sl_api_no_memory(c);
        return;
    }
    sl_log(SL_LOG_INFO, "admin", (struct sl_str){"", 0}, "login to the dashboard from %.*s",
           SL_STR_ARGS(sl_exch_peer(c->exch)));
    answer(c, true);
}

void sl_session_end(struct sl_api *c)
{
    const struct sl_request_head *head = sl_exch_head(c->exch);

    sl_session_close(&c->admin->sessions, sl_page_cookie(c->admin, head));
    c->cookie = sl_page_set_cookie(c->admin, head, (struct sl_str){"", 0}, &c->arena);
    if (c->cookie.p == NULL)
        sl_api_no_memory(c);
    else
        answer(c, false);
}
