/* Exact names and aliases by hash, patterns longest first. */
#include "policy/route.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/obj.h"

struct name { /* an exact name or an alias */
    UT_hash_handle hh;
    struct sl_model *model; /* up: in the table's arena */
    size_t n;
    const char *p; /* up: in the table's arena */
};

struct sl_routes {
    struct sl_arena arena;
    struct sl_model **models;   /* owns: the array */
    struct sl_model **patterns; /* owns: the array; longest prefix first */
    size_t models_n, patterns_n, cap;
    struct name *names; /* owns: hash; nodes in the arena */
};

#define TABLE_MAX (64u << 20)

struct sl_routes *sl_routes_new(void)
{
    struct sl_routes *r = sl_mem_new(sizeof *r);

    sl_arena_init(&r->arena, TABLE_MAX);
    return r;
}

void sl_routes_end(struct sl_routes **pr)
{
    struct sl_routes *r = *pr;

    *pr = NULL;
    if (r == NULL)
        return;
    HASH_CLEAR(hh, r->names);
    sl_mem_free(r->models);
    sl_mem_free(r->patterns);
    sl_arena_fini(&r->arena);
    sl_mem_free(r);
}

static void *take(struct sl_routes *r, size_t n)
{
    return sl_arena_zalloc(&r->arena, n);
}

static struct sl_str copy(struct sl_routes *r, struct sl_str s)
{
    return sl_arena_dup(&r->arena, s);
}

static enum sl_err no_memory(char *why, size_t cap)
{
    snprintf(why, cap, "not enough memory");
    return SL_ERR_NO_MEMORY;
}

static enum sl_err add_name(struct sl_routes *r, struct sl_str text, struct sl_model *m, char *why,
                            size_t cap)
{
    struct name *n;

    HASH_FIND(hh, r->names, text.p, text.n, n);
    if (n != NULL) {
        snprintf(why, cap, "model name or alias %.*s stands twice", SL_STR_ARGS(text));
        return SL_ERR_CONFIG;
    }
    n = take(r, sizeof *n);
    if (n == NULL)
        return no_memory(why, cap);
    n->p = text.p;
    n->n = text.n;
    n->model = m;
    HASH_ADD_KEYPTR(hh, r->names, n->p, n->n, n);
    return SL_OK;
}

/* Stable: file order within a priority. */
static void sort_targets(struct sl_target *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct sl_target t = v[i];
        size_t at = i;

        while (at > 0 && v[at - 1].priority > t.priority) {
            v[at] = v[at - 1];
            at--;
        }
        v[at] = t;
    }
}

/* NULL without memory. */
static struct sl_model *copy_model(struct sl_routes *r, const struct sl_model *from)
{
    struct sl_model *m = take(r, sizeof *m);
    struct sl_str *aliases = take(r, (from->aliases_n + 1) * sizeof *aliases);
    struct sl_target *targets = take(r, (from->targets_n + 1) * sizeof *targets);

    if (m == NULL || aliases == NULL || targets == NULL)
        return NULL;
    *m = *from;
    m->name = copy(r, from->name);
    m->display_name = copy(r, from->display_name);
    m->cache.version = copy(r, from->cache.version);
    m->mirror.model = copy(r, from->mirror.model);
    for (size_t i = 0; i < from->aliases_n; i++)
        aliases[i] = copy(r, from->aliases[i]);
    for (size_t i = 0; i < from->targets_n; i++) {
        targets[i] = from->targets[i];
        targets[i].model = copy(r, from->targets[i].model);
    }
    sort_targets(targets, from->targets_n);
    m->aliases = aliases;
    m->targets = targets;
    m->is_pattern = sl_str_ends(m->name, SL_STR("*"));
    return r->arena.failed ? NULL : m;
}

static bool grow(struct sl_routes *r)
{
    size_t cap = r->cap > 0 ? r->cap * 2 : 16;
    struct sl_model **models, **patterns;

    if (r->models_n < r->cap)
        return true;
    models = sl_mem_try(cap * sizeof(struct sl_model *));
    patterns = sl_mem_try(cap * sizeof(struct sl_model *));
    if (models == NULL || patterns == NULL) {
        sl_mem_free(models);
        sl_mem_free(patterns);
        return false;
    }
    if (r->models_n > 0)
        memcpy(models, r->models, r->models_n * sizeof(struct sl_model *));
    if (r->patterns_n > 0)
        memcpy(patterns, r->patterns, r->patterns_n * sizeof(struct sl_model *));
    sl_mem_free(r->models);
    sl_mem_free(r->patterns);
    r->models = models;
    r->patterns = patterns;
    r->cap = cap;
    return true;
}

enum sl_err sl_routes_add(struct sl_routes *r, const struct sl_model *from, char *why, size_t cap)
{
    struct sl_model *m;
    enum sl_err err;
    size_t at;

    if (from->name.n == 0 || from->targets_n == 0 || from->targets_n > SL_ROUTE_TARGETS_MAX) {
        snprintf(why, cap, "a model needs a name and 1 to %d targets", SL_ROUTE_TARGETS_MAX);
        return SL_ERR_CONFIG;
    }
    m = copy_model(r, from);
    if (m == NULL || !grow(r))
        return no_memory(why, cap);
    err = add_name(r, m->name, m, why, cap);
    for (size_t i = 0; err == SL_OK && i < m->aliases_n; i++)
        err = add_name(r, m->aliases[i], m, why, cap);
    if (err != SL_OK)
        return err;
    r->models[r->models_n++] = m;
    if (!m->is_pattern)
        return SL_OK;
    for (at = r->patterns_n++; at > 0 && r->patterns[at - 1]->name.n < m->name.n; at--)
        r->patterns[at] = r->patterns[at - 1];
    r->patterns[at] = m;
    return SL_OK;
}

size_t sl_routes_count(const struct sl_routes *r)
{
    return r->models_n;
}

const struct sl_model *sl_routes_at(const struct sl_routes *r, size_t i)
{
    SL_CHECK(i < r->models_n);
    return r->models[i];
}

const struct sl_model *sl_route_find(const struct sl_routes *r, struct sl_str asked)
{
    struct name *n;

    HASH_FIND(hh, r->names, asked.p, asked.n, n);
    if (n != NULL && !n->model->is_pattern)
        return n->model;
    for (size_t i = 0; i < r->patterns_n; i++) {
        struct sl_str p = r->patterns[i]->name;

        if (sl_str_starts(asked, (struct sl_str){p.p, p.n - 1}))
            return r->patterns[i];
    }
    return n != NULL ? n->model : NULL;
}

size_t sl_route_rank(const struct sl_model *m, enum sl_protocol protocol,
                     const struct sl_target *out[SL_ROUTE_TARGETS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < m->targets_n && n < SL_ROUTE_TARGETS_MAX; i++) {
        if ((m->targets[i].speaks & (unsigned)protocol) != 0)
            out[n++] = &m->targets[i];
    }
    return n;
}
