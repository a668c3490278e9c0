/* conf/expand.c -- variables and secret files. */
#include "conf/expand.h"

#include "base/mem.h"
#include "conf/master.h"
#include "net/file.h"

#include <stdlib.h>

#define NAME_BYTES 128

const char *sl_env_get(const struct sl_env *env, const char *name)
{
    return env->get != NULL ? env->get(env->ctx, name) : getenv(name);
}

static bool is_name(struct sl_str s)
{
    if (s.n == 0 || s.n >= NAME_BYTES || (s.p[0] >= '0' && s.p[0] <= '9'))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_'))
            return false;
    }
    return true;
}

/* What stands between the braces becomes a value. */
static bool lookup(struct sl_tree *t, const struct sl_env *env, const struct sl_node *at,
                   struct sl_str inner, struct sl_str *out)
{
    ptrdiff_t cut = sl_str_find(inner, SL_STR(":-"));
    struct sl_str name = cut < 0 ? inner : sl_str_first(inner, (size_t)cut);
    char z[NAME_BYTES];
    const char *value;

    if (!is_name(name)) {
        sl_fault_add(t->faults, at,
                     "`${...}` takes a name of letters, digits and _; write $${ for a plain ${");
        return false;
    }
    memcpy(z, name.p, name.n);
    z[name.n] = '\0';
    value = sl_env_get(env, z);
    if (cut >= 0 && (value == NULL || value[0] == '\0')) {
        *out = sl_str_from(inner, (size_t)cut + 2);
        return true;
    }
    if (value == NULL) {
        sl_fault_add(t->faults, at,
                     "the environment variable %s is not set; set it, or write ${%s:-default}", z,
                     z);
        return false;
    }
    *out = sl_str_of(value);
    return true;
}

/* The next step of the text: a plain stretch or a variable. False on a fault. */
static bool step(struct sl_tree *t, const struct sl_env *env, const struct sl_node *at,
                 struct sl_str *rest, struct sl_str *piece)
{
    ptrdiff_t dollar = sl_str_find(*rest, SL_STR("${"));
    ptrdiff_t close;
    struct sl_str inner;

    if (dollar < 0) {
        *piece = *rest;
        *rest = sl_str_from(*rest, rest->n);
        return true;
    }
    if (dollar > 0 && rest->p[dollar - 1] == '$') { /* $${ : keep "${" */
        if (dollar > 1) {
            *piece = sl_str_first(*rest, (size_t)dollar - 1);
            *rest = sl_str_from(*rest, (size_t)dollar - 1);
            return true;
        }
        *piece = SL_STR("${");
        *rest = sl_str_from(*rest, 3);
        return true;
    }
    if (dollar > 0) {
        *piece = sl_str_first(*rest, (size_t)dollar);
        *rest = sl_str_from(*rest, (size_t)dollar);
        return true;
    }
    inner = sl_str_from(*rest, 2);
    close = sl_str_find_byte(inner, '}');
    if (close < 0) {
        sl_fault_add(t->faults, at, "`${` without its `}`; write $${ for a plain ${");
        return false;
    }
    *rest = sl_str_from(inner, (size_t)close + 1);
    return lookup(t, env, at, sl_str_first(inner, (size_t)close), piece);
}

void sl_expand_scalar(struct sl_tree *t, struct sl_env *env, struct sl_node *n)
{
    struct sl_str rest = n->text, piece;
    char place[SL_EXPAND_MAX];
    struct sl_text out = sl_text_over(place, sizeof(place));

    if (sl_str_find(n->text, SL_STR("${")) < 0)
        return;
    while (rest.n > 0) {
        if (!step(t, env, n, &rest, &piece))
            return;
        sl_text_add(&out, piece);
    }
    env->total += out.n;
    if (out.cut || env->total > SL_EXPAND_TOTAL)
        sl_fault_add(t->faults, n, "the value is too long once its variables are replaced");
    else
        n->text = sl_tree_dup(t->arena, sl_text_str(&out));
    n->quoted = true; /* what came from outside is text: never null */
    sl_mem_wipe(place, out.n);
}

/* Recursion is bounded by SL_TREE_DEPTH. */
void sl_expand_all(struct sl_tree *t, struct sl_env *env, struct sl_node *n)
{
    if (n->kind == SL_NODE_SCALAR)
        sl_expand_scalar(t, env, n);
    for (struct sl_node *c = n->first; c != NULL; c = c->next)
        sl_expand_all(t, env, c);
}

struct sl_str sl_expand_path(struct sl_arena *a, const char *file, struct sl_str path)
{
    const char *slash = file != NULL ? strrchr(file, '/') : NULL;
    struct sl_str out;

    if (slash == NULL || (path.n > 0 && path.p[0] == '/'))
        return sl_tree_dup(a, path);
    out.n = (size_t)(slash - file) + 1 + path.n;
    out.p = NULL;
    if (out.n < SL_EXPAND_MAX)
        out = sl_arena_printf(a, "%.*s%.*s", (int)(slash - file) + 1, file, SL_STR_ARGS(path));
    return out.p != NULL ? out : sl_tree_dup(a, path);
}

/* False: it stays what it was, a fault says why. */
static bool open_into(struct sl_tree *t, const struct sl_env *env, struct sl_node *n,
                      struct sl_text *plain)
{
    struct sl_master m;
    char why[256];
    bool ok = sl_master_read(env, &m, why, sizeof why);

    if (ok) {
        ok = sl_master_open(&m, n->text, plain, why, sizeof why);
        sl_master_wipe(&m);
    }
    if (!ok)
        sl_fault_add(t->faults, n, "%.*s%s%s", SL_STR_ARGS(n->key), n->key.n > 0 ? ": " : "", why);
    return ok;
}

static void open_sealed(struct sl_tree *t, struct sl_env *env, struct sl_node *n)
{
    char place[SL_SEAL_PLAIN_MAX];
    struct sl_text plain = sl_text_over(place, sizeof place);

    n->quoted = true;
    n->shown = n->text; /* whoever may read the file may see that much */
    if (!open_into(t, env, n, &plain))
        return;
    env->total += plain.n;
    if (env->total > SL_EXPAND_TOTAL)
        sl_fault_add(t->faults, n, "the values taken from outside are too long together");
    else
        n->text = sl_tree_dup(t->arena, sl_text_str(&plain));
    sl_mem_wipe(place, plain.n);
}

static void load_file(struct sl_tree *t, struct sl_env *env, struct sl_node *n)
{
    struct sl_str path, s;
    char *loaded;
    size_t got = 0;

    path = sl_expand_path(t->arena, n->file, sl_str_from(n->text, 5));
    n->from = path;
    n->quoted = true;
    if (env->no_files) {
        n->text = sl_tree_dup(t->arena, SL_STR("not-read"));
        return;
    }
    loaded = sl_file_load(path.p, SL_EXPAND_MAX, &got);
    if (loaded == NULL) {
        sl_fault_file(t->faults, n, path.p);
        n->text = sl_tree_dup(t->arena, SL_STR("not-read"));
        return;
    }
    s = (struct sl_str){loaded, got};
    while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r' || s.p[s.n - 1] == ' '))
        s.n--;
    n->text = sl_tree_dup(t->arena, s);
    sl_mem_wipe(loaded, got);
    sl_mem_free(loaded);
}

void sl_expand_secret(struct sl_tree *t, struct sl_env *env, struct sl_node *n)
{
    n->secret = true;
    if (sl_str_starts(n->text, SL_STR("file:")))
        load_file(t, env, n);
    if (sl_str_starts(n->text, SL_STR("seal:")))
        open_sealed(t, env, n);
}
