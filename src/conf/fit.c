/* conf/fit.c -- walks tree and table side by side. */
#include "conf/fit.h"

#include "base/near.h"
#include "base/when.h"
#include "policy/money.h"

#include <stdio.h>

#define PATH_BYTES 256

struct fit {
    struct sl_tree *tree; /* up */
    struct sl_env *env;   /* up */
};

static void fit_map(struct fit *f, struct sl_node *map, struct sl_str path);

/* ---- scalars ---- */

struct unit {
    const char *name;
    uint64_t factor;
};

static bool with_unit(struct sl_str s, const struct unit *units, uint64_t *out)
{
    size_t digits = 0;
    uint64_t n;

    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    if (!sl_str_to_u64(sl_str_first(s, digits), &n))
        return false;
    s = sl_str_from(s, digits);
    if (s.n == 0 && n == 0) {
        *out = 0;
        return true;
    }
    for (; units->name != NULL; units++)
        if (sl_str_eq(s, sl_str_of(units->name)))
            return !__builtin_mul_overflow(n, units->factor, out);
    return false;
}

bool sl_fit_size(struct sl_str s, uint64_t *bytes)
{
    static const struct unit units[] = {
        {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}, {NULL, 0}};

    return with_unit(s, units, bytes);
}

bool sl_fit_decimal(struct sl_str s, uint64_t *millionths)
{
    int64_t v;

    if (!sl_money_parse(s, 6, &v) || v < 0)
        return false;
    *millionths = (uint64_t)v;
    return true;
}

static bool is_choice(const char *choices, struct sl_str s, uint64_t *index)
{
    struct sl_str rest = sl_str_of(choices), piece;
    uint64_t i = 0;

    while (sl_str_split(&rest, '|', &piece)) {
        if (sl_str_eq(piece, s)) {
            *index = i;
            return true;
        }
        i++;
    }
    return false;
}

static void fault_type(struct fit *f, const struct sl_node *n, const struct sl_schema_row *row,
                       const char *wish)
{
    /* what stands there may be a secret in the wrong place: it is not repeated */
    sl_fault_add(f->tree->faults, n, "%s: %s", row->path, wish);
}

static void fault_decimal(struct fit *f, const struct sl_node *n, const struct sl_schema_row *row)
{
    char least[24], most[24];
    struct sl_str min = sl_money_print((int64_t)row->min, least);
    struct sl_str max = sl_money_print((int64_t)row->max, most);

    sl_fault_add(f->tree->faults, n, "%s: must lie between %.*s and %.*s", row->path,
                 SL_STR_ARGS(min), SL_STR_ARGS(max));
}

static void fit_bounds(struct fit *f, const struct sl_node *n, const struct sl_schema_row *row)
{
    const char *unit = row->type == SL_TYPE_DURATION ? " ms"
                       : row->type == SL_TYPE_SIZE   ? " bytes"
                                                     : "";

    if (row->max == 0 || (n->number >= row->min && n->number <= row->max))
        return;
    if (row->type == SL_TYPE_RATIO || row->type == SL_TYPE_MONEY)
        fault_decimal(f, n, row);
    else
        sl_fault_add(f->tree->faults, n, "%s: must lie between %llu and %llu%s", row->path,
                     (unsigned long long)row->min, (unsigned long long)row->max, unit);
}

static void fit_choice(struct fit *f, struct sl_node *n, const struct sl_schema_row *row)
{
    if (!is_choice(row->choices, n->text, &n->number))
        sl_fault_add(f->tree->faults, n, "%s: must be one of %s", row->path, row->choices);
}

/* redis://user:password@host: what stands before the last @ may be shown up to its colon;
 * alone, or before an empty password, a user's name may be the secret itself. */
