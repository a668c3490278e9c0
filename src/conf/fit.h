/* conf/fit.h -- makes a tree fit the schema: one validator for every source.
 *
 * Unknown keys, wrong types and values out of bounds become faults. What is
 * right is understood in place (numbers, secrets read), defaults are added, and
 * children are put into the table's order, so that afterwards the tree is the
 * effective configuration.
 */
#ifndef SL_CONF_FIT_H
#define SL_CONF_FIT_H

#include "conf/expand.h"
#include "conf/schema.h"

/* Variables of scalars in `root` must have been replaced. */
void sl_fit_tree(struct sl_tree *t, struct sl_env *env, struct sl_node *root);
/* The same for a file of its own, whose rows begin with `path`. */
void sl_fit_below(struct sl_tree *t, struct sl_env *env, struct sl_node *root, const char *path);

/* Sets what may be shown of an address: all but a password, or a user without one. */
void sl_fit_show_address(struct sl_arena *a, struct sl_node *n);

/* Scalar types, for other users and tests (times: base/when.h). False: not that. */
SL_MUST bool sl_fit_size(struct sl_str s, uint64_t *bytes);
SL_MUST bool sl_fit_decimal(struct sl_str s, uint64_t *millionths); /* not negative */

#endif
