/* conf/catalog.h -- what providers themselves say they serve, for /v1/models.
 *
 * Holder   main's serve, for the life of the process. After a start or reload
 *          with `list_models`, each provider that a pattern leads to is asked
 *          once, over its origin like any other request. Answers are kept until
 *          newer ones come, so that a provider that fails loses nothing.
 * Events   `changed` runs from the loop when the last answer of a round has come
 *          and at least one was good; a new snapshot should be built then.
 * Limits   SL_CATALOG_WAIT_MS for each, SL_CATALOG_BYTES of answer,
 *          SL_CATALOG_MODELS names a provider.
 */
#ifndef SL_CONF_CATALOG_H
#define SL_CONF_CATALOG_H

#include "gateway/conf.h"

#define SL_CATALOG_WAIT_MS 15000
#define SL_CATALOG_BYTES ((size_t)8 << 20)
#define SL_CATALOG_MODELS 4000

struct sl_catalog;

typedef void sl_catalog_changed_fn(void *ctx);

struct sl_catalog *sl_catalog_new(struct sl_net *net, sl_catalog_changed_fn *changed, void *ctx);
/* Begins a round; one under way is given up. Shares `conf` until it is over. */
void sl_catalog_ask(struct sl_catalog *c, struct sl_gateway_conf *conf);
/* What that provider listed last; the entries live until the next round ends. */
size_t sl_catalog_find(const struct sl_catalog *c, struct sl_str provider,
                       const struct sl_listed **out);
void sl_catalog_end(struct sl_catalog **c);

#endif
