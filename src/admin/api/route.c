/* admin/api/route.c -- the table of routes, and reload, which needs no file of its own. */
#include "admin/api/handlers.h"

#include "base/mem.h"
#include "base/text.h"

#define ROOT "/admin/api/"
#define WHY_BYTES 16384

#define PAGE "limit,after"

const struct sl_api_route sl_api_routes[] = {
    {SL_GET, "token", sl_token_list, "tenant,state," PAGE, false, 0, false},
    {SL_POST, "token", sl_token_make, "", true, 0, false},
    {SL_GET, "token/*", sl_token_show, "", false, 0, false},
    {SL_PATCH, "token/*", sl_token_change, "", true, 0, false},
    {SL_DELETE, "token/*", sl_token_revoke, "", false, 0, false},
    {SL_POST, "token/*/credits", sl_token_credits, "", true, 0, false},
    {SL_POST, "token/*/rotate", sl_token_rotate, "", true, 0, false},
    {SL_POST, "token/*/reset", sl_token_reset, "", false, 0, false},
    {SL_GET, "tenant", sl_tenant_list, "state," PAGE, false, 0, false},
    {SL_POST, "tenant", sl_tenant_make, "", true, 0, false},
    {SL_GET, "tenant/*", sl_tenant_show, "", false, 0, false},
    {SL_PATCH, "tenant/*", sl_tenant_change, "", true, 0, false},
    {SL_DELETE, "tenant/*", sl_tenant_delete, "", false, 0, false},
    {SL_POST, "tenant/*/credits", sl_tenant_credits, "", true, 0, false},
    {SL_POST, "tenant/*/raise", sl_tenant_raise, "", true, 0, false},
    {SL_POST, "tenant/*/reset", sl_tenant_reset, "", false, 0, false},
    {SL_GET, "balance", sl_balance_list, "state," PAGE, false, 60, false},
    {SL_GET, "usage", sl_usage_show, "by,from,to,tenant,key,user,model,provider,app", false, 60,
     false},
    {SL_GET, "cache", sl_cache_show, "", false, 0, false},
    {SL_POST, "cache/get", sl_cache_look, "", true, 0, false},
    {SL_POST, "cache/purge", sl_cache_purge, "", true, 0, false},
    {SL_GET, "providers", sl_providers_show, "", false, 0, false},
    {SL_GET, "live", sl_live_list, "limit", false, 0, false},
    {SL_DELETE, "live/*", sl_live_end, "", false, 0, false},
    {SL_GET, "config", sl_config_show, "", false, 0, false},
    {SL_GET, "audit", sl_audit_find,
     "kind,id,tenant,key,user,end_user,model,provider,trace,actor,client,from,to," PAGE, false, 30,
     false},
    {SL_GET, "overview", sl_overview_show, "step,after", false, 0, false},
    {SL_GET, "request", sl_requests_list, "limit,tenant,key,model,provider,ending,end_user", false,
     0, false},
    {SL_GET, "request/*", sl_requests_show, "", false, 0, false},
    {SL_POST, "explain", sl_explain_show, "", true, 0, false},
    {SL_GET, "switches", sl_switches_show, "", false, 0, false},
    {SL_POST, "switches", sl_switches_set, "", true, 0, false},
    {SL_DELETE, "switches/*", sl_switches_end_one, "", false, 0, false},
    {SL_GET, "store", sl_store_show, "", false, 0, false},
    {SL_GET, "ledger", sl_ledger_show, "", false, 0, false},
    {SL_POST, "ledger/rebuild", sl_ledger_rebuild, "", true, 600, false},
    {SL_GET, "trail/*", sl_trail_show, "", false, 0, false},
    {SL_POST, "reload", sl_reload, "", false, 0, false},
    {SL_POST, "session", sl_session_make, "", true, 0, true},
    {SL_GET, "session", sl_session_show, "", false, 0, true},
    {SL_DELETE, "session", sl_session_end, "", false, 0, false},
    {SL_GET, NULL, NULL, NULL, false, 0, false},
};

static const char *const methods[] = {
    [SL_GET] = "GET, HEAD", [SL_POST] = "POST", [SL_PATCH] = "PATCH",
    [SL_DELETE] = "DELETE", [SL_HEAD] = "",     [SL_PUT] = ""};

/* Does the path have that form? `*name` is what stands for the star. */
static bool fits(struct sl_str form, struct sl_str path, struct sl_str *name)
{
    struct sl_str want, have;

    *name = (struct sl_str){"", 0};
    while (sl_str_split(&form, '/', &want)) {
        if (!sl_str_split(&path, '/', &have))
            return false;
        if (sl_str_eq(want, SL_STR("*")) && have.n > 0)
            *name = have;
        else if (!sl_str_eq(want, have))
            return false;
    }
    return path.n == 0;
}

const struct sl_api_route *sl_api_route(enum sl_method method, struct sl_str path,
                                        struct sl_str *name, struct sl_text *allow)
{
    if (!sl_str_starts(path, SL_STR(ROOT)))
        return NULL;
    path = sl_str_from(path, sizeof ROOT - 1);
    if (path.n > 1 && path.p[path.n - 1] == '/') /* as One API's own clients write it */
        path.n--;
    if (method == SL_HEAD)
        method = SL_GET;
    for (const struct sl_api_route *r = sl_api_routes; r->path != NULL; r++) {
        if (!fits(sl_str_of(r->path), path, name))
            continue;
        if (r->method == method)
            return r;
        if (allow->n > 0)
            sl_text_add(allow, SL_STR(", "));
        sl_text_add(allow, sl_str_of(methods[r->method]));
    }
    return NULL;
}

void sl_reload(struct sl_api *c)
{
    const struct sl_admin *a = c->admin;
    char *why = sl_mem_new(WHY_BYTES);
    enum sl_err e = a->hooks.reload(a->hooks.ctx, why, WHY_BYTES);

    if (e != SL_OK) {
        sl_api_fail(c, 422, e, NULL, "%s", why);
    } else {
        sl_api_begin(c);
        sl_out_open(&c->out, NULL, '{');
        sl_out_flag(&c->out, "reloaded", true);
        sl_out_text(&c->out, "config", (struct sl_str){a->hash, sizeof a->hash});
        sl_out_close(&c->out, '}');
        sl_api_done(c);
    }
    sl_mem_free(why);
}
