/* llm/fold/pile.c -- nodes and their growing texts. */
#include "llm/fold/pile.h"

#include "base/mem.h"
#include "llm/inside.h"

#define FIRST 32
#define MEMBERS 512 /* of an object: looked for one by one, and no answer has as many */

/* --- Nodes ---------------------------------------------------------------------------- */

static bool take_room(struct sl_pile_room *r, size_t n)
{
    if (r->broken || n > r->max - r->used) {
        r->broken = true;
        return false;
    }
    r->used += n;
    return true;
}

struct sl_pile *sl_pile_add(struct sl_pile_room *r, struct sl_pile *parent, struct sl_str key,
                            enum sl_pile_kind kind)
{
    struct sl_pile *node;

    if (parent != NULL && parent->kind == SL_PILE_OBJECT && parent->children == MEMBERS)
        r->broken = true;
    if (!take_room(r, sizeof(*node) + key.n))
        return NULL;
    node = sl_mem_try(sizeof(*node) + key.n);
    if (node == NULL) {
        r->broken = true;
        return NULL;
    }
    *node = (struct sl_pile){.kind = kind, .key = {(const char *)(node + 1), key.n}};
    if (key.n > 0)
        memcpy(node + 1, key.p, key.n);
    if (parent == NULL)
        return node;
    if (parent->last != NULL)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    parent->children++;
    return node;
}

/* As deep as events are nested, which is SL_JSON_DEPTH at most. */
static void drop_children(struct sl_pile *node)
{
    struct sl_pile *child = node->first;

    while (child != NULL) {
        struct sl_pile *next = child->next;

        drop_children(child);
        sl_mem_free(child->p);
        sl_mem_free(child);
        child = next;
    }
    node->first = node->last = NULL;
    node->children = 0;
}

void sl_pile_end(struct sl_pile **root)
{
    if (*root == NULL)
        return;
    drop_children(*root);
    sl_mem_free((*root)->p);
    sl_mem_free(*root);
    *root = NULL;
}

struct sl_pile *sl_pile_find(const struct sl_pile *parent, struct sl_str key)
{
    for (struct sl_pile *c = parent->first; c != NULL; c = c->next)
        if (sl_str_eq(c->key, key))
            return c;
    return NULL;
}

struct sl_pile *sl_pile_at(const struct sl_pile *items, size_t index)
{
    struct sl_pile *c = items->first;

    if (index >= items->children)
        return NULL;
    if (index + 1 == items->children)
        return items->last;
    while (index-- > 0)
        c = c->next;
    return c;
}

static struct sl_str raw_of(const struct sl_pile *node)
{
    return node->kind == SL_PILE_RAW ? (struct sl_str){node->p, node->n} : (struct sl_str){"", 0};
}

bool sl_pile_is_set(const struct sl_pile *parent, struct sl_str key)
{
    const struct sl_pile *node = sl_pile_find(parent, key);

    return node != NULL && !sl_str_eq(raw_of(node), SL_STR("null"));
}

bool sl_pile_is(const struct sl_pile *parent, struct sl_str key, struct sl_str raw)
{
    const struct sl_pile *node = sl_pile_find(parent, key);

    return node != NULL && node->kind == SL_PILE_RAW && sl_str_eq(raw_of(node), raw);
}

/* --- Texts ---------------------------------------------------------------------------- */

/* Doubles while there is room for that, then takes half of what is left. */
static bool grow(struct sl_pile_room *r, struct sl_pile *node, size_t more)
{
    size_t need = node->n + more, cap = node->cap > 0 ? node->cap : FIRST;
    size_t left = r->max - r->used;
    char *p;

    while (cap < need)
        cap *= 2;
    if (cap - node->cap > left)
        cap = node->cap + left / 2 > need ? node->cap + left / 2 : need;
    if (!take_room(r, cap - node->cap))
        return false;
    p = sl_mem_grow(node->p, cap);
    if (p == NULL) {
        r->broken = true;
        return false;
    }
    node->p = p;
    node->cap = cap;
    return true;
}

static void append(struct sl_pile_room *r, struct sl_pile *node, struct sl_str s)
{
    if (r->broken || s.n == 0 || (s.n > node->cap - node->n && !grow(r, node, s.n)))
        return;
    memcpy(node->p + node->n, s.p, s.n);
    node->n += s.n;
}

void sl_pile_more(struct sl_pile_room *r, struct sl_pile *node, struct sl_str inner)
{
    if (node->kind == SL_PILE_LIST && node->n > 0 && inner.n > 0)
        append(r, node, SL_STR(","));
    append(r, node, inner);
}

static void become_raw(struct sl_pile_room *r, struct sl_pile *node, struct sl_str raw)
{
    drop_children(node);
    node->kind = SL_PILE_RAW;
    node->n = 0;
    append(r, node, raw);
}

