/* llm/neutral/parts.c -- building the neutral forms, and the pieces of JSON that all
 * adapters write. */
#include "llm/neutral/neutral.h"

#include <stdlib.h>

void sl_neutral_pick(struct sl_str object, const struct sl_str *names, size_t n,
                     struct sl_str *values)
{
    struct sl_str key, value;
    size_t pos = 0;

    memset(values, 0, n * sizeof(*values));
    while (sl_json_next_member(object, &pos, &key, &value)) {
        bool escaped = memchr(key.p, '\\', key.n) != NULL;

        for (size_t i = 0; i < n; i++)
            if (values[i].p == NULL &&
                (escaped ? sl_json_key_is(key, names[i]) : sl_str_eq(key, names[i])))
                values[i] = value;
    }
}

void sl_neutral_fail(struct sl_neutral_ask *q, const char *why)
{
    if (q->err != SL_OK)
        return;
    q->err = SL_ERR_BAD_FIELD;
    q->why = why;
}

static void append(struct sl_neutral_parts *to, struct sl_neutral_part *part)
{
    part->next = NULL;
    if (to->last != NULL)
        to->last->next = part;
    else
        to->first = part;
    to->last = part;
}

struct sl_neutral_part *sl_neutral_part_add(struct sl_arena *a, enum sl_err *err,
                                            struct sl_neutral_parts *to, enum sl_neutral_kind kind)
{
    struct sl_neutral_part *part = sl_arena_zalloc(a, sizeof(*part));

    if (part == NULL) {
        *err = *err != SL_OK ? *err : SL_ERR_NO_MEMORY;
        return NULL;
    }
    part->kind = kind;
    append(to, part);
    return part;
}

void sl_neutral_text_add(struct sl_neutral_ask *q, struct sl_neutral_parts *to, struct sl_str esc,
                         struct sl_str mark)
{
    struct sl_neutral_part *p =
        esc.n > 0 ? sl_neutral_part_add(q->a, &q->err, to, SL_PART_TEXT) : NULL;

    if (p == NULL)
        return;
    p->text = esc;
    p->mark = mark;
}

void sl_neutral_part_move(struct sl_neutral_parts *from, struct sl_neutral_part *before,
                          struct sl_neutral_parts *to)
{
    struct sl_neutral_part *part = before != NULL ? before->next : from->first;

    if (before != NULL)
        before->next = part->next;
    else
        from->first = part->next;
    if (from->last == part)
        from->last = before;
    append(to, part);
}

void sl_neutral_parts_join(struct sl_neutral_parts *to, struct sl_neutral_parts *from)
{
    if (from->first == NULL)
        return;
    if (to->last != NULL)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    from->first = from->last = NULL;
}

bool sl_neutral_has(const struct sl_neutral_parts *parts, enum sl_neutral_kind kind)
{
    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next)
        if (p->kind == kind)
            return true;
    return false;
}

struct sl_neutral_turn *sl_neutral_turn_add(struct sl_neutral_ask *q, enum sl_neutral_role role)
{
    struct sl_neutral_turn *turn = sl_arena_zalloc(q->a, sizeof(*turn));

    if (turn == NULL) {
        q->err = q->err != SL_OK ? q->err : SL_ERR_NO_MEMORY;
        return NULL;
    }
    turn->role = role;
    if (q->last != NULL)
        q->last->next = turn;
    else
        q->first = turn;
    q->last = turn;
    return turn;
}

/* A run of results, and what the user says behind it, is one turn. */
struct sl_neutral_turn *sl_neutral_users_turn(struct sl_neutral_ask *q, bool result)
{
    struct sl_neutral_turn *turn = q->last;

    if (turn == NULL || turn->role != SL_ROLE_USER || !turn->of_tools)
        turn = sl_neutral_turn_add(q, SL_ROLE_USER);
    if (turn != NULL)
        turn->of_tools = result;
    return turn;
}

/* "data:image/png;base64,AAAA" into its two halves; a slash may be escaped. */
static bool split_data(struct sl_str url, struct sl_str *media, struct sl_str *data)
{
    const struct sl_str mark = SL_STR(";base64,");
    struct sl_str head = sl_str_first(url, 256);
    ptrdiff_t at = sl_str_find(head, mark), semicolon;

    if (!sl_str_starts_nocase(url, SL_STR("data:")) || at < 0)
        return false;
    *media = (struct sl_str){url.p + 5, (size_t)at - 5};
    semicolon = sl_str_find_byte(*media, ';');
    if (semicolon >= 0) /* parameters */
        media->n = (size_t)semicolon;
    *data = sl_str_from(url, (size_t)at + mark.n);
    return true;
}

void sl_neutral_source(struct sl_neutral_ask *q, struct sl_neutral_part *p, struct sl_str url)
{
    if (split_data(url, &p->media, &p->text)) {
        p->source = SL_SOURCE_BASE64;
    } else {
        p->source = SL_SOURCE_URL;
        p->text = url;
        if (!sl_str_starts_nocase(url, SL_STR("http")))
            sl_neutral_fail(q, "an image or file must be an http URL or a base64 data URL");
    }
}