void sl_fit_show_address(struct sl_arena *a, struct sl_node *n)
{
    ptrdiff_t begin, at = -1, colon;
    struct sl_str head, tail;

    begin = sl_str_find(n->text, SL_STR("://"));
    for (size_t i = 0; i < n->text.n; i++)
        if (n->text.p[i] == '@')
            at = (ptrdiff_t)i;
    n->shown = n->text;
    if (begin < 0 || at < begin)
        return;
    head = sl_str_first(n->text, (size_t)begin + 3);
    tail = sl_str_first(sl_str_from(n->text, head.n), (size_t)at - head.n);
    colon = sl_str_find_byte(tail, ':');
    if (colon < 0 || (size_t)colon + 1 == tail.n)
        colon = -1;
    n->shown = sl_arena_printf(a, "%.*s%.*s%s(secret)%.*s", SL_STR_ARGS(head),
                               colon < 0 ? 0 : (int)colon, tail.p, colon < 0 ? "" : ":",
                               SL_STR_ARGS(sl_str_from(n->text, (size_t)at)));
    if (n->shown.p == NULL)
        n->shown = SL_STR("(secret)");
}

static void fit_decimal(struct fit *f, struct sl_node *n, const struct sl_schema_row *row)
{
    const struct sl_str minus = SL_STR("-");

    if (sl_fit_decimal(n->text, &n->number))
        fit_bounds(f, n, row);
    else if (sl_str_starts(n->text, minus) &&
             sl_fit_decimal(sl_str_from(n->text, minus.n), &n->number))
        fault_type(f, n, row, "must not be negative");
    else if (row->type == SL_TYPE_MONEY)
        fault_type(f, n, row, "must be dollars such as 12.50, with at most six decimals");
    else
        fault_type(f, n, row, "must be a decimal number such as 0.1, with at most six decimals");
}

/* One scalar as `type`; the row is for messages and bounds. */
static void fit_scalar(struct fit *f, struct sl_node *n, const struct sl_schema_row *row,
                       enum sl_type type)
{
    uint8_t digest[32];

    switch (type) {
    case SL_TYPE_DURATION:
        if (!sl_when_duration(n->text, &n->number))
            fault_type(f, n, row, "must be a duration such as 500ms, 10s, 5m, 1h or 1d");
        else
            fit_bounds(f, n, row);
        break;
    case SL_TYPE_SIZE:
        if (!sl_fit_size(n->text, &n->number))
            fault_type(f, n, row, "must be a size such as 64KiB, 32MiB or 1GiB");
        else
            fit_bounds(f, n, row);
        break;
    case SL_TYPE_COUNT:
        if (!sl_str_to_u64(n->text, &n->number))
            fault_type(f, n, row, "must be a whole number");
        else
            fit_bounds(f, n, row);
        break;
    case SL_TYPE_RATIO:
    case SL_TYPE_MONEY: fit_decimal(f, n, row); break;
    case SL_TYPE_BOOL:
        if (!is_choice("false|true", n->text, &n->number))
            fault_type(f, n, row, "must be true or false");
        break;
    case SL_TYPE_DATE:
        if (!sl_when_date(n->text, &n->number))
            fault_type(f, n, row, "must be a date such as 2027-01-31 or 2027-01-31T12:00:00Z");
        break;
    case SL_TYPE_SHA256:
        if (!sl_str_unhex(n->text, digest, sizeof(digest)))
            fault_type(f, n, row, "must be 64 hexadecimal digits: printf %s KEY | sha256sum");
        break;
    case SL_TYPE_CHOICE: fit_choice(f, n, row); break;
    case SL_TYPE_SECRET: sl_expand_secret(f->tree, f->env, n); break;
    case SL_TYPE_ADDRESS:
        sl_expand_secret(f->tree, f->env, n);
        if (n->shown.p == NULL) /* sealed: it stays so */
            sl_fit_show_address(f->tree->arena, n);
        break;
    case SL_TYPE_PATH:
        if (n->text.n > 0)
            n->text = sl_expand_path(f->tree->arena, n->file, n->text);
        break;
    case SL_TYPE_TEXT:
    case SL_TYPE_MAP:
    case SL_TYPE_MAPS:
    case SL_TYPE_LIST:
    case SL_TYPE_DICT: break;
    }
    if (!n->secret && sl_str_starts(n->text, SL_STR("seal:")))
        fault_type(f, n, row, "only secrets may be sealed; this setting is none");
}

