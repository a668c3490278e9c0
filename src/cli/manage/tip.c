/* cli/manage/tip.c -- the end of a trail, as a running gateway's store knows it. */
#include "cli/manage/manage.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/source.h"

#define SECONDS 15 /* longer than the gateway's own limit, so that it says what was wrong */

static void explain(struct sl_manage_tip *out, struct sl_str why)
{
    out->known = false;
    snprintf(out->why, sizeof out->why, "%.*s", SL_STR_ARGS(why));
}

static void take(struct sl_str body, struct sl_manage_tip *out)
{
    struct sl_str data = sl_json_get(body, SL_STR("data"));
    size_t n = 0;

    if (!sl_json_u64(sl_json_get(data, SL_STR("number")), &out->number) ||
        !sl_json_u64(sl_json_get(data, SL_STR("lost")), &out->lost) ||
        !sl_json_unescape(sl_json_get(data, SL_STR("mac")), out->mac, sizeof out->mac, &n) ||
        n != sizeof out->mac)
        explain(out, SL_STR("what answered is not a gateway that keeps ends of trails"));
    else if (out->number == 0)
        explain(out, SL_STR("the store knows nothing of this instance"));
    else
        out->known = true;
}

void sl_manage_tip_ask(const struct sl_manage_line *l, const char *instance,
                       struct sl_manage_tip *out)
{
    char where[512], key[1024], path[64], message[512];
    struct sl_client_ask ask = {
        .where = where, .method = "GET", .path = path, .key = key, .seconds = SECONDS};
    struct sl_client_answer got;

    memset(out, 0, sizeof *out);
    snprintf(path, sizeof path, "/admin/api/trail/%s", instance);
    sl_source_admin(&l->common, where, sizeof where);
    sl_source_admin_key(&l->common, key, sizeof key);
    sl_client_ask(&ask, &got);
    sl_mem_wipe(key, sizeof key);
    if (got.status == 200)
        take(got.body, out);
    else if (got.status == 404)
        explain(out, SL_STR("what answered is not a gateway that keeps ends of trails"));
    else
        explain(out, sl_client_message(got.body, message, sizeof message));
    sl_client_fini(&got);
}
