/* conf/expand.h -- what a scalar may take from outside: variables and files.
 *
 * `${NAME}` and `${NAME:-default}` are replaced inside scalars, after the YAML
 * was parsed, so that no value can change the structure. `$${` stands for a
 * plain `${`. The result is not looked at again.
 */
#ifndef SL_CONF_EXPAND_H
#define SL_CONF_EXPAND_H

#include "conf/tree.h"

#define SL_EXPAND_MAX ((size_t)65536)      /* bytes of one value */
#define SL_EXPAND_TOTAL ((size_t)32 << 20) /* bytes of all values together */

/* NULL: not set. The text must stay until the next call. */
typedef const char *sl_env_fn(void *ctx, const char *name);

struct sl_env {
    sl_env_fn *get; /* NULL: the process's own environment */
    void *ctx;      /* up */
    bool no_files;  /* leave files alone (fuzzing): `file:` values become "x" */
    size_t total;   /* bytes produced so far */
};

const char *sl_env_get(const struct sl_env *env, const char *name);
/* One scalar, in place. */
void sl_expand_scalar(struct sl_tree *t, struct sl_env *env, struct sl_node *n);
/* All scalars below and including `n`. */
void sl_expand_all(struct sl_tree *t, struct sl_env *env, struct sl_node *n);
/* A secret given as file:PATH is read; the path is relative to the directory of
 * the configuration file that names it. Line ends at its end are dropped. A secret, or
 * what a file gave, that begins with seal: is opened (conf/master.h). */
void sl_expand_secret(struct sl_tree *t, struct sl_env *env, struct sl_node *n);
/* `path` seen from the directory of `file`. */
struct sl_str sl_expand_path(struct sl_arena *a, const char *file, struct sl_str path);

#endif
