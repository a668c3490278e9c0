/* store/redis/resp.h -- arguments of commands as the bytes that Redis reads.
 *
 * Private to store/redis. Written once, where they are gathered, and copied once, into
 * the stream's queue. Source: RESP2, "Arrays of bulk strings": "$<length>CRLF<bytes>CRLF".
 */
#ifndef SL_STORE_REDIS_RESP_H
#define SL_STORE_REDIS_RESP_H

#include "base/grow.h"
#include "base/text.h"

#define SL_RESP_LENGTH 24 /* bytes at most of a length's line */

/* "<kind><n>CRLF", kind "$" or "*". */
void sl_resp_length(struct sl_text *t, char kind, size_t n);
/* One argument, the parts of it one behind the other; trouble is in g->err. */
void sl_resp_add(struct sl_grow *g, const struct sl_str *parts, size_t n);
void sl_resp_int(struct sl_grow *g, int64_t n);

#endif
