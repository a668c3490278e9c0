/* conf/builtin.h -- files that are part of the program. */
#ifndef SL_CONF_BUILTIN_H
#define SL_CONF_BUILTIN_H

#include "base/str.h"

struct sl_str sl_builtin_prices(void); /* conf/prices.yaml, as it was when this was built */

#endif