/* ---- containers ---- */

/* A single scalar where a list is meant becomes a list of one; without memory it stays
 * what it was. */
static void wrap_scalar(struct fit *f, struct sl_node *n)
{
    struct sl_node *item = sl_tree_alloc(f->tree->arena, sizeof(*item));

    if (item == NULL)
        return;
    *item = *n;
    item->next = NULL;
    item->key = (struct sl_str){NULL, 0};
    n->kind = SL_NODE_LIST;
    n->first = n->last = NULL;
    n->n = 0;
    sl_node_add(n, item);
}

static void fit_list(struct fit *f, struct sl_node *n, const struct sl_schema_row *row)
{
    if (n->kind == SL_NODE_SCALAR)
        wrap_scalar(f, n);
    if (n->kind != SL_NODE_LIST) {
        fault_type(f, n, row, "must be a list");
        return;
    }
    for (struct sl_node *c = n->first; c != NULL; c = c->next) {
        if (c->kind != SL_NODE_SCALAR || sl_node_is_null(c))
            fault_type(f, c, row, "each element must be a plain value");
        else if (c->text.n == 0)
            fault_type(f, c, row, "an element is empty; set its value, or leave it out");
        else
            fit_scalar(f, c, row, row->item);
    }
}

static void fit_dict(struct fit *f, struct sl_node *n, const struct sl_schema_row *row)
{
    if (n->kind != SL_NODE_MAP) {
        fault_type(f, n, row, "must be a map of names and values");
        return;
    }
    for (struct sl_node *c = n->first; c != NULL; c = c->next) {
        if (c->kind != SL_NODE_SCALAR)
            fault_type(f, c, row, "each value must be plain text");
        else
            fit_scalar(f, c, row, row->item);
    }
}

static void fit_maps(struct fit *f, struct sl_node *n, const struct sl_schema_row *row)
{
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof(path), "%s[]", row->path);

    if (n->kind != SL_NODE_LIST) {
        fault_type(f, n, row, "must be a list of maps (each begins with `- `)");
        return;
    }
    if (n->n == 0 && (row->flags & SL_SCHEMA_REQUIRED))
        fault_type(f, n, row, "needs at least one element");
    for (struct sl_node *c = n->first; c != NULL; c = c->next) {
        if (c->kind != SL_NODE_MAP)
            fault_type(f, c, row, "each element must be a map");
        else
            fit_map(f, c, (struct sl_str){path, (size_t)len});
    }
}

static void fit_value(struct fit *f, struct sl_node *n, const struct sl_schema_row *row)
{
    switch (row->type) {
    case SL_TYPE_MAP:
        if (n->kind != SL_NODE_MAP)
            fault_type(f, n, row, "must be a map");
        else
            fit_map(f, n, sl_str_of(row->path));
        return;
    case SL_TYPE_MAPS: fit_maps(f, n, row); return;
    case SL_TYPE_LIST: fit_list(f, n, row); return;
    case SL_TYPE_DICT: fit_dict(f, n, row); return;
    default: break;
    }
    if (n->kind != SL_NODE_SCALAR)
        fault_type(f, n, row, "must be a single value");
    else
        fit_scalar(f, n, row, row->type);
}

