/* GET audit: lines of this process's trail, the newest first, by what they say.
 *
 * Part by part (store/search.h), until enough was found or PARTS were read: a page may then have
 * few lines, or none, and a `next` all the same. */
#include "admin/api/handlers.h"

#include "base/json.h"
#include "store/search.h"

#define USUAL 50
#define MOST 200
#define PARTS 8
#define PAGE_BYTES ((size_t)2 << 20)

struct finding {
    struct sl_search ask;
    size_t wanted, parts, bytes, n;
    struct sl_str lines[MOST]; /* up: the call's arena */
};

static void answer(struct sl_api *c)
{
    const struct finding *f = c->note;
    struct sl_str next = {"", 0};

    if (f->ask.next != 0)
        next = sl_arena_printf(&c->arena, "%llu", (unsigned long long)f->ask.next);
    if (next.p == NULL) {
        sl_api_no_memory(c);
        return;
    }
    sl_api_begin(c);
    sl_out_open(&c->out, NULL, '[');
    for (size_t i = 0; i < f->n; i++)
        sl_out_raw(&c->out, NULL, f->lines[i]);
    sl_out_close(&c->out, ']');
    sl_api_next(c, next);
    sl_api_done(c);
}

static bool take(struct sl_api *c, struct finding *f)
{
    struct sl_str rest = f->ask.lines, line;

    while (f->n < MOST && sl_str_split(&rest, '\n', &line)) {
        if (line.n == 0)
            continue;
        f->lines[f->n] = sl_arena_dup(&c->arena, line);
        if (f->lines[f->n].p == NULL)
            return false;
        f->bytes += line.n;
        f->n++;
    }
    return true;
}

static void on_part(void *ctx, enum sl_err e);

static void ask(struct sl_api *c, struct finding *f)
{
    f->parts++;
    f->ask.limit = f->wanted - f->n;
    sl_search_start(c->store, &f->ask, &c->op, on_part, c);
}

static void on_part(void *ctx, enum sl_err e)
{
    struct sl_api *c = ctx;
    struct finding *f = c->note;

    if (e == SL_ERR_NO_ROUTE) {
        sl_api_fail(c, 0, e, NULL,
                    "no trail is kept here: give the gateway a state directory (SLUICE_STATE)");
    } else if (e != SL_OK) {
        sl_api_fail(c, 0, e, NULL, "the trail can't be read: %s", sl_err_text(e));
    } else if (!take(c, f)) {
        sl_api_no_memory(c);
    } else if (f->ask.next != 0 && f->n < f->wanted && f->parts < PARTS && f->bytes < PAGE_BYTES) {
        f->ask.before = f->ask.next;
        ask(c, f);
    } else {
        answer(c);
    }
}

/* ---- the query ---- */

static bool is_moment(struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (i > 3 && strchr("-:.TZ", s.p[i]) != NULL)))
            return false;
    return s.n >= 4;
}

static bool read_value(struct sl_api *c, struct sl_choice *out, enum sl_choice_by by)
{
    const char *name = sl_choice_name(by);
    struct sl_str value;

    if (!sl_api_query(c, name, &value))
        return false;
    if (value.n == 0)
        return true;
    if ((by == SL_CHOICE_FROM || by == SL_CHOICE_TO) && !is_moment(value)) {
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, name,
                    "%s: must be a day such as 2027-01-31, or a moment such as 2027-01-31T12:00",
                    name);
        return false;
    }
    if (by == SL_CHOICE_KIND && !sl_choice_is_kind(value)) {
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, name, "%s: must be " SL_CHOICE_KINDS, name);
        return false;
    }
    if (value.n >= SL_SEARCH_VALUE) {
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, name, "%s: must have at most %d bytes", name,
                    SL_SEARCH_VALUE - 1);
        return false;
    }
    out->of[by] = value;
    return true;
}

void sl_audit_find(struct sl_api *c)
{
    struct finding *f = sl_arena_zalloc(&c->arena, sizeof *f);
    struct sl_str after;
    uint64_t limit;

    if (f == NULL) {
        sl_api_no_memory(c);
        return;
    }
    for (int by = 0; by < SL_CHOICE__COUNT; by++)
        if (!read_value(c, &f->ask.choice, (enum sl_choice_by)by))
            return;
    if (!sl_api_limit(c, USUAL, MOST, &limit) || !sl_api_query(c, "after", &after))
        return;
    if (after.n > 0 && (!sl_str_to_u64(after, &f->ask.before) || f->ask.before == 0)) {
        sl_api_fail(c, 0, SL_ERR_BAD_FIELD, "after", "after: must be the `next` of a page before");
        return;
    }
    sl_search_name_client(c->store, &f->ask.choice);
    f->wanted = (size_t)limit;
    c->note = f;
    ask(c, f);
}
