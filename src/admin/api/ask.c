/* admin/api/ask.c -- bodies, by a table of members. */
#include "admin/api/ask.h"

#include <assert.h>
#include <stdio.h>

#include "base/doc.h"
#include "base/when.h"
#include "llm/dialect.h"
#include "policy/money.h"

#define MEMORY ((size_t)1 << 20) /* of the tree and what is made of it */
#define NAME_BYTES 64
#define OVERLAP_MAX_MS ((int64_t)90 * 86400000)

#define KEYS (SL_ASK_MAKE_KEY | SL_ASK_CHANGE_KEY)
#define TENANTS (SL_ASK_MAKE_TENANT | SL_ASK_CHANGE_TENANT)
#define MAKES (SL_ASK_MAKE_KEY | SL_ASK_MAKE_TENANT)
#define CHANGES (SL_ASK_CHANGE_KEY | SL_ASK_CHANGE_TENANT)

struct reader {
    struct sl_arena *a; /* up */
    struct sl_ask *out; /* up */
    int64_t now_unix_ms;
    enum sl_ask_for what;
    yyjson_mut_doc *made;  /* owns */
    yyjson_mut_val *patch; /* up: made */
    bool unlimited, limited;
    enum sl_err err;
};

struct member;
typedef bool read_fn(struct reader *r, const struct member *m, yyjson_val *v);
struct member {
    const char *name;
    unsigned in; /* enum sl_ask_for, added */
    read_fn *read;
    const char *to; /* in the document; NULL: the same name */
};

static bool wrong(struct reader *r, const char *name, const char *wish)
{
    r->err = SL_ERR_BAD_FIELD;
    snprintf(r->out->why, sizeof r->out->why, "%s: %s", name, wish);
    return false;
}

static bool no_memory(struct reader *r)
{
    r->err = SL_ERR_NO_MEMORY;
    snprintf(r->out->why, sizeof r->out->why, "%s", sl_err_text(SL_ERR_NO_MEMORY));
    return false;
}

/* ---- into the patch ---- */

/* What the patch has under that name, an object; made if need be. */
static yyjson_mut_val *below(struct reader *r, const char *name)
{
    yyjson_mut_val *v = yyjson_mut_obj_get(r->patch, name);

    if (v != NULL && yyjson_mut_is_obj(v))
        return v;
    yyjson_mut_obj_remove_key(r->patch, name);
    return yyjson_mut_obj_add_obj(r->made, r->patch, name);
}

/* `credits` and `remain_quota`, `rpm` and `limits.rpm`: nobody knows which is meant. */
static bool twice(struct reader *r, const char *name)
{
    return wrong(r, name, "is said twice here, in two ways; leave one of them out");
}

static bool put_into(struct reader *r, yyjson_mut_val *map, const char *name, yyjson_mut_val *v)
{
    if (map == NULL || v == NULL)
        return no_memory(r);
    if (yyjson_mut_obj_get(map, name) != NULL)
        return twice(r, name);
    return yyjson_mut_obj_add_val(r->made, map, name, v) || no_memory(r);
}

static bool read_copy(struct reader *r, const struct member *m, yyjson_val *v)
{
    return put_into(r, r->patch, m->to != NULL ? m->to : m->name, yyjson_val_mut_copy(r->made, v));
}

/* Short names and the map itself may stand in one body: they are laid together. */
static bool read_map(struct reader *r, const struct member *m, yyjson_val *v)
{
    yyjson_mut_val *map;
    size_t i, n;
    yyjson_val *key, *one;

    if (yyjson_is_null(v))
        return read_copy(r, m, v);
    if (!yyjson_is_obj(v))
        return wrong(r, m->name, "must be an object");
    map = below(r, m->name);
    if (map == NULL)
        return no_memory(r);
    yyjson_obj_foreach(v, i, n, key, one)
    {
        if (yyjson_mut_obj_get(map, yyjson_get_str(key)) != NULL)
            return twice(r, yyjson_get_str(key));
        if (!yyjson_mut_obj_put(map, yyjson_val_mut_copy(r->made, key),
                                yyjson_val_mut_copy(r->made, one)))
            return no_memory(r);
    }
    return true;
}

