/* admin/api/ledger.c -- how store and ledger are; the store compared with trails, and set
 * right by them; the end of a trail, for whoever audits it.
 *
 * POST ledger/rebuild {"dirs":["/var/lib/sluice",…],"dry_run":false,"broken_too":false}: the
 * directories are on this host, and readable for this process; none: its own trail. */
#include "admin/api/handlers.h"

#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "store/rebuild.h"

#define DIR_BYTES 1000

/* ---- how they are ---- */

static void open(struct sl_api *c, struct sl_store_state *s)
{
    sl_store_look(c->store, s);
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '{');
}

static void done(struct sl_api *c)
{
    sl_out_close(&c->out, '}');
    sl_api_done(c);
}

void sl_store_show(struct sl_api *c)
{
    const struct sl_store_conf *conf = &c->conf->store;
    struct sl_cache *cache = sl_gateway_cache(c->admin->gateway);
    struct sl_store_state s;

    open(c, &s);
    sl_out_text(&c->out, "kind", sl_str_of(s.kind));
    sl_out_text(&c->out, "where", sl_str_of(s.where));
    sl_out_flag(&c->out, "up", s.up);
    sl_out_flag(&c->out, "lost", s.lost);
    sl_out_flag(&c->out, "cache_up", cache != NULL && sl_cache_has_far(cache));
    sl_out_count(&c->out, "instances", s.instances);
    sl_out_text(&c->out, "on_outage", conf->refuse ? SL_STR("refuse") : SL_STR("local"));
    sl_out_count(&c->out, "timeout_ms", conf->timeout_ms);
    done(c);
}

void sl_ledger_show(struct sl_api *c)
{
    struct sl_store_state s;

    open(c, &s);
    sl_out_text(&c->out, "instance", (struct sl_str){s.instance, sizeof s.instance});
    sl_out_text(&c->out, "dir", c->conf->store.state_dir);
    sl_out_flag(&c->out, "kept", s.has_trail);
    sl_out_count(&c->out, "last", s.trail_last);
    sl_out_count(&c->out, "synced", s.trail_synced);
    sl_out_count(&c->out, "acknowledged", s.trail_acked);
    sl_out_count(&c->out, "unsent", s.unsent);
    sl_out_count(&c->out, "dropped", s.dropped);
    sl_out_count(&c->out, "lag_ms", s.lag_ms);
    sl_out_flag(&c->out, "disk_failing", s.disk_failing);
    sl_out_flag(&c->out, "lost", s.lost);
    done(c);
}

/* ---- the end of a trail, as the store knows it ---- */

static void on_tip(void *ctx, enum sl_err e)
{
    struct sl_api *c = ctx;
    const struct sl_tip *tip = c->note;
    char hex[64];

    if (!sl_api_is_fine(c, e))
        return;
    sl_str_hex(tip->mac, sizeof tip->mac, hex);
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '{');
    sl_out_text(&c->out, "instance", c->name);
    sl_out_flag(&c->out, "known", tip->number > 0);
    sl_out_count(&c->out, "number", tip->number);
    sl_out_text(&c->out, "mac", (struct sl_str){hex, sizeof hex});
    sl_out_count(&c->out, "lost", tip->lost);
    done(c);
}

void sl_trail_show(struct sl_api *c)
{
    struct sl_tip *tip = sl_arena_zalloc(&c->arena, sizeof *tip);
    uint8_t digits[4];

    if (tip == NULL) {
        sl_api_no_memory(c);
    } else if (!sl_str_unhex(c->name, digits, sizeof digits)) {
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "instance",
                    "instance: must be the 8 digits of a state directory's file `instance`");
    } else {
        c->note = tip;
        sl_store_tip_start(c->store, c->name, tip, &c->op, on_tip, c);
    }
}

/* ---- a rebuild ---- */

struct rebuild {
    struct sl_rebuild_ask ask;
    struct sl_str dirs[SL_REBUILD_DIRS];
    struct sl_rebuild_report report;
};

/* ---- the body ---- */

static bool wrong(struct sl_api *c, const char *name, const char *wish)
{
    sl_api_fail(c, 0, SL_ERR_BAD_FIELD, name, "%s: %s", name, wish);
    return false;
}

static bool read_dirs(struct sl_api *c, struct rebuild *r, struct sl_str list)
{
    struct sl_str one;
    size_t pos = 0, n;

    if (sl_json_type_of(list) != SL_JSON_ARRAY)
        return wrong(c, "dirs", "must be a list of directories");
    while (sl_json_next(list, &pos, &one)) {
        char *text = sl_arena_alloc(&c->arena, DIR_BYTES);

        if (text == NULL || r->ask.n == SL_REBUILD_DIRS ||
            !sl_json_unescape(one, text, DIR_BYTES, &n) || n == 0)
            return wrong(c, "dirs", "must be at most 16 directories");
        r->dirs[r->ask.n++] = (struct sl_str){text, n};
    }
    return true;
}