struct sl_neutral_tool *sl_neutral_tool_add(struct sl_neutral_ask *q)
{
    struct sl_neutral_tool *tool;

    if (++q->tools_n > SL_NEUTRAL_TOOLS) {
        sl_neutral_fail(q, "tools: more than 4,096");
        return NULL;
    }
    tool = sl_arena_zalloc(q->a, sizeof(*tool));
    if (tool == NULL) {
        q->err = q->err != SL_OK ? q->err : SL_ERR_NO_MEMORY;
        return NULL;
    }
    if (q->last_tool != NULL)
        q->last_tool->next = tool;
    else
        q->tools = tool;
    q->last_tool = tool;
    return tool;
}

/* By length, then by bytes. */
static int name_order(const void *a, const void *b)
{
    const struct sl_str *x = a, *y = b;

    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return x->n > 0 ? memcmp(x->p, y->p, x->n) : 0;
}

/* Sorted: long names that differ in their last bytes alone are compared a few times each. */
void sl_neutral_allow(struct sl_neutral_ask *q, struct sl_str list,
                      struct sl_str (*name_of)(struct sl_str one))
{
    struct sl_str *names = sl_arena_alloc(q->a, SL_NEUTRAL_ALLOWED * sizeof(*names)), one;
    size_t pos = 0, n = 0;

    if (names == NULL) {
        q->err = q->err != SL_OK ? q->err : SL_ERR_NO_MEMORY;
        return;
    }
    while (n < SL_NEUTRAL_ALLOWED && sl_json_next(list, &pos, &one))
        names[n++] = name_of(one);
    qsort(names, n, sizeof(*names), name_order);
    for (struct sl_neutral_tool *t = q->tools; t != NULL; t = t->next)
        t->off = bsearch(&t->name, names, n, sizeof(*names), name_order) == NULL;
}

struct sl_str sl_neutral_cat(struct sl_arena *a, enum sl_err *err, const struct sl_str *texts,
                             size_t n)
{
    size_t total = 0;
    struct sl_text t;
    char *p;

    for (size_t i = 0; i < n; i++)
        total += texts[i].n;
    p = sl_arena_alloc(a, total + 1);
    if (p == NULL) {
        *err = *err != SL_OK ? *err : SL_ERR_NO_MEMORY;
        return (struct sl_str){"", 0};
    }
    t = sl_text_over(p, total + 1);
    for (size_t i = 0; i < n; i++)
        sl_text_add(&t, texts[i]);
    return sl_text_str(&t);
}

struct sl_str sl_neutral_input(struct sl_arena *a, enum sl_err *err, struct sl_str esc)
{
    char *p = sl_arena_alloc(a, esc.n + 1);
    struct sl_str held[3] = {SL_STR("{\"_raw\":\""), esc, SL_STR("\"}")};
    struct sl_str text = {p, 0};

    if (p == NULL) {
        *err = *err != SL_OK ? *err : SL_ERR_NO_MEMORY;
        return SL_STR("{}");
    }
    if (esc.n == 0)
        return SL_STR("{}");
    /* the quotes around it are there: esc is what stood between them */
    if (!sl_json_unescape((struct sl_str){esc.p - 1, esc.n + 2}, p, esc.n + 1, &text.n))
        return sl_neutral_cat(a, err, held, 3);
    while (text.n > 0 && strchr(" \t\r\n", text.p[0]) != NULL)
        text = sl_str_from(text, 1);
    while (text.n > 0 && strchr(" \t\r\n", text.p[text.n - 1]) != NULL)
        text.n--;
    if (text.n == 0)
        return SL_STR("{}");
    return sl_json_is_object(text) ? text : sl_neutral_cat(a, err, held, 3);
}

/* --- Pieces of JSON ------------------------------------------------------------------------ */

void sl_neutral_put(struct sl_grow *g, const char *text)
{
    sl_grow_add(g, sl_str_of(text));
}

void sl_neutral_put_esc(struct sl_grow *g, struct sl_str esc)
{
    sl_grow_byte(g, '"');
    sl_grow_add(g, esc);
    sl_grow_byte(g, '"');
}

void sl_neutral_put_key(struct sl_grow *g, const char *key)
{
    sl_grow_add(g, SL_STR(",\""));
    sl_neutral_put(g, key);
    sl_grow_add(g, SL_STR("\":"));
}

void sl_neutral_put_raw(struct sl_grow *g, const char *key, struct sl_str raw)
{
    if (!sl_llm_is_set(raw))
        return;
    sl_neutral_put_key(g, key);
    sl_grow_add(g, raw);
}

size_t sl_neutral_put_texts(struct sl_grow *g, const struct sl_neutral_parts *parts,
                            enum sl_neutral_kind kind, const char *between)
{
    size_t n = 0;

    for (const struct sl_neutral_part *p = parts->first; p != NULL; p = p->next) {
        if (p->kind != kind)
            continue;
        if (n > 0)
            sl_neutral_put(g, between);
        sl_grow_add(g, p->text);
        n += p->text.n;
    }
    return n;
}