static bool read_limit(struct reader *r, const struct member *m, yyjson_val *v)
{
    return put_into(r, below(r, "limits"), m->name, yyjson_val_mut_copy(r->made, v));
}

static bool put_money(struct reader *r, const char *map, const char *name, int64_t micro)
{
    char place[24];
    struct sl_str text = sl_money_print(micro, place);

    return put_into(r, map != NULL ? below(r, map) : r->patch, name,
                    yyjson_mut_rawncpy(r->made, text.p, text.n));
}

static bool put_seconds(struct reader *r, const char *name, int64_t unix_ms)
{
    char place[24];
    int n = snprintf(place, sizeof place, "%lld", (long long)(unix_ms / 1000));

    return put_into(r, r->patch, name, yyjson_mut_rawncpy(r->made, place, (size_t)n));
}

/* ---- money ---- */

static bool money_of(struct reader *r, const char *name, yyjson_val *v, int64_t *micro)
{
    if (yyjson_is_raw(v) && sl_money_parse(sl_doc_str(v), 6, micro) &&
        *micro <= SL_TERMS_MONEY_MAX && *micro >= -SL_TERMS_MONEY_MAX)
        return true;
    return wrong(r, name, "must be dollars, at most 1000000000, with at most six decimals");
}

/* What is added to an account. */
static bool take_micro(struct reader *r, const struct member *m, int64_t micro)
{
    if (r->out->has_micro)
        return twice(r, m->name);
    r->out->micro = micro;
    r->out->has_micro = true;
    return true;
}

static bool read_credits(struct reader *r, const struct member *m, yyjson_val *v)
{
    int64_t micro;

    if (r->what & CHANGES)
        return wrong(r, m->name,
                     "an account that exists is not set but added to: POST …/credits; or set "
                     "budget.initial_credits, what a new account starts with");
    if (!money_of(r, m->name, v, &micro))
        return false;
    if (r->what == SL_ASK_CREDITS)
        return take_micro(r, m, micro);
    if (micro < 0)
        return wrong(r, m->name, "must not be below 0");
    return put_money(r, "budget", "initial_credits", micro);
}

/* One API's units; below 0 only where credits are taken back. */
static bool read_quota(struct reader *r, const struct member *m, yyjson_val *v)
{
    struct sl_str text = yyjson_is_raw(v) ? sl_doc_str(v) : (struct sl_str){"", 0};
    bool minus = r->what == SL_ASK_CREDITS && sl_str_starts(text, SL_STR("-"));
    uint64_t units;
    int64_t micro;

    if (!sl_str_to_u64(sl_str_from(text, minus ? 1 : 0), &units) ||
        units > SL_TERMS_MONEY_MAX / SL_MONEY_ONE_API_UNIT)
        return wrong(r, m->name, "must be a whole number of units, 500000 to the dollar");
    micro = (int64_t)units * SL_MONEY_ONE_API_UNIT;
    if (r->what == SL_ASK_CREDITS)
        return take_micro(r, m, minus ? -micro : micro);
    return put_money(r, "budget", "initial_credits", micro);
}

static bool read_unlimited(struct reader *r, const struct member *m, yyjson_val *v)
{
    if (!yyjson_is_bool(v))
        return wrong(r, m->name, "must be true or false");
    r->unlimited = yyjson_is_true(v);
    r->limited = !r->unlimited;
    return true;
}

/* ---- time ---- */

