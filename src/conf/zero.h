/* conf/zero.h -- the configuration that a start without a file amounts to.
 *
 * Made as the very text `sluice init` prints, and read like any other file.
 * Providers come from ANTHROPIC_API_KEY, OPENAI_API_KEY and OPENROUTER_API_KEY,
 * their addresses from *_BASE_URL (OPENROUTER_API_BASE too), the store from REDIS_URL,
 * or REDIS_HOST with REDIS_PORT and REDIS_PASSWORD, else it is embedded.
 */
#ifndef SL_CONF_ZERO_H
#define SL_CONF_ZERO_H

#include "conf/expand.h"

#define SL_ZERO_TEXT 16384

/* Where the keys are: the dev key, and the one that opens the admin API where SLUICE_ADMIN_KEY
 * is not set. False: no provider key is set. */
SL_MUST bool sl_zero_write(struct sl_text *out, const struct sl_env *env, const char *dev_path,
                           const char *admin_path);

#endif
