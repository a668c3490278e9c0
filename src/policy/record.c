/* policy/record.c -- reading documents, by a table of members. */
#include "policy/record.h"

#include "base/doc.h"
#include "base/obj.h"
#include "policy/money.h"
#include "policy/period.h"

#include <stdio.h>

#define TEXT_BYTES 200
#define NAME_BYTES 64
#define SCOPE_BYTES 300
#define MEMORY ((size_t)512 * 1024) /* of a tree */
#define LATEST 253402300799         /* the end of the year 9999 */
#define NUMBERS YYJSON_READ_NUMBER_AS_RAW

enum kind { TEXT, NAME, ZONE, COUNT, MONEY, BOOL, GONE, TIME, SCOPES, LABELS, MAP };

struct field {
    const char *name;
    enum kind kind;
    size_t at;                 /* offset in struct sl_record_doc */
    int64_t max;               /* of a count */
    const struct field *below; /* shared: of a map */
};

struct reader {
    struct sl_arena *a;        /* up */
    struct sl_record_doc *out; /* up */
    char *why;                 /* up */
    size_t cap;
    enum sl_err err;
};

#define AT(member) offsetof(struct sl_record_doc, member)
#define END                                                                                        \
    {                                                                                              \
        NULL, TEXT, 0, 0, NULL                                                                     \
    }
#define LIMITS(terms)                                                                              \
    {"rpm", COUNT, AT(terms.limits.rpm), SL_TERMS_WINDOW_MAX, NULL},                               \
        {"qps", COUNT, AT(terms.limits.qps), SL_TERMS_WINDOW_MAX, NULL},                           \
        {"burst", COUNT, AT(terms.limits.burst), SL_TERMS_WINDOW_MAX, NULL},                       \
        {"tpm", COUNT, AT(terms.limits.tpm), SL_TERMS_TOKENS_MAX, NULL},                           \
        {"concurrency", COUNT, AT(terms.limits.concurrency), SL_TERMS_WINDOW_MAX, NULL},           \
        {"user_concurrency", COUNT, AT(terms.limits.user_concurrency), SL_TERMS_WINDOW_MAX, NULL}, \
    {                                                                                              \
        "reserve_output", COUNT, AT(terms.limits.reserve_output), SL_TERMS_TOKENS_MAX, NULL        \
    }
#define BUDGET(terms)                                                                              \
    {"initial_credits", MONEY, AT(terms.budget.credits_micro), 0, NULL},                           \
        {"daily", MONEY, AT(terms.budget.daily_micro), 0, NULL},                                   \
    {                                                                                              \
        "monthly", MONEY, AT(terms.budget.monthly_micro), 0, NULL                                  \
    }

static const struct field limits[] = {LIMITS(terms), END};
static const struct field budget[] = {
    BUDGET(terms),
    {"zone", ZONE, AT(spending.zone), 0, NULL},
    {"hard", BOOL, AT(spending.hard), 0, NULL},
    {"on_client_gone", GONE, AT(spending.drain), 0, NULL},
    END,
};
static const struct field per_key_limits[] = {LIMITS(per_key), END};
static const struct field per_key_budget[] = {BUDGET(per_key), END};
static const struct field per_key[] = {
    {"limits", MAP, 0, 0, per_key_limits},
    {"budget", MAP, 0, 0, per_key_budget},
    END,
};
static const struct field raise_to[] = {
    {"daily", MONEY, AT(raise.to.daily_micro), 0, NULL},
    {"monthly", MONEY, AT(raise.to.monthly_micro), 0, NULL},
    {"until", TIME, AT(raise.until_unix_ms), 0, NULL},
    END,
};
static const struct field top[] = {
    {"name", TEXT, AT(name), 0, NULL},
    {"tenant", NAME, AT(tenant), 0, NULL},
    {"user", TEXT, AT(user), 0, NULL},
    {"plan", NAME, AT(plan), 0, NULL},
    {"scopes", SCOPES, AT(scopes), 0, NULL},
    {"expires", TIME, AT(expires_unix_ms), 0, NULL},
    {"rotated_until", TIME, AT(rotated_unix_ms), 0, NULL},
    {"created", TIME, AT(created_unix_ms), 0, NULL},
    {"account", NAME, AT(account), 0, NULL},
    {"of_file", BOOL, AT(of_file), 0, NULL},
    {"class", COUNT, AT(grade), 9, NULL},
    {"log_prompts", BOOL, AT(log_prompts), 0, NULL},
    {"limits", MAP, 0, 0, limits},
    {"budget", MAP, 0, 0, budget},
    {"per_key", MAP, 0, 0, per_key},
    {"raise", MAP, 0, 0, raise_to},
    {"labels", LABELS, AT(labels), 0, NULL},
    END,
};

/* ---- one value ---- */

static bool wrong(struct reader *r, const char *path, const char *name, const char *wish)
{
    r->err = SL_ERR_BAD_FIELD;
    snprintf(r->why, r->cap, "%s%s: %s", path, name, wish);
    return false;
}