static bool time_of(struct reader *r, const char *name, yyjson_val *v, int64_t *unix_ms)
{
    uint64_t n;

    if (yyjson_is_raw(v) && sl_str_to_u64(sl_doc_str(v), &n) && n <= 253402300799u) {
        *unix_ms = (int64_t)n * 1000;
        return true;
    }
    if (yyjson_is_str(v) && sl_when_date(sl_doc_str(v), &n)) {
        *unix_ms = (int64_t)n;
        return true;
    }
    return wrong(r, name,
                 "must be seconds since 1970, or a date such as 2027-01-31 or "
                 "2027-01-31T12:00:00Z");
}

/* "24h", or seconds. */
static bool span_of(struct reader *r, const char *name, yyjson_val *v, int64_t *ms)
{
    uint64_t n;

    if (yyjson_is_raw(v) && sl_str_to_u64(sl_doc_str(v), &n) &&
        n <= (uint64_t)OVERLAP_MAX_MS / 1000) {
        *ms = (int64_t)n * 1000;
        return true;
    }
    if (yyjson_is_str(v) && sl_when_duration(sl_doc_str(v), &n) && n <= (uint64_t)OVERLAP_MAX_MS) {
        *ms = (int64_t)n;
        return true;
    }
    return wrong(r, name, "must be a duration such as 90s, 24h or 7d, at most 90 days");
}

/* One API writes -1 for never. */
static bool read_expires(struct reader *r, const struct member *m, yyjson_val *v)
{
    int64_t at;

    if (yyjson_is_null(v))
        return put_into(r, r->patch, "expires", yyjson_mut_null(r->made));
    if (yyjson_is_raw(v) && sl_str_eq(sl_doc_str(v), SL_STR("-1")))
        return put_seconds(r, "expires", 0);
    if (!time_of(r, m->name, v, &at))
        return false;
    if (at != 0 && at <= r->now_unix_ms)
        return wrong(r, m->name, "is in the past; 0 is never, and DELETE revokes a key");
    return put_seconds(r, "expires", at);
}

static bool read_until(struct reader *r, const struct member *m, yyjson_val *v)
{
    int64_t span = 0, *at = &r->out->until_unix_ms;

    if (*at != 0)
        return wrong(r, m->name, "give either until or for");
    if (strcmp(m->name, "until") == 0) {
        if (!time_of(r, m->name, v, at))
            return false;
    } else if (!span_of(r, m->name, v, &span)) {
        return false;
    } else {
        *at = r->now_unix_ms + span;
    }
    return *at > r->now_unix_ms + 999 || wrong(r, m->name, "must lie ahead");
}

static bool read_overlap(struct reader *r, const struct member *m, yyjson_val *v)
{
    return span_of(r, m->name, v, &r->out->overlap_ms);
}

/* ---- scopes ---- */

#define ENDPOINTS                                                                                  \
    "messages, count_tokens, chat, completions, responses, embeddings, moderations, prompt, "      \
    "models"

static bool is_endpoint(struct sl_str name)
{
    if (name.n > 0 && name.p[name.n - 1] == '*')
        return true;
    for (int ep = SL_EP_NONE + 1; ep < SL_EP__COUNT; ep++)
        if ((sl_endpoint_dialect((enum sl_endpoint)ep) != NULL || ep == SL_EP_MODELS) &&
            sl_str_eq(name, sl_str_of(sl_endpoint_name((enum sl_endpoint)ep))))
            return true;
    return false;
}

static bool add_scope(struct reader *r, const struct member *m, struct sl_str *list, size_t *n,
                      struct sl_str text)
{
    struct sl_str one;

    while (sl_str_split(&text, ',', &one)) {
        one = sl_str_trim(one);
        if (one.n == 0 || one.n > 200 || *n == SL_ASK_SCOPES)
            return wrong(r, m->name, "must be at most 64 names of at most 200 bytes");
        if (strcmp(m->name, "endpoints") == 0 && !is_endpoint(one))
            return wrong(r, m->name, "must be of " ENDPOINTS);
        list[*n] = sl_arena_dup(r->a, one);
        if (list[(*n)++].p == NULL)
            return no_memory(r);
    }
    return true;
}

