/* conf/tree.c -- libyaml's events into nodes, with a stack instead of recursion. */
#include "conf/tree.h"

#include <yaml.h>

/* One container being read. */
struct level {
    struct sl_node *node; /* up: arena */
    struct sl_str key;    /* the key whose value comes next */
    bool has_key;
};

struct reader {
    struct sl_tree *tree; /* up */
    const char *name;     /* up: arena */
    struct level stack[SL_TREE_DEPTH];
    unsigned depth;
    struct sl_node *root; /* up: arena */
    unsigned documents;
};

void *sl_tree_alloc(struct sl_arena *a, size_t n)
{
    return sl_arena_zalloc(a, n);
}

struct sl_str sl_tree_dup(struct sl_arena *a, struct sl_str s)
{
    struct sl_str copy = sl_arena_dup(a, s);

    return copy.p != NULL ? copy : SL_STR("");
}

/* ---- looking into a tree ---- */

static struct sl_node *find(const struct sl_node *map, struct sl_str key)
{
    if (map == NULL || map->kind != SL_NODE_MAP)
        return NULL;
    for (struct sl_node *c = map->first; c != NULL; c = c->next)
        if (sl_str_eq(c->key, key))
            return c;
    return NULL;
}

struct sl_node *sl_node_get(const struct sl_node *map, const char *key)
{
    return find(map, sl_str_of(key));
}

struct sl_node *sl_node_at(const struct sl_node *root, const char *path)
{
    struct sl_str rest = sl_str_of(path), piece;
    const struct sl_node *n = root;
    struct sl_node *found = NULL;

    while (sl_str_split(&rest, '.', &piece)) {
        found = find(n, piece);
        if (found == NULL)
            return NULL;
        n = found;
    }
    return found;
}

struct sl_str sl_node_text(const struct sl_node *map, const char *key)
{
    const struct sl_node *n = sl_node_get(map, key);

    return n != NULL && n->kind == SL_NODE_SCALAR ? n->text : (struct sl_str){"", 0};
}

uint64_t sl_node_number(const struct sl_node *map, const char *key, uint64_t otherwise)
{
    const struct sl_node *n = sl_node_get(map, key);

    return n != NULL && n->kind == SL_NODE_SCALAR ? n->number : otherwise;
}

void sl_node_add(struct sl_node *parent, struct sl_node *child)
{
    child->next = NULL;
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->n++;
}

bool sl_node_is_null(const struct sl_node *n)
{
    return n->kind == SL_NODE_SCALAR && !n->quoted &&
           (n->text.n == 0 || sl_str_eq(n->text, SL_STR("~")) ||
            sl_str_eq(n->text, SL_STR("null")));
}

/* ---- reading ---- */

static struct sl_node *node_new(struct reader *r, enum sl_node_kind kind, const yaml_event_t *ev)
{
    struct sl_node *n;

    if (++r->tree->nodes > SL_TREE_NODES)
        return NULL;
    n = sl_tree_alloc(r->tree->arena, sizeof(*n));
    if (n == NULL)
        return NULL;
    n->kind = kind;
    n->file = r->name;
    n->line = (unsigned)ev->start_mark.line + 1;
    n->column = (unsigned)ev->start_mark.column + 1;
    return n;
}

static bool fault_here(struct reader *r, const yaml_event_t *ev, const char *what)
{
    struct sl_node at = {.file = r->name,
                         .line = (unsigned)ev->start_mark.line + 1,
                         .column = (unsigned)ev->start_mark.column + 1};

    sl_fault_add(r->tree->faults, &at, "%s", what);
    return false;
}

/* Hangs a finished or opened node where it belongs. */
static bool place(struct reader *r, struct sl_node *n, const yaml_event_t *ev)
{
    struct level *top;

    if (n == NULL && r->tree->arena->failed)
        return false;
    if (n == NULL)
        return fault_here(r, ev, "the file is too large; split it with `include`");
    if (r->depth == 0) {
        r->root = n;
        return true;
    }
    top = &r->stack[r->depth - 1];
    if (top->node->kind == SL_NODE_MAP) {
        if (!top->has_key)
            return fault_here(r, ev, "a key must be plain text");
        n->key = top->key;
        top->has_key = false;
    }
    sl_node_add(top->node, n);
    return true;
}

static bool take_key(struct reader *r, const yaml_event_t *ev, struct sl_str text)
{
    struct level *top = &r->stack[r->depth - 1];
    char what[160];

    if (sl_str_eq(text, SL_STR("<<")))
        return fault_here(r, ev, "merge keys are not supported; write the values out");
    if (text.n == 0 || text.n > 200)
        return fault_here(r, ev, "a key has between 1 and 200 bytes");
    if (top->node->n >= SL_TREE_KEYS)
        return fault_here(r, ev, "too many keys in one map");
    if (find(top->node, text) != NULL) {
        snprintf(what, sizeof(what), "%.80s: stands twice in this map; remove one", text.p);
        return fault_here(r, ev, what);
    }
    top->key = text;
    top->has_key = true;
    return true;
}

