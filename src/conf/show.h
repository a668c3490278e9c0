/* conf/show.h -- prints what a configuration amounts to, and the schema.
 *
 * The effective configuration comes out as YAML that reads back to the same;
 * secrets as "(secret)" or the file they come from. The schema comes out as the
 * table of docs/configuration.md.
 */
#ifndef SL_CONF_SHOW_H
#define SL_CONF_SHOW_H

#include "conf/conf.h"

typedef void sl_show_put_fn(void *ctx, struct sl_str piece);

void sl_show_tree(const struct sl_node *root, bool secrets, sl_show_put_fn *put, void *ctx);
void sl_show_schema(sl_show_put_fn *put, void *ctx);
/* 16 hexadecimal digits over the effective configuration, secrets and prices included;
 * not where an instance listens and keeps its trail, so that instances of one file agree. */
SL_MUST bool sl_show_hash(const struct sl_conf *c, char out[16]);

#endif
