/* conf/show.c -- a tree as YAML, the schema as a table. */
#include "conf/show.h"

#include "base/mem.h"
#include "base/obj.h"
#include "base/utf8.h"
#include "conf/schema.h"
#include "net/tls.h"
#include "policy/money.h"

#include <stdarg.h>
#include <stdio.h>

struct show {
    sl_show_put_fn *put;
    void *ctx; /* up: the writer's own */
    bool secrets;
    bool alike; /* without what differs from one instance to the next */
};

static void put_z(const struct show *s, const char *z)
{
    s->put(s->ctx, sl_str_of(z));
}

static void put_indent(const struct show *s, unsigned level)
{
    static const char blanks[] = "                                                ";
    size_t n = (size_t)level * 2;

    s->put(s->ctx, (struct sl_str){blanks, n < sizeof(blanks) - 1 ? n : sizeof(blanks) - 1});
}

/* Text that YAML reads back as the same text without quotes. */
static bool is_plain(struct sl_str t)
{
    for (size_t i = 0; i < t.n; i++) {
        char c = t.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '/' || (i > 0 && (c == '.' || c == '-'))))
            return false;
    }
    return t.n > 0 && !sl_str_eq(t, SL_STR("null"));
}

static uint32_t code_point(const unsigned char *p, size_t n)
{
    if (n == 2)
        return ((uint32_t)(p[0] & 0x1f) << 6) | (p[1] & 0x3f);
    return ((uint32_t)(p[0] & 0x0f) << 12) | ((uint32_t)(p[1] & 0x3f) << 6) | (p[2] & 0x3f);
}

/* One character inside double quotes. What YAML forbids or would take for a
 * line's end is escaped (YAML 1.1 sections 5.1 and 5.4). Returns its bytes. */
static size_t add_character(struct sl_text *t, const char *p, size_t left)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t n = sl_utf8_len(p, left);
    uint32_t c;

    if (n == 1) {
        if (*u < 0x20 || *u == 0x7f)
            sl_text_printf(t, "\\x%02x", *u);
        else if (*p == '"' || *p == '\\')
            sl_text_printf(t, "\\%c", *p);
        else
            sl_text_byte(t, *p);
        return 1;
    }
    c = n == 2 || n == 3 ? code_point(u, n) : 0;
    if (n == 0)
        sl_text_printf(t, "\\ufffd");
    else if (n < 4 && (c < 0xa0 || c == 0x2028 || c == 0x2029 || c == 0xfeff || c >= 0xfffe))
        sl_text_printf(t, "\\u%04x", c);
    else
        sl_text_add(t, (struct sl_str){p, n});
    return n > 0 ? n : 1;
}

/* `is_value`: a `${` in it must not be replaced when it is read again. In pieces, so that
 * a long text takes no memory. */
static void put_quoted(const struct show *s, struct sl_str text, bool is_value)
{
    char place[256];
    struct sl_text out = sl_text_over(place, sizeof(place));

    if (is_plain(text)) {
        s->put(s->ctx, text);
        return;
    }
    sl_text_byte(&out, '"');
    for (size_t i = 0; i < text.n;) {
        if (out.n > sizeof(place) - 16) {
            s->put(s->ctx, sl_text_str(&out));
            out = sl_text_over(place, sizeof(place));
        }
        if (is_value && text.p[i] == '$' && i + 1 < text.n && text.p[i + 1] == '{')
            sl_text_byte(&out, '$');
        i += add_character(&out, text.p + i, text.n - i);
    }
    sl_text_byte(&out, '"');
    s->put(s->ctx, sl_text_str(&out));
    sl_mem_wipe(place, sizeof(place));
}

