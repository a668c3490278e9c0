/* conf/builtin.c -- the build makes arrays of them. */
#include "conf/builtin.h"

#include "conf/prices.yaml.h"

struct sl_str sl_builtin_prices(void)
{
    return (struct sl_str){prices_yaml, sizeof(prices_yaml) - 1};
}
