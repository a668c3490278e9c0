/* cli/source.h -- the configuration a command works with: the file it was
 * given, or what the environment amounts to. */
#ifndef SL_CLI_SOURCE_H
#define SL_CLI_SOURCE_H

#include "cli/options.h"
#include "conf/conf.h"

/* The text of a zero-file start, over `place`; reads .env and makes the keys of
 * the state directory first. False: `why` says what to do. */
SL_MUST bool sl_source_zero(struct sl_text *place, char *why, size_t cap);
/* Never NULL; a zero-file start that can't be is a fault like others. */
struct sl_conf *sl_source_load(const char *config);
/* Where the admin listener is, in this order: the option, the file given, the
 * environment, the default. */
void sl_source_admin(const struct sl_options *o, char *out, size_t cap);

/* Its key: the option, else of the file given, else the variable; or, for the gateway of this
 * environment, the state directory's. Else empty. */
void sl_source_admin_key(const struct sl_options *o, char *out, size_t cap);

#endif
