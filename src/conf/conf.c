/* conf/conf.c -- reads a file and what it includes into one effective tree. */
#include "conf/conf.h"

#include "base/mem.h"
#include "base/obj.h"
#include "conf/builtin.h"
#include "conf/fit.h"
#include "conf/proxy.h"
#include "conf/state.h"
#include "net/file.h"

#include <glob.h>

/* ---- include ---- */

static bool is_list_key(struct sl_str key)
{
    return sl_str_eq(key, SL_STR("providers")) || sl_str_eq(key, SL_STR("models")) ||
           sl_str_eq(key, SL_STR("plans")) || sl_str_eq(key, SL_STR("tenants"));
}

static void append_list(struct sl_node *to, struct sl_node *from)
{
    struct sl_node *c = from->first;

    while (c != NULL) {
        struct sl_node *next = c->next;

        sl_node_add(to, c);
        c = next;
    }
}

/* The top-level keys of an included file join those of the first one. */
static void merge(struct sl_tree *t, struct sl_node *root, struct sl_node *more)
{
    struct sl_node *c = more->first;

    if (more->kind != SL_NODE_MAP) {
        sl_fault_add(t->faults, more, "the file must be a map: `key: value` lines");
        return;
    }
    while (c != NULL) {
        struct sl_node *next = c->next, *have = NULL;

        for (have = root->first; have != NULL && !sl_str_eq(have->key, c->key); have = have->next)
            continue;
        if (sl_str_eq(c->key, SL_STR("include")))
            sl_fault_add(t->faults, c, "include: only the first file may include others");
        else if (have == NULL)
            sl_node_add(root, c);
        else if (is_list_key(c->key) && have->kind == SL_NODE_LIST && c->kind == SL_NODE_LIST)
            append_list(have, c);
        else
            sl_fault_add(t->faults, c, "%.*s: stands in %s:%u too; keep one of them",
                         SL_STR_ARGS(c->key), have->file, have->line);
        c = next;
    }
}

static struct sl_node *read_file(struct sl_tree *t, struct sl_env *env, const char *path,
                                 const struct sl_node *from)
{
    size_t n = 0;
    char *text = sl_file_load(path, SL_TREE_FILE, &n);
    struct sl_node *root;

    if (text == NULL) {
        sl_fault_file(t->faults, from, path);
        return NULL;
    }
    root = sl_tree_parse(t, path, (struct sl_str){text, n});
    sl_mem_wipe(text, n);
    sl_mem_free(text);
    if (root != NULL)
        sl_expand_all(t, env, root);
    return root;
}

/* One glob: the files in the order of their names. */
static void include_glob(struct sl_tree *t, struct sl_env *env, struct sl_node *root,
                         struct sl_node *pattern)
{
    struct sl_str path = sl_expand_path(t->arena, pattern->file, pattern->text);
    glob_t found;
    int got = glob(path.p, GLOB_BRACE, NULL, &found);

    if (got == GLOB_NOMATCH && strpbrk(path.p, "*?[{") != NULL)
        return; /* an empty directory is not an error */
    if (got != 0) {
        sl_fault_add(t->faults, pattern, "include: no file %s", path.p);
        return;
    }
    if (found.gl_pathc > SL_CONF_INCLUDES)
        sl_fault_add(t->faults, pattern, "include: more than %d files", SL_CONF_INCLUDES);
    for (size_t i = 0; i < found.gl_pathc && t->faults->n < SL_FAULT_MAX; i++) {
        struct sl_node *more = read_file(t, env, found.gl_pathv[i], pattern);

        if (more != NULL)
            merge(t, root, more);
    }
    globfree(&found);
}

static void include_all(struct sl_tree *t, struct sl_env *env, struct sl_node *root)
{
    struct sl_node *list = sl_node_get(root, "include");

    if (list == NULL || env->no_files)
        return;
    if (list->kind == SL_NODE_SCALAR && !sl_node_is_null(list))
        include_glob(t, env, root, list);
    for (struct sl_node *p = list->first; p != NULL; p = p->next)
        if (p->kind == SL_NODE_SCALAR)
            include_glob(t, env, root, p);
}

/* ---- what is derived ---- */

/* Where the trail lies and, if nobody says otherwise, the store beside it. Without any
 * place the store is in memory and keeps nothing. */