/* A list, or One API's text with commas; null and nothing: no rule of that family. */
static bool read_family(struct reader *r, const struct member *m, yyjson_val *v)
{
    struct sl_ask_list *to = strcmp(m->name, "models") == 0 ? &r->out->models : &r->out->endpoints;
    struct sl_str *list = sl_arena_zalloc(r->a, SL_ASK_SCOPES * sizeof *list);
    size_t i, n;
    yyjson_val *one;

    if (list == NULL)
        return no_memory(r);
    *to = (struct sl_ask_list){.given = true, .at = list};
    if (yyjson_is_str(v))
        return add_scope(r, m, list, &to->n, sl_doc_str(v));
    if (!yyjson_is_arr(v))
        return yyjson_is_null(v) || wrong(r, m->name, "must be a list of names");
    yyjson_arr_foreach(v, i, n, one)
    {
        if (!yyjson_is_str(one))
            return wrong(r, m->name, "must be a list of names");
        if (!add_scope(r, m, list, &to->n, sl_doc_str(one)))
            return false;
    }
    return true;
}

static bool names_endpoints(struct sl_str scope)
{
    struct sl_str one;

    if (!sl_str_starts(scope, SL_STR("endpoints:")))
        return true;
    scope = sl_str_from(scope, 10);
    while (sl_str_split(&scope, ',', &one))
        if (!is_endpoint(sl_str_trim(one)))
            return false;
    return true;
}

/* policy/record.c judges their form; it knows no endpoints. */
static bool read_scopes(struct reader *r, const struct member *m, yyjson_val *v)
{
    size_t i, n;
    yyjson_val *one;

    r->out->has_scopes = true;
    if (yyjson_is_arr(v))
        yyjson_arr_foreach(v, i, n, one)
        {
            if (yyjson_is_str(one) && !names_endpoints(sl_doc_str(one)))
                return wrong(r, m->name, "endpoints: must be of " ENDPOINTS);
        }
    return read_copy(r, m, v);
}

/* ---- the rest ---- */

static bool is_name(struct sl_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == '_'))
            return false;
    }
    return s.n > 0 && s.n <= NAME_BYTES;
}

static bool read_name(struct reader *r, const struct member *m, yyjson_val *v)
{
    struct sl_str *to = strcmp(m->name, "name") == 0 ? &r->out->name : &r->out->tenant;

    if (!yyjson_is_str(v) || !is_name(sl_doc_str(v)))
        return wrong(r, m->name, "takes 1 to 64 letters, digits, dots, dashes and underscores");
    *to = sl_arena_dup(r->a, sl_doc_str(v));
    return to->p != NULL || no_memory(r);
}

static bool read_state(struct reader *r, const struct member *m, yyjson_val *v)
{
    if (!yyjson_equals_str(v, "active") && !yyjson_equals_str(v, "paused"))
        return wrong(r, m->name, "must be active or paused; DELETE revokes or deletes");
    r->out->state = sl_arena_dup(r->a, sl_doc_str(v));
    return r->out->state.p != NULL || no_memory(r);
}

static bool read_rev(struct reader *r, const struct member *m, yyjson_val *v)
{
    if (!yyjson_is_raw(v) || !sl_str_to_u64(sl_doc_str(v), &r->out->rev))
        return wrong(r, m->name, "must be a whole number, as shown");
    return r->out->has_rev = true;
}

static bool read_no_raise(struct reader *r, const struct member *m, yyjson_val *v)
{
    if (!yyjson_is_null(v))
        return wrong(r, m->name, "takes null, which ends it; POST …/raise makes one");
    return read_copy(r, m, v);
}

