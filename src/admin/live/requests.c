/* GET request, GET request/ID: what has ended in this process, newest first. */
#include "admin/api/handlers.h"

#include "base/json.h"
#include "gateway/audit/recent.h"

#define USUAL 20
#define MOST 1000
#define VALUE 512

static const char *const members[] = {"tenant", "key", "model", "provider", "ending", "end_user"};
#define MEMBERS (sizeof members / sizeof members[0])

static bool is_wanted(struct sl_str line, const struct sl_str only[MEMBERS])
{
    char text[VALUE];
    size_t n;

    for (size_t i = 0; i < MEMBERS; i++) {
        n = 0;
        if (only[i].n == 0)
            continue;
        if (!sl_json_unescape(sl_json_get(line, sl_str_of(members[i])), text, sizeof text, &n) ||
            !sl_str_eq(only[i], (struct sl_str){text, n}))
            return false;
    }
    return true;
}

void sl_requests_list(struct sl_api *c)
{
    const struct sl_recent *recent = sl_gateway_recent(c->admin->gateway);
    struct sl_str only[MEMBERS];
    uint64_t limit;

    for (size_t i = 0; i < MEMBERS; i++)
        if (!sl_api_query(c, members[i], &only[i]))
            return;
    if (!sl_api_limit(c, USUAL, MOST, &limit))
        return;
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '[');
    for (size_t back = 0; limit > 0 && back < sl_recent_count(recent); back++) {
        struct sl_str line = sl_recent_at(recent, back);

        if (!is_wanted(line, only))
            continue;
        sl_out_raw(&c->out, NULL, line);
        limit--;
    }
    sl_out_close(&c->out, ']');
    sl_api_done(c);
}

void sl_requests_show(struct sl_api *c)
{
    struct sl_str line = sl_recent_find(sl_gateway_recent(c->admin->gateway), c->name);

    if (line.p == NULL) {
        sl_api_fail(c, 404, SL_ERR_NO_ROUTE, NULL,
                    "No request %.*s among the last %zu that ended in this process. `sluice audit "
                    "list DIR --id ID` looks in trails; other instances have their own.",
                    SL_STR_ARGS(sl_str_first(c->name, 100)),
                    sl_recent_count(sl_gateway_recent(c->admin->gateway)));
        return;
    }
    sl_api_begin(c);
    sl_out_raw(&c->out, NULL, line);
    sl_api_done(c);
}