static void place_store(struct sl_tree *t, const struct sl_env *env, struct sl_node *root)
{
    struct sl_node *store = sl_node_get(root, "store"), *url, *dir;
    char place[SL_STATE_PATH], why[128];
    struct sl_str rest;

    if (store == NULL || store->kind != SL_NODE_MAP)
        return;
    url = sl_node_get(store, "url");
    dir = sl_node_get(store, "state_dir");
    if (dir->text.n == 0 && sl_state_place(env, place, why, sizeof(why)))
        dir->text = sl_tree_dup(t->arena, sl_str_of(place));
    if (url->text.n == 0)
        url->text = sl_arena_printf(t->arena, "embedded:%.*s%s", SL_STR_ARGS(dir->text),
                                    dir->text.n > 0 ? "/data" : "");
    else if (sl_str_starts(url->text, SL_STR("embedded:")) && url->text.n > 9) {
        rest = sl_expand_path(t->arena, url->file, sl_str_from(url->text, 9));
        url->text = sl_arena_printf(t->arena, "embedded:%.*s", SL_STR_ARGS(rest));
    } else {
        return;
    }
    if (url->text.p == NULL)
        url->text = SL_STR("");
    url->shown = url->text;
}

static void read_prices(struct sl_conf *c, struct sl_tree *t, struct sl_env *env)
{
    const struct sl_node *path = sl_node_get(c->root, "prices");

    if (path->text.n > 0 && !env->no_files)
        c->prices = read_file(t, env, path->text.p, path);
    else
        c->prices = sl_tree_parse(t, "prices.yaml", sl_builtin_prices());
    if (c->prices != NULL)
        sl_fit_below(t, env, c->prices, SL_SCHEMA_PRICES);
}

/* ---- the whole ---- */

static struct sl_conf *conf_new(struct sl_tree *t)
{
    struct sl_conf *c = sl_mem_new(sizeof(*c));

    sl_arena_init(&c->arena, SL_CONF_ARENA);
    sl_faults_init(&c->faults);
    *t = (struct sl_tree){.arena = &c->arena, .faults = &c->faults};
    return c;
}

static void complete(struct sl_conf *c, struct sl_tree *t, struct sl_env *env)
{
    include_all(t, env, c->root);
    sl_fit_tree(t, env, c->root);
    if (c->faults.n > 0 || c->arena.failed)
        return;
    place_store(t, env, c->root);
    sl_proxy_fill(t, env, c->root);
    read_prices(c, t, env);
}

static struct sl_conf *judge(struct sl_conf *c, struct sl_tree *t, struct sl_env *env)
{
    if (c->root != NULL)
        complete(c, t, env);
    if (c->arena.failed)
        sl_fault_memory(&c->faults);
    return c;
}

struct sl_conf *sl_conf_load(const char *path, struct sl_env *env)
{
    struct sl_tree t;
    struct sl_conf *c = conf_new(&t);

    c->root = read_file(&t, env, path, NULL);
    return judge(c, &t, env);
}

struct sl_conf *sl_conf_parse(const char *name, struct sl_str text, struct sl_env *env)
{
    struct sl_tree t;
    struct sl_conf *c = conf_new(&t);

    c->root = sl_tree_parse(&t, name, text);
    if (c->root != NULL)
        sl_expand_all(&t, env, c->root);
    return judge(c, &t, env);
}

static void wipe(struct sl_node *n)
{
    union {
        const char *from;
        char *to;
    } p = {n->text.p};

    if (n->secret && n->text.n > 0)
        sl_mem_wipe(p.to, n->text.n);
    for (struct sl_node *c = n->first; c != NULL; c = c->next)
        wipe(c);
}

void sl_conf_end(struct sl_conf **pc)
{
    struct sl_conf *c = *pc;

    *pc = NULL;
    if (c == NULL)
        return;
    if (c->root != NULL)
        wipe(c->root);
    if (c->prices != NULL)
        wipe(c->prices);
    sl_arena_fini(&c->arena);
    sl_mem_free(c);
}

struct sl_str sl_conf_text(const struct sl_conf *c, const char *path)
{
    const struct sl_node *n = sl_node_at(c->root, path);

    SL_CHECK(n != NULL && n->kind == SL_NODE_SCALAR);
    return n->text;
}

uint64_t sl_conf_number(const struct sl_conf *c, const char *path)
{
    const struct sl_node *n = sl_node_at(c->root, path);

    SL_CHECK(n != NULL && n->kind == SL_NODE_SCALAR);
    return n->number;
}
