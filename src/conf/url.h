/* conf/url.h -- a provider's base_url, taken apart. */
#ifndef SL_CONF_URL_H
#define SL_CONF_URL_H

#include "base/str.h"

struct sl_url { /* slices of the text given */
    bool tls;
    struct sl_str host;      /* without the brackets of an IPv6 address */
    struct sl_str authority; /* host, and the port where one is written that is not the default */
    uint16_t port;
    struct sl_str path; /* without slashes at its end; may be empty */
};

/* NULL: fine; else what is wrong, in words. */
SL_MUST const char *sl_url_parse(struct sl_str text, struct sl_url *out);
/* It is this very host by its name or address: nothing leaves it. */
bool sl_url_is_own_host(struct sl_str host);

#endif