static bool read_raised(struct reader *r, const struct member *m, yyjson_val *v)
{
    int64_t micro;

    if (!money_of(r, m->name, v, &micro))
        return false;
    if (micro <= 0)
        return wrong(r, m->name, "must be more than 0");
    return put_money(r, "raise", m->name, micro);
}

/* What One API's programs send along and nobody uses. */
static bool read_nothing(struct reader *r, const struct member *m, yyjson_val *v)
{
    if (yyjson_is_null(v) || yyjson_equals_str(v, ""))
        return true;
    return wrong(r, m->name, "is not supported; leave it out");
}

static const struct member members[] = {
    {"name", KEYS, read_copy, NULL},
    {"name", SL_ASK_MAKE_TENANT, read_name, NULL},
    {"tenant", SL_ASK_MAKE_KEY, read_name, NULL},
    {"user", KEYS, read_copy, NULL},
    {"class", KEYS, read_copy, NULL},
    {"expires", KEYS, read_expires, NULL},
    {"expired_time", KEYS, read_expires, NULL},
    {"plan", TENANTS, read_copy, NULL},
    {"labels", TENANTS, read_copy, NULL},
    {"per_key", TENANTS, read_copy, NULL},
    {"log_prompts", TENANTS, read_copy, NULL},
    {"raise", SL_ASK_CHANGE_TENANT, read_no_raise, NULL},
    {"scopes", KEYS | TENANTS, read_scopes, NULL},
    {"models", KEYS | TENANTS, read_family, NULL},
    {"endpoints", KEYS | TENANTS, read_family, NULL},
    {"rpm", KEYS | TENANTS, read_limit, NULL},
    {"qps", KEYS | TENANTS, read_limit, NULL},
    {"burst", KEYS | TENANTS, read_limit, NULL},
    {"tpm", KEYS | TENANTS, read_limit, NULL},
    {"concurrency", KEYS | TENANTS, read_limit, NULL},
    {"user_concurrency", KEYS | TENANTS, read_limit, NULL},
    {"reserve_output", KEYS | TENANTS, read_limit, NULL},
    {"limits", KEYS | TENANTS, read_map, NULL},
    {"budget", KEYS | TENANTS, read_map, NULL},
    {"credits", KEYS | TENANTS | SL_ASK_CREDITS, read_credits, NULL},
    {"remain_quota", MAKES, read_quota, NULL},
    {"quota", SL_ASK_CREDITS, read_quota, NULL},
    {"unlimited", SL_ASK_MAKE_KEY, read_unlimited, NULL},
    {"unlimited_quota", SL_ASK_MAKE_KEY, read_unlimited, NULL},
    {"state", CHANGES, read_state, NULL},
    {"rev", CHANGES, read_rev, NULL},
    {"subnet", SL_ASK_MAKE_KEY, read_nothing, NULL},
    {"group", SL_ASK_MAKE_KEY, read_nothing, NULL},
    {"overlap", SL_ASK_ROTATE, read_overlap, NULL},
    {"daily", SL_ASK_RAISE, read_raised, NULL},
    {"monthly", SL_ASK_RAISE, read_raised, NULL},
    {"until", SL_ASK_RAISE, read_until, NULL},
    {"for", SL_ASK_RAISE, read_until, NULL},
};
#define MEMBERS (sizeof members / sizeof members[0])

static size_t find(struct reader *r, struct sl_str name)
{
    size_t i = 0;

    while (i < MEMBERS &&
           ((members[i].in & r->what) == 0 || !sl_str_eq(name, sl_str_of(members[i].name))))
        i++;
    return i;
}

static bool read_members(struct reader *r, yyjson_val *root)
{
    size_t i, n, at;
    uint64_t seen = 0;
    yyjson_val *key, *v;
    char name[48];

    static_assert(MEMBERS <= 64, "a bit for every member");
    yyjson_obj_foreach(root, i, n, key, v)
    {
        at = find(r, sl_doc_str(key));
        snprintf(name, sizeof name, "%.*s", SL_STR_ARGS(sl_str_first(sl_doc_str(key), 40)));
        if (at == MEMBERS)
            return wrong(r, name, "no such member here");
        if ((seen >> at & 1) != 0)
            return wrong(r, name, "stands twice");
        seen |= (uint64_t)1 << at;
        if (!members[at].read(r, &members[at], v))
            return false;
    }
    return true;
}

