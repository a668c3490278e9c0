/* conf/tree.h -- a YAML file as a tree that knows its lines.
 *
 * Holder   An arena; everything dies with it. A tree is read once, then changed
 *          in place: variables replaced, defaults added, values understood.
 * What     Maps, lists and scalars. Keys are plain scalars and stand once per
 *          map. Anchors, aliases, tags, merge keys and second documents are
 *          refused: what a reader sees is what there is.
 * Limits   SL_TREE_DEPTH levels, SL_TREE_NODES nodes, SL_TREE_KEYS keys a map,
 *          SL_TREE_FILE bytes a file.
 * Source   YAML 1.1 as libyaml reads it (events).
 */
#ifndef SL_CONF_TREE_H
#define SL_CONF_TREE_H

#include "base/arena.h"
#include "conf/fault.h"

#define SL_TREE_DEPTH 16
#define SL_TREE_NODES 400000
#define SL_TREE_KEYS 1000
#define SL_TREE_FILE ((size_t)4 << 20)

enum sl_node_kind { SL_NODE_SCALAR, SL_NODE_LIST, SL_NODE_MAP };

struct sl_node {
    enum sl_node_kind kind;
    bool quoted;       /* a scalar in quotes is text, even if empty or "null" */
    bool secret;       /* must not be shown */
    bool implied;      /* a default, not from a file */
    struct sl_str key; /* within a map */
    struct sl_str text;
    struct sl_str from;   /* the path a `file:` value was read from */
    struct sl_str shown;  /* of an address with a password: what may be shown */
    const char *variable; /* static: the one of the environment that gave it; NULL: none did */
    uint64_t number;      /* the value of a duration, size, count, date, choice, bool; millionths
                           * of a decimal */
    const char *file;     /* up: arena */
    unsigned line, column;
    size_t n;              /* children */
    struct sl_node *first; /* up: arena */
    struct sl_node *last;  /* up: arena */
    struct sl_node *next;  /* up: arena; next of the same parent */
};

/* What reading needs: where nodes live, what is wrong, how many there are. */
struct sl_tree {
    struct sl_arena *arena;   /* up */
    struct sl_faults *faults; /* up */
    size_t nodes;
};

/* NULL when faults were added. `name` is shown in messages. */
SL_MUST struct sl_node *sl_tree_parse(struct sl_tree *t, const char *name, struct sl_str text);

/* Zeroed, from the arena; NULL without memory. */
SL_MUST void *sl_tree_alloc(struct sl_arena *a, size_t n);
/* A copy; an empty text without memory, so that reading may go on. Whoever owns the
 * arena looks at its `failed` at the end. */
struct sl_str sl_tree_dup(struct sl_arena *a, struct sl_str s);

/* Child of a map, or NULL (also when `map` is NULL or no map). */
struct sl_node *sl_node_get(const struct sl_node *map, const char *key);
/* By a dotted path. */
struct sl_node *sl_node_at(const struct sl_node *root, const char *path);
/* Texts and numbers; empty and 0 where there is nothing. */
struct sl_str sl_node_text(const struct sl_node *map, const char *key);
uint64_t sl_node_number(const struct sl_node *map, const char *key, uint64_t otherwise);
void sl_node_add(struct sl_node *parent, struct sl_node *child);
/* `key:` with nothing behind it, ~ or null. */
bool sl_node_is_null(const struct sl_node *n);

#endif