/* What is not given: an error, a default, or an empty container. */
static struct sl_node *fill(struct fit *f, const struct sl_node *map,
                            const struct sl_schema_row *row, struct sl_str key)
{
    struct sl_node *n;

    if (row->flags & SL_SCHEMA_REQUIRED) {
        sl_fault_add(f->tree->faults, map, "%s: is missing", row->path);
        return NULL;
    }
    if (row->def == NULL && row->type != SL_TYPE_MAP && row->type != SL_TYPE_LIST &&
        row->type != SL_TYPE_MAPS && row->type != SL_TYPE_DICT)
        return NULL;
    n = sl_tree_alloc(f->tree->arena, sizeof(*n));
    if (n == NULL)
        return NULL;
    n->key = key;
    n->file = map->file;
    n->line = map->line;
    n->column = map->column;
    n->implied = true;
    if (row->type == SL_TYPE_MAP || row->type == SL_TYPE_DICT)
        n->kind = SL_NODE_MAP;
    else if (row->type == SL_TYPE_LIST || row->type == SL_TYPE_MAPS)
        n->kind = SL_NODE_LIST;
    else
        n->text = sl_tree_dup(f->tree->arena, sl_str_of(row->def));
    sl_expand_all(f->tree, f->env, n);
    if (row->type != SL_TYPE_MAPS)
        fit_value(f, n, row);
    return n;
}

static void fault_unknown(struct fit *f, const struct sl_node *n, struct sl_str path)
{
    char known[SL_FAULT_LINE];
    struct sl_text t = sl_text_over(known, sizeof(known));
    struct sl_near near;
    struct sl_str key;

    sl_near_init(&near, n->key);
    for (size_t i = 0; i < sl_schema_n; i++) {
        if (!sl_schema_is_below(&sl_schema[i], path, &key))
            continue;
        sl_text_printf(&t, "%s%.*s", t.n > 0 ? ", " : "", SL_STR_ARGS(key));
        sl_near_try(&near, key);
    }
    sl_fault_add(f->tree->faults, n, "%.*s%s%.*s: unknown key%s%.*s%s; known here: %.*s",
                 SL_STR_ARGS(path), path.n > 0 ? "." : "", (int)(n->key.n < 80 ? n->key.n : 80),
                 n->key.p, near.best.n > 0 ? " (is it " : "", SL_STR_ARGS(near.best),
                 near.best.n > 0 ? "?)" : "", SL_STR_ARGS(sl_text_str(&t)));
}

static struct sl_node *take_child(struct sl_node *map, struct sl_str key)
{
    for (struct sl_node *c = map->first; c != NULL; c = c->next)
        if (sl_str_eq(c->key, key))
            return c;
    return NULL;
}

static void fit_map(struct fit *f, struct sl_node *map, struct sl_str path)
{
    struct sl_node *order[64];
    struct sl_str key;
    size_t n = 0;

    for (struct sl_node *c = map->first; c != NULL; c = c->next)
        if (sl_schema_find(path, c->key) == NULL)
            fault_unknown(f, c, path);
    for (size_t i = 0; i < sl_schema_n && n < sizeof(order) / sizeof(order[0]); i++) {
        struct sl_node *c;

        if (!sl_schema_is_below(&sl_schema[i], path, &key))
            continue;
        c = take_child(map, key);
        if (c != NULL && sl_node_is_null(c))
            c = NULL; /* `key:` with nothing behind it means: not given */
        if (c != NULL)
            fit_value(f, c, &sl_schema[i]);
        else
            c = fill(f, map, &sl_schema[i], key);
        if (c != NULL)
            order[n++] = c;
    }
    map->first = map->last = NULL;
    map->n = 0;
    for (size_t i = 0; i < n; i++)
        sl_node_add(map, order[i]);
}

void sl_fit_below(struct sl_tree *t, struct sl_env *env, struct sl_node *root, const char *path)
{
    struct fit f = {.tree = t, .env = env};

    if (root->kind != SL_NODE_MAP) {
        sl_fault_add(t->faults, root, "the file must be a map: `key: value` lines");
        return;
    }
    fit_map(&f, root, sl_str_of(path));
}

void sl_fit_tree(struct sl_tree *t, struct sl_env *env, struct sl_node *root)
{
    sl_fit_below(t, env, root, "");
}