static bool no_memory(struct reader *r)
{
    r->err = SL_ERR_NO_MEMORY;
    snprintf(r->why, r->cap, "out of memory");
    return false;
}

static bool copy(struct reader *r, yyjson_val *v, struct sl_str *out)
{
    *out = sl_arena_dup(r->a, sl_doc_str(v));
    return out->p != NULL || no_memory(r);
}

static bool is_text(yyjson_val *v, size_t max)
{
    struct sl_str s;

    if (!yyjson_is_str(v))
        return false;
    s = sl_doc_str(v);
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return s.n <= max;
}

static bool is_name(yyjson_val *v)
{
    struct sl_str s;

    if (!is_text(v, NAME_BYTES))
        return false;
    s = sl_doc_str(v);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == '_'))
            return false;
    }
    return s.n > 0;
}

/* Whole and not negative; JSON may write 1e3, which nobody needs here. */
static bool whole(yyjson_val *v, int64_t max, int64_t *out)
{
    uint64_t n;

    if (!yyjson_is_raw(v) || !sl_str_to_u64(sl_doc_str(v), &n) || n > (uint64_t)max)
        return false;
    *out = (int64_t)n;
    return true;
}

static bool money(yyjson_val *v, int64_t *out)
{
    int64_t micro;

    if (!yyjson_is_raw(v) || !sl_money_parse(sl_doc_str(v), 6, &micro) || micro < 0 ||
        micro > SL_TERMS_MONEY_MAX)
        return false;
    *out = micro;
    return true;
}

/* ---- lists ---- */

static bool read_scopes(struct reader *r, yyjson_val *v)
{
    size_t i, n = yyjson_arr_size(v);
    struct sl_str *list = sl_arena_zalloc(r->a, (n + 1) * sizeof(*list));
    yyjson_val *one;

    if (!yyjson_is_arr(v) || n > SL_RECORD_SCOPES)
        return wrong(r, "scopes", "", "must be a list of at most 64 texts");
    if (list == NULL)
        return no_memory(r);
    yyjson_arr_foreach(v, i, n, one)
    {
        if (!is_text(one, SCOPE_BYTES) || !sl_tenant_is_scope(sl_doc_str(one)))
            return wrong(r, "scopes", "", "each must be models:<pattern> or endpoints:<a>,<b>");
        if (!copy(r, one, &list[i]))
            return false;
    }
    r->out->scopes = list;
    r->out->scopes_n = n;
    r->out->has_scopes = true;
    return true;
}

static bool read_labels(struct reader *r, yyjson_val *v)
{
    size_t i, n = yyjson_obj_size(v);
    struct sl_label *list = sl_arena_zalloc(r->a, (n + 1) * sizeof(*list));
    yyjson_val *key, *value;

    if (!yyjson_is_obj(v) || n > SL_RECORD_LABELS)
        return wrong(r, "labels", "", "must be an object of at most 32 texts");
    if (list == NULL)
        return no_memory(r);
    yyjson_obj_foreach(v, i, n, key, value)
    {
        if (!is_name(key) || !is_text(value, TEXT_BYTES))
            return wrong(r, "labels", "",
                         "names take letters, digits, dot, dash and underscore, values are texts "
                         "of at most 200 bytes");
        if (!copy(r, key, &list[i].name) || !copy(r, value, &list[i].value))
            return false;
    }
    r->out->labels = list;
    r->out->labels_n = n;
    r->out->has_labels = true;
    return true;
}

/* ---- members ---- */

static bool read_text(struct reader *r, const char *path, const struct field *f, yyjson_val *v)
{
    struct sl_str *to = (struct sl_str *)(void *)((char *)r->out + f->at);

    if (f->kind == TEXT && !is_text(v, TEXT_BYTES))
        return wrong(r, path, f->name,
                     "must be a text of at most 200 bytes without control characters");
    if (f->kind == NAME && !is_name(v))
        return wrong(r, path, f->name,
                     "takes 1 to 64 letters, digits, dots, dashes and underscores");
    if (f->kind == ZONE && (!yyjson_is_str(v) || !sl_period_is_zone(sl_doc_str(v))))
        return wrong(r, path, f->name, "must be a time zone such as UTC or Europe/Berlin");
    return copy(r, v, to);
}

static bool read_number(struct reader *r, const char *path, const struct field *f, yyjson_val *v)
{
    int64_t *to = (int64_t *)(void *)((char *)r->out + f->at);
    char wish[80];

    if (f->kind == COUNT && !whole(v, f->max, to)) {
        snprintf(wish, sizeof(wish), "must be a whole number from 0 to %lld", (long long)f->max);
        return wrong(r, path, f->name, wish);
    }
    if (f->kind == MONEY && yyjson_is_raw(v) && sl_str_starts(sl_doc_str(v), SL_STR("-")))
        return wrong(r, path, f->name, "must not be negative");
    if (f->kind == MONEY && !money(v, to))
        return wrong(r, path, f->name,
                     "must be dollars from 0 to 1000000000, with at most six decimals");
    if (f->kind == TIME && !whole(v, LATEST, to))
        return wrong(r, path, f->name, "must be a time in whole seconds since 1970");
    if (f->kind == TIME)
        *to *= 1000;
    return true;
}