static bool read_flag(struct sl_api *c, const char *name, struct sl_str value, bool *out)
{
    enum sl_json_type t = sl_json_type_of(value);

    *out = t == SL_JSON_TRUE;
    return t == SL_JSON_TRUE || t == SL_JSON_FALSE || wrong(c, name, "must be true or false");
}

static bool read_member(struct sl_api *c, struct rebuild *r, struct sl_str key, struct sl_str value)
{
    bool dry_run = false;
    char name[48];

    if (sl_json_key_is(key, SL_STR("dirs")))
        return read_dirs(c, r, value);
    if (sl_json_key_is(key, SL_STR("broken_too")))
        return read_flag(c, "broken_too", value, &r->ask.broken_too);
    if (sl_json_key_is(key, SL_STR("dry_run"))) {
        if (!read_flag(c, "dry_run", value, &dry_run))
            return false;
        r->ask.write = !dry_run;
        return true;
    }
    snprintf(name, sizeof name, "%.*s", SL_STR_ARGS(sl_str_first(key, 40)));
    return wrong(c, name, "no such member here");
}

/* ---- the answer ---- */

static void write_trail(struct sl_out *o, const struct sl_trail_report *t)
{
    sl_out_open(o, NULL, '{');
    sl_out_text(o, "instance", sl_str_of(t->instance));
    sl_out_count(o, "lines", t->lines);
    sl_out_count(o, "first", t->first);
    sl_out_count(o, "last", t->last);
    sl_out_count(o, "dropped", t->dropped);
    sl_out_flag(o, "torn", t->torn);
    sl_out_count(o, "broken_at", t->broken_at);
    sl_out_text(o, "what", sl_str_of(t->what));
    sl_out_close(o, '}');
}

static void write_difference(struct sl_out *o, const struct sl_rebuild_difference *d)
{
    sl_out_open(o, NULL, '{');
    sl_out_text(o, "tenant", sl_str_of(d->tenant));
    sl_out_text(o, "key", sl_str_of(d->key_id));
    sl_out_text(o, "what", sl_str_of(d->what));
    sl_out_number(o, "trail", d->trail);
    sl_out_number(o, "store", d->store);
    sl_out_close(o, '}');
}

static void answer(struct sl_api *c)
{
    const struct rebuild *r = c->note;
    const struct sl_rebuild_report *rep = &r->report;
    struct sl_out *o = &c->out;
    struct sl_store_state s;

    open(c, &s);
    sl_out_count(o, "instances", s.instances);
    sl_out_count(o, "tenants", rep->tenants);
    sl_out_count(o, "accounts", rep->accounts);
    sl_out_count(o, "rows", rep->rows);
    sl_out_count(o, "records", rep->records);
    sl_out_count(o, "differences", rep->differences);
    sl_out_flag(o, "written", rep->written);
    sl_out_open(o, "trails", '[');
    for (size_t i = 0; i < rep->trails_n; i++)
        write_trail(o, &rep->trails[i]);
    sl_out_close(o, ']');
    sl_out_open(o, "shown", '[');
    for (size_t i = 0; i < rep->shown_n; i++)
        write_difference(o, &rep->shown[i]);
    sl_out_close(o, ']');
    sl_out_close(o, '}');
    sl_api_done(c);
}

static void on_rebuilt(void *ctx, enum sl_err e)
{
    struct sl_api *c = ctx;
    const struct rebuild *r = c->note;

    if (e == SL_OK) {
        sl_log(SL_LOG_INFO, "admin", (struct sl_str){"", 0},
               "the store was %s, %llu differences, by %.*s",
               r->ask.write ? "rebuilt" : "compared with trails",
               (unsigned long long)r->report.differences, SL_STR_ARGS(c->actor));
        answer(c);
    } else if (e == SL_ERR_STORE) {
        sl_api_fail(c, 0, e, NULL, "%s", r->report.why[0] != '\0' ? r->report.why : sl_err_text(e));
    } else {
        /* not IO's 500: the directories were named by who asks */
        sl_api_fail(c,
                    e == SL_ERR_IO                              ? 400
                    : e == SL_ERR_CONFIG || e == SL_ERR_CEILING ? 409
                                                                : 0,
                    e, "dirs", "dirs: %s",
                    r->report.why[0] != '\0' ? r->report.why : sl_err_text(e));
    }
}

void sl_ledger_rebuild(struct sl_api *c)
{
    struct rebuild *r = sl_arena_zalloc(&c->arena, sizeof *r);
    struct sl_str key, value;
    size_t pos = 0;

    if (r == NULL) {
        sl_api_no_memory(c);
        return;
    }
    c->note = r;
    r->ask.write = true;
    if (!sl_api_is_object(c))
        return;
    while (sl_json_next_member(c->body, &pos, &key, &value))
        if (!read_member(c, r, key, value))
            return;
    r->ask.dirs = r->dirs;
    sl_rebuild_start(c->store, &r->ask, &r->report, &c->op, on_rebuilt, c);
}