static bool take_scalar(struct reader *r, const yaml_event_t *ev)
{
    struct sl_str text = {(const char *)ev->data.scalar.value, ev->data.scalar.length};
    struct sl_node *n;

    if (ev->data.scalar.anchor != NULL)
        return fault_here(r, ev, "anchors are not supported; write the value out");
    if (ev->data.scalar.tag != NULL && !ev->data.scalar.plain_implicit &&
        !ev->data.scalar.quoted_implicit)
        return fault_here(r, ev, "tags are not supported; the schema knows the types");
    if (memchr(text.p, '\0', text.n) != NULL)
        return fault_here(r, ev, "a value must not hold a zero byte");
    text = sl_tree_dup(r->tree->arena, text);
    if (r->tree->arena->failed)
        return false;
    if (r->depth > 0 && r->stack[r->depth - 1].node->kind == SL_NODE_MAP &&
        !r->stack[r->depth - 1].has_key)
        return take_key(r, ev, text);
    n = node_new(r, SL_NODE_SCALAR, ev);
    if (n != NULL) {
        n->text = text;
        n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    }
    return place(r, n, ev);
}

static bool take_start(struct reader *r, const yaml_event_t *ev, enum sl_node_kind kind)
{
    const yaml_char_t *anchor =
        kind == SL_NODE_MAP ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor;
    bool implicit =
        kind == SL_NODE_MAP ? ev->data.mapping_start.implicit : ev->data.sequence_start.implicit;
    struct sl_node *n;

    if (anchor != NULL)
        return fault_here(r, ev, "anchors are not supported; write the value out");
    if (!implicit)
        return fault_here(r, ev, "tags are not supported; the schema knows the types");
    if (r->depth == SL_TREE_DEPTH)
        return fault_here(r, ev, "nested too deeply");
    n = node_new(r, kind, ev);
    if (!place(r, n, ev))
        return false;
    r->stack[r->depth++] = (struct level){.node = n};
    return true;
}

static bool take(struct reader *r, const yaml_event_t *ev)
{
    switch (ev->type) {
    case YAML_SCALAR_EVENT: return take_scalar(r, ev);
    case YAML_SEQUENCE_START_EVENT: return take_start(r, ev, SL_NODE_LIST);
    case YAML_MAPPING_START_EVENT: return take_start(r, ev, SL_NODE_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: r->depth--; return true;
    case YAML_ALIAS_EVENT:
        return fault_here(r, ev, "aliases are not supported; write the value out");
    case YAML_DOCUMENT_START_EVENT:
        if (++r->documents > 1)
            return fault_here(r, ev, "one document a file; put the rest into `include`d files");
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT: return true;
    }
    return true;
}

static bool read_all(struct reader *r, yaml_parser_t *parser)
{
    yaml_event_t ev;
    bool go = true, over = false;

    while (go && !over) {
        if (!yaml_parser_parse(parser, &ev)) {
            struct sl_node at = {.file = r->name,
                                 .line = (unsigned)parser->problem_mark.line + 1,
                                 .column = (unsigned)parser->problem_mark.column + 1};

            sl_fault_add(r->tree->faults, &at, "not valid YAML: %s%s%s",
                         parser->problem != NULL ? parser->problem : "out of memory",
                         parser->context != NULL ? " " : "",
                         parser->context != NULL ? parser->context : "");
            return false;
        }
        over = ev.type == YAML_STREAM_END_EVENT;
        go = take(r, &ev);
        yaml_event_delete(&ev);
    }
    return go;
}

struct sl_node *sl_tree_parse(struct sl_tree *t, const char *name, struct sl_str text)
{
    struct reader r = {.tree = t};
    struct sl_node at = {.file = name, .line = 1, .column = 1};
    yaml_parser_t parser;
    bool ok;

    if (text.n > SL_TREE_FILE) {
        sl_fault_add(t->faults, &at, "the file is too large; split it with `include`");
        return NULL;
    }
    if (!yaml_parser_initialize(&parser)) {
        sl_fault_add(t->faults, &at, "out of memory");
        return NULL;
    }
    r.name = sl_tree_dup(t->arena, sl_str_of(name)).p;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    ok = read_all(&r, &parser);
    yaml_parser_delete(&parser);
    if (ok && r.root == NULL) {
        sl_fault_add(t->faults, &at,
                     "the file is empty; it needs `providers`, `models` and `tenants`");
        return NULL;
    }
    return ok ? r.root : NULL;
}
