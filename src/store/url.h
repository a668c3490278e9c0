/* store/url.h -- where a Redis is: redis://, rediss://, unix://, redis+sentinel://.
 *
 *   redis://[user[:password]@]host[:port][/db]     also rediss:// (TLS)
 *   unix://[user[:password]@]/path[?db=N]
 *   redis+sentinel://[user[:password]@]host[:port],host[:port]/name[/db]   (26379)
 *                                                  also rediss+sentinel:// (TLS to all)
 *
 * User and password are percent-decoded; "redis://:pass@host" has a password only.
 * Both are the Redis's; a Sentinel that wants a password is given the same.
 */
#ifndef SL_STORE_URL_H
#define SL_STORE_URL_H

#include "base/err.h"

#define SL_REDIS_SENTINELS 8

struct sl_redis_host {
    char host[256]; /* name, address without brackets, or path */
    uint16_t port;  /* 0: unix socket */
};

struct sl_redis_url {
    bool tls;
    bool sentinel;
    char user[128], password[512], master[128];
    unsigned db;
    struct sl_redis_host at[SL_REDIS_SENTINELS];
    size_t n;
};

/* CONFIG with `why`. */
SL_MUST enum sl_err sl_redis_url_read(struct sl_str text, struct sl_redis_url *out, char *why,
                                      size_t cap);
/* Without secrets, for people. */
void sl_redis_url_show(const struct sl_redis_url *u, char *out, size_t cap);

#endif