static void put_scalar(const struct show *s, const struct sl_node *n)
{
    if (!n->secret || s->secrets || n->text.n == 0) {
        put_quoted(s, n->text, true);
    } else if (n->from.n > 0) {
        char place[1100];
        int len = snprintf(place, sizeof(place), "file:%.*s", SL_STR_ARGS(n->from));

        put_quoted(s, (struct sl_str){place, len < 1100 ? (size_t)len : sizeof(place) - 1}, true);
    } else if (n->shown.n > 0) {
        put_quoted(s, n->shown, true);
    } else {
        put_z(s, "\"(secret)\"");
    }
}

static void put_children(const struct show *s, const struct sl_node *n, unsigned level, bool dash);

/* What stands behind a key or a dash. */
static void put_value(const struct show *s, const struct sl_node *n, unsigned level, bool dash)
{
    if (n->kind == SL_NODE_SCALAR) {
        put_scalar(s, n);
        put_z(s, "\n");
    } else if (n->first == NULL) {
        put_z(s, n->kind == SL_NODE_MAP ? "{}\n" : "[]\n");
    } else {
        if (!dash)
            put_z(s, "\n");
        put_children(s, n, level, dash);
    }
}

/* A map that nobody wrote and that holds nothing says nothing. */
static bool holds_nothing(const struct sl_node *n)
{
    if (n->kind == SL_NODE_SCALAR || !n->implied)
        return false;
    for (const struct sl_node *c = n->first; c != NULL; c = c->next)
        if (n->kind == SL_NODE_LIST || !holds_nothing(c))
            return false;
    return true;
}

static bool is_silent(const struct sl_node *n)
{
    return n->kind == SL_NODE_MAP && holds_nothing(n);
}

/* Where one instance listens and keeps its trail: instances of one file differ in it. */
static bool is_place(struct sl_str of, struct sl_str key, unsigned level)
{
    if (level == 0)
        return sl_str_eq(key, SL_STR("listen"));
    return level == 1 && ((sl_str_eq(of, SL_STR("admin")) && sl_str_eq(key, SL_STR("listen"))) ||
                          (sl_str_eq(of, SL_STR("store")) && sl_str_eq(key, SL_STR("state_dir"))));
}

/* `dash`: the first line continues the dash that is already there. Recursion is
 * bounded by SL_TREE_DEPTH. */
static void put_children(const struct show *s, const struct sl_node *n, unsigned level, bool dash)
{
    for (const struct sl_node *c = n->first; c != NULL; c = c->next) {
        if (level == 0 && sl_str_eq(c->key, SL_STR("include")))
            continue; /* what it brought stands here already */
        if (is_silent(c) || (s->alike && is_place(n->key, c->key, level)))
            continue;
        if (!dash)
            put_indent(s, level);
        dash = false;
        if (n->kind == SL_NODE_MAP) {
            put_quoted(s, c->key, false);
            put_z(s, c->kind != SL_NODE_SCALAR && c->first != NULL ? ":" : ": ");
            put_value(s, c, level + 1, false);
        } else {
            put_z(s, "- ");
            put_value(s, c, level + 1, true);
        }
    }
}

void sl_show_tree(const struct sl_node *root, bool secrets, sl_show_put_fn *put, void *ctx)
{
    struct show s = {.put = put, .ctx = ctx, .secrets = secrets};

    put_children(&s, root, 0, false);
}

/* ---- the hash ---- */

struct gather {
    char *p; /* owns */
    size_t n, cap;
    bool failed; /* no memory */
};

static void on_piece(void *ctx, struct sl_str piece)
{
    struct gather *g = ctx;
    size_t cap = (g->n + piece.n) * 2 + 4096;
    char *more = g->p;

    if (g->failed)
        return;
    if (g->n + piece.n > g->cap) {
        more = sl_mem_grow(g->p, cap);
        g->failed = more == NULL;
        if (g->failed)
            return;
        g->p = more;
        g->cap = cap;
    }
    if (piece.n > 0)
        memcpy(g->p + g->n, piece.p, piece.n);
    g->n += piece.n;
}

