/* conf/conf.h -- a configuration as read: from files to the effective tree.
 *
 * Holder   main's serve, `check`, tests: sl_conf_end() frees it, secrets are
 *          overwritten. Reading needs no network and no loop; building a
 *          snapshot from it is conf/build.h.
 * Result   Never NULL: look at `faults.n` before anything else.
 * Order    YAML -> tree -> variables -> include -> schema (fit.h) -> what is derived:
 *          the place of the store, the ways out, the list of prices.
 */
#ifndef SL_CONF_CONF_H
#define SL_CONF_CONF_H

#include "conf/expand.h"

#define SL_CONF_INCLUDES 1000 /* files */
#define SL_CONF_ARENA ((size_t)1 << 30)

struct sl_conf {
    struct sl_arena arena;
    struct sl_node *root;   /* up: arena; effective once there are no faults */
    struct sl_node *prices; /* up: arena; likewise */
    struct sl_faults faults;
};

struct sl_conf *sl_conf_load(const char *path, struct sl_env *env);
/* The same from memory; `name` stands for the file in messages. */
struct sl_conf *sl_conf_parse(const char *name, struct sl_str text, struct sl_env *env);
void sl_conf_end(struct sl_conf **c);

/* By dotted path; must be in the schema with a default. */
struct sl_str sl_conf_text(const struct sl_conf *c, const char *path);
uint64_t sl_conf_number(const struct sl_conf *c, const char *path);

#endif