static bool read_choice(struct reader *r, const char *path, const struct field *f, yyjson_val *v)
{
    int64_t *to = (int64_t *)(void *)((char *)r->out + f->at);
    bool abort_it = yyjson_equals_str(v, "abort"), drain = yyjson_equals_str(v, "drain");

    if (f->kind == BOOL && !yyjson_is_bool(v))
        return wrong(r, path, f->name, "must be true or false");
    if (f->kind == GONE && !abort_it && !drain)
        return wrong(r, path, f->name, "must be abort or drain");
    *to = f->kind == BOOL ? yyjson_is_true(v) : drain;
    return true;
}

static bool read_map(struct reader *r, const char *path, const struct field *table,
                     yyjson_val *map);

static bool read_below(struct reader *r, const char *path, const struct field *f, yyjson_val *v)
{
    char longer[64];

    if (!yyjson_is_obj(v))
        return wrong(r, path, f->name, "must be an object");
    snprintf(longer, sizeof(longer), "%s%s.", path, f->name);
    return read_map(r, longer, f->below, v);
}

static bool read_member(struct reader *r, const char *path, const struct field *f, yyjson_val *v)
{
    if (yyjson_is_null(v))
        return true;
    switch (f->kind) {
    case TEXT:
    case NAME:
    case ZONE: return read_text(r, path, f, v);
    case COUNT:
    case MONEY:
    case TIME: return read_number(r, path, f, v);
    case BOOL:
    case GONE: return read_choice(r, path, f, v);
    case SCOPES: return read_scopes(r, v);
    case LABELS: return read_labels(r, v);
    case MAP: return read_below(r, path, f, v);
    }
    return false;
}

static const struct field *find(const struct field *table, struct sl_str name)
{
    for (; table->name != NULL; table++)
        if (sl_str_eq(name, sl_str_of(table->name)))
            return table;
    return NULL;
}

/* As deep as the tables are: three. */
static bool read_map(struct reader *r, const char *path, const struct field *table, yyjson_val *map)
{
    size_t i, n;
    uint32_t seen = 0;
    yyjson_val *key, *value;

    yyjson_obj_foreach(map, i, n, key, value)
    {
        const struct field *f = find(table, sl_doc_str(key));
        char name[48];

        if (f == NULL) {
            snprintf(name, sizeof(name), "%.40s", yyjson_get_str(key));
            return wrong(r, path, name, "no such member here");
        }
        if ((seen >> (f - table) & 1) != 0)
            return wrong(r, path, f->name, "stands twice");
        seen |= (uint32_t)1 << (f - table);
        if (!read_member(r, path, f, value))
            return false;
    }
    return true;
}

static void record_init(struct sl_record_doc *d)
{
    static const struct sl_str none = SL_STR_INIT("");

    *d = (struct sl_record_doc){.name = none,
                                .tenant = none,
                                .user = none,
                                .plan = none,
                                .account = none,
                                .expires_unix_ms = SL_UNSET,
                                .rotated_unix_ms = SL_UNSET,
                                .created_unix_ms = SL_UNSET,
                                .of_file = SL_UNSET,
                                .grade = SL_UNSET,
                                .log_prompts = SL_UNSET,
                                .spending = {.zone = none,
                                             .drain = SL_UNSET,
                                             .hard = SL_UNSET,
                                             .top_up = {SL_UNSET, SL_UNSET, SL_UNSET}},
                                .raise = {{SL_UNSET, SL_UNSET, SL_UNSET}, 0}};
    sl_terms_init(&d->terms);
    sl_terms_init(&d->per_key);
}

static bool read_root(struct reader *r, yyjson_val *root)
{
    if (!yyjson_is_obj(root)) {
        r->err = SL_ERR_BAD_BODY;
        snprintf(r->why, r->cap, "must be a JSON object");
        return false;
    }
    if (!read_map(r, "", top, root))
        return false;
    if (yyjson_obj_get(root, "raise") != NULL && r->out->raise.until_unix_ms == 0)
        return wrong(r, "raise.", "until", "is missing: when the raise ends");
    return true;
}

enum sl_err sl_record_read(struct sl_str doc, struct sl_arena *a, struct sl_record_doc *out,
                           char *why, size_t cap)
{
    struct reader r = {.a = a, .out = out, .why = why, .cap = cap};
    struct sl_doc tree;

    record_init(out);
    if (doc.n > SL_RECORD_BYTES) {
        snprintf(why, cap, "the document has more than %d bytes", SL_RECORD_BYTES);
        return SL_ERR_BODY_TOO_BIG;
    }
    r.err = sl_doc_read(&tree, doc, MEMORY, NUMBERS);
    if (r.err == SL_OK)
        (void)read_root(&r, tree.root);
    else
        snprintf(why, cap, "%s", sl_err_text(r.err));
    sl_doc_fini(&tree);
    return r.err;
}
