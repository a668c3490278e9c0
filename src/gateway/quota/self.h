/* gateway/quota/self.h -- GET /v1/key and /v1/credits: what the calling key has used and
 * has left, in OpenRouter's shape.
 *
 * Private to the room; runs in BODY, which waits for the store. `usage_*` are sums of
 * usage rows, of days in UTC, read at most once in SL_SELF_KEEP_MS a key, and at most
 * SL_SELF_PAGES pages of them: the same for who asks ever so often.
 * Source   OpenRouter API reference: "Get current API key", "Get credits".
 */
#ifndef SL_GATEWAY_QUOTA_SELF_H
#define SL_GATEWAY_QUOTA_SELF_H

#include "gateway/req.h"

#define SL_SELF_KEEP_MS 10000
#define SL_SELF_PAGES 25
#define SL_SELF_MEMOS 64

struct sl_self_sums { /* micro-dollars */
    int64_t day, week, month;
};

struct sl_self_memo { /* of one key; another one's takes its place */
    uint64_t key;     /* keyed hash of tenant and id; 0: empty */
    uint64_t until_ms;
    struct sl_self_sums sums;
};

enum sl_state sl_self_begin(struct sl_req *r);
enum sl_state sl_self_go_on(struct sl_req *r); /* the store has answered: r->why */

#endif