bool sl_show_hash(const struct sl_conf *c, char out[16])
{
    struct gather g = {.p = NULL};
    struct show s = {.put = on_piece, .ctx = &g, .secrets = true, .alike = true};
    uint8_t digest[32];

    put_children(&s, c->root, 0, false);
    if (c->prices != NULL)
        put_children(&s, c->prices, 0, false);
    sl_tls_sha256((struct sl_str){g.p != NULL ? g.p : "", g.n}, digest);
    sl_str_hex(digest, 8, out);
    sl_mem_wipe(g.p, g.n);
    sl_mem_free(g.p);
    return !g.failed;
}

/* ---- the schema ---- */

static void put_f(const struct show *s, const char *fmt, ...) SL_PRINTF(2, 3);

static void put_f(const struct show *s, const char *fmt, ...)
{
    char line[512];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    SL_CHECK(n >= 0 && (size_t)n < sizeof(line));
    s->put(s->ctx, (struct sl_str){line, (size_t)n});
}

static void put_amount(const struct show *s, const struct sl_schema_row *row, uint64_t v)
{
    char decimal[24];
    static const struct {
        uint64_t factor;
        const char *name;
    } times[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}},
      sizes[] = {{1u << 30, "GiB"}, {1u << 20, "MiB"}, {1u << 10, "KiB"}, {1, "B"}};
    size_t i = 0;

    if (row->type == SL_TYPE_DURATION && v > 0) {
        while (v % times[i].factor != 0)
            i++;
        put_f(s, "%llu%s", (unsigned long long)(v / times[i].factor), times[i].name);
    } else if (row->type == SL_TYPE_SIZE && v > 0) {
        while (v % sizes[i].factor != 0)
            i++;
        put_f(s, "%llu%s", (unsigned long long)(v / sizes[i].factor), sizes[i].name);
    } else if (row->type == SL_TYPE_RATIO || row->type == SL_TYPE_MONEY) {
        s->put(s->ctx, sl_money_print((int64_t)v, decimal));
    } else {
        put_f(s, "%llu", (unsigned long long)v);
    }
}

static void put_choices(const struct show *s, const char *choices)
{
    struct sl_str rest = sl_str_of(choices), piece;
    bool first = true;

    while (sl_str_split(&rest, '|', &piece)) {
        put_f(s, "%s`%.*s`", first ? "" : ", ", SL_STR_ARGS(piece));
        first = false;
    }
}

static void put_row(const struct show *s, const struct sl_schema_row *row)
{
    struct sl_str path = sl_str_of(row->path);

    if (sl_str_starts(path, SL_STR(SL_SCHEMA_PRICES ".")))
        path = sl_str_from(path, sizeof(SL_SCHEMA_PRICES));
    put_f(s, "| `%.*s` | %s | ", SL_STR_ARGS(path), sl_schema_type_name(row));
    if (row->flags & SL_SCHEMA_REQUIRED)
        put_z(s, "required");
    else if (row->def != NULL && row->def[0] != '\0')
        put_f(s, "`%s`", row->def);
    put_z(s, " | ");
    if (row->choices != NULL) {
        put_choices(s, row->choices);
    } else if (row->max > 0) {
        put_amount(s, row, row->min);
        put_z(s, " to ");
        put_amount(s, row, row->max);
    }
    put_f(s, " | %s | %s |\n", row->flags & SL_SCHEMA_FIXED ? "no" : "yes", row->prose);
}

static void put_rows(const struct show *s, bool prices)
{
    put_z(s, "| key | type | default | bounds | on reload | what |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sl_schema_n; i++) {
        bool is_price = sl_str_starts(sl_str_of(sl_schema[i].path), SL_STR(SL_SCHEMA_PRICES "."));

        if (is_price == prices)
            put_row(s, &sl_schema[i]);
    }
}

void sl_show_schema(sl_show_put_fn *put, void *ctx)
{
    struct show s = {.put = put, .ctx = ctx};

    put_rows(&s, false);
    put_z(&s, "\nA file of prices, which `prices` names:\n\n");
    put_rows(&s, true);
}