void sl_pile_set(struct sl_pile_room *r, struct sl_pile *parent, struct sl_str key,
                 struct sl_str raw)
{
    struct sl_pile *node = sl_pile_find(parent, key);

    if (node == NULL)
        node = sl_pile_add(r, parent, key, SL_PILE_RAW);
    if (node != NULL && !sl_str_eq(raw_of(node), raw))
        become_raw(r, node, raw);
}

void sl_pile_fill(struct sl_pile_room *r, struct sl_pile *parent, struct sl_str key,
                  struct sl_str raw)
{
    if (sl_pile_find(parent, key) == NULL)
        sl_pile_set(r, parent, key, raw);
}

/* What is between the quotes or brackets of a value as it stands. */
static struct sl_str inside(struct sl_str raw)
{
    while (raw.n > 0 && strchr(" \t\r\n", raw.p[raw.n - 1]) != NULL)
        raw.n--;
    return raw.n >= 2 ? (struct sl_str){raw.p + 1, raw.n - 2} : (struct sl_str){"", 0};
}

/* A value that was complete becomes one that may grow. */
static bool convert(struct sl_pile_room *r, struct sl_pile *node, enum sl_pile_kind kind)
{
    static const enum sl_json_type fits[] = {
        [SL_PILE_TEXT] = SL_JSON_STRING, [SL_PILE_ESCAPED] = SL_JSON_OBJECT,
        [SL_PILE_LIST] = SL_JSON_ARRAY,  [SL_PILE_OBJECT] = SL_JSON_NULL,
        [SL_PILE_ITEMS] = SL_JSON_NULL,
    };
    struct sl_str raw = raw_of(node), part, spare;
    enum sl_json_type type = sl_json_type_of(raw);
    size_t pos = 0, rest;

    if (type != SL_JSON_NULL && type != fits[kind])
        return false;
    part = inside(raw);
    if (type == SL_JSON_NULL || kind == SL_PILE_ESCAPED ||
        (kind == SL_PILE_LIST && !sl_json_next(raw, &pos, &spare)))
        part.n = 0;
    rest = part.n > 0 ? (size_t)(part.p - node->p) : 0;
    if (part.n > 0)
        memmove(node->p, node->p + rest, part.n);
    node->n = part.n;
    node->kind = kind;
    return !r->broken;
}

struct sl_pile *sl_pile_open(struct sl_pile_room *r, struct sl_pile *parent, struct sl_str key,
                             enum sl_pile_kind kind)
{
    struct sl_pile *node = sl_pile_find(parent, key);

    if (node == NULL)
        return sl_pile_add(r, parent, key, kind);
    if (node->kind == kind || (node->kind == SL_PILE_RAW && convert(r, node, kind)))
        return node;
    r->broken = true;
    return NULL;
}

/* --- Writing -------------------------------------------------------------------------- */

static bool write_escaped(const struct sl_pile *node, struct sl_grow *out)
{
    char *room = sl_grow_room(out, 2 * node->n + 2), *quoted;
    size_t n = 0;

    if (room == NULL)
        return true; /* the caller sees out->err */
    quoted = room + node->n;
    quoted[0] = quoted[node->n + 1] = '"';
    if (node->n > 0)
        memcpy(quoted + 1, node->p, node->n);
    if (!sl_json_unescape((struct sl_str){quoted, node->n + 2}, room, node->n, &n) ||
        !sl_json_is_object((struct sl_str){room, n}))
        return false;
    out->n += n;
    return true;
}

static void write_around(struct sl_grow *out, char open, const struct sl_pile *node, char shut)
{
    sl_grow_byte(out, open);
    sl_grow_add(out, (struct sl_str){node->p, node->n});
    sl_grow_byte(out, shut);
}

static bool write_children(const struct sl_pile *node, struct sl_grow *out)
{
    bool named = node->kind == SL_PILE_OBJECT, ok = true;

    sl_grow_byte(out, named ? '{' : '[');
    for (const struct sl_pile *c = node->first; c != NULL && ok; c = c->next) {
        if (c != node->first)
            sl_grow_byte(out, ',');
        if (named) {
            sl_grow_byte(out, '"');
            sl_grow_add(out, c->key);
            sl_grow_add(out, SL_STR("\":"));
        }
        ok = sl_pile_write(c, out);
    }
    sl_grow_byte(out, named ? '}' : ']');
    return ok;
}

bool sl_pile_write(const struct sl_pile *node, struct sl_grow *out)
{
    switch (node->kind) {
    case SL_PILE_RAW: sl_grow_add(out, (struct sl_str){node->p, node->n}); return true;
    case SL_PILE_TEXT: write_around(out, '"', node, '"'); return true;
    case SL_PILE_LIST: write_around(out, '[', node, ']'); return true;
    case SL_PILE_ESCAPED: return write_escaped(node, out);
    case SL_PILE_OBJECT:
    case SL_PILE_ITEMS: return write_children(node, out);
    }
    return false;
}