/* What only all members together say. */
static bool read_sense(struct reader *r)
{
    struct sl_ask *out = r->out;

    if (out->has_scopes && (out->models.given || out->endpoints.given))
        return wrong(r, "scopes", "give either scopes, or models and endpoints");
    if (r->limited && yyjson_mut_obj_get(below(r, "budget"), "initial_credits") == NULL)
        return wrong(r, "remain_quota", "is missing beside unlimited: false");
    if (r->unlimited) /* One API sends the other one along */
        yyjson_mut_obj_remove_key(below(r, "budget"), "initial_credits");
    if (r->what == SL_ASK_MAKE_TENANT && out->name.n == 0)
        return wrong(r, "name", "is missing");
    if (r->what == SL_ASK_MAKE_KEY && yyjson_mut_get_len(yyjson_mut_obj_get(r->patch, "name")) == 0)
        return wrong(r, "name", "is missing: what people call the key");
    if (r->what == SL_ASK_CREDITS && !out->has_micro)
        return wrong(r, "credits", "is missing: how many dollars are added, or taken if below 0");
    if (r->what == SL_ASK_CREDITS && out->micro == 0)
        return wrong(r, "credits", "must not be 0: dollars are added, or taken if below 0");
    if (r->what != SL_ASK_RAISE)
        return true;
    if (yyjson_mut_obj_get(r->patch, "raise") == NULL)
        return wrong(r, "daily", "is missing: give daily, monthly or both");
    return out->until_unix_ms != 0 || wrong(r, "until", "is missing: when the raise ends, or for");
}

static bool write_patch(struct reader *r, struct sl_doc *doc)
{
    size_t n = 0;
    char *text = yyjson_mut_val_write_opts(r->patch, YYJSON_WRITE_NOFLAG, &doc->alc, &n, NULL);

    if (text == NULL)
        return no_memory(r);
    r->out->patch = sl_arena_dup(r->a, (struct sl_str){text, n});
    doc->alc.free(doc->alc.ctx, text);
    return r->out->patch.p != NULL || no_memory(r);
}

static void read_root(struct reader *r, struct sl_doc *doc)
{
    if (!yyjson_is_obj(doc->root)) {
        r->err = SL_ERR_BAD_BODY;
        snprintf(r->out->why, sizeof r->out->why, "the body must be a JSON object");
        return;
    }
    r->made = yyjson_mut_doc_new(&doc->alc);
    r->patch = r->made != NULL ? yyjson_mut_obj(r->made) : NULL;
    if (r->patch == NULL)
        (void)no_memory(r);
    else if (read_members(r, doc->root) && read_sense(r))
        (void)write_patch(r, doc);
    yyjson_mut_doc_free(r->made);
}

enum sl_err sl_ask_read(struct sl_str body, enum sl_ask_for what, int64_t now_unix_ms,
                        struct sl_arena *a, struct sl_ask *out)
{
    struct reader r = {.a = a, .out = out, .now_unix_ms = now_unix_ms, .what = what};
    struct sl_doc doc;

    *out = (struct sl_ask){.overlap_ms = -1};
    if (body.n == 0)
        body = SL_STR("{}");
    r.err = sl_doc_read(&doc, body, MEMORY, YYJSON_READ_NUMBER_AS_RAW);
    if (r.err == SL_OK)
        read_root(&r, &doc);
    else
        snprintf(out->why, sizeof out->why, "%s", sl_err_text(r.err));
    sl_doc_fini(&doc);
    return r.err;
}
